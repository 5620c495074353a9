"""The stiffest plate of a given weight: SIMP with optimality criteria and an adaptive move limit.

O. Sigmund's problem and method ("A 99 line topology optimization code written in Matlab", Structural and
Multidisciplinary Optimization 21, 2001): stiffness goes with the density's third power, so that half densities do not
pay; sensitivities are averaged over neighbours, so that the result does not depend on the mesh; and all densities are
multiplied by sqrt(sensitivity / multiplier), within a move limit, with the multiplier that gives the right weight
(M. Bendsoe, Optimization of Structural Topology, Shape, and Material, 1995).

There the move limit is 0.2 throughout. Here it grows by `grow` when the compliance came down, and otherwise the
step is taken back and it shrinks by `shrink`; when it has shrunk to nothing the design ends. The averaged sensitivity
is not the gradient of anything, so failures come by themselves near the end. On Sigmund's beam of 60 x 20 elements this
ends within a percent of the compliance of 203.3 that his code comes to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .plane_stress import (
    assembled,
    band_factor,
    band_solve,
    band_stiffness,
    element_energies,
    half_beam,
    unit_element,
)

LEAST = 1e-3
"""The least density: an empty element keeps a thousand-millionth of the stiffness."""

SETTLED = 1e-3
"""The move limit at which a design ends."""


def averaged(
    densities: Floats, power: float, energies: Floats, near: Indices, shares: Floats, sensitivities: Floats
) -> None:
    """Write the fall in compliance per density, averaged over neighbours, into `sensitivities` (elements,).

    `near` (elements, m) names the neighbours of each element and `shares` (elements, m) weighs them, with sum 1;
    `densities` and `energies`, those of density 1, (elements,). IndexError if a neighbour is out of range.
    """
    for e in range(len(densities)):
        total = 0.0
        for k in range(near.shape[1]):
            f = int(near[e, k])
            total += float(shares[e, k]) * float(densities[f]) ** power * float(energies[f])
        sensitivities[e] = power * total / float(densities[e])


def optimality_criteria(densities: Floats, sensitivities: Floats, move: float, mean: float, updated: Floats) -> float:
    """Write d sqrt(s / multiplier), no further than `move` from d and from LEAST to 1, into `updated` (elements,).

    d is from `densities`, s >= 0 from `sensitivities`, both (elements,). Return the multiplier, found by halving, for
    which the mean of `updated` is `mean`. It must lie below 1e9.
    """
    lower = 0.0
    upper = 1e9
    wanted = mean * len(densities)
    while upper - lower > 1e-10 * (lower + upper):
        middle = 0.5 * (lower + upper)
        total = 0.0
        for e in range(len(densities)):
            density = float(densities[e])
            target = density * math.sqrt(float(sensitivities[e]) / middle)
            target = max(LEAST, density - move, min(1.0, density + move, target))
            updated[e] = target
            total += target
        if total > wanted:
            lower = middle
        else:
            upper = middle
    return 0.5 * (lower + upper)


def stiffest_plate(
    densities: Floats,
    power: float,
    element: Floats,
    places: Indices,
    near: Indices,
    shares: Floats,
    loads: Floats,
    band: Floats,
    move: float,
    grow: float,
    shrink: float,
    steps: int,
) -> tuple[float, int, float]:
    """Redistribute `densities` (elements,) in place, at their mean, for the least compliance under `loads` (n,).

    `element`, `places`, `near`, `shares` as in the units; `band` (n, w + 1) is scratch. At most `steps` steps from the
    move limit `move`. Return the compliance, how many steps failed, and the last move limit. ValueError if the plate is
    not held.
    """
    count = len(densities)
    trial = np.zeros(count)
    energies = np.zeros(count)
    sensitivities = np.zeros(count)
    displacement = np.zeros(len(loads))
    mean = 0.0
    for e in range(count):
        trial[e] = float(densities[e])
        mean += float(densities[e]) / count
    best = np.inf
    failures = 0
    for step in range(steps + 1):
        band_stiffness(trial, power, element, places, band)
        band_factor(band)
        band_solve(band, loads, displacement)
        compliance = 0.0
        for i in range(len(loads)):
            compliance += float(loads[i]) * float(displacement[i])
        if compliance < best:
            if step > 0:
                move = min(1.0, grow * move)
            best = compliance
            for e in range(count):
                densities[e] = float(trial[e])
            element_energies(element, places, displacement, energies)
            averaged(densities, power, energies, near, shares, sensitivities)
        else:
            failures += 1
            move *= shrink
            if move < SETTLED:
                break
        optimality_criteria(densities, sensitivities, move, mean, trial)
    return best, failures, move


def neighbours(columns: int, rows: int, radius: float) -> tuple[Indices, Floats]:
    """`near` and `shares` of every element: those within `radius`, weighed by radius - distance, and 0."""
    reach = math.ceil(radius) - 1
    x, y = (each.reshape(-1, 1) for each in np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"))
    dx, dy = (each.reshape(1, -1) for each in np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"))
    inside = (x + dx >= 0) & (x + dx < columns) & (y + dy >= 0) & (y + dy < rows)
    shares = np.where(inside, np.maximum(0.0, radius - np.hypot(dx, dy)), 0.0)
    near = np.where(inside, (x + dx) * rows + y + dy, x * rows + y)
    return np.ascontiguousarray(near.astype(np.int64)), shares / np.sum(shares, axis=1, keepdims=True)


def plate(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Half a beam under a unit load at its middle, at half its weight; the densities start near 0.5."""
    random = np.random.Generator(np.random.PCG64(seed))
    columns, rows = size["columns"], size["rows"]
    places, free = half_beam(columns, rows)
    near, shares = neighbours(columns, rows, 1.5)
    densities = random.uniform(0.45, 0.55, columns * rows)
    densities *= 0.5 / np.mean(densities)
    loads = np.zeros(free)
    loads[0] = 1.0
    band = np.zeros((free, 2 * rows + 6))
    return densities, 3.0, unit_element(0.3), places, near, shares, loads, band, 0.2, 1.2, 0.5, size["steps"]


