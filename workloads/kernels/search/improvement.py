"""Search by expected improvement on a Gaussian process.

Mockus, Tiesis & Zilinskas, "The application of Bayesian methods for seeking the extremum" (1978); Jones, Schonlau &
Welch, "Efficient global optimization of expensive black-box functions", Journal of Global Optimization 13 (1998). If
the value at a point is normal with mean m and deviation s, it falls below the best value b so far by
(b - m) P(z) + s p(z) on average, where z = (b - m) / s and P and p are the standard normal distribution function and
density. P is written as erfc(-z / sqrt(2)) / 2, which keeps its relative accuracy where z is very negative, and that is
where the largest of many tiny improvements has to be told from the others.

`bayesian_search` is the whole loop, on Branin's function, scaled to the unit square; its three minima of 0.397887 are
published (Dixon & Szegoe, "Towards Global Optimisation 2", 1978). `feasible_improvement` is one look at all candidates
under an unknown constraint: the improvement times the probability that the constraint holds (Schonlau, Welch & Jones,
IMS Lecture Notes 34, 1998; Gardner et al., "Bayesian optimization with inequality constraints", ICML 2014). The
constraint is soft there, and may be violated by a query; `safety` has the search that never does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .gaussian_process import covariance, dense_posterior, observe


def below(z: float) -> float:
    """Return the probability that a standard normal number is below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def expected_improvement(mean: float, deviation: float, best: float) -> float:
    """Return by how much a normal number falls below `best` on average; `deviation` may be 0."""
    gap = best - mean
    if deviation <= 0.0:
        return max(gap, 0.0)
    z = gap / deviation
    return max(gap * below(z) + deviation * (math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)), 0.0)


def feasible_improvement(
    mean: Floats,
    deviation: Floats,
    constraint: Floats,
    spread: Floats,
    best: float,
    limit: float,
    values: Floats,
) -> int:
    """Write the expected improvement times the probability of feasibility into `values`; return the first largest.

    All arrays have shape (m,). The objective of a candidate is normal with `mean` and `deviation`, its constraint with
    mean `constraint` and deviation `spread`, which is positive, and a candidate is feasible if that is below `limit`.
    ZeroDivisionError if a spread is 0.
    """
    chosen, largest = 0, -1.0
    for i in range(len(mean)):
        chance = below((limit - float(constraint[i])) / float(spread[i]))
        value = chance * expected_improvement(float(mean[i]), float(deviation[i]), best)
        values[i] = value
        if value > largest:
            chosen, largest = i, value
    return chosen


def branin(u: float, v: float) -> float:
    """Return Branin's function of x = 15 u - 5 and y = 15 v."""
    x, y = 15.0 * u - 5.0, 15.0 * v
    bent = y - 5.1 / (4.0 * math.pi * math.pi) * (x * x) + 5.0 / math.pi * x - 6.0
    return bent * bent + 10.0 * (1.0 - 1.0 / (8.0 * math.pi)) * math.cos(x) + 10.0


def bayesian_search(
    candidates: Floats,
    queries: Indices,
    start: int,
    centre: float,
    scale: float,
    length: float,
    noise: float,
    mean: Floats,
    variance: Floats,
) -> tuple[int, float]:
    """Look for the minimum of Branin's function among `candidates` (m, 2); return the best one and its value.

    The first `start` entries of `queries` (steps,) are given; every later one is the candidate of largest expected
    improvement, the first of equals, and is written there. The process models (value - centre) / scale with the
    squared exponential of `length` and the variance `noise`; its posterior goes into `mean` and `variance` (m,).
    """
    m, steps = len(candidates), len(queries)
    rows = np.zeros((steps, m))
    for j in range(m):
        mean[j], variance[j] = 0.0, 1.0
    best, lowest = 0, math.inf
    for t in range(steps):
        if t >= start:
            chosen, largest = 0, -1.0
            for j in range(m):
                deviation = math.sqrt(max(float(variance[j]), 0.0))
                improvement = expected_improvement(float(mean[j]), deviation, lowest)
                if improvement > largest:
                    chosen, largest = j, improvement
            queries[t] = chosen
        at = int(queries[t])
        value = (branin(float(candidates[at, 0]), float(candidates[at, 1])) - centre) / scale
        if value < lowest:
            best, lowest = at, value
        observe(candidates, rows, t, at, value, length, noise, mean, variance)
    return best, centre + scale * lowest


