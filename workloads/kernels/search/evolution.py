"""Evolution strategies whose steps are normal and alike in all directions.

`one_fifth_rule` is the oldest: one parent, one child, the better stays, and the step grows on success and shrinks on
failure so that one child in five succeeds (Rechenberg, "Evolutionsstrategie", 1973; the factors as in Kern et al.,
"Learning probability distributions in continuous evolutionary algorithms", Natural Computing 3, 2004: a on success,
a^(-1/4) on failure). On a sphere in many dimensions n its course is known: a child of the step r d / n at the distance
d succeeds with probability P(-r / 2), and the gain of log distance per child is
(r exp(-r^2 / 8) / sqrt(2 pi) - r^2 P(-r / 2) / 2) / n, which at a fifth, r = 1.68, is 0.188 / n.

`evolution_strategy` has many children whose best half is averaged with weights, and controls the step by the length of
the accumulated path: longer than chance would have it means that steps agree (Hansen & Ostermeier, "Completely
derandomized self-adaptation in evolution strategies", Evolutionary Computation 9, 2001; constants as in Hansen, "The
CMA evolution strategy: a tutorial", 2016). Only the ranks of the values enter.

The function is an ellipsoid, sum c x^2 / 2. A strategy that also learns its axes is in `covariance`. Sizes end while
the descent can still be told from rounding by another order of summation, at values of some 1e-16.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def ellipsoid(position: Floats, curvatures: Floats, length: float, directions: Floats, row: int) -> float:
    """Return sum c x^2 / 2 at x = position + length * directions[row]; `directions` (., n), the others (n,)."""
    value = 0.0
    for i in range(len(position)):
        x = float(position[i]) + length * float(directions[row, i])
        value += 0.5 * float(curvatures[i]) * (x * x)
    return value


def one_fifth_rule(
    position: Floats, curvatures: Floats, normals: Floats, step: float, factor: float, kept: Indices
) -> tuple[float, float]:
    """Evolve `position` (n,) in place, one child per row of `normals` (children, n); return the value and the step.

    Child t is at position + step * normals[t] and replaces its parent if its value is no larger; kept[t] says so, 1 or
    0. The step is multiplied by `factor` then, and otherwise by factor^(-1/4).
    """
    shrink = 1.0 / math.sqrt(math.sqrt(factor))
    value = ellipsoid(position, curvatures, 0.0, normals, 0)
    for t in range(len(normals)):
        tried = ellipsoid(position, curvatures, step, normals, t)
        if tried <= value:
            value = tried
            for i in range(len(position)):
                position[i] = float(position[i]) + step * float(normals[t, i])
            kept[t] = 1
            step *= factor
        else:
            kept[t] = 0
            step *= shrink
    return value, step


def rank(values: Floats, order: Indices) -> None:
    """Write the indices of `values` (m,) into `order` (m,), those of the smallest first, by insertion."""
    for k in range(len(values)):
        value, place = float(values[k]), k
        while place > 0 and float(values[int(order[place - 1])]) > value:
            order[place] = int(order[place - 1])
            place -= 1
        order[place] = k


def evolution_strategy(
    mean: Floats, curvatures: Floats, normals: Floats, children: int, weights: Floats, step: float
) -> tuple[float, float]:
    """Evolve `mean` (n,) in place by weighted recombination; return its value and the step.

    `normals` (generations * children, n) are the directions of all children; `weights` (parents,) add up to 1 and go to
    the best children in order. Step control is by the cumulative path, with the tutorial's constants.
    """
    n, generations = len(mean), len(normals) // children
    squares = 0.0
    for k in range(len(weights)):
        squares += float(weights[k]) * float(weights[k])
    effective = 1.0 / squares
    fading = (effective + 2.0) / (n + effective + 5.0)
    damping = 1.0 + 2.0 * max(0.0, math.sqrt((effective - 1.0) / (n + 1.0)) - 1.0) + fading
    added = math.sqrt(fading * (2.0 - fading) * effective)
    chance = math.sqrt(float(n)) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n))
    path, values, order = np.zeros(n), np.zeros(children), np.zeros(children, np.int64)
    for generation in range(generations):
        first = generation * children
        for k in range(children):
            values[k] = ellipsoid(mean, curvatures, step, normals, first + k)
        rank(values, order)
        square = 0.0
        for i in range(n):
            move = 0.0
            for k in range(len(weights)):
                move += float(weights[k]) * float(normals[first + int(order[k]), i])
            mean[i] = float(mean[i]) + step * move
            along = (1.0 - fading) * float(path[i]) + added * move
            path[i] = along
            square += along * along
        step *= math.exp(fading / damping * (math.sqrt(square) / chance - 1.0))
    return ellipsoid(mean, curvatures, 0.0, normals, 0), step


def fifth_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A point of length about 1 on a sphere's function in `n` dimensions, `children` children, steps from 1 / n."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    start = random.normal(0.0, 1.0, n) / math.sqrt(n)
    normals = random.normal(0.0, 1.0, (size["children"], n))
    return start, np.ones(n), normals, 1.0 / n, math.exp(1.0 / math.sqrt(n)), np.zeros(size["children"], np.int64)


def fifth_checks(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """Who was kept tells all steps, hence all points, hence all values, in sums over the whole course.

    Wrong entries there can send the sums to infinity, which is then a difference like any other.
    """
    start, curvatures, normals, step, factor, _ = before
    kept = after[5]
    with np.errstate(over="ignore", invalid="ignore"):
        logs = np.log(step) + np.cumsum(np.where(kept == 1, 1.0, -0.25)) * np.log(factor)
        steps = np.exp(np.concatenate([[np.log(step)], logs]))
        points = np.vstack([start, start + np.cumsum((kept * steps[:-1])[:, None] * normals, axis=0)])
        values = 0.5 * points**2 @ curvatures
        tried = 0.5 * (points[:-1] + steps[:-1, None] * normals) ** 2 @ curvatures
        wrong = np.where(kept == 1, tried - values[:-1], values[:-1] - tried) / values[:-1]
    end = float(values[-1])
    return [
        Check("step", result[1], steps[-1], 1e-9 * steps[-1], "closed form in the number of successes"),
        Check("position", after[0], points[-1], 1e-5 * math.sqrt(end), "sum of the moves kept"),
        Check("value", result[0], end, 1e-5 * end, "value at the sum of the moves kept"),
        Check("loss by a wrong choice", max(float(wrong.max()), 0.0), 0.0, 1e-5, "values of all parents and children"),
        Check("share of successes", float(kept.mean()), 0.2, 0.07, "the rule of one fifth"),
    ]


def strategy_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """An ellipsoid of curvatures 1 to 10, 4 + 3 log n children, half of them parents with the tutorial's weights."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    children = 4 + int(3.0 * math.log(n))
    weights = np.log((children + 1.0) / 2.0) - np.log(np.arange(1.0, children // 2 + 1.0))
    return (
        random.uniform(-1.0, 1.0, n),
        np.geomspace(1.0, 10.0, n),
        random.normal(0.0, 1.0, (size["generations"] * children, n)),
        children,
        weights / weights.sum(),
        0.3,
    )


def strategy_checks(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """The course once more in matrices, the path as a sum over the moves so far."""
    start, curvatures, normals, children, weights, step = before
    n, generations = len(start), len(normals) // children
    effective = 1.0 / float(weights @ weights)
    fading = (effective + 2.0) / (n + effective + 5.0)
    damping = 1.0 + 2.0 * max(0.0, math.sqrt((effective - 1.0) / (n + 1.0)) - 1.0) + fading
    chance = math.sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n**2))
    mean, moves, logarithm = start.copy(), np.zeros((generations, n)), math.log(step)
    remembered = int(40.0 / fading)
    for g, born in enumerate(normals.reshape(generations, children, n)):
        values = (mean + math.exp(logarithm) * born) ** 2 @ curvatures
        moves[g] = weights @ born[np.argsort(values, kind="stable")[: len(weights)]]
        mean = mean + math.exp(logarithm) * moves[g]
        recent = moves[max(0, g + 1 - remembered) : g + 1]
        path = (1.0 - fading) ** np.arange(len(recent) - 1.0, -1.0, -1.0) @ recent
        length = math.sqrt(fading * (2.0 - fading) * effective) * float(np.linalg.norm(path))
        logarithm += fading / damping * (length / chance - 1.0)
    value = 0.5 * float(curvatures @ mean**2)
    return [
        Check("mean", after[0], mean, 1e-6 * float(np.abs(mean).max()), "matrices"),
        Check("value", result[0], value, 1e-6 * value, "matrices"),
        Check("step", result[1], math.exp(logarithm), 1e-6 * math.exp(logarithm), "matrices"),
    ]


KERNELS = (
    Kernel(
        name="one_fifth_rule",
        family="search",
        summary="evolution strategy of one parent and one child, one in five of which succeeds",
        units=(Unit(one_fifth_rule, ("children", "coordinates")), Unit(ellipsoid, ("coordinates",))),
        signature=("UniTuple(float64, 2)(float64[::1], float64[::1], float64[:, ::1], float64, float64, int64[::1])"),
        sizes={
            "small": {"n": 18, "children": 2_000},
            "medium": {"n": 140, "children": 14_000},
            "large": {"n": 380, "children": 38_000},
        },
        inputs=fifth_inputs,
        checks=fifth_checks,
        bets={},
    ),
    Kernel(
        name="evolution_strategy",
        family="search",
        summary="evolution strategy of many children, its step held by the length of the path",
        units=(
            Unit(evolution_strategy, ("parents", "generations", "children", "coordinates", "parents")),
            Unit(rank, ("values", "places")),
            Unit(ellipsoid, ("coordinates",)),
        ),
        signature=("UniTuple(float64, 2)(float64[::1], float64[::1], float64[:, ::1], int64, float64[::1], float64)"),
        sizes={
            "small": {"n": 10, "generations": 200},
            "medium": {"n": 80, "generations": 900},
            "large": {"n": 240, "generations": 2_000},
        },
        inputs=strategy_inputs,
        checks=strategy_checks,
        bets={},
    ),
)
