"""Population Monte Carlo: adaptive importance sampling by many narrow proposals, and how the next ones are drawn.

A density of several hills is no work for the single proposal of `importance`. Here every member of a population
proposes one sample; samples are weighted, and the members' next places are drawn from the samples by weight (Cappe,
Guillin, Marin & Robert, "Population Monte Carlo", Journal of Computational and Graphical Statistics 13, 2004). The
denominator of a weight is the mixture of all proposals, not the sample's own: it costs the square of the population and
rids the weights of most of their variance (Elvira, Martino, Luengo & Bugallo, "Improving population Monte Carlo:
alternative weighting and resampling schemes", Signal Processing 131, 2017).

`systematic_resampling` draws m indices by weight with a single random number: equidistant marks on the cumulated
weights (Kitagawa, "Monte Carlo filter and smoother for non-Gaussian nonlinear state space models", Journal of
Computational and Graphical Statistics 5, 1996). Each index comes up as often as m times its weight, rounded up or down.
Rejected: independent draws, whose numbers scatter more and which ask for a search each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def systematic_resampling(weights: Floats, uniform: float, chosen: Indices) -> int:
    """Write as many indices as `chosen` is long, drawn by `weights` (n,); return how many of these are different.

    Mark k lies at (k + uniform) / len(chosen) of the sum of the weights, which are not negative.
    """
    total = 0.0
    for i in range(len(weights)):
        total += float(weights[i])
    spacing = total / len(chosen)
    place, reached, different, last = 0, float(weights[0]), 0, -1
    for k in range(len(chosen)):
        mark = (k + uniform) * spacing
        while reached <= mark and place < len(weights) - 1:
            place += 1
            reached += float(weights[place])
        chosen[k] = place
        if place != last:
            different += 1
            last = place
    return different


def hills(x: float, y: float, tops: Floats, width: float) -> float:
    """Return the sum of exp(-d^2 / (2 width^2)) over the distances d of (x, y) from `tops` (m, 2)."""
    value = 0.0
    for k in range(len(tops)):
        across, up = x - float(tops[k, 0]), y - float(tops[k, 1])
        value += math.exp(-(across * across + up * up) / (2.0 * width * width))
    return value


def population_monte_carlo(
    normals: Floats,
    uniforms: Floats,
    centres: Floats,
    reach: float,
    tops: Floats,
    width: float,
    samples: Floats,
    weights: Floats,
) -> tuple[float, float, float]:
    """Adapt a population of proposals to a density of several hills; return its integral and its mean's coordinates.

    `centres` (m, 2) are changed in place after every generation but the last; each proposes one normal sample of
    deviation `reach` per generation, from `normals` (generations * m, 2). The last generation's `samples` (m, 2) and
    `weights` (m,) are kept. `uniforms` (generations,) are for resampling, `tops` and `width` for `hills`.
    """
    m = len(centres)
    chosen = np.zeros(m, np.int64)
    integral, across, up = 0.0, 0.0, 0.0
    for t in range(len(uniforms)):
        integral, across, up = 0.0, 0.0, 0.0
        for k in range(m):
            x = float(centres[k, 0]) + reach * float(normals[t * m + k, 0])
            y = float(centres[k, 1]) + reach * float(normals[t * m + k, 1])
            samples[k, 0], samples[k, 1] = x, y
            density = hills(x, y, centres, reach) / (2.0 * math.pi * reach * reach * m)
            weight = hills(x, y, tops, width) / density
            weights[k] = weight
            integral += weight
            across += weight * x
            up += weight * y
        across, up, integral = across / integral, up / integral, integral / m
        if t < len(uniforms) - 1:
            systematic_resampling(weights, float(uniforms[t]), chosen)
            for k in range(m):
                centres[k, 0] = float(samples[int(chosen[k]), 0])
                centres[k, 1] = float(samples[int(chosen[k]), 1])
    return integral, across, up


def resampling_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`weights` weights, log-normal as importance weights are, and as many indices to draw."""
    random = np.random.Generator(np.random.PCG64(seed))
    weights = np.exp(random.normal(0.0, 1.0, size["weights"]))
    return weights, float(random.uniform()), np.zeros(size["weights"], np.int64)


