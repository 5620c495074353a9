"""Damped Newton for the analytic centre of a polytope: a step length from theory, and no line search.

The barrier -sum log(b - A x) is self-concordant. Then the step H^-1 g shortened by 1 / (1 + decrement) never leaves the
polytope and lowers the barrier by at least decrement - log(1 + decrement); below a decrement of 1/4 full steps converge
quadratically (Nesterov & Nemirovskii, Interior-Point Polynomial Algorithms in Convex Programming, 1994; Nesterov,
Introductory Lectures on Convex Optimization, 2004, section 4.1.5). So the number of damped steps is bounded in advance
by the gap of the start over 1/4 - log(5/4), a number that the check computes. A backtracking search would need a test
of feasibility in each trial and has no such bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .dense import CHOLESKY, INNER, cholesky, cholesky_solve, inner


def barrier_curvature(normals: Floats, bounds: Floats, point: Floats, gradient: Floats, hessian: Floats) -> float:
    """Write gradient (n,) and lower triangle of the Hessian (n, n) of the barrier at `point`, (n,); return its value.

    The polytope is `normals` x < `bounds`, (faces, n) and (faces,). ValueError for a point outside, ZeroDivisionError
    for one on the boundary, IndexError if an array is too short.
    """
    value = 0.0
    for i in range(len(point)):
        gradient[i] = 0.0
        for j in range(i + 1):
            hessian[i, j] = 0.0
    for face in range(len(normals)):
        slack = float(bounds[face])
        for i in range(len(point)):
            slack -= float(normals[face, i]) * float(point[i])
        if slack < 0.0:
            raise ValueError("a point outside the polytope")
        inverse = 1.0 / slack
        value -= math.log(slack)
        for i in range(len(point)):
            pull = inverse * float(normals[face, i])
            gradient[i] = float(gradient[i]) + pull
            for j in range(i + 1):
                hessian[i, j] = float(hessian[i, j]) + pull * inverse * float(normals[face, j])
    return value


def analytic_center(
    normals: Floats, bounds: Floats, point: Floats, tolerance: float, limit: int
) -> tuple[float, int, int]:
    """Move `point`, (n,), in place to the analytic centre; return the barrier's value, damped and full steps.

    The polytope is `normals` x < `bounds`, (faces, n) and (faces,), and must be bounded. Ends when the Newton
    decrement is at most `tolerance`, or after `limit` steps. ValueError if `point` is not inside; IndexError if an
    array is too short.
    """
    n = len(point)
    gradient = np.zeros(n)
    step = np.zeros(n)
    hessian = np.zeros((n, n))
    factor = np.zeros((n, n))
    value = 0.0
    damped = 0
    full = 0
    for _ in range(limit):
        value = barrier_curvature(normals, bounds, point, gradient, hessian)
        cholesky(hessian, 0.0, factor)
        cholesky_solve(factor, gradient, step)
        decrement = math.sqrt(inner(gradient, step))
        if decrement <= tolerance:
            break
        length = 1.0
        if decrement >= 0.25:
            length = 1.0 / (1.0 + decrement)
            damped += 1
        else:
            full += 1
        for i in range(n):
            point[i] = float(point[i]) - length * float(step[i])
    return value, damped, full


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A cube of `n` dimensions cut by random half-spaces, `faces` in all; a start near one of its corners."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, cuts = size["n"], size["faces"] - 2 * size["n"]
    normals = np.vstack([np.eye(n), -np.eye(n), random.standard_normal((cuts, n))])
    point = random.choice([-1.0, 1.0], n) * (1.0 - 1e-6)
    bounds = np.concatenate(
        [np.ones(2 * n), np.maximum(normals[2 * n :] @ point, 0.0) + random.uniform(0.1, 1.0, cuts)]
    )
    return normals, bounds, point, 1e-9, 200


def checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The barrier is stationary at the centre, and the damped steps keep the bound of self-concordance."""
    normals, bounds, start, _, _ = before
    slacks = bounds - normals @ after[2]
    gap = float(np.sum(np.log(slacks)) - np.sum(np.log(bounds - normals @ start)))
    most = gap / (0.25 - math.log(1.25))
    hessian = normals.T @ (normals / slacks[:, None] ** 2)
    offset = np.linalg.solve(hessian, normals.T @ (1.0 / slacks))
    return [
        Check("distance to the centre", offset, 0.0 * offset, 1e-8, "optimality: the sum of a / slack is zero"),
        Check("value", result[0], -float(np.sum(np.log(slacks))), 1e-9, "vectorised"),
        Check("damped steps above the bound", max(0.0, result[1] - most), 0.0, 0.0, "Nesterov 2004, section 4.1.5"),
        Check("full steps that are too many", max(0, result[2] - 6), 0, 0.0, "quadratic convergence"),
    ]


KERNELS = (
    Kernel(
        name="analytic_center",
        family="curvature",
        summary="damped Newton with the self-concordant step length for the centre of a polytope",
        units=(
            Unit(analytic_center, ("steps", "coordinates")),
            Unit(barrier_curvature, ("rows", "columns", "faces", "coordinates", "rows", "columns")),
            *CHOLESKY,
            INNER,
        ),
        signature="Tuple((float64, int64, int64))(float64[:, ::1], float64[::1], float64[::1], float64, int64)",
        sizes={
            "small": {"n": 4, "faces": 40},
            "medium": {"n": 8, "faces": 800},
            "large": {"n": 8, "faces": 8000},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "the dimension, trip count of every loop inside the loop over faces"},
    ),
)
