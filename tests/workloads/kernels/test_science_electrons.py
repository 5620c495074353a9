"""Car-Parrinello dynamics: single swings, the stability limit from both sides, the two time scales."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.linalg import eigh
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.science import car_parrinello as ring_of_atoms
from tiering.workloads.kernels.science import stability_limit


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def arguments(**changes: Any) -> list[Any]:
    names = "orbitals orbitals_before ions ions_before hopping coupling stiffness orbital_mass ion_mass step steps"
    given = dict(zip(names.split(), zoo.kernel("car_parrinello").inputs({"n": 10, "steps": 300}, 1), strict=True))
    return list((given | changes).values())


def excess(given: list[Any]) -> float:
    """How far the electrons are above their ground state after the call; infinite where they have run away."""
    compiled("car_parrinello")(*given)
    if not np.all(np.isfinite(given[0])):
        return math.inf
    hamiltonian = ring_of_atoms.ring(given[2], given[4], given[5])
    lowest = np.linalg.eigvalsh(hamiltonian)[: len(given[0])].sum()
    return float(np.sum(given[0] * (given[0] @ hamiltonian)) - lowest)


def test_a_turn_into_an_empty_orbital_swings_with_the_frequency_of_theory() -> None:
    orbitals, _, ions, *_ = arguments()
    mass, step, steps, turn = 0.1, 0.05, 37, 1e-4
    energies, every = np.linalg.eigh(ring_of_atoms.ring(ions, 1.0, 0.6))
    occupied, empty = 1, 8
    start = orbitals.copy()
    start[occupied] = math.cos(turn) * every[:, occupied] + math.sin(turn) * every[:, empty]
    given = arguments(orbitals=start, orbitals_before=start.copy(), ion_mass=1e30, steps=steps)
    given[7], given[9] = mass, step
    compiled("car_parrinello")(*given)
    frequency = math.sqrt(2.0 * (energies[empty] - energies[occupied]) / mass)
    angle = 2.0 * math.asin(0.5 * frequency * step)
    expected = turn * math.cos(angle * (steps + 0.5)) / math.cos(0.5 * angle)
    assert float(given[0][occupied] @ every[:, empty]) == pytest.approx(expected, abs=1e-3 * turn)


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_stable_just_below_the_limit_and_not_just_above(seed: int) -> None:
    hamiltonian, ground, start, mass, *_ = stability_limit.inputs({"n": 8, "steps": 0, "halvings": 0}, seed)
    energies = eigh(hamiltonian, eigvals_only=True)
    limit = math.sqrt(2.0 * mass / (energies[-1] - energies[0]))
    below = stability_limit.stays_near(hamiltonian, ground, start, mass, 0.999 * limit, 600, 1e-3)
    above = stability_limit.stays_near(hamiltonian, ground, start, mass, 1.001 * limit, 600, 1e-3)
    assert (below, above) == (True, False)


def test_the_limit_grows_with_the_root_of_the_mass() -> None:
    given = list(stability_limit.inputs({"n": 6, "steps": 400, "halvings": 18}, 3))
    light = compiled("largest_stable_step")(*given)
    for place, factor in ((3, 4.0), (4, 2.0), (5, 2.0)):
        given[place] *= factor
    assert compiled("largest_stable_step")(*given) == pytest.approx(2.0 * light, rel=1e-6)


def test_two_levels_have_the_limit_worked_by_hand() -> None:
    hamiltonian = np.array([[-1.0, 0.0], [0.0, 1.0]])
    ground = np.array([1.0, 0.0])
    start = np.array([math.cos(1e-6), math.sin(1e-6)])
    found = stability_limit.largest_stable_step(hamiltonian, ground, start, 1.0, 0.1, 3.0, 500, 1e-3, 20)
    assert found == pytest.approx(1.0, abs=1e-4)


def test_the_ring_runs_away_above_the_limit_of_its_spectrum() -> None:
    ions = arguments()[2]
    energies = np.linalg.eigvalsh(ring_of_atoms.ring(ions, 1.0, 0.6))
    limit = math.sqrt(2.0 * 0.1 / (energies[-1] - energies[0]))
    assert excess(arguments(step=0.99 * limit)) < 1e-6
    assert excess(arguments(step=1.01 * limit)) > 0.5


def test_the_ions_near_those_of_exact_electrons_in_proportion_to_the_orbital_mass() -> None:
    off = []
    for mass in (0.4, 0.2, 0.1):
        given, before = arguments(orbital_mass=mass), arguments(orbital_mass=mass)
        compiled("car_parrinello")(*given)
        off.append(np.abs(given[2] - ring_of_atoms.adiabatic(tuple(before))).max())
    assert off[0] / off[1] == pytest.approx(2.0, rel=0.2)
    assert off[1] / off[2] == pytest.approx(2.0, rel=0.2)


def test_the_electrons_stay_cold_while_the_ions_move() -> None:
    given, before = arguments(), arguments()
    assert 0.0 <= excess(given) < 1e-4
    assert np.abs(given[2] - before[2]).max() > 0.1


def test_forces_are_minus_the_slope_of_the_energy() -> None:
    orbitals, _, ions, *_ = arguments()
    product, force = np.zeros_like(orbitals), np.zeros_like(ions)
    ring_of_atoms.chain_forces(orbitals, ions, 1.0, 0.6, 1.5, product, force)

    def energy(u: Any) -> float:
        electrons = np.sum(orbitals * (orbitals @ ring_of_atoms.ring(u, 1.0, 0.6)))
        return float(electrons + 0.75 * np.sum((np.roll(u, -1) - u) ** 2))

    slopes = [(energy(ions + h) - energy(ions - h)) / 2e-5 for h in 1e-5 * np.eye(len(ions))]
    assert force == pytest.approx(-np.array(slopes), abs=1e-9)
    assert product == pytest.approx(orbitals @ ring_of_atoms.ring(ions, 1.0, 0.6), abs=1e-14)


def test_orthonormal_orbitals_need_no_multipliers() -> None:
    orbitals = arguments()[0]
    trial = orbitals.copy()
    assert ring_of_atoms.orthonormalize(trial, orbitals, np.zeros((4, 5, 5)), 1e-13, 10) < 1e-13
    assert trial == pytest.approx(orbitals, abs=1e-14)
