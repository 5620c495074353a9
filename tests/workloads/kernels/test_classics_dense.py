"""Short inner loops of every length that they are meant for, against SciPy and NumPy, and where they must fail."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.cluster.vq
import scipy.linalg
import scipy.signal
from numpy.polynomial import chebyshev
from tiering.workloads.kernels.classics.clusters import kmeans_step
from tiering.workloads.kernels.classics.dense import (
    matmul_batch,
    matmul_chain,
    power_iteration,
    small_matmul,
    solve_batch,
)
from tiering.workloads.kernels.classics.filters import convolve_2d, exponential_smoothing, fir_filter, prefix_sum
from tiering.workloads.kernels.classics.polynomials import clenshaw, horner, power_law, power_sums

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("n", [3, 4, 8, 16, 32])
def test_small_products_are_those_of_blas(n: int) -> None:
    left, right = RANDOM.normal(size=(2, n, n))
    one, many = np.zeros((n, n)), np.zeros((2, n, n))
    small_matmul(left, right, one)
    matmul_batch(np.stack([left, right]), np.stack([right, left]), many)
    np.testing.assert_allclose(one, left @ right, rtol=0, atol=1e-13)
    np.testing.assert_allclose(many, [left @ right, right @ left], rtol=0, atol=1e-13)


def test_products_need_not_be_square() -> None:
    left, right, product = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(3, 5)), np.zeros((2, 5))
    small_matmul(left, right, product)
    np.testing.assert_allclose(product, left @ right, rtol=0, atol=1e-14)


def test_a_chain_of_rotations_adds_their_angles() -> None:
    def turn(angle: float) -> np.ndarray:
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    angles = RANDOM.uniform(-1.0, 1.0, 30)
    product = np.eye(2)
    matmul_chain(np.array([turn(angle) for angle in angles]), product, np.zeros((2, 2)))
    np.testing.assert_allclose(product, turn(angles.sum()), rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [1, 3, 8])
def test_small_systems_are_solved(n: int) -> None:
    systems, rights = RANDOM.normal(size=(5, n, n)) + 3.0 * n * np.eye(n), RANDOM.normal(size=(5, n))
    expected = [scipy.linalg.solve(system, right) for system, right in zip(systems, rights, strict=True)]
    solve_batch(systems, rights)
    np.testing.assert_allclose(rights, expected, rtol=0, atol=1e-13)


def test_a_zero_pivot_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        solve_batch(np.array([[[0.0, 1.0], [1.0, 0.0]]]), np.ones((1, 2)))


def test_power_iteration_finds_the_larger_eigenvalue_of_a_known_matrix() -> None:
    vector = np.array([1.0, 0.0])
    assert power_iteration(np.array([[2.0, 1.0], [1.0, 2.0]]), vector, np.zeros(2), 60) == pytest.approx(3.0, abs=1e-14)
    np.testing.assert_allclose(vector, [0.5**0.5, 0.5**0.5], rtol=0, atol=1e-14)


@pytest.mark.parametrize("taps", [3, 5, 9])
def test_filters_of_three_to_nine_taps_are_correlations(taps: int) -> None:
    signal, weights = RANDOM.normal(size=200), RANDOM.normal(size=taps)
    filtered = np.zeros(201 - taps)
    fir_filter(signal, weights, filtered)
    np.testing.assert_allclose(filtered, scipy.signal.correlate(signal, weights, "valid"), rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 5)])
def test_two_dimensional_filters_are_correlations(shape: tuple[int, int]) -> None:
    image, weights = RANDOM.normal(size=(20, 30)), RANDOM.normal(size=shape)
    filtered = np.zeros((21 - shape[0], 31 - shape[1]))
    convolve_2d(image, weights, filtered)
    np.testing.assert_allclose(filtered, scipy.signal.correlate2d(image, weights, "valid"), rtol=0, atol=1e-13)


def test_smoothing_is_a_recursive_filter() -> None:
    signal, smoothed = RANDOM.normal(size=300), np.zeros(300)
    last = exponential_smoothing(signal, smoothed, 0.2, 1)
    np.testing.assert_allclose(smoothed, scipy.signal.lfilter([0.2], [1.0, -0.8], signal), rtol=0, atol=1e-14)
    assert last == smoothed[-1]


def test_prefix_sums_of_ones_are_figurate_numbers() -> None:
    sums = np.zeros(5, np.int64)
    assert prefix_sum(np.ones(5, np.int64), sums, 2) == 15
    assert sums.tolist() == [1, 3, 6, 10, 15]


@pytest.mark.parametrize("degree", [4, 8, 16])
def test_polynomials_of_degree_4_to_16_agree_with_numpy(degree: int) -> None:
    points, coefficients, values = RANDOM.uniform(-1, 1, 50), RANDOM.normal(size=degree + 1), np.zeros(50)
    horner(points, coefficients, values)
    np.testing.assert_allclose(values, np.polyval(coefficients, points), rtol=0, atol=1e-13)
    clenshaw(points, coefficients, values)
    np.testing.assert_allclose(values, chebyshev.chebval(points, coefficients), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("exponent", "total"), [(0, 100), (1, 5050), (2, 338350), (3, 5050**2)])
def test_sums_of_the_first_hundred_powers_are_those_of_the_textbook(exponent: int, total: int) -> None:
    sums = np.zeros(1, np.int64)
    power_sums(np.array([100]), exponent, sums)
    assert sums.tolist() == [total]


def test_the_square_by_pow_is_at_most_a_bit_from_the_product_and_seldom_that() -> None:
    """Why a constant exponent of floats cannot be folded: the C library may round otherwise than a multiplication."""
    values = np.random.default_rng(1).uniform(0.5, 1.0, 20000)
    powers = np.zeros(20000)
    power_law(values, 2.0, powers, 1)
    np.testing.assert_allclose(powers, values * values, rtol=3e-16)
    assert np.count_nonzero(powers != values * values) < 100


def test_one_step_of_k_means_is_scipys() -> None:
    points, centres = RANDOM.normal(size=(300, 3)), RANDOM.normal(size=(4, 3))
    expected, labels = scipy.cluster.vq.kmeans2(points, centres.copy(), iter=1, minit="matrix")
    found, counts = np.zeros(300, np.int64), np.zeros(4, np.int64)
    kmeans_step(points, centres, found, np.zeros((4, 3)), counts)
    np.testing.assert_allclose(centres, expected, rtol=0, atol=1e-13)
    assert found.tolist() == labels.tolist()
    assert counts.sum() == 300


def test_k_means_never_moves_away_and_keeps_a_centre_without_points() -> None:
    points = RANDOM.normal(size=(200, 2))
    centres = np.concatenate([points[:3], [[1e3, 1e3]]])
    scratch = np.zeros(200, np.int64), np.zeros((4, 2)), np.zeros(4, np.int64)
    distances = [kmeans_step(points, centres, *scratch) for _ in range(12)]
    assert distances == sorted(distances, reverse=True)
    assert centres[3].tolist() == [1e3, 1e3]
