"""The step of trust-region Newton, solved exactly: the minimum of an indefinite quadratic model in a ball.

It is p = -(H + m I)^-1 g with the m >= 0 that makes H + m I positive semidefinite and |p| the radius, and m is found by
Newton's method on 1 / |p(m)|, which is nearly linear in m, within a bracket that failed factorisations and too short
steps narrow (Moré & Sorensen, SIAM Journal on Scientific and Statistical Computing 4(3), 1983; the bracket from discs
as in Conn, Gould & Toint, Trust-Region Methods, 2000, section 7.3). Where g has no part along the lowest eigenvector,
the "hard case", no m gives that length, and a multiple of the eigenvector is added, which inverse iteration on the last
factor yields. Steihaug's cheaper truncation is what `newton_cg` stands for; it would stop dead at a saddle, where g is
zero.

The conditions checked, stationarity, complementarity and no negative curvature left, are necessary and sufficient for
the global minimum in the ball, so the check needs no second solver.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .dense import CHOLESKY, INNER, cholesky, cholesky_solve, inner

ROUNDS = 100
"""Trials of a multiplier: Newton needs about five, a bracket halved geometrically about fifty."""


def along_lowest(factor: Floats, step: Floats, radius: float) -> None:
    """Lengthen `step`, (n,), shorter than `radius`, to it along the lowest eigenvector of L L', L = `factor`, (n, n).

    IndexError if `factor` is smaller.
    """
    n = len(step)
    lowest = np.zeros(n)
    for i in range(n):
        lowest[i] = 1.0 / (1.0 + i)
    for _ in range(4):
        cholesky_solve(factor, lowest, lowest)
        scale = 1.0 / math.sqrt(inner(lowest, lowest))
        for i in range(n):
            lowest[i] = scale * float(lowest[i])
    along = inner(step, lowest)
    missing = radius * radius - inner(step, step)
    reach = math.sqrt(along * along + missing)
    length = missing / (along + reach) if along >= 0.0 else missing / (along - reach)
    for i in range(n):
        step[i] = float(step[i]) + length * float(lowest[i])


def lower_square(factor: Floats, right: Floats, scratch: Floats) -> float:
    """The square of L^-1 `right`, (n,), for L the lower triangle of `factor` (n, n); `scratch` is (n,).

    IndexError if an array is smaller than `right`; ZeroDivisionError for a zero pivot.
    """
    total = 0.0
    for i in range(len(right)):
        rest = float(right[i])
        for j in range(i):
            rest -= float(factor[i, j]) * float(scratch[j])
        rest /= float(factor[i, i])
        scratch[i] = rest
        total += rest * rest
    return total


def multiplier_bounds(hessian: Floats, slope: float) -> tuple[float, float]:
    """An interval for the multiplier, from Gershgorin's discs of `hessian`, (n, n); `slope` is |g| / radius."""
    low = 0.0
    least = 0.0
    most = 0.0
    for i in range(len(hessian)):
        center = float(hessian[i, i])
        disc = -abs(center)
        for j in range(len(hessian)):
            disc += abs(float(hessian[i, j]))
        least = min(least, center - disc)
        most = max(most, center + disc)
        low = max(low, -center)
    low = max(low, slope - most)
    return low, max(low, slope - least)


def trust_region_step(gradient: Floats, hessian: Floats, radius: float, step: Floats) -> float:
    """Write the minimiser of g' p + p' H p / 2 over |p| <= `radius` into `step`; return its multiplier.

    `gradient` and `step` have shape (n,), `hessian` (n, n) is symmetric and read whole. IndexError if one is smaller
    than `gradient`; ZeroDivisionError for radius zero.
    """
    n = len(gradient)
    factor = np.zeros((n, n))
    scratch = np.zeros(n)
    low, high = multiplier_bounds(hessian, math.sqrt(inner(gradient, gradient)) / radius)
    multiplier = low
    for _ in range(ROUNDS):
        guess = -1.0
        if cholesky(hessian, multiplier, factor) < n:
            low = multiplier
        else:
            cholesky_solve(factor, gradient, step)
            square = inner(step, step)
            length = math.sqrt(square)
            if abs(length - radius) <= 1e-12 * radius or (length < radius and multiplier == 0.0):
                high = multiplier
                low = multiplier
                break
            if length < radius:
                high = multiplier
            else:
                low = multiplier
            if square > 0.0:
                curved = square / lower_square(factor, step, scratch)
                guess = multiplier + curved * (length - radius) / radius
        if high - low <= 1e-15 * high:
            break
        multiplier = guess if low < guess < high else max(math.sqrt(low * high), low + 0.01 * (high - low))
    slack = 1e-15 * (1.0 + high)
    while cholesky(hessian, high, factor) < n:
        high += slack
        slack *= 2.0
    cholesky_solve(factor, gradient, step)
    for i in range(n):
        step[i] = -float(step[i])
    if high > 0.0 and inner(step, step) < (1.0 - 1e-12) * radius * radius:
        along_lowest(factor, step, radius)
    return high


def symmetric(random: np.random.Generator, eigenvalues: Floats) -> tuple[Floats, Floats]:
    """A symmetric matrix of these eigenvalues, (n,), with random eigenvectors; and these, as columns."""
    vectors, _ = np.linalg.qr(random.standard_normal((len(eigenvalues), len(eigenvalues))))
    matrix = (vectors * eigenvalues) @ vectors.T
    return 0.5 * (matrix + matrix.T), vectors


def step_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """An indefinite matrix of `n` rows with eigenvalues from -1 to 3, a gradient and radius 1; even seeds are hard."""
    random = np.random.Generator(np.random.PCG64(seed))
    hessian, vectors = symmetric(random, np.linspace(-1.0, 3.0, size["n"]))
    gradient = random.standard_normal(size["n"])
    if seed % 2 == 0:
        gradient -= (gradient @ vectors[:, 0]) * vectors[:, 0]
        gradient *= 0.01
    return gradient, hessian, 1.0, np.zeros(size["n"])


def step_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The conditions that are necessary and sufficient for the minimum in the ball."""
    gradient, hessian, radius, _ = before
    step = after[3]
    lowest = float(np.linalg.eigvalsh(hessian)[0])
    length = float(np.linalg.norm(step))
    source = "Moré & Sorensen 1983, lemma 2.1"
    return [
        Check("stationarity", hessian @ step + result * step, -gradient, 1e-9, source),
        Check("complementarity", result * (length - radius), 0.0, 1e-9, source),
        Check("length beyond the radius", max(0.0, length - radius), 0.0, 1e-9, source),
        Check("negative curvature left", min(0.0, lowest + result), 0.0, 1e-9, source),
    ]


STEP = (
    Unit(trust_region_step, ("trials", "shifts", "elements")),
    Unit(multiplier_bounds, ("rows", "columns")),
    Unit(along_lowest, ("elements", "inverse iterations", "elements", "elements")),
    Unit(lower_square, ("rows", "columns")),
)

KERNELS = (
    Kernel(
        name="trust_region_step",
        family="curvature",
        summary="the exact minimiser of an indefinite quadratic model in a ball, hard case included",
        units=(*STEP, *CHOLESKY, INNER),
        signature="float64(float64[::1], float64[:, ::1], float64, float64[::1])",
        sizes={"small": {"n": 30}, "medium": {"n": 180}, "large": {"n": 400}},
        inputs=step_inputs,
        checks=step_checks,
        bets={},
    ),
)
