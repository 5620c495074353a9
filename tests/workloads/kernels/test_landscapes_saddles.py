"""Saddles: what stays, what leaves, and when."""

from __future__ import annotations

import numpy as np
import pytest
from tiering.workloads.kernels.landscapes.saddles import saddle_escape, saddle_exits, saddle_gradient, trapped


def test_the_steps_out_of_a_saddle_are_those_counted_by_hand() -> None:
    counts = np.zeros(3, np.int64)
    starts = np.array([[0.0, 0.3], [0.0, -0.2], [0.9, 0.01]])
    assert saddle_exits(starts, 1.0, 1.0, 1.0, counts) == 2 + 3 + 7
    assert counts.tolist() == [2, 3, 7]


def test_without_a_kick_descent_ends_in_the_saddle() -> None:
    position, curvatures, kicks, *rest = trapped({"n": 16}, 1)
    value, kicked = saddle_escape(position, curvatures, kicks[:0], *rest)
    assert (kicked, value) == (0, pytest.approx(0.0, abs=1e-15))
    np.testing.assert_allclose(position, 0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_with_kicks_it_ends_in_a_minimum_where_all_curvatures_are_positive(seed: int) -> None:
    position, curvatures, *rest = trapped({"n": 16}, seed)
    value, kicked = saddle_escape(position, curvatures, *rest)
    assert kicked >= 2
    assert value < -0.05
    assert np.all(curvatures + 3.0 * position**2 > 0.4)


def test_a_kick_that_brings_nothing_is_taken_back() -> None:
    position = np.zeros(2)
    kicks = np.array([[1e-3, -1e-3]] * 3)
    value, kicked = saddle_escape(position, np.array([1.0, 2.0]), kicks, 0.1, 1e-9, 1e-8, 50, 1000)
    assert (value, kicked, position.tolist()) == (0.0, 1, [0.0, 0.0])


def test_the_gradient_of_the_saddle_is_that_of_its_value() -> None:
    position, curvatures = np.array([0.4, -0.9, 0.1]), np.array([1.0, -0.5, -2.0])
    gradient, scratch = np.zeros(3), np.zeros(3)
    value, square = saddle_gradient(position, curvatures, gradient)
    assert value == pytest.approx(float(np.sum(curvatures * position**2 / 2 + position**4 / 4)), rel=1e-14)
    assert square == pytest.approx(float(gradient @ gradient), rel=1e-14)
    for i, step in enumerate(1e-5 * np.eye(3)):
        rise = saddle_gradient(position + step, curvatures, scratch)[0]
        fall = saddle_gradient(position - step, curvatures, scratch)[0]
        assert gradient[i] == pytest.approx((rise - fall) / 2e-5, abs=1e-9)
