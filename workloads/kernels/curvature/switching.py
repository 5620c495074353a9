"""From first to second order: gradient descent until it stalls, then Newton's method.

Gradient descent is cheap per step and good at the beginning; its rate on a badly conditioned problem makes the end out
of reach. The switch is made on evidence, not on a schedule: when a window of steps has lowered the loss by less than a
given share while the gradient is not yet small, the first order has not converged and will not in reasonable time. The
Newton steps that follow are halved until the loss falls (Armijo, Pacific Journal of Mathematics 16(1), 1966), so that
switching too early costs time and not the answer. In a program this is a phase change: functions that were hot go cold
within one call, and others that were never called take all the time.

Badly scaled features make the problem ill-conditioned; the penalty is small. The check walks the descent again in
matrix form and must find the same step at which to switch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from . import logistic
from .dense import CHOLESKY, INNER, cholesky, cholesky_solve, inner
from .logistic import logistic_gradient, logistic_hessian


def guarded_newton(
    features: Floats, labels: Floats, weights: Floats, penalty: float, loss: float, gradient: Floats
) -> float:
    """Take a Newton step in place, halved until it lowers the loss from `loss`; return the new loss.

    `gradient`, (width,), is that at `weights`, (width,), before and after. `features` is (samples, width), `labels`
    (samples,). After 40 halvings the weights stay. IndexError if an array is too short.
    """
    width = len(weights)
    start = weights.copy()
    step = np.zeros(width)
    hessian = np.zeros((width, width))
    factor = np.zeros((width, width))
    logistic_hessian(features, weights, penalty, hessian)
    cholesky(hessian, 0.0, factor)
    cholesky_solve(factor, gradient, step)
    slope = inner(gradient, step)
    length = 1.0
    for _ in range(40):
        for j in range(width):
            weights[j] = float(start[j]) - length * float(step[j])
        reached = logistic_gradient(features, labels, weights, penalty, gradient)
        if reached <= loss - 1e-4 * length * slope:
            return reached
        length *= 0.5
    for j in range(width):
        weights[j] = float(start[j])
    return logistic_gradient(features, labels, weights, penalty, gradient)


def descend_then_newton(
    features: Floats,
    labels: Floats,
    weights: Floats,
    penalty: float,
    rate: float,
    window: int,
    share: float,
    tolerance: float,
    limit: int,
) -> tuple[float, int, int]:
    """Minimise in place over `weights`, (width,); return the loss, the descent steps and the Newton steps.

    Switches when `window` steps of descent lower the loss by less than `share` of it. Ends when |gradient| is at most
    `tolerance`, or after `limit` steps in all. `features` is (samples, width), `labels` (samples,) of -1.0 or 1.0.
    IndexError if an array is too short; ZeroDivisionError for an empty window.
    """
    gradient = np.zeros_like(weights)
    loss = logistic_gradient(features, labels, weights, penalty, gradient)
    mark = loss
    descents = 0
    newtons = 0
    stalled = False
    while descents + newtons < limit and math.sqrt(inner(gradient, gradient)) > tolerance:
        if stalled:
            loss = guarded_newton(features, labels, weights, penalty, loss, gradient)
            newtons += 1
        else:
            for j in range(len(weights)):
                weights[j] = float(weights[j]) - rate * float(gradient[j])
            loss = logistic_gradient(features, labels, weights, penalty, gradient)
            descents += 1
            if descents % window == 0:
                stalled = mark - loss < share * mark
                mark = loss
    return loss, descents, newtons


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Features on scales from 1 down to 0.05; the rate is one over the largest curvature possible."""
    random = np.random.Generator(np.random.PCG64(seed))
    features, labels = logistic.draw(random, size["samples"], size["width"])
    features = features * np.geomspace(1.0, 0.05, size["width"])
    steepest = 0.25 * float(np.linalg.eigvalsh(features.T @ features / len(features))[-1])
    rate = 1.0 / (steepest + 1e-4)
    return features, labels, np.zeros(size["width"]), 1e-4, rate, size["window"], 0.005, 1e-8, 2000


def checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The switch comes where the descent in matrix form stalls, and the end is the minimum."""
    features, labels, weights, penalty, rate, window, share, tolerance, limit = before
    mark = logistic.loss_of(features, labels, weights, penalty)
    for step in range(1, limit + 1):
        weights = weights - rate * logistic.gradient_of(features, labels, weights, penalty)
        if step % window == 0:
            reached = logistic.loss_of(features, labels, weights, penalty)
            if mark - reached < share * mark:
                break
            mark = reached
    left = logistic.gradient_of(features, labels, after[2], penalty)
    return [
        Check("gradient", left, 0.0 * left, 2.0 * tolerance, "optimality, in matrix form"),
        Check("loss", result[0], logistic.loss_of(features, labels, after[2], penalty), 1e-12, "matrix form"),
        Check("step of the switch", result[1], step, 0.0, "gradient descent in matrix form"),
        Check("Newton steps that are too many", max(0, result[2] - 12), 0, 0.0, "quadratic convergence"),
    ]


KERNELS = (
    Kernel(
        name="descend_then_newton",
        family="curvature",
        summary="gradient descent that switches to Newton's method when its progress stalls",
        units=(
            Unit(descend_then_newton, ("steps", "weights")),
            Unit(guarded_newton, ("halvings", "weights", "weights")),
            logistic.GRADIENT,
            logistic.HESSIAN,
            *CHOLESKY,
            INNER,
        ),
        signature=(
            "Tuple((float64, int64, int64))(float64[:, ::1], float64[::1], float64[::1], float64, float64, int64, "
            "float64, float64, int64)"
        ),
        sizes={
            "small": {"samples": 100, "width": 8, "window": 5},
            "medium": {"samples": 5000, "width": 8, "window": 5},
            "large": {"samples": 40000, "width": 8, "window": 5},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "the width, trip count of every loop inside the loops over samples"},
    ),
)
