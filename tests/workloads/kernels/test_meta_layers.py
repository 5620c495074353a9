"""Block Gauss-Seidel: its theorems on a quadratic, and layers trained in turn against layers trained together."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.meta import gauss_seidel, layers


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def radius(matrix: Any) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def jacobi_matrix(matrix: Any, size: int) -> Any:
    block = np.arange(len(matrix)) // size
    diagonal = np.where(block[:, None] == block, matrix, 0.0)
    return -np.linalg.solve(diagonal, matrix - diagonal)


def test_two_unknowns_by_hand() -> None:
    """x = 1 - y / 2 and then y = 1 - x / 2, from zero: (1, 1/2), then (3/4, 5/8)."""
    matrix, solution = np.array([[2.0, 1.0], [1.0, 2.0]]), np.zeros(2)
    right = np.array([2.0, 2.0])
    assert gauss_seidel.block_gauss_seidel(matrix, right, 1, 1, solution) == pytest.approx(1.0)
    np.testing.assert_allclose(solution, [1.0, 0.5], rtol=1e-15)
    assert gauss_seidel.block_gauss_seidel(matrix, right, 1, 1, solution) == pytest.approx(0.25)
    np.testing.assert_allclose(solution, [0.75, 0.625], rtol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_with_two_blocks_the_error_shrinks_as_fast_as_in_two_sweeps_of_jacobi(seed: int) -> None:
    matrix = gauss_seidel.inputs({"n": 12, "block": 6, "sweeps": 0}, seed)[0]
    swept = radius(gauss_seidel.iteration_matrix(matrix, 6))
    assert swept == pytest.approx(radius(jacobi_matrix(matrix, 6)) ** 2, rel=1e-9)


def test_one_block_is_solved_in_one_sweep() -> None:
    matrix, right, _, _, solution = gauss_seidel.inputs({"n": 9, "block": 9, "sweeps": 1}, 1)
    gauss_seidel.block_gauss_seidel(matrix, right, 9, 1, solution)
    np.testing.assert_allclose(solution, np.linalg.solve(matrix, right), rtol=1e-11)


def test_it_converges_where_all_blocks_at_once_diverge() -> None:
    matrix = np.full((3, 3), 0.8) + 0.2 * np.eye(3)
    assert radius(jacobi_matrix(matrix, 1)) == pytest.approx(1.6)
    solution = np.zeros(3)
    gauss_seidel.block_gauss_seidel(matrix, np.ones(3), 1, 60, solution)
    np.testing.assert_allclose(solution, np.full(3, 1.0 / 2.6), atol=1e-10)


def test_no_sweep_raises_the_quadratic() -> None:
    matrix, right, size, _, solution = gauss_seidel.inputs({"n": 20, "block": 4, "sweeps": 0}, 3)
    values = [0.0]
    for _ in range(15):
        gauss_seidel.block_gauss_seidel(matrix, right, size, 1, solution)
        values.append(float(solution @ matrix @ solution) / 2.0 - float(right @ solution))
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[1] < 0.0


def test_a_matrix_that_is_not_positive_definite_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive definite"):
        gauss_seidel.block_gauss_seidel(-np.eye(2), np.ones(2), 1, 1, np.zeros(2))


def test_two_layers_of_one_weight_each_by_hand() -> None:
    """For y = 2 x and a first weight of 4 the second becomes 1/2; together they are then exact."""
    first, second = np.full((1, 1), 4.0), np.zeros((1, 1))
    loss = layers.layerwise_training(np.ones((1, 1)), np.full((1, 1), 2.0), first, second, 1)
    assert (first[0, 0], second[0, 0], loss) == (4.0, 0.5, -2.0)
    first, second = np.full((1, 1), 1.0), np.full((1, 1), 0.5)
    loss = layers.monolithic_training(np.ones((1, 1)), np.full((1, 1), 2.0), first, second, 0.1, 1)
    assert (first[0, 0], second[0, 0]) == pytest.approx((1.075, 0.65))
    assert loss == pytest.approx(0.125 - 1.0)


def test_one_weight_each_follows_the_sigmoid_of_saxe_mcclelland_and_ganguli() -> None:
    """a(t) = s e^(2 s t) / (e^(2 s t) - 1 + s / a_0) in continuous time, here at s = 2 and a_0 = 0.01."""
    for time in (0.5, 1.0, 1.32, 2.0, 4.0):
        first, second = np.full((1, 1), 0.1), np.full((1, 1), 0.1)
        steps = round(time / 1e-4)
        compiled("monolithic_training")(np.ones((1, 1)), np.full((1, 1), 2.0), first, second, 1e-4, steps)
        grown = np.exp(4.0 * time)
        assert first[0, 0] * second[0, 0] == pytest.approx(2.0 * grown / (grown - 1.0 + 200.0), rel=2e-3)


def best_loss(xs: Any, ys: Any, rank: int) -> float:
    """Baldi & Hornik 1989: the leading singular values of the fitted outputs."""
    fitted = xs @ np.linalg.lstsq(xs, ys)[0] / np.sqrt(len(xs))
    return -float(np.sum(np.linalg.svd(fitted, compute_uv=False)[:rank] ** 2)) / 2.0


@pytest.mark.parametrize("seed", range(1, 6))
def test_layer_by_layer_or_all_at_once_the_loss_ends_in_the_same_optimum(seed: int) -> None:
    xs, ys, first, second = layers.inputs({"n": 60, "permille": 500}, seed)
    best = best_loss(xs, ys, len(first))
    turns = compiled("layerwise_training")(xs, ys, first.copy(), second.copy(), 30)
    together = compiled("monolithic_training")(xs, ys, first, second, 0.1, 3000)
    assert turns == pytest.approx(best, rel=1e-12)
    assert together == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", range(1, 6))
def test_ten_sweeps_over_the_layers_do_better_than_a_hundred_steps_of_both(seed: int) -> None:
    xs, ys, first, second = layers.inputs({"n": 60, "permille": 500}, seed)
    best = best_loss(xs, ys, len(first))
    turns = compiled("layerwise_training")(xs, ys, first.copy(), second.copy(), 10)
    together = compiled("monolithic_training")(xs, ys, first, second, 0.1, 101)
    assert 0.0 <= turns - best + 1e-12 < together - best


def test_no_sweep_over_the_layers_raises_the_loss() -> None:
    xs, ys, first, second = layers.inputs({"n": 60, "permille": 900}, 2)
    losses = [compiled("layerwise_training")(xs, ys, first, second, 1) for _ in range(20)]
    assert all(after <= before + 1e-12 for before, after in pairwise(losses))


def test_without_a_bottleneck_one_sweep_is_the_regression() -> None:
    random = np.random.default_rng(4)
    xs, ys = random.normal(size=(30, 4)), random.normal(size=(30, 3))
    first, second = random.normal(size=(3, 4)), np.zeros((3, 3))
    layers.layerwise_training(xs, ys, first, second, 1)
    np.testing.assert_allclose(second @ first, np.linalg.lstsq(xs, ys)[0].T, atol=1e-10)


def test_inputs_that_depend_on_each_other_are_refused() -> None:
    xs = np.ones((5, 2))
    with pytest.raises(ValueError, match="not positive definite"):
        layers.layerwise_training(xs, xs, np.ones((1, 2)), np.ones((2, 1)), 1)
