"""Newton's method and its guards: cases by hand, theorems, and what SciPy finds."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import damped, dense, logistic, newton, saddle, trust_region


def small(name: str, seed: int = 1) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs(kernel.sizes["small"], seed))


def test_a_factor_stops_at_the_first_pivot_that_is_not_positive_and_the_shift_can_mend_it() -> None:
    matrix, factor = np.diag([4.0, -1.0, 9.0]), np.zeros((3, 3))
    assert dense.cholesky(matrix, 0.0, factor) == 1
    assert dense.cholesky(matrix, 1.0, factor) == 1
    assert dense.cholesky(matrix, 5.0, factor) == 3
    assert np.diag(factor).tolist() == [3.0, 2.0, math.sqrt(14.0)]


def test_a_solve_in_place_is_that_of_numpy() -> None:
    random = np.random.default_rng(0)
    root, right = random.standard_normal((6, 6)), random.standard_normal(6)
    matrix, factor, solution = root @ root.T, np.zeros((6, 6)), right.copy()
    assert dense.cholesky(matrix, 0.5, factor) == 6
    dense.cholesky_solve(factor, solution, solution)
    np.testing.assert_allclose(solution, np.linalg.solve(matrix + 0.5 * np.eye(6), right), rtol=1e-10)


def test_newton_ends_where_scipy_ends() -> None:
    features, labels, weights, penalty, *rest = small("newton_logistic")
    loss, _ = newton.newton_logistic(features, labels, weights, penalty, *rest)
    theirs = minimize(lambda w: logistic.loss_of(features, labels, w, penalty), np.zeros_like(weights), tol=1e-10)
    np.testing.assert_allclose(weights, theirs.x, atol=1e-5)
    assert loss <= theirs.fun + 1e-12


def test_near_the_minimum_every_newton_step_squares_the_error() -> None:
    features, labels, start, penalty, *_ = small("newton_logistic")
    ends = [start.copy() for _ in range(9)]
    for limit, weights in enumerate(ends):
        newton.newton_logistic(features, labels, weights, penalty, 0.0, limit)
    errors = [float(np.linalg.norm(weights - ends[-1])) for weights in ends[3:7]]
    assert all(after < before**2 for before, after in pairwise(errors))
    assert errors[-1] < 1e-12


def test_newtons_step_is_the_natural_gradient_since_the_hessian_is_the_fisher_information() -> None:
    features, _, weights, *_ = small("newton_logistic")
    weights += 0.3
    hessian, diagonal = np.zeros((len(weights), len(weights))), np.zeros(len(weights))
    logistic.logistic_hessian(features, weights, 0.0, hessian)
    logistic.logistic_fisher(features, weights, diagonal)
    fisher = np.zeros_like(hessian)
    for label in (-1.0, 1.0):
        chances = 1.0 / (1.0 + np.exp(-label * (features @ weights)))
        scores = label * (1.0 - chances)[:, None] * features
        fisher += scores.T @ (chances[:, None] * scores) / len(features)
    np.testing.assert_allclose(hessian, np.tril(fisher), atol=1e-14)
    np.testing.assert_allclose(diagonal, np.diag(fisher), atol=1e-14)


def test_for_two_roots_newtons_method_squares_cayleys_quotient() -> None:
    random = np.random.default_rng(3)
    start = random.uniform(-2.0, 2.0, 50) + 1j * random.uniform(-2.0, 2.0, 50)
    real, imaginary, counts = start.real.copy(), start.imag.copy(), np.zeros(50, np.int64)
    assert newton.newton_basins(real, imaginary, 2, 0.0, 3, counts) == 150
    quotient = ((start - 1.0) / (start + 1.0)) ** 8
    np.testing.assert_allclose(real + 1j * imaginary, (1.0 + quotient) / (1.0 - quotient), rtol=1e-9)


def test_for_two_roots_the_basins_are_the_two_half_planes() -> None:
    real, imaginary = np.array([0.1, -0.1, 2.0, -3.0]), np.array([1.0, 1.0, -2.0, 0.5])
    newton.newton_basins(real, imaginary, 2, 1e-12, 100, np.zeros(4, np.int64))
    np.testing.assert_allclose(real, [1.0, -1.0, 1.0, -1.0], atol=1e-12)


def test_newtons_method_has_a_pole_at_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        newton.newton_basins(np.zeros(1), np.zeros(1), 3, 1e-12, 10, np.zeros(1, np.int64))


def test_the_analytic_center_of_a_simplex_is_its_centroid() -> None:
    normals, bounds = np.vstack([-np.eye(3), np.ones((1, 3))]), np.array([0.0, 0.0, 0.0, 1.0])
    point = np.array([1e-8, 0.9, 0.05])
    value, taken, _ = damped.analytic_center(normals, bounds, point, 1e-10, 100)
    np.testing.assert_allclose(point, 0.25, rtol=1e-9)
    assert value == pytest.approx(4.0 * math.log(4.0))
    assert taken > 3


def test_a_damped_step_lowers_the_barrier_by_what_theory_promises() -> None:
    normals, bounds, point, _, limit = small("analytic_center")
    gradient, hessian = np.zeros(len(point)), np.zeros((len(point), len(point)))
    for _ in range(limit):
        value = damped.barrier_curvature(normals, bounds, point, gradient, hessian)
        whole = hessian + np.tril(hessian, -1).T
        decrement = math.sqrt(gradient @ np.linalg.solve(whole, gradient))
        if decrement < 0.25:
            return
        damped.analytic_center(normals, bounds, point, 0.0, 1)
        after = damped.barrier_curvature(normals, bounds, point, gradient, hessian)
        assert after <= value - (decrement - math.log(1.0 + decrement)) + 1e-12 * abs(value)
    pytest.fail("the damped phase did not end")


def test_a_start_outside_the_polytope_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        damped.analytic_center(np.array([[1.0], [-1.0]]), np.ones(2), np.array([1.5]), 1e-9, 10)


@pytest.mark.parametrize(
    ("gradient", "hessian", "radius", "step", "multiplier"),
    [
        ([2.0, 0.0], [2.0, 2.0], 5.0, [-1.0, 0.0], 0.0),
        ([3.0, 4.0], [1.0, 1.0], 1.0, [-0.6, -0.8], 4.0),
        ([0.0, 2.0], [-1.0, 1.0], 2.0, [math.sqrt(3.0), -1.0], 1.0),
        ([0.0, 0.0], [-1.0, 1.0], 2.0, [2.0, 0.0], 1.0),
        ([0.0, 0.0], [1.0, 1.0], 2.0, [0.0, 0.0], 0.0),
    ],
    ids=["inside", "on the sphere", "hard case", "saddle", "minimum"],
)
def test_the_step_in_a_ball_is_the_one_worked_by_hand(
    gradient: list[float], hessian: list[float], radius: float, step: list[float], multiplier: float
) -> None:
    found = np.zeros(2)
    assert trust_region.trust_region_step(np.array(gradient), np.diag(hessian), radius, found) == pytest.approx(
        multiplier, abs=1e-10
    )
    np.testing.assert_allclose(np.abs(found), np.abs(step), atol=1e-9)
    assert found[1] == pytest.approx(step[1], abs=1e-9)


@given(st.integers(0, 2**32), st.floats(0.01, 100.0), st.integers(1, 6))
@settings(max_examples=60)
def test_no_step_in_the_ball_promises_more(seed: int, radius: float, n: int) -> None:
    random = np.random.default_rng(seed)
    hessian, gradient, step = random.standard_normal((n, n)), random.standard_normal(n), np.zeros(n)
    hessian += hessian.T
    trust_region.trust_region_step(gradient, hessian, radius, step)
    assert np.linalg.norm(step) <= radius * (1.0 + 1e-9)
    others = random.standard_normal((200, n))
    others *= radius * random.random((200, 1)) ** (1.0 / n) / np.linalg.norm(others, axis=1, keepdims=True)
    promises = others @ gradient + 0.5 * np.sum((others @ hessian) * others, axis=1)
    ours = float(gradient @ step + 0.5 * step @ hessian @ step)
    assert ours <= np.min(promises) + 1e-9 * (1.0 + abs(ours))


def test_a_newton_step_stays_on_the_saddle_that_the_trust_region_leaves() -> None:
    matrix, position, *rest = small("trust_region_newton")
    n = len(position)
    gradient, hessian = np.zeros(n), np.zeros((n, n))
    saddle.rank_one_slope(matrix, position, gradient, hessian)
    assert np.linalg.eigvalsh(hessian)[0] < -0.9
    assert np.linalg.norm(np.linalg.solve(hessian, gradient)) < 1e-12
    start = saddle.rank_one_loss(matrix, position, np.zeros(n))
    value, _, _ = saddle.trust_region_newton(matrix, position, *rest)
    assert value == pytest.approx(start - (16.0 - 9.0) / 4.0)


def test_a_radius_that_is_too_long_is_noticed_and_cut() -> None:
    matrix, position, _, *rest = small("trust_region_newton", 2)
    value, _, refused = saddle.trust_region_newton(matrix, position, 50.0, *rest)
    assert refused >= 2
    assert value == pytest.approx(0.25 * float(np.sum(np.linalg.eigvalsh(matrix)[:-1] ** 2)))


def test_the_trust_region_ends_where_scipys_ends() -> None:
    matrix, _, *rest = small("trust_region_newton")
    start = np.random.default_rng(5).standard_normal(len(matrix))
    position, nothing = start.copy(), np.zeros(len(matrix))
    value, _, _ = saddle.trust_region_newton(matrix, position, *rest)
    theirs = minimize(
        lambda x: saddle.rank_one_loss(matrix, x, nothing),
        start,
        jac=lambda x: (x @ x) * x - matrix @ x,
        hess=lambda x: (x @ x) * np.eye(len(x)) + 2.0 * np.outer(x, x) - matrix,
        method="trust-exact",
        tol=1e-8,
    )
    assert value == pytest.approx(theirs.fun, rel=1e-10)
    np.testing.assert_allclose(np.abs(position), np.abs(theirs.x), atol=1e-6)
