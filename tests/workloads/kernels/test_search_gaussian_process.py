"""Gaussian processes and the searches on them, against SciPy and the theorems that they rest on."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import multivariate_normal, norm
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.search import gaussian_process, improvement, safety


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def cover(left: Any, right: Any, length: float) -> Any:
    return np.exp(((left[:, None, :] - right) ** 2).sum(axis=-1) / (-2.0 * length**2))


def test_the_posterior_of_one_point_is_as_by_hand() -> None:
    mean, variance = np.zeros(2), np.zeros(2)
    evidence = gaussian_process.gp_posterior(
        np.zeros((1, 1)), np.array([3.0]), np.array([[0.0], [2.0]]), 2.0, 0.5, mean, variance
    )
    correlation = math.exp(-0.5)
    np.testing.assert_allclose(mean, [2.0, 2.0 * correlation], rtol=1e-14)
    np.testing.assert_allclose(variance, [1.0 - 1.0 / 1.5, 1.0 - correlation**2 / 1.5], rtol=1e-14)
    assert evidence == pytest.approx(norm.logpdf(3.0, 0.0, math.sqrt(1.5)), rel=1e-14)


def test_posterior_and_evidence_are_those_of_scipy() -> None:
    kernel = zoo.kernel("gp_posterior")
    points, values, queries, length, noise, mean, variance = kernel.inputs(kernel.sizes["small"], 5)
    evidence = kernel.entry(points, values, queries, length, noise, mean, variance)
    covariance = cover(points, points, length) + noise * np.eye(len(points))
    across = cover(points, queries, length)
    factor = cho_factor(covariance)
    np.testing.assert_allclose(mean, across.T @ cho_solve(factor, values), atol=1e-11)
    np.testing.assert_allclose(variance, 1.0 - (across * cho_solve(factor, across)).sum(axis=0), atol=1e-11)
    assert evidence == pytest.approx(multivariate_normal.logpdf(values, np.zeros(len(values)), covariance), rel=1e-11)


def test_points_taken_in_one_at_a_time_even_twice_give_the_posterior_of_all() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    candidates, order = random.uniform(0.0, 1.0, (30, 2)), [3, 17, 3, 29, 8, 8]
    values = random.normal(0.0, 1.0, 6)
    mean, variance, rows = np.zeros(30), np.ones(30), np.zeros((6, 30))
    for t, at in enumerate(order):
        gaussian_process.observe(candidates, rows, t, at, float(values[t]), 0.4, 0.1, mean, variance)
    all_means, all_variances = np.zeros(30), np.zeros(30)
    gaussian_process.gp_posterior(candidates[order], values, candidates, 0.4, 0.1, all_means, all_variances)
    np.testing.assert_allclose(mean, all_means, atol=1e-12)
    np.testing.assert_allclose(variance, all_variances, atol=1e-12)


@pytest.mark.parametrize("z", [-37.0, -8.0, -1.0, 0.0, 0.5, 5.0])
def test_the_normal_distribution_function_is_that_of_scipy_even_far_out(z: float) -> None:
    assert improvement.below(z) == pytest.approx(float(norm.cdf(z)), rel=1e-12)


@given(st.floats(-3.0, 3.0), st.floats(0.05, 3.0), st.floats(-3.0, 3.0))
def test_the_expected_improvement_is_its_integral(mean: float, deviation: float, best: float) -> None:
    bottom = min(best, mean) - 12.0 * deviation
    expected, _ = quad(lambda y: (best - y) * norm.pdf(y, mean, deviation), bottom, best, points=[mean], epsabs=1e-12)
    assert improvement.expected_improvement(mean, deviation, best) == pytest.approx(expected, abs=1e-9)


def test_the_expected_improvement_at_the_best_value_is_a_deviation_over_the_root_of_two_pi() -> None:
    assert improvement.expected_improvement(1.0, 2.0, 1.0) == pytest.approx(2.0 / math.sqrt(2.0 * math.pi), rel=1e-15)


def test_where_nothing_is_uncertain_the_improvement_is_the_difference() -> None:
    assert improvement.expected_improvement(1.0, 0.0, 3.0) == 2.0
    assert improvement.expected_improvement(3.0, 0.0, 1.0) == 0.0


def test_an_improvement_that_is_half_as_feasible_counts_half() -> None:
    values = np.zeros(3)
    chosen = improvement.feasible_improvement(
        np.zeros(3), np.ones(3), np.array([0.0, -40.0, 40.0]), np.ones(3), 0.0, 0.0, values
    )
    density = 1.0 / math.sqrt(2.0 * math.pi)
    np.testing.assert_allclose(values, [0.5 * density, density, 0.0], rtol=1e-14)
    assert chosen == 1


@pytest.mark.parametrize(("x", "y"), [(-math.pi, 12.275), (math.pi, 2.275), (9.42478, 2.475)])
def test_branins_function_has_its_three_published_minima(x: float, y: float) -> None:
    assert improvement.branin((x + 5.0) / 15.0, y / 15.0) == pytest.approx(0.397887, abs=1e-6)


def test_thirty_queries_by_expected_improvement_come_lower_than_thirty_at_random() -> None:
    kernel, gained = zoo.kernel("bayesian_search"), 0
    for seed in range(12):
        arguments = kernel.inputs({"side": 41, "steps": 30}, seed)
        candidates = arguments[0]
        _, found = compiled("bayesian_search")(*arguments)
        lottery = np.random.Generator(np.random.PCG64(seed + 50)).choice(len(candidates), 30, replace=False)
        chance = min(improvement.branin(float(u), float(v)) for u, v in candidates[lottery])
        assert found < 2.0
        gained += found < chance
    assert gained >= 11


def test_a_safe_search_tries_no_unsafe_point_and_one_that_maximises_heedlessly_does() -> None:
    kernel, heedless, reached = zoo.kernel("safe_search"), 0, 0
    for seed in range(25):
        arguments = list(kernel.inputs({"candidates": 80, "steps": 30}, seed))
        truth, threshold = arguments[1], arguments[3]
        _, best = compiled("safe_search")(*arguments)
        assert truth[arguments[8]].min() >= threshold
        reached += best > truth[np.flatnonzero(arguments[2])].max() - 0.02
        everything = list(kernel.inputs({"candidates": 80, "steps": 30}, seed))
        everything[2][:] = 1
        everything[3] = -1e9
        compiled("safe_search")(*everything)
        heedless += truth[everything[8]].min() < threshold
    assert heedless > 20
    assert reached > 20


def test_the_safe_set_grows_by_the_slack_over_the_lipschitz_constant() -> None:
    line, safe = np.arange(6.0).reshape(6, 1), np.array([0, 1, 0, 0, 0, 0])
    lower = np.array([-9.0, 2.5, 9.0, -9.0, -9.0, -9.0])
    assert safety.grow(line, lower, 1.0, 0.5, safe) == 4
    assert safe.tolist() == [1, 1, 1, 1, 0, 0]
    assert safety.grow(line, lower, 1.0, 0.5, safe) == 6


def test_a_safe_point_that_is_neither_promising_nor_at_the_border_is_not_tried_however_uncertain() -> None:
    line, safe = np.arange(4.0).reshape(4, 1), np.array([1, 1, 1, 1])
    lower, upper = np.array([5.0, 0.0, 4.0, 4.5]), np.array([5.5, 4.9, 5.2, 4.6])
    assert safety.choose(line, lower, upper, 1.0, 0.0, safe) == 2
    safe[3] = 0
    assert safety.choose(line, lower, upper, 1.0, 0.0, safe) == 1
    assert safety.expands(line, 1, upper, 1.0, 0.0, safe)
    assert not safety.expands(line, 1, upper, 3.0, 0.0, safe)


def test_a_function_lies_within_its_norm_times_the_deviation_of_the_mean() -> None:
    random = np.random.Generator(np.random.PCG64(4))
    places = np.linspace(0.0, 1.0, 200).reshape(200, 1)
    for _ in range(30):
        centres, weights = random.uniform(0.0, 1.0, (5, 1)), random.normal(0.0, 1.0, 5)
        length = math.sqrt(weights @ cover(centres, centres, 0.15) @ weights)
        truth = cover(places, centres, 0.15) @ weights
        seen = random.integers(0, 200, 6)
        mean, variance = gaussian_process.dense_posterior(places[seen], truth[seen], places, 0.15, 1e-6)
        assert np.all(np.abs(truth - mean) <= length * np.sqrt(np.maximum(variance, 0.0)) + 1e-9)
