"""MAML: the gradient through the inner step against finite differences, hand cases and its limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiering.workloads.kernels.meta import maml, maml_sinusoid


def one_step(weights: Any, tasks: tuple[Any, ...], inner_rate: float) -> Any:
    """The gradient that `maml_regression` steps against at `weights`."""
    moved = weights.copy()
    maml.maml_regression(moved, *tasks, inner_rate, 1.0, 1)
    return weights - moved


def adapted_query_loss(weights: Any, tasks: tuple[Any, ...], inner_rate: float) -> float:
    """Adapts by finite differences of the support loss alone, which are exact on a quadratic up to rounding."""

    def loss(features: Any, targets: Any, at: Any) -> float:
        return float(np.mean((features @ at - targets) ** 2)) / 2.0

    losses = []
    for support, support_targets, query, query_targets in zip(*tasks, strict=True):
        slopes = [
            loss(support, support_targets, weights + way) - loss(support, support_targets, weights - way)
            for way in 0.5 * np.eye(len(weights))
        ]
        losses.append(loss(query, query_targets, weights - inner_rate * np.array(slopes)))
    return float(np.mean(losses))


def test_the_gradient_through_the_inner_step_of_a_regression_agrees_with_finite_differences() -> None:
    tasks = maml.inputs({"tasks": 3, "shots": 4, "queries": 6, "features": 5, "steps": 1}, 3)[1:5]
    weights = np.random.default_rng(0).normal(size=5)
    slopes = [
        (adapted_query_loss(weights + way, tasks, 0.3) - adapted_query_loss(weights - way, tasks, 0.3)) / 2e-3
        for way in 1e-3 * np.eye(5)
    ]
    np.testing.assert_allclose(one_step(weights, tasks, 0.3), slopes, rtol=1e-8, atol=1e-10)


def test_one_task_and_one_feature_by_hand() -> None:
    """Support x = 1, y = 0 at inner rate 1/2 halves w; the query x = 1, y = 1 then has slope (w / 2 - 1) / 2 by w.

    At w = 0 that is -1/2; first-order MAML, without the inner Hessian, would say -1.
    """
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    tasks = (one[None], zero, one[None], one)
    assert one_step(np.zeros(1), tasks, 0.5) == pytest.approx(-0.5)
    weights = np.zeros(1)
    assert maml.maml_regression(weights, *tasks, 0.5, 1.0, 2) == pytest.approx((0.25 - 1.0) ** 2 / 2.0)
    assert weights[0] == pytest.approx(0.5 + 0.5 * (1.0 - 0.25))


def test_meta_training_ends_where_the_adapted_quadratic_has_its_minimum() -> None:
    arguments = maml.inputs({"tasks": 6, "shots": 5, "queries": 10, "features": 3, "steps": 300}, 4)
    matrix, vector, constant = maml.meta_quadratic(arguments)
    least = maml.maml_regression(*arguments)
    np.testing.assert_allclose(arguments[0], np.linalg.solve(matrix, vector), atol=1e-10)
    assert least == pytest.approx(constant - vector @ np.linalg.solve(matrix, vector) / 2.0, rel=1e-10)


def test_without_an_inner_step_it_is_the_regression_on_all_queries_together() -> None:
    arguments = list(maml.inputs({"tasks": 6, "shots": 5, "queries": 10, "features": 3, "steps": 300}, 5))
    arguments[5] = 0.0
    maml.maml_regression(*arguments)
    joint = np.linalg.lstsq(arguments[3].reshape(60, 3), arguments[4].reshape(60))[0]
    np.testing.assert_allclose(arguments[0], joint, atol=1e-10)


def test_a_start_that_was_meta_trained_adapts_better_than_the_start_at_the_origin() -> None:
    size = {"tasks": 8, "shots": 8, "queries": 10, "features": 4, "steps": 200}
    arguments = maml.inputs(size, 6)
    untrained = adapted_query_loss(np.zeros(4), arguments[1:5], 0.1)
    maml.maml_regression(*arguments)
    assert adapted_query_loss(arguments[0], arguments[1:5], 0.1) < untrained / 5.0


def sinusoid_loss(params: Any, arguments: tuple[Any, ...]) -> float:
    """The adapted loss with the inner gradient by complex steps, from nothing but the network's output."""
    _, support, support_targets, query, query_targets, rate = arguments[:6]
    units = len(params) // 3

    def loss(at: Any, xs: Any, ys: Any) -> Any:
        hidden = np.tanh(np.outer(xs, at[:units]) + at[units : 2 * units])
        return np.mean((hidden @ at[2 * units : -1] + at[-1] - ys) ** 2) / 2.0

    losses = []
    for xs, ys, others, wanted in zip(support, support_targets, query, query_targets, strict=True):
        inner = np.array([loss(params + way, xs, ys).imag for way in 1e-30j * np.eye(len(params))]) / 1e-30
        losses.append(loss(params - rate * inner, others, wanted))
    return float(np.mean(losses))


def test_the_gradient_of_the_network_through_the_inner_step_agrees_with_finite_differences() -> None:
    arguments = list(maml_sinusoid.inputs({"tasks": 2, "shots": 6, "units": 4}, 1))
    arguments[5] = 0.2
    value = maml_sinusoid.maml_sinusoid_gradient(*arguments)
    params = arguments[0]
    slopes = [
        (sinusoid_loss(params + way, arguments) - sinusoid_loss(params - way, arguments)) / 2e-5
        for way in 1e-5 * np.eye(len(params))
    ]
    assert value == pytest.approx(sinusoid_loss(params, arguments), rel=1e-12)
    np.testing.assert_allclose(arguments[6], slopes, atol=1e-8)


def test_the_hessian_of_the_network_is_symmetric_and_the_difference_of_its_gradients() -> None:
    random = np.random.default_rng(2)
    params, left, right = random.normal(size=(3, 13))
    xs, ys = random.normal(size=(2, 7))
    hidden, tangent, by_left, by_right, above, below = (np.zeros(n) for n in (4, 4, 13, 13, 13, 13))
    maml_sinusoid.network_hessian_product(params, xs, ys, left, hidden, tangent, by_left)
    maml_sinusoid.network_hessian_product(params, xs, ys, right, hidden, tangent, by_right)
    assert right @ by_left == pytest.approx(left @ by_right, rel=1e-12)
    maml_sinusoid.network_gradient(params + 1e-5 * left, xs, ys, hidden, above)
    maml_sinusoid.network_gradient(params - 1e-5 * left, xs, ys, hidden, below)
    np.testing.assert_allclose(by_left, (above - below) / 2e-5, atol=1e-8)


def test_descent_by_the_meta_gradient_lowers_the_adapted_loss_of_sinusoids() -> None:
    arguments = maml_sinusoid.inputs({"tasks": 4, "shots": 5, "units": 12}, 3)
    first = maml_sinusoid.maml_sinusoid_gradient(*arguments)
    for _ in range(100):
        last = maml_sinusoid.maml_sinusoid_gradient(*arguments)
        arguments[0][:] -= 0.02 * arguments[6]
    assert last < 0.7 * first
