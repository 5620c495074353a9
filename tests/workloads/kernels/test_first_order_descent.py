"""Descent, its flow, acceleration and batches: bounds of theorems, orders of accuracy, the steps of an epoch."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.special import log_softmax
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.first_order import accelerated, descent, minibatch, sparse


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def test_descent_follows_a_case_worked_by_hand() -> None:
    matrix, target, position = np.array([[1.0], [1.0]]), np.array([1.0, 3.0]), np.zeros(1)
    assert descent.least_squares_descent(matrix, target, position, 0.5, 1) == 2.5
    assert position.tolist() == [1.0]
    assert descent.least_squares_descent(matrix, target, position, 0.5, 2) == 0.625
    assert position.tolist() == [1.75]


def test_descent_stands_or_falls_with_the_rate_two_over_the_largest_curvature() -> None:
    matrix, target, position, _, _ = descent.descent_inputs({"n": 10, "steps": 1}, 1)
    edge = 2.0 / np.linalg.eigvalsh(matrix.T @ matrix / len(target))[-1]
    lengths = []
    for rate in (0.98 * edge, 1.02 * edge):
        there = position.copy()
        compiled("least_squares_descent")(matrix, target, there, rate, 2000)
        lengths.append(float(np.linalg.norm(there - np.linalg.lstsq(matrix, target)[0])))
    assert lengths[0] < 1e-8
    assert lengths[1] > 1e8


def parabola(h: float, steps: int) -> float:
    """x after `steps` spans of h from 1 on x^2 / 2, by Adams and Bashforth."""
    position = np.ones(1)
    descent.adams_bashforth_flow(position, np.ones(1), np.zeros(1), h, steps)
    return float(position[0])


def test_adams_and_bashforth_halve_the_span_and_quarter_the_error() -> None:
    start, curvatures, quartics, _, _ = descent.flow_inputs({"n": 30, "steps": 1}, 1)
    errors = []
    for steps in (400, 800, 1600):
        position = start.copy()
        compiled("adams_bashforth_flow")(position, curvatures, quartics, 4.0 / steps, steps)
        errors.append(np.abs(position - descent.flow(start, curvatures, quartics, 4.0)).max())
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.05)
    euler = start
    for _ in range(1600):
        euler = euler - 4.0 / 1600 * euler * (curvatures + quartics * euler**2)
    assert errors[2] < 0.01 * np.abs(euler - descent.flow(start, curvatures, quartics, 4.0)).max()


@pytest.mark.parametrize("h", [0.1, 0.5, 0.9])
def test_adams_and_bashforth_on_a_parabola_are_a_recurrence_with_two_known_roots(h: float) -> None:
    half = 0.5 * (1.0 - 1.5 * h)
    spread = math.sqrt(half * half + 0.5 * h)
    first, second = half + spread, half - spread
    share = (1.0 - h - second) / (first - second)
    for steps in (1, 2, 3, 40):
        expected = share * first**steps + (1.0 - share) * second**steps
        assert parabola(h, steps) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_adams_and_bashforth_need_half_the_span_that_euler_could_take() -> None:
    assert abs(parabola(0.99, 2000)) < 1e-3
    assert abs(parabola(1.01, 2000)) > 1e3
    ends = []
    for rate in (1.99, 2.01):
        position = np.ones(1)
        descent.least_squares_descent(np.ones((1, 1)), np.zeros(1), position, rate, 2000)
        ends.append(abs(float(position[0])))
    assert ends[0] < 1e-3
    assert ends[1] > 1e3


def test_the_flow_ends_in_the_nearer_of_two_wells() -> None:
    position = np.array([-0.1, 0.1])
    value = descent.adams_bashforth_flow(position, np.full(2, -1.0), np.ones(2), 0.01, 3000)
    np.testing.assert_allclose(position, [-1.0, 1.0], rtol=1e-12)
    assert value == pytest.approx(-0.5, rel=1e-12)


def excess(position: Any) -> float:
    """How far the chain's value at `position` is above its minimum."""
    errors = position - accelerated.rest(len(position))
    curvatures, vectors = accelerated.sines(len(position))
    return 0.5 * float(curvatures @ (vectors @ errors) ** 2)


def test_the_chain_has_the_minimum_and_the_eigenvectors_of_the_books() -> None:
    n = 7
    matrix = 2.0 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    curvatures, vectors = accelerated.sines(n)
    np.testing.assert_allclose(vectors @ np.diag(curvatures) @ vectors.T, matrix, atol=1e-14)
    gradient = np.zeros(n)
    assert accelerated.chain_gradient(accelerated.rest(n), gradient) == pytest.approx(0.5 * (1.0 / (n + 1) - 1.0))
    np.testing.assert_allclose(gradient, 0.0, atol=1e-15)


@pytest.mark.parametrize("k", [1, 5, 20, 100])
def test_no_first_order_method_beats_the_lower_bound_of_nesterov(k: int) -> None:
    n = 2 * k + 1
    far = float(np.sum(accelerated.rest(n) ** 2))
    arguments = accelerated.heavy_ball_inputs({"n": n, "steps": k}, 1)
    ball, ahead, plain = np.zeros(n), np.zeros(n), np.zeros(n)
    compiled("heavy_ball_chain")(ball, *arguments[1:])
    compiled("heavy_ball_chain")(plain, 0.25, 0.0, k)
    compiled("nesterov_chain")(ahead, 0.25, k)
    for position in (ball, ahead, plain):
        assert excess(position) >= 3.0 * 4.0 * far / (32.0 * (k + 1) ** 2)
        assert not position[k:].any()


