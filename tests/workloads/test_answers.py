"""Every optimizer is checked against something that is not itself: a closed form, a planted minimum, or
SciPy.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize, rosen, rosen_der
from tiering.workloads.kernels import adam, gradient_descent, lbfgs, rmsprop, sgd_logistic
from tiering.workloads.workload import Workload


def small(workload: Workload, seed: int = 1) -> tuple[Any, Any]:
    inputs = workload.make(workload.sizes["small"], seed)
    return inputs, workload.run(workload.functions, inputs)


def test_each_result_is_the_reference_within_the_stated_tolerance(workload: Workload, inputs: Any) -> None:
    if workload.reference is None:
        assert workload is sgd_logistic.WORKLOAD, "without a closed form, SciPy has to answer below"
        return
    results = workload.run(workload.functions, inputs)
    expected = workload.reference(inputs)
    assert len(results) == len(expected)
    for result, answer in zip(results, expected, strict=True):
        if answer is not None:
            assert np.shape(result) == np.shape(answer)
            assert np.max(np.abs(result - answer)) <= workload.tolerance * np.max(np.abs(answer))


def test_gradient_descent_follows_a_case_worked_by_hand() -> None:
    inputs = gradient_descent.Inputs(
        start=np.array([5.0]), curvature=np.array([0.5]), minimum=np.array([1.0]), rate=1.0, steps=3
    )
    position, losses = gradient_descent.run(gradient_descent.WORKLOAD.functions, inputs)
    assert position.tolist() == [1.5]
    assert losses.tolist() == [4.0, 1.0, 0.25]


def test_the_first_adam_step_has_the_size_of_the_rate_whatever_the_gradient() -> None:
    inputs, _ = small(adam.WORKLOAD)
    position, _ = adam.run(adam.WORKLOAD.functions, inputs._replace(steps=1))
    offset = inputs.start - inputs.minimum
    slope = inputs.steepness * offset / np.sqrt(1.0 + offset**2)
    expected = inputs.start - inputs.rate * slope / (np.abs(slope) + inputs.epsilon)
    np.testing.assert_allclose(position, expected, rtol=1e-13)


def test_adam_ends_near_the_known_minimum() -> None:
    inputs, (position, losses) = small(adam.WORKLOAD)
    assert np.max(np.abs(position - inputs.minimum)) < 0.01
    assert losses[-1] < 1e-4 * losses[0]


def test_the_first_rmsprop_step_is_longer_by_the_missing_bias_correction() -> None:
    inputs, _ = small(rmsprop.WORKLOAD)
    position, _ = rmsprop.run(rmsprop.WORKLOAD.functions, inputs._replace(rows=inputs.rows[:1]))
    row = inputs.rows[0]
    slope = -inputs.targets[row] * inputs.features[row]
    expected = -inputs.rate * slope / (math.sqrt(0.1) * np.abs(slope) + inputs.epsilon)
    np.testing.assert_allclose(position, expected, rtol=1e-13)


def test_rmsprop_ends_near_the_planted_solution() -> None:
    inputs, (position, _) = small(rmsprop.WORKLOAD)
    assert np.max(np.abs(position - inputs.solution)) < 0.01


def logistic_loss(weights: Any, inputs: sgd_logistic.Inputs) -> float:
    margins = inputs.labels * (inputs.features @ weights)
    return float(np.mean(np.logaddexp(0.0, -margins)) + 0.5 * inputs.penalty * weights @ weights)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stochastic_gradient_descent_ends_near_the_loss_that_scipy_finds(seed: int) -> None:
    inputs, (weights, _) = small(sgd_logistic.WORKLOAD, seed)
    best = minimize(logistic_loss, np.zeros_like(weights), args=(inputs,), method="BFGS").fun
    excess = logistic_loss(weights, inputs) / best - 1.0
    assert -1e-9 <= excess <= sgd_logistic.WORKLOAD.tolerance


def test_the_batch_gradient_is_the_derivative_of_the_logistic_loss() -> None:
    inputs, (weights, _) = small(sgd_logistic.WORKLOAD)
    gradient = np.zeros_like(weights)
    rows = np.arange(len(inputs.labels))
    loss = sgd_logistic.batch_gradient(inputs.features, inputs.labels, rows, weights, inputs.penalty, gradient)
    chances = 1.0 / (1.0 + np.exp(inputs.labels * (inputs.features @ weights)))
    closed = inputs.penalty * weights - inputs.features.T @ (inputs.labels * chances) / len(rows)
    assert loss == pytest.approx(logistic_loss(weights, inputs), rel=1e-12)
    np.testing.assert_allclose(gradient, closed, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(gradient, approx_fprime(weights, logistic_loss, 1e-7, inputs), atol=1e-6)


def test_extreme_margins_neither_overflow_nor_lose_the_loss() -> None:
    features, rows, gradient = np.array([[1.0], [1.0]]), np.array([0, 1]), np.zeros(1)
    labels = np.array([1.0, -1.0])
    loss = sgd_logistic.batch_gradient(features, labels, rows, np.array([2000.0]), 0.0, gradient)
    assert (loss, gradient[0]) == (1000.0, 0.5)


def rosenbrock_at(position: Any) -> tuple[float, Any]:
    gradient = np.zeros_like(position)
    return lbfgs.rosenbrock(position, gradient), gradient


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lbfgs_ends_where_scipy_does(seed: int) -> None:
    inputs, (position, losses) = small(lbfgs.WORKLOAD, seed)
    peer = minimize(
        rosenbrock_at,
        inputs.start,
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": inputs.memory, "maxiter": 10_000, "ftol": 0.0, "gtol": 1e-9},
    )
    np.testing.assert_allclose(position, peer.x, atol=lbfgs.WORKLOAD.tolerance)
    assert losses[-1] <= peer.fun + 1e-15


def test_the_rosenbrock_gradient_is_scipys() -> None:
    position = np.random.Generator(np.random.PCG64(1)).uniform(-2.0, 2.0, 15)
    loss, gradient = rosenbrock_at(position)
    assert loss == pytest.approx(float(rosen(position)), rel=1e-13)
    np.testing.assert_allclose(gradient, rosen_der(position), rtol=1e-12)


def test_the_line_search_finds_the_exact_minimum_along_the_line() -> None:
    assert lbfgs.line_minimum(-6.0, 3.0, 0.0, 0.0) == pytest.approx(2.0, rel=1e-15)
    assert lbfgs.line_minimum(-1e6, 0.0, 0.0, 1.0) == pytest.approx(100.0, rel=1e-15)
    position, direction = np.array([0.3, -0.2, 0.9]), np.array([1.0, 0.5, -2.0])
    slope = lbfgs.line_slope(position, direction)
    for t in (-1.0, 0.0, 0.7):
        expected = rosenbrock_at(position + t * direction)[1] @ direction
        assert sum(c * t**k for k, c in enumerate(slope)) == pytest.approx(expected, rel=1e-12)
