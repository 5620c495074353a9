"""Natural gradient with the diagonal of the Fisher information.

The natural gradient F^-1 g is the steepest direction when distances are measured between the distributions that the
weights stand for (Amari, Neural Computation 10(2), 1998). F is the expectation over the model's own outcomes of the
squared score; squares of the gradients at the observed labels are another matrix, the "empirical Fisher", which need
not be near (Martens, Journal of Machine Learning Research 21, 2020; Kunstner, Balles & Hennig, NeurIPS 2019).
`diagonal_fisher` therefore sums over all outcomes of a softmax model, where a check in closed form exists: the mean of
p (1 - p) x^2.

Keeping the diagonal loses invariance to mixing the weights and keeps it to scaling each of them: without ridge,
features may be measured in any units and the predictions of `natural_descent` are the same. `natural_step` is what a
training program calls once per batch, with the empirical kind for want of a cheaper one: a damped step on a running
mean of squared gradients. Unlike Adam it divides by that mean and not by its root.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def softmax(features: Floats, row: int, weights: Floats, chances: Floats) -> float:
    """Write the model's class probabilities for row `row` into `chances`, (classes,); return the log of their scale.

    `features` is (samples, width), `weights` (classes, width). A class's log probability is its score less what is
    returned. IndexError if an array is too short.
    """
    largest = -1e300
    for c in range(len(weights)):
        score = 0.0
        for j in range(weights.shape[1]):
            score += float(weights[c, j]) * float(features[row, j])
        chances[c] = score
        largest = max(largest, score)
    total = 0.0
    for c in range(len(weights)):
        chance = math.exp(float(chances[c]) - largest)
        chances[c] = chance
        total += chance
    for c in range(len(weights)):
        chances[c] = float(chances[c]) / total
    return largest + math.log(total)


def diagonal_fisher(features: Floats, weights: Floats, fisher: Floats) -> float:
    """Write the mean of the squared scores, expected over the model's outcomes, into `fisher`; return their sum.

    `weights` and `fisher` are (classes, width), `features` (samples, width). IndexError if an array is too short;
    ZeroDivisionError without samples.
    """
    classes, width = weights.shape
    share = 1.0 / len(features)
    chances = np.zeros(classes)
    for c in range(classes):
        for j in range(width):
            fisher[c, j] = 0.0
    trace = 0.0
    for row in range(len(features)):
        softmax(features, row, weights, chances)
        for c in range(classes):
            square = 0.0
            for outcome in range(classes):
                score = float(chances[c]) - (1.0 if outcome == c else 0.0)
                square += float(chances[outcome]) * score * score
            for j in range(width):
                part = share * square * float(features[row, j]) * float(features[row, j])
                fisher[c, j] = float(fisher[c, j]) + part
                trace += part
    return trace


def natural_step(weights: Floats, gradient: Floats, fisher: Floats, memory: float, rate: float, damping: float) -> None:
    """Fold the squares of `gradient` into `fisher` and step along g / (F + `damping`), in place, all (n,).

    The old estimate weighs `memory`. IndexError if an array is shorter than `weights`; ZeroDivisionError where F and
    damping are zero.
    """
    for i in range(len(weights)):
        slope = float(gradient[i])
        estimate = memory * float(fisher[i]) + (1.0 - memory) * slope * slope
        fisher[i] = estimate
        weights[i] = float(weights[i]) - rate * slope / (estimate + damping)


def natural_descent(
    features: Floats, labels: Indices, weights: Floats, penalty: float, rate: float, steps: int
) -> float:
    """Minimise the mean softmax loss with ridge over `weights`, (classes, width), in place; return the last loss seen.

    Each step divides the gradient by the diagonal Fisher information plus `penalty`, both measured in one pass over
    `features`, (samples, width), and `labels`, (samples,), class numbers. IndexError for a label or array that does
    not fit; ZeroDivisionError without samples.
    """
    classes, width = weights.shape
    share = 1.0 / len(features)
    chances = np.zeros(classes)
    gradient = np.zeros((classes, width))
    fisher = np.zeros((classes, width))
    loss = 0.0
    for _ in range(steps):
        loss = 0.0
        for c in range(classes):
            for j in range(width):
                weight = float(weights[c, j])
                gradient[c, j] = penalty * weight
                fisher[c, j] = penalty
                loss += 0.5 * penalty * weight * weight
        for row in range(len(features)):
            scale = softmax(features, row, weights, chances)
            label = int(labels[row])
            for j in range(width):
                scale -= float(weights[label, j]) * float(features[row, j])
            loss += share * scale
            for c in range(classes):
                chance = float(chances[c])
                miss = share * (chance - (1.0 if label == c else 0.0))
                spread = share * chance * (1.0 - chance)
                for j in range(width):
                    feature = float(features[row, j])
                    gradient[c, j] = float(gradient[c, j]) + miss * feature
                    fisher[c, j] = float(fisher[c, j]) + spread * feature * feature
        for c in range(classes):
            for j in range(width):
                weights[c, j] = float(weights[c, j]) - rate * float(gradient[c, j]) / float(fisher[c, j])
    return loss


def chances_of(features: Floats, weights: Floats) -> Floats:
    """Class probabilities (samples, classes), in matrix form."""
    scores = features @ weights.T
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances: Floats = scores / scores.sum(axis=1, keepdims=True)
    return chances


def draw(random: np.random.Generator, size: Mapping[str, int]) -> tuple[Floats, Indices, Floats]:
    """Features (samples, width), labels drawn from a planted softmax model, and its weights (classes, width)."""
    features = random.standard_normal((size["samples"], size["width"]))
    weights = random.standard_normal((size["classes"], size["width"]))
    cumulated = np.cumsum(chances_of(features, weights), axis=1)[:, :-1]
    labels: Indices = np.sum(random.random((size["samples"], 1)) > cumulated, axis=1).astype(np.int64)
    return features, labels, weights


def fisher_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Features of `samples`, weights of a softmax model with `classes` and `width`, room for the result."""
    features, _, weights = draw(np.random.Generator(np.random.PCG64(seed)), size)
    return features, weights, np.zeros_like(weights)


