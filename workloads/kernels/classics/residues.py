"""Remainders, digits and buckets: integer division by a number that never changes.

Division by an unknown number takes a divider 10 to 40 cycles; by a known one it is a multiplication and a shift
(T. Granlund and P. Montgomery, PLDI 1994). Loops over remainders therefore run several times as fast once their divisor
is a literal.

The hash is a multiply and xorshift finalizer of 32 bits, with constants of low bias listed by C. Wellons'
hash-prospector (2022), and masked after each multiplication, since a Python integer does not wrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Indices


def hash_buckets(keys: Indices, buckets: int, chosen: Indices) -> None:
    """Write to `chosen` the bucket, in [0, buckets), of each of `keys`, in [0, 2^31), both (n,)."""
    for i in range(len(keys)):
        chosen[i] = mixed(int(keys[i])) % buckets


def mixed(key: int) -> int:
    """The 32-bit hash of a `key` in [0, 2^32)."""
    key ^= key >> 16
    key = (key * 0x21F0AAAD) & 0xFFFFFFFF
    key ^= key >> 15
    key = (key * 0x735A2D97) & 0xFFFFFFFF
    return key ^ (key >> 15)


def hash_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Random keys and 1009 buckets, a prime."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.integers(0, 2**31, size["n"]), 1009, np.zeros(size["n"], np.int64)


def hash_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The same in NumPy's wrapping 32-bit arithmetic."""
    keys = before[0].astype(np.uint32)
    keys = (keys ^ (keys >> 16)) * np.uint32(0x21F0AAAD)
    keys = (keys ^ (keys >> 15)) * np.uint32(0x735A2D97)
    chosen = (keys ^ (keys >> 15)) % np.uint32(before[1])
    return [Check("buckets", after[2], chosen, 0.0, "numpy uint32 arithmetic, which wraps")]


def residue_table(count: int, divisor: int, sums: Indices) -> None:
    """Add to each `sums[r]`, shape (divisor,), the numbers below `count` with that remainder."""
    for number in range(count):
        sums[number % divisor] += number


def residue_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Numbers below about `n`, and the divisor 7."""
    random = np.random.Generator(np.random.PCG64(seed))
    return size["n"] + int(random.integers(0, 1000)), 7, np.zeros(7, np.int64)


def residue_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Each class is an arithmetic progression."""
    count, divisor, _ = before
    lengths = [(count - r + divisor - 1) // divisor for r in range(divisor)]
    sums = [m * r + divisor * m * (m - 1) // 2 for r, m in enumerate(lengths)]
    return [Check("sums", after[2], sums, 0.0, "arithmetic progressions")]


def digit_sums(numbers: Indices, base: int, sums: Indices) -> None:
    """Write the sum of the digits of each of `numbers`, non-negative, to `sums`, both (n,)."""
    for i in range(len(numbers)):
        number = int(numbers[i])
        total = 0
        while number > 0:
            total += number % base
            number //= base
        sums[i] = total


def digit_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Numbers below 10^6, in base 10."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.integers(0, 10**6, size["n"]), 10, np.zeros(size["n"], np.int64)


def digit_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The sums are those of the digits as printed."""
    sums = [sum(map(int, str(number))) for number in before[0].tolist()]
    return [Check("sums", after[2], sums, 0.0, "decimal notation")]


KERNELS = (
    Kernel(
        name="hash_buckets",
        family="classics",
        summary="hash integers into buckets",
        units=(Unit(hash_buckets, ("keys",)), Unit(mixed)),
        signature="none(int64[::1], int64, int64[::1])",
        sizes={"small": {"n": 20000}, "medium": {"n": 1000000}, "large": {"n": 10000000}},
        inputs=hash_inputs,
        checks=hash_checks,
        bets={"constant_values": "1009 buckets: the remainder is by a literal"},
    ),
    Kernel(
        name="residue_table",
        family="classics",
        summary="sums of the numbers in each residue class",
        units=(Unit(residue_table, ("numbers",)),),
        signature="none(int64, int64, int64[::1])",
        sizes={"small": {"n": 80000}, "medium": {"n": 5000000}, "large": {"n": 50000000}},
        inputs=residue_inputs,
        checks=residue_checks,
        bets={"constant_values": "the divisor is 7"},
    ),
    Kernel(
        name="digit_sums",
        family="classics",
        summary="sums of decimal digits",
        units=(Unit(digit_sums, ("numbers", "digits")),),
        signature="none(int64[::1], int64, int64[::1])",
        sizes={"small": {"n": 20000}, "medium": {"n": 1000000}, "large": {"n": 10000000}},
        inputs=digit_inputs,
        checks=digit_checks,
        bets={"constant_values": "the base is 10"},
    ),
)
