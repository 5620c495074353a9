"""SIMP: the element and the sensitivities by other means, and the compliances that the published codes come to."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.control import plane_stress, simp


@cache
def compiled() -> Any:
    return bound(zoo.kernel("stiffest_plate"), numba.njit(boundscheck=True))


def plate(columns: int, rows: int, radius: float, steps: int, **limit: float) -> tuple[float, int, float]:
    """The result for a uniform start, and a move limit with `move`, `grow` and `shrink` other than usual."""
    arguments = list(simp.plate({"columns": columns, "rows": rows, "steps": steps}, 1))
    arguments[0][:] = 0.5
    arguments[4:6] = simp.neighbours(columns, rows, radius)
    arguments[8:11] = limit.get("move", 0.2), limit.get("grow", 1.2), limit.get("shrink", 0.5)
    return compiled()(*arguments)


def test_the_element_is_the_published_one() -> None:
    element, poisson = plane_stress.unit_element(0.3), 0.3
    terms = [1 / 2 - poisson / 6, 1 / 8 + poisson / 8, -1 / 4 - poisson / 12, -1 / 8 + 3 * poisson / 8]
    terms += [-1 / 4 + poisson / 12, -1 / 8 - poisson / 8, poisson / 6, 1 / 8 - 3 * poisson / 8]
    np.testing.assert_allclose(element[0], np.array(terms) / (1.0 - poisson**2), atol=1e-14)
    np.testing.assert_allclose(element, element.T, atol=1e-15)


def test_rigid_motions_cost_no_energy_and_a_stretch_costs_half_of_stress_times_strain() -> None:
    x, y = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
    element, places, energy = plane_stress.unit_element(0.3), np.arange(8)[None, :], np.zeros(1)
    motions = [(np.ones(4), 0 * x), (0 * x, np.ones(4)), (-y, x), (x, -0.3 * y)]
    found = []
    for along, across in motions:
        plane_stress.element_energies(element, places, np.stack([along, across], 1).ravel(), energy)
        found.append(float(energy[0]))
    assert found == pytest.approx([0.0, 0.0, 0.0, 1.0], abs=1e-14)


def test_a_strip_under_tension_stretches_as_a_bar_does() -> None:
    places, free = plane_stress.half_beam(6, 1)
    loads, displacement = np.zeros(free), np.zeros(free)
    right = places[-1, [2, 4]]
    loads[right] = 0.5
    band = np.zeros((free, 8))
    plane_stress.band_stiffness(np.ones(6), 3.0, plane_stress.unit_element(0.3), places, band)
    plane_stress.band_factor(band)
    plane_stress.band_solve(band, loads, displacement)
    np.testing.assert_allclose(displacement[right], 6.0, rtol=1e-12)


def test_the_band_solves_what_the_dense_matrix_does() -> None:
    arguments = simp.plate({"columns": 5, "rows": 4, "steps": 0}, 2)
    densities, power, element, places, _, _, loads, band, *_ = arguments
    plane_stress.band_stiffness(densities, power, element, places, band)
    plane_stress.band_factor(band)
    displacement = np.zeros(len(loads))
    plane_stress.band_solve(band, loads, displacement)
    dense = plane_stress.assembled(densities, power, element, places, len(loads))
    np.testing.assert_allclose(displacement, np.linalg.solve(dense, loads), rtol=1e-9)


def test_the_sensitivities_are_those_of_finite_differences() -> None:
    densities, power, element, places, *_, loads, _, _, _, _, _ = simp.plate({"columns": 4, "rows": 3, "steps": 0}, 3)
    displacement = np.linalg.solve(plane_stress.assembled(densities, power, element, places, len(loads)), loads)
    energies, sensitivities = np.zeros(12), np.zeros(12)
    plane_stress.element_energies(element, places, displacement, energies)
    simp.averaged(densities, power, energies, *simp.neighbours(4, 3, 1.0), sensitivities)

    def compliance(given: np.ndarray) -> float:
        matrix = plane_stress.assembled(given, power, element, places, len(loads))
        return float(loads @ np.linalg.solve(matrix, loads))

    falls = [(compliance(densities - step) - compliance(densities + step)) / 2e-6 for step in 1e-6 * np.eye(12)]
    np.testing.assert_allclose(sensitivities, falls, rtol=1e-6, atol=1e-6)


def test_neighbours_weigh_as_sigmunds_cone_does() -> None:
    near, shares = simp.neighbours(3, 3, 1.5)
    around = dict(zip(near[4].tolist(), shares[4].tolist(), strict=True))
    cone = {4: 1.5, 1: 0.5, 3: 0.5, 5: 0.5, 7: 0.5} | dict.fromkeys((0, 2, 6, 8), 1.5 - 2**0.5)
    assert around == pytest.approx({place: weight / sum(cone.values()) for place, weight in cone.items()})
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize(("radius", "published"), [(1.5, 203.3061), (2.4, 216.81)])
@pytest.mark.parametrize(("grow", "shrink"), [(1.0, 1.0), (1.2, 0.5)])
def test_the_beam_of_60_by_20_comes_to_the_published_compliance(
    radius: float, published: float, grow: float, shrink: float
) -> None:
    """Sigmund 2001 (radius 1.5); E. Andreassen et al., Struct. Multidisc. Optim. 43, 2011 (radius 2.4)."""
    compliance, _, _ = plate(60, 20, radius, 120, grow=grow, shrink=shrink)
    assert compliance == pytest.approx(published, rel=5e-3)


def test_a_move_limit_that_grows_overtakes_a_small_one_that_does_not() -> None:
    growing, failed, move = plate(24, 8, 1.5, 15, move=0.01)
    fixed, _, kept = plate(24, 8, 1.5, 15, move=0.01, grow=1.0)
    assert growing < 0.75 * fixed
    assert (failed, move) == (0, pytest.approx(0.01 * 1.2**15))
    assert kept == 0.01


def test_at_the_end_steps_fail_and_the_limit_shrinks_to_nothing() -> None:
    compliance, failed, move = plate(12, 4, 1.5, 400)
    assert failed >= 8
    assert move < simp.SETTLED
    assert compliance == plate(12, 4, 1.5, 2000)[0], "the design has ended"


def test_no_density_moves_further_than_the_limit() -> None:
    densities, sensitivities, move, mean, updated = simp.update({"elements": 200}, 1)
    simp.optimality_criteria(densities, sensitivities, 0.05, mean, updated)
    assert np.max(np.abs(updated - densities)) <= 0.05 * (1.0 + 1e-12)
    assert np.mean(updated) == pytest.approx(mean, abs=1e-9)
    assert np.min(updated) >= simp.LEAST
    assert np.max(updated) <= 1.0
    assert move == 0.2
