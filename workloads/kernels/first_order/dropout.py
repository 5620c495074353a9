"""Dropout with Adagrad, where what dropout converges to is known.

For a linear model dropout is a penalty in disguise: with features kept at the chance p and divided by p, the expected
squared error is |y - X w|^2 + (1 - p) / p * sum_j w_j^2 |X_j|^2, a ridge whose strength follows each feature's own size
(Srivastava et al., "Dropout", JMLR 15, 2014, section 9.1; Wager, Wang & Liang, NeurIPS 2013). The minimum is one linear
system away, and that is why a linear model stands here and not a network.

Adagrad (Duchi, Hazan & Singer 2011) fits dropout well: a dropped feature has a gradient of exactly 0, so its weight
and its sum of squares stay and need no pass; a step costs what was kept. The kept features are drawn beforehand and
listed, and both loops of a step go through the list. Of the noise of the steps the mean of the second half of all
weights keeps little (Polyak & Juditsky 1992).

Two checks: the same steps on dense rows with zeros, to rounding; and the ridge, within 4 sqrt(n / steps), twice the
largest distance seen over twenty seeds. That distance falls as 1 / sqrt(steps), from 2,500 steps to 600,000.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def dropout_adagrad(
    features: Floats,
    targets: Floats,
    order: Indices,
    kept: Indices,
    starts: Indices,
    keep: float,
    weights: Floats,
    squares: Floats,
    mean: Floats,
    rate: float,
    epsilon: float,
) -> float:
    """Take a step of Adagrad on each row in `order` with the features that are kept for it.

    `features` has shape (rows, n), `targets` (rows,), `order` (steps,); the features kept in step t are those in places
    `starts[t]` to `starts[t + 1]` of `kept`, and `keep` is the chance of each. `weights` and the sums of squared
    gradients `squares` are changed in place, the mean of the weights after the later half of the steps is written into
    `mean`, all of shape (n,). Returns the mean squared error found in that half. IndexError if an index is outside;
    ZeroDivisionError if there is no step, or `keep` or a denominator is 0.
    """
    steps = len(order)
    half = steps // 2
    share = 1.0 / (steps - half)
    error = 0.0
    for j in range(len(weights)):
        mean[j] = 0.0
    for t in range(steps):
        row = int(order[t])
        start, stop = int(starts[t]), int(starts[t + 1])
        residual = -float(targets[row])
        for k in range(start, stop):
            j = int(kept[k])
            residual += float(weights[j]) * float(features[row, j]) / keep
        for k in range(start, stop):
            j = int(kept[k])
            slope = residual * float(features[row, j]) / keep
            seen = float(squares[j]) + slope * slope
            squares[j] = seen
            weights[j] = float(weights[j]) - rate * slope / (math.sqrt(seen) + epsilon)
        if t >= half:
            error += share * residual * residual
            for j in range(len(weights)):
                mean[j] = float(mean[j]) + share * float(weights[j])
    return error


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Normal features of scales 0.5 to 2, noisy targets, and for each of `steps` steps a row and the features kept."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows, n, steps, keep = size["rows"], size["n"], size["steps"], 0.8
    features = random.standard_normal((rows, n)) * np.geomspace(0.5, 2.0, n)
    targets = features @ random.uniform(-1.0, 1.0, n) + 0.1 * random.standard_normal(rows)
    mask = random.random((steps, n), np.float32) < keep
    kept = np.nonzero(mask)[1].astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    order = random.integers(0, rows, steps, dtype=np.int64)
    return features, targets, order, kept, starts, keep, np.zeros(n), np.zeros(n), np.zeros(n), 0.2, 1e-8


def ridge(features: Floats, targets: Floats, keep: float) -> Floats:
    """The weights that minimize the expected squared error under dropout."""
    normal = features.T @ features
    penalized = normal * (1.0 + (1.0 - keep) / keep * np.eye(len(normal)))
    return np.asarray(np.linalg.solve(penalized, features.T @ targets), np.float64)


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The same steps on dense rows; and the ridge."""
    features, targets, order, kept, starts, keep, weights, squares, _, rate, epsilon = before
    root, weights = np.sqrt(squares), weights.copy()
    later: list[Floats] = []
    errors: list[float] = []
    for t, row in enumerate(order):
        mask = np.bincount(kept[starts[t] : starts[t + 1]], minlength=len(weights))
        x = mask * features[row] / keep
        residual = float(weights @ x) - float(targets[row])
        root = np.hypot(root, residual * x)
        weights = weights - rate * residual * x / (root + epsilon)
        if t >= len(order) // 2:
            later.append(weights)
            errors.append(residual * residual)
    expected = ridge(features, targets, keep)
    return [
        Check("weights", after[6], weights, 1e-9, "dense rows, Adagrad by hypot"),
        Check("roots of the sums", np.sqrt(after[7]), root, 1e-8, "dense rows, Adagrad by hypot"),
        Check("mean weights", after[8], np.mean(later, axis=0), 1e-9, "dense rows"),
        Check("mean squared error", result, float(np.mean(errors)), 1e-9, "dense rows"),
        Check(
            "limit",
            after[8],
            expected,
            4.0 * math.sqrt(len(weights) / len(order)),
            "ridge (Srivastava et al. 2014, section 9.1)",
        ),
    ]


KERNELS = (
    Kernel(
        name="dropout_adagrad",
        family="first_order",
        summary="linear regression with dropout by Adagrad, over lists of kept features",
        units=(
            Unit(
                dropout_adagrad,
                ("features", "steps", "kept features", "kept features", "features"),
            ),
        ),
        signature=(
            "float64(float64[:, ::1], float64[::1], int64[::1], int64[::1], int64[::1], float64, "
            "float64[::1], float64[::1], float64[::1], float64, float64)"
        ),
        sizes={
            "small": {"rows": 200, "n": 10, "steps": 2500},
            "medium": {"rows": 2000, "n": 20, "steps": 60_000},
            "large": {"rows": 2000, "n": 20, "steps": 600_000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
