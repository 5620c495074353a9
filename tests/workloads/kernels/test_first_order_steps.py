"""Single steps: cases worked by hand, published values, and what becomes of a gradient that never changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiering.workloads import zoo
from tiering.workloads.kernels.first_order.adam_steps import adabelief_step, adam_step, amsgrad_step
from tiering.workloads.kernels.first_order.decay_steps import adam_l2_step, adamw_step
from tiering.workloads.kernels.first_order.lasso import soft_threshold_step
from tiering.workloads.kernels.first_order.steps import (
    adagrad_step,
    clipped_step,
    momentum_step,
    nesterov_step,
    rmsprop_step,
)

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
slopes = st.floats(1e-3, 1e3).flatmap(lambda size: st.sampled_from([size, -size]))


def single(*values: float) -> tuple[Any, ...]:
    return tuple(np.array([value]) for value in values)


def run(step: Callable[..., None], gradients: Any, rate: float, *more: float) -> list[float]:
    """The positions of one coordinate from 0 on, after each step of a member of Adam's family."""
    x, mean, square = single(0.0, 0.0, 0.0)
    found = []
    for t, gradient in enumerate(gradients, 1):
        corrections = 1.0 - BETA1**t, 1.0 - BETA2**t
        step(x, np.array([float(gradient)]), mean, square, rate, BETA1, BETA2, *corrections, EPSILON, *more)
        found.append(float(x[0]))
    return found


def test_the_examples_in_the_documentation_of_keras() -> None:
    x, velocity = single(1.0, 0.0)
    momentum_step(x, velocity, x.copy(), 0.1, 0.9)
    assert x[0] == 0.9
    momentum_step(x, velocity, x.copy(), 0.1, 0.9)
    assert 0.9 - x[0] == pytest.approx(0.18, abs=1e-15)
    x, square = single(10.0, 0.0)
    rmsprop_step(x, x.copy(), square, 0.1, 0.9, 1e-7)
    assert x[0] == pytest.approx(9.683772, abs=5e-7)
    x, mean, square = single(10.0, 0.0, 0.0)
    adam_step(x, x.copy(), mean, square, 0.1, BETA1, BETA2, 1.0 - BETA1, 1.0 - BETA2, 1e-7)
    assert x[0] == pytest.approx(9.9, abs=1e-8)


def test_two_steps_of_nesterov_worked_by_hand() -> None:
    ahead, velocity = single(1.0, 0.0)
    nesterov_step(ahead, velocity, ahead.copy(), 0.5, 0.5)
    assert (ahead[0], velocity[0]) == (0.25, -0.5)
    nesterov_step(ahead, velocity, ahead.copy(), 0.5, 0.5)
    assert (ahead[0], velocity[0]) == (-0.0625, -0.375)


def test_a_constant_gradient_drives_momentum_to_its_final_speed() -> None:
    for step in (momentum_step, nesterov_step):
        x, velocity = single(0.0, 0.0)
        for _ in range(400):
            step(x, velocity, np.array([3.0]), 0.01, 0.9)
        assert velocity[0] == pytest.approx(-0.01 * 3.0 / (1.0 - 0.9), rel=1e-12)


def test_a_gradient_is_clipped_only_beyond_the_limit_and_keeps_its_direction() -> None:
    position = np.zeros(2)
    assert clipped_step(position, np.array([3.0, -4.0]), 0.1, 1.0) == 5.0
    np.testing.assert_allclose(position, [-0.06, 0.08], rtol=1e-15)
    position = np.zeros(2)
    assert clipped_step(position, np.array([3.0, -4.0]), 0.5, 5.0) == 5.0
    assert position.tolist() == [-1.5, 2.0]
    assert clipped_step(position, np.zeros(2), 0.5, 0.0) == 0.0
    assert position.tolist() == [-1.5, 2.0]


