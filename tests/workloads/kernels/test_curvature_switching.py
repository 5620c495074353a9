"""The switch from first to second order, and the rate that Gershgorin's bound makes safe."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import gershgorin, logistic, switching


def small(name: str, seed: int = 1) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs(kernel.sizes["small"], seed))


NEVER = -math.inf


def test_the_switch_converges_where_descent_alone_does_not() -> None:
    features, labels, weights, penalty, rate, window, share, tolerance, limit = small("descend_then_newton")
    alone = weights.copy()
    switching.descend_then_newton(features, labels, weights, penalty, rate, window, share, tolerance, limit)
    _, descents, newtons = switching.descend_then_newton(
        features, labels, alone, penalty, rate, window, NEVER, tolerance, limit
    )
    assert (descents, newtons) == (limit, 0)
    left, stuck = (np.linalg.norm(logistic.gradient_of(features, labels, w, penalty)) for w in (weights, alone))
    assert left < 1e-8 < 1e-4 < stuck


def test_the_switch_ends_where_scipy_ends() -> None:
    features, labels, weights, penalty, *rest = small("descend_then_newton")
    loss, _, _ = switching.descend_then_newton(features, labels, weights, penalty, *rest)
    theirs = minimize(
        lambda w: logistic.loss_of(features, labels, w, penalty),
        np.zeros_like(weights),
        jac=lambda w: logistic.gradient_of(features, labels, w, penalty),
        tol=1e-8,
    )
    assert loss == pytest.approx(theirs.fun, abs=1e-8)
    np.testing.assert_allclose(features @ weights, features @ theirs.x, atol=1e-2)


def test_descent_that_converges_is_left_alone() -> None:
    features, labels, weights, _, _, window, share, _, limit = small("descend_then_newton")
    _, descents, newtons = switching.descend_then_newton(features, labels, weights, 2.0, 0.4, window, 0.0, 1e-6, limit)
    assert share > 0.0
    assert newtons == 0
    assert descents < 60


def test_a_newton_step_from_far_away_is_halved_until_the_loss_falls() -> None:
    features, labels = np.array([[1.0], [1.0], [-1.0]]), np.array([1.0, -1.0, -1.0])
    weights, gradient = np.array([8.0]), np.zeros(1)
    loss = logistic.logistic_gradient(features, labels, weights, 0.0, gradient)
    full = 8.0 - float(gradient[0]) / float(logistic.hessian_of(features, weights, 0.0)[0, 0])
    assert logistic.loss_of(features, labels, np.array([full]), 0.0) > loss
    assert switching.guarded_newton(features, labels, weights, 0.0, loss, gradient) < loss
    np.testing.assert_allclose(gradient, logistic.gradient_of(features, labels, weights, 0.0), atol=1e-12)


def test_the_plain_discs_of_the_quartic_at_its_center_reach_five_and_its_curvature_4_193() -> None:
    hessian = np.array([[-4.0, -1.0], [-1.0, 1.0]])
    assert gershgorin.gershgorin_bound(hessian, np.ones(2), 1) == 5.0
    steepest = float(np.max(np.abs(np.linalg.eigvalsh(hessian))))
    assert steepest == pytest.approx(4.193, abs=5e-4)
    assert steepest == pytest.approx((3.0 + math.sqrt(29.0)) / 2.0)


def test_scaling_tightens_the_discs_down_to_the_spectral_radius_of_the_magnitudes() -> None:
    hessian = np.array([[-4.0, -1.0], [-1.0, 1.0]])
    bounds = [gershgorin.gershgorin_bound(hessian, np.ones(2), rounds) for rounds in range(1, 30)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == pytest.approx((5.0 + math.sqrt(13.0)) / 2.0, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_at_the_safe_rate_no_step_raises_the_loss_and_beyond_two_over_the_curvature_one_does(seed: int) -> None:
    features, labels, weights, penalty, rounds, losses = small("gershgorin_descent", seed)
    rate, least = gershgorin.gershgorin_descent(features, labels, weights, penalty, rounds, losses)
    assert least >= -1e-15
    assert np.all(np.diff(losses) <= 0.0)
    center = weights
    for _ in range(20):
        slope = logistic.gradient_of(features, labels, center, penalty)
        center = center - np.linalg.solve(logistic.hessian_of(features, center, penalty), slope)
    steepest = np.linalg.eigvalsh(logistic.hessian_of(features, center, penalty))
    assert rate * steepest[-1] < 1.0
    direction = np.linalg.eigh(logistic.hessian_of(features, center, penalty))[1][:, -1]
    near = center + 1e-3 * direction
    fast = 2.2 / steepest[-1]
    moved = near - fast * logistic.gradient_of(features, labels, near, penalty)
    before, after = (logistic.loss_of(features, labels, w, penalty) for w in (near, moved))
    assert after > before
