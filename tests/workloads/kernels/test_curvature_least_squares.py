"""Levenberg-Marquardt against NIST's certified values and SciPy, and what averaging does for mini-batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import least_squares as fits
from tiering.workloads.kernels.curvature import stochastic

RAT42 = np.array([[8.93, 10.8, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08]])
CERTIFIED = np.array([7.2462237576e01, 2.6180768402e00, 6.7359200066e-02])
CERTIFIED_SQUARES = 8.0565229338e00


def small(name: str, seed: int = 1) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs(kernel.sizes["small"], seed))


@pytest.mark.parametrize("start", [[100.0, 1.0, 0.1], [75.0, 2.5, 0.07]])
def test_both_starts_of_nists_rat42_lead_to_its_certified_fit(start: list[float]) -> None:
    times, *_ = small("levenberg_marquardt")
    parameters = np.array([start])
    squares = fits.levenberg_marquardt(times, RAT42, parameters, 1e-12, 200)
    np.testing.assert_allclose(parameters[0], CERTIFIED, rtol=1e-9)
    assert squares == pytest.approx(CERTIFIED_SQUARES, rel=1e-10)


def test_every_curve_is_fitted_as_scipy_fits_it() -> None:
    times, sizes, parameters, *rest = small("levenberg_marquardt")
    starts = parameters.copy()
    fits.levenberg_marquardt(times, sizes, parameters, *rest)
    for curve, start, found in zip(sizes, starts, parameters, strict=True):
        theirs = least_squares(
            lambda b, curve=curve: b[0] / (1.0 + np.exp(b[1] - b[2] * times)) - curve,
            start,
            x_scale="jac",
            xtol=1e-12,
            ftol=1e-12,
        )
        np.testing.assert_allclose(found, theirs.x, rtol=1e-5)


def test_the_slopes_of_the_model_are_its_differences() -> None:
    times, sizes, parameters, *_ = small("levenberg_marquardt")
    here, gradient, normal = parameters[0], np.zeros(3), np.zeros((3, 3))
    fits.growth_normal(times, sizes, 0, here, gradient, normal)
    for i, width in enumerate(1e-6 * here):
        moved = [fits.growth_squares(times, sizes, 0, here + sign * width * np.eye(3)[i]) for sign in (1.0, -1.0)]
        assert (moved[0] - moved[1]) / (4.0 * width) == pytest.approx(-gradient[i], rel=1e-6)


def noisy_fit(memory: float, seed: int) -> float:
    """How far from the least-squares fit of all samples the method ends, with noise of 0.3 in them."""
    kernel = zoo.kernel("stochastic_levenberg")
    places, heights, rows, _, peak, normal = kernel.inputs({"samples": 500, "batch": 16, "steps": 200}, seed)
    heights = heights + 0.3 * np.random.default_rng(seed).standard_normal(len(heights))
    best = least_squares(lambda p: stochastic.model(places, p)[0] - heights, peak).x
    stochastic.stochastic_levenberg(places, heights, rows, memory, peak, normal)
    return float(np.linalg.norm(peak - best))


def test_averages_bring_noisy_fits_nearer_than_single_batches_do() -> None:
    averaged, single = (np.mean([noisy_fit(memory, seed) for seed in range(6)]) for memory in (0.9, 0.0))
    assert averaged < 0.5 * single


def test_the_bias_of_the_first_averages_is_divided_out() -> None:
    places, heights, rows, _, peak, _ = small("stochastic_levenberg")
    ends = []
    for memory in (0.0, 0.5, 0.99):
        moved = peak.copy()
        stochastic.stochastic_levenberg(places, heights, rows[:1], memory, moved, np.zeros((4, 4)))
        ends.append(moved)
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-12)
    np.testing.assert_allclose(ends[2], ends[0], rtol=1e-12)
    assert np.max(np.abs(ends[0] - peak)) > 0.01