def test_soft_thresholding_shortens_or_ends_at_zero() -> None:
    position = np.array([2.0, -2.0, 0.5, -0.5, 0.0])
    gradient = np.array([0.0, 0.0, 0.0, 0.0, 10.0])
    assert soft_threshold_step(position, gradient, 0.1, 0.75) == 3
    assert position.tolist() == [1.25, -1.25, 0.0, 0.0, -0.25]


@given(slopes)
def test_the_first_step_of_adam_is_as_long_as_the_rate_whatever_the_gradient(slope: float) -> None:
    assert run(adam_step, [slope], 0.01)[0] == pytest.approx(-math.copysign(0.01, slope), rel=2e-5)


def test_without_bias_correction_the_first_step_would_be_three_times_as_long() -> None:
    x, mean, square = single(0.0, 0.0, 0.0)
    adam_step(x, np.ones(1), mean, square, 0.01, BETA1, BETA2, 1.0, 1.0, EPSILON)
    assert x[0] == pytest.approx(-0.01 * 0.1 / math.sqrt(0.001), rel=1e-6)


@given(slopes)
def test_under_a_constant_gradient_adam_goes_by_the_rate_in_each_step(slope: float) -> None:
    found = run(adam_step, [slope] * 30, 0.01)
    np.testing.assert_allclose(found, -math.copysign(0.01, slope) * np.arange(1, 31), rtol=2e-5)


def test_under_a_constant_gradient_adagrad_slows_down_as_the_root_of_time() -> None:
    x, total = single(0.0, 0.0)
    for _ in range(50):
        adagrad_step(x, np.array([7.0]), total, 0.1, 0.0)
    assert x[0] == pytest.approx(-0.1 * np.sum(1.0 / np.sqrt(np.arange(1, 51))), rel=1e-13)


def test_under_a_constant_gradient_rmsprop_starts_fast_for_want_of_a_correction() -> None:
    x, square = single(0.0, 0.0)
    for _ in range(50):
        rmsprop_step(x, np.array([7.0]), square, 0.1, 0.9, 0.0)
    assert x[0] == pytest.approx(-0.1 * np.sum(1.0 / np.sqrt(1.0 - 0.9 ** np.arange(1, 51))), rel=1e-13)


def test_adabelief_believes_a_constant_gradient_more_and_more() -> None:
    slope, t = 7.0, np.arange(1, 31)
    surprises = (BETA1**t * slope) ** 2
    ages = t[:, None] - t
    spread = np.where(ages >= 0, BETA2 ** np.maximum(ages, 0.0), 0.0) @ ((1.0 - BETA2) * surprises + EPSILON)
    lengths = 0.01 * slope / (np.sqrt(spread / (1.0 - BETA2**t)) + EPSILON)
    found = run(adabelief_step, [slope] * 30, 0.01)
    np.testing.assert_allclose(found, -np.cumsum(lengths), rtol=1e-12)
    assert lengths[0] == pytest.approx(0.01 / BETA1, rel=1e-4)
    assert lengths[-1] > 2.0 * lengths[0]


def test_adabelief_is_as_careful_as_adam_where_gradients_change_their_sign() -> None:
    signs = [1.0, -1.0] * 100
    belief, adam = (np.abs(np.diff(run(step, signs, 0.01))) for step in (adabelief_step, adam_step))
    np.testing.assert_allclose(belief[-20:], adam[-20:], rtol=0.1)


def test_adam_is_the_quotient_of_sums_over_all_gradients() -> None:
    gradients = np.random.Generator(np.random.PCG64(1)).standard_normal(40)
    expected = 0.0
    for t, found in enumerate(run(adam_step, gradients, 0.01), 1):
        ages = np.arange(t - 1, -1, -1)
        mean = np.average(gradients[:t], weights=BETA1**ages)
        square = np.average(gradients[:t] ** 2, weights=BETA2**ages)
        expected -= 0.01 * mean / (math.sqrt(square) + EPSILON)
        assert found == pytest.approx(expected, rel=1e-12)


