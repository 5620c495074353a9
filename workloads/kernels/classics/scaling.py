"""Normalisations: divisions that look like those of `divisions` and on which the bet brings nothing.

The denominator of a mean, a deviation or a softmax is one number per row. LLVM takes its test out of the loop, and the
row is vectorised with or without the bet. In a tridiagonal elimination (L. Thomas, 1949; Golub and Van Loan, section
4.3.6) each denominator is new, but it waits for the division before it, and a test in its shadow costs nothing.
None of these declares a bet: a controller has to find that out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def standardize(rows: Floats) -> None:
    """Shift and scale each of `rows`, shape (m, n), to mean zero and variance one, in place.

    A row of equal numbers raises ZeroDivisionError.
    """
    for i in range(rows.shape[0]):
        total = 0.0
        for j in range(rows.shape[1]):
            total += float(rows[i, j])
        mean = total / rows.shape[1]
        total = 0.0
        for j in range(rows.shape[1]):
            offset = float(rows[i, j]) - mean
            total += offset * offset
        deviation = math.sqrt(total / rows.shape[1])
        for j in range(rows.shape[1]):
            rows[i, j] = (float(rows[i, j]) - mean) / deviation


def standardize_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Rows of noise around 3, of deviation 2."""
    random = np.random.Generator(np.random.PCG64(seed))
    return (random.normal(3.0, 2.0, (size["rows"], size["n"])),)


def standardize_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The rows have these moments, and are lines through the old ones."""
    rows, scaled = before[0], after[0]
    expected = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    return [
        Check("rows", scaled, expected, 1e-11, "numpy mean and std"),
        Check("variances", (scaled**2).mean(axis=1), np.ones(len(rows)), 1e-11, "definition"),
    ]


def softmax(scores: Floats, weights: Floats) -> None:
    """Write the softmax of each row of `scores` to `weights`, both (m, n)."""
    for i in range(scores.shape[0]):
        largest = float(scores[i, 0])
        for j in range(scores.shape[1]):
            largest = max(largest, float(scores[i, j]))
        total = 0.0
        for j in range(scores.shape[1]):
            weight = math.exp(float(scores[i, j]) - largest)
            weights[i, j] = weight
            total += weight
        for j in range(scores.shape[1]):
            weights[i, j] = float(weights[i, j]) / total


def softmax_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Normal scores."""
    random = np.random.Generator(np.random.PCG64(seed))
    shape = size["rows"], size["n"]
    return random.normal(0.0, 3.0, shape), np.zeros(shape)


def softmax_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Weights sum to one, and their logarithms differ as the scores do."""
    scores, weights = before[0], after[1]
    logarithms = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return [
        Check("sums", weights.sum(axis=1), np.ones(len(scores)), 1e-12, "definition"),
        Check("logarithms", np.log(weights), logarithms, 1e-12, "numpy.logaddexp"),
    ]


def thomas(lower: Floats, middle: Floats, upper: Floats, right: Floats, solution: Floats, scratch: Floats) -> None:
    """Solve a tridiagonal system by elimination; every array has shape (n,), the last two are written.

    Row i is lower[i] x[i - 1] + middle[i] x[i] + upper[i] x[i + 1] = right[i]. A zero pivot raises ZeroDivisionError.
    """
    pivot = float(middle[0])
    scratch[0] = float(upper[0]) / pivot
    solution[0] = float(right[0]) / pivot
    for i in range(1, len(right)):
        below = float(lower[i])
        pivot = float(middle[i]) - below * float(scratch[i - 1])
        scratch[i] = float(upper[i]) / pivot
        solution[i] = (float(right[i]) - below * float(solution[i - 1])) / pivot
    for i in range(len(right) - 2, -1, -1):
        solution[i] = float(solution[i]) - float(scratch[i]) * float(solution[i + 1])


def thomas_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A diagonally dominant system."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    lower, upper = random.uniform(-1.0, 1.0, (2, n))
    return lower, random.uniform(2.5, 4.0, n), upper, random.normal(size=n), np.zeros(n), np.zeros(n)


def thomas_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The solution satisfies every row, and its first piece agrees with LAPACK's of the leading rows."""
    lower, middle, upper, right, _, _ = before
    x = after[4]
    left = middle * x
    left[1:] += lower[1:] * x[:-1]
    left[:-1] += upper[:-1] * x[1:]
    n = min(60, len(right))
    matrix = np.diag(middle[:n]) + np.diag(lower[1:n], -1) + np.diag(upper[: n - 1], 1)
    leading = np.linalg.solve(matrix, right[:n])[: n // 2]
    return [
        Check("rows", left, right, 1e-12, "the system"),
        Check("first half of the leading rows", x[: n // 2], leading, 1e-12, "numpy.linalg.solve (LAPACK)"),
    ]


KERNELS = (
    Kernel(
        name="standardize",
        family="classics",
        summary="rows to mean 0 and variance 1: the test of the denominator is hoisted, so betting on it is idle",
        units=(Unit(standardize, ("rows", "columns", "columns", "columns")),),
        signature="none(float64[:, ::1])",
        sizes={
            "small": {"rows": 100, "n": 200},
            "medium": {"rows": 1000, "n": 1000},
            "large": {"rows": 9000, "n": 1000},
        },
        inputs=standardize_inputs,
        checks=standardize_checks,
        bets={},
    ),
    Kernel(
        name="softmax",
        family="classics",
        summary="softmax of rows: its time goes to exponentials, so betting on the denominator is idle",
        units=(Unit(softmax, ("rows", "columns", "columns", "columns")),),
        signature="none(float64[:, ::1], float64[:, ::1])",
        sizes={"small": {"rows": 80, "n": 200}, "medium": {"rows": 4000, "n": 200}, "large": {"rows": 40000, "n": 200}},
        inputs=softmax_inputs,
        checks=softmax_checks,
        bets={},
    ),
    Kernel(
        name="thomas",
        family="classics",
        summary="tridiagonal elimination: tests of pivots hide behind divisions, so betting on them is idle",
        units=(Unit(thomas, ("rows", "rows from the last")),),
        signature="none(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])",
        sizes={"small": {"n": 10000}, "medium": {"n": 600000}, "large": {"n": 6000000}},
        inputs=thomas_inputs,
        checks=thomas_checks,
        bets={},
    ),
)
