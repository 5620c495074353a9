"""Gathers, stencils and divisions against SciPy, and the cases that the inputs of the kernels leave out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.sparse
import scipy.special
from tiering.workloads import zoo
from tiering.workloads.kernels.classics import branches, divisions, flat, gathers, orbits, scaling, sparse, stencils

RANDOM = np.random.default_rng(6)


def test_three_ways_of_writing_jacobi_give_the_same_bits() -> None:
    size = zoo.kernel("jacobi").sizes["small"]
    ends = []
    for name in ("jacobi", "jacobi_flat", "jacobi_masked"):
        arguments = zoo.kernel(name).inputs(size, 4)
        zoo.kernel(name).entry(*arguments)
        ends.append(arguments[0].tobytes())
    assert ends[0] == ends[1] == ends[2]


def test_a_blocked_cell_keeps_its_value_and_is_a_source_for_its_neighbours() -> None:
    grid, blocked = np.zeros((5, 5)), np.zeros((5, 5), np.bool_)
    grid[2, 2], blocked[2, 2] = 4.0, True
    stencils.jacobi_masked(grid, np.zeros((5, 5)), blocked, 200)
    assert grid[2, 2] == 4.0  # sides a = (4 + 2 b) / 4, corners b = 2 a / 4
    np.testing.assert_allclose([grid[1, 2], grid[1, 1]], [4.0 / 3.0, 2.0 / 3.0], atol=1e-12)


def test_diffusion_in_a_box_is_a_convolution() -> None:
    kernel = zoo.kernel("heat_box")
    heat, other, height, width, share, pairs = kernel.inputs({"n": 6, "pairs": 1}, 1)
    cube, weights = heat.reshape(8, 8, 8).copy(), np.zeros((3, 3, 3))
    weights[1, 1, :] = weights[1, :, 1] = weights[:, 1, 1] = share
    weights[1, 1, 1] = 1.0 - 6.0 * share
    kernel.entry(heat, other, height, width, share, pairs)
    for _ in range(2):
        cube[1:-1, 1:-1, 1:-1] = scipy.ndimage.correlate(cube, weights)[1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(heat, cube.reshape(-1), rtol=0, atol=1e-14)


def test_gathers_and_scatters_are_numpys() -> None:
    values, index = RANDOM.normal(size=20), RANDOM.integers(0, 20, 50)
    assert gathers.gather_sum(values, index, 1) == pytest.approx(values[index].sum(), abs=1e-13)
    totals, expected = np.zeros(20), np.zeros(20)
    gathers.scatter_add(totals, index, RANDOM.normal(size=50), 0)
    assert not totals.any()
    weights = RANDOM.normal(size=50)
    gathers.scatter_add(totals, index, weights, 1)
    np.add.at(expected, index, weights)
    np.testing.assert_allclose(totals, expected, rtol=0, atol=1e-14)
    counts = np.zeros(20, np.int64)
    gathers.histogram(counts, index, 3)
    assert counts.tolist() == (3 * np.bincount(index, minlength=20)).tolist()


@pytest.mark.parametrize("bad", [-21, 20])
def test_an_index_beyond_the_array_is_an_error(bad: int) -> None:
    with pytest.raises(IndexError):
        gathers.gather_sum(np.zeros(20), np.array([0, bad]), 1)


def test_sparse_products_are_scipys_for_rows_of_any_length() -> None:
    matrix = scipy.sparse.random(30, 30, 0.1, format="csr", rng=np.random.default_rng(2))
    state = RANDOM.normal(size=30)
    expected = matrix @ (matrix @ state)
    sparse.csr_diffusion(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data, state, np.zeros(30), 2
    )
    np.testing.assert_allclose(state, expected, rtol=0, atol=1e-14)


def test_bilinear_interpolation_is_scipys_spline_of_order_one() -> None:
    grids, points = RANDOM.normal(size=(2, 9, 12)), RANDOM.uniform(0, 1, (2, 40)) * np.array([[8.0], [11.0]])
    corner = np.floor(points).astype(np.int64)
    offset, sampled = points - corner, np.zeros((2, 40))
    sparse.bilinear(grids, corner[0], corner[1], offset[0], offset[1], sampled)
    expected = [scipy.ndimage.map_coordinates(grid, points, order=1) for grid in grids]
    np.testing.assert_allclose(sampled, expected, rtol=0, atol=1e-13)


def test_the_summed_area_of_ones_is_the_area() -> None:
    sums = np.zeros(12)
    flat.summed_area(np.ones(12), sums, 4)
    assert sums.reshape(3, 4).tolist() == [[1, 2, 3, 4], [2, 4, 6, 8], [3, 6, 9, 12]]


def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient() -> None:
    position = np.zeros(3)
    divisions.adam_linear(position, np.array([1e-3, 1.0, -50.0]), np.zeros(3), np.zeros(3), 0.25, 1e-12, 1)
    np.testing.assert_allclose(position, [-0.25, -0.25, 0.25], rtol=1e-8)


def test_a_point_beside_the_camera_cannot_be_projected() -> None:
    screens = np.zeros(1), np.zeros(1)
    with pytest.raises(ZeroDivisionError):
        divisions.perspective(np.zeros(1), np.ones(1), np.array([-2.0]), *screens, 0.0, 2.0)
    divisions.perspective(np.ones(1), np.full(1, 3.0), np.zeros(1), *screens, 0.0, 2.0)
    assert (screens[0][0], screens[1][0]) == (0.5, 1.5)


def test_softmax_is_scipys_and_does_not_overflow() -> None:
    scores = RANDOM.normal(size=(3, 7)) * 1000.0
    weights = np.zeros((3, 7))
    scaling.softmax(scores, weights)
    np.testing.assert_allclose(weights, scipy.special.softmax(scores, axis=1), rtol=1e-11, atol=1e-300)


def test_a_row_of_equal_numbers_cannot_be_standardized() -> None:
    with pytest.raises(ZeroDivisionError):
        scaling.standardize(np.ones((1, 4)))


def test_tridiagonal_elimination_is_scipys() -> None:
    lower, upper, right = RANDOM.uniform(-1, 1, (3, 12))
    middle, solution = np.full(12, 3.0), np.zeros(12)
    scaling.thomas(lower, middle, upper, right, solution, np.zeros(12))
    bands = np.array([np.roll(upper, 1), middle, np.roll(lower, -1)])
    np.testing.assert_allclose(solution, scipy.linalg.solve_banded((1, 1), bands, right), rtol=0, atol=1e-14)


def test_exponents_out_of_the_polynomials_range_go_to_the_c_library() -> None:
    energies = np.array([0.0, 0.4, 3.0, -700.0])
    factors = np.zeros(4)
    branches.boltzmann_factors(energies, np.array([1.0]), factors)
    assert factors[[0, 2, 3]].tolist() == [1.0, math.exp(-3.0), math.exp(700.0)]
    assert factors[1] == pytest.approx(math.exp(-0.4), rel=1e-9)


def test_a_missing_reading_takes_the_last_before_it() -> None:
    readings, mean = np.array([math.nan, 2.0, math.nan, math.nan, 5.0]), np.zeros(5)
    assert branches.calibrate(readings, np.array([1.0, 3.0]), np.zeros(2), mean) == 6
    assert mean.tolist() == [0.0, 4.0, 4.0, 4.0, 10.0]


@pytest.mark.parametrize(("rate", "end"), [(0.5, 0.0), (2.5, 0.6), (2.9, 1.0 - 1.0 / 2.9)])
def test_below_a_rate_of_three_the_logistic_map_comes_to_rest(rate: float, end: float) -> None:
    state, exponent = orbits.logistic_map(0.3, rate, 2000)
    assert state == pytest.approx(end, abs=1e-12)
    assert exponent == pytest.approx(math.log(abs(rate * (1.0 - 2.0 * end))), abs=2e-2)


def test_at_a_rate_of_four_the_logistic_map_doubles_its_errors() -> None:
    one, _ = orbits.logistic_map(0.3, 4.0, 30)
    other, _ = orbits.logistic_map(0.3 + 1e-12, 4.0, 30)
    assert 1e-5 < abs(one - other) < 1e-1
    assert orbits.logistic_map(0.3, 4.0, 20000)[1] == pytest.approx(math.log(2.0), abs=1e-3)
