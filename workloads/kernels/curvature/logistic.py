"""Logistic regression with a ridge: gradient, Hessian and Fisher information, shared by the kernels of this family.

The loss is the mean of log(1 + exp(-z)) over margins z plus penalty |w|^2 / 2, computed from exp(-|z|), which cannot
overflow. It is the smallest problem on which every method here differs from every other: strictly convex, so that any
of them may be asked for the one minimum, with a Hessian that changes with the weights and is, the model being an
exponential family, the Fisher information itself (McCullagh & Nelder, Generalized Linear Models, 1989, section 2.5).

The NumPy formulas below the kernels are what results are checked against: matrix products over all samples at once.
"""

from __future__ import annotations

import math

import numpy as np

from ...kernel import Unit
from ...workload import Floats


def logistic_gradient(features: Floats, labels: Floats, weights: Floats, penalty: float, gradient: Floats) -> float:
    """Write the gradient of the mean loss with ridge into `gradient`, (width,); return the loss.

    `features` is (samples, width), `labels` (samples,) of -1.0 or 1.0, `weights` (width,). IndexError if one is too
    short; ZeroDivisionError without samples.
    """
    share = 1.0 / len(features)
    loss = 0.0
    for j in range(len(weights)):
        weight = float(weights[j])
        gradient[j] = penalty * weight
        loss += 0.5 * penalty * weight * weight
    for row in range(len(features)):
        label = float(labels[row])
        margin = 0.0
        for j in range(len(weights)):
            margin += float(weights[j]) * float(features[row, j])
        margin *= label
        fading = math.exp(-abs(margin))
        if margin > 0.0:
            wrong = fading / (1.0 + fading)
            loss += share * math.log(1.0 + fading)
        else:
            wrong = 1.0 / (1.0 + fading)
            loss += share * (math.log(1.0 + fading) - margin)
        pull = share * wrong * label
        for j in range(len(weights)):
            gradient[j] = float(gradient[j]) - pull * float(features[row, j])
    return loss


def logistic_hessian(features: Floats, weights: Floats, penalty: float, hessian: Floats) -> None:
    """Write the Hessian of the mean loss with ridge into the lower triangle of `hessian`, (width, width).

    `features` is (samples, width), `weights` (width,). IndexError if one is too short; ZeroDivisionError without
    samples.
    """
    share = 1.0 / len(features)
    for i in range(len(weights)):
        for j in range(i):
            hessian[i, j] = 0.0
        hessian[i, i] = penalty
    for row in range(len(features)):
        margin = 0.0
        for j in range(len(weights)):
            margin += float(weights[j]) * float(features[row, j])
        fading = math.exp(-abs(margin))
        spread = share * fading / ((1.0 + fading) * (1.0 + fading))
        for i in range(len(weights)):
            scaled = spread * float(features[row, i])
            for j in range(i + 1):
                hessian[i, j] = float(hessian[i, j]) + scaled * float(features[row, j])


def logistic_fisher(features: Floats, weights: Floats, fisher: Floats) -> None:
    """Write the diagonal of the Fisher information of one sample into `fisher`, (width,): the mean of p (1 - p) x^2.

    `features` is (samples, width), `weights` (width,). IndexError if one is too short; ZeroDivisionError without
    samples.
    """
    share = 1.0 / len(features)
    for j in range(len(weights)):
        fisher[j] = 0.0
    for row in range(len(features)):
        margin = 0.0
        for j in range(len(weights)):
            margin += float(weights[j]) * float(features[row, j])
        fading = math.exp(-abs(margin))
        spread = share * fading / ((1.0 + fading) * (1.0 + fading))
        for j in range(len(weights)):
            feature = float(features[row, j])
            fisher[j] = float(fisher[j]) + spread * feature * feature


GRADIENT = Unit(logistic_gradient, ("weights", "samples", "weights", "weights"))
HESSIAN = Unit(logistic_hessian, ("rows", "columns", "samples", "weights", "rows", "columns"))
FISHER = Unit(logistic_fisher, ("weights", "samples", "weights", "weights"))


def draw(random: np.random.Generator, samples: int, width: int) -> tuple[Floats, Floats]:
    """Normal features (samples, width) and labels of a planted separation, a tenth of them flipped."""
    features = random.standard_normal((samples, width))
    labels = np.where(features @ random.standard_normal(width) > 0.0, 1.0, -1.0)
    labels[random.random(samples) < 0.1] *= -1.0
    return features, labels


def loss_of(features: Floats, labels: Floats, weights: Floats, penalty: float) -> float:
    """The loss, in matrix form."""
    margins = labels * (features @ weights)
    return float(np.mean(np.logaddexp(0.0, -margins)) + 0.5 * penalty * (weights @ weights))


def gradient_of(features: Floats, labels: Floats, weights: Floats, penalty: float) -> Floats:
    """The gradient of the loss, in matrix form, by the hyperbolic tangent of half the margin."""
    wrong = 0.5 * (1.0 - np.tanh(0.5 * labels * (features @ weights)))
    gradient: Floats = penalty * weights - features.T @ (wrong * labels) / len(features)
    return gradient


def hessian_of(features: Floats, weights: Floats, penalty: float) -> Floats:
    """The Hessian of the loss, in matrix form, by the hyperbolic cosine of half the margin."""
    spread = 0.25 / np.cosh(0.5 * (features @ weights)) ** 2 / len(features)
    hessian: Floats = features.T @ (spread[:, None] * features) + penalty * np.eye(len(weights))
    return hessian
