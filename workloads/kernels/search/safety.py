"""Gaussian-process search that never tries an unsafe point.

Sui, Gotovos, Burdick & Krause, "Safe exploration for optimization with Gaussian processes" (SafeOpt), ICML 2015. A
function is to be maximised, and no point may be tried where it is below a threshold h. From a few points known to be
safe, the safe set grows to all x' with l(x) - L |x - x'| >= h for a safe x: l is the lower end of a confidence
interval, L a Lipschitz constant. Of the safe points two kinds are worth a try, the maximisers, whose upper end u is not
below the best lower end, and the expanders, which would make an unsafe point safe if they turned out to be as good as
u. The widest interval among them is tried next.

Safe is what the intervals make of it. Here they are certain: a function f of the space that the covariance spans
differs from the posterior mean by at most its norm there times the posterior deviation, as long as its values are
observed without noise (Fasshauer, "Meshfree Approximation Methods with Matlab", 2007, chapter 14; the small variance
added to the diagonal only widens them). So f is built from a few kernels, its norm is known, and a violation would be a
mistake of the program. In practice the norm is a guess, and the paper's factor grows with the number of queries.

The Lipschitz constant is the largest slope between neighbouring candidates, which holds between all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .gaussian_process import covariance, dense_posterior, observe


def tighten(mean: Floats, variance: Floats, norm: float, lower: Floats, upper: Floats) -> None:
    """Intersect the intervals lower..upper with mean +- norm * sqrt(variance), in place; all of shape (m,)."""
    for j in range(len(mean)):
        reach = norm * math.sqrt(max(float(variance[j]), 0.0))
        lower[j] = max(float(lower[j]), float(mean[j]) - reach)
        upper[j] = min(float(upper[j]), float(mean[j]) + reach)


def grow(candidates: Floats, lower: Floats, lipschitz: float, threshold: float, safe: Indices) -> int:
    """Add to `safe` (m,), ones and zeros, what its members vouch for; return how many candidates are safe then.

    Only members on entry count. `candidates` has shape (m, 1), `lower` (m,).
    """
    m = len(safe)
    member = np.zeros(m, np.int64)
    for j in range(m):
        member[j] = int(safe[j])
    for i in range(m):
        slack = float(lower[i]) - threshold
        if int(member[i]) == 1 and slack >= 0.0:
            for j in range(m):
                if lipschitz * abs(float(candidates[i, 0]) - float(candidates[j, 0])) <= slack:
                    safe[j] = 1
    count = 0
    for j in range(m):
        count += int(safe[j])
    return count


def expands(candidates: Floats, i: int, upper: Floats, lipschitz: float, threshold: float, safe: Indices) -> bool:
    """Return whether some unsafe candidate would be safe if candidate i were worth upper[i]."""
    slack = float(upper[i]) - threshold
    for j in range(len(safe)):
        if int(safe[j]) == 0 and lipschitz * abs(float(candidates[i, 0]) - float(candidates[j, 0])) <= slack:
            return True
    return False


def choose(candidates: Floats, lower: Floats, upper: Floats, lipschitz: float, threshold: float, safe: Indices) -> int:
    """Return the safe maximiser or expander of the widest interval, the first of equals."""
    m = len(safe)
    floor = -math.inf
    for j in range(m):
        if int(safe[j]) == 1:
            floor = max(floor, float(lower[j]))
    chosen, widest = 0, -math.inf
    for j in range(m):
        width = float(upper[j]) - float(lower[j])
        if (
            int(safe[j]) == 1
            and width > widest
            and (float(upper[j]) >= floor or expands(candidates, j, upper, lipschitz, threshold, safe))
        ):
            chosen, widest = j, width
    return chosen


def safe_search(
    candidates: Floats,
    truth: Floats,
    safe: Indices,
    threshold: float,
    lipschitz: float,
    norm: float,
    length: float,
    noise: float,
    queries: Indices,
    counts: Indices,
    lower: Floats,
    upper: Floats,
) -> tuple[int, float]:
    """Maximise `truth` (m,), given at `candidates` (m, 1) on a line; return the best query and its value.

    `safe` (m,), ones and zeros, holds the candidates known to be safe and grows in place. The queries go into `queries`
    and the number of safe candidates after each into `counts`, both (steps,), the final intervals into `lower` and
    `upper` (m,). `norm` is that of the truth in the space of the covariance of `length`, `noise` the variance added to
    its diagonal.
    """
    m, steps = len(truth), len(queries)
    mean, variance, rows = np.zeros(m), np.ones(m), np.zeros((steps, m))
    for j in range(m):
        lower[j], upper[j] = threshold if int(safe[j]) == 1 else -norm, norm
    best, highest = 0, -math.inf
    for t in range(steps):
        at = choose(candidates, lower, upper, lipschitz, threshold, safe)
        queries[t] = at
        value = float(truth[at])
        if value > highest:
            best, highest = at, value
        observe(candidates, rows, t, at, value, length, noise, mean, variance)
        tighten(mean, variance, norm, lower, upper)
        counts[t] = grow(candidates, lower, lipschitz, threshold, safe)
    return best, highest


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A sum of eight kernels of length 0.15 on `candidates` points of [0, 1], of norm 1, and `steps` queries.

    The threshold leaves about two thirds of the candidates safe; the one known to be safe is the median of these.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    m, length = size["candidates"], 0.15
    candidates = np.linspace(0.0, 1.0, m)
    centres, weights = random.uniform(0.0, 1.0, 8), random.normal(0.0, 1.0, 8)
    squared = weights @ np.exp(-((centres[:, None] - centres) ** 2) / (2.0 * length**2)) @ weights
    truth = np.exp(-((candidates[:, None] - centres) ** 2) / (2.0 * length**2)) @ (weights / math.sqrt(squared))
    order = np.argsort(truth)
    safe = np.zeros(m, np.int64)
    safe[order[m // 3 + m // 3]] = 1
    slope = float(np.max(np.abs(np.diff(truth)))) * (m - 1)
    queries, counts = np.zeros(size["steps"], np.int64), np.zeros(size["steps"], np.int64)
    threshold = float(truth[order[m // 3]])
    return (
        candidates.reshape(m, 1), truth, safe, threshold, 1.000001 * slope, 1.000001, length, 1e-6,
        queries, counts, np.zeros(m), np.zeros(m),
    )  # fmt: skip


def checks(before: tuple[Any, ...], result: tuple[int, float], after: tuple[Any, ...]) -> list[Check]:
    """No query is unsafe and no interval misses the truth, as proved; the course, by dense solves and whole matrices.

    The number of safe candidates after each query is what the paper's sets give when every posterior is solved anew.
    """
    candidates, truth, seeds, threshold, lipschitz, norm, length, noise, *_ = before
    queries, counts, lower, upper = after[8:]
    far = lipschitz * np.abs(candidates - candidates.T)
    safe = seeds == 1
    low, high = np.where(safe, threshold, -norm), np.full(len(truth), norm)
    expected, worst = [], 0.0
    for t, at in enumerate(queries):
        promising = high >= low[safe].max()
        promising |= ((high[:, None] - far >= threshold) & ~safe).any(axis=1)
        widths = np.where(safe, high - low, -np.inf)
        worst = max(worst, abs(float(widths[promising].max() - widths[at])))
        seen = queries[: t + 1]
        mean, variance = dense_posterior(candidates[seen], truth[seen], candidates, length, noise)
        reach = norm * np.sqrt(np.maximum(variance, 0.0))
        low, high = np.maximum(low, mean - reach), np.minimum(high, mean + reach)
        safe = safe | (low[safe][:, None] - far[safe] >= threshold).any(axis=0)
        expected.append(int(safe.sum()))
    outside = np.maximum(lower - truth, truth - upper).max()
    return [
        Check("unsafe queries", int((truth[queries] < threshold).sum()), 0, 0.0, "safety theorem of the paper"),
        Check("truth outside its interval", max(float(outside), 0.0), 0.0, 1e-9, "norm times deviation"),
        Check("lower ends", lower, low, 1e-5, "dense solves"),
        Check("upper ends", upper, high, 1e-5, "dense solves"),
        Check("safe candidates", counts, expected, 1.0, "dense solves, sets as matrices"),
        Check("width of the queries", worst, 0.0, 1e-5, "the widest interval, by dense solves and matrices"),
        Check("best", result[1], truth[queries].max(), 0.0, "the truth at the queries"),
        Check("best query", result[0], int(queries[np.argmax(truth[queries])]), 0.0, "the truth at the queries"),
    ]


KERNELS = (
    Kernel(
        name="safe_search",
        family="search",
        summary="Gaussian-process search with a safety constraint (SafeOpt)",
        units=(
            Unit(safe_search, ("candidates", "queries")),
            Unit(choose, ("candidates", "candidates")),
            Unit(expands, ("candidates",)),
            Unit(grow, ("candidates", "members", "candidates", "candidates")),
            Unit(tighten, ("candidates",)),
            Unit(observe, ("candidates", "earlier rows", "candidates", "candidates")),
            Unit(covariance, ("axes",)),
        ),
        signature=(
            "Tuple((int64, float64))(float64[:, ::1], float64[::1], int64[::1], float64, float64, float64, float64,"
            " float64, int64[::1], int64[::1], float64[::1], float64[::1])"
        ),
        sizes={
            "small": {"candidates": 60, "steps": 20},
            "medium": {"candidates": 300, "steps": 50},
            "large": {"candidates": 700, "steps": 90},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