def update(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Densities with mean 0.5 and sensitivities over three decades."""
    random = np.random.Generator(np.random.PCG64(seed))
    densities = random.uniform(0.1, 0.9, size["elements"])
    sensitivities = 10.0 ** random.uniform(-1.0, 2.0, size["elements"])
    return densities, sensitivities, 0.2, float(np.mean(densities)), np.zeros(size["elements"])


def check_plate(before: tuple[Any, ...], result: tuple[float, int, float], after: tuple[Any, ...]) -> list[Check]:
    """The weight; the compliance by LAPACK on a dense matrix; and no more of it than at the start, by far."""
    _, power, element, places, _, _, loads, *_ = before
    stiffnesses = (assembled(each[0], power, element, places, len(loads)) for each in (before, after))
    first, last = (float(loads @ np.linalg.solve(each, loads)) for each in stiffnesses)
    return [
        Check("weight", float(np.mean(after[0])), float(np.mean(before[0])), 1e-9, "the constraint"),
        Check("compliance", result[0], last, 1e-8 * last, "numpy.linalg.solve"),
        Check("stiffer", float(last < 0.7 * first), 1.0, 0.0, "Sigmund 2001"),
        Check("move limit", float(result[2] <= 1.0 and result[1] <= before[11]), 1.0, 0.0, "the rule of the limit"),
    ]


def check_update(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The weight is piecewise linear in 1 / sqrt(multiplier): its root from the sorted kinks."""
    densities, sensitivities, move, mean, _ = before
    pace = densities * np.sqrt(sensitivities)
    low, high = np.maximum(LEAST, densities - move), np.minimum(1.0, densities + move)
    kinks = np.concatenate([low / pace, high / pace])
    order = np.argsort(kinks)
    slopes = np.cumsum(np.concatenate([pace, -pace])[order])
    weights = np.sum(low) + np.concatenate([[0.0], np.cumsum(slopes[:-1] * np.diff(kinks[order]))])
    scale = float(np.interp(mean * len(densities), weights, kinks[order]))
    return [
        Check("multiplier", result * scale**2, 1.0, 1e-9, "root from the sorted kinks"),
        Check("densities", after[4], np.clip(scale * pace, low, high), 1e-9, "NumPy at that root"),
    ]


KERNELS = (
    Kernel(
        name="stiffest_plate",
        family="control",
        summary="a plate of least compliance by SIMP and optimality criteria under an adaptive move limit",
        units=(
            Unit(stiffest_plate, ("elements", "steps", "displacements", "elements")),
            Unit(band_stiffness, ("rows", "diagonals", "elements", "places", "places")),
            Unit(band_factor, ("rows", "columns in the band", "columns before")),
            Unit(band_solve, ("rows", "columns before", "rows, backwards", "columns before")),
            Unit(element_energies, ("elements", "places", "places", "places")),
            Unit(averaged, ("elements", "neighbours")),
            Unit(optimality_criteria, ("halvings", "elements")),
        ),
        signature="Tuple((float64, int64, float64))(float64[::1], float64, float64[:, ::1], int64[:, ::1],"
        " int64[:, ::1], float64[:, ::1], float64[::1], float64[:, ::1], float64, float64, float64, int64)",
        sizes={
            "small": {"columns": 9, "rows": 3, "steps": 8},
            "medium": {"columns": 24, "rows": 8, "steps": 24},
            "large": {"columns": 42, "rows": 14, "steps": 24},
        },
        inputs=plate,
        checks=check_plate,
        bets={},
    ),
    Kernel(
        name="optimality_criteria",
        family="control",
        summary="one update by optimality criteria, with the multiplier that keeps the weight",
        units=(Unit(optimality_criteria, ("halvings", "elements")),),
        signature="float64(float64[::1], float64[::1], float64, float64, float64[::1])",
        sizes={
            "small": {"elements": 400},
            "medium": {"elements": 16_000},
            "large": {"elements": 160_000},
        },
        inputs=update,
        checks=check_update,
        bets={},
    ),
)
