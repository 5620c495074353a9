"""Two classes of unequal size, by AdamW and by Adam with an L2 penalty.

One row in twenty is positive, and a loss that counts rows alike is small for weights that never say so. Each row's
loss is multiplied by the cost of its class, rows / (2 * rows of the class), which gives both classes the same say (King
& Zeng, "Logistic regression in rare events data", Political Analysis 9, 2001; `class_weight="balanced"` in
scikit-learn). The features have scales from 0.1 to 10, so their gradients differ by a hundred, and with them what the
two decays do (Loshchilov & Hutter, ICLR 2019): Adam divides the penalty's gradient by the same root as the loss's.

Their limits differ too. Where Adam with L2 comes to rest, the penalized loss has its minimum: the check asks Newton's
method for it. AdamW has no such loss; where it rests, |w| is |g| / (|g| + epsilon) / decay, so no weight is beyond 1 /
decay and none within feels the decay (Xie & Li, "Implicit bias of AdamW", ICML 2024).

Both are also checked against the sums that the moments are short for, over all gradients kept, in time quadratic in the
steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .decay_steps import adam_l2_step, adamw_step


def weighted_logistic_gradient(
    features: Floats, labels: Floats, positive: float, negative: float, weights: Floats, gradient: Floats
) -> float:
    """Write the gradient of the mean logistic loss, weighted by class, into `gradient`; return that loss.

    `features` has shape (rows, n), `labels` (rows,) of -1.0 or 1.0, the others (n,); `positive` and `negative` are the
    costs of the classes. IndexError if a length does not fit; ZeroDivisionError if there is no row.
    """
    share = 1.0 / len(labels)
    loss = 0.0
    for j in range(len(weights)):
        gradient[j] = 0.0
    for i in range(len(labels)):
        label = float(labels[i])
        margin = 0.0
        for j in range(len(weights)):
            margin += label * float(features[i, j]) * float(weights[j])
        fading = math.exp(-abs(margin))
        wrong = 1.0 / (1.0 + fading)
        if margin > 0.0:
            wrong = fading / (1.0 + fading)
        cost = share * (positive if label > 0.0 else negative)
        loss += cost * (math.log(1.0 + fading) + max(0.0, -margin))
        pull = cost * wrong * label
        for j in range(len(weights)):
            gradient[j] = float(gradient[j]) - pull * float(features[i, j])
    return loss


def adamw_imbalance(
    features: Floats,
    labels: Floats,
    positive: float,
    negative: float,
    weights: Floats,
    rate: float,
    decay: float,
    steps: int,
) -> float:
    """Fit `weights` in place by `steps` steps of AdamW with Adam's usual constants and the rate `rate` / sqrt(t).

    Returns the loss before the last step. Shapes and errors as in `weighted_logistic_gradient`.
    """
    gradient, mean, square = np.zeros_like(weights), np.zeros_like(weights), np.zeros_like(weights)
    power1, power2, loss = 1.0, 1.0, 0.0
    for k in range(steps):
        power1 *= 0.9
        power2 *= 0.999
        loss = weighted_logistic_gradient(features, labels, positive, negative, weights, gradient)
        slowed = rate / math.sqrt(k + 1.0)
        adamw_step(weights, gradient, mean, square, slowed, 0.9, 0.999, 1.0 - power1, 1.0 - power2, 1e-8, decay)
    return loss


def adam_l2_imbalance(
    features: Floats,
    labels: Floats,
    positive: float,
    negative: float,
    weights: Floats,
    rate: float,
    decay: float,
    steps: int,
) -> float:
    """`adamw_imbalance` with the decay as an L2 penalty; the loss returned is without it."""
    gradient, mean, square = np.zeros_like(weights), np.zeros_like(weights), np.zeros_like(weights)
    power1, power2, loss = 1.0, 1.0, 0.0
    for k in range(steps):
        power1 *= 0.9
        power2 *= 0.999
        loss = weighted_logistic_gradient(features, labels, positive, negative, weights, gradient)
        slowed = rate / math.sqrt(k + 1.0)
        adam_l2_step(weights, gradient, mean, square, slowed, 0.9, 0.999, 1.0 - power1, 1.0 - power2, 1e-8, decay)
    return loss


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Rows with a constant first and then features of scales up to 10; every 20th is positive; balanced costs."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows, n = size["rows"], size["n"]
    labels = np.where(np.arange(rows) % 20 == 7, 1.0, -1.0)
    apart = random.choice([-1.5, 1.5], n) / math.sqrt(n)
    features = random.standard_normal((rows, n)) + np.outer(labels > 0.0, apart)
    features *= np.geomspace(0.1, 10.0, n)
    features[:, 0] = 1.0
    found = int(np.sum(labels > 0.0))
    return features, labels, rows / (2 * found), rows / (2 * (rows - found)), np.zeros(n), 1.0, 0.01, size["steps"]


def likelihood(before: tuple[Any, ...], weights: Floats) -> tuple[float, Floats, Floats]:
    """The weighted loss, its gradient and its Hessian, from arrays."""
    features, labels, positive, negative = before[:4]
    costs = np.where(labels > 0.0, positive, negative) / len(labels)
    margins = labels * (features @ weights)
    wrong = np.exp(-np.logaddexp(0.0, margins))
    gradient: Floats = -features.T @ (costs * wrong * labels)
    hessian: Floats = (features.T * (costs * wrong * (1.0 - wrong))) @ features
    return float(costs @ np.logaddexp(0.0, -margins)), gradient, hessian


def by_sums(before: tuple[Any, ...], penalty: float, shrinkage: float) -> tuple[Floats, float]:
    """The weights and the last loss, with moments as sums over all gradients."""
    weights, rate, _, steps = before[4:]
    history = np.zeros((steps, len(weights)))
    loss = 0.0
    for t in range(1, steps + 1):
        loss, gradient, _ = likelihood(before, weights)
        history[t - 1] = gradient + penalty * weights
        ages = np.arange(t - 1, -1, -1)
        mean = 0.9**ages @ history[:t] / np.sum(0.9**ages)
        square = 0.999**ages @ history[:t] ** 2 / np.sum(0.999**ages)
        slowed = rate / math.sqrt(t)
        weights = (1.0 - slowed * shrinkage) * weights - slowed * mean / (np.sqrt(square) + 1e-8)
    return weights, loss


def minimum(before: tuple[Any, ...], penalty: float) -> Floats:
    """The minimum of the weighted loss with an L2 penalty, by Newton's method from 0 with halved steps."""
    weights: Floats = np.zeros_like(before[4])
    for _ in range(50):
        loss, gradient, hessian = likelihood(before, weights)
        step = np.linalg.solve(hessian + penalty * np.eye(len(weights)), gradient + penalty * weights)
        loss += 0.5 * penalty * float(weights @ weights)
        share = 1.0
        while share > 1e-9:
            there = weights - share * step
            if likelihood(before, there)[0] + 0.5 * penalty * float(there @ there) <= loss:
                break
            share *= 0.5
        weights = there
    return weights


