"""The diagonal Fisher information: what it is, what it is invariant to, and two ways of using it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import consolidation, fisher, logistic, selective


def small(name: str, seed: int = 1) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs(kernel.sizes["small"], seed))


def test_the_fisher_information_is_the_diagonal_of_the_hessian_and_not_the_squares_at_the_labels() -> None:
    features, labels, _ = fisher.draw(np.random.default_rng(0), {"samples": 40, "classes": 3, "width": 2})
    weights, found = 0.1 * np.arange(6.0).reshape(3, 2), np.zeros((3, 2))
    fisher.diagonal_fisher(features, weights, found)

    def loss(flat: Any) -> float:
        scores = log_softmax(features @ flat.reshape(3, 2).T, axis=1)
        return -float(np.mean(scores[np.arange(40), labels]))

    width = 1e-4
    for place in range(6):
        aside = width * np.eye(6)[place]
        flat = weights.ravel()
        second = (loss(flat + aside) - 2.0 * loss(flat) + loss(flat - aside)) / width**2
        assert found.ravel()[place] == pytest.approx(second, rel=1e-5)
    misses = fisher.chances_of(features, weights) - np.eye(3)[labels]
    empirical = (misses**2).T @ features**2 / 40
    assert np.max(np.abs(empirical / found - 1.0)) > 0.2


def test_without_ridge_the_natural_gradient_does_not_see_the_units_of_the_features() -> None:
    features, labels, weights, *_ = small("natural_descent")
    units = np.array([1.0, 1000.0, 0.001, 50.0])
    scaled = np.zeros_like(weights)
    ours = fisher.natural_descent(features, labels, weights, 0.0, 0.5, 10)
    theirs = fisher.natural_descent(features * units, labels, scaled, 0.0, 0.5, 10)
    assert ours == pytest.approx(theirs, rel=1e-12)
    np.testing.assert_allclose(scaled * units, weights, rtol=1e-9)


def test_natural_descent_ends_where_scipy_ends() -> None:
    features, labels, weights, penalty, *rest = small("natural_descent")
    fisher.natural_descent(features, labels, weights, penalty, *rest)
    rows = np.arange(len(labels))

    def loss(flat: Any) -> float:
        scores = log_softmax(features @ flat.reshape(weights.shape).T, axis=1)
        return -float(np.mean(scores[rows, labels])) + 0.5 * penalty * float(flat @ flat)

    theirs = minimize(loss, np.zeros(weights.size), tol=1e-9)
    np.testing.assert_allclose(weights.ravel(), theirs.x, atol=1e-4)


def test_a_natural_step_divides_by_the_estimate_and_not_by_its_root() -> None:
    weights, estimate = np.array([1.0, 1.0]), np.array([0.0, 7.0])
    fisher.natural_step(weights, np.array([2.0, 1.0]), estimate, 0.5, 1.0, 0.0)
    assert estimate.tolist() == [2.0, 4.0]
    assert weights.tolist() == [0.0, 0.75]


def test_a_selective_step_moves_the_weight_with_the_best_promise_and_no_other() -> None:
    weights = np.zeros(3)
    count = selective.selective_step(weights, np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 9.0]), 0.0, 1.5, 0.5)
    assert count == 1
    assert weights.tolist() == [0.0, -1.0, 0.0]


def test_a_threshold_below_every_promise_moves_all() -> None:
    weights = np.zeros(3)
    assert selective.selective_step(weights, np.ones(3), np.ones(3), 1.0, 0.0, 1.0) == 3
    assert weights.tolist() == [-0.5, -0.5, -0.5]


def test_selective_descent_ends_where_scipy_ends_with_half_of_the_updates() -> None:
    features, labels, weights, penalty, *rest = small("selective_descent")
    _, total = selective.selective_descent(features, labels, weights, penalty, *rest)
    theirs = minimize(lambda w: logistic.loss_of(features, labels, w, penalty), np.zeros_like(weights), tol=1e-9)
    np.testing.assert_allclose(weights, theirs.x, atol=1e-5)
    assert total < 0.6 * len(weights) * rest[2]


def test_features_that_tell_nothing_are_not_touched_first() -> None:
    kernel = zoo.kernel("selective_descent")
    arguments = kernel.inputs({"samples": 1000, "width": 10, "steps": 1}, 1)
    selective.selective_descent(*arguments)
    assert np.flatnonzero(arguments[2]).tolist() == [0, 5]


def lost(strength: float) -> tuple[float, float]:
    """The first task's loss after the second, and how far the weights have gone from those after the first."""
    arguments = small("elastic_consolidation")
    arguments[6:9] = strength, 2.0 / (1.0 + strength), 600
    consolidation.elastic_consolidation(*arguments)
    weights, anchor = arguments[4], arguments[9]
    return logistic.loss_of(arguments[0], arguments[1], weights, 0.0), float(np.linalg.norm(weights - anchor))


def test_the_stiffer_the_spring_the_less_is_forgotten() -> None:
    losses, distances = zip(*(lost(strength) for strength in (0.0, 2.0, 10.0)), strict=True)
    assert list(losses) == sorted(losses, reverse=True)
    assert list(distances) == sorted(distances, reverse=True)
    assert losses[2] < 0.8 * losses[0]


def test_consolidation_ends_where_scipy_ends() -> None:
    arguments = small("elastic_consolidation")
    consolidation.elastic_consolidation(*arguments)
    _, _, second, labels, weights, penalty, strength, _, _, anchor, stiffness = arguments

    def loss(w: Any) -> float:
        spring = 0.5 * strength * float(stiffness @ (w - anchor) ** 2)
        return logistic.loss_of(second, labels, w, penalty) + spring

    np.testing.assert_allclose(weights, minimize(loss, anchor, tol=1e-9).x, atol=1e-5)


def test_a_weight_to_which_the_first_task_is_indifferent_has_no_spring() -> None:
    arguments = small("elastic_consolidation")
    arguments[0][:, 3] = 0.0
    consolidation.elastic_consolidation(*arguments)
    stiffness = arguments[10]
    assert stiffness[3] == 0.0
    assert np.all(np.delete(stiffness, 3) > 0.0)