def feasible_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`candidates` predictions of all sorts, some of them certain, beside a best value 0 and a limit 0."""
    random = np.random.Generator(np.random.PCG64(seed))
    m = size["candidates"]
    deviation = random.gamma(2.0, 0.5, m) * (random.uniform(0.0, 1.0, m) > 0.05)
    spread = 0.1 + random.gamma(2.0, 0.5, m)
    return random.normal(1.0, 1.0, m), deviation, random.normal(0.5, 1.0, m), spread, 0.0, 0.0, np.zeros(m)


def feasible_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Both factors as integrals: of max(best - y, 0) and of the density of the constraint, by Gauss's rule.

    The integrals are taken for some 10,000 candidates, the best of all among them.
    """
    best, limit, values = before[4], before[5], after[6]
    some = np.append(np.arange(0, len(values), 1 + len(values) // 10_000), np.argmax(values))
    mean, deviation, constraint, spread = (array[some] for array in before[:4])
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def integral(centre: Floats, width: Floats, bound: float, gain: bool) -> Floats:
        low, high = centre - 12.0 * width, np.minimum(bound, centre + 12.0 * width)
        half = np.maximum(high - low, 0.0)[:, None] / 2.0
        y = low[:, None] + half * (nodes + 1.0)
        density = np.exp(-0.5 * ((y - centre[:, None]) / width[:, None]) ** 2) / width[:, None] / math.sqrt(2 * math.pi)
        total: Floats = (half * weights * density * (bound - y if gain else 1.0)).sum(axis=1)
        return total

    sure = deviation == 0.0
    improvement = np.where(sure, np.maximum(best - mean, 0.0), 0.0)
    improvement[~sure] = integral(mean[~sure], deviation[~sure], best, True)
    expected = improvement * integral(constraint, spread, limit, False)
    return [
        Check("improvement", values[some], expected, 1e-10, "Gauss-Legendre quadrature"),
        Check("chosen", result, int(np.argmax(values)), 0.0, "the largest of the values"),
    ]


def search_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`side`^2 candidates on a grid of the unit square, ten of them drawn to begin with, `steps` queries in all."""
    random = np.random.Generator(np.random.PCG64(seed))
    ticks = np.linspace(0.0, 1.0, size["side"])
    candidates = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    m, steps, start = len(candidates), size["steps"], 10
    queries = np.zeros(steps, np.int64)
    queries[:start] = random.choice(m, start, replace=False)
    return candidates, queries, start, 55.0, 50.0, 0.25, 1e-6, np.zeros(m), np.zeros(m)


def search_checks(before: tuple[Any, ...], result: tuple[int, float], after: tuple[Any, ...]) -> list[Check]:
    """The posterior by dense solves; after each of them no candidate promises more than the one that was queried.

    The best value found is among the lowest twentieth of all candidates, and no lower than the published minimum.
    """
    candidates, _, start, centre, scale, length, noise, _, _ = before
    queries = after[1]
    x, y = 15.0 * candidates[:, 0] - 5.0, 15.0 * candidates[:, 1]
    values = (y - 5.1 * (x / np.pi) ** 2 / 4.0 + 5.0 * x / np.pi - 6.0) ** 2
    values += 10.0 * (1.0 - 0.125 / np.pi) * np.cos(x) + 10.0
    scaled = (values - centre) / scale
    worst = 0.0
    for t in range(start, len(queries)):
        seen = queries[:t]
        mean, variance = dense_posterior(candidates[seen], scaled[seen], candidates, length, noise)
        z = (scaled[seen].min() - mean) / np.sqrt(np.maximum(variance, 1e-300))
        upper = np.array([math.erf(each / math.sqrt(2.0)) for each in z])
        gain = np.sqrt(np.maximum(variance, 0.0)) * (
            z * (0.5 + 0.5 * upper) + np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
        )
        worst = max(worst, float(gain.max() - gain[queries[t]]))
    mean, variance = dense_posterior(candidates[queries], scaled[queries], candidates, length, noise)
    rank = int((values < result[1] - 1e-9).sum()) / len(values)
    return [
        Check("mean", after[7], mean, 1e-5, "dense solve"),
        Check("variance", after[8], variance, 1e-7, "dense solve"),
        Check("improvement missed", worst, 0.0, 1e-6, "expected improvement after dense solves"),
        Check("best value", result[1], values[queries].min(), 1e-9, "Branin's function, vectorised"),
        Check("best candidate", result[0], int(queries[np.argmin(values[queries])]), 0.0, "Branin's function"),
        Check("lower candidates", rank, 0.0, 0.05, "Branin's function at all candidates"),
        Check("below the minimum", max(0.397887 - result[1], 0.0), 0.0, 1e-6, "published minimum 0.397887"),
    ]


KERNELS = (
    Kernel(
        name="feasible_improvement",
        family="search",
        summary="expected improvement times the probability that a constraint holds, of many candidates",
        units=(Unit(feasible_improvement, ("candidates",)), Unit(expected_improvement), Unit(below)),
        signature=("int64(float64[::1], float64[::1], float64[::1], float64[::1], float64, float64, float64[::1])"),
        sizes={
            "small": {"candidates": 10_000},
            "medium": {"candidates": 500_000},
            "large": {"candidates": 4_000_000},
        },
        inputs=feasible_inputs,
        checks=feasible_checks,
        bets={},
    ),
    Kernel(
        name="bayesian_search",
        family="search",
        summary="Gaussian-process search with expected improvement on Branin's function",
        units=(
            Unit(bayesian_search, ("candidates", "queries", "candidates")),
            Unit(observe, ("candidates", "earlier rows", "candidates", "candidates")),
            Unit(covariance, ("axes",)),
            Unit(expected_improvement),
            Unit(below),
            Unit(branin),
        ),
        signature=(
            "Tuple((int64, float64))(float64[:, ::1], int64[::1], int64, float64, float64, float64, float64,"
            " float64[::1], float64[::1])"
        ),
        sizes={
            "small": {"side": 11, "steps": 25},
            "medium": {"side": 30, "steps": 60},
            "large": {"side": 60, "steps": 100},
        },
        inputs=search_inputs,
        checks=search_checks,
        bets={},
    ),
)