def test_nesterov_stays_below_his_upper_bound_in_every_step_and_descent_does_not() -> None:
    n = 201
    far = float(np.sum(accelerated.rest(n) ** 2))
    broken = 0
    for k in range(1, 200):
        ahead, plain = np.zeros(n), np.zeros(n)
        compiled("nesterov_chain")(ahead, 0.25, k)
        compiled("heavy_ball_chain")(plain, 0.25, 0.0, k)
        assert excess(ahead) <= 2.0 * 4.0 * far / (k + 1) ** 2
        broken += excess(plain) > 2.0 * 4.0 * far / (k + 1) ** 2
    ahead, plain = np.zeros(n), np.zeros(n)
    compiled("nesterov_chain")(ahead, 0.25, 2000)
    compiled("heavy_ball_chain")(plain, 0.25, 0.0, 2000)
    assert excess(ahead) < 0.02 * excess(plain)


def test_heavy_ball_needs_about_the_root_of_the_steps_of_descent() -> None:
    n = 100
    ratio = math.tan(0.5 * math.pi / (n + 1)) ** 2
    _, rate, momentum, _ = accelerated.heavy_ball_inputs({"n": n, "steps": 1}, 1)
    needed = {}
    for name, (step, push) in {"ball": (rate, momentum), "plain": (0.5, 0.0)}.items():
        position, steps = np.zeros(n), 0
        while excess(position) > 1e-6:
            steps += 25
            position = np.zeros(n)
            compiled("heavy_ball_chain")(position, step, push, steps if name == "ball" else 40 * steps)
        needed[name] = steps if name == "ball" else 40 * steps
    assert 0.2 < needed["plain"] * math.sqrt(ratio) / needed["ball"] < 1.0


def test_fifty_thousand_samples_in_batches_of_128_are_391_steps_and_the_last_has_80() -> None:
    kernel = zoo.kernel("minibatch_epochs")
    size = kernel.sizes["medium"]
    assert (size["samples"], size["batch"], size["epochs"]) == (50_000, 128, 1)
    _, steps, last = compiled("minibatch_epochs")(*kernel.inputs(size, 1))
    assert (steps, last) == (391, 80)
    assert 390 * 128 + 80 == 50_000


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(1, 3))
def test_an_epoch_takes_every_sample_once_whatever_the_batch(samples: int, batch: int, epochs: int) -> None:
    size = {"samples": samples, "width": 2, "classes": 3, "batch": batch, "epochs": epochs}
    _, steps, last = minibatch.minibatch_epochs(*minibatch.epochs_inputs(size, 1))
    assert steps == epochs * -(-samples // batch)
    assert (steps // epochs - 1) * batch + last == samples
    assert 1 <= last <= batch


def test_batches_have_the_mean_gradient_of_all_samples_together() -> None:
    features, labels, orders, _, batch, _ = minibatch.epochs_inputs(zoo.kernel("minibatch_epochs").sizes["small"], 1)
    weights = np.random.Generator(np.random.PCG64(1)).standard_normal((10, features.shape[1]))
    total, gradient = np.zeros_like(weights), np.zeros_like(weights)
    for rows in np.split(orders[0], range(batch, len(labels), batch)):
        minibatch.minibatch_gradient(features, labels, rows, weights, gradient)
        total += gradient * len(rows)
    minibatch.minibatch_gradient(features, labels, orders[0], weights, gradient)
    np.testing.assert_allclose(total / len(labels), gradient, atol=1e-14)


def test_the_batch_gradient_is_the_derivative_of_the_cross_entropy_in_scipy() -> None:
    features, labels, rows, weights, gradient = minibatch.gradient_inputs(
        {"samples": 40, "width": 3, "classes": 4, "batch": 15}, 1
    )

    def loss(flat: Any) -> float:
        logs = log_softmax(features[rows] @ flat.reshape(weights.shape).T, axis=1)
        return -float(np.mean(logs[np.arange(len(rows)), labels[rows]]))

    found = minibatch.minibatch_gradient(features, labels, rows, weights, gradient)
    assert found == pytest.approx(loss(weights.ravel()), rel=1e-13)
    np.testing.assert_allclose(gradient.ravel(), approx_fprime(weights.ravel(), loss, 1e-7), atol=1e-6)


def test_scores_beyond_the_exponential_neither_overflow_nor_lose_the_loss() -> None:
    features, weights, gradient = np.array([[1000.0]]), np.array([[1.0], [-1.0]]), np.zeros((2, 1))
    rows = np.zeros(1, np.int64)
    assert minibatch.minibatch_gradient(features, np.array([1]), rows, weights, gradient) == 2000.0
    assert gradient.tolist() == [[1000.0], [-1000.0]]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_dual_proves_that_pegasos_ends_near_the_minimum(seed: int) -> None:
    size = {"rows": 300, "words": 20, "columns": 200, "steps": 60_000}
    arguments = sparse.pegasos_inputs(size, seed)
    compiled("pegasos")(*arguments)
    values, columns, starts, labels, _, weights, violations, penalty = arguments
    matrix = np.array([sparse.dense(values, columns, starts, len(weights), row) for row in range(len(labels))])
    hinge = np.maximum(0.0, 1.0 - labels * (matrix @ weights))
    primal = float(np.mean(hinge)) + 0.5 * penalty * float(weights @ weights)
    shares = np.minimum(violations / size["steps"], 1.0 / len(labels))
    combined = matrix.T @ (shares * labels)
    dual = float(np.sum(shares)) - float(combined @ combined) / (2.0 * penalty)
    assert dual <= primal <= 1.05 * dual
