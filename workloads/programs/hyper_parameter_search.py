"""Random search, then a Gaussian-process search, for the width, batch and rate of a classifier; then the real training.

One meets it as the night before a deadline. Every trial draws new hyper-parameters, trains a softmax classifier for one
or two epochs and scores it; the best is trained for twelve epochs on all columns.

All but one of the training calls run with another width and batch length than the one before, so that constant shapes
are a bet that is wrong in almost every trial, until the final training, where it would be right for half of the run.
The search functions themselves are called seldom and cost as much to compile as the training.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats, Indices

SAMPLES, COLUMNS, CLASSES = 500, 12, 4
TRIALS = 10


def accuracy(features: Floats, labels: Indices, weights: Floats) -> float:
    """The share of samples whose class has the highest score; `weights` is (classes, width)."""
    right = 0
    for i in range(features.shape[0]):
        best, chosen = -1e300, 0
        for k in range(weights.shape[0]):
            score = 0.0
            for j in range(weights.shape[1]):
                score += float(weights[k, j]) * float(features[i, j])
            if score > best:
                best, chosen = score, k
        if chosen == int(labels[i]):
            right += 1
    return right / len(features)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the trials' scores, the process's mean at the candidates, and the final weights and accuracies."""
    train = bound(zoo.kernel("minibatch_epochs"), decorate)
    posterior = bound(zoo.kernel("gp_posterior"), decorate)
    improvement = bound(zoo.kernel("feasible_improvement"), decorate)
    normalise = bound(zoo.kernel("standardize"), decorate)
    score = decorate(accuracy)
    random = np.random.Generator(np.random.PCG64(22))
    labels = random.integers(0, CLASSES, SAMPLES)
    columns = random.normal(0.0, 1.0, (COLUMNS, SAMPLES)) + 0.4 * np.outer(np.arange(COLUMNS) % 4, labels == 1)
    columns[1::3] += 0.7 * labels
    normalise(columns)
    features = np.ascontiguousarray(columns.T)

    def trial(point: Floats, epochs: int) -> tuple[float, Floats]:
        width = 3 + int(9.999 * float(point[0]) * (COLUMNS - 3) / 10.0)
        batch = 16 + int(100.0 * float(point[1]))
        rate = 0.02 + 0.5 * float(point[2])
        some = np.ascontiguousarray(features[:, :width])
        orders = np.array([random.permutation(SAMPLES) for _ in range(epochs)])
        weights = np.zeros((CLASSES, width))
        train(some, labels, orders, weights, batch, rate)
        return score(some, labels, weights), weights

    points = random.uniform(0.0, 1.0, (2 * TRIALS, 3))
    values = np.zeros(2 * TRIALS)
    for number in range(TRIALS):
        values[number] = -trial(points[number], 1)[0]
    candidates = random.uniform(0.0, 1.0, (30, 3))
    mean, variance, gains = np.zeros((3, 30))
    for number in range(TRIALS, 2 * TRIALS):
        posterior(points[:number], values[:number] + 0.5, candidates, 0.5, 1e-3, mean, variance)
        spread = np.sqrt(np.maximum(variance, 1e-12))
        lowest = float(values[:number].min()) + 0.5
        chosen = improvement(mean, spread, candidates[:, 1].copy(), np.full(30, 0.1), lowest, 0.9, gains)
        points[number] = candidates[chosen]
        values[number] = -trial(points[number], 2)[0]
        candidates[chosen] = random.uniform(0.0, 1.0, 3)
    best = points[int(np.argmin(values))].copy()
    best[0] = 1.0
    final, weights = trial(best, 12)
    return {"values": values, "mean": mean, "best": best, "final": final, "weights": weights}


PROGRAM = WholeProgram(
    name="hyper_parameter_search",
    summary="twenty short trainings in search of hyper-parameters, then one long one",
    length="medium",
    stresses="shapes that change with every trial and then stay, search functions that cost more than they compute",
    run=run,
)
