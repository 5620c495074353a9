"""Poisson regression by AdaBelief: counts, an exponential link, and an optimizer that goes far where nothing surprises.

AdaBelief (Zhuang et al., NeurIPS 2020, algorithm 2) divides the mean gradient by the root of its spread about that
mean, so that a gradient which stays the same makes ever longer steps; Adam's are never longer than the rate then. The
first step is already 1 / beta1 times the rate. The loss is the negative log-likelihood of Poisson counts with the mean
exp(features . weights), convex and with a curvature that grows with the counts; the targets are the planted means
themselves, so the minimum is at the planted weights exactly.

The check keeps all gradients, takes the means from the sums that they are short for and the spreads from these, in time
quadratic in the steps; and the weights end near those planted, which a linear system finds from the logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .adam_steps import adabelief_step


def poisson_gradient(features: Floats, counts: Floats, weights: Floats, gradient: Floats) -> float:
    """Write the gradient of the mean negative log-likelihood, without its constant, into `gradient`; return the loss.

    `features` has shape (rows, n), `counts` (rows,), the others (n,). IndexError if a length does not fit;
    ZeroDivisionError if there is no row; OverflowError in CPython where a mean exceeds all floats.
    """
    share = 1.0 / len(counts)
    loss = 0.0
    for j in range(len(weights)):
        gradient[j] = 0.0
    for i in range(len(counts)):
        score = 0.0
        for j in range(len(weights)):
            score += float(features[i, j]) * float(weights[j])
        mean = math.exp(score)
        count = float(counts[i])
        loss += share * (mean - count * score)
        excess = share * (mean - count)
        for j in range(len(weights)):
            gradient[j] = float(gradient[j]) + excess * float(features[i, j])
    return loss


def adabelief_poisson(
    features: Floats, counts: Floats, weights: Floats, rate: float, epsilon: float, steps: int
) -> float:
    """Fit in place for `steps` steps, the rate falling as 1 / sqrt(t); return the loss before the last one.

    The other constants are the usual ones. Shapes and errors as in `poisson_gradient`.
    """
    gradient = np.zeros_like(weights)
    mean, spread = np.zeros_like(weights), np.zeros_like(weights)
    power1, power2, loss = 1.0, 1.0, 0.0
    for k in range(steps):
        power1 *= 0.9
        power2 *= 0.999
        loss = poisson_gradient(features, counts, weights, gradient)
        slowed = rate / math.sqrt(k + 1.0)
        adabelief_step(weights, gradient, mean, spread, slowed, 0.9, 0.999, 1.0 - power1, 1.0 - power2, epsilon)
    return loss


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Features of a scale that keeps means between about 1/e and e, and the means as counts; weights of 0."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows, n = size["rows"], size["n"]
    features = random.standard_normal((rows, n)) / math.sqrt(n)
    return features, np.exp(features @ random.uniform(-1.5, 1.5, n)), np.zeros(n), 0.1, 1e-8, size["steps"]


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """AdaBelief from sums over all gradients; and the planted weights."""
    features, counts, weights, rate, epsilon, steps = before
    history, surprises = np.zeros((steps, len(weights))), np.zeros((steps, len(weights)))
    loss = 0.0
    for t in range(1, steps + 1):
        scores = features @ weights
        loss = float(np.mean(np.exp(scores) - counts * scores))
        history[t - 1] = features.T @ (np.exp(scores) - counts) / len(counts)
        ages = np.arange(t - 1, -1, -1)
        mean = 0.1 * 0.9**ages @ history[:t]
        surprises[t - 1] = history[t - 1] - mean
        spread = 0.999**ages @ (0.001 * surprises[:t] ** 2 + epsilon) / (1.0 - 0.999**t)
        weights = weights - rate / math.sqrt(t) * mean / (1.0 - 0.9**t) / (np.sqrt(spread) + epsilon)
    planted = np.linalg.lstsq(features, np.log(counts))[0]
    return [
        Check("weights", after[2], weights, 1e-8, "sums of Zhuang et al. 2020, algorithm 2"),
        Check("loss", result, loss, 1e-9, "vectorised likelihood"),
        Check("limit", after[2], planted, 0.05, "planted weights, from the logarithms of the means"),
    ]


KERNELS = (
    Kernel(
        name="adabelief_poisson",
        family="first_order",
        summary="Poisson regression on all rows at once, by AdaBelief",
        units=(
            Unit(adabelief_poisson, ("steps",)),
            Unit(poisson_gradient, ("features", "rows", "features", "features")),
            Unit(adabelief_step, ("features",)),
        ),
        signature="float64(float64[:, ::1], float64[::1], float64[::1], float64, float64, int64)",
        sizes={
            "small": {"rows": 60, "n": 6, "steps": 100},
            "medium": {"rows": 500, "n": 12, "steps": 300},
            "large": {"rows": 2000, "n": 20, "steps": 500},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
