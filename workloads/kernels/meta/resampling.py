"""What is done with importance weights: samples are drawn again by them, and their own error is estimated.

Systematic resampling (Carpenter, Clifford & Fearnhead, "Improved particle filter for nonlinear problems", IEE
Proceedings: Radar, Sonar and Navigation 146, 1999) lays one comb of n evenly spaced teeth over the cumulated weights. A
sample of weight w is then kept floor(n w) or ceil(n w) times, which is the check; a plain draw scatters by sqrt(n w).
It is one step of a filter, short, and called once per time step.

The error of a ratio of weighted sums has no exact form. The bootstrap (Efron, "Bootstrap methods: another look at the
jackknife", Annals of Statistics 7, 1979) forms the ratio again from samples drawn with replacement. The drawn indices
come in as an array, so the inner loop is a gather, as in all resampling. The reference counts how often each sample was
drawn and takes matrix products; the delta method (Owen, "Monte Carlo theory, methods and examples", 2013, chapter 9)
gives the error without drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def systematic_resample(weights: Floats, offset: float, chosen: Indices) -> int:
    """Write the indices of as many samples as `chosen` has elements, drawn by `weights`, shape (n,), sum 1.

    `offset`, in [0, 1), shifts all draws together. Returns how many different samples were chosen.
    """
    cumulated = float(weights[0])
    sample = 0
    different = 0
    last = -1
    for i in range(len(chosen)):
        tooth = (i + offset) / len(chosen)
        while tooth >= cumulated and sample < len(weights) - 1:
            sample += 1
            cumulated += float(weights[sample])
        chosen[i] = sample
        if sample != last:
            different += 1
            last = sample
    return different


def resample_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Exponentially distributed weights, and as many draws."""
    random = np.random.Generator(np.random.PCG64(seed))
    weights = random.exponential(size=size["n"])
    return weights / weights.sum(), float(random.random()), np.zeros(size["n"], np.int64)


def resample_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The comb by binary search in the cumulated weights; every count is the product n w, rounded up or down."""
    weights, offset, chosen = before
    teeth = (np.arange(len(chosen)) + offset) / len(chosen)
    expected = np.minimum(np.searchsorted(np.cumsum(weights), teeth, side="right"), len(weights) - 1)
    counts = np.bincount(after[2], minlength=len(weights))[: len(weights)]
    due = len(chosen) * weights
    excess = np.maximum(np.abs(counts - due) - 1.0, 0.0)
    return [
        Check("indices", after[2], expected, 0.0, "binary search in NumPy"),
        Check("different samples", result, len(np.unique(expected)), 0.0, "numpy.unique"),
        Check("counts off by one or more", excess, np.zeros(len(weights)), 1e-9, "floor or ceil of n w"),
    ]


def bootstrap_error(weights: Floats, values: Floats, draws: Indices, replicates: Floats) -> float:
    """Write the weighted mean of every row of `draws` into `replicates`; return their standard deviation.

    `weights` and `values` have shape (n,), `draws` (replicates, n) with indices below n. ZeroDivisionError for fewer
    than two replicates.
    """
    products = np.zeros_like(values)
    for i in range(len(values)):
        products[i] = float(weights[i]) * float(values[i])
    centre = 0.0
    for r in range(len(replicates)):
        total = 0.0
        product = 0.0
        for i in range(draws.shape[1]):
            sample = int(draws[r, i])
            total += float(weights[sample])
            product += float(products[sample])
        replicates[r] = product / total
        centre += product / total
    centre /= len(replicates)
    squares = 0.0
    for r in range(len(replicates)):
        offset = float(replicates[r]) - centre
        squares += offset * offset
    return math.sqrt(squares / (len(replicates) - 1))


def bootstrap_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Samples of N(0, 1), their weights under N(0.5, 0.8^2), and draws with replacement."""
    random = np.random.Generator(np.random.PCG64(seed))
    values = random.normal(size=size["n"])
    weights = np.exp(0.5 * values**2 - 0.5 * ((values - 0.5) / 0.8) ** 2)
    draws = random.integers(0, size["n"], (size["replicates"], size["n"]))
    return weights, values, draws, np.zeros(size["replicates"])


def bootstrap_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Replicates from counts; their deviation is that of the delta method within five of its own errors."""
    weights, values, draws, _ = before
    counts = np.array([np.bincount(row, minlength=len(weights)) for row in draws])
    means = counts @ (weights * values) / (counts @ weights)
    centre = float(weights @ values / weights.sum())
    delta = math.sqrt(float(weights**2 @ (values - centre) ** 2)) / float(weights.sum())
    return [
        Check("replicates", after[3], means, 1e-11, "counts and matrix products in NumPy"),
        Check("deviation", result, means.std(ddof=1), 1e-11, "numpy.std"),
        Check("error", result, delta, 5.0 * delta / math.sqrt(2.0 * len(draws)), "delta method, Owen 2013, chapter 9"),
    ]


KERNELS = (
    Kernel(
        name="systematic_resample",
        family="meta",
        summary="one systematic resampling step by importance weights",
        units=(Unit(systematic_resample, ("draws", "samples")),),
        signature="int64(float64[::1], float64, int64[::1])",
        sizes={
            "small": {"n": 50000},
            "medium": {"n": 2000000},
            "large": {"n": 20000000},
        },
        inputs=resample_inputs,
        checks=resample_checks,
        bets={},
    ),
    Kernel(
        name="bootstrap_error",
        family="meta",
        summary="bootstrap error of an importance-weighted mean, from drawn indices",
        units=(Unit(bootstrap_error, ("samples", "replicates", "samples", "replicates")),),
        signature="float64(float64[::1], float64[::1], int64[:,::1], float64[::1])",
        sizes={
            "small": {"n": 500, "replicates": 100},
            "medium": {"n": 1000, "replicates": 2000},
            "large": {"n": 1000, "replicates": 20000},
        },
        inputs=bootstrap_inputs,
        checks=bootstrap_checks,
        bets={"index_maxima": "the drawn samples: two gathers per draw, in the inner loop"},
    ),
)
