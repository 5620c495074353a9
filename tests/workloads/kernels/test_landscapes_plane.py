"""The two surfaces over the plane, held to numbers that were worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from tiering.workloads.kernels.landscapes import plane


def descended(u: float, v: float, rate: float, steps: int) -> tuple[float, float]:
    us, vs = np.array([u]), np.array([v])
    plane.skewed_bowl_descents(us, vs, rate, steps)
    return float(us[0]), float(vs[0])


def test_the_first_two_steps_in_the_skewed_bowl_are_those_worked_by_hand() -> None:
    assert descended(0.0, 0.0, 0.1, 1) == pytest.approx((0.6, -1.3), abs=1e-15)
    assert descended(0.0, 0.0, 0.1, 2) == pytest.approx((0.83, -1.76), abs=1e-15)


def test_the_skewed_bowl_has_its_minimum_zero_at_one_and_minus_two() -> None:
    assert plane.skewed_bowl(1.0, -2.0) == (0.0, 0.0, 0.0)
    assert plane.skewed_bowl(0.0, 0.0) == (2.0 + 12.0 + 2.0, -6.0, 13.0)
    assert descended(4.0, 4.0, 0.1, 200) == pytest.approx((1.0, -2.0), abs=1e-12)


def test_the_skewed_bowl_diverges_beyond_two_over_its_largest_curvature() -> None:
    edge = 2.0 / (5.0 + math.sqrt(2.0))
    assert max(map(abs, descended(0.0, 0.0, 0.99 * edge, 2000))) < 3.0
    assert max(map(abs, descended(0.0, 0.0, 1.01 * edge, 2000))) > 1e6


def hessian(w1: float, w2: float, ridge: float = 0.0, width: float = 1e-4) -> np.ndarray:
    rows = []
    for d1, d2 in ((width, 0.0), (0.0, width)):
        ahead = np.array(plane.quartic(w1 + d1, w2 + d2, ridge)[1:])
        behind = np.array(plane.quartic(w1 - d1, w2 - d2, ridge)[1:])
        rows.append((ahead - behind) / (2.0 * width))
    return np.array(rows)


def test_the_slopes_are_those_of_the_value() -> None:
    for w1, w2, ridge in ((0.3, -1.0, 0.0), (-2.0, 0.7, 1.5)):
        value, slope1, slope2 = plane.quartic(w1, w2, ridge)
        formula = w1**4 / 4 - 2 * w1**2 - w1 * w2 + w2**2 / 2 + ridge / 2 * (w1**2 + w2**2)
        assert value == pytest.approx(formula, rel=1e-14)
        for slope, (d1, d2) in ((slope1, (1e-5, 0.0)), (slope2, (0.0, 1e-5))):
            rise = plane.quartic(w1 + d1, w2 + d2, ridge)[0] - plane.quartic(w1 - d1, w2 - d2, ridge)[0]
            assert slope == pytest.approx(rise / 2e-5, abs=1e-8)


def test_the_smallest_eigenvalue_over_the_surface_asks_for_a_ridge_of_4_193() -> None:
    grid = np.linspace(-2.5, 2.5, 41)
    smallest = min(float(np.linalg.eigvalsh(hessian(w1, w2))[0]) for w1 in grid for w2 in (-2.0, 0.0, 1.0))
    assert smallest == pytest.approx(-4.193, abs=5e-4)
    assert smallest == pytest.approx(-plane.CONVEX_FROM, abs=1e-6)
    assert f"{plane.CONVEX_FROM:.3f}" == "4.193"


def test_the_quartic_is_convex_with_a_ridge_of_4_193_and_not_with_4_192() -> None:
    points, lowest = np.linspace(-3.0, 3.0, 6001), np.zeros(2)
    bent, where = plane.quartic_convexity(points, np.array([4.192, 4.193]), lowest)
    assert (bent, float(points[where])) == (1, pytest.approx(0.0, abs=1e-12))
    assert lowest[0] < 0.0 < lowest[1]


def end(w1: float, w2: float, ridge: float, steps: int = 20_000) -> tuple[float, float]:
    path = np.zeros((1, 2))
    plane.ridge_path(w1, w2, np.array([ridge]), 0.05, steps, path)
    return float(path[0, 0]), float(path[0, 1])


def test_without_a_ridge_descent_ends_in_the_valley_on_its_side() -> None:
    root = math.sqrt(5.0)
    assert end(0.1, 0.0, 0.0) == pytest.approx((root, root), abs=1e-9)
    assert end(-0.1, 0.0, 0.0) == pytest.approx((-root, -root), abs=1e-9)
    assert plane.quartic(root, root, 0.0)[0] == pytest.approx(-6.25, abs=1e-14)
    assert end(0.0, 0.0, 0.0) == (0.0, 0.0), "a saddle holds what starts in it"


def test_on_the_convex_side_every_start_ends_at_zero_and_on_the_other_none() -> None:
    for w1, w2 in ((2.0, 2.0), (-2.0, 1.0), (0.01, 0.0)):
        assert end(w1, w2, 4.3) == pytest.approx((0.0, 0.0), abs=1e-6)
        assert abs(end(w1, w2, 4.1)[0]) == pytest.approx(math.sqrt(4.0 - 4.1 + 1.0 / 5.1), abs=1e-6)


def test_the_minima_with_a_ridge_are_those_that_scipy_finds() -> None:
    for ridge in (0.0, 1.0, 3.0):
        found = minimize(lambda w, ridge=ridge: plane.quartic(w[0], w[1], ridge)[0], [1.0, 1.0], method="BFGS").x
        assert end(1.0, 1.0, ridge) == pytest.approx(tuple(found), abs=1e-5)
