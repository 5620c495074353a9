"""Newton-CG: curvature by products with vectors, and no matrix is ever stored.

Conjugate gradients need the Hessian only as a product H v, which costs about as much as a gradient. The system is
solved no more exactly than the gradient is small, so that early iterations are cheap and late ones quadratic (Dembo &
Steihaug, Mathematical Programming 26(2), 1983), and is left at the first direction of negative curvature. A
backtracking search then takes care of the length (Nocedal & Wright, Numerical Optimization, 2006, algorithm 7.1). The
objective is the chained Rosenbrock function, whose minimum is at (1, ..., 1), with the gradient that the L-BFGS
workload uses: from starts between 0 and 0.5 the valley is followed one coordinate after the other.

The calls of `hessian_times` are thousands, each short: twenty products inside each step of a loop of a hundred.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from ..lbfgs import rosenbrock
from .dense import INNER, inner


def hessian_times(position: Floats, vector: Floats, product: Floats) -> None:
    """Write the chained Rosenbrock Hessian at `position` times `vector` into `product`, all (n,), n >= 2.

    IndexError if an array is shorter than `position`.
    """
    last = len(position) - 1
    product[0] = 0.0
    for i in range(last):
        here = float(position[i])
        across = -400.0 * here
        along = 1200.0 * here * here - 400.0 * float(position[i + 1]) + 2.0
        product[i] = float(product[i]) + along * float(vector[i]) + across * float(vector[i + 1])
        product[i + 1] = across * float(vector[i]) + 200.0 * float(vector[i + 1])


def truncated_direction(position: Floats, gradient: Floats, forcing: float, limit: int, direction: Floats) -> int:
    """Write a descent direction, about -H^-1 `gradient`, into `direction`, all (n,); return the products made.

    Stops at a residual of `forcing` times |gradient|, at negative curvature, or after `limit` products.
    IndexError if an array is shorter than `gradient`.
    """
    n = len(gradient)
    residual = np.zeros(n)
    search = np.zeros(n)
    product = np.zeros(n)
    for i in range(n):
        direction[i] = 0.0
        residual[i] = float(gradient[i])
        search[i] = -float(gradient[i])
    square = inner(residual, residual)
    enough = forcing * forcing * square
    for made in range(limit):
        hessian_times(position, search, product)
        curvature = inner(search, product)
        if curvature <= 0.0:
            if made == 0:
                for i in range(n):
                    direction[i] = float(search[i])
            return made + 1
        length = square / curvature
        for i in range(n):
            direction[i] = float(direction[i]) + length * float(search[i])
            residual[i] = float(residual[i]) + length * float(product[i])
        previous = square
        square = inner(residual, residual)
        if square <= enough:
            return made + 1
        turn = square / previous
        for i in range(n):
            search[i] = turn * float(search[i]) - float(residual[i])
    return limit


def newton_cg(position: Floats, tolerance: float, limit: int) -> tuple[float, int, int]:
    """Minimise the chained Rosenbrock function in place from `position`, (n,), n >= 2.

    Return the loss, the steps taken and the Hessian-vector products made. Ends when |gradient| is at most
    `tolerance`, when no length lowers the loss, or after `limit` steps.
    """
    n = len(position)
    gradient = np.zeros(n)
    direction = np.zeros(n)
    trial = np.zeros(n)
    scratch = np.zeros(n)
    loss = rosenbrock(position, gradient)
    products = 0
    for taken in range(limit):
        norm = math.sqrt(inner(gradient, gradient))
        if norm <= tolerance:
            return loss, taken, products
        products += truncated_direction(position, gradient, min(0.5, math.sqrt(norm)), n, direction)
        slope = inner(gradient, direction)
        reached = loss
        length = 1.0
        for _ in range(50):
            for i in range(n):
                trial[i] = float(position[i]) + length * float(direction[i])
            reached = rosenbrock(trial, scratch)
            if reached <= loss + 1e-4 * length * slope:
                break
            length *= 0.5
        if not reached < loss:
            return loss, taken, products
        loss = reached
        for i in range(n):
            position[i] = float(trial[i])
            gradient[i] = float(scratch[i])
    return loss, limit, products


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start between 0 and 0.5 in `n` coordinates."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(0.0, 0.5, size["n"]), 1e-9, 20 * size["n"]


def checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The minimum is at ones, and conjugate gradients end within n products each."""
    return [
        Check("position", after[0], np.ones_like(after[0]), 1e-8, "the minimum of the Rosenbrock function"),
        Check("loss", result[0], 0.0, 1e-16, "the minimum of the Rosenbrock function"),
        Check("products above n per step", max(0, result[2] - len(after[0]) * result[1]), 0, 0.0, "conjugacy"),
    ]


KERNELS = (
    Kernel(
        name="newton_cg",
        family="curvature",
        summary="Newton-CG with exact Hessian-vector products on the chained Rosenbrock function",
        units=(
            Unit(newton_cg, ("steps", "trial lengths", "coordinates", "coordinates")),
            Unit(truncated_direction, ("coordinates", "products", "coordinates", "coordinates", "coordinates")),
            Unit(hessian_times, ("coordinates",)),
            Unit(rosenbrock, ("coordinates",)),
            INNER,
        ),
        signature="Tuple((float64, int64, int64))(float64[::1], float64, int64)",
        sizes={"small": {"n": 16}, "medium": {"n": 180}, "large": {"n": 560}},
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