def adamw_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """AdamW from sums."""
    weights, loss = by_sums(before, 0.0, before[6])
    return [
        Check("weights", after[4], weights, 1e-8, "sums of Kingma & Ba 2015, and the weights shrunk by a factor"),
        Check("loss", result, loss, 1e-9, "logaddexp"),
    ]


def adam_l2_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Adam with the penalized gradient from sums, and the minimum of the penalized loss."""
    weights, loss = by_sums(before, before[6], 0.0)
    return [
        Check("weights", after[4], weights, 1e-8, "sums of Kingma & Ba 2015, on the penalized gradient"),
        Check("loss", result, loss, 1e-9, "logaddexp"),
        Check("limit", after[4], minimum(before, before[6]), 0.05, "Newton's method on the penalized loss"),
    ]


SIZES = {
    "small": {"rows": 60, "n": 5, "steps": 150},
    "medium": {"rows": 500, "n": 10, "steps": 300},
    "large": {"rows": 3000, "n": 15, "steps": 400},
}
GRADIENT = Unit(weighted_logistic_gradient, ("features", "rows", "features", "features"))
SIGNATURE = "float64(float64[:, ::1], float64[::1], float64, float64, float64[::1], float64, float64, int64)"

KERNELS = (
    Kernel(
        name="adamw_imbalance",
        family="first_order",
        summary="logistic regression on unequal classes with costs, by AdamW",
        units=(Unit(adamw_imbalance, ("steps",)), GRADIENT, Unit(adamw_step, ("features",))),
        signature=SIGNATURE,
        sizes=SIZES,
        inputs=inputs,
        checks=adamw_checks,
        bets={},
    ),
    Kernel(
        name="adam_l2_imbalance",
        family="first_order",
        summary="logistic regression on unequal classes with costs, by Adam with an L2 penalty",
        units=(Unit(adam_l2_imbalance, ("steps",)), GRADIENT, Unit(adam_l2_step, ("features",))),
        signature=SIGNATURE,
        sizes=SIZES,
        inputs=inputs,
        checks=adam_l2_checks,
        bets={},
    ),
)
