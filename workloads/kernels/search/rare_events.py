"""The probability of a rare event, by a proposal that walks towards it.

Rubinstein, "Optimization of computer simulation models with rare events", European Journal of Operational Research 99
(1997); de Boer, Kroese, Mannor & Rubinstein, "A tutorial on the cross-entropy method", Annals of Operations Research
134 (2005). To learn the probability that a score exceeds a level which hardly any sample reaches, the level is first
set where a tenth of the samples reaches it. The proposal moves to the mean of these elites, weighted as importance
sampling asks, and the level is set anew, until it is the one in question. The last round is then an ordinary estimate
by importance sampling. Made to raise the level for ever, the same method is an optimizer.

The score is the scalar product of standard normal coordinates with a unit vector, so the probability is
erfc(level / sqrt(2)) / 2, one in a billion at the level 6, and the best mean is known: the unit vector times the
density at the level over that probability. The quantile is found by Hoare's selection (Communications of the ACM 4,
1961), which reads and swaps but does not sort.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def select(values: Floats, k: int) -> float:
    """Return the k-th smallest of `values` (m,), counted from 0, reordering them in place."""
    low, high = 0, len(values) - 1
    while low < high:
        pivot = float(values[(low + high) // 2])
        i, j = low, high
        while i <= j:
            while float(values[i]) < pivot:
                i += 1
            while float(values[j]) > pivot:
                j -= 1
            if i <= j:
                kept = float(values[i])
                values[i] = float(values[j])
                values[j] = kept
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return pivot
    return float(values[k])


def cross_entropy(
    normals: Floats, elites: int, direction: Floats, level: float, mean: Floats, weights: Floats
) -> tuple[float, int]:
    """Estimate how probable it is that the score of a standard normal point reaches `level`.

    The score is the scalar product with `direction` (n,), of length 1. Rounds of as many samples as `weights` is long
    use up `normals` (rounds * samples, n), shifted by `mean` (n,), which is changed in place after every round but the
    last. The weights of the last round stay in `weights`, zero where the level was not reached. Returns their mean and
    the number of rounds in which fewer than `elites` samples reached the level.
    """
    n, samples = len(mean), len(weights)
    scores, sorted_scores, shift = np.zeros(samples), np.zeros(samples), np.zeros(n)
    short, total, rounds = 0, 0.0, len(normals) // samples
    for r in range(rounds):
        first, square = r * samples, 0.0
        for i in range(n):
            square += float(mean[i]) * float(mean[i])
        for k in range(samples):
            score, along = 0.0, 0.0
            for i in range(n):
                x = float(mean[i]) + float(normals[first + k, i])
                score += float(direction[i]) * x
                along += float(mean[i]) * x
            scores[k], sorted_scores[k] = score, score
            weights[k] = math.exp(0.5 * square - along)
        reached = select(sorted_scores, samples - elites)
        if reached < level:
            short += 1
        bar = level if r == rounds - 1 else min(reached, level)
        total = 0.0
        for i in range(n):
            shift[i] = 0.0
        for k in range(samples):
            if float(scores[k]) >= bar:
                total += float(weights[k])
                for i in range(n):
                    shift[i] = float(shift[i]) + float(weights[k]) * (float(mean[i]) + float(normals[first + k, i]))
            else:
                weights[k] = 0.0
        if r < rounds - 1:
            for i in range(n):
                mean[i] = float(shift[i]) / total
    return total / samples, short


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random direction in `n` dimensions and the level 6; rounds of `samples` samples, a tenth of them elites."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, samples = size["n"], size["samples"]
    direction = random.normal(0.0, 1.0, n)
    normals = random.normal(0.0, 1.0, (size["rounds"] * samples, n))
    return normals, samples // 10, direction / np.linalg.norm(direction), 6.0, np.zeros(n), np.zeros(samples)


def checks(before: tuple[Any, ...], result: tuple[float, int], after: tuple[Any, ...]) -> list[Check]:
    """The probability and the best proposal in closed form, within eight standard errors; the rounds in matrices."""
    normals, elites, direction, level, mean, weights = before
    samples, short = len(weights), 0
    rounds = normals.reshape(-1, samples, len(mean))
    for r, round_ in enumerate(rounds):
        points = mean + round_
        scores = points @ direction
        reached = np.sort(scores)[samples - elites]
        short += int(reached < level)
        last = r == len(rounds) - 1
        weights = np.where(scores >= (level if last else min(reached, level)), 1.0, 0.0)
        weights *= np.exp(0.5 * (mean @ mean) - points @ mean)
        if not last:
            mean = weights @ points / weights.sum()
    exact = 0.5 * math.erfc(level / math.sqrt(2.0))
    best = math.exp(-0.5 * level**2) / math.sqrt(2.0 * math.pi) / exact
    estimate = float(weights.mean())
    error = float(weights.std(ddof=1)) / math.sqrt(samples)
    return [
        Check("probability over the exact one", result[0] / exact, 1.0, 8.0 * error / exact, "erfc(level/sqrt 2)/2"),
        Check("mean along the direction", float(after[4] @ direction), best, 0.5, "density over probability"),
        Check("probability over that of matrices", result[0] / estimate, 1.0, 1e-9, "matrices"),
        Check("weights", after[5] / estimate, weights / estimate, 1e-6, "matrices"),
        Check("mean", after[4], mean, 1e-9, "matrices"),
        Check("rounds short of the level", result[1], short, 0.0, "sorting"),
    ]


KERNELS = (
    Kernel(
        name="cross_entropy",
        family="search",
        summary="probability of a rare event by the cross-entropy method",
        units=(
            Unit(
                cross_entropy,
                (
                    "rounds",
                    "coordinates",
                    "samples",
                    "coordinates",
                    "coordinates",
                    "samples",
                    "coordinates",
                    "coordinates",
                ),
            ),
            Unit(select, ("halvings", "swaps", "small ones", "large ones")),
        ),
        signature=(
            "Tuple((float64, int64))(float64[:, ::1], int64, float64[::1], float64, float64[::1], float64[::1])"
        ),
        sizes={
            "small": {"n": 4, "samples": 1_000, "rounds": 7},
            "medium": {"n": 12, "samples": 10_000, "rounds": 8},
            "large": {"n": 25, "samples": 60_000, "rounds": 8},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
