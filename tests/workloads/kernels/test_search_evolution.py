"""Evolution strategies: invariances, rates that theory knows, and what is learned of a Hessian."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.stats import norm
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.search import covariance, evolution, smoothing


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def inputs(name: str, seed: int, **size: int) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs({**kernel.sizes["small"], **size}, seed))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_ranks_are_those_of_a_stable_sort(values: list[float]) -> None:
    order = np.zeros(len(values), np.int64)
    evolution.rank(np.array(values), order)
    assert order.tolist() == np.argsort(np.array(values), kind="stable").tolist()


def test_a_success_and_four_failures_leave_the_step_as_it_was() -> None:
    position, kept = np.array([1.0]), np.zeros(5, np.int64)
    normals = np.array([[-1.0], [9.0], [9.0], [9.0], [9.0]])
    value, step = evolution.one_fifth_rule(position, np.ones(1), normals, 0.5, 2.0, kept)
    assert kept.tolist() == [1, 0, 0, 0, 0]
    assert position[0] == 0.5
    assert value == 0.125
    assert step == pytest.approx(0.5, rel=1e-15)


def test_a_child_succeeds_on_a_sphere_as_often_as_theory_says() -> None:
    n, normalised = 400, 1.683
    random = np.random.Generator(np.random.PCG64(1))
    start = np.zeros(n)
    start[0] = 1.0
    tried = [
        evolution.ellipsoid(start, np.ones(n), normalised / n, random.normal(0.0, 1.0, (1, n)), 0) for _ in range(4_000)
    ]
    assert float(np.mean(np.array(tried) <= 0.5)) == pytest.approx(float(norm.cdf(-normalised / 2.0)), abs=0.025)
    assert norm.cdf(-normalised / 2.0) == pytest.approx(0.2, abs=1e-4)


def test_the_rule_of_one_fifth_comes_near_the_rate_that_theory_allows_at_a_fifth() -> None:
    r = -2.0 * float(norm.ppf(0.2))
    rate = r * math.exp(-r * r / 8.0) / math.sqrt(2.0 * math.pi) - r * r * 0.2 / 2.0
    assert rate == pytest.approx(0.188, abs=1e-3)
    n, children = 200, 8_000
    arguments = inputs("one_fifth_rule", 3, n=n, children=children)
    start = 0.5 * float(arguments[0] @ arguments[0])
    value, _ = compiled("one_fifth_rule")(*arguments)
    assert -0.5 * math.log(value / start) * n / children == pytest.approx(rate, rel=0.1)
    assert arguments[5].mean() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("name", ["one_fifth_rule", "evolution_strategy", "cholesky_strategy"])
def test_twice_the_start_and_twice_the_step_give_twice_the_course_to_the_bit(name: str) -> None:
    plain, doubled = inputs(name, 2), inputs(name, 2)
    step = {"one_fifth_rule": 3, "evolution_strategy": 5, "cholesky_strategy": 4}[name]
    doubled[0] *= 2.0
    doubled[step] *= 2.0
    first, second = compiled(name)(*plain), compiled(name)(*doubled)
    assert np.array_equal(doubled[0], 2.0 * plain[0])
    assert second[0] == 4.0 * first[0]


def test_only_ranks_enter_so_a_stretched_function_gives_the_same_course_to_the_bit() -> None:
    plain, stretched = inputs("evolution_strategy", 2), inputs("evolution_strategy", 2)
    stretched[1] *= 1024.0
    value, step = compiled("evolution_strategy")(*plain)
    assert compiled("evolution_strategy")(*stretched) == (1024.0 * value, step)
    assert np.array_equal(plain[0], stretched[0])


def test_many_children_descend_an_ellipsoid_at_a_constant_rate() -> None:
    values = []
    for generations in (0, 200, 400, 600):
        arguments = inputs("evolution_strategy", 4, n=20, generations=600)
        arguments[2] = arguments[2][: generations * arguments[3] + 1]
        values.append(math.log(compiled("evolution_strategy")(*arguments)[0]))
    falls = -np.diff(values)
    assert falls.min() > 8.0
    assert falls.max() < 1.6 * falls.min()


def test_a_step_that_is_much_too_long_or_short_is_soon_about_the_same() -> None:
    steps = []
    for factor in (0.01, 1.0, 100.0):
        arguments = inputs("evolution_strategy", 1, n=20, generations=150)
        arguments[5] *= factor
        value, step = compiled("evolution_strategy")(*arguments)
        steps.append(step / math.sqrt(value))
    assert max(steps) < 5.0 * min(steps)


def test_the_antithetic_estimate_along_one_axis_is_a_central_difference() -> None:
    gradient = np.zeros(2)
    mean = smoothing.evolution_gradient(
        np.array([1.0, 2.0]), np.array([3.0, 5.0]), np.array([[1.0, 0.0]]), 0.1, gradient
    )
    np.testing.assert_allclose(gradient, [3.0, 0.0], rtol=1e-13)
    assert mean == pytest.approx(0.5 * (3.0 * (1.0 + 0.01) + 5.0 * 4.0), rel=1e-13)


def test_many_directions_estimate_the_gradient_that_differences_find() -> None:
    position, curvatures, _, length, gradient = inputs("evolution_gradient", 1, n=5)
    directions = np.random.Generator(np.random.PCG64(1)).normal(0.0, 1.0, (100_000, 5))
    compiled("evolution_gradient")(position, curvatures, directions, length, gradient)
    exact = approx_fprime(position, lambda x: 0.5 * curvatures @ (x * x))
    likely = np.linalg.norm(exact) * math.sqrt(6.0 / 100_000)
    assert np.linalg.norm(gradient - exact) < 2.0 * likely


def test_a_child_stands_where_its_factor_takes_it() -> None:
    position, factor, points, steps = (
        np.array([2.0, 0.0]),
        np.array([[1.0, 0.0], [3.0, 2.0]]),
        np.zeros((1, 2)),
        np.ones(1),
    )
    normals = np.array([[-1.0, 1.0]])
    value, successes = covariance.cholesky_strategy(
        position, np.eye(2), np.array([4.0, 1.0]), normals, 0.5, factor, points, steps
    )
    assert position.tolist() == points[0].tolist() == [1.5, -0.5]
    assert (value, successes) == (4.625, 1)
    share = 2.0 / 11.0 * 11.0 / 12.0 + 1.0 / 12.0
    assert steps[0] == pytest.approx(0.5 * math.exp((share - 2.0 / 9.0 * (1.0 - share)) / 2.0), rel=1e-14)


def test_a_stretched_factor_is_a_factor_of_the_updated_covariance() -> None:
    random = np.random.Generator(np.random.PCG64(6))
    factor, normal = random.normal(0.0, 1.0, (5, 5)), random.normal(0.0, 1.0, 5)
    move = factor @ normal
    expected = 0.8 * factor @ factor.T + 0.2 * np.outer(move, move)
    covariance.stretch(factor, normal, move, 0.2)
    np.testing.assert_allclose(factor @ factor.T, expected, atol=1e-13)


def test_the_learned_covariance_makes_an_ellipsoid_of_condition_1000_nearly_round() -> None:
    arguments = inputs("cholesky_strategy", 1, n=8, children=6_000)
    compiled("cholesky_strategy")(*arguments)
    axes, curvatures, factor = arguments[1], arguments[2], arguments[5]
    eigenvalues = np.linalg.eigvalsh(factor.T @ axes.T @ np.diag(curvatures) @ axes @ factor)
    assert eigenvalues[-1] / eigenvalues[0] < 30.0


def test_learning_the_axes_pays_on_an_ellipsoid_of_condition_1000() -> None:
    arguments = inputs("cholesky_strategy", 1, n=8, children=6_000)
    position, axes, curvatures, normals, step = (each.copy() for each in map(np.asarray, arguments[:5]))
    learned, _ = compiled("cholesky_strategy")(*arguments)
    alike, _ = compiled("one_fifth_rule")(
        axes @ position, curvatures, normals, float(step), math.exp(1.0 / math.sqrt(8.0)), np.zeros(6_000, np.int64)
    )
    assert learned < 1e-12 < 1e-3 * alike
