"""Adversarial perturbations: several minima, the deepest by other optimizers, and boundaries by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy import optimize
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.meta import adversarial, deepfool


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


@cache
def attacked() -> tuple[Any, ...]:
    arguments = zoo.kernel("projected_attack").inputs({"points": 20, "side": 4, "centres": 40, "steps": 40}, 1)
    compiled("projected_attack")(*arguments)
    return arguments


def test_the_gradient_of_the_classifier_agrees_with_finite_differences() -> None:
    _, _, centres, heights, sharpness = attacked()[:5]
    place, gradient, spare = np.array([0.3, -0.4]), np.zeros(2), np.zeros(2)
    adversarial.margin_gradient(place, centres, heights, sharpness, gradient)
    for k, way in enumerate(1e-5 * np.eye(2)):
        above = adversarial.margin_gradient(place + way, centres, heights, sharpness, spare)
        below = adversarial.margin_gradient(place - way, centres, heights, sharpness, spare)
        assert gradient[k] == pytest.approx((above - below) / 2e-5, abs=1e-8)


def test_the_margin_has_several_minima_and_the_starts_find_different_ones() -> None:
    """Every minimum found is one of the box: SciPy, started there, stays."""
    arguments = attacked()
    points, labels, _, _, _, epsilon, _, perturbations, margins = arguments
    several = 0
    for point, label, ways, found in zip(points, labels, perturbations, margins, strict=True):
        different: list[Any] = []
        for way, margin in zip(ways, found, strict=True):
            settled = optimize.minimize(
                lambda way, at, side: adversarial.margins_near(at + way[None], side, arguments)[0],
                way,
                (point, label),
                bounds=[(-epsilon, epsilon)] * 2,
            )
            if abs(settled.fun - margin) < 1e-4 and all(np.abs(way - other).max() > 0.05 for other in different):
                different.append(way)
        several += len(different) > 1
    assert several >= 10


def test_one_start_misses_the_deepest_minimum_of_many_points() -> None:
    margins = attacked()[8]
    assert np.mean(margins[:, 0] > margins.min(axis=1) + 0.05) > 0.25


def test_the_deepest_minimum_is_the_one_of_scipys_global_search() -> None:
    arguments = attacked()
    for point, label, found in list(zip(arguments[0], arguments[1], arguments[8].min(axis=1), strict=True))[:6]:
        deepest = optimize.differential_evolution(
            lambda way, at, side: adversarial.margins_near(at + way[None], side, arguments)[0],
            [(-arguments[5], arguments[5])] * 2,
            (point, label),
            seed=1,
            tol=1e-8,
        )
        assert found == pytest.approx(deepest.fun, abs=1e-3)


def test_away_from_a_single_bump_the_attack_ends_in_the_far_corner() -> None:
    perturbations, margins = np.zeros((1, 1, 2)), np.zeros((1, 1))
    point, origin, one = np.array([[1.0, -1.0]]), np.zeros((1, 2)), np.ones(1)
    labels = np.ones(1, np.int64)
    robust = adversarial.projected_attack(point, labels, origin, one, 0.5, 0.5, 30, perturbations, margins)
    assert perturbations[0, 0].tolist() == [0.5, -0.5]
    assert margins[0, 0] == pytest.approx(np.exp(-0.5 * 4.5), rel=1e-14)
    assert robust == 1.0


def distances(points: Any, labels: Any, centres: Any, precisions: Any) -> Any:
    found = np.zeros((len(points), len(centres)))
    deepfool.deepfool_targets(np.array(points), np.array(labels), np.array(centres), np.array(precisions), 60, found)
    return found


def test_the_sphere_of_two_classes_on_a_line_by_hand() -> None:
    """Centres 0 and 3 of precisions 1 and 4: |x| = 2 |x - 3| at 2 and at 6, and Newton goes to the nearer."""
    found = distances([[0.5], [3.5], [-2.0], [7.0]], [0, 1, 0, 0], [[0.0], [3.0]], [1.0, 4.0])
    np.testing.assert_allclose(found[:, 1], [1.5, 0.0, 4.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(found[1, 0], 1.5, atol=1e-12)


def test_between_classes_of_equal_precision_it_is_the_distance_to_the_plane_in_one_step() -> None:
    random = np.random.default_rng(1)
    points, centres = random.normal(size=(5, 4)), random.normal(size=(2, 4))
    found = np.zeros((5, 2))
    deepfool.deepfool_targets(points, np.zeros(5, np.int64), centres, np.ones(2), 1, found)
    normal = centres[1] - centres[0]
    expected = np.abs((points - centres.mean(axis=0)) @ normal) / np.linalg.norm(normal)
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-12)


def test_every_other_class_is_a_minimum_of_its_own_and_the_first_linear_guess_is_not_always_the_nearest() -> None:
    points, labels, centres, precisions, _, _ = deepfool.deepfool_inputs(
        {"points": 200, "classes": 6, "d": 3, "steps": 0}, 2
    )
    others = np.arange(6) != labels[:, None]
    full, guess = np.zeros((200, 6)), np.zeros((200, 6))
    compiled("deepfool_targets")(points, labels, centres, precisions, 60, full)
    compiled("deepfool_targets")(points, labels, centres, precisions, 1, guess)
    full, guess = np.where(others, full, np.inf), np.where(others, guess, np.inf)
    assert np.all(np.ptp(full[others].reshape(200, 5), axis=1) > 0.0)
    assert 0.0 < np.mean(full.argmin(axis=1) != guess.argmin(axis=1)) < 0.5


def test_a_point_where_the_scores_have_one_gradient_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        distances([[0.0]], [0], [[0.0], [0.0]], [1.0, 2.0])