def test_adam_forgets_one_large_early_gradient_and_amsgrad_does_not() -> None:
    x, mean, square, y, mean_y, square_y, largest = single(*[0.0] * 7)
    moves = []
    for slope in [100.0] + [1.0] * 20_000:
        before = float(x[0]), float(y[0])
        adam_step(x, np.array([slope]), mean, square, 0.01, BETA1, BETA2, 1.0, 1.0, EPSILON)
        amsgrad_step(y, np.array([slope]), mean_y, square_y, largest, 0.01, BETA1, BETA2, EPSILON)
        moves.append((before[0] - x[0], before[1] - y[0]))
    assert moves[0][0] == moves[0][1]
    assert moves[-1][0] == pytest.approx(0.01, rel=1e-4)
    assert moves[-1][1] == pytest.approx(0.01 / math.sqrt(0.001 * 100.0**2), rel=1e-6)


def test_without_a_gradient_adamw_shrinks_every_weight_by_the_same_factor() -> None:
    start = np.array([-3.0, 0.01, 200.0])
    weights, mean, square = start.copy(), np.zeros(3), np.zeros(3)
    for t in range(1, 101):
        adamw_step(weights, np.zeros(3), mean, square, 0.1, BETA1, BETA2, 1.0 - BETA1**t, 1.0 - BETA2**t, EPSILON, 0.05)
    np.testing.assert_allclose(weights, start * (1.0 - 0.1 * 0.05) ** 100, rtol=1e-13)


@pytest.mark.parametrize("decay", [0.001, 0.1, 10.0])
def test_without_a_gradient_adam_with_l2_takes_the_rate_off_every_weight_whatever_the_decay(decay: float) -> None:
    weights = np.array([-3.0, 0.01, 200.0])
    expected = weights - 0.001 * np.sign(weights)
    corrections = 1.0 - BETA1, 1.0 - BETA2
    adam_l2_step(weights, np.zeros(3), np.zeros(3), np.zeros(3), 0.001, BETA1, BETA2, *corrections, EPSILON, decay)
    np.testing.assert_allclose(weights, expected, rtol=0.0, atol=2e-6)


def test_large_gradients_take_the_penalty_from_adam_and_leave_the_decay_of_adamw_alone() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    sizes, start, steps, rate, decay = np.array([0.1, 1.0, 10.0]), 1.0, 2000, 1e-4, 0.1
    pulls = {}
    for step in (adamw_step, adam_l2_step):
        ends = []
        for strength in (decay, 0.0):
            random = np.random.Generator(np.random.PCG64(1))
            weights, mean, square = np.full(3, start), np.zeros(3), np.zeros(3)
            for t in range(1, steps + 1):
                noise = sizes * random.choice([-1.0, 1.0], 3)
                corrections = 1.0 - BETA1**t, 1.0 - BETA2**t
                step(weights, noise, mean, square, rate, BETA1, BETA2, *corrections, EPSILON, strength)
            ends.append(weights)
        pulls[step.__name__] = ends[1] - ends[0]
    expected = 1.0 - (1.0 - rate * decay) ** steps
    np.testing.assert_allclose(pulls["adamw_step"], expected, rtol=0.05)
    np.testing.assert_allclose(pulls["adam_l2_step"][1:], [expected, expected / 10.0], rtol=0.1)
    assert pulls["adam_l2_step"][0] > 5.0 * expected


GUARDED = {"adagrad_step": 2, "rmsprop_step": 2, "adam_step": 3, "amsgrad_step": 4, "adamw_step": 3}


@pytest.mark.parametrize("name", GUARDED)
def test_a_denominator_of_zero_is_an_error_in_both_hosts(name: str) -> None:
    entry = zoo.kernel(name).entry
    arguments = list(zoo.kernel(name).inputs({"n": 3}, 1))
    state = [np.zeros(3) for _ in arguments[1 : GUARDED[name] + 1]]
    arguments[1 : GUARDED[name] + 1] = state
    arguments[9 if name in ("adam_step", "adamw_step") else -1] = 0.0
    for host in (entry, numba.njit(boundscheck=True)(entry)):
        with pytest.raises(ZeroDivisionError):
            host(*arguments)
