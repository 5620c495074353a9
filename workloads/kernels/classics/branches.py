"""Branches that real inputs never take: a slow path beside the fast one.

A vectoriser takes straight code. A call into the C library or an inner loop on the far side of a branch keeps the whole
loop scalar, though the branch is never taken (C. Chambers and D. Ungar, OOPSLA 1991, leave such code out until it is
needed). A side exit in its place is not enough, since an exit before a store keeps the loop scalar as well; but both
tests read inputs that the kernel does not write, so one pass beforehand can stand for all of them, and that pass is
vectorised. Both kernels have enough to do per element, or come back to it often enough, to pay for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def boltzmann_factors(energies: Floats, temperatures: Floats, factors: Floats) -> None:
    """Add exp(-energy / temperature), for each of `temperatures`, (m,), to `factors`; `energies` are (n,) as well.

    By Taylor's polynomial of degree 10 where the exponent is below a half in absolute value: there it is good to 2e-11
    of itself. Elsewhere by the C library.
    """
    for k in range(len(temperatures)):
        beta = 1.0 / float(temperatures[k])
        for i in range(len(energies)):
            x = -beta * float(energies[i])
            if abs(x) > 0.5:
                factors[i] += math.exp(x)
            else:
                high = 1.0 / 120.0 + x * (1.0 / 720.0 + x * (1.0 / 5040.0 + x * (1.0 / 40320.0 + x / 362880.0)))
                factors[i] += 1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * high))))


def boltzmann_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Energies in [0, 1] at temperatures from 2 to 10: no exponent beyond a half."""
    random = np.random.Generator(np.random.PCG64(seed))
    temperatures = np.linspace(2.0, 10.0, size["temperatures"])
    return random.uniform(0.0, 1.0, size["n"]), temperatures, np.zeros(size["n"])


def boltzmann_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The factors are those of numpy.exp, within the remainder of Taylor's polynomial."""
    energies, temperatures, _ = before
    factors = np.exp(-energies[:, None] / temperatures).sum(axis=1)
    remainder = 0.5**10 / math.factorial(10) * len(temperatures)
    return [Check("factors", after[2], factors, remainder, "numpy.exp and the remainder of the series")]


def calibrate(readings: Floats, gains: Floats, bends: Floats, mean: Floats) -> int:
    """Write the mean of gain x + bend x^2 over `gains` and `bends`, (draws,), to `mean`, for each of `readings`, (n,).

    A missing reading, NaN, takes the last before it that is there; those before the first stay zero. Returns how often
    one was missing.
    """
    missing = 0
    for i in range(len(mean)):
        mean[i] = 0.0
    for k in range(len(gains)):
        gain, bend = float(gains[k]) / len(gains), float(bends[k]) / len(gains)
        for i in range(len(readings)):
            x = float(readings[i])
            if x != x:
                missing += 1
                x = last_present(readings, i)
            mean[i] = float(mean[i]) + x * (gain + bend * x)
    return missing


def last_present(readings: Floats, i: int) -> float:
    """The last of `readings`, (n,), before place `i` that is not NaN, or zero."""
    while i > 0:
        i -= 1
        x = float(readings[i])
        if x == x:
            return x
    return 0.0


def calibrate_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Readings around 20 of which none is missing, and uncertain coefficients of the correction."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, draws = size["n"], size["draws"]
    readings = random.normal(20.0, 1.0, n)
    return readings, random.normal(1.02, 0.01, draws), random.normal(-0.001, 0.0001, draws), np.zeros(n)


def calibrate_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The mean of parabolas is the parabola with mean coefficients, here in its vertex form."""
    readings, gains, bends, _ = before
    gain, bend = float(gains.mean()), float(bends.mean())
    vertex = -gain / (2.0 * bend)
    parabola = bend * (readings - vertex) ** 2 - bend * vertex**2
    return [
        Check("mean", after[3], parabola, 1e-9, "mean coefficients, vertex form of the parabola"),
        Check("missing", result, len(gains) * int(np.isnan(readings).sum()), 0.0, "numpy.isnan"),
    ]


KERNELS = (
    Kernel(
        name="boltzmann_factors",
        family="classics",
        summary="sums of exponentials by a polynomial, with the C library for what is out of its range",
        units=(Unit(boltzmann_factors, ("temperatures", "energies")),),
        signature="none(float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"n": 1000, "temperatures": 20},
            "medium": {"n": 20000, "temperatures": 60},
            "large": {"n": 20000, "temperatures": 600},
        },
        inputs=boltzmann_inputs,
        checks=boltzmann_checks,
        bets={"cold_branches": "no exponent beyond a half, as the extremes of energies and temperatures show"},
    ),
    Kernel(
        name="calibrate",
        family="classics",
        summary="correct readings, of which some could be missing, under many draws of the calibration",
        units=(
            Unit(calibrate, ("places", "draws", "readings")),
            Unit(last_present, ("readings before a missing one",)),
        ),
        signature="int64(float64[::1], float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"n": 2000, "draws": 20},
            "medium": {"n": 20000, "draws": 150},
            "large": {"n": 20000, "draws": 1500},
        },
        inputs=calibrate_inputs,
        checks=calibrate_checks,
        bets={"cold_branches": "no reading is missing; readings are not written, so one pass tells for all draws"},
    ),
)
