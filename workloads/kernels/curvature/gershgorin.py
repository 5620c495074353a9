"""Gershgorin's bound on the largest curvature, and the descent that it makes safe.

Every eigenvalue of a matrix lies in a disc around a diagonal element whose radius is the sum of the row's other
magnitudes (Gershgorin, Izvestiya Akademii Nauk SSSR 7(6), 1931). The largest row sum therefore bounds the largest
curvature L, and a rate of one over the bound is safe: each step lowers the loss by at least rate |g|^2 / 2, and after k
steps the loss is at most |w - w*|^2 / (2 rate k) above the minimum (Beck & Teboulle, SIAM Journal on Imaging Sciences
2(1), 2009, theorem 3.1). No eigenvalue is computed, and none is underestimated, as power iteration does.

Scaling rows and columns by a positive vector d leaves the eigenvalues and moves the discs. For the magnitudes of the
matrix, taking the row sums themselves as the next d never loosens the bound and drives it down to the spectral radius
of the magnitudes (Collatz, Mathematische Zeitschrift 48, 1942; Varga, Geršgorin and His Circles, 2004, chapter 1). Each
round is a pass over the matrix.

The curvature of the logistic loss is at most a quarter of the features' second moments, whatever the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from . import logistic
from .dense import INNER, inner
from .logistic import logistic_gradient


def gershgorin_bound(matrix: Floats, scale: Floats, rounds: int) -> float:
    """The least bound on the magnitudes of the eigenvalues of `matrix`, (n, n), over `rounds` scalings of the discs.

    `scale`, (n,), holds positive numbers and is left with the last scaling, largest element 1. At least one round.
    IndexError if it is shorter than the matrix; ZeroDivisionError for a zero in it.
    """
    n = len(matrix)
    sums = np.zeros(n)
    bound = 0.0
    for _ in range(rounds):
        bound = 0.0
        largest = 0.0
        for i in range(n):
            total = 0.0
            for j in range(n):
                total += abs(float(matrix[i, j])) * float(scale[j])
            sums[i] = total
            bound = max(bound, total / float(scale[i]))
            largest = max(largest, total)
        for i in range(n):
            scale[i] = float(sums[i]) / largest
    return bound


def second_moments(features: Floats, moments: Floats) -> None:
    """Write the mean of x x' over the rows of `features`, (samples, width), into `moments`, (width, width).

    IndexError if `moments` is smaller; ZeroDivisionError without samples.
    """
    share = 1.0 / len(features)
    width = features.shape[1]
    for i in range(width):
        for j in range(width):
            moments[i, j] = 0.0
    for row in range(len(features)):
        for i in range(width):
            scaled = share * float(features[row, i])
            for j in range(width):
                moments[i, j] = float(moments[i, j]) + scaled * float(features[row, j])


def gershgorin_descent(
    features: Floats, labels: Floats, weights: Floats, penalty: float, rounds: int, losses: Floats
) -> tuple[float, float]:
    """Descend in place over `weights`, (width,), one step per element of `losses` but the last.

    Return the rate, and the smallest surplus of a step's decrease over rate |g|^2 / 2, not negative where the rate is
    safe. `losses`, (steps + 1,), gets the loss at every position; `rounds` scalings go into the bound. `features` is
    (samples, width), `labels` (samples,) of -1.0 or 1.0. IndexError if an array is too short.
    """
    width = len(weights)
    gradient = np.zeros(width)
    moments = np.zeros((width, width))
    second_moments(features, moments)
    rate = 1.0 / (0.25 * gershgorin_bound(moments, np.ones(width), rounds) + penalty)
    least = 1.0
    loss = logistic_gradient(features, labels, weights, penalty, gradient)
    losses[0] = loss
    for step in range(1, len(losses)):
        promised = 0.5 * rate * inner(gradient, gradient)
        for j in range(width):
            weights[j] = float(weights[j]) - rate * float(gradient[j])
        reached = logistic_gradient(features, labels, weights, penalty, gradient)
        least = min(least, loss - reached - promised)
        loss = reached
        losses[step] = loss
    return rate, least


def bound_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A symmetric matrix of `n` rows, most of its elements small, a scale of ones and `rounds`."""
    random = np.random.Generator(np.random.PCG64(seed))
    matrix = random.standard_normal((size["n"], size["n"])) ** 3
    return 0.5 * (matrix + matrix.T), np.ones(size["n"]), size["rounds"]


