"""Simulated annealing: of points on a spiky surface, and of tours.

Kirkpatrick, Gelatt & Vecchi, "Optimization by simulated annealing", Science 220 (1983). A move that raises the energy
by d is accepted with probability exp(-d / T) (Metropolis et al. 1953), and the temperature T falls by a constant factor
per move. At a constant temperature the same walk samples Boltzmann's distribution, which tests make use of.

Both problems have a known optimum. The spiky surface is Rastrigin's, sum x^2 - 10 cos(2 pi x) + 10, with its minimum 0
at the origin among some 10^n others. It is a sum over coordinates, so a move of one coordinate costs one term. The
cities of the tour stand on a circle in disorder. Any tour of points in convex position that cannot be shortened by
reversing a part of it is the shortest, their polygon (crossing edges can always be exchanged for shorter ones: Flood,
"The traveling-salesman problem", Operations Research 4, 1956), here of length 2 n sin(pi / n).

Of a reversal the shorter side is done, as usual: the tour is a ring, and both sides give the same ring.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def spike(x: float) -> float:
    """Return one coordinate's term of Rastrigin's function."""
    return x * x - 10.0 * math.cos(2.0 * math.pi * x) + 10.0


def anneal_spikes(
    position: Floats,
    coordinates: Indices,
    moves: Floats,
    uniforms: Floats,
    hot: float,
    cooling: float,
    best: Floats,
    trace: Floats,
) -> tuple[float, int]:
    """Anneal `position` (n,) in place on Rastrigin's function; return the lowest energy and the moves accepted.

    Move t shifts coordinate coordinates[t] by moves[t], at the temperature hot * cooling^t, and is accepted if
    uniforms[t] is below exp(-rise / temperature). These three and `trace`, which receives the energies, have shape
    (steps,); the lowest point is kept in `best` (n,).
    """
    energy = 0.0
    for i in range(len(position)):
        energy += spike(float(position[i]))
        best[i] = float(position[i])
    lowest, accepted, temperature = energy, 0, hot
    for t in range(len(coordinates)):
        i = int(coordinates[t])
        old = float(position[i])
        new = old + float(moves[t])
        rise = spike(new) - spike(old)
        if rise <= 0.0 or float(uniforms[t]) < math.exp(-rise / temperature):
            position[i] = new
            energy += rise
            accepted += 1
            if energy < lowest:
                lowest = energy
                for j in range(len(position)):
                    best[j] = float(position[j])
        trace[t] = energy
        temperature *= cooling
    return lowest, accepted


def distance(cities: Floats, a: int, b: int) -> float:
    """Return the distance between cities a and b; `cities` has shape (n, 2)."""
    across = float(cities[a, 0]) - float(cities[b, 0])
    up = float(cities[a, 1]) - float(cities[b, 1])
    return math.sqrt(across * across + up * up)


def reverse(tour: Indices, first: int, last: int) -> None:
    """Reverse the part from `first` to `last`, both included, of the ring `tour` (n,), or else the rest of it."""
    n = len(tour)
    inside = last - first + 1
    low, high, swaps = first, last, inside // 2
    if 2 * inside > n:
        low, high, swaps = last + 1, first - 1, (n - inside) // 2
    for _ in range(swaps):
        if low >= n:
            low -= n
        if high < 0:
            high += n
        kept = int(tour[low])
        tour[low] = int(tour[high])
        tour[high] = kept
        low += 1
        high -= 1


def anneal_tour(
    cities: Floats,
    tour: Indices,
    firsts: Indices,
    lasts: Indices,
    uniforms: Floats,
    hot: float,
    cooling: float,
) -> tuple[float, int]:
    """Anneal `tour` (n,), a permutation, in place; return its length and the reversals accepted.

    Move t reverses the places firsts[t]..lasts[t], where 1 <= first <= last < n, at the temperature hot * cooling^t.
    `cities` has shape (n, 2), the moves and `uniforms` (steps,). IndexError for a place or city that does not exist.
    """
    n = len(tour)
    length = 0.0
    for i in range(n):
        length += distance(cities, int(tour[i - 1 if i > 0 else n - 1]), int(tour[i]))
    accepted, temperature = 0, hot
    for t in range(len(firsts)):
        first, last = int(firsts[t]), int(lasts[t])
        before, start = int(tour[first - 1]), int(tour[first])
        end, after = int(tour[last]), int(tour[last + 1 if last + 1 < n else 0])
        if before != end:
            gone = distance(cities, before, start) + distance(cities, end, after)
            rise = distance(cities, before, end) + distance(cities, start, after) - gone
            if rise <= 0.0 or float(uniforms[t]) < math.exp(-rise / temperature):
                reverse(tour, first, last)
                length += rise
                accepted += 1
        temperature *= cooling
    return length, accepted


def spikes_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start in [-5, 5]^n, `steps` moves of one coordinate, a third of them long, cooled from 10 to 0.001."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, steps = size["n"], size["steps"]
    reach = random.choice([0.1, 0.3, 1.0], steps)
    return (
        random.uniform(-5.0, 5.0, n),
        random.integers(0, n, steps),
        reach * random.normal(0.0, 1.0, steps),
        random.uniform(0.0, 1.0, steps),
        10.0,
        1e-4 ** (1.0 / steps),
        np.zeros(n),
        np.zeros(steps),
    )


def spikes_checks(before: tuple[Any, ...], result: tuple[float, int], after: tuple[Any, ...]) -> list[Check]:
    """Energies are those of the points; the end is in the valley of the origin, near its bottom.

    In a quadratic valley the mean energy at the temperature T is n T / 2, so that at the last one, 0.001, the energy is
    far below 1, which is what the next valley costs.
    """

    def energy(x: Floats) -> float:
        return float(np.sum(x**2 + 20.0 * np.sin(np.pi * x) ** 2))

    start, coordinates, moves, *_ = before
    position, best, trace = after[0], after[6], after[7]
    changed = np.abs(np.diff(trace, prepend=energy(start))) > np.append(1e-9, np.zeros(len(trace) - 1))
    travelled = np.bincount(coordinates, np.where(changed, moves, 0.0), len(start))
    return [
        Check("lowest energy", result[0], energy(best), 1e-9, "the function at the point, by sines"),
        Check("energy of the best point", energy(best), 0.0, 0.5, "the minimum, 0, is at the origin"),
        Check("last energy", trace[-1], energy(position), 1e-9, "the function at the point, by sines"),
        Check("position", position, start + travelled, 1e-9, "the sum of the moves that changed the energy"),
        Check("moves accepted", result[1], int(changed.sum()), 0.0, "moves that changed the energy"),
        Check("lowest of all", result[0], min(trace.min(), energy(start)), 1e-9, "minimum of the trace"),
    ]


def tour_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`cities` equally spaced cities on the unit circle in random order, `steps` reversals, cooled from 1 to 1e-7."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, steps = size["cities"], size["steps"]
    angles = 2.0 * np.pi * random.permutation(n) / n
    places = np.sort(random.integers(1, n, (2, steps)), axis=0)
    return (
        np.stack([np.cos(angles), np.sin(angles)], axis=1),
        random.permutation(n),
        places[0].copy(),
        places[1].copy(),
        random.uniform(0.0, 1.0, steps),
        1.0,
        1e-7 ** (1.0 / steps),
    )


def tour_checks(before: tuple[Any, ...], result: tuple[float, int], after: tuple[Any, ...]) -> list[Check]:
    """The tour is the polygon of the circle, whose neighbours are one step apart."""
    cities, tour = after[0], after[1]
    n = len(tour)
    ring = cities[tour]
    polygon = 2.0 * n * float(np.sin(np.pi / n))
    steps = np.abs(np.diff(np.unwrap(np.arctan2(ring[:, 1], ring[:, 0]))))
    return [
        Check("every city once", np.sort(tour), np.arange(n), 0.0, "a permutation"),
        Check("length", result[0], np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).sum(), 1e-9, "norms"),
        Check("shortest length", result[0], polygon, 1e-9, "closed form 2 n sin(pi/n)"),
        Check("angle between neighbours", steps, np.full(n - 1, 2.0 * np.pi / n), 1e-9, "closed form"),
    ]


KERNELS = (
    Kernel(
        name="anneal_spikes",
        family="search",
        summary="simulated annealing on Rastrigin's function, one coordinate at a time",
        units=(Unit(anneal_spikes, ("coordinates", "moves", "coordinates")), Unit(spike)),
        signature=(
            "Tuple((float64, int64))(float64[::1], int64[::1], float64[::1], float64[::1], float64, float64,"
            " float64[::1], float64[::1])"
        ),
        sizes={
            "small": {"n": 4, "steps": 20_000},
            "medium": {"n": 20, "steps": 700_000},
            "large": {"n": 50, "steps": 5_000_000},
        },
        inputs=spikes_inputs,
        checks=spikes_checks,
        bets={},
    ),
    Kernel(
        name="anneal_tour",
        family="search",
        summary="simulated annealing of a round tour by reversals",
        units=(Unit(anneal_tour, ("cities", "moves")), Unit(reverse, ("swaps",)), Unit(distance)),
        signature=(
            "Tuple((float64, int64))(float64[:, ::1], int64[::1], int64[::1], int64[::1], float64[::1], float64,"
            " float64)"
        ),
        sizes={
            "small": {"cities": 12, "steps": 12_000},
            "medium": {"cities": 60, "steps": 300_000},
            "large": {"cities": 120, "steps": 2_800_000},
        },
        inputs=tour_inputs,
        checks=tour_checks,
        bets={},
    ),
)
