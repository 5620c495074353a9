"""Random against grid search: the law of hits, and what a grid wastes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.search import designs


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def uniform(seed: int, *shape: int) -> Any:
    return np.random.Generator(np.random.PCG64(seed)).uniform(0.0, 1.0, shape)


def hit_rates(widths: list[float], size: int, grid: Any, trials: int) -> tuple[float, float]:
    """The shares of uniformly placed boxes hit by a random design of `size` points, and by a grid."""
    axes, boxes = len(widths), 50
    points, corners = uniform(1, trials // boxes * size, axes), uniform(2, boxes, axes)
    hits, grid_hits = np.zeros(trials // boxes, np.int64), np.zeros(boxes, np.int64)
    box = np.array(widths)
    total, _ = compiled("design_coverage")(points, np.zeros((size, axes)), corners, box, hits, grid_hits)
    many = uniform(3, trials, axes)
    on_grid = np.zeros(trials, np.int64)
    none = np.zeros(0, np.int64)
    _, count = compiled("design_coverage")(np.zeros((0, axes)), grid, many, box, none, on_grid)
    return total / trials, count / trials


def lattice(per_axis: int, axes: int) -> Any:
    ticks = (np.arange(per_axis) + 0.5) / per_axis
    return np.stack(np.meshgrid(*[ticks] * axes, indexing="ij"), axis=-1).reshape(-1, axes)


@pytest.mark.parametrize(
    ("widths", "size"),
    [([0.05], 60), ([0.05, 2.0, 2.0], 60), ([0.2236, 0.2236], 60), ([0.05], 5), ([0.3, 0.1], 100), ([0.5], 1)],
)
def test_random_points_hit_with_probability_one_minus_misses_to_the_n(widths: list[float], size: int) -> None:
    share = float(np.prod(np.minimum(widths, 1.0)))
    found, _ = hit_rates(widths, size, np.zeros((size, len(widths))), 20_000)
    assert found == pytest.approx(1.0 - (1.0 - share) ** size, abs=0.025)


def test_sixty_random_points_hit_the_best_twentieth_in_95_per_cent_and_59_are_the_fewest() -> None:
    law = 1.0 - 0.95**60
    assert law == pytest.approx(0.9539, abs=1e-4)
    assert 1.0 - 0.95**58 < 0.95 <= 1.0 - 0.95**59
    found, _ = hit_rates([0.05], 60, np.zeros((60, 1)), 20_000)
    assert found == pytest.approx(law, abs=0.02)


def test_where_one_axis_matters_a_grid_of_64_points_hits_a_fifth_and_64_random_points_96_per_cent() -> None:
    random, grid = hit_rates([0.05, 2.0, 2.0], 64, lattice(4, 3), 20_000)
    assert random == pytest.approx(1.0 - 0.95**64, abs=0.02)
    assert grid == pytest.approx(4 * 0.05, abs=0.02)


def test_where_all_axes_matter_alike_a_grid_holds_its_own() -> None:
    random, grid = hit_rates([0.25, 0.25, 0.25], 64, lattice(4, 3), 5_000)
    assert grid == pytest.approx(1.0, abs=1e-3)
    assert random == pytest.approx(1.0 - (1.0 - 1.0 / 64.0) ** 64, abs=0.04)


def test_a_box_reaches_across_the_edge_of_the_torus() -> None:
    points = np.array([[0.5], [0.02], [0.97]])
    hit = designs.first_hit(points, 0, 3, np.array([[0.95]]), 0, np.array([0.1]))
    assert hit == 1
    assert designs.first_hit(points, 2, 3, np.array([[0.95]]), 0, np.array([0.1])) == 2
    assert designs.first_hit(points, 0, 1, np.array([[0.95]]), 0, np.array([0.1])) == -1


def test_a_grid_of_two_by_two_is_searched_as_by_hand() -> None:
    best = np.zeros(2)
    number, value = designs.grid_search(2, np.array([0.7, 0.1]), np.array([1.0, 10.0]), best)
    assert number == 1
    assert best.tolist() == [0.75, 0.25]
    assert value == pytest.approx(0.05**2 + 10.0 * 0.15**2, rel=1e-14)


def test_random_search_comes_nearer_on_the_axis_that_matters_than_a_grid_of_as_many_points() -> None:
    wins = 0
    for seed in range(40):
        centre = uniform(seed, 4)
        weights = np.array([1.0, 1e-6, 1e-6, 1e-6])
        _, on_grid = compiled("grid_search")(5, centre, weights, np.zeros(4))
        _, at_random = compiled("random_search")(uniform(seed + 100, 625, 4), centre, weights, np.zeros(625))
        wins += at_random < on_grid
    assert wins > 34
