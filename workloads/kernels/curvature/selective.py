"""Selective updates by g^2 / F: only the weights that promise something are touched.

To second order a step on one weight alone lowers the loss by g^2 / (2 F), F being its curvature, here the diagonal
Fisher information plus the ridge. Taking only weights whose promise is within a share of the best is coordinate descent
by the Gauss-Southwell rule in its scaled form (Nutini, Schmidt, Laradji, Friedlander & Koepke, ICML 2015, where g^2 / L
ranks the coordinates), relaxed to several at once as in Scherrer, Halappanavar, Tewari & Haglin, ICML 2012. Weights of
features that carry nothing stay near where they were, which is the point where updates are dear: they must be sent, or
stored, or would disturb what was learned before (see `consolidation`).

Steps taken together can overshoot where features are correlated, which `rate` below one absorbs. `selective_step` is
one such update with a fixed threshold, over as many weights as a network has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from . import logistic
from .logistic import logistic_fisher, logistic_gradient


def selective_step(
    weights: Floats, gradient: Floats, fisher: Floats, damping: float, threshold: float, rate: float
) -> int:
    """Step in place along g / (F + `damping`) where g^2 / (F + `damping`) is above `threshold`; return in how many.

    All arrays are (n,). IndexError if one is shorter than `weights`; ZeroDivisionError where F and damping are zero.
    """
    count = 0
    for i in range(len(weights)):
        slope = float(gradient[i])
        step = slope / (float(fisher[i]) + damping)
        if slope * step > threshold:
            weights[i] = float(weights[i]) - rate * step
            count += 1
    return count


def best_promise(gradient: Floats, fisher: Floats, damping: float) -> float:
    """The largest g^2 / (F + `damping`) over arrays of shape (n,)."""
    best = 0.0
    for i in range(len(gradient)):
        slope = float(gradient[i])
        best = max(best, slope * slope / (float(fisher[i]) + damping))
    return best


def selective_descent(
    features: Floats,
    labels: Floats,
    weights: Floats,
    penalty: float,
    share: float,
    rate: float,
    steps: int,
    updates: Indices,
) -> tuple[float, int]:
    """Minimise the logistic loss in place over `weights`, (width,); return the last loss seen and all updates.

    A step updates the weights whose promise is above `share` times the best; `updates`, (steps,), gets how many.
    `features` is (samples, width), `labels` (samples,) of -1.0 or 1.0. IndexError if an array is too short.
    """
    gradient = np.zeros_like(weights)
    fisher = np.zeros_like(weights)
    loss = 0.0
    total = 0
    for step in range(steps):
        loss = logistic_gradient(features, labels, weights, penalty, gradient)
        logistic_fisher(features, weights, fisher)
        threshold = share * best_promise(gradient, fisher, penalty)
        count = selective_step(weights, gradient, fisher, penalty, threshold, rate)
        updates[step] = count
        total += count
    return loss, total


def step_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`n` weights, gradients of very different magnitudes, their Fisher information; about a quarter is updated."""
    random = np.random.Generator(np.random.PCG64(seed))
    gradient = random.standard_normal(size["n"]) * np.exp(random.standard_normal(size["n"]))
    fisher = random.standard_exponential(size["n"])
    return random.standard_normal(size["n"]), gradient, fisher, 0.01, 4.0, 0.1


def step_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The step in vectorised form, by a mask."""
    weights, gradient, fisher, damping, threshold, rate = before
    chosen = gradient**2 > threshold * (fisher + damping)
    moved = weights - np.where(chosen, rate * gradient / (fisher + damping), 0.0)
    return [
        Check("weights", after[0], moved, 1e-12 * float(np.max(np.abs(moved))), "vectorised"),
        Check("count", result, int(np.count_nonzero(chosen)), 0.0, "vectorised"),
    ]


def descent_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`width` features of which a fifth tells anything about the label; a share of 0.2, rate 0.9, `steps` steps."""
    random = np.random.Generator(np.random.PCG64(seed))
    samples, width = size["samples"], size["width"]
    features = random.standard_normal((samples, width))
    planted = np.where(np.arange(width) % 5 == 0, random.choice([-2.0, 2.0], width), 0.0)
    labels = np.where(random.random(samples) < 1.0 / (1.0 + np.exp(-features @ planted)), 1.0, -1.0)
    return features, labels, np.zeros(width), 0.05, 0.2, 0.9, size["steps"], np.zeros(size["steps"], np.int64)


def descent_checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The minimum is that of all weights together, though few were updated at a time."""
    features, labels, weights, penalty, share, *_ = before
    left = logistic.gradient_of(features, labels, after[2], penalty)
    slope = logistic.gradient_of(features, labels, weights, penalty)
    promise = slope**2 / (np.mean(features**2, axis=0) / 4.0 + penalty)
    return [
        Check("gradient", left, 0.0 * left, 1e-6, "optimality, in matrix form"),
        Check("loss", result[0], logistic.loss_of(features, labels, after[2], penalty), 1e-9, "matrix form"),
        Check("updates", result[1], int(after[7].sum()), 0.0, "sum over the steps"),
        Check("first updates", after[7][0], np.count_nonzero(promise > share * promise.max()), 0.0, "vectorised"),
    ]


STEP = Unit(selective_step, ("weights",))

KERNELS = (
    Kernel(
        name="selective_step",
        family="curvature",
        summary="one update of the weights whose g^2 / F is above a threshold",
        units=(STEP,),
        signature="int64(float64[::1], float64[::1], float64[::1], float64, float64, float64)",
        sizes={"small": {"n": 40000}, "medium": {"n": 3000000}, "large": {"n": 16000000}},
        inputs=step_inputs,
        checks=step_checks,
        bets={},
    ),
    Kernel(
        name="selective_descent",
        family="curvature",
        summary="logistic regression that updates only the most promising weights by g^2 / F",
        units=(
            Unit(selective_descent, ("steps",)),
            logistic.GRADIENT,
            logistic.FISHER,
            Unit(best_promise, ("weights",)),
            STEP,
        ),
        signature=(
            "Tuple((float64, int64))(float64[:, ::1], float64[::1], float64[::1], float64, float64, float64, int64, "
            "int64[::1])"
        ),
        sizes={
            "small": {"samples": 100, "width": 10, "steps": 40},
            "medium": {"samples": 1000, "width": 20, "steps": 80},
            "large": {"samples": 10000, "width": 20, "steps": 80},
        },
        inputs=descent_inputs,
        checks=descent_checks,
        bets={},
    ),
)
