"""The controlled rate: single steps by hand, and where the loop settles."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.control import rate


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def test_the_controller_takes_the_steps_worked_by_hand() -> None:
    assert rate.held_rate(0.5, 2.0, 2.0, 2.0, 0.4, 0.05, 0.0, 9.0) == 0.5
    assert rate.held_rate(0.5, 0.5, 0.5, 2.0, 0.4, 0.5, 0.0, 9.0) == pytest.approx(1.0, rel=1e-15)
    assert rate.held_rate(0.5, 4.0, 1.0, 4.0, 0.5, 0.05, 0.0, 9.0) == pytest.approx(0.25, rel=1e-15)
    assert rate.held_rate(0.5, 1.0, 1.0, 1e9, 0.4, 1.0, 0.0, 0.7) == 0.7
    assert rate.held_rate(0.5, 1e9, 1.0, 1.0, 0.4, 1.0, 0.1, 0.7) == 0.1


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_data_the_rate_settles_at_the_edge_of_stability_and_the_ratio_at_the_setpoint(seed: int) -> None:
    kernel = zoo.kernel("controlled_descent")
    before, after = (kernel.inputs({"samples": 40, "width": 5, "steps": 600}, seed) for _ in range(2))
    result = compiled("controlled_descent")(*after)
    assert [check.what for check in kernel.checks(before, result, after) if not check.holds] == []


@pytest.mark.parametrize(("proportional", "integral"), [(0.2, 0.01), (0.6, 0.1), (0.9, 0.1)])
def test_the_gains_decide_how_the_loop_settles_and_not_where(proportional: float, integral: float) -> None:
    arguments = list(rate.regression({"samples": 40, "width": 5, "steps": 3000}, 1))
    curvature, _, _ = rate.bowl(arguments[0], arguments[1])
    arguments[4:6] = proportional, integral
    settled, ratio = compiled("controlled_descent")(*arguments)
    assert settled * curvature == pytest.approx(2.0, rel=1e-9)
    assert ratio == pytest.approx(arguments[3], rel=1e-9)


def test_a_higher_setpoint_gives_the_same_rate_and_a_wider_swing() -> None:
    rates, swings = [], []
    for factor in (0.4, 1.0, 1.6):
        arguments = list(rate.regression({"samples": 40, "width": 5, "steps": 1500}, 1))
        _, _, best = rate.bowl(arguments[0], arguments[1])
        arguments[3] *= factor
        rates.append(compiled("controlled_descent")(*arguments)[0])
        swings.append(float(np.linalg.norm(arguments[2] - best)))
    assert rates == pytest.approx([rates[0]] * 3, rel=1e-6)
    assert swings[0] < swings[1] < swings[2]


def test_a_setpoint_above_what_the_bowl_has_drives_the_rate_to_its_limit() -> None:
    arguments = list(rate.regression({"samples": 40, "width": 5, "steps": 40}, 1))
    arguments[3] *= 4.0
    assert compiled("controlled_descent")(*arguments)[0] == arguments[7]


def test_with_one_coordinate_the_tracked_rate_is_setpoint_times_drift_over_twice_the_curvature() -> None:
    offset = np.array([1.0])
    settled, ratio = rate.controlled_tracking(
        offset, np.array([2.0]), np.array([0.05]), 12.0, 0.4, 0.05, 0.01, 0.4, 1000
    )
    assert settled == pytest.approx(12.0 * 0.05 / (2.0 * 2.0), rel=1e-9)
    assert ratio == pytest.approx(12.0, rel=1e-9)
    assert offset[0] == pytest.approx(-0.05 / (settled * 2.0), rel=1e-9)


def test_the_tracked_rate_follows_the_setpoint_in_proportion() -> None:
    rates = []
    for factor in (1.0, 2.0):
        arguments = list(rate.drifting({"n": 10, "steps": 1500}, 3))
        arguments[3] *= factor
        rates.append(compiled("controlled_tracking")(*arguments)[0])
    assert rates == pytest.approx([0.1, 0.2], rel=1e-6)


def test_the_loss_and_its_slopes_are_those_of_numpy() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    features, targets, weights = random.standard_normal((9, 3)), random.standard_normal(9), random.standard_normal(3)
    slopes = np.zeros(3)
    loss = rate.half_squares(features, targets, weights, slopes)
    residuals = features @ weights - targets
    assert loss == pytest.approx(0.5 * float(np.mean(residuals**2)), rel=1e-14)
    np.testing.assert_allclose(slopes, features.T @ residuals / 9, rtol=1e-13)
    assert math.isclose(rate.bowl(features, targets)[0], float(np.linalg.norm(features, 2) ** 2) / 9, rel_tol=1e-12)
