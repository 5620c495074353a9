"""Noise: values with errors, and batches that disagree with the rest."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tiering.workloads.kernels.landscapes import minibatches, noisy


def two_samples() -> tuple[np.ndarray, ...]:
    """One weight, and two samples that want it at 1 and at -1: the total loss is (w^2 + 1) / 2."""
    features, targets = np.array([[1.0], [1.0]]), np.array([1.0, -1.0])
    return features, targets, np.array([[1.0]]), np.array([0.0])


def test_a_step_for_one_sample_raises_the_total_loss_as_worked_by_hand() -> None:
    features, targets, moments, cross = two_samples()
    weights, losses = np.array([0.0]), np.zeros(2)
    rows = np.array([[0], [1]])
    rises = minibatches.minibatch_descent(features, targets, moments, cross, 0.5, rows, 0.5, weights, losses)
    assert losses.tolist() == [0.5 * 0.5**2 + 0.5, 0.5 * 0.25**2 + 0.5]
    assert weights.tolist() == [-0.25]
    assert rises == 1


def test_the_batch_of_all_samples_never_raises_the_total_loss_at_a_small_rate() -> None:
    size = {"samples": 60, "width": 4, "batch": 60, "steps": 40}
    features, targets, moments, cross, power, rows, rate, weights, losses = minibatches.batches(size, 1)
    whole = np.tile(np.arange(60), (40, 1))
    all_in = minibatches.minibatch_descent(features, targets, moments, cross, power, whole, rate, weights, losses)
    assert all_in == 0
    single = np.ascontiguousarray(rows[:, :1])
    assert minibatches.minibatch_descent(features, targets, moments, cross, power, single, rate, weights, losses) > 5


def test_the_noise_keeps_the_loss_above_its_minimum_in_proportion_to_one_over_the_batch() -> None:
    size = {"samples": 300, "width": 8, "batch": 32, "steps": 2000}
    excess = []
    for batch in (2, 8, 32):
        features, targets, *moments, rows, rate, weights, losses = minibatches.batches(size, 2)
        least = 0.5 * np.linalg.lstsq(features, targets, rcond=None)[1][0] / 300
        fewer = np.ascontiguousarray(rows[:, :batch])
        minibatches.minibatch_descent(features, targets, *moments, fewer, rate, weights, losses)
        excess.append(np.mean(losses[200:]) - least)
    assert excess[0] / excess[1] == pytest.approx(4.0, rel=0.5)
    assert excess[1] / excess[2] == pytest.approx(4.0, rel=0.5)


def test_both_samples_of_two_raise_the_loss_from_between_them() -> None:
    features, targets, moments, cross = two_samples()
    changes = np.zeros(2)
    mean, rises = minibatches.step_changes(features, targets, moments, cross, np.array([0.0]), 0.5, changes)
    assert changes.tolist() == [0.125, 0.125]
    assert (mean, rises) == (0.125, 2)
    _, rises = minibatches.step_changes(features, targets, moments, cross, np.array([0.1]), 0.05, changes)
    assert rises == 1


def test_perturbing_all_coordinates_at_once_gives_the_gradient_on_average() -> None:
    curvatures, start = np.array([1.0, 2.0, 0.5]), np.array([0.4, -1.0, 2.0])
    steps = []
    for signs in itertools.product((-1.0, 1.0), repeat=3):
        position = start.copy()
        noisy.spsa_descent(position, curvatures, np.array([signs]), np.zeros((1, 2)), 1.0, 0.0, 0.1)
        steps.append(start - position)
    np.testing.assert_allclose(np.mean(steps, axis=0), curvatures * start, rtol=1e-12)


def test_an_error_in_the_values_moves_the_position_by_what_it_amounts_to() -> None:
    position = np.array([0.0])
    gap = noisy.spsa_descent(position, np.array([1.0]), np.array([[1.0]]), np.array([[0.3, 0.1]]), 1.0, 0.0, 0.5)
    assert gap == pytest.approx(0.2, rel=1e-12)
    assert position[0] == pytest.approx(-0.2, rel=1e-12)


def test_perturbation_descends_in_spite_of_the_errors() -> None:
    position, curvatures, *rest = noisy.errors({"n": 10, "steps": 1500}, 1)
    first = float(curvatures @ position**2)
    noisy.spsa_descent(position, curvatures, *rest)
    assert float(curvatures @ position**2) < 0.05 * first
