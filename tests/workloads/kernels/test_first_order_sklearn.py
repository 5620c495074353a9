"""LASSO and cost-sensitive regression end where scikit-learn does."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import bound

linear = pytest.importorskip("sklearn.linear_model")


@pytest.mark.parametrize("name", ["ista_lasso", "fista_lasso"])
def test_lasso_has_the_weights_of_scikit_learn(name: str) -> None:
    kernel = zoo.kernel(name)
    matrix, target, weights, penalty, rate, steps = kernel.inputs(kernel.sizes["medium"], 1)
    bound(kernel, numba.njit(boundscheck=True))(matrix, target, weights, penalty, rate, steps)
    peer = linear.Lasso(alpha=penalty, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(matrix, target)
    np.testing.assert_allclose(weights, peer.coef_, atol=1e-9)
    assert np.count_nonzero(weights) == np.count_nonzero(peer.coef_)


def test_balanced_costs_and_l2_have_the_weights_of_scikit_learn() -> None:
    kernel = zoo.kernel("adam_l2_imbalance")
    arguments = kernel.inputs(kernel.sizes["medium"], 1)
    bound(kernel, numba.njit(boundscheck=True))(*arguments)
    features, labels, weights, decay = arguments[0], arguments[1], arguments[4], arguments[6]
    peer = linear.LogisticRegression(
        C=1.0 / (len(labels) * decay), class_weight="balanced", fit_intercept=False, tol=1e-12, solver="newton-cholesky"
    ).fit(features, labels)
    np.testing.assert_allclose(weights, peer.coef_[0], atol=1e-5)
