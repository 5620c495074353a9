"""Gaussian processes: the posterior of a function from a few of its values.

Rasmussen & Williams, "Gaussian Processes for Machine Learning" (2006), chapter 2. With the covariance matrix K of the
points, the noise s^2 and the Cholesky factor L of K + s^2 I, the mean at a point is its covariances divided by L times
the values divided by L, and the variance loses the square of the former.

Here is the form for a given set of points, and, for the searches of `improvement` and `safety`, the form for points
that come one at a time and are chosen from a fixed list of candidates. The latter keeps, of L divided into the
covariances with all candidates, one row per point; a new point costs one pass over the candidates per row. Because the
rows of L are entries of these same rows, L is never stored (Harbrecht, Peters & Schneider, "On the low-rank
approximation by the pivoted Cholesky decomposition", Applied Numerical Mathematics 62, 2012, who choose pivots by size
where a search chooses them by promise). Rejected: factoring again after each point, which costs its number squared
more.

The covariance is the squared exponential, exp(-d^2 / (2 length^2)), of variance 1: values are scaled beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def covariance(left: Floats, i: int, right: Floats, j: int, length: float) -> float:
    """Return the covariance of left[i] and right[j], points of shape (., d)."""
    square = 0.0
    for k in range(left.shape[1]):
        offset = float(left[i, k]) - float(right[j, k])
        square += offset * offset
    return math.exp(-0.5 * square / (length * length))


def factor_in_place(matrix: Floats) -> None:
    """Put the Cholesky factor of `matrix` (n, n) into its lower triangle; the upper one is not read.

    ValueError or ZeroDivisionError if it is not positive definite.
    """
    n = len(matrix)
    for j in range(n):
        pivot = float(matrix[j, j])
        for k in range(j):
            pivot -= float(matrix[j, k]) * float(matrix[j, k])
        pivot = math.sqrt(pivot)
        matrix[j, j] = pivot
        for i in range(j + 1, n):
            value = float(matrix[i, j])
            for k in range(j):
                value -= float(matrix[i, k]) * float(matrix[j, k])
            matrix[i, j] = value / pivot


def divide_in_place(factor: Floats, vector: Floats) -> None:
    """Divide the lower triangle of `factor` (n, n) into `vector` (n,), in place."""
    for i in range(len(vector)):
        value = float(vector[i])
        for k in range(i):
            value -= float(factor[i, k]) * float(vector[k])
        vector[i] = value / float(factor[i, i])


def gp_posterior(
    points: Floats, values: Floats, queries: Floats, length: float, noise: float, mean: Floats, variance: Floats
) -> float:
    """Write the posterior mean and variance at `queries` (m, d) into the last two (m,); return the log evidence.

    `values` (n,) were observed at `points` (n, d) with the variance `noise`; the prior mean is 0. Errors are those of
    `factor_in_place`.
    """
    n = len(points)
    matrix, scaled, column = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for i in range(n):
        scaled[i] = float(values[i])
        for j in range(i):
            matrix[i, j] = covariance(points, i, points, j, length)
        matrix[i, i] = 1.0 + noise
    factor_in_place(matrix)
    divide_in_place(matrix, scaled)
    evidence = -0.5 * n * math.log(2.0 * math.pi)
    for i in range(n):
        evidence -= 0.5 * float(scaled[i]) * float(scaled[i]) + math.log(float(matrix[i, i]))
    for q in range(len(queries)):
        for i in range(n):
            column[i] = covariance(points, i, queries, q, length)
        divide_in_place(matrix, column)
        expected, left = 0.0, 1.0
        for i in range(n):
            expected += float(column[i]) * float(scaled[i])
            left -= float(column[i]) * float(column[i])
        mean[q], variance[q] = expected, left
    return evidence


def observe(
    candidates: Floats,
    rows: Floats,
    t: int,
    at: int,
    value: float,
    length: float,
    noise: float,
    mean: Floats,
    variance: Floats,
) -> None:
    """Take in a `value` observed at candidate `at`, the observation number t from 0, with the variance `noise`.

    `candidates` (m, d); `mean` and `variance` (m,) are those of the candidates and are updated in place; rows[:t],
    `rows` being (t + 1 or more, m), are what earlier calls wrote there, and rows[t] is written. Before the first
    observation the mean is the prior one and the variance 1.
    """
    pivot = math.sqrt(max(float(variance[at]), 0.0) + noise)
    surprise = (value - float(mean[at])) / pivot
    for j in range(len(candidates)):
        rows[t, j] = covariance(candidates, at, candidates, j, length)
    for s in range(t):
        share = float(rows[s, at])
        for j in range(len(candidates)):
            rows[t, j] = float(rows[t, j]) - share * float(rows[s, j])
    for j in range(len(candidates)):
        entry = float(rows[t, j]) / pivot
        rows[t, j] = entry
        mean[j] = float(mean[j]) + entry * surprise
        variance[j] = float(variance[j]) - entry * entry


def dense_posterior(
    points: Floats, values: Floats, queries: Floats, length: float, noise: float
) -> tuple[Floats, Floats]:
    """Return the posterior mean and variance by dense solves, as a reference for the factors above."""

    def cover(left: Floats, right: Floats) -> Floats:
        squares: Floats = ((left[:, None, :] - right[None, :, :]) ** 2).sum(axis=-1)
        return np.exp(squares / (-2.0 * length**2))

    across = cover(points, queries)
    weights = np.linalg.solve(cover(points, points) + noise * np.eye(len(points)), across)
    return values @ weights, 1.0 - (across * weights).sum(axis=0)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`points` values of a smooth function in the unit square, with noise 0.1, and `queries` places to predict it."""
    random = np.random.Generator(np.random.PCG64(seed))
    points = random.uniform(0.0, 1.0, (size["points"], 2))
    values = np.sin(6.0 * points[:, 0]) * np.cos(4.0 * points[:, 1]) + random.normal(0.0, 0.1, size["points"])
    queries = random.uniform(0.0, 1.0, (size["queries"], 2))
    return points, values, queries, 0.3, 0.01, np.zeros(size["queries"]), np.zeros(size["queries"])


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The posterior by dense solves, the evidence by eigenvalues, and the function itself to within some noise."""
    points, values, queries, length, noise, _, _ = before
    mean, variance = dense_posterior(points, values, queries, length, noise)
    squares = ((points[:, None, :] - points) ** 2).sum(axis=-1)
    eigenvalues, vectors = np.linalg.eigh(np.exp(squares / (-2.0 * length**2)) + noise * np.eye(len(points)))
    rotated = vectors.T @ values
    evidence = -0.5 * float((rotated**2 / eigenvalues + np.log(2.0 * np.pi * eigenvalues)).sum())
    truth = np.sin(6.0 * queries[:, 0]) * np.cos(4.0 * queries[:, 1])
    return [
        Check("mean", after[5], mean, 1e-9, "dense solve"),
        Check("variance", after[6], variance, 1e-9, "dense solve"),
        Check("log evidence", result, evidence, 1e-9 * (1.0 + abs(evidence)), "eigenvalues"),
        Check("function", float(np.median(np.abs(after[5] - truth))), 0.0, 0.2, "the function behind the noise"),
    ]


KERNELS = (
    Kernel(
        name="gp_posterior",
        family="search",
        summary="posterior mean, variance and evidence of a Gaussian process",
        units=(
            Unit(gp_posterior, ("rows", "columns", "points", "queries", "points", "points")),
            Unit(factor_in_place, ("columns", "products", "rows below", "products")),
            Unit(divide_in_place, ("rows", "products")),
            Unit(covariance, ("axes",)),
        ),
        signature=(
            "float64(float64[:, ::1], float64[::1], float64[:, ::1], float64, float64, float64[::1], float64[::1])"
        ),
        sizes={
            "small": {"points": 40, "queries": 30},
            "medium": {"points": 160, "queries": 100},
            "large": {"points": 350, "queries": 250},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
