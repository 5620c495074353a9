"""Inverse design: optics by hand, the surrogate against SciPy, and arms that reach where they should."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy import interpolate, optimize
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.meta import coating, neural_adjoint


def test_a_quarter_wave_of_the_square_root_reflects_nothing_and_a_half_wave_is_not_there() -> None:
    bare = (1.25 / 3.25) ** 2
    assert coating.reflectance(1.5, 0.25 / 1.5, 2.25) == pytest.approx(0.0, abs=1e-15)
    assert coating.reflectance(1.5, 0.0, 2.25) == pytest.approx(bare, rel=1e-14)
    assert coating.reflectance(1.7, 0.5 / 1.7, 2.25) == pytest.approx(bare, rel=1e-13)
    assert coating.reflectance(1.0, 0.3, 2.25) == pytest.approx(bare, rel=1e-13)


def test_a_quarter_wave_of_magnesium_fluoride_on_glass_reflects_a_hundredth() -> None:
    """((n0 n2 - n1^2) / (n0 n2 + n1^2))^2 = 0.0126 for n1 = 1.38 and n2 = 1.52."""
    found = coating.reflectance(1.38, 0.25 / 1.38, 1.52)
    assert found == pytest.approx(((1.52 - 1.38**2) / (1.52 + 1.38**2)) ** 2, rel=1e-12)
    assert round(found, 4) == 0.0126


@cache
def fitted() -> tuple[Any, ...]:
    arguments = coating.inputs({"n": 30, "designs": 3, "steps": 150}, 5)
    coating.coating_design(*arguments)
    return arguments


def test_the_surrogate_is_the_interpolant_that_scipy_fits() -> None:
    samples, substrate, lower, upper, ridge, *_, weights = fitted()
    widths = 0.5 * (upper - lower)
    scipys = interpolate.RBFInterpolator(
        samples / widths,
        coating.transfer_matrix(samples, substrate),
        kernel="gaussian",
        epsilon=math.sqrt(0.5),
        smoothing=ridge,
        degree=-1,
    )
    places = lower + (upper - lower) * np.random.default_rng(0).random((20, 2))
    values = [coating.surrogate_gradient(place, samples, weights, widths, np.zeros(2)) for place in places]
    np.testing.assert_allclose(values, scipys(places / widths), atol=1e-6)


def test_the_gradient_of_the_surrogate_agrees_with_finite_differences() -> None:
    samples, _, lower, upper, *_, weights = fitted()
    widths, gradient, spare = 0.5 * (upper - lower), np.zeros(2), np.zeros(2)
    place = np.array([1.31, 0.13])
    coating.surrogate_gradient(place, samples, weights, widths, gradient)
    for k, way in enumerate(1e-4 * np.eye(2)):
        above = coating.surrogate_gradient(place + way, samples, weights, widths, spare)
        below = coating.surrogate_gradient(place - way, samples, weights, widths, spare)
        assert gradient[k] == pytest.approx((above - below) / 2e-4, abs=1e-5)


def test_the_design_is_the_one_that_scipy_finds_on_the_simulator_itself() -> None:
    _, substrate, lower, upper, *_, designs, _ = fitted()
    found = optimize.minimize(
        lambda design: coating.reflectance(design[0], design[1], substrate),
        0.5 * (lower + upper),
        bounds=list(zip(lower, upper, strict=True)),
        options={"ftol": 1e-15, "gtol": 1e-10},
    )
    np.testing.assert_allclose(designs, np.broadcast_to(found.x, designs.shape), atol=2e-3)


@cache
def compiled() -> Any:
    return bound(zoo.kernel("neural_adjoint"), numba.njit(boundscheck=True))


@cache
def trained(hinge: float) -> tuple[int, Any, Any]:
    """The index of the best design, all designs, their losses by the network."""
    size = {"samples": 500, "units": 20, "epochs": 200, "designs": 20, "steps": 400}
    arguments = list(neural_adjoint.inputs(size, 1))
    arguments[6] = np.array([1.6, 1.0])
    arguments[9] = hinge
    best = compiled()(*arguments)
    return best, arguments[7], arguments[11]


def test_the_arm_itself_reaches_where_the_network_says_and_in_several_ways() -> None:
    best, designs, losses = trained(0.1)
    assert losses[best] == losses.min()
    within = np.abs(designs).max(axis=1) < 1.05
    misses = np.linalg.norm(neural_adjoint.arm(designs) - [1.6, 1.0], axis=1)[within]
    assert np.median(misses) < 0.1
    assert np.ptp(designs[within], axis=0).max() > 0.5


def test_the_hinge_keeps_designs_where_the_network_was_trained() -> None:
    assert np.abs(trained(0.1)[1]).max() < np.abs(trained(0.0)[1]).max()


def test_the_hand_of_a_straight_arm_is_two_away() -> None:
    assert neural_adjoint.arm(np.array([0.3, 0.0, 0.0, 0.0])).tolist() == [0.3, 2.0]
    np.testing.assert_allclose(neural_adjoint.arm(np.array([0.0, math.pi / 2.0, 0.0, 0.0])), [2.0, 0.0], atol=1e-15)
