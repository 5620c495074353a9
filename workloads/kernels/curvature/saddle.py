"""Trust-region Newton from a saddle: the top eigenvector as the minimum of a function that is not convex.

The function |x x' - M|^2 / 4 has as stationary points zero and +-sqrt(l) v for every eigenpair (l, v) of M with l > 0.
All are strict saddles but the pair of the largest l, which is the minimum, of value (|M|^2 - l^2) / 4 (Eckart & Young,
Psychometrika 1(3), 1936, for the value; the factored form is that of Burer & Monteiro, Mathematical Programming 95,
2003). Newton's method without a region goes to whatever saddle is near; the region's step leaves even a saddle on which
it starts, along the lowest eigenvector. Steps are kept and radii changed by the usual ratio of the actual to the
predicted decrease (Conn, Gould & Toint, Trust-Region Methods, 2000, algorithm 6.1.1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .dense import CHOLESKY, INNER, inner
from .trust_region import STEP, symmetric, trust_region_step


def rank_one_slope(matrix: Floats, position: Floats, gradient: Floats, hessian: Floats) -> None:
    """Write gradient (n,) and Hessian (n, n) of |x x' - M|^2 / 4 at `position`, (n,), for a symmetric `matrix` (n, n).

    IndexError if an array is smaller than `position`.
    """
    n = len(position)
    square = inner(position, position)
    for i in range(n):
        here = float(position[i])
        slope = square * here
        for j in range(n):
            element = float(matrix[i, j])
            slope -= element * float(position[j])
            hessian[i, j] = 2.0 * here * float(position[j]) - element
        hessian[i, i] = float(hessian[i, i]) + square
        gradient[i] = slope


def rank_one_loss(matrix: Floats, position: Floats, step: Floats) -> float:
    """The value |y y' - M|^2 / 4 at y = `position` + `step`, both (n,); `matrix` is (n, n)."""
    loss = 0.0
    for i in range(len(position)):
        here = float(position[i]) + float(step[i])
        for j in range(len(position)):
            miss = here * (float(position[j]) + float(step[j])) - float(matrix[i, j])
            loss += 0.25 * miss * miss
    return loss


def trust_region_newton(
    matrix: Floats, position: Floats, radius: float, tolerance: float, limit: int
) -> tuple[float, int, int]:
    """Move `position`, (n,), in place to sqrt(l) v for the largest eigenpair of `matrix`, (n, n) and symmetric.

    Return the value, the steps taken and those refused. Ends after a step whose predicted decrease is at most
    `tolerance`, or after `limit` trials. IndexError if `matrix` is smaller than `position`.
    """
    n = len(position)
    gradient = np.zeros(n)
    hessian = np.zeros((n, n))
    step = np.zeros(n)
    value = rank_one_loss(matrix, position, step)
    rank_one_slope(matrix, position, gradient, hessian)
    taken = 0
    refused = 0
    for _ in range(limit):
        multiplier = trust_region_step(gradient, hessian, radius, step)
        square = inner(step, step)
        predicted = 0.5 * (multiplier * square - inner(gradient, step))
        trial = rank_one_loss(matrix, position, step)
        if predicted > tolerance and value - trial < 0.1 * predicted:
            refused += 1
            radius = 0.25 * math.sqrt(square)
            continue
        if value - trial > 0.75 * predicted and multiplier > 0.0:
            radius = 2.0 * radius
        taken += 1
        value = trial
        for i in range(n):
            position[i] = float(position[i]) + float(step[i])
        if predicted <= tolerance:
            break
        rank_one_slope(matrix, position, gradient, hessian)
    return value, taken, refused


def newton_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A matrix of `n` rows with eigenvalues from 4 down to -1; a start at zero, or for odd seeds at the second pair."""
    random = np.random.Generator(np.random.PCG64(seed))
    eigenvalues = np.concatenate([[4.0], np.linspace(3.0, -1.0, size["n"] - 1)])
    matrix, vectors = symmetric(random, eigenvalues)
    position = np.sqrt(3.0) * vectors[:, 1] if seed % 2 else np.zeros(size["n"])
    return matrix, np.ascontiguousarray(position), 4.0, 1e-10, 200


def newton_checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The minimum is the largest eigenpair, up to its sign."""
    eigenvalues, vectors = np.linalg.eigh(before[0])
    top = np.sqrt(eigenvalues[-1]) * vectors[:, -1]
    value = 0.25 * float(np.sum(eigenvalues[:-1] ** 2))
    return [
        Check("position", after[1] * np.sign(after[1] @ top), top, 1e-8, "numpy.linalg.eigh"),
        Check("value", result[0], value, 1e-10 * (1.0 + value), "the eigenvalues"),
    ]


KERNELS = (
    Kernel(
        name="trust_region_newton",
        family="curvature",
        summary="trust-region Newton from a saddle to the largest eigenpair as a rank-one fit",
        units=(
            Unit(trust_region_newton, ("trials", "coordinates")),
            Unit(rank_one_slope, ("rows", "columns")),
            Unit(rank_one_loss, ("rows", "columns")),
            *STEP,
            *CHOLESKY,
            INNER,
        ),
        signature="Tuple((float64, int64, int64))(float64[:, ::1], float64[::1], float64, float64, int64)",
        sizes={"small": {"n": 12}, "medium": {"n": 72}, "large": {"n": 160}},
        inputs=newton_inputs,
        checks=newton_checks,
        bets={},
    ),
)
