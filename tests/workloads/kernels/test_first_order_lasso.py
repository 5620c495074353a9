"""LASSO: closed forms, bounds of both methods, and SciPy's answer to the same problem as one with bounds."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.optimize import minimize
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.first_order.lasso import duality_gap, lasso_inputs


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def correlated(seed: int) -> tuple[Any, Any, float]:
    """A problem whose columns are much alike, so that plain steps are slow; and its Lipschitz constant."""
    random = np.random.Generator(np.random.PCG64(seed))
    matrix = random.standard_normal((60, 30)) + 3.0 * random.standard_normal((60, 1))
    target = matrix @ np.where(np.arange(30) % 5 == 0, 1.0, 0.0) + 0.1 * random.standard_normal(60)
    return matrix, target, float(np.linalg.eigvalsh(matrix.T @ matrix / 60)[-1])


def value(matrix: Any, target: Any, weights: Any, penalty: float) -> float:
    return float(np.mean((matrix @ weights - target) ** 2)) / 2.0 + penalty * float(np.abs(weights).sum())


@pytest.mark.parametrize("name", ["ista_lasso", "fista_lasso"])
def test_orthogonal_columns_make_soft_thresholding_the_answer_in_one_step(name: str) -> None:
    random = np.random.Generator(np.random.PCG64(1))
    matrix = np.sqrt(8.0) * np.ascontiguousarray(np.linalg.qr(random.standard_normal((8, 5)))[0])
    target, weights = 3.0 * random.standard_normal(8), np.zeros(5)
    alive = compiled(name)(matrix, target, weights, 0.8, 1.0, 1)
    plain = matrix.T @ target / 8.0
    np.testing.assert_allclose(weights, np.sign(plain) * np.maximum(np.abs(plain) - 0.8, 0.0), atol=1e-14)
    assert alive == np.count_nonzero(weights)
    assert 0 < alive < 5


@pytest.mark.parametrize("name", ["ista_lasso", "fista_lasso"])
def test_the_penalty_that_ends_all_weights_is_the_largest_slope_at_zero(name: str) -> None:
    matrix, target, start, _, rate, _ = lasso_inputs({"n": 12, "steps": 1}, 1)
    edge = float(np.abs(matrix.T @ target).max()) / len(target)
    for penalty, alive in ((1.001 * edge, 0), (0.999 * edge, 1)):
        assert compiled(name)(matrix, target, start.copy(), penalty, rate, 300) == alive


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_methods_keep_their_bounds_and_the_accelerated_one_is_ahead(seed: int) -> None:
    matrix, target, constant = correlated(seed)
    best = np.zeros(30)
    compiled("fista_lasso")(matrix, target, best, 0.1, 1.0 / constant, 100_000)
    assert duality_gap(matrix, target, best, 0.1) < 1e-9
    far = constant * float(best @ best)
    least = value(matrix, target, best, 0.1)
    for k in (1, 3, 10, 30, 100, 300, 1000):
        plain, ahead = np.zeros(30), np.zeros(30)
        compiled("ista_lasso")(matrix, target, plain, 0.1, 1.0 / constant, k)
        compiled("fista_lasso")(matrix, target, ahead, 0.1, 1.0 / constant, k)
        assert value(matrix, target, plain, 0.1) - least <= far / (2 * k)
        assert value(matrix, target, ahead, 0.1) - least <= 2.0 * far / (k + 1) ** 2
    assert value(matrix, target, ahead, 0.1) - least < 0.1 * (value(matrix, target, plain, 0.1) - least)


@pytest.mark.parametrize("name", ["ista_lasso", "fista_lasso"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_answer_is_that_of_scipy_with_a_positive_and_a_negative_part(name: str, seed: int) -> None:
    matrix, target, weights, penalty, rate, _ = lasso_inputs({"n": 12, "steps": 1}, seed)

    def split(parts: Any) -> tuple[float, Any]:
        residual = matrix @ (parts[:12] - parts[12:]) - target
        slope = matrix.T @ residual / len(target)
        loss = float(residual @ residual) / (2 * len(target)) + penalty * float(parts.sum())
        return loss, np.concatenate([slope, -slope]) + penalty

    peer = minimize(
        split,
        np.zeros(24),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * 24,
        options={"ftol": 0.0, "gtol": 1e-10, "maxiter": 5000},
    )
    compiled(name)(matrix, target, weights, penalty, rate, 2000)
    np.testing.assert_allclose(weights, peer.x[:12] - peer.x[12:], atol=1e-6)


def test_the_duality_gap_is_never_negative_and_closes_at_the_answer() -> None:
    matrix, target, weights, penalty, rate, _ = lasso_inputs({"n": 12, "steps": 1}, 1)
    random = np.random.Generator(np.random.PCG64(1))
    for _ in range(20):
        assert duality_gap(matrix, target, random.standard_normal(12), penalty) > 0.0
    compiled("ista_lasso")(matrix, target, weights, penalty, rate, 2000)
    assert abs(duality_gap(matrix, target, weights, penalty)) < 1e-12
