"""Levenberg-Marquardt: many small fits of growth curves, each a loop of its own.

Least squares have a curvature that needs no second derivative, J' J, and damping its diagonal turns the step from
Gauss-Newton's towards the gradient's (Marquardt, Journal of the Society for Industrial and Applied Mathematics 11(2),
1963). A step that lowers the sum is kept and the damping divided by ten, another is dropped and the damping multiplied;
so every curve takes its own number of iterations.

The model is the logistic growth curve b1 / (1 + exp(b2 - b3 t)), whose fit to one data set is certified to eleven
digits by NIST (StRD, nonlinear regression, Rat42). One curve is a few hundred operations on matrices of three rows: the
loops are too short for any overhead, and their trip counts never change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .dense import CHOLESKY, cholesky, cholesky_solve


def growth_squares(times: Floats, sizes: Floats, curve: int, parameters: Floats) -> float:
    """The sum of squared residuals of row `curve` of `sizes`, (curves, points), at `parameters`, (3,).

    `times` is (points,). IndexError if an array is too short.
    """
    total = 0.0
    for k in range(len(times)):
        fading = math.exp(min(float(parameters[1]) - float(parameters[2]) * float(times[k]), 300.0))
        miss = float(sizes[curve, k]) - float(parameters[0]) / (1.0 + fading)
        total += miss * miss
    return total


def growth_normal(
    times: Floats, sizes: Floats, curve: int, parameters: Floats, gradient: Floats, normal: Floats
) -> None:
    """Write J' r into `gradient`, (3,), and the lower triangle of J' J into `normal`, (3, 3), for J the model's slopes.

    `times` is (points,), r the residuals of row `curve` of `sizes`, (curves, points), at `parameters`, (3,).
    IndexError if an array is too short.
    """
    slopes = np.zeros(3)
    for i in range(3):
        gradient[i] = 0.0
        for j in range(i + 1):
            normal[i, j] = 0.0
    for k in range(len(times)):
        fading = math.exp(min(float(parameters[1]) - float(parameters[2]) * float(times[k]), 300.0))
        share = 1.0 / (1.0 + fading)
        bend = float(parameters[0]) * fading * share * share
        slopes[0] = share
        slopes[1] = -bend
        slopes[2] = bend * float(times[k])
        miss = float(sizes[curve, k]) - float(parameters[0]) * share
        for i in range(3):
            slope = float(slopes[i])
            gradient[i] = float(gradient[i]) + slope * miss
            for j in range(i + 1):
                normal[i, j] = float(normal[i, j]) + slope * float(slopes[j])


def levenberg_marquardt(times: Floats, sizes: Floats, parameters: Floats, tolerance: float, limit: int) -> float:
    """Fit every row of `sizes`, (curves, points), in place into that of `parameters`, (curves, 3).

    `times` is (points,). Return the sum of squares of all fits. A fit ends when a step changes no parameter by more
    than `tolerance` of it, when damping passes 1e12, or after `limit` trials. IndexError if an array is too short.
    """
    gradient = np.zeros(3)
    step = np.zeros(3)
    here = np.zeros(3)
    trial = np.zeros(3)
    normal = np.zeros((3, 3))
    factor = np.zeros((3, 3))
    total = 0.0
    for curve in range(len(sizes)):
        for i in range(3):
            here[i] = float(parameters[curve, i])
        squares = growth_squares(times, sizes, curve, here)
        growth_normal(times, sizes, curve, here, gradient, normal)
        damping = 1e-3
        for _ in range(limit):
            for i in range(3):
                normal[i, i] = (1.0 + damping) * float(normal[i, i])
            cholesky(normal, 0.0, factor)
            cholesky_solve(factor, gradient, step)
            change = 0.0
            for i in range(3):
                normal[i, i] = float(normal[i, i]) / (1.0 + damping)
                trial[i] = float(here[i]) + float(step[i])
                change = max(change, abs(float(step[i])) / (abs(float(here[i])) + 1e-12))
            reached = growth_squares(times, sizes, curve, trial)
            if reached <= squares:
                squares = reached
                damping *= 0.1
                for i in range(3):
                    here[i] = float(trial[i])
                growth_normal(times, sizes, curve, here, gradient, normal)
            else:
                damping *= 10.0
            if change <= tolerance or damping > 1e12:
                break
        for i in range(3):
            parameters[curve, i] = float(here[i])
        total += squares
    return total


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`curves` noisy growth curves at 9 times; starts as far off as the certified set's first start."""
    random = np.random.Generator(np.random.PCG64(seed))
    curves = size["curves"]
    times = np.array([9.0, 14.0, 21.0, 28.0, 42.0, 57.0, 63.0, 70.0, 79.0])
    planted = np.array([70.0, 2.6, 0.067]) * random.uniform(0.9, 1.1, (curves, 3))
    sizes = planted[:, :1] / (1.0 + np.exp(planted[:, 1:2] - planted[:, 2:] * times))
    sizes += random.standard_normal((curves, 9))
    return times, sizes, np.tile(np.array([100.0, 1.0, 0.1]), (curves, 1)), 1e-10, 100


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """No Gauss-Newton step is left to take: the orthogonal solver of NumPy finds none."""
    times, sizes, *_ = before
    first, second, third = (after[2][:, i : i + 1] for i in range(3))
    share = 0.5 * (1.0 + np.tanh(0.5 * (third * times - second)))
    misses = sizes - first * share
    bend = first * share * (1.0 - share)
    slopes = np.stack([share, -bend, bend * times], axis=2)
    left = np.einsum("cip,cp->ci", np.linalg.pinv(slopes), misses) / after[2]
    return [
        Check("relative step left", left, 0.0 * left, 1e-7, "optimality, by the pseudo-inverse"),
        Check("squares", result, float(np.sum(misses**2)), 1e-9 * result, "vectorised"),
    ]


KERNELS = (
    Kernel(
        name="levenberg_marquardt",
        family="curvature",
        summary="Levenberg-Marquardt fits of many growth curves of three parameters",
        units=(
            Unit(
                levenberg_marquardt,
                ("curves", "parameters", "trials", "parameters", "parameters", "parameters", "parameters"),
            ),
            Unit(growth_squares, ("points",)),
            Unit(growth_normal, ("rows", "columns", "points", "rows", "columns")),
            *CHOLESKY,
        ),
        signature="float64(float64[::1], float64[:, ::1], float64[:, ::1], float64, int64)",
        sizes={"small": {"curves": 12}, "medium": {"curves": 1200}, "large": {"curves": 12000}},
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "the 3 rows of the normal matrix, and the points of a curve"},
    ),
)
