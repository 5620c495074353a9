"""The way over a pass: nudged elastic bands relaxed by FIRE and by L-BFGS.

The nudged force (see `elastic_band`) is no gradient: there is no energy to search along. FIRE (Bitzek et al., Physical
Review Letters 97, 2006, 170201) needs none, being dynamics whose velocity is turned into the force and stopped where
the two oppose. L-BFGS takes its steps unsearched and only bounds their length, with the band as one vector (Sheppard,
Terrell, Henkelman, Journal of Chemical Physics 128, 2008, 134106); it is put together from the functions of `lbfgs`.
Both end when no force is left, after a number of steps that depends on the data: about four times as many for FIRE.
More work is more bands, not longer ones: with very many images the tangents kink, and neither method settles.

The checks hold a band against what defines it: the climber stands on the saddle, which Newton's method finds from
where it is published; no other image feels a force across the path; the images stand at equal distances on either
side of the climber.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from ..lbfgs import move, remember, two_loop
from .elastic_band import BAND_FORCES, band_forces, nudged, start, surface, surface_force

SOFT = 1e-3
"""What L-BFGS takes for the inverse of every curvature that it has not measured."""

SADDLE = (-0.822, 0.624)
"""The higher saddle as published."""


def relax_by_fire(
    band: Floats, spring: float, pace: float, longest: float, climb_below: float, tolerance: float, steps: int
) -> tuple[int, float, float]:
    """Relax `band`, shape (2 images,), in place by FIRE; return steps taken, energy at the top and largest force.

    The time step of the images, of mass 1, begins at `pace` and grows to ten times that; no step moves the whole band
    by more than `longest`. Climbing begins where the largest force falls under `climb_below`; the end is at
    `tolerance` or after `steps`.
    """
    images = len(band) // 2
    energies, forces, velocities = np.zeros(images), np.zeros_like(band), np.zeros_like(band)
    climb = False
    fastest = 10.0 * pace
    mixing = 0.1
    downhill = 0
    largest = math.inf
    taken = 0
    for _ in range(steps):
        largest = band_forces(band, spring, climb, energies, forces)
        if largest < tolerance and climb:
            break
        climb = climb or largest < climb_below
        power = 0.0
        speed = 0.0
        force = 0.0
        for k in range(len(band)):
            velocity = float(velocities[k]) + pace * float(forces[k])
            velocities[k] = velocity
            power += velocity * float(forces[k])
            speed += velocity * velocity
            force += float(forces[k]) * float(forces[k])
        keep = 0.0
        turn = 0.0
        if power > 0.0:
            keep = 1.0 - mixing
            turn = mixing * math.sqrt(speed / force)
            downhill += 1
            if downhill > 5:
                pace = min(1.1 * pace, fastest)
                mixing = 0.99 * mixing
        else:
            downhill = 0
            pace = 0.5 * pace
            mixing = 0.1
        length = 0.0
        for k in range(len(band)):
            velocity = keep * float(velocities[k]) + turn * float(forces[k])
            velocities[k] = velocity
            length += velocity * velocity
        advance = pace
        if pace * math.sqrt(length) > longest:
            advance = longest / math.sqrt(length)
        for k in range(len(band)):
            band[k] = float(band[k]) + advance * float(velocities[k])
        taken += 1
    top = float(energies[1])
    for i in range(2, images - 1):
        top = max(top, float(energies[i]))
    return taken, top, largest


def band_fire(
    bands: Floats, spring: float, pace: float, longest: float, climb_below: float, tolerance: float, steps: int
) -> tuple[int, float, float]:
    """Relax every row of `bands`, shape (bands, 2 images); return all steps taken, the highest top, the largest force.

    The other arguments are those of `relax_by_fire`.
    """
    total = 0
    highest = -math.inf
    worst = 0.0
    for b in range(len(bands)):
        taken, top, largest = relax_by_fire(bands[b], spring, pace, longest, climb_below, tolerance, steps)
        total += taken
        highest = max(highest, top)
        worst = max(worst, largest)
    return total, highest, worst


def relax_by_lbfgs(
    band: Floats, spring: float, memory: int, longest: float, climb_below: float, tolerance: float, steps: int
) -> tuple[int, float, float]:
    """Relax `band`, shape (2 images,), in place by L-BFGS with `memory` pairs; return what `relax_by_fire` does.

    Where a step would go against the forces or be longer than `longest`, the pairs are forgotten and it follows the
    forces; the pairs are forgotten too where the climbing begins, since the force is another from there on.
    """
    images = len(band) // 2
    energies, forces = np.zeros(images), np.zeros_like(band)
    gradient, previous, direction = np.zeros_like(band), np.zeros_like(band), np.zeros_like(band)
    moves, changes = np.zeros((memory, len(band))), np.zeros((memory, len(band)))
    inverses, weights = np.zeros(memory), np.zeros(memory)
    downward = np.zeros(2 * memory, np.int64)
    for k in range(2 * memory):
        downward[k] = (2 * memory - 1 - k) % memory
    climb = False
    pairs = 0
    largest = band_forces(band, spring, climb, energies, forces)
    taken = 0
    for k in range(len(band)):
        gradient[k] = -float(forces[k])
        previous[k] = -float(forces[k])
    while taken < steps and not (climb and largest < tolerance):
        if not climb and largest < climb_below:
            climb = True
            pairs = 0
            largest = band_forces(band, spring, climb, energies, forces)
            for k in range(len(band)):
                gradient[k] = -float(forces[k])
                previous[k] = -float(forces[k])
        first = memory - 1 - (pairs - 1) % memory
        order = downward[first : first + min(pairs, memory)]
        two_loop(gradient, moves, changes, inverses, order, SOFT, weights, direction)
        slope = 0.0
        length = 0.0
        for k in range(len(band)):
            slope += float(direction[k]) * float(gradient[k])
            length += float(direction[k]) * float(direction[k])
        if slope > 0.0 or length > longest * longest:
            pairs = 0
            length = 0.0
            for k in range(len(band)):
                direction[k] = -SOFT * float(gradient[k])
                length += float(direction[k]) * float(direction[k])
        row = pairs % memory
        move(band, direction, min(1.0, longest / math.sqrt(length)), moves, row)
        largest = band_forces(band, spring, climb, energies, forces)
        for k in range(len(band)):
            gradient[k] = -float(forces[k])
        remember(gradient, previous, moves, changes, inverses, row)
        if float(inverses[row]) > 0.0:
            pairs += 1
        taken += 1
    top = float(energies[1])
    for i in range(2, images - 1):
        top = max(top, float(energies[i]))
    return taken, top, largest


def band_lbfgs(
    bands: Floats, spring: float, memory: int, longest: float, climb_below: float, tolerance: float, steps: int
) -> tuple[int, float, float]:
    """Relax every row of `bands`, shape (bands, 2 images), by L-BFGS; return what `band_fire` does.

    The other arguments are those of `relax_by_lbfgs`.
    """
    total = 0
    highest = -math.inf
    worst = 0.0
    for b in range(len(bands)):
        taken, top, largest = relax_by_lbfgs(bands[b], spring, memory, longest, climb_below, tolerance, steps)
        total += taken
        highest = max(highest, top)
        worst = max(worst, largest)
    return total, highest, worst


def saddle() -> tuple[Floats, float]:
    """The higher saddle to the last digits and the energy there, by Newton's method from the published point."""
    point = np.array(SADDLE)
    offsets = 1e-5 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    for _ in range(8):
        around = surface_force(point + offsets)
        slopes = np.stack([around[0] - around[1], around[2] - around[3]], 1) / 2e-5
        point = point - np.linalg.solve(slopes, surface_force(point[None])[0])
    return point, float(surface(point[0], point[1]))


