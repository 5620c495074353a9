"""Nudged elastic bands: the published surface, the force by hand, both relaxations over both passes."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import approx_fprime, minimize
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.science import band_relaxation, elastic_band
from tiering.workloads.kernels.science.elastic_band import band_forces, muller_brown, tangent_weights


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def energy(point: Any) -> float:
    return muller_brown(float(point[0]), float(point[1]))[0]


def straight(first: tuple[float, float], last: tuple[float, float], images: int) -> Any:
    way = np.linspace(0.0, 1.0, images)[:, None]
    return ((1.0 - way) * np.array(first) + way * np.array(last)).reshape(1, -1)


@pytest.mark.parametrize(
    ("point", "height"),
    [((-0.558, 1.442), -146.700), ((0.623, 0.028), -108.167), ((-0.050, 0.467), -80.768)],
)
def test_the_surface_has_its_minima_where_muller_and_brown_say(point: tuple[float, float], height: float) -> None:
    found = minimize(energy, point, tol=1e-10)
    assert found.x == pytest.approx(point, abs=6e-4)
    assert found.fun == pytest.approx(height, abs=6e-4)


@pytest.mark.parametrize(("point", "height"), [((-0.822, 0.624), -40.665), ((0.212, 0.293), -72.249)])
def test_the_surface_has_its_saddles_where_muller_and_brown_say(point: tuple[float, float], height: float) -> None:
    assert energy(point) == pytest.approx(height, abs=6e-4)
    assert np.abs(muller_brown(*point)[1:]) == pytest.approx([0.0, 0.0], abs=0.6)


def test_the_ends_of_the_bands_are_minima_to_many_digits() -> None:
    for end in elastic_band.MINIMA:
        assert np.abs(muller_brown(*end)[1:]) == pytest.approx([0.0, 0.0], abs=1e-8)


@pytest.mark.parametrize("point", [(-1.2, 0.3), (0.4, 0.9), (0.0, 0.0)])
def test_the_force_is_minus_the_gradient_that_scipy_finds(point: tuple[float, float]) -> None:
    assert muller_brown(*point)[1:] == pytest.approx(-approx_fprime(np.array(point), energy, 1e-7), abs=1e-3)


def test_the_tangent_turns_to_the_higher_neighbour_and_mixes_both_at_a_top_or_bottom() -> None:
    assert tangent_weights(1.0, 2.0, 4.0) == (0.0, 1.0)
    assert tangent_weights(4.0, 2.0, 1.0) == (1.0, 0.0)
    assert tangent_weights(1.0, 5.0, 3.0) == (2.0, 4.0)
    assert tangent_weights(3.0, 5.0, 1.0) == (4.0, 2.0)
    assert tangent_weights(6.0, 5.0, 9.0) == (1.0, 4.0)


def test_a_climbing_image_feels_its_force_along_the_path_turned_round() -> None:
    band = straight((-0.9, 0.6), (-0.7, 0.66), 3)[0]
    band[2:4] += 0.01
    energies, forces, still = np.zeros(3), np.zeros(6), np.zeros(6)
    band_forces(band, 0.0, False, energies, still)
    band_forces(band, 0.0, True, energies, forces)
    true = np.array(muller_brown(float(band[2]), float(band[3]))[1:])
    along = true - still[2:4]
    assert float(along @ still[2:4]) == pytest.approx(0.0, abs=1e-9)
    assert forces[2:4] == pytest.approx(true - 2.0 * along)


def test_both_methods_come_to_the_same_path_and_lbfgs_needs_a_third_of_the_steps() -> None:
    size = {"bands": 3, "images": 11, "memory": 8}
    fire, lbfgs = zoo.kernel("band_fire").inputs(size, 4), zoo.kernel("band_lbfgs").inputs(size, 4)
    slow, fast = compiled("band_fire")(*fire), compiled("band_lbfgs")(*lbfgs)
    fine, *rest = zoo.kernel("band_lbfgs").inputs({"bands": 1, "images": 31, "memory": 8}, 1)
    compiled("band_lbfgs")(fine, *rest)
    path = CubicSpline(np.linspace(0.0, 1.0, 31), fine.reshape(31, 2))(np.linspace(0.0, 1.0, 2001))
    for bands in (fire[0], lbfgs[0]):
        away = np.linalg.norm(bands.reshape(-1, 1, 2) - path, axis=2)
        assert away.min(axis=1).max() < 0.05
    assert fast[0] < slow[0] / 3


@pytest.mark.parametrize("name", ["band_fire", "band_lbfgs"])
def test_the_lower_saddle_is_found_between_the_minima_beside_it(name: str) -> None:
    _, *rest = zoo.kernel(name).inputs({"bands": 1, "images": 9, "memory": 5}, 1)
    band = straight((-0.050010823, 0.466694105), elastic_band.MINIMA[1], 9)
    _, top, _ = compiled(name)(band, *rest)
    assert top == pytest.approx(-72.249, abs=6e-4)
    points = band.reshape(-1, 2)
    assert np.min(np.abs(points - (0.212, 0.293)).max(axis=1)) < 1e-3


def test_without_climbing_no_image_reaches_the_saddle() -> None:
    band, spring, pace, longest, _, _, _ = zoo.kernel("band_fire").inputs({"bands": 1, "images": 8}, 1)
    _, top, _ = compiled("band_fire")(band, spring, pace, longest, 0.0, 0.0, 1500)
    _, saddle = band_relaxation.saddle()
    assert top < saddle - 0.05


def test_a_band_that_starts_relaxed_stays() -> None:
    band, *rest = zoo.kernel("band_lbfgs").inputs({"bands": 1, "images": 9, "memory": 5}, 1)
    taken, top, left = compiled("band_lbfgs")(band, *rest)
    assert taken > 10
    assert left < 1e-4
    again = compiled("band_lbfgs")(band, *rest)
    assert again[0] <= 3
    assert again[1] == pytest.approx(top, abs=1e-8)


def test_newtons_method_finds_the_published_saddle_with_one_direction_down() -> None:
    point, height = band_relaxation.saddle()
    assert point == pytest.approx((-0.822, 0.624), abs=6e-4)
    assert height == pytest.approx(-40.665, abs=6e-4)
    steps = 1e-4 * np.eye(2)
    curvature = [
        elastic_band.surface_force(point - h[None]) - elastic_band.surface_force(point + h[None]) for h in steps
    ]
    down, up = np.linalg.eigvalsh(np.concatenate(curvature) / 2e-4)
    assert down < 0.0 < up
    assert math.isfinite(up)
