"""Importance weights: equal distributions, closed forms, and other people's code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats
from tiering.workloads.kernels.meta import covariate_shift, importance, resampling


def gaussian_weights(samples: Any, *moments: Any) -> tuple[float, float, Any, Any]:
    """Effective samples, logarithm of the mean weight, weights, weighted mean."""
    weights, estimate = np.zeros(len(samples)), np.zeros(samples.shape[1])
    effective, log_mean = importance.gaussian_weights(samples, *(np.array(m) for m in moments), weights, estimate)
    return effective, log_mean, weights, estimate


def test_between_equal_gaussians_every_sample_counts_the_same() -> None:
    samples, mean, covariance = importance.gaussian_inputs({"n": 50, "d": 3}, 1)[:3]
    effective, log_mean, weights, estimate = gaussian_weights(samples, mean, covariance, mean, covariance)
    assert weights.tolist() == [1.0 / 50] * 50
    assert effective == pytest.approx(50.0, rel=1e-14)
    assert log_mean == 0.0
    np.testing.assert_allclose(estimate, samples.mean(axis=0), rtol=1e-13)


def test_two_samples_and_two_gaussians_by_hand() -> None:
    """N(1, 1) over N(0, 1) is exp(x - 1/2): at 0 and log 3 the weights are as 1 to 3."""
    effective, log_mean, weights, _ = gaussian_weights(
        np.array([[0.0], [math.log(3.0)]]), [0.0], [[1.0]], [1.0], [[1.0]]
    )
    np.testing.assert_allclose(weights, [0.25, 0.75], rtol=1e-14)
    assert effective == pytest.approx(1.6, rel=1e-14)
    assert log_mean == pytest.approx(math.log(2.0) - 0.5, rel=1e-13)


def test_the_weights_are_the_ratios_of_scipys_densities() -> None:
    samples, mean, covariance, target_mean, target = importance.gaussian_inputs({"n": 80, "d": 4}, 2)[:5]
    logs = stats.multivariate_normal(target_mean, target).logpdf(samples)
    logs -= stats.multivariate_normal(mean, covariance).logpdf(samples)
    _, log_mean, weights, _ = gaussian_weights(samples, mean, covariance, target_mean, target)
    np.testing.assert_allclose(weights, np.exp(logs) / np.exp(logs).sum(), rtol=1e-11)
    assert log_mean == pytest.approx(math.log(np.exp(logs).mean()), abs=1e-12)


@pytest.mark.parametrize(("shift", "spread"), [(0.0, 1.0), (0.5, 1.0), (1.0, 0.6), (-2.0, 1.2)])
def test_the_second_moment_in_closed_form_is_that_of_quadrature(shift: float, spread: float) -> None:
    found = importance.second_moment(np.zeros(1), np.eye(1), np.array([shift]), spread**2 * np.eye(1))
    target, proposal = stats.norm(shift, spread), stats.norm()
    expected, _ = integrate.quad(lambda x: target.pdf(x) ** 2 / proposal.pdf(x), -25.0, 25.0, limit=200)
    assert found == pytest.approx(expected, rel=1e-8)


def test_of_samples_one_deviation_away_one_in_e_is_effective_and_too_wide_a_target_leaves_none() -> None:
    one = np.eye(1)
    assert importance.second_moment(np.zeros(1), one, np.ones(1), one) == pytest.approx(math.e, rel=1e-14)
    assert importance.second_moment(np.zeros(1), one, np.zeros(1), 2.0 * one) == math.inf


def test_a_share_of_the_target_in_what_is_sampled_bounds_the_weights() -> None:
    points = np.array([0.0, 10.0, 1e3, 1e6])
    largest = {}
    for share in (0.0, 0.1, 1.0):
        weights = np.zeros(4)
        largest[share] = importance.defensive_weights(points, share, weights)
        densities = stats.cauchy.pdf(points), stats.t(2).pdf(points)
        expected = densities[0] / (share * densities[0] + (1.0 - share) * densities[1])
        np.testing.assert_allclose(weights, expected, rtol=1e-8)
    assert largest[0.0] > 1e5
    assert 9.9 < largest[0.1] <= 10.0
    assert largest[1.0] == 1.0


def test_a_comb_of_four_teeth_by_hand() -> None:
    chosen = np.zeros(4, np.int64)
    assert resampling.systematic_resample(np.array([0.5, 0.25, 0.25]), 0.5, chosen) == 3
    assert chosen.tolist() == [0, 0, 1, 2]
    assert resampling.systematic_resample(np.array([0.0, 1.0, 0.0]), 0.0, chosen) == 1
    assert chosen.tolist() == [1, 1, 1, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30).filter(any), st.floats(0.0, 0.999), st.integers(1, 60))
def test_a_sample_is_kept_as_often_as_is_its_due_rounded_up_or_down(
    shares: list[int], offset: float, draws: int
) -> None:
    weights, chosen = np.array(shares) / sum(shares), np.zeros(draws, np.int64)
    different = resampling.systematic_resample(weights, offset, chosen)
    counts = np.bincount(chosen, minlength=len(shares))
    assert different == np.count_nonzero(counts)
    assert np.all(np.abs(counts - draws * weights) < 1.0 + 1e-9)


def test_replicates_that_draw_every_sample_once_have_no_error() -> None:
    weights, values, _, _ = resampling.bootstrap_inputs({"n": 40, "replicates": 2}, 1)
    replicates = np.zeros(3)
    error = resampling.bootstrap_error(weights, values, np.array([np.arange(40)] * 3), replicates)
    assert error == pytest.approx(0.0, abs=1e-15)
    assert replicates[0] == pytest.approx(np.average(values, weights=weights), rel=1e-13)


def test_the_bootstrap_error_is_that_of_scipy_on_the_same_draws() -> None:
    weights, values, draws, replicates = resampling.bootstrap_inputs({"n": 30, "replicates": 200}, 2)
    error = resampling.bootstrap_error(weights, values, draws, replicates)
    expected = stats.sem([np.average(values[row], weights=weights[row]) for row in draws]) * math.sqrt(200)
    assert error == pytest.approx(expected, rel=1e-11)


def fitted_line(flatten: float) -> Any:
    """Shimodaira's line without noise, on evenly spaced quantiles of N(0.5, 0.5^2)."""
    xs = stats.norm(0.5, 0.5).ppf((np.arange(20000) + 0.5) / 20000)
    line = np.zeros(2)
    covariate_shift.covariate_shift_fit(xs, xs**3 - xs, 0.5, 0.5, 0.0, 0.3, flatten, line)
    return line


