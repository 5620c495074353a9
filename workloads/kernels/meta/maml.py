"""Model-agnostic meta-learning on linear regressions, where the gradient through the inner step has a closed form.

Finn, Abbeel & Levine, "Model-agnostic meta-learning for fast adaptation of deep networks", ICML 2017, algorithm 1: a
task is adapted to by one gradient step on its support set, w' = w - a g_s(w), and the start w is moved against the
gradient of the query loss at w'. The chain rule puts (I - a H_s) in front of g_q(w'); first-order MAML drops it.
H_s is never formed: it is applied to the query gradient, as any implementation for more than toy sizes has to.

On linear regression the query loss after the step is quadratic in w (Collins, Mokhtari, Oh & Shakkottai, "MAML and
ANIL provably learn representations", ICML 2022, start from this). Hence every iterate of the outer descent is
known from the eigenvalues of one matrix, and a dropped Hessian would show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def regression_gradient(features: Floats, targets: Floats, weights: Floats, gradient: Floats) -> float:
    """Write the gradient of the mean of (x.w - y)^2 / 2 into `gradient`; return that mean.

    `features` has shape (n, d), `targets` (n,), `weights` and `gradient` (d,). ZeroDivisionError without samples.
    """
    share = 1.0 / len(targets)
    loss = 0.0
    for j in range(len(weights)):
        gradient[j] = 0.0
    for i in range(len(targets)):
        residual = -float(targets[i])
        for j in range(len(weights)):
            residual += float(features[i, j]) * float(weights[j])
        loss += 0.5 * share * residual * residual
        for j in range(len(weights)):
            gradient[j] = float(gradient[j]) + share * residual * float(features[i, j])
    return loss


def hessian_product(features: Floats, vector: Floats, product: Floats) -> None:
    """Write X'X v / n into `product`, shape (d,), for `features` X of shape (n, d) and `vector` v of shape (d,)."""
    share = 1.0 / len(features)
    for j in range(len(vector)):
        product[j] = 0.0
    for i in range(len(features)):
        along = 0.0
        for j in range(len(vector)):
            along += float(features[i, j]) * float(vector[j])
        for j in range(len(vector)):
            product[j] = float(product[j]) + share * along * float(features[i, j])


def maml_regression(
    weights: Floats,
    support: Floats,
    support_targets: Floats,
    query: Floats,
    query_targets: Floats,
    inner_rate: float,
    outer_rate: float,
    steps: int,
) -> float:
    """Move the start `weights`, shape (d,), by `steps` outer steps over all tasks, in place.

    `support` has shape (tasks, n, d) and `query` (tasks, m, d), their targets one axis less. Returns the query loss
    after adaptation, averaged over tasks, before the last step.
    """
    tasks = len(support_targets)
    adapted = np.zeros_like(weights)
    gradient = np.zeros_like(weights)
    product = np.zeros_like(weights)
    total = np.zeros_like(weights)
    loss = 0.0
    for _ in range(steps):
        loss = 0.0
        for j in range(len(weights)):
            total[j] = 0.0
        for t in range(tasks):
            regression_gradient(support[t], support_targets[t], weights, gradient)
            for j in range(len(weights)):
                adapted[j] = float(weights[j]) - inner_rate * float(gradient[j])
            loss += regression_gradient(query[t], query_targets[t], adapted, gradient)
            hessian_product(support[t], gradient, product)
            for j in range(len(weights)):
                total[j] = float(total[j]) + float(gradient[j]) - inner_rate * float(product[j])
        for j in range(len(weights)):
            weights[j] = float(weights[j]) - outer_rate / tasks * float(total[j])
    return loss / tasks


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Tasks whose weights scatter by 0.3 about common ones; noise 0.1; the start is at the origin."""
    random = np.random.Generator(np.random.PCG64(seed))
    tasks, features = size["tasks"], size["features"]
    truth = random.normal(size=features) + 0.3 * random.normal(size=(tasks, features))
    support = random.normal(size=(tasks, size["shots"], features))
    query = random.normal(size=(tasks, size["queries"], features))
    support_targets = np.einsum("tnd,td->tn", support, truth) + 0.1 * random.normal(size=support.shape[:2])
    query_targets = np.einsum("tnd,td->tn", query, truth) + 0.1 * random.normal(size=query.shape[:2])
    return np.zeros(features), support, support_targets, query, query_targets, 0.1, 0.5, size["steps"]


def meta_quadratic(arguments: tuple[Any, ...]) -> tuple[Any, Any, float]:
    """M, v and c such that the adapted query loss is w'Mw / 2 - v'w + c, for the arguments of `maml_regression`."""
    weights, support, support_targets, query, query_targets, rate = arguments[:6]
    shots, queries, tasks = support.shape[1], query.shape[1], len(query)
    hessian = np.einsum("tni,tnj->tij", support, support) / shots
    moment = np.einsum("tni,tn->ti", support, support_targets) / shots
    slope = query @ (np.eye(len(weights)) - rate * hessian)
    offset = query_targets - rate * np.einsum("tmi,ti->tm", query, moment)
    matrix = np.einsum("tmi,tmj->ij", slope, slope) / (queries * tasks)
    vector = np.einsum("tmi,tm->i", slope, offset) / (queries * tasks)
    return matrix, vector, 0.5 * float(np.mean(offset * offset))


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Outer descent on the quadratic goes geometrically along each eigenvector to the minimum of all tasks."""
    start, rate, steps = before[0], before[6], before[7]
    matrix, vector, constant = meta_quadratic(before)
    best = np.linalg.solve(matrix, vector)
    values, vectors = np.linalg.eigh(matrix)
    end = best + vectors @ ((1.0 - rate * values) ** steps * (vectors.T @ (start - best)))
    almost = best + vectors @ ((1.0 - rate * values) ** (steps - 1) * (vectors.T @ (start - best)))
    value = 0.5 * float(almost @ matrix @ almost) - float(vector @ almost) + constant
    return [
        Check("weights", after[0], end, 1e-9, "closed form: eigenvalues of the adapted quadratic"),
        Check("query loss", result, value, 1e-9 * (1.0 + constant), "closed form of the adapted quadratic"),
    ]


KERNELS = (
    Kernel(
        name="maml_regression",
        family="meta",
        summary="MAML on linear regressions: outer descent through one inner gradient step per task",
        units=(
            Unit(maml_regression, ("steps", "features", "tasks", "features", "features", "features")),
            Unit(regression_gradient, ("features", "samples", "features", "features")),
            Unit(hessian_product, ("features", "samples", "features", "features")),
        ),
        signature="float64(float64[::1], float64[:,:,::1], float64[:,::1], float64[:,:,::1], float64[:,::1], "
        "float64, float64, int64)",
        sizes={
            "small": {"tasks": 4, "shots": 5, "queries": 10, "features": 8, "steps": 40},
            "medium": {"tasks": 16, "shots": 5, "queries": 10, "features": 8, "steps": 600},
            "large": {"tasks": 64, "shots": 5, "queries": 10, "features": 8, "steps": 1500},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "the 8 features: every innermost loop runs over them, twice per sample"},
    ),
)
