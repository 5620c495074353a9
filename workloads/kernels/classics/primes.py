"""Arithmetic modulo a number: chains of remainders, each of which waits for the one before.

Here a literal modulus shortens the latency of a division, which nothing else can hide (T. Granlund and P. Montgomery,
PLDI 1994).

The generator is the "minimal standard" of S. Park and K. Miller, Communications of the ACM 31, 1988, who publish what
it comes to from seed 1 after 10,000 steps: 1043618065. Modular powers are taken by squaring, as in Fermat's test, and
put to 561, the smallest number that deceives it.

The sieve of Eratosthenes has strides in place of divisions, and no bet pays on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...kernel import Check, Kernel, Unit


def lehmer(state: int, multiplier: int, modulus: int, steps: int) -> int:
    """The state after `steps` of Lehmer's generator; `multiplier` times `modulus` must stay below 2^63."""
    for _ in range(steps):
        state = multiplier * state % modulus
    return state


def lehmer_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The minimal standard generator from the state `seed`."""
    return seed, 16807, 2**31 - 1, size["steps"]


def lehmer_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Steps are one multiplication by a power of the multiplier; from 1, 10,000 of them end at a published state."""
    state, multiplier, modulus, steps = before
    return [
        Check("state", result, state * pow(multiplier, steps, modulus) % modulus, 0.0, "Python's modular power"),
        Check("constants", pow(multiplier, 10_000, modulus), 1043618065, 0.0, "Park and Miller 1988"),
    ]


def fermat_test(first: int, count: int, exponent: int, modulus: int) -> int:
    """How many of the `count` bases from `first` have base ** exponent = 1 modulo `modulus`, which is below 2^31."""
    passed = 0
    for base in range(first, first + count):
        if power_modulo(base, exponent, modulus) == 1:
            passed += 1
    return passed


def power_modulo(base: int, exponent: int, modulus: int) -> int:
    """base ** exponent modulo `modulus`, by squaring; exact for a modulus below 2^31."""
    square = base % modulus
    power = 1
    while exponent > 0:
        if exponent % 2 == 1:
            power = power * square % modulus
        square = square * square % modulus
        exponent //= 2
    return power


def fermat_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Bases of 2 and more against 561, the smallest Carmichael number."""
    random = np.random.Generator(np.random.PCG64(seed))
    return int(random.integers(2, 1000)), size["count"], 560, 561


def fermat_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Of a Carmichael number exactly the bases pass that share no factor with it (A. Korselt, 1899)."""
    first, count, _, modulus = before
    coprime = np.gcd(np.arange(first, first + count), modulus) == 1
    return [Check("bases that pass", result, int(coprime.sum()), 0.0, "Korselt's criterion")]


def sieve(composite: npt.NDArray[np.bool_], limit: int) -> int:
    """The number of primes below `limit`; marks the products in `composite`, (limit,), false at first."""
    found = 0
    for number in range(2, limit):
        if not composite[number]:
            found += 1
            for multiple in range(number * number, limit, number):
                composite[multiple] = True
    return found


def sieve_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A limit; the seed changes nothing."""
    return np.zeros(size["limit"], np.bool_), size["limit"]


def sieve_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Every number that is the product of two has its mark; the rest, published for powers of ten, is counted."""
    limit = before[1]
    products = np.zeros(limit, np.bool_)
    for factor in range(2, int(limit**0.5) + 1):
        products[factor * np.arange(factor, (limit - 1) // factor + 1)] = True
    published = {10**5: 9592}
    primes = published.get(limit, limit - 2 - int(products.sum()))
    return [
        Check("primes", result, primes, 0.0, "OEIS A006880, or the count of all that are no product"),
        Check("marks", after[0], products, 0.0, "all products of two factors"),
    ]


KERNELS = (
    Kernel(
        name="lehmer",
        family="classics",
        summary="Lehmer's random number generator",
        units=(Unit(lehmer, ("steps",)),),
        signature="int64(int64, int64, int64, int64)",
        sizes={"small": {"steps": 100000}, "medium": {"steps": 8000000}, "large": {"steps": 80000000}},
        inputs=lehmer_inputs,
        checks=lehmer_checks,
        bets={"constant_values": "the modulus is 2^31 - 1"},
    ),
    Kernel(
        name="fermat_test",
        family="classics",
        summary="Fermat's test of one number with many bases",
        units=(Unit(fermat_test, ("bases",)), Unit(power_modulo, ("bits of the exponent",))),
        signature="int64(int64, int64, int64, int64)",
        sizes={"small": {"count": 10000}, "medium": {"count": 400000}, "large": {"count": 4000000}},
        inputs=fermat_inputs,
        checks=fermat_checks,
        bets={"constant_values": "modulus and exponent: the squarings unroll, and no remainder divides"},
    ),
    Kernel(
        name="sieve",
        family="classics",
        summary="sieve of Eratosthenes: strides and marks, on which no bet pays",
        units=(Unit(sieve, ("numbers", "multiples")),),
        signature="int64(boolean[::1], int64)",
        sizes={"small": {"limit": 10**5}, "medium": {"limit": 3 * 10**6}, "large": {"limit": 3 * 10**7}},
        inputs=sieve_inputs,
        checks=sieve_checks,
        bets={},
    ),
)
