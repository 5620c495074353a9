"""Rosenbrock's valley against SciPy and published values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from tiering.workloads.kernels.landscapes.rosenbrock import rosenbrock_at, rosenbrock_descent, rosenbrock_values
from tiering.workloads.kernels.lbfgs import rosenbrock


def test_the_usual_start_has_the_published_loss_and_slopes() -> None:
    gradient = np.zeros(2)
    assert rosenbrock(np.array([-1.2, 1.0]), gradient) == pytest.approx(24.2, rel=1e-14)
    np.testing.assert_allclose(gradient, [-215.6, -88.0], rtol=1e-14)


def test_all_three_formulas_agree_with_scipy() -> None:
    points = np.random.Generator(np.random.PCG64(1)).uniform(-2.0, 2.0, (20, 7))
    values, trial, gradient = np.zeros(20), np.zeros(7), np.zeros(7)
    assert rosenbrock_values(points, values) == values.min()
    for point, value in zip(points, values, strict=True):
        assert value == pytest.approx(rosen(point), rel=1e-13)
        assert rosenbrock(point, gradient) == pytest.approx(rosen(point), rel=1e-13)
        np.testing.assert_allclose(gradient, rosen_der(point), rtol=1e-11)
        assert rosenbrock_at(point, gradient, 0.01, trial) == pytest.approx(rosen(trial), rel=1e-13)
        np.testing.assert_allclose(trial, point - 0.01 * gradient, rtol=1e-14)


def test_descent_is_quick_to_the_valley_and_slow_in_it() -> None:
    position = np.array([-1.2, 1.0])
    loss, _, _ = rosenbrock_descent(position, 10)
    assert loss < 5.0
    assert position[1] == pytest.approx(position[0] ** 2, abs=0.1)
    assert position[0] < 0.0, "still on the far side of the bend"
    loss, _, _ = rosenbrock_descent(position, 500)
    assert 1e-4 < loss < 1.0
    loss, _, asked = rosenbrock_descent(position, 20_000)
    assert loss < 1e-10
    np.testing.assert_allclose(position, 1.0, atol=1e-4)
    assert asked >= 20_000


def test_four_coordinates_have_a_second_minimum_at_the_published_place() -> None:
    position = np.array([-0.8, 0.6, 0.4, 0.1])
    loss, _, _ = rosenbrock_descent(position, 5000)
    assert loss == pytest.approx(3.70143, abs=1e-4)
    np.testing.assert_allclose(position, [-0.77566, 0.61309, 0.38206, 0.14597], atol=1e-3)
    assert np.linalg.norm(rosen_der(position)) < 1e-3
