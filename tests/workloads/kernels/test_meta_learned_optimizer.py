"""Learned rates and the learned optimizer: gradients through the trajectory, closed forms, and what training buys."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.meta import learned_optimizer, learned_rates


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def value_after(curvatures: Any, start: Any, rates: Any) -> float:
    left = np.prod(1.0 - np.outer(rates, curvatures), axis=0) * start
    return float(np.sum(curvatures * left**2)) / 2.0


def test_one_coordinate_and_one_rate_by_hand() -> None:
    gradient = np.zeros(1)
    value = learned_rates.unrolled_gradient(np.ones(1), np.ones(1), np.array([0.25]), np.zeros(2), gradient)
    assert value == 0.75 * 0.75 / 2.0
    assert gradient[0] == -0.75


def test_the_gradient_by_the_rates_agrees_with_finite_differences() -> None:
    curvatures, start, _, _, _ = learned_rates.inputs({"n": 9, "steps": 0}, 1)
    rates, gradient = np.array([0.2, 0.5, 0.3, 0.9]), np.zeros(4)
    learned_rates.unrolled_gradient(curvatures, start, rates, np.zeros(5), gradient)
    slopes = [
        (value_after(curvatures, start, rates + way) - value_after(curvatures, start, rates - way)) / 2e-5
        for way in 1e-5 * np.eye(4)
    ]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-7, atol=1e-9)


def test_two_rates_learn_the_inverses_of_two_curvatures_and_reach_the_minimum() -> None:
    rates = np.array([0.3, 0.8])
    value = learned_rates.learned_rates(np.array([1.0, 4.0]), np.array([1.0, 0.5]), rates, 0.01, 4000)
    np.testing.assert_allclose(rates, [0.25, 1.0], atol=1e-8)
    assert value < 1e-14


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_the_rates_before_training_have_chebyshevs_worst_case(steps: int) -> None:
    """max |p| over [1, k] is 1 / T_n((k + 1) / (k - 1))."""
    curvatures = np.linspace(1.0, 5.0, 4001)
    left = np.prod(1.0 - np.outer(learned_rates.chebyshev_rates(5.0, steps), curvatures), axis=0)
    assert np.abs(left).max() == pytest.approx(1.0 / math.cosh(steps * math.acosh(1.5)), rel=1e-12)


@pytest.mark.parametrize("seed", range(1, 21))
def test_no_rates_are_better_than_the_learned_ones(seed: int) -> None:
    curvatures, start, rates, meta_rate, steps = learned_rates.inputs({"n": 16, "steps": 1500}, seed)
    untrained = value_after(curvatures, start, rates)
    value = compiled("learned_rates")(curvatures, start, rates, meta_rate, steps)
    assert value < untrained
    random = np.random.default_rng(seed)
    others = rates * random.uniform(0.8, 1.25, (50, len(rates)))
    assert value <= min(value_after(curvatures, start, other) for other in others)


def test_the_gradient_by_the_network_agrees_with_finite_differences() -> None:
    arguments = learned_optimizer.inputs({"tasks": 1, "d": 4, "units": 3, "unroll": 5, "steps": 1}, 1)
    network, matrices, targets, decay, unroll = arguments[:5]
    slopes = np.zeros_like(network)
    loss = learned_optimizer.trajectory_gradient(network, matrices[0], targets[0], decay, unroll, slopes)
    assert loss == pytest.approx(learned_optimizer.trajectory_loss(network, arguments), rel=1e-12)
    for place in np.ndindex(network.shape):
        way = np.zeros_like(network)
        way[place] = 1e-5
        above = learned_optimizer.trajectory_loss(network + way, arguments)
        below = learned_optimizer.trajectory_loss(network - way, arguments)
        assert slopes[place] == pytest.approx((above - below) / 2e-5, abs=1e-8)


def test_a_network_that_is_linear_near_zero_is_gradient_descent() -> None:
    """Weights of 1e-5 before the tanh and 1e4 after it make it 0.1 times the gradient."""
    _, matrices, targets, decay, unroll = learned_optimizer.inputs(
        {"tasks": 1, "d": 4, "units": 1, "unroll": 6, "steps": 1}, 2
    )[:5]
    network = np.array([[1e-5, 0.0, 0.0, 1e4]])
    loss = learned_optimizer.trajectory_gradient(network, matrices[0], targets[0], decay, unroll, np.zeros((1, 4)))
    point, expected = np.zeros(4), 0.0
    for _ in range(unroll):
        point = point - 0.1 * matrices[0].T @ (matrices[0] @ point - targets[0])
        expected += float(np.sum((matrices[0] @ point - targets[0]) ** 2)) / 2.0 / unroll
    assert loss == pytest.approx(expected, rel=1e-8)


def test_what_was_learned_on_some_quadratics_serves_others() -> None:
    arguments = learned_optimizer.inputs({"tasks": 8, "d": 10, "units": 6, "unroll": 15, "steps": 150}, 3)
    others = learned_optimizer.inputs({"tasks": 40, "d": 10, "units": 6, "unroll": 15, "steps": 1}, 4)
    untrained = learned_optimizer.trajectory_loss(arguments[0].copy(), others)
    compiled("learned_optimizer")(*arguments)
    losses = arguments[6]
    assert losses[-1] < losses[0] / 3.0
    assert learned_optimizer.trajectory_loss(arguments[0], others) < untrained / 2.0
