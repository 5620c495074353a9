"""Newton's method where it converges by itself: logistic regression, and the fractal where it does not settle soon.

Logistic regression by Newton's method is iteratively reweighted least squares (Green, Journal of the Royal Statistical
Society B 46(2), 1984). It is stopped by the Newton decrement g' H^-1 g, twice the predicted decrease, which does not
depend on the units of the weights (Boyd & Vandenberghe, Convex Optimization, 2004, section 9.5). One step needs a pass
over all samples for the matrix and a solve that is small beside it.

The stationary points of Re(z^(d+1) / (d+1) - z) in the plane are the d-th roots of one, and Newton's method from a grid
of starts finds one or another of them in basins whose common boundary is fractal (Cayley, American Journal of
Mathematics 2(1), 1879, who solved the degree of two). Near that boundary the number of steps varies wildly from start
to start. There are no arrays inside: this kernel is complex arithmetic in registers, around a power by repeated
multiplication whose trip count is the degree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from . import logistic
from .dense import CHOLESKY, INNER, cholesky, cholesky_solve, inner
from .logistic import logistic_gradient, logistic_hessian


def newton_logistic(
    features: Floats, labels: Floats, weights: Floats, penalty: float, tolerance: float, limit: int
) -> tuple[float, int]:
    """Minimise the loss over `weights`, (width,), in place; return the last loss seen and the steps taken.

    `features` is (samples, width), `labels` (samples,) of -1.0 or 1.0. Ends when the squared Newton decrement is at
    most `tolerance`, or after `limit` steps. IndexError if an array is too short.
    """
    width = len(weights)
    gradient = np.zeros(width)
    step = np.zeros(width)
    hessian = np.zeros((width, width))
    factor = np.zeros((width, width))
    loss = 0.0
    for taken in range(limit):
        loss = logistic_gradient(features, labels, weights, penalty, gradient)
        logistic_hessian(features, weights, penalty, hessian)
        cholesky(hessian, 0.0, factor)
        cholesky_solve(factor, gradient, step)
        if inner(gradient, step) <= tolerance:
            return loss, taken
        for j in range(width):
            weights[j] = float(weights[j]) - float(step[j])
    return loss, limit


def newton_basins(real: Floats, imaginary: Floats, degree: int, tolerance: float, limit: int, counts: Indices) -> int:
    """Carry each point of (`real`, `imaginary`), (n,), in place to a root of z^degree = 1; return all steps together.

    `counts`, (n,), gets the steps of each point, `limit` for one that is not yet within `tolerance` of |z^degree - 1|.
    IndexError if an array is shorter than `real`; ZeroDivisionError for a point on the pole at zero.
    """
    total = 0
    for i in range(len(real)):
        x = float(real[i])
        y = float(imaginary[i])
        taken = limit
        for k in range(limit):
            u = 1.0
            v = 0.0
            for _ in range(degree - 1):
                turned = u * x - v * y
                v = u * y + v * x
                u = turned
            a = u * x - v * y - 1.0
            b = u * y + v * x
            if a * a + b * b <= tolerance * tolerance:
                taken = k
                break
            slope = degree * (u * u + v * v)
            x -= (a * u + b * v) / slope
            y -= (b * u - a * v) / slope
        real[i] = x
        imaginary[i] = y
        counts[i] = taken
        total += taken
    return total


def logistic_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Features (samples, width) and noisy labels; weights start at zero, ridge 0.01."""
    random = np.random.Generator(np.random.PCG64(seed))
    features, labels = logistic.draw(random, size["samples"], size["width"])
    return features, labels, np.zeros(size["width"]), 0.01, 1e-16, 50


def logistic_checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The gradient of a strictly convex loss vanishes at the minimum, and only there."""
    features, labels, _, penalty, _, limit = before
    return [
        Check(
            "gradient", logistic.gradient_of(features, labels, after[2], penalty), 0.0 * after[2], 1e-8, "optimality"
        ),
        Check("loss", result[0], logistic.loss_of(features, labels, after[2], penalty), 1e-12, "matrix form"),
        Check("steps that are too many", max(0, result[1] - limit // 4), 0, 0.0, "quadratic convergence"),
    ]


def basin_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`n` points of the square from -2 to 2, none within 0.05 of the pole; the roots of one of degree `degree`."""
    random = np.random.Generator(np.random.PCG64(seed))
    points = random.uniform(-2.0, 2.0, size["n"]) + 1j * random.uniform(-2.0, 2.0, size["n"])
    points[np.abs(points) < 0.05] = 0.5 + 0.5j
    counts = np.zeros(size["n"], np.int64)
    return points.real.copy(), points.imag.copy(), size["degree"], 1e-12, 200, counts


def basin_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Every point has become a root of one."""
    degree, limit = before[2], before[4]
    ends = after[0] + 1j * after[1]
    turns = np.round(np.angle(ends) * degree / (2.0 * np.pi))
    roots = np.exp(2j * np.pi * turns / degree)
    return [
        Check("real part", after[0], roots.real, 1e-10, "roots of one in closed form"),
        Check("imaginary part", after[1], roots.imag, 1e-10, "roots of one in closed form"),
        Check("points that did not arrive", np.count_nonzero(after[5] >= limit), 0, 0.0, "Newton's basins"),
        Check("steps", result, int(after[5].sum()), 0.0, "sum of the counts"),
    ]


KERNELS = (
    Kernel(
        name="newton_logistic",
        family="curvature",
        summary="Newton's method on ridge logistic regression, stopped by its decrement",
        units=(Unit(newton_logistic, ("steps", "weights")), logistic.GRADIENT, logistic.HESSIAN, *CHOLESKY, INNER),
        signature="Tuple((float64, int64))(float64[:, ::1], float64[::1], float64[::1], float64, float64, int64)",
        sizes={
            "small": {"samples": 120, "width": 8},
            "medium": {"samples": 8000, "width": 8},
            "large": {"samples": 80000, "width": 8},
        },
        inputs=logistic_inputs,
        checks=logistic_checks,
        bets={"constant_shapes": "the width, trip count of every loop inside the loop over samples"},
    ),
    Kernel(
        name="newton_basins",
        family="curvature",
        summary="Newton's method from many starts for the roots of one: fractal basins, uneven counts",
        units=(Unit(newton_basins, ("points", "steps", "factors of the power")),),
        signature="int64(float64[::1], float64[::1], int64, float64, int64, int64[::1])",
        sizes={
            "small": {"n": 2000, "degree": 5},
            "medium": {"n": 120000, "degree": 5},
            "large": {"n": 1200000, "degree": 5},
        },
        inputs=basin_inputs,
        checks=basin_checks,
        bets={},
    ),
)
