"""L-BFGS under inexact gradients: which pairs are refused, and what happens when they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import LbfgsInvHessProduct
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import quasi_newton


def course(seed: int, floor: float, noise: float = 1.0) -> tuple[Any, list[Any], float]:
    """Result and arguments of a run, and the largest slope of its moves: positive is uphill."""
    kernel = zoo.kernel("lbfgs_inexact")
    arguments = list(kernel.inputs(kernel.sizes["small"], seed))
    arguments[2] *= noise
    arguments[4] = floor
    before = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
    result = quasi_newton.lbfgs_inexact(*arguments)
    gradients, moves, _ = quasi_newton.pairs(tuple(before), arguments[7])
    slopes = np.sum(gradients[:-1] * moves, axis=1)
    return result, arguments, float(np.max(slopes / np.linalg.norm(moves, axis=1)))


@pytest.mark.parametrize("seed", range(5))
def test_with_exact_gradients_no_pair_is_refused_and_the_minimum_is_found(seed: int) -> None:
    (value, refused), arguments, slope = course(seed, 0.0, noise=0.0)
    assert refused == 0
    assert value < 1e-6
    assert np.max(np.abs(arguments[0])) < 1e-3
    assert slope < 0.0


@pytest.mark.parametrize("seed", range(5))
def test_with_errors_pairs_are_refused_and_no_move_points_uphill(seed: int) -> None:
    (value, refused), arguments, slope = course(seed, 0.1)
    assert 0 < refused < 90
    assert slope < 0.0
    assert value < 0.02 * float(np.sum(arguments[1] * (np.sqrt(1.0 + arguments[7][0] ** 2) - 1.0)))


def test_the_plain_check_keeps_every_move_downhill_too() -> None:
    assert all(course(seed, 0.0)[2] < 0.0 for seed in range(5))


def test_without_the_check_moves_point_uphill() -> None:
    assert any(course(seed, -1e300)[2] > 0.0 for seed in range(5))


def test_a_pair_is_refused_by_its_curvature_alone() -> None:
    steps, changes, inverses = np.zeros((1, 2)), np.zeros((1, 2)), np.zeros(1)
    here, there, old = np.array([1.0, 0.0]), np.zeros(2), np.zeros(2)

    def kept(gradient: list[float], floor: float) -> float:
        return quasi_newton.keep_pair(here, there, np.array(gradient), old, floor, 0, steps, changes, inverses)

    assert kept([2.0, 0.0], 0.0) == 0.5
    assert inverses.tolist() == [0.5]
    assert kept([2.0, 2.0], 0.0) == 0.25
    assert kept([-2.0, 0.0], 0.0) == 0.0
    assert kept([0.0, 3.0], 0.0) == 0.0
    assert kept([2.0, 0.0], 2.0) == 0.0


def test_the_dense_formula_of_the_check_is_scipys_but_for_the_scale() -> None:
    random = np.random.default_rng(7)
    s = random.standard_normal((3, 6))
    y = s * np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    gradient = random.standard_normal(6)
    scale = (s[-1] @ y[-1]) / (y[-1] @ y[-1])
    theirs = LbfgsInvHessProduct(s / np.sqrt(scale), y / np.sqrt(scale) * scale)
    ours = quasi_newton.dense_direction(gradient, s, y)
    np.testing.assert_allclose(ours, -scale * (theirs @ gradient), rtol=1e-10)
