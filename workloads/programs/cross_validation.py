"""Ridge, lasso and logistic models chosen by cross-validation, five folds and a path of penalties each.

One meets it in applied statistics, day in, day out. For every model, penalty and fold: fit on four fifths, score on the
rest; then fit the winner on everything. The folds of a sample that five does not divide differ in length by one.

A fit is one call of a long kernel, made from several functions, some sixty times with row counts that change from fold
to fold; the winner's call runs on more rows than any before. A model's functions are hot for a third of the program and
never again: what is compiled late, or again with more bets, is compiled for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats

ROWS, WIDTH, FOLDS = 403, 9, 5
PENALTIES = (0.3, 0.1, 0.03, 0.01)


def squared_error(features: Floats, targets: Floats, weights: Floats) -> float:
    """The mean squared error of the linear model `weights`, (width,), on `features`, (rows, width)."""
    total = 0.0
    for i in range(features.shape[0]):
        error = -float(targets[i])
        for j in range(features.shape[1]):
            error += float(features[i, j]) * float(weights[j])
        total += error * error
    return total / len(features)


def misclassified(features: Floats, labels: Floats, weights: Floats) -> float:
    """The share of `labels`, -1.0 or 1.0, that the sign of the linear model gets wrong."""
    wrong = 0
    for i in range(features.shape[0]):
        margin = 0.0
        for j in range(features.shape[1]):
            margin += float(features[i, j]) * float(weights[j])
        if margin * float(labels[i]) <= 0.0:
            wrong += 1
    return wrong / len(features)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return, per model, the scores by penalty, the penalty chosen and the weights fitted with it."""
    lasso, ridge, logistic = (
        bound(zoo.kernel(name), decorate) for name in ("fista_lasso", "least_squares_descent", "newton_logistic")
    )
    error, wrong = decorate(squared_error), decorate(misclassified)
    random = np.random.Generator(np.random.PCG64(21))
    features = random.normal(0.0, 1.0, (ROWS, WIDTH))
    truth = random.normal(0.0, 1.0, WIDTH) * (np.arange(WIDTH) % 3 == 0)
    targets = features @ truth + random.normal(0.0, 0.5, ROWS)
    targets = np.round(targets, 6)  # how @ adds depends on the BLAS, in the last bits
    labels = np.where(targets > 0.3, 1.0, -1.0)

    def fit_lasso(x: Floats, y: Floats, penalty: float) -> Floats:
        weights = np.zeros(WIDTH)
        lasso(x, y, weights, penalty, 0.2, 25)
        return weights

    def fit_ridge(x: Floats, y: Floats, penalty: float) -> Floats:
        weights = np.zeros(WIDTH)
        augmented = np.vstack([x, np.sqrt(penalty) * np.eye(WIDTH)])
        ridge(augmented, np.concatenate([y, np.zeros(WIDTH)]), weights, 0.5 / len(augmented), 25)
        return weights

    def fit_logistic(x: Floats, y: Floats, penalty: float) -> Floats:
        weights = np.zeros(WIDTH)
        logistic(x, y, weights, penalty, 1e-10, 12)
        return weights

    results: dict[str, Any] = {}
    models: tuple[tuple[str, Callable[..., Floats], Floats, Callable[..., float]], ...] = (
        ("lasso", fit_lasso, targets, error),
        ("ridge", fit_ridge, targets, error),
        ("logistic", fit_logistic, labels, wrong),
    )
    fold = random.permutation(np.arange(ROWS) % FOLDS)
    for name, fit, answers, score in models:
        scores = np.zeros((len(PENALTIES), FOLDS))
        for row, penalty in enumerate(PENALTIES):
            for held in range(FOLDS):
                weights = fit(features[fold != held], answers[fold != held], penalty)
                scores[row, held] = score(features[fold == held], answers[fold == held], weights)
        chosen = PENALTIES[int(np.argmin(scores.sum(axis=1)))]
        results |= {f"{name}_scores": scores, f"{name}_penalty": chosen}
        results[f"{name}_weights"] = fit(features, answers, chosen)
    return results


PROGRAM = WholeProgram(
    name="cross_validation",
    summary="three linear models, each cross-validated over a path of penalties and refitted",
    length="medium",
    stresses="each model is hot for a third of the time only, in few long calls of changing row counts",
    run=run,
)
