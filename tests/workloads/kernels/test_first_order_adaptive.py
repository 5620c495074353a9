"""Adaptive methods at work: where Adam diverges, what weight decay does to each, what is learned from rare events."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.first_order import (
    divergence,
    dropout,
    factorization,
    imbalance,
    networks,
    poisson,
    rewards,
    sparse,
)
from tiering.workloads.kernels.first_order.adam_steps import adam_step
from tiering.workloads.kernels.first_order.steps import adagrad_step

LONE = (1.0 - 0.9) / math.sqrt(1.0 - 0.999) / (1.0 - 0.9 / math.sqrt(0.999))


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def online(name: str, large: Any, small: Any, beta2: Any, *scalars: float) -> tuple[Any, Any]:
    """The last position and the mean regret of a run from 1."""
    position, regret = np.ones(len(large)), np.zeros(len(large))
    compiled(name)(position, regret, large, small, beta2, *scalars)
    return position, regret / scalars[-1]


@pytest.mark.parametrize("periods", [1, 10, 1000, 100_000])
def test_adam_is_at_the_worst_point_after_each_period_and_its_regret_never_falls(periods: int) -> None:
    large = np.array([2.5, 3.0, 5.0, 10.0, 100.0])
    arguments = np.ones(5), 1.0 / (1.0 + large**2), 0.0, 0.9, 3, 3 * periods
    position, regret = online("adam_online", large, *arguments)
    assert position.tolist() == [1.0] * 5
    assert (regret >= (2.0 * large - 4.0) / 3.0).all()


def test_amsgrad_goes_to_the_best_point_of_the_same_losses_and_its_mean_regret_falls_as_the_root_of_time() -> None:
    large = np.array([2.5, 3.0, 5.0, 10.0])
    found = [
        online("amsgrad_online", large, np.ones(4), 1.0 / (1.0 + large**2), 0.0, 0.9, 3, 3 * periods)
        for periods in (10_000, 100_000)
    ]
    assert (found[1][0] < -0.99).all()
    np.testing.assert_allclose(found[0][1] / found[1][1], math.sqrt(10.0), rtol=0.15)


def test_with_the_usual_constants_adam_still_ends_at_the_worst_point_and_amsgrad_at_the_best() -> None:
    losses = np.array([1010.0]), np.array([10.0]), np.array([0.99]), 0.9, 0.5, 101, 101 * 20_000
    position, regret = online("adam_online", *losses)
    assert position[0] == 1.0
    assert regret[0] == pytest.approx(2.0 * (1010.0 - 100.0 * 10.0) / 101, rel=0.2)
    position, regret = online("amsgrad_online", *losses)
    assert position[0] < -0.99
    assert regret[0] < 0.03


def test_the_regret_is_the_loss_that_staying_at_the_best_point_would_have_saved() -> None:
    position, regret = np.array([0.5]), np.zeros(1)
    divergence.adam_online(position, regret, np.array([3.0]), np.ones(1), np.full(1, 0.5), 0.0, 0.0, 3, 4)
    assert (position[0], regret[0]) == (0.5, 1.5 * (3.0 - 1.0 - 1.0 + 3.0))


def test_the_back_propagated_gradient_is_the_derivative_of_the_loss() -> None:
    features, targets, hidden, output, *_ = networks.network_inputs(
        {"samples": 9, "width": 3, "units": 4, "steps": 1}, 1
    )

    def loss(flat: Any) -> float:
        spare = np.zeros(len(hidden)), np.zeros(len(output))
        return networks.network_gradient(features, targets, flat[: len(hidden)], flat[len(hidden) :], *spare)

    by_hidden, by_output, both = np.zeros_like(hidden), np.zeros_like(output), np.concatenate([hidden, output])
    networks.network_gradient(features, targets, hidden, output, by_hidden, by_output)
    np.testing.assert_allclose(np.concatenate([by_hidden, by_output]), approx_fprime(both, loss, 1e-7), atol=1e-6)


def test_rmsprop_teaches_the_network() -> None:
    size = {"samples": 400, "width": 4, "units": 8, "steps": 1500}
    features, targets, *rest = networks.network_inputs(size, 1)
    assert compiled("rmsprop_network")(features, targets, *rest) < 0.05 * 0.5 * float(np.var(targets))


def test_adam_recovers_entries_that_it_was_not_shown() -> None:
    size = {"users": 60, "items": 50, "rank": 4, "ratings": 2000, "steps": 600}
    arguments = factorization.factorization_inputs(size, 1)
    compiled("adam_factorization")(*arguments)
    users, items, ratings, left, right, rank = arguments[:6]
    full = left.reshape(-1, rank) @ right.reshape(-1, rank).T
    np.testing.assert_allclose(full[users, items], ratings, atol=1e-3)
    shown = np.zeros_like(full, bool)
    shown[users, items] = True
    random = np.random.Generator(np.random.PCG64(1))
    planted = random.standard_normal((60, rank)) @ random.standard_normal((rank, 50)) / math.sqrt(rank)
    hidden = np.abs(full - planted)[~shown]
    assert len(hidden) == 1000
    assert np.median(hidden) < 0.01


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_adabelief_ends_where_scipy_does(seed: int) -> None:
    features, counts, weights, rate, epsilon, _ = poisson.inputs({"rows": 200, "n": 6, "steps": 0}, seed)

    def loss(flat: Any) -> float:
        return float(np.mean(np.exp(features @ flat) - counts * (features @ flat)))

    gradient = np.zeros_like(weights)
    there = weights + 0.3
    poisson.poisson_gradient(features, counts, there, gradient)
    np.testing.assert_allclose(gradient, approx_fprime(there, loss, 1e-7), atol=1e-6)
    best = minimize(loss, weights.copy(), method="BFGS", options={"gtol": 1e-6})
    compiled("adabelief_poisson")(features, counts, weights, rate, epsilon, 1000)
    np.testing.assert_allclose(weights, best.x, atol=1e-4)


def imbalanced(**changes: Any) -> list[Any]:
    arguments = list(imbalance.inputs({"rows": 1000, "n": 6, "steps": 2500}, 1))
    for name, value in changes.items():
        arguments[("features", "labels", "positive", "negative", "weights", "rate", "decay").index(name)] = value
    return arguments


def test_adam_with_l2_rests_at_the_minimum_with_the_penalty_and_adamw_at_the_one_without() -> None:
    ends = {}
    for name in ("adam_l2_imbalance", "adamw_imbalance"):
        arguments = imbalanced(decay=0.05)
        before = tuple(imbalanced(decay=0.05))
        compiled(name)(*arguments)
        ends[name] = arguments[4]
    np.testing.assert_allclose(ends["adam_l2_imbalance"], imbalance.minimum(before, 0.05), rtol=1e-6)
    np.testing.assert_allclose(ends["adamw_imbalance"], imbalance.minimum(before, 0.0), rtol=0.01)
    gap = np.abs(ends["adamw_imbalance"]) - np.abs(ends["adam_l2_imbalance"])
    assert (gap > 0.1 * np.abs(ends["adam_l2_imbalance"])).all()


def test_no_weight_of_adamw_gets_beyond_one_over_the_decay() -> None:
    features, labels = np.array([[1.0, 0.001]]), np.ones(1)
    weights = np.zeros(2)
    compiled("adamw_imbalance")(features, labels, 1.0, 1.0, weights, 1.0, 2.0, 40_000)
    np.testing.assert_allclose(weights, 0.5, rtol=0.01)
    assert (weights <= 0.5).all()


def test_the_minimum_with_costs_is_that_of_scipy() -> None:
    before = tuple(imbalanced())

    def loss(weights: Any) -> float:
        return imbalance.likelihood(before, weights)[0] + 0.005 * float(weights @ weights)

    best = minimize(loss, before[4].copy(), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(imbalance.minimum(before, 0.01), best.x, atol=1e-4)


def test_a_cost_of_three_is_three_copies_of_each_row() -> None:
    features, labels, *_ = imbalanced()
    weights = np.linspace(-0.1, 0.1, 6)
    once, thrice = np.zeros(6), np.zeros(6)
    copies = np.where(labels > 0.0, 3, 1)
    first = imbalance.weighted_logistic_gradient(features, labels, 3.0, 1.0, weights, once)
    second = imbalance.weighted_logistic_gradient(
        np.repeat(features, copies, axis=0), np.repeat(labels, copies), 1.0, 1.0, weights, thrice
    )
    share = copies.sum() / len(labels)
    assert first == pytest.approx(share * second, rel=1e-12)
    np.testing.assert_allclose(once, share * thrice, rtol=1e-10)


def test_costs_make_the_rare_class_heard() -> None:
    recalls = {}
    for name, costs in {"balanced": {}, "equal": {"positive": 1.0, "negative": 1.0}}.items():
        arguments = imbalanced(**costs)
        compiled("adamw_imbalance")(*arguments)
        features, labels, weights = arguments[0], arguments[1], arguments[4]
        right = np.sign(features @ weights) == labels
        recalls[name] = right[labels > 0.0].mean(), right[labels < 0.0].mean()
    assert recalls["equal"][0] < 0.3 < recalls["equal"][1]
    assert min(recalls["balanced"]) > 0.7
    assert sum(recalls["balanced"]) > sum(recalls["equal"]) + 0.3


def test_balanced_costs_give_both_classes_half_of_the_loss_of_an_undecided_model() -> None:
    features, labels, positive, negative, *_ = imbalanced()
    gradient = np.zeros(6)
    loss = imbalance.weighted_logistic_gradient(features, labels, positive, negative, np.zeros(6), gradient)
    assert loss == pytest.approx(math.log(2.0), rel=1e-12)
    assert gradient[0] == pytest.approx(0.0, abs=1e-14)
    assert (labels > 0.0).sum() * positive == (labels < 0.0).sum() * negative == 500.0


def test_a_rare_word_keeps_the_rate_that_a_frequent_one_has_used_up() -> None:
    arguments = sparse.adagrad_inputs({"rows": 300, "words": 20, "columns": 200, "steps": 5000}, 1)
    compiled("adagrad_sparse")(*arguments)
    frequency = np.bincount(arguments[1], minlength=200)
    squares = arguments[6]
    rates = 1.0 / np.sqrt(squares[squares > 0.0])
    often = frequency[squares > 0.0]
    assert rates[often <= 3].mean() > 5.0 * rates[often >= 200].mean()


def test_dropout_ends_at_the_ridge_and_not_at_least_squares() -> None:
    arguments = dropout.inputs(zoo.kernel("dropout_adagrad").sizes["medium"], 1)
    compiled("dropout_adagrad")(*arguments)
    features, targets, keep, mean = arguments[0], arguments[1], arguments[5], arguments[8]
    ridge, plain = dropout.ridge(features, targets, keep), np.linalg.lstsq(features, targets)[0]
    assert np.abs(mean - ridge).max() < 0.2 * np.abs(plain - ridge).max()
    np.testing.assert_allclose(dropout.ridge(features, targets, 1.0), plain, rtol=1e-9)


def test_the_ridge_is_the_minimum_of_the_mean_over_all_sets_of_kept_features() -> None:
    features, targets, *_ = dropout.inputs({"rows": 30, "n": 4, "steps": 1}, 1)
    sets = (np.arange(16)[:, None] >> np.arange(4)) & 1
    chances = np.prod(np.where(sets == 1, 0.8, 0.2), axis=1)
    normal = sum(c * np.outer(s, s) * (features.T @ features) for c, s in zip(chances, sets / 0.8, strict=True))
    ours = dropout.ridge(features, targets, 0.8)
    np.testing.assert_allclose(ours, np.linalg.solve(normal, features.T @ targets), rtol=1e-10)


def test_adam_moves_on_after_a_lone_reward_to_31_8_times_the_rate_whatever_it_was() -> None:
    assert pytest.approx(31.8, abs=0.05) == LONE
    for slope in (0.01, 5.0):
        x, mean, square = np.zeros(1), np.zeros(1), np.zeros(1)
        adam_step(x, np.array([slope]), mean, square, 0.01, 0.9, 0.999, 1.0, 1.0, 1e-12)
        assert -x[0] == pytest.approx(0.01 * 0.1 / math.sqrt(0.001), rel=1e-6)
        for _ in range(300):
            adam_step(x, np.zeros(1), mean, square, 0.01, 0.9, 0.999, 1.0, 1.0, 1e-12)
        assert -x[0] == pytest.approx(0.01 * LONE, rel=1e-6)


def test_the_hundredth_reward_moves_adam_like_the_first_and_adagrad_a_tenth_as_far() -> None:
    x, mean, square, y, total = (np.zeros(1) for _ in range(5))
    step, still = compiled("adam_step"), np.zeros(1)
    moves = []
    for _ in range(100):
        before = float(x[0]), float(y[0])
        adagrad_step(y, np.ones(1), total, 0.5, 0.0)
        step(x, np.ones(1), mean, square, 0.01, 0.9, 0.999, 1.0, 1.0, 1e-12)
        for _ in range(20_000):
            step(x, still, mean, square, 0.01, 0.9, 0.999, 1.0, 1.0, 1e-12)
        moves.append((before[0] - x[0], before[1] - y[0]))
    assert moves[99][0] == pytest.approx(moves[0][0], rel=1e-5)
    assert moves[99][1] == pytest.approx(0.1 * moves[0][1], rel=1e-12)


def best_chances(preferences: Any, odds: Any) -> Any:
    raised = np.exp(preferences.reshape(-1, 4) - preferences.reshape(-1, 4).max(axis=1, keepdims=True))
    chances = raised / raised.sum(axis=1, keepdims=True)
    return chances[np.arange(len(chances)), odds.reshape(-1, 4).argmax(axis=1)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_the_same_first_move_adam_settles_on_wrong_actions_and_adagrad_on_none(seed: int) -> None:
    size = {"contexts": 20, "actions": 4, "steps": 100_000, "seldom": 20}
    adagrad, adam = rewards.adagrad_inputs(size, seed), rewards.adam_inputs(size, seed)
    assert adam[-2] * LONE == pytest.approx(adagrad[-2], rel=1e-12)
    compiled("sparse_reward_adagrad")(*adagrad)
    compiled("sparse_reward_adam")(*adam)
    assert best_chances(adagrad[4], adagrad[3]).min() > 0.9
    assert best_chances(adam[4], adam[3]).min() < 0.01
