"""The hyperelastic bar: the published displacement, the gradient, and what SciPy makes of the same loss."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad, minimize
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.science import hyperelastic_bar as bar

SIZE = {"hidden": 6, "cells": 5, "steps": 400}


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


@pytest.mark.parametrize("x", [-0.9, -0.3, 0.2, 1.0])
def test_the_published_displacement_balances_the_load(x: float) -> None:
    stress = 1.5 * (math.sqrt(1.0 + bar.exact(np.array(x))[1]) - 1.0)
    assert stress == pytest.approx(quad(lambda y: y, x, 1.0)[0], abs=1e-12)
    slope = (bar.exact(np.array(x + 1e-6))[0] - bar.exact(np.array(x - 1e-6))[0]) / 2e-6
    assert slope == pytest.approx(bar.exact(np.array(x))[1], abs=1e-8)
    assert bar.exact(np.array(-1.0))[0] == pytest.approx(0.0, abs=1e-15)


def test_the_energy_of_the_published_displacement_is_its_integral() -> None:
    def density(x: float) -> float:
        u, stretch = bar.exact(np.array(x))
        return float((1.0 + stretch) ** 1.5 - 1.5 * stretch - 1.0 - x * u)

    assert quad(density, -1.0, 1.0)[0] == pytest.approx(bar.exact_energy(), abs=1e-12)


def test_the_gradient_passes_scipys_check() -> None:
    parameters, points, weights, gradient = bar.inputs_energy(SIZE, 3)

    def slopes(at: Any) -> Any:
        compiled("bar_energy")(at, points, weights, gradient)
        return gradient.copy()

    error = check_grad(lambda at: compiled("bar_energy")(at, points, weights, gradient), slopes, parameters)
    assert error < 1e-6


def test_an_unloaded_network_has_no_energy_and_a_bar_inside_out_an_infinite_one() -> None:
    parameters, points, weights, gradient = bar.inputs_energy(SIZE, 1)
    assert bar.bar_energy(np.zeros_like(parameters), points, weights, gradient) == pytest.approx(0.0, abs=1e-15)
    parameters[-1] = -5.0
    assert bar.bar_energy(parameters, points, weights, gradient) == math.inf


@pytest.mark.parametrize("seed", range(3))
def test_no_network_has_less_energy_than_the_bar_and_training_comes_within_a_millionth(seed: int) -> None:
    given = bar.inputs_network(SIZE, seed)
    found = compiled("bar_network")(*given)
    assert -1e-7 < found - bar.exact_energy() < 1e-6
    x = np.linspace(-1.0, 1.0, 21)
    assert bar.displacement(given[0], x)[0] == pytest.approx(bar.exact(x)[0], abs=2e-4)


def test_scipys_lbfgs_finds_no_better_network() -> None:
    parameters, points, weights, *_ = bar.inputs_network(SIZE, 1)
    start = parameters.copy()
    ours = compiled("bar_network")(parameters, points, weights, 10, 400)

    def both(at: Any) -> tuple[float, Any]:
        gradient = np.zeros_like(at)
        value = compiled("bar_energy")(at, points, weights, gradient)
        return value, gradient

    theirs = minimize(both, start, jac=True, method="L-BFGS-B", options={"maxiter": 400})
    assert ours < theirs.fun + 1e-6


def test_energy_never_rises_from_step_to_step() -> None:
    course = []
    for steps in range(12):
        given = bar.inputs_network({**SIZE, "steps": steps}, 2)
        course.append(compiled("bar_network")(*given))
    assert course == sorted(course, reverse=True)
    assert len(set(course)) == len(course)