def fisher_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The expectation over outcomes has a closed form."""
    features, weights, _ = before
    chances = chances_of(features, weights)
    fisher = (chances * (1.0 - chances)).T @ features**2 / len(features)
    return [
        Check("fisher", after[2], fisher, 1e-12, "the mean of p (1 - p) x^2"),
        Check("trace", result, float(fisher.sum()), 1e-10, "the mean of p (1 - p) x^2"),
    ]


def step_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Weights, gradient and a running Fisher estimate of `n` elements."""
    random = np.random.Generator(np.random.PCG64(seed))
    gradient = random.standard_normal(size["n"])
    return random.standard_normal(size["n"]), gradient, random.standard_exponential(size["n"]), 0.95, 0.01, 0.001


def step_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The step in vectorised form."""
    weights, gradient, fisher, memory, rate, damping = before
    estimate = gradient**2 + memory * (fisher - gradient**2)
    return [
        Check("fisher", after[2], estimate, 1e-12, "vectorised"),
        Check("weights", after[0], weights - rate * (gradient / (estimate + damping)), 1e-12, "vectorised"),
    ]


def descent_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Labels drawn from a softmax model; weights of zero, ridge 0.05, rate 0.6, `steps` steps."""
    features, labels, weights = draw(np.random.Generator(np.random.PCG64(seed)), size)
    return features, labels, np.zeros_like(weights), 0.05, 0.6, size["steps"]


def descent_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The gradient vanishes at the minimum of a strictly convex loss, where the loss no longer changes."""
    features, labels, _, penalty, _, _ = before
    weights = after[2]
    chances = chances_of(features, weights)
    hits = np.eye(len(weights))[labels]
    gradient = (chances - hits).T @ features / len(features) + penalty * weights
    loss = -float(np.mean(np.log(np.sum(chances * hits, axis=1)))) + 0.5 * penalty * float(np.sum(weights**2))
    return [
        Check("gradient", gradient, 0.0 * gradient, 1e-5, "optimality, in matrix form"),
        Check("loss", result, loss, 1e-6, "matrix form"),
    ]


SOFTMAX = Unit(softmax, ("classes", "features", "classes", "classes"))

KERNELS = (
    Kernel(
        name="diagonal_fisher",
        family="curvature",
        summary="the diagonal Fisher information of a softmax model, expected over its outcomes",
        units=(
            Unit(diagonal_fisher, ("classes", "features", "samples", "classes", "outcomes", "features")),
            SOFTMAX,
        ),
        signature="float64(float64[:, ::1], float64[:, ::1], float64[:, ::1])",
        sizes={
            "small": {"samples": 300, "classes": 5, "width": 16},
            "medium": {"samples": 10000, "classes": 5, "width": 16},
            "large": {"samples": 100000, "classes": 5, "width": 16},
        },
        inputs=fisher_inputs,
        checks=fisher_checks,
        bets={},
    ),
    Kernel(
        name="natural_step",
        family="curvature",
        summary="one damped natural-gradient step on a running diagonal Fisher estimate",
        units=(Unit(natural_step, ("weights",)),),
        signature="none(float64[::1], float64[::1], float64[::1], float64, float64, float64)",
        sizes={"small": {"n": 30000}, "medium": {"n": 2000000}, "large": {"n": 15000000}},
        inputs=step_inputs,
        checks=step_checks,
        bets={"nonzero_denominators": "F + damping, the only division of a loop that vectorises without its test"},
    ),
    Kernel(
        name="natural_descent",
        family="curvature",
        summary="softmax regression by the diagonal natural gradient, whatever the units of the features",
        units=(
            Unit(
                natural_descent,
                ("steps", "classes", "features", "samples", "features", "classes", "features", "classes", "features"),
            ),
            SOFTMAX,
        ),
        signature="float64(float64[:, ::1], int64[::1], float64[:, ::1], float64, float64, int64)",
        sizes={
            "small": {"samples": 50, "classes": 3, "width": 4, "steps": 50},
            "medium": {"samples": 1000, "classes": 4, "width": 8, "steps": 50},
            "large": {"samples": 10000, "classes": 4, "width": 8, "steps": 50},
        },
        inputs=descent_inputs,
        checks=descent_checks,
        bets={"constant_shapes": "classes and features, trip counts of all loops inside the loop over samples"},
    ),
)
