"""Annealing: Metropolis at a constant temperature, tours on a circle, subsets against all subsets."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.search import annealing, subsets


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def test_the_spiky_surface_has_its_minimum_and_its_nearest_valleys_where_they_are_published() -> None:
    assert annealing.spike(0.0) == 0.0
    assert annealing.spike(0.99495863) == pytest.approx(0.99495906, abs=1e-7)
    assert annealing.spike(0.5) == pytest.approx(20.25, rel=1e-14)


def test_a_rise_is_accepted_below_its_probability_and_not_above_and_a_fall_always() -> None:
    probability = math.exp(-(annealing.spike(0.1) - annealing.spike(0.0)) / 2.0)
    for uniform, end in ((probability - 1e-9, 0.1), (probability + 1e-9, 0.0)):
        position, best, trace = np.zeros(1), np.zeros(1), np.zeros(1)
        annealing.anneal_spikes(
            position, np.zeros(1, np.int64), np.array([0.1]), np.array([uniform]), 2.0, 0.5, best, trace
        )
        assert position[0] == end
        assert best[0] == 0.0
    position = np.array([0.1])
    annealing.anneal_spikes(
        position, np.zeros(1, np.int64), np.array([-0.1]), np.array([0.999]), 2.0, 0.5, np.zeros(1), np.zeros(1)
    )
    assert position[0] == 0.0


@pytest.mark.parametrize(("above", "kept"), [(-1e-9, True), (1e-9, False)])
def test_a_longer_tour_is_accepted_below_its_probability_and_not_above(above: float, kept: bool) -> None:
    square, tour = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), np.arange(4)
    rise = 2.0 * math.sqrt(2.0) - 2.0
    uniforms = np.array([math.exp(-rise / 0.7) + above])
    length, accepted = annealing.anneal_tour(square, tour, np.array([1]), np.array([2]), uniforms, 0.7, 0.5)
    assert length == pytest.approx(4.0 + (rise if kept else 0.0), rel=1e-14)
    assert accepted == int(kept)


@pytest.mark.parametrize(("above", "kept"), [(-1e-9, 0), (1e-9, 1)])
def test_a_feature_that_counts_is_given_up_below_its_probability_and_not_above(above: float, kept: int) -> None:
    """One feature that explains half of 8 squares in 4 samples; to lose it costs 4 log 2 - log 4, twice log 2."""
    inside, best = np.array([1]), np.zeros(1, np.int64)
    uniforms = np.array([math.exp(-2.0 * math.log(2.0) / 3.0) + above])
    lowest, last = subsets.anneal_subset(
        np.ones((1, 1)), np.array([2.0]), 8.0, 4.0, inside, np.array([0]), uniforms, 3.0, 0.5, best
    )
    assert inside[0] == kept
    assert best[0] == 1
    assert lowest == pytest.approx(math.log(4.0), rel=1e-14)
    assert last == pytest.approx(math.log(4.0) if kept else 4.0 * math.log(2.0), rel=1e-14)


@pytest.mark.parametrize("temperature", [2.0, 10.0])
def test_at_a_constant_temperature_energies_are_boltzmanns(temperature: float) -> None:
    random = np.random.Generator(np.random.PCG64(3))
    steps = 400_000
    trace = np.zeros(steps)
    compiled("anneal_spikes")(
        np.zeros(1),
        np.zeros(steps, np.int64),
        random.normal(0.0, 1.5, steps),
        random.uniform(0.0, 1.0, steps),
        temperature,
        1.0,
        np.zeros(1),
        trace,
    )
    x = np.linspace(-30.0, 30.0, 60_001)
    energy = x**2 + 20.0 * np.sin(np.pi * x) ** 2
    weight = np.exp(-energy / temperature)
    expected = float((weight * energy).sum() / weight.sum())
    assert trace.mean() == pytest.approx(expected, rel=0.04)


def test_slow_cooling_finds_the_lowest_valley_of_a_surface_where_quick_cooling_is_caught() -> None:
    kernel = zoo.kernel("anneal_spikes")

    def lowest(steps: int, seed: int) -> float:
        return float(compiled("anneal_spikes")(*kernel.inputs({"n": 8, "steps": steps}, seed))[0])

    slow, quick = ([lowest(steps, seed) for seed in range(20)] for steps in (60_000, 1_500))
    assert max(slow) < 0.5
    assert sum(energy > 0.9 for energy in quick) > 10


@given(st.integers(4, 12), st.data())
def test_either_side_of_a_reversal_gives_the_same_ring(n: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, n - 1))
    last = data.draw(st.integers(first, n - 1))
    tour = np.arange(n)
    annealing.reverse(tour, first, last)
    plain = np.arange(n)
    plain[first : last + 1] = plain[first : last + 1][::-1]

    def edges(ring: Any) -> set[frozenset[int]]:
        return {frozenset((int(a), int(b))) for a, b in zip(ring, np.roll(ring, 1), strict=True)}

    assert edges(tour) == edges(plain)


def test_a_crossing_of_four_cities_is_undone() -> None:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    tour = np.array([0, 2, 1, 3])
    length, accepted = annealing.anneal_tour(square, tour, np.array([1]), np.array([2]), np.array([0.999]), 1e-9, 1.0)
    assert length == pytest.approx(4.0, rel=1e-14)
    assert accepted == 1
    assert tour.tolist() in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 1, 0, 3])


def test_the_best_of_seven_scattered_cities_is_the_best_of_all_orders() -> None:
    random = np.random.Generator(np.random.PCG64(5))
    cities = random.uniform(0.0, 1.0, (7, 2))
    places = np.sort(random.integers(1, 7, (2, 20_000)), axis=0)
    length, _ = compiled("anneal_tour")(
        cities,
        np.arange(7),
        places[0].copy(),
        places[1].copy(),
        random.uniform(0.0, 1.0, 20_000),
        1.0,
        1e-6 ** (1.0 / 20_000),
    )

    def around(order: tuple[int, ...]) -> float:
        ring = cities[[0, *order]]
        return float(np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).sum())

    assert length == pytest.approx(min(around(order) for order in itertools.permutations(range(1, 7))), rel=1e-12)


def test_the_residual_squares_are_those_of_numpy_and_of_no_feature_all() -> None:
    random = np.random.Generator(np.random.PCG64(2))
    features, targets = random.normal(0.0, 1.0, (30, 6)), random.normal(0.0, 1.0, 30)
    gram, cross, total = features.T @ features, features.T @ targets, float(targets @ targets)
    chosen, factor = np.array([4, 1, 5, 0, 0, 0]), np.zeros((6, 7))
    _, squares, _, _ = np.linalg.lstsq(features[:, [4, 1, 5]], targets, rcond=None)
    assert subsets.residual_squares(gram, cross, total, chosen, 3, factor) == pytest.approx(
        float(squares[0]), rel=1e-12
    )
    assert subsets.residual_squares(gram, cross, total, chosen, 0, factor) == total


def test_a_feature_that_repeats_another_is_refused() -> None:
    gram, cross = np.ones((2, 2)), np.ones(2)
    with pytest.raises(ZeroDivisionError):
        subsets.residual_squares(gram, cross, 2.0, np.array([0, 1]), 2, np.zeros((2, 3)))


@pytest.mark.parametrize("seed", range(8))
def test_the_annealed_subset_is_the_best_of_all_1024(seed: int) -> None:
    kernel = zoo.kernel("anneal_subset")
    arguments = kernel.inputs(kernel.sizes["small"], seed)
    gram, cross, total, samples = arguments[:4]
    lowest, _ = compiled("anneal_subset")(*arguments)
    energies = []
    for subset in itertools.product([False, True], repeat=len(cross)):
        (rows,) = np.nonzero(subset)
        left = total - cross[rows] @ np.linalg.solve(gram[np.ix_(rows, rows)], cross[rows])
        energies.append(samples * math.log(left / samples) + len(rows) * math.log(samples))
    assert lowest == pytest.approx(min(energies), abs=1e-9)


def test_annealing_leaves_subsets_that_no_single_feature_improves() -> None:
    """Greedy descent by single features is annealing at the temperature nought; twins catch it now and then."""
    kernel = zoo.kernel("anneal_subset")
    worse = 0
    for seed in range(60):
        arguments = kernel.inputs({"pairs": 8, "planted": 4, "steps": 6_000}, seed)
        annealed, _ = compiled("anneal_subset")(*arguments)
        greedy = list(kernel.inputs({"pairs": 8, "planted": 4, "steps": 6_000}, seed))
        greedy[7] = 1e-12
        caught, _ = compiled("anneal_subset")(*greedy)
        assert annealed <= caught + 1e-9
        worse += caught > annealed + 1e-6
    assert worse >= 5