def resampling_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Every index comes up the floor or the ceiling of its share, and every mark lies in the weight that it drew."""
    weights, uniform, chosen = before
    m = len(chosen)
    shares = weights / weights.sum()
    counts = np.bincount(after[2], minlength=len(weights))
    marks = (np.arange(m) + uniform) / m
    cumulated = np.concatenate([[0.0], np.cumsum(shares)])
    found = np.minimum(after[2], len(weights) - 1)
    outside = np.maximum(cumulated[found] - marks, marks - cumulated[found + 1])
    return [
        Check("counts", counts[: len(weights)], m * shares, 1.0 + 1e-6, "floor or ceiling of the share"),
        Check("marks outside their weight", max(float(outside.max()), 0.0), 0.0, 1e-12, "cumulated weights"),
        Check("different indices", result, int((counts > 0).sum()), 0.0, "counts"),
    ]


def population_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Four hills of width 0.5 in a square of side 10, and `members` proposals spread over it."""
    random = np.random.Generator(np.random.PCG64(seed))
    m, generations = size["members"], size["generations"]
    tops = np.array([[-4.0, -3.0], [-1.0, 4.0], [3.0, -2.0], [4.0, 4.0]]) + random.uniform(-0.5, 0.5, (4, 2))
    return (
        random.normal(0.0, 1.0, (generations * m, 2)),
        random.uniform(0.0, 1.0, generations),
        random.uniform(-5.0, 5.0, (m, 2)),
        0.9,
        tops,
        0.5,
        np.zeros((m, 2)),
        np.zeros(m),
    )


def population_checks(
    before: tuple[Any, ...], result: tuple[float, float, float], after: tuple[Any, ...]
) -> list[Check]:
    """All generations by broadcasting and bisection; integral and mean of the hills within eight standard errors."""
    normals, uniforms, centres, reach, tops, width, _, _ = before
    m = len(centres)

    def density(samples: Floats, places: Floats, deviation: float) -> Floats:
        squares = ((samples[:, None, :] - places) ** 2).sum(axis=-1)
        total: Floats = np.exp(squares / (-2.0 * deviation**2)).sum(axis=1)
        return total

    samples, expected = centres, np.ones(m)
    for t in range(len(uniforms)):
        if t > 0:
            marks = (np.arange(m) + uniforms[t - 1]) / m * expected.sum()
            centres = samples[np.searchsorted(np.cumsum(expected), marks, side="right")]
        samples = centres + reach * normals[t * m : (t + 1) * m]
        mixture = density(samples, centres, reach) / (2.0 * np.pi * reach**2 * m)
        expected = density(samples, tops, width) / mixture
    integral = 2.0 * np.pi * width**2 * len(tops)
    error = 8.0 * float(expected.std(ddof=1)) / math.sqrt(m)
    mean = expected @ samples / expected.sum()
    spread = np.sqrt((expected[:, None] ** 2 * (samples - mean) ** 2).sum(axis=0)) / expected.sum()
    return [
        Check("centres", after[2], centres, 1e-12, "bisection of the cumulated weights"),
        Check("samples", after[6], samples, 1e-12, "whole arrays"),
        Check("weights", after[7], expected, 1e-9 * float(expected.max()), "broadcasting"),
        Check("mean weight", result[0], expected.mean(), 1e-9 * integral, "broadcasting"),
        Check("weighted mean", result[1:], mean, 1e-9, "broadcasting"),
        Check("integral", result[0], integral, error, "closed form 2 pi width^2 per hill"),
        Check("mean", (result[1:] - tops.mean(axis=0)) / spread, np.zeros(2), 8.0, "closed form: the mean of the tops"),
    ]


KERNELS = (
    Kernel(
        name="systematic_resampling",
        family="search",
        summary="indices drawn by weight with one random number",
        units=(Unit(systematic_resampling, ("weights", "marks", "weights")),),
        signature="int64(float64[::1], float64, int64[::1])",
        sizes={
            "small": {"weights": 30_000},
            "medium": {"weights": 1_300_000},
            "large": {"weights": 10_000_000},
        },
        inputs=resampling_inputs,
        checks=resampling_checks,
        bets={},
    ),
    Kernel(
        name="population_monte_carlo",
        family="search",
        summary="importance sampling by a population of proposals, resampled by weight",
        units=(
            Unit(population_monte_carlo, ("generations", "members", "members")),
            Unit(hills, ("tops",)),
            Unit(systematic_resampling, ("weights", "marks", "weights")),
        ),
        signature=(
            "UniTuple(float64, 3)(float64[:, ::1], float64[::1], float64[:, ::1], float64, float64[:, ::1], float64,"
            " float64[:, ::1], float64[::1])"
        ),
        sizes={
            "small": {"members": 160, "generations": 2},
            "medium": {"members": 400, "generations": 8},
            "large": {"members": 1_200, "generations": 9},
        },
        inputs=population_inputs,
        checks=population_checks,
        bets={},
    ),
)
