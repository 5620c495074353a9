"""Replica exchange: exact energies, and what a cold walk does alone."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.search import lattices, wells


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


@cache
def energies_of_all_tori_of_four_by_four() -> Any:
    spins = 1 - 2 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1).reshape(-1, 4, 4)
    return -(spins * (np.roll(spins, 1, axis=1) + np.roll(spins, 1, axis=2))).sum(axis=(1, 2))


@pytest.mark.parametrize("inverse", [0.1, 0.44, 0.8])
def test_the_transfer_matrix_agrees_with_the_sum_over_all_65536_states(inverse: float) -> None:
    energies = energies_of_all_tori_of_four_by_four()
    weights = np.exp(-inverse * (energies - energies.min()))
    expected = float((weights * energies).sum() / weights.sum())
    assert lattices.transfer_energy(4, inverse) == pytest.approx(expected, rel=1e-12)


def test_long_runs_have_the_energies_of_the_sum_over_all_states() -> None:
    arguments = zoo.kernel("ising_exchange").inputs({"width": 4, "rungs": 5, "rounds": 40_000}, 1)
    compiled("ising_exchange")(*arguments)
    energies = energies_of_all_tori_of_four_by_four()
    for inverse, found in zip(arguments[2], arguments[6][400:].mean(axis=0), strict=True):
        weights = np.exp(-inverse * (energies - energies.min()))
        assert found == pytest.approx(float((weights * energies).sum() / weights.sum()), abs=0.15)


def test_exchanges_happen_as_often_as_the_two_distributions_of_energy_say() -> None:
    arguments = zoo.kernel("ising_exchange").inputs({"width": 4, "rungs": 2, "rounds": 40_000}, 3)
    taken = compiled("ising_exchange")(*arguments)
    energies = energies_of_all_tori_of_four_by_four()
    values = np.unique(energies)
    low, high = (np.array([np.exp(-b * (energies[energies == v] + 32.0)).sum() for v in values]) for b in arguments[2])
    gain = (arguments[2][0] - arguments[2][1]) * (values[:, None] - values)
    expected = (np.outer(low / low.sum(), high / high.sum()) * np.minimum(1.0, np.exp(gain))).sum()
    assert taken / 20_000 == pytest.approx(float(expected), abs=0.02)


def test_a_sweep_of_a_torus_of_two_by_two_is_as_by_hand() -> None:
    """Both neighbours in a row are one site, which counts twice. First the corner spin against all others is turned,
    for -8, then the one opposite, for 8, with probability 1/4; the other two are then undecided and stay.
    """
    spins = np.array([[-1, 1], [1, 1]])
    acceptance = np.array([1.0, 1.0, 0.5, 0.5, 0.25])
    uniforms = np.array([[0.9, 0.9], [0.9, 0.2]])
    assert lattices.ising_sweep(spins, uniforms, acceptance) == (2, 0)
    assert spins.tolist() == [[1, 1], [1, -1]]


def test_the_chess_board_and_the_table_agree_on_average() -> None:
    inverse, width, rounds = 0.3, 8, 4_000
    random = np.random.Generator(np.random.PCG64(1))
    spins, total = np.ones((width, width), np.int64), 0
    energy = -2 * width * width
    acceptance = np.exp(-2.0 * inverse * np.maximum([-4.0, -2.0, 0.0, 2.0, 4.0], 0.0))
    for _ in range(rounds):
        _, change = compiled("ising_sweep")(spins, random.uniform(0.0, 1.0, spins.shape), acceptance)
        energy += change
        total += energy
    assert total / rounds == pytest.approx(lattices.transfer_energy(width, inverse), rel=0.02)


def walks(exchange: bool, rounds: int) -> tuple[Any, Any]:
    arguments = list(zoo.kernel("tempered_walks").inputs({"rungs": 6, "rounds": rounds}, 2))
    if not exchange:
        arguments[7][:] = 2.0
        arguments[3:5] = 1.0, 0.02
        arguments[1] = np.full(6, 0.05)
        arguments[2] = np.sqrt(arguments[1])
        arguments[0] = np.ones(6)
        arguments[5][:, 1:] = arguments[5][:, :1]
        arguments[6][:, 1:] = arguments[6][:, :1]
    compiled("tempered_walks")(*arguments)
    return arguments[1], arguments[8]


def test_a_cold_walk_alone_stays_in_the_higher_well_and_with_hot_ones_visits_both_by_weight() -> None:
    _, alone = walks(False, 20_000)
    assert np.all(alone > 0.0)
    temperatures, trace = walks(True, 200_000)
    right, _ = wells.boltzmann(float(temperatures[0]), 1.0, 0.02)
    assert right == pytest.approx(0.312, abs=1e-3)
    assert float((trace[2_000:, 0] > 0.0).mean()) == pytest.approx(right, abs=0.04)


def test_the_share_of_the_deeper_well_is_that_of_two_parabolas_when_it_is_cold() -> None:
    """At low temperatures both wells are parabolas of one curvature, so that only their depths differ."""
    right, energy = wells.boltzmann(0.01, 1.0, 0.005)
    assert right == pytest.approx(1.0 / (1.0 + math.exp(0.01 / 0.01)), abs=2e-3)
    assert energy == pytest.approx(0.005 * (right - (1.0 - right)) + 0.005, abs=2e-4)


def test_an_exchange_that_lowers_the_energy_of_the_colder_walk_is_always_taken() -> None:
    for first, second, taken in itertools.product((0.0, 1.0), (0.0, 1.0), (0.999,)):
        positions, count = np.array([first, second]), np.zeros(2, np.int64)
        still = np.zeros((1, 2))
        trace = np.zeros((1, 2))
        wells.tempered_walks(
            positions,
            np.array([0.01, 1.0]),
            np.ones(2),
            1.0,
            0.0,
            still,
            still,
            np.full((1, 2), taken),
            trace,
            count,
        )
        exchanged = first <= second or first == 1.0 == second
        assert positions.tolist() == ([second, first] if exchanged else [first, second])
        assert int(count[0]) == int(exchanged)
