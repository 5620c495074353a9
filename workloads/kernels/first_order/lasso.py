"""LASSO by proximal gradient, plain and accelerated: a smooth loss, and a corner at 0 that makes weights vanish.

Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58(1), 1996, for the problem |A w - b|^2 / 2m +
penalty * |w|_1; Daubechies, Defrise & De Mol 2004 and Beck & Teboulle, "A fast iterative shrinkage-thresholding
algorithm", SIAM J. Imaging Sciences 2(1), 2009, for ISTA and FISTA. A step descends on the loss and then moves each
weight towards 0 by rate * penalty, but not past it. The step stands as a kernel of its own, too.

There is a certificate: the residual, scaled into the dual's feasible set, bounds the minimum from below (Kim, Koh,
Lustig, Boyd & Gorinevsky 2007), so a small duality gap proves the answer without another solver. The checks ask for the
gap, and for the conditions of Karush, Kuhn and Tucker: a slope of -penalty * sign(w) where w is not 0, and of at most
penalty where it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .descent import least_squares_gradient


def soft_threshold_step(position: Floats, gradient: Floats, rate: float, threshold: float) -> int:
    """Move `position` by -`rate` times `gradient` and then by up to `threshold` towards 0; both have shape (n,).

    Returns how many coordinates are not 0 then. `position` is changed in place. IndexError if `gradient` is shorter.
    """
    alive = 0
    for j in range(len(position)):
        there = float(position[j]) - rate * float(gradient[j])
        if there > threshold:
            position[j] = there - threshold
            alive += 1
        elif there < -threshold:
            position[j] = there + threshold
            alive += 1
        else:
            position[j] = 0.0
    return alive


def ista_lasso(matrix: Floats, target: Floats, position: Floats, penalty: float, rate: float, steps: int) -> int:
    """Take `steps` steps of proximal gradient in place; return how many weights are not 0 at the end.

    `matrix` has shape (m, n), `target` (m,), `position` (n,). IndexError if a length does not fit; ZeroDivisionError
    if there is no row.
    """
    gradient = np.zeros_like(position)
    alive = 0
    for _ in range(steps):
        least_squares_gradient(matrix, target, position, gradient)
        alive = soft_threshold_step(position, gradient, rate, rate * penalty)
    return alive


def fista_lasso(matrix: Floats, target: Floats, position: Floats, penalty: float, rate: float, steps: int) -> int:
    """`ista_lasso` with Nesterov's momentum, in the sequence of Beck & Teboulle."""
    gradient, previous = np.zeros_like(position), position.copy()
    alive, weight = 0, 1.0
    ahead = position.copy()
    for _ in range(steps):
        least_squares_gradient(matrix, target, ahead, gradient)
        alive = soft_threshold_step(ahead, gradient, rate, rate * penalty)
        following = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * weight * weight))
        momentum = (weight - 1.0) / following
        weight = following
        for j in range(len(position)):
            here = float(ahead[j])
            position[j] = here
            ahead[j] = here + momentum * (here - float(previous[j]))
            previous[j] = here
    return alive


def step_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A position, a normal gradient, and a threshold that about half of the coordinates do not reach."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.uniform(-1.0, 1.0, n), random.standard_normal(n), 0.1, 0.5


def lasso_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Normal rows, twice as many as columns; every fourth weight is planted, the others are 0. The start is 0."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    matrix = random.standard_normal((2 * n, n))
    planted = np.where(np.arange(n) % 4 == 0, random.choice([-1.0, 1.0], n) * random.uniform(0.5, 2.0, n), 0.0)
    target = matrix @ planted + 0.1 * random.standard_normal(2 * n)
    return matrix, target, np.zeros(n), 0.1, 0.3, size["steps"]


def step_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """What is cut off is the nearest point of the interval (Moreau's decomposition)."""
    position, gradient, rate, threshold = before
    there = position - rate * gradient
    return [
        Check("position", after[0], there - np.clip(there, -threshold, threshold), 1e-15, "Moreau's decomposition"),
        Check("not zero", result, int(np.count_nonzero(np.abs(there) > threshold)), 0.0, "definition"),
    ]


def duality_gap(matrix: Floats, target: Floats, position: Floats, penalty: float) -> float:
    """How far the value at `position` can be above the minimum of |A w - b|^2 / 2m + penalty |w|_1, at most."""
    m = len(target)
    residual = target - matrix @ position
    primal = float(residual @ residual) / (2 * m) + penalty * float(np.sum(np.abs(position)))
    feasible = residual * min(1.0, penalty * m / float(np.max(np.abs(matrix.T @ residual))))
    return primal - float(target @ target - (target - feasible) @ (target - feasible)) / (2 * m)


def lasso_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The duality gap and the conditions at a minimum."""
    matrix, target, _, penalty, _, _ = before
    weights = after[2]
    slope = matrix.T @ (matrix @ weights - target) / len(target)
    optimal = np.where(weights != 0.0, -penalty * np.sign(weights), np.clip(slope, -penalty, penalty))
    return [
        Check(
            "duality gap", duality_gap(matrix, target, weights, penalty), 0.0, 1e-5, "weak duality (Kim et al. 2007)"
        ),
        Check("slope", slope, optimal, 1e-5, "conditions of Karush, Kuhn and Tucker"),
        Check("not zero", result, int(np.count_nonzero(weights)), 0.0, "numpy.count_nonzero"),
    ]


LOSS = Unit(least_squares_gradient, ("columns", "rows", "columns", "columns"))
PROX = Unit(soft_threshold_step, ("columns",))
SIGNATURE = "int64(float64[:, ::1], float64[::1], float64[::1], float64, float64, int64)"

KERNELS = (
    Kernel(
        name="soft_threshold_step",
        family="first_order",
        summary="one step of proximal gradient for an absolute penalty, on a given gradient",
        units=(Unit(soft_threshold_step, ("coordinates",)),),
        signature="int64(float64[::1], float64[::1], float64, float64)",
        sizes={"small": {"n": 40_000}, "medium": {"n": 2_000_000}, "large": {"n": 15_000_000}},
        inputs=step_inputs,
        checks=step_checks,
        bets={},
    ),
    Kernel(
        name="ista_lasso",
        family="first_order",
        summary="LASSO by proximal gradient",
        units=(Unit(ista_lasso, ("steps",)), LOSS, PROX),
        signature=SIGNATURE,
        sizes={
            "small": {"n": 12, "steps": 150},
            "medium": {"n": 60, "steps": 250},
            "large": {"n": 160, "steps": 400},
        },
        inputs=lasso_inputs,
        checks=lasso_checks,
        bets={},
    ),
    Kernel(
        name="fista_lasso",
        family="first_order",
        summary="LASSO by accelerated proximal gradient",
        units=(Unit(fista_lasso, ("steps", "columns")), LOSS, PROX),
        signature=SIGNATURE,
        sizes={
            "small": {"n": 12, "steps": 150},
            "medium": {"n": 60, "steps": 250},
            "large": {"n": 160, "steps": 400},
        },
        inputs=lasso_inputs,
        checks=lasso_checks,
        bets={},
    ),
)