def bound_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Between the spectral radius of the magnitudes and the plain bound; the value from a power of the magnitudes."""
    magnitudes, scale, rounds = np.abs(before[0]), before[1], before[2]
    for _ in range(rounds - 1):
        scale = magnitudes @ scale
        scale = scale / np.max(scale)
    expected = float(np.max(magnitudes @ scale / scale))
    eigenvalues = np.linalg.eigvalsh(before[0])
    perron = float(np.linalg.eigvalsh(magnitudes)[-1])
    return [
        Check("bound", result, expected, 1e-9 * expected, "row sums as matrix products"),
        Check("eigenvalues outside", max(0.0, float(np.max(np.abs(eigenvalues))) - result), 0.0, 0.0, "eigvalsh"),
        Check("below the magnitudes' radius", max(0.0, perron * (1.0 - 1e-12) - result), 0.0, 0.0, "Collatz 1942"),
        Check(
            "above the plain discs", max(0.0, result - float(np.max(magnitudes.sum(axis=1)))), 0.0, 1e-9, "Gershgorin"
        ),
    ]


def descent_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Features (samples, width) and noisy labels, weights of zero, ridge 0.01, four rounds, `steps` steps."""
    random = np.random.Generator(np.random.PCG64(seed))
    features, labels = logistic.draw(random, size["samples"], size["width"])
    return features, labels, np.zeros(size["width"]), 0.01, 4, np.zeros(size["steps"] + 1)


def descent_checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The bound is above every curvature met, each step keeps its promise, and so does the whole course."""
    features, labels, start, penalty, _, losses = before
    weights = start
    for _ in range(30):
        slope = logistic.gradient_of(features, labels, weights, penalty)
        weights = weights - np.linalg.solve(logistic.hessian_of(features, weights, penalty), slope)
    steepest = 0.25 * np.linalg.eigvalsh(features.T @ features / len(features))[-1] + penalty
    rate, steps = result[0], len(losses) - 1
    above = after[5][-1] - logistic.loss_of(features, labels, weights, penalty)
    most = float(np.sum((start - weights) ** 2)) / (2.0 * rate * steps)
    last = logistic.loss_of(features, labels, after[2], penalty)
    return [
        Check("rate beyond the safe", max(0.0, rate * steepest - 1.0), 0.0, 1e-12, "eigvalsh"),
        Check("rate far too small", min(0.0, rate * steepest - 0.1), 0.0, 0.0, "eigvalsh"),
        Check("promises broken", min(0.0, result[1]), 0.0, 1e-14, "descent lemma"),
        Check("above the course", max(0.0, above - most), 0.0, 1e-12, "Beck & Teboulle 2009, theorem 3.1"),
        Check("last loss", after[5][-1], last, 1e-12, "matrix form"),
    ]


KERNELS = (
    Kernel(
        name="gershgorin_bound",
        family="curvature",
        summary="a bound on the largest eigenvalue from Gershgorin's discs, tightened by scaling",
        units=(Unit(gershgorin_bound, ("rounds", "rows", "columns", "rows")),),
        signature="float64(float64[:, ::1], float64[::1], int64)",
        sizes={
            "small": {"n": 120, "rounds": 5},
            "medium": {"n": 800, "rounds": 10},
            "large": {"n": 1600, "rounds": 25},
        },
        inputs=bound_inputs,
        checks=bound_checks,
        bets={},
    ),
    Kernel(
        name="gershgorin_descent",
        family="curvature",
        summary="gradient descent at the rate that Gershgorin's bound makes safe",
        units=(
            Unit(gershgorin_descent, ("steps", "weights")),
            Unit(gershgorin_bound, ("rounds", "rows", "columns", "rows")),
            Unit(second_moments, ("rows", "columns", "samples", "rows", "columns")),
            logistic.GRADIENT,
            INNER,
        ),
        signature=(
            "Tuple((float64, float64))(float64[:, ::1], float64[::1], float64[::1], float64, int64, float64[::1])"
        ),
        sizes={
            "small": {"samples": 100, "width": 8, "steps": 50},
            "medium": {"samples": 2000, "width": 8, "steps": 200},
            "large": {"samples": 5000, "width": 8, "steps": 800},
        },
        inputs=descent_inputs,
        checks=descent_checks,
        bets={"constant_shapes": "the width, trip count of the loops inside the loop over samples"},
    ),
)
