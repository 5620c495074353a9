"""Curvature by products with vectors: Newton-CG, Hessian-vector products and BiCGSTAB."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess, rosen_hess_prod
from scipy.sparse.linalg import spsolve
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import krylov, newton_cg, products


def small(name: str, seed: int = 1) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs(kernel.sizes["small"], seed))


def test_the_product_with_the_rosenbrock_hessian_is_scipys() -> None:
    random = np.random.default_rng(2)
    position, vector, product = random.standard_normal(9), random.standard_normal(9), np.zeros(9)
    newton_cg.hessian_times(position, vector, product)
    np.testing.assert_allclose(product, rosen_hess_prod(position, vector), rtol=1e-12)


def test_newton_cg_ends_where_scipys_ends_in_about_as_many_steps() -> None:
    position, *rest = small("newton_cg")
    theirs = minimize(rosen, position, jac=rosen_der, hessp=rosen_hess_prod, method="Newton-CG", tol=1e-10)
    loss, steps, _ = newton_cg.newton_cg(position, *rest)
    np.testing.assert_allclose(position, theirs.x, atol=1e-5)
    assert loss <= theirs.fun
    assert steps <= 2 * theirs.nit


def test_the_first_direction_of_negative_curvature_falls_back_to_steepest_descent() -> None:
    position = np.array([0.0, 1.0, 1.0])
    gradient, direction = np.array([1.0, 0.0, 0.0]), np.zeros(3)
    assert gradient @ rosen_hess(position) @ gradient < 0.0
    assert newton_cg.truncated_direction(position, gradient, 0.1, 3, direction) == 1
    assert direction.tolist() == [-1.0, 0.0, 0.0]


def test_without_truncation_the_direction_is_newtons() -> None:
    position = np.array([0.99, 1.0, 1.01, 1.02])
    gradient, direction = rosen_der(position), np.zeros(4)
    assert newton_cg.truncated_direction(position, gradient, 1e-12, 8, direction) <= 6
    np.testing.assert_allclose(direction, -np.linalg.solve(rosen_hess(position), gradient), rtol=1e-8)


def test_the_sparse_product_is_that_of_scipys_matrices() -> None:
    starts, columns, values, margins, penalty, vector, product = small("sparse_hessian_times")
    products.sparse_hessian_times(starts, columns, values, margins, penalty, vector, product)
    matrix = sparse.csr_array((values, columns, starts), shape=(len(margins), len(vector)))
    chances = 1.0 / (1.0 + np.exp(-margins))
    weights = sparse.diags_array(chances * (1.0 - chances) / len(margins))
    np.testing.assert_allclose(product, matrix.T @ (weights @ (matrix @ vector)) + penalty * vector, atol=1e-13)


def test_the_networks_hessian_is_symmetric() -> None:
    arguments = small("network_hessian_times")
    random = np.random.default_rng(4)
    vectors = [(random.standard_normal((8, 6)), random.standard_normal(8)) for _ in range(2)]
    images = []
    for vector in vectors:
        image = np.zeros((8, 6)), np.zeros(8)
        products.network_hessian_times(*arguments[:4], *vector, *image)
        images.append(image)
    there = np.sum(vectors[1][0] * images[0][0]) + vectors[1][1] @ images[0][1]
    back = np.sum(vectors[0][0] * images[1][0]) + vectors[0][1] @ images[1][1]
    assert there == pytest.approx(back, rel=1e-12)


def test_bicgstab_solves_two_equations_in_two_iterations() -> None:
    matrix = np.array([[2.0, 1.0], [-1.0, 3.0]])
    starts, columns = np.array([0, 2, 4]), np.array([0, 1, 0, 1])
    solution = np.zeros(2)
    taken, norm = krylov.bicgstab(starts, columns, matrix.ravel(), np.array([4.0, 5.0]), solution, 1e-12, 10)
    assert taken <= 2
    assert norm < 1e-11
    np.testing.assert_allclose(solution, [1.0, 2.0], rtol=1e-12)


def test_bicgstab_says_how_far_it_came_when_the_shadow_residual_turns_orthogonal() -> None:
    starts, columns, values = np.array([0, 1, 2]), np.array([1, 0]), np.array([1.0, -1.0])
    solution = np.zeros(2)
    taken, norm = krylov.bicgstab(starts, columns, values, np.array([1.0, 0.0]), solution, 1e-12, 10)
    assert (taken, norm, solution.tolist()) == (0, 1.0, [0.0, 0.0])


def test_bicgstab_agrees_with_a_direct_solver_on_a_matrix_that_is_not_symmetric() -> None:
    starts, columns, values, right, solution, *rest = small("bicgstab")
    matrix = sparse.csr_array((values, columns, starts), shape=(len(right), len(right)))
    assert abs(matrix - matrix.T).max() > 1.0
    krylov.bicgstab(starts, columns, values, right, solution, *rest)
    np.testing.assert_allclose(solution, spsolve(matrix.tocsc(), right), atol=1e-8)


def test_a_good_guess_costs_no_iteration() -> None:
    starts, columns, values, right, solution, *rest = small("bicgstab")
    krylov.bicgstab(starts, columns, values, right, solution, *rest)
    before = solution.copy()
    assert krylov.bicgstab(starts, columns, values, right, solution, 1e-9, 10)[0] == 0
    assert solution.tolist() == before.tolist()
