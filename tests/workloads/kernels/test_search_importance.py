"""Adaptive importance sampling: resampling, rare events, integrals that are known."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.search import importance, population, rare_events


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def inputs(name: str, seed: int, **size: int) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs({**kernel.sizes["small"], **size}, seed))


def test_marks_a_quarter_of_a_spacing_in_draw_the_indices_worked_by_hand() -> None:
    chosen = np.zeros(4, np.int64)
    assert population.systematic_resampling(np.array([1.0, 0.0, 5.0, 2.0]), 0.25, chosen) == 3
    assert chosen.tolist() == [0, 2, 2, 3]


@given(st.lists(st.floats(0.0, 10.0), min_size=1, max_size=12).filter(lambda w: sum(w) > 0.1), st.floats(0.0, 0.999))
def test_each_index_is_drawn_the_floor_or_the_ceiling_of_its_share(weights: list[float], uniform: float) -> None:
    chosen = np.zeros(30, np.int64)
    different = population.systematic_resampling(np.array(weights), uniform, chosen)
    counts = np.bincount(chosen, minlength=len(weights))
    shares = 30.0 * np.array(weights) / sum(weights)
    assert np.all(np.abs(counts - shares) < 1.0 + 1e-9)
    assert different == np.count_nonzero(counts)


def test_over_all_uniform_numbers_an_index_is_drawn_in_proportion_to_its_weight() -> None:
    weights, counts = np.array([0.3, 1.1, 2.6]), np.zeros(3)
    for uniform in (np.arange(1_000) + 0.5) / 1_000:
        chosen = np.zeros(2, np.int64)
        population.systematic_resampling(weights, float(uniform), chosen)
        counts += np.bincount(chosen, minlength=3)
    np.testing.assert_allclose(counts / counts.sum(), weights / weights.sum(), atol=1e-3)


def test_the_drawn_density_and_the_energy_are_those_of_scipy() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    mean, factor = random.normal(0.0, 1.0, 3), np.tril(random.uniform(0.5, 1.0, (3, 3)))
    drawn, normals = np.zeros((1, 3)), random.normal(0.0, 1.0, (1, 3))
    log = importance.draw(mean, factor, normals, 0, drawn, 0)
    constant = -1.5 * math.log(2.0 * math.pi) - float(np.log(np.diag(factor)).sum())
    expected = multivariate_normal.logpdf(drawn[0], mean, factor @ factor.T)
    assert log + constant == pytest.approx(expected, rel=1e-12)
    precision = np.linalg.inv(factor @ factor.T)
    assert -importance.energy(drawn, 0, mean, precision) + constant == pytest.approx(expected, rel=1e-12)


def test_adapting_raises_the_effective_size_from_a_few_to_nearly_all_samples() -> None:
    _, first = compiled("adaptive_importance")(*inputs("adaptive_importance", 1, n=4, samples=2_000, rounds=1))
    _, last = compiled("adaptive_importance")(*inputs("adaptive_importance", 1, n=4, samples=2_000, rounds=6))
    assert first < 200.0
    assert last > 1_900.0


def test_the_adapted_proposal_is_the_target_and_its_integral_is_known() -> None:
    arguments = inputs("adaptive_importance", 2, n=4, samples=20_000, rounds=5)
    integral, _ = compiled("adaptive_importance")(*arguments)
    precision, centre, mean, factor = arguments[1:5]
    target = np.linalg.inv(precision)
    assert integral == pytest.approx(0.5 * math.log((2.0 * math.pi) ** 4 * np.linalg.det(target)), abs=1e-3)
    np.testing.assert_allclose(mean, centre, atol=0.06)
    np.testing.assert_allclose(factor @ factor.T, target, atol=0.2)


def test_a_population_finds_all_four_hills_and_weighs_them_alike() -> None:
    arguments = inputs("population_monte_carlo", 1, members=2_000, generations=3)
    integral, across, up = compiled("population_monte_carlo")(*arguments)
    tops, samples, weights = arguments[4], arguments[6], arguments[7]
    assert integral == pytest.approx(2.0 * math.pi * 0.25 * 4.0, rel=0.05)
    np.testing.assert_allclose([across, up], tops.mean(axis=0), atol=0.25)
    nearest = np.argmin(((samples[:, None, :] - tops) ** 2).sum(axis=-1), axis=1)
    shares = np.bincount(nearest, weights) / weights.sum()
    np.testing.assert_allclose(shares, np.full(4, 0.25), atol=0.05)


def test_resampled_proposals_weigh_better_than_those_that_were_spread_out() -> None:
    def effective(generations: int) -> float:
        arguments = inputs("population_monte_carlo", 3, members=500, generations=generations)
        compiled("population_monte_carlo")(*arguments)
        weights = arguments[7]
        return float(weights.sum() ** 2 / (weights @ weights))

    assert effective(4) > 2.0 * effective(1)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.data())
def test_the_selected_value_is_that_of_a_sort(values: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(values) - 1))
    array = np.array(values)
    assert rare_events.select(array, k) == sorted(values)[k]
    assert sorted(array.tolist()) == sorted(values)


@pytest.mark.parametrize("level", [2.0, 4.0, 6.0])
def test_the_probability_of_a_rare_event_is_the_tail_of_the_normal_distribution(level: float) -> None:
    arguments = inputs("cross_entropy", 1, samples=20_000, rounds=9)
    arguments[3] = level
    probability, _ = compiled("cross_entropy")(*arguments)
    assert probability == pytest.approx(float(norm.sf(level)), rel=0.05)


def test_the_proposal_ends_at_the_mean_of_the_points_that_reach_the_level() -> None:
    arguments = inputs("cross_entropy", 2, samples=20_000, rounds=9)
    compiled("cross_entropy")(*arguments)
    direction, level, mean = arguments[2:5]
    np.testing.assert_allclose(mean, direction * norm.pdf(level) / norm.sf(level), atol=0.06)


def test_sampling_without_a_shift_sees_nothing_of_an_event_of_one_in_a_billion() -> None:
    arguments = inputs("cross_entropy", 1, samples=20_000, rounds=1)
    assert compiled("cross_entropy")(*arguments) == (0.0, 1)
