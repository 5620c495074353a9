"""Polynomials and powers: a degree or an exponent that is the same in every call.

Horner's rule and Clenshaw's recurrence (C. Clenshaw, Mathematical Tables and Other Aids to Computation 9, 1955) run a
short dependent loop per point. With the degree known it is unrolled, the coefficients stay in registers and the loop
over the points is vectorised.

An integer power with an unknown exponent is a loop of squarings, with a known one three or four multiplications, in
arithmetic that has no rounding: a constant exponent is then a bet that changes no bit. Of floats this is not so. The
power law `x ** p` holds its exponent just as constant, yet a product or a square root in place of the C library's `pow`
rounds some results differently, so the call has to stay and nothing is gained: it declares no bet.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def horner(points: Floats, coefficients: Floats, values: Floats) -> None:
    """Write the polynomial with `coefficients`, (degree + 1,), highest first, at `points`, (n,), to `values`."""
    for i in range(len(points)):
        x = float(points[i])
        value = 0.0
        for k in range(len(coefficients)):
            value = value * x + float(coefficients[k])
        values[i] = value


def horner_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Points in [-1, 1] and random coefficients."""
    random = np.random.Generator(np.random.PCG64(seed))
    points = random.uniform(-1.0, 1.0, size["n"])
    return points, random.normal(size=size["degree"] + 1), np.zeros(size["n"])


def horner_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The values are those of the powers, weighed and summed."""
    points, coefficients, _ = before
    values = np.vander(points, len(coefficients)) @ coefficients
    return [Check("values", after[2], values, 1e-13, "Vandermonde matrix")]


def clenshaw(points: Floats, coefficients: Floats, values: Floats) -> None:
    """Write the Chebyshev series with `coefficients`, (degree + 1,), lowest first, at `points`, (n,), to `values`."""
    for i in range(len(points)):
        x = float(points[i])
        one, two = 0.0, 0.0
        for k in range(len(coefficients) - 1, 0, -1):
            one, two = 2.0 * x * one - two + float(coefficients[k]), one
        values[i] = x * one - two + float(coefficients[0])


def clenshaw_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Points in [-1, 1] and random coefficients."""
    random = np.random.Generator(np.random.PCG64(seed))
    points = random.uniform(-1.0, 1.0, size["n"])
    return points, random.normal(size=size["degree"] + 1), np.zeros(size["n"])


def clenshaw_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The k-th Chebyshev polynomial at x is cos(k arccos x)."""
    points, coefficients, _ = before
    values = np.cos(np.outer(np.arccos(points), np.arange(len(coefficients)))) @ coefficients
    return [Check("values", after[2], values, 1e-12, "cosines of multiples of the angle")]


def power_sums(limits: Indices, exponent: int, sums: Indices) -> None:
    """Write 1^p + 2^p + ... + m^p, p being `exponent`, to `sums` for each m of `limits`, both (n,).

    The caller sees to it that the sums fit in 64 bits.
    """
    for which in range(len(limits)):
        total = 0
        for number in range(1, int(limits[which]) + 1):
            total += number**exponent
        sums[which] = total


def power_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Limits up to 200, so that sums of fifth powers stay below 2^44."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.integers(1, 200, size["n"]), size["exponent"], np.zeros(size["n"], np.int64)


def power_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Faulhaber's formula with Bernoulli numbers gives each sum, exactly."""
    limits, exponent, _ = before
    known = {m: _faulhaber(m, exponent) for m in np.unique(limits).tolist()}
    return [Check("sums", after[2], [known[m] for m in limits.tolist()], 0.0, "Faulhaber's formula")]


def _faulhaber(limit: int, exponent: int) -> int:
    bernoulli = [Fraction(1)]
    for m in range(1, exponent + 1):
        bernoulli.append(-sum((comb(m + 1, k) * bernoulli[k] for k in range(m)), Fraction(0)) / (m + 1))
    bernoulli[1] = Fraction(1, 2)
    terms = (comb(exponent + 1, k) * bernoulli[k] * limit ** (exponent + 1 - k) for k in range(exponent + 1))
    return int(sum(terms, Fraction(0)) / (exponent + 1))


def power_law(values: Floats, exponent: float, scaled: Floats, sweeps: int) -> float:
    """Write `values` to the power of `exponent` to `scaled`, both (n,), `sweeps` times; return the sum of the last."""
    total = 0.0
    for _ in range(sweeps):
        total = 0.0
        for i in range(len(values)):
            power = float(values[i]) ** exponent
            scaled[i] = power
            total += power
    return total


def law_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Values in [0.1, 10] and the exponent 1.5, of Child's law and of Kepler's third."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(0.1, 10.0, size["n"]), 1.5, np.zeros(size["n"]), size["sweeps"]


def law_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """x to the power of 3/2 is x times its square root."""
    powers = before[0] * np.sqrt(before[0])
    return [
        Check("powers", after[2], powers, 1e-13, "x sqrt(x)"),
        Check("sum", result, float(powers.sum()), 1e-10 * len(powers), "x sqrt(x)"),
    ]


KERNELS = (
    Kernel(
        name="horner",
        family="classics",
        summary="a polynomial at many points by Horner's rule",
        units=(Unit(horner, ("points", "coefficients")),),
        signature="none(float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"n": 10000, "degree": 8},
            "medium": {"n": 400000, "degree": 8},
            "large": {"n": 4000000, "degree": 8},
        },
        inputs=horner_inputs,
        checks=horner_checks,
        bets={"constant_shapes": "9 coefficients"},
    ),
    Kernel(
        name="clenshaw",
        family="classics",
        summary="a Chebyshev series at many points by Clenshaw's recurrence",
        units=(Unit(clenshaw, ("points", "coefficients from the last")),),
        signature="none(float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"n": 6000, "degree": 12},
            "medium": {"n": 300000, "degree": 12},
            "large": {"n": 3000000, "degree": 12},
        },
        inputs=clenshaw_inputs,
        checks=clenshaw_checks,
        bets={"constant_shapes": "13 coefficients"},
    ),
    Kernel(
        name="power_sums",
        family="classics",
        summary="sums of integer powers with one exponent",
        units=(Unit(power_sums, ("limits", "numbers")),),
        signature="none(int64[::1], int64, int64[::1])",
        sizes={
            "small": {"n": 2000, "exponent": 5},
            "medium": {"n": 70000, "exponent": 5},
            "large": {"n": 700000, "exponent": 5},
        },
        inputs=power_inputs,
        checks=power_checks,
        bets={"constant_values": "the exponent is 5: three multiplications in place of a loop of squarings"},
    ),
    Kernel(
        name="power_law",
        family="classics",
        summary="x ** 1.5: the constant exponent cannot be folded to the last bit, so no bet pays",
        units=(Unit(power_law, ("sweeps", "values")),),
        signature="float64(float64[::1], float64, float64[::1], int64)",
        sizes={
            "small": {"n": 2000, "sweeps": 40},
            "medium": {"n": 50000, "sweeps": 80},
            "large": {"n": 50000, "sweeps": 800},
        },
        inputs=law_inputs,
        checks=law_checks,
        bets={},
    ),
)
