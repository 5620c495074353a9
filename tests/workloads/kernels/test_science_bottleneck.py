"""The information bottleneck: its curve, its critical point, and that a turn never loses."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.science import bottleneck

SIZE = {"x": 12, "y": 6, "clusters": 4}


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def bits(flip: float, betas: list[float], steps: int = 2000) -> tuple[Any, Any]:
    random = np.random.Generator(np.random.PCG64(1))
    prior, conditional = np.array([0.5, 0.5]), np.array([[1.0 - flip, flip], [flip, 1.0 - flip]])
    encoder = bottleneck.random_rows(random, 2, 2)
    compression, relevance = np.zeros(len(betas)), np.zeros(len(betas))
    outcomes = np.array([0.5, 0.5])
    compiled("bottleneck_curve")(
        prior, conditional, outcomes, encoder, np.array(betas), 0.0, steps, compression, relevance
    )
    return compression, relevance


@pytest.mark.parametrize("flip", [0.05, 0.1, 0.3])
def test_below_the_critical_beta_nothing_is_told_and_above_it_something(flip: float) -> None:
    critical = 1.0 / (1.0 - 2.0 * flip) ** 2
    compression, relevance = bits(flip, [1.05 * critical, 0.95 * critical])
    assert compression[0] > 0.01
    assert relevance[0] > 0.01
    assert compression[1] == pytest.approx(0.0, abs=1e-9)
    assert relevance[1] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("beta", [1.8, 3.0, 8.0])
def test_the_best_flip_is_the_one_that_scipy_finds(beta: float) -> None:
    def lagrangian(flip: float) -> float:
        both = 0.1 * (1.0 - flip) + flip * 0.9
        return float(-bottleneck.entropy(flip) + beta * bottleneck.entropy(both))

    found = minimize_scalar(lagrangian, bounds=(1e-9, 0.5), method="bounded", options={"xatol": 1e-10})
    assert bottleneck.best_flip(0.1, beta) == pytest.approx(found.x, abs=1e-6)
    compression, relevance = bits(0.1, [beta])
    assert compression[0] == pytest.approx(math.log(2.0) - bottleneck.entropy(found.x), abs=1e-7)
    assert relevance[0] == pytest.approx(math.log(2.0) - bottleneck.entropy(0.1 + 0.8 * found.x), abs=1e-7)


def test_what_costs_nothing_tells_all() -> None:
    _, relevance = bits(0.1, [1e4])
    assert relevance[0] == pytest.approx(math.log(2.0) - bottleneck.entropy(0.1), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_no_turn_raises_what_is_minimised(seed: int) -> None:
    prior, conditional, encoder, marginal, decoder, beta = bottleneck.inputs_step(SIZE, seed)
    course = [compiled("bottleneck_step")(prior, conditional, encoder, marginal, decoder, beta) for _ in range(60)]
    assert np.diff(course).max() < 1e-12
    assert course[0] - course[-1] > 0.1


def test_information_is_what_scipy_says() -> None:
    prior, conditional, *_ = bottleneck.inputs_step(SIZE, 1)
    joint, outcomes = prior[:, None] * conditional, prior @ conditional
    expected = rel_entr(joint, np.outer(prior, outcomes)).sum()
    assert bottleneck.information(prior, conditional, outcomes) == pytest.approx(expected, abs=1e-13)


def test_no_encoder_tells_more_than_it_keeps_or_than_there_is() -> None:
    prior, conditional, encoder, _, _, _ = bottleneck.inputs_step(SIZE, 2)
    betas = np.geomspace(50.0, 1.0, 10)
    compression, relevance = np.zeros(10), np.zeros(10)
    outcomes = prior @ conditional
    compiled("bottleneck_curve")(prior, conditional, outcomes, encoder, betas, 1e-13, 500, compression, relevance)
    there_is = bottleneck.information(prior, conditional, outcomes)
    assert np.all(relevance <= np.minimum(compression, there_is) + 1e-12)
    assert np.all(np.diff(compression) < 1e-9)
    assert np.all(np.diff(relevance) < 1e-9)


def test_an_unused_cluster_stays_out_without_harm() -> None:
    prior, conditional = np.array([0.4, 0.6]), np.array([[0.7, 0.3], [0.2, 0.8]])
    encoder = np.array([[1.0, 0.0], [1.0, 0.0]])
    marginal, decoder = np.zeros(2), np.full((2, 2), 0.5)
    value = bottleneck.bottleneck_step(prior, conditional, encoder, marginal, decoder, 3.0)
    assert marginal.tolist() == [1.0, 0.0]
    assert encoder == pytest.approx(np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert decoder == pytest.approx(np.array([[0.4, 0.6], [0.5, 0.5]]))
    assert value == pytest.approx(3.0 * bottleneck.information(prior, conditional, prior @ conditional))
