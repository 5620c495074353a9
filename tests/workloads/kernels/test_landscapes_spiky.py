"""Spiky surfaces: descent keeps the dent it starts in, smoothing first does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from tiering.workloads.kernels.landscapes import spiky


def test_rastrigin_is_zero_at_zero_and_its_gradient_is_that_of_its_value() -> None:
    gradient = np.ones(3)
    assert spiky.rastrigin_gradient(np.zeros(3), gradient) == 0.0
    assert gradient.tolist() == [0.0, 0.0, 0.0]
    point, scratch = np.array([0.3, -1.7, 4.2]), np.zeros(3)
    spiky.rastrigin_gradient(point, gradient)
    numeric = approx_fprime(point, lambda x: spiky.rastrigin_gradient(x, scratch), 1e-7)
    np.testing.assert_allclose(gradient, numeric, atol=1e-4)


def test_a_start_in_the_next_cell_ends_in_the_published_dent() -> None:
    position = np.array([1.2, 0.3])
    value = spiky.rastrigin_descent(position, 0.0025, 200)
    np.testing.assert_allclose(position, [0.994958637, 0.0], atol=1e-8)
    assert value == pytest.approx(0.994959057, abs=1e-8)


def test_smoothing_takes_the_spikes_and_leaves_the_bowl() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    for x in (-2.0, 0.1, 3.3):
        for width in (0.0, 0.2, 0.7):
            averaged = spiky.smoothed_slope(x, 0.4, 1.5, 5.0, width, nodes, weights / np.sum(weights))
            fading = math.exp(-0.5 * (5.0 * width) ** 2)
            assert averaged == pytest.approx(x - 0.4 + 7.5 * fading * math.sin(5.0 * x), abs=1e-9)


def test_plain_descent_stays_where_graduated_descent_finds_the_lowest_dent() -> None:
    start, centres, height, frequency, widths, nodes, weights, steps, _ = spiky.spikes({"n": 20, "steps": 80}, 4)

    def value(x: np.ndarray) -> np.ndarray:
        return 0.5 * (x - centres) ** 2 - height * np.cos(frequency * x)

    ends = []
    for stages in (widths[-1:], widths):
        position, path = start.copy(), np.zeros((len(stages), 20))
        spiky.graduated_descent(position, centres, height, frequency, stages, nodes, weights, steps, path)
        ends.append(position)
    plain, graduated = ends
    grid = np.linspace(-3.0, 3.0, 6001)
    lowest = np.array([np.min(0.5 * (grid - c) ** 2 - height * np.cos(frequency * grid)) for c in centres])
    np.testing.assert_allclose(value(graduated), lowest, atol=1e-4)
    assert np.mean(value(plain) > lowest + 0.1) > 0.5
    caught = np.abs(start - centres) < 4.0
    assert np.sum(caught) > 3, "further out the bowl is steeper than the spikes"
    assert np.max(np.abs(plain - start)[caught]) < 2.0 * math.pi / frequency, "no further than its own cell"
