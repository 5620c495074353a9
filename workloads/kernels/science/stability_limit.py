"""How large a time step Car-Parrinello dynamics bears, found by trying.

The orbitals of `car_parrinello` swing about the ground state with the frequencies sqrt(2 (e_j - e_0) / m), and Verlet's
rule follows a swing of frequency w while the time step is below 2 / w; above, it grows by a factor in every step. The
limit is thus sqrt(2 m / (e_highest - e_lowest)), for which the whole spectrum of H must be known. Whoever does not know
it tries: one orbital, a little off the ground state, moves with a given time step, and does or does not stay near.
Bisection needs no more. For a single orbital the multiplier that keeps the norm is the root of a quadratic equation,
whose leading coefficient is the norm as it is: with 1 in its place rounding errors grow below the limit already.

Near the limit the growth per step is 1 + 2 sqrt(2 d) for a step that is too large by the fraction d, so a thousand time
steps tell the limit to about one part in a hundred thousand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def stays_near(
    hamiltonian: Floats, ground: Floats, start: Floats, mass: float, step: float, steps: int, bound: float
) -> bool:
    """Whether an orbital that begins at `start`, shape (n,), keeps within `bound` of `ground` for `steps` time steps.

    `hamiltonian` has shape (n, n). One time step before the start the orbital stood on the other side of `ground`.
    Distance is the root of the sum of squares.
    """
    n = len(ground)
    here, before, after = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        here[i] = float(start[i])
        before[i] = 2.0 * float(ground[i]) - float(start[i])
    push = 2.0 * step * step / mass
    for _ in range(steps):
        norm = 0.0
        square = 0.0
        overlap = 0.0
        for i in range(n):
            product = 0.0
            for j in range(n):
                product += float(hamiltonian[i, j]) * float(here[j])
            moved = 2.0 * float(here[i]) - float(before[i]) - push * product
            after[i] = moved
            norm += float(here[i]) * float(here[i])
            square += moved * moved
            overlap += moved * float(here[i])
        inside = overlap * overlap - norm * (square - 1.0)
        if inside < 0.0:
            return False
        multiplier = (math.sqrt(inside) - overlap) / norm
        distance = 0.0
        for i in range(n):
            moved = float(after[i]) + multiplier * float(here[i])
            off = moved - float(ground[i])
            distance += off * off
            before[i] = float(here[i])
            here[i] = moved
        if distance > bound * bound:
            return False
    return True


def largest_stable_step(
    hamiltonian: Floats,
    ground: Floats,
    start: Floats,
    mass: float,
    low: float,
    high: float,
    steps: int,
    bound: float,
    halvings: int,
) -> float:
    """Return the largest time step between `low`, which is stable, and `high`, which is not, to `halvings` bits.

    The other arguments are those of `stays_near`.
    """
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        if stays_near(hamiltonian, ground, start, mass, middle, steps, bound):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def limit(hamiltonian: Floats, mass: float) -> float:
    """The limit by its formula, from the eigenvalues."""
    energies = np.linalg.eigvalsh(hamiltonian)
    return math.sqrt(2.0 * mass / float(energies[-1] - energies[0]))


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random symmetric Hamiltonian and its lowest orbital, turned into every other one by a millionth."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, mass = size["n"], float(random.uniform(0.5, 2.0))
    matrix = random.standard_normal((n, n))
    hamiltonian = matrix + matrix.T
    orbitals = np.linalg.eigh(hamiltonian)[1]
    ground = np.ascontiguousarray(orbitals[:, 0])
    start = ground + 1e-6 * orbitals[:, 1:].sum(axis=1)
    start /= np.linalg.norm(start)
    scale = math.sqrt(mass / n)
    return hamiltonian, ground, start, mass, 0.02 * scale, 2.0 * scale, size["steps"], 1e-3, size["halvings"]


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The step found is the step of the formula."""
    hamiltonian, _, _, mass, low, high, steps, _, halvings = before
    expected = limit(hamiltonian, mass)
    tolerance = expected * 20.0 / (steps * steps) + (high - low) * 0.5**halvings
    return [Check("largest stable step", result, expected, tolerance, "sqrt(2 m / (e_highest - e_lowest))")]


KERNELS = (
    Kernel(
        name="largest_stable_step",
        family="science",
        summary="stability limit of Car-Parrinello dynamics by bisection of the time step",
        units=(
            Unit(largest_stable_step, ("halvings",)),
            Unit(stays_near, ("coordinates", "time steps", "coordinates", "coordinates", "coordinates")),
        ),
        signature=(
            "float64(float64[:,::1], float64[::1], float64[::1], float64, float64, float64, int64, float64, int64)"
        ),
        sizes={
            "small": {"n": 6, "steps": 200, "halvings": 16},
            "medium": {"n": 12, "steps": 1500, "halvings": 24},
            "large": {"n": 30, "steps": 3000, "halvings": 28},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