def test_under_the_shift_the_slope_of_shimodairas_line_changes_its_sign() -> None:
    """By Stein's lemma the slope is -1 + 3 E[x^2]; under p, where the mean is 0, so is the constant."""
    assert fitted_line(0.0)[1] == pytest.approx(0.5, abs=2e-3)
    np.testing.assert_allclose(fitted_line(1.0), [0.0, -0.73], atol=2e-3)


def test_without_weights_the_fit_is_that_of_numpy_and_flattening_lies_between() -> None:
    xs, ys, *densities = covariate_shift.shift_inputs({"n": 200, "terms": 4}, 3)
    coefficients = densities[-1]
    covariate_shift.covariate_shift_fit(xs, ys, 0.5, 0.5, 0.0, 0.3, 0.0, coefficients)
    np.testing.assert_allclose(coefficients, np.polynomial.polynomial.polyfit(xs, ys, 3), atol=1e-10)
    slopes = [fitted_line(flatten)[1] for flatten in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert slopes == sorted(slopes, reverse=True)


def test_points_that_cannot_tell_the_terms_apart_are_refused() -> None:
    xs = np.zeros(5)
    with pytest.raises(ValueError, match="not positive definite"):
        covariate_shift.covariate_shift_fit(xs, xs, 0.5, 0.5, 0.0, 0.3, 0.5, np.zeros(2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_the_projection_is_the_nearest_point_of_the_constraint(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    means, weights = random.uniform(0.1, 2.0, size), 3.0 * random.normal(size=size)
    nearest = weights.copy()
    covariate_shift.project(means, nearest)
    assert nearest.min() >= 0.0
    assert means @ nearest == pytest.approx(1.0, rel=1e-12)
    corners = np.diag(1.0 / means)
    assert np.all((corners - nearest) @ (weights - nearest) <= 1e-9)


def test_a_projection_by_hand() -> None:
    weights = np.array([3.0, 0.0])
    covariate_shift.project(np.array([1.0, 1.0]), weights)
    assert weights.tolist() == [1.0, 0.0]


def test_the_learned_ratio_is_as_good_as_what_scipy_finds() -> None:
    arguments = covariate_shift.ratio_inputs({"samples": 80, "targets": 60, "centres": 6, "steps": 400}, 2)
    samples, targets, centres, width = arguments[:4]
    score = covariate_shift.density_ratio(*arguments)
    basis = covariate_shift.reference_basis(targets, centres, width)
    means = covariate_shift.reference_basis(samples, centres, width).mean(axis=0)
    found = optimize.minimize(
        lambda a: -np.log(basis @ a).mean(),
        np.full(6, 1.0 / means.sum()),
        jac=lambda a: -(basis / (basis @ a)[:, None]).mean(axis=0),
        bounds=[(0.0, None)] * 6,
        constraints={"type": "eq", "fun": lambda a: means @ a - 1.0, "jac": lambda a: means},
        method="SLSQP",
    )
    assert score == pytest.approx(-found.fun, abs=1e-3)


def test_clipping_and_rescaling_instead_of_projecting_rests_short_of_the_optimum() -> None:
    arguments = covariate_shift.ratio_inputs({"samples": 60, "targets": 40, "centres": 8, "steps": 1000}, 1)
    samples, targets, centres, width, rate = arguments[:5]
    basis = covariate_shift.reference_basis(targets, centres, width)
    means = covariate_shift.reference_basis(samples, centres, width).mean(axis=0)
    weights, scores = np.full(8, 1.0 / means.sum()), []
    for _ in range(4000):
        weights += 0.1 * rate * (basis / (basis @ weights)[:, None]).mean(axis=0)
        weights = np.maximum(0.0, weights + (1.0 - means @ weights) / (means @ means) * means)
        weights /= means @ weights
        scores.append(np.log(basis @ weights).mean())
    assert scores[-1] == pytest.approx(scores[2000], abs=1e-5)
    assert covariate_shift.density_ratio(*arguments) > scores[-1] + 0.02


def test_samples_under_the_learned_ratio_have_the_mean_of_the_targets() -> None:
    arguments = covariate_shift.ratio_inputs({"samples": 400, "targets": 300, "centres": 20, "steps": 60}, 1)
    samples, _, centres, width = arguments[:4]
    covariate_shift.density_ratio(*arguments)
    ratio = covariate_shift.reference_basis(samples, centres, width) @ arguments[6]
    assert np.average(samples, axis=0, weights=ratio) == pytest.approx([0.5, 0.5], abs=0.15)
    assert samples.mean(axis=0) == pytest.approx([0.0, 0.0], abs=0.15)