def starts(size: Mapping[str, int], seed: int) -> Floats:
    """As many `bands` of `images`, shape (bands, 2 images), each shaken in another way."""
    bands = [start(size["images"], size["bands"] * seed + k).reshape(-1) for k in range(size["bands"])]
    return np.array(bands)


def inputs_fire(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Bands with a spring of 20 for each image; time steps from 0.001 on, moves of 0.1 at most."""
    return starts(size, seed), 20.0 * size["images"], 0.001, 0.1, 5.0, 1e-4, 5000


def inputs_lbfgs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The same bands; `memory` pairs, moves of 0.1 at most."""
    return starts(size, seed), 20.0 * size["images"], size["memory"], 0.1, 5.0, 1e-4, 5000


def checks(before: tuple[Any, ...], result: tuple[int, float, float], after: tuple[Any, ...]) -> list[Check]:
    """The climber is on the saddle, the others on an evenly spaced path across which there is no force."""
    point, energy = saddle()
    images = before[0].shape[1] // 2
    bands = after[0].reshape(-1, images, 2)
    tops = np.argmax(surface(bands[..., 0], bands[..., 1]), axis=1)
    lengths = np.linalg.norm(np.diff(bands, axis=1), axis=2)
    behind = np.arange(images - 1) < tops[:, None]
    means = [np.mean(lengths, axis=1, where=side)[:, None] for side in (behind, ~behind)]
    left = np.stack([nudged(band, before[1], True)[0] for band in bands])
    return [
        Check("energy at the top", result[1], -40.665, 5e-4, "Muller and Brown 1979"),
        Check("energy at the top", result[1], energy, 1e-8, "Newton's method"),
        Check("tops", bands[np.arange(len(bands)), tops], np.tile(point, (len(bands), 1)), 1e-6, "Newton's method"),
        Check("distances", lengths, np.where(behind, *means), 1e-5, "spring forces in balance: equal on either side"),
        Check("nudged forces", left, np.zeros_like(left), 1.001e-4, "vectorised NumPy: none is left"),
    ]


KERNELS = (
    Kernel(
        name="band_fire",
        family="science",
        summary="nudged elastic bands with a climbing image, relaxed by FIRE",
        units=(
            Unit(band_fire, ("bands",)),
            Unit(relax_by_fire, ("steps", "coordinates", "coordinates", "coordinates", "inner images")),
            *BAND_FORCES,
        ),
        signature=(
            "Tuple((int64, float64, float64))(float64[:,::1], float64, float64, float64, float64, float64, int64)"
        ),
        sizes={
            "small": {"bands": 2, "images": 7},
            "medium": {"bands": 20, "images": 15},
            "large": {"bands": 100, "images": 25},
        },
        inputs=inputs_fire,
        checks=checks,
        bets={},
    ),
    Kernel(
        name="band_lbfgs",
        family="science",
        summary="nudged elastic bands with a climbing image, relaxed by L-BFGS",
        units=(
            Unit(band_lbfgs, ("bands",)),
            Unit(relax_by_lbfgs, ("pairs", "coordinates", "steps", *4 * ("coordinates",), "inner images")),
            Unit(two_loop, ("coordinates", "pairs", *3 * ("coordinates",), "pairs", *2 * ("coordinates",))),
            Unit(move, ("coordinates",)),
            Unit(remember, ("coordinates",)),
            *BAND_FORCES,
        ),
        signature="Tuple((int64, float64, float64))(float64[:,::1], float64, int64, float64, float64, float64, int64)",
        sizes={
            "small": {"bands": 2, "images": 9, "memory": 5},
            "medium": {"bands": 30, "images": 15, "memory": 8},
            "large": {"bands": 120, "images": 25, "memory": 8},
        },
        inputs=inputs_lbfgs,
        checks=checks,
        bets={},
    ),
)
