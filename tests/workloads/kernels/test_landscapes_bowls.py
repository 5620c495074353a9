"""Bowls: where their axes lie decides what scaling by the diagonal is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiering.workloads.kernels.landscapes import rotations
from tiering.workloads.kernels.landscapes.bowls import bowl_descent
from tiering.workloads.kernels.landscapes.rotated_bowls import diagonal_descent, rotation, steepest_descent


def turned_by(angle: float, condition: float) -> np.ndarray:
    axes = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.ascontiguousarray(axes * np.array([1.0, condition]) @ axes.T)


@pytest.mark.parametrize("condition", [1.0, 30.0, 1e6])
def test_scaling_by_the_diagonal_solves_an_axis_aligned_bowl_in_one_step(condition: float) -> None:
    position = np.array([0.7, -1.3])
    diagonal_descent(turned_by(0.0, condition), position, 1.0, 1)
    np.testing.assert_allclose(position, 0.0, atol=1e-15)


@pytest.mark.parametrize("condition", [3.0, 30.0, 300.0])
def test_at_45_degrees_the_diagonal_says_nothing_and_descent_goes_to_and_fro(condition: float) -> None:
    hessian, start, steps = turned_by(math.pi / 4.0, condition), np.array([0.7, -1.3]), 50
    scaled, plain = start.copy(), start.copy()
    _, turns = diagonal_descent(hessian, scaled, 1.0, steps)
    for _ in range(steps):
        plain = plain - 2.0 / (condition + 1.0) * hessian @ plain
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)
    assert turns == steps - 1
    assert np.linalg.norm(scaled) == pytest.approx(
        ((condition - 1.0) / (condition + 1.0)) ** steps * np.linalg.norm(start), rel=1e-9
    )


def test_the_zigzag_grows_with_the_angle() -> None:
    left = []
    for degrees in (0, 5, 15, 45):
        position = np.array([1.0, 1.0])
        diagonal_descent(turned_by(math.radians(degrees), 100.0), position, 1.0, 20)
        left.append(float(np.linalg.norm(position)))
    assert left == sorted(left)
    assert left[0] < 1e-12 < 0.1 < left[-1]


def test_the_rotated_bowl_has_the_given_condition_number_and_an_orthogonal_rotation() -> None:
    _, curvatures, *turns, turned, gradient = rotations.planes({"n": 11, "rounds": 5, "condition": 400}, 3)
    hessian = np.zeros((11, 11))
    for i in range(11):
        value = rotations.rotated_bowl_gradient(np.eye(11)[i], curvatures, *turns, turned, gradient)
        hessian[i] = gradient
        assert value == pytest.approx(0.5 * hessian[i, i], rel=1e-12)
        assert np.linalg.norm(turned) == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-11)
    np.testing.assert_allclose(np.linalg.eigvalsh(hessian), curvatures, rtol=1e-11)
    assert np.linalg.cond(hessian) == pytest.approx(400.0, rel=1e-9)
    assert np.abs(hessian - np.diag(np.diag(hessian))).max() > 10.0


def test_steepest_descent_follows_the_case_of_the_textbooks() -> None:
    position = np.array([9.0, 1.0])
    value, _ = steepest_descent(np.diag([1.0, 9.0]), position, 1)
    np.testing.assert_allclose(position, [7.2, -0.8], rtol=1e-14)
    assert value == pytest.approx(0.64 * 45.0, rel=1e-14)


@pytest.mark.parametrize("seed", range(10))
def test_no_start_is_slower_than_kantorovich_allows(seed: int) -> None:
    random = np.random.Generator(np.random.PCG64(seed))
    axes = rotation(random, 6)
    hessian = np.ascontiguousarray(axes * np.geomspace(1.0, 50.0, 6) @ axes.T)
    position = random.standard_normal(6)
    before = 0.5 * position @ hessian @ position
    value, _ = steepest_descent(hessian, position, 1)
    assert value <= (49.0 / 51.0) ** 2 * before * (1.0 + 1e-12)


def test_plain_descent_needs_steps_in_proportion_to_the_condition_number() -> None:
    for condition in (10.0, 1000.0):
        position = np.array([1.0, 1.0])
        bowl_descent(position, np.array([1.0, condition]), 1.0 / condition, int(condition))
        np.testing.assert_allclose(position, [math.exp(-1.0), 0.0], atol=0.02)
