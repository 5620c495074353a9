"""Elastic weight consolidation: a second task is learned without unlearning the first.

After task A its weights are anchored by a quadratic spring whose stiffness is, weight by weight, the Fisher information
of A there: what A is indifferent to may move freely (Kirkpatrick et al., PNAS 114(13), 2017). The spring is Laplace's
approximation to the posterior of A with the diagonal only, so `strength` has a natural value, the ratio of the numbers
of samples (Huszár, PNAS 115(11), 2018).

Both tasks are logistic regressions on different informative features; each is trained by gradient descent until it is
done, in one function that the two phases share. The Fisher information is the model's, not that of the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from . import logistic
from .logistic import logistic_fisher, logistic_gradient


def elastic_descent(
    features: Floats,
    labels: Floats,
    weights: Floats,
    penalty: float,
    anchor: Floats,
    stiffness: Floats,
    strength: float,
    rate: float,
    steps: int,
) -> float:
    """Descend in place over `weights` on the loss plus `strength` F (w - a)^2 / 2; return it before the last step.

    a is `anchor` and F `stiffness`, both (width,) as `weights`; `features` is (samples, width), `labels` (samples,) of
    -1.0 or 1.0. IndexError if an array is too short.
    """
    gradient = np.zeros_like(weights)
    loss = 0.0
    for _ in range(steps):
        loss = logistic_gradient(features, labels, weights, penalty, gradient)
        for j in range(len(weights)):
            away = float(weights[j]) - float(anchor[j])
            pull = strength * float(stiffness[j]) * away
            loss += 0.5 * pull * away
            weights[j] = float(weights[j]) - rate * (float(gradient[j]) + pull)
    return loss


def elastic_consolidation(
    first: Floats,
    first_labels: Floats,
    second: Floats,
    second_labels: Floats,
    weights: Floats,
    penalty: float,
    strength: float,
    rate: float,
    steps: int,
    anchor: Floats,
    stiffness: Floats,
) -> float:
    """Learn the first task and then the second in place over `weights`, (width,); return the loss before the last step.

    `anchor` and `stiffness`, (width,), are left with the weights after the first task and their Fisher information.
    Tasks are (samples, width) and (samples,) of -1.0 or 1.0; `steps` go into each. IndexError if an array is too short.
    """
    for j in range(len(weights)):
        stiffness[j] = 0.0
    elastic_descent(first, first_labels, weights, penalty, anchor, stiffness, 0.0, rate, steps)
    logistic_fisher(first, weights, stiffness)
    for j in range(len(weights)):
        anchor[j] = float(weights[j])
    return elastic_descent(second, second_labels, weights, penalty, anchor, stiffness, strength, rate, steps)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Two tasks of `samples`, told by the first and the second half of `width` features; strength 2, rate 2."""
    random = np.random.Generator(np.random.PCG64(seed))
    samples, width = size["samples"], size["width"]
    tasks: list[Floats] = []
    for half in (slice(0, width // 2), slice(width // 2, width)):
        features = 0.2 * random.standard_normal((samples, width))
        features[:, half] = random.standard_normal((samples, width // 2))
        margins = features[:, half] @ random.choice([-1.5, 1.5], width // 2)
        tasks += [features, np.where(random.random(samples) < 1.0 / (1.0 + np.exp(-margins)), 1.0, -1.0)]
    return *tasks, np.zeros(width), 0.05, 2.0, 2.0, size["steps"], np.zeros(width), np.zeros(width)


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Task A's loss is stationary at the anchor, and task B's with the spring at the end."""
    first, first_labels, second, second_labels, _, penalty, strength, *_ = before
    weights, anchor, stiffness = after[4], after[9], after[10]
    learned = logistic.gradient_of(first, first_labels, anchor, penalty)
    fisher = np.diag(logistic.hessian_of(first, anchor, 0.0))
    away = weights - anchor
    left = logistic.gradient_of(second, second_labels, weights, penalty) + strength * fisher * away
    loss = logistic.loss_of(second, second_labels, weights, penalty) + 0.5 * strength * float(fisher @ away**2)
    return [
        Check("gradient of the first task", learned, 0.0 * learned, 1e-6, "optimality, in matrix form"),
        Check("stiffness", stiffness, fisher, 1e-12, "diagonal of the Hessian, which is the Fisher information"),
        Check("gradient with the spring", left, 0.0 * left, 1e-6, "optimality, in matrix form"),
        Check("loss", result, loss, 1e-9, "matrix form"),
    ]


KERNELS = (
    Kernel(
        name="elastic_consolidation",
        family="curvature",
        summary="two logistic tasks in turn, the first held by its diagonal Fisher information",
        units=(
            Unit(elastic_consolidation, ("weights", "weights")),
            Unit(elastic_descent, ("steps", "weights")),
            logistic.FISHER,
            logistic.GRADIENT,
        ),
        signature=(
            "float64(float64[:, ::1], float64[::1], float64[:, ::1], float64[::1], float64[::1], float64, float64, "
            "float64, int64, float64[::1], float64[::1])"
        ),
        sizes={
            "small": {"samples": 40, "width": 6, "steps": 120},
            "medium": {"samples": 1000, "width": 8, "steps": 180},
            "large": {"samples": 10000, "width": 8, "steps": 180},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "the width, trip count of the loops inside the loops over samples"},
    ),
)
