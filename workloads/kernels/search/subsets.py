"""Simulated annealing over subsets of features.

The energy of a subset is its Bayesian information criterion in a linear regression, samples * log(RSS / samples) +
k log(samples) for k features (Schwarz, Annals of Statistics 6, 1978), a move takes one feature in or out. Annealing of
variable subsets goes back to Meiri & Zahavi, "Using simulated annealing to optimize the feature selection problem in
marketing applications", European Journal of Operational Research 171 (2006); the method itself is in `annealing`.

The samples enter through their Gram matrix only. The residual sum of squares of a subset is then what is left of the
targets' sum of squares after the Cholesky factor of the subset's part of the matrix has been divided out, which takes
k^3 / 6 operations and no sample. Features come in pairs that are nearly copies of each other. So greedy selection by
one feature at a time can be caught with the wrong twin, and a walk that also accepts worse subsets has something to do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def residual_squares(gram: Floats, cross: Floats, total: float, chosen: Indices, k: int, factor: Floats) -> float:
    """Return the residual sum of squares of a least-squares fit with the features chosen[:k].

    `gram` (p, p) is the matrix of the features' scalar products, `cross` (p,) theirs with the targets, `total` the
    targets' sum of squares, `factor` (p, p + 1) room for a Cholesky factor and, in its last column, the targets in its
    coordinates. ZeroDivisionError or ValueError if the features are linearly dependent.
    """
    last = len(cross)
    left = total
    for i in range(k):
        row = int(chosen[i])
        for j in range(i):
            value = float(gram[row, int(chosen[j])])
            for m in range(j):
                value -= float(factor[i, m]) * float(factor[j, m])
            factor[i, j] = value / float(factor[j, j])
        pivot, target = float(gram[row, row]), float(cross[row])
        for m in range(i):
            pivot -= float(factor[i, m]) * float(factor[i, m])
            target -= float(factor[i, m]) * float(factor[m, last])
        factor[i, i] = math.sqrt(pivot)
        factor[i, last] = target / float(factor[i, i])
        left -= float(factor[i, last]) * float(factor[i, last])
    return left


def criterion(
    gram: Floats, cross: Floats, total: float, samples: float, inside: Indices, chosen: Indices, factor: Floats
) -> float:
    """Return the Bayesian information criterion of the subset `inside` (p,), ones and zeros.

    The numbers of its features go into `chosen` (p,); the rest is as for `residual_squares`.
    """
    k = 0
    for j in range(len(inside)):
        if int(inside[j]) == 1:
            chosen[k] = j
            k += 1
    left = residual_squares(gram, cross, total, chosen, k, factor)
    return samples * math.log(left / samples) + k * math.log(samples)


def anneal_subset(
    gram: Floats,
    cross: Floats,
    total: float,
    samples: float,
    inside: Indices,
    flips: Indices,
    uniforms: Floats,
    hot: float,
    cooling: float,
    best: Indices,
) -> tuple[float, float]:
    """Anneal the subset `inside` (p,) in place; return the lowest criterion and the last one.

    Move t takes feature flips[t] in or out at the temperature hot * cooling^t and stays if uniforms[t] is below
    exp(-rise / temperature); both have shape (steps,). The subset of the lowest criterion is kept in `best` (p,).
    Other arguments and errors are those of `criterion`.
    """
    p = len(inside)
    chosen, factor = np.zeros(p, np.int64), np.zeros((p, p + 1))
    energy = criterion(gram, cross, total, samples, inside, chosen, factor)
    lowest, temperature = energy, hot
    for j in range(p):
        best[j] = int(inside[j])
    for t in range(len(flips)):
        flipped = int(flips[t])
        inside[flipped] = 1 - int(inside[flipped])
        tried = criterion(gram, cross, total, samples, inside, chosen, factor)
        if tried <= energy or float(uniforms[t]) < math.exp((energy - tried) / temperature):
            energy = tried
            if energy < lowest:
                lowest = energy
                for j in range(p):
                    best[j] = int(inside[j])
        else:
            inside[flipped] = 1 - int(inside[flipped])
        temperature *= cooling
    return lowest, energy


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`pairs` pairs of features correlated by 0.95, 100 samples, `planted` pairs of which one feature counts.

    The walk starts from no feature and is cooled from 10 to 0.1, which is a few per cent of log(100), the price of one.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    samples, pairs = 100, size["pairs"]
    first = random.normal(0.0, 1.0, (samples, pairs))
    second = 0.95 * first + math.sqrt(1.0 - 0.95**2) * random.normal(0.0, 1.0, (samples, pairs))
    features = np.concatenate([first, second], axis=1)
    weights = np.zeros(2 * pairs)
    weights[random.permutation(pairs)[: size["planted"]]] = 1.0
    targets = features @ weights + random.normal(0.0, 1.0, samples)
    return (
        features.T @ features,
        features.T @ targets,
        float(targets @ targets),
        float(samples),
        np.zeros(2 * pairs, np.int64),
        random.integers(0, 2 * pairs, size["steps"]),
        random.uniform(0.0, 1.0, size["steps"]),
        10.0,
        0.01 ** (1.0 / size["steps"]),
        np.zeros(2 * pairs, np.int64),
    )


def checks(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """The criterion by linear solves; no feature taken in or out, and no exchange of two, improves the best subset."""
    gram, cross, total, samples = before[:4]
    best = after[9].astype(bool)

    def energy(subset: Any) -> float:
        (rows,) = np.nonzero(subset)
        solution = np.linalg.solve(gram[np.ix_(rows, rows)], cross[rows])
        left = total - 2.0 * float(cross[rows] @ solution) + float(solution @ gram[np.ix_(rows, rows)] @ solution)
        return float(samples * math.log(left / samples) + len(rows) * math.log(samples))

    lowest = energy(best)
    flips = np.eye(len(best), dtype=bool)
    ins, outs = np.nonzero(~best)[0], np.nonzero(best)[0]
    nearby = [*flips, *(flips[i] | flips[o] for i in ins for o in outs)]
    better = sum(energy(best ^ change) < lowest - 1e-9 for change in nearby)
    return [
        Check("lowest criterion", result[0], lowest, 1e-8, "normal equations solved by LU"),
        Check("last criterion", result[1], energy(after[4]), 1e-8, "normal equations solved by LU"),
        Check("better neighbours", better, 0, 0.0, "enumeration of all flips and exchanges"),
    ]


KERNELS = (
    Kernel(
        name="anneal_subset",
        family="search",
        summary="simulated annealing of the subset of features in a regression",
        units=(
            Unit(anneal_subset, ("features", "moves", "features")),
            Unit(criterion, ("features",)),
            Unit(residual_squares, ("chosen", "columns before", "products", "products")),
        ),
        signature=(
            "Tuple((float64, float64))(float64[:, ::1], float64[::1], float64, float64, int64[::1], int64[::1],"
            " float64[::1], float64, float64, int64[::1])"
        ),
        sizes={
            "small": {"pairs": 5, "planted": 2, "steps": 2_000},
            "medium": {"pairs": 12, "planted": 5, "steps": 20_000},
            "large": {"pairs": 20, "planted": 8, "steps": 80_000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
