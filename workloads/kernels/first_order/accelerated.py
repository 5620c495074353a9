"""Heavy ball and Nesterov on the function that is worst for first-order methods.

The function is x A x / 2 - x_1 with A = tridiag(-1, 2, -1): a chain of springs pulled at one end, with x*_i = 1 - i /
(n + 1) and f* = (1 / (n + 1) - 1) / 2. A gradient reaches one link per step, so no method that moves along gradients
knows more than k links after k steps; from that Nesterov ("Lectures on convex optimization", 2018, theorem 2.1.7) has
f(x_k) - f* >= 3 L |x_0 - x*|^2 / (32 (k + 1)^2) from x_0 = 0 on a chain of n = 2k + 1, with L = 4. His method of 1983
is within a constant factor of it on every chain, 2 L |x_0 - x*|^2 / (k + 1)^2 (Beck & Teboulle 2009, theorem 4.4); the
momentum is (k - 1) / (k + 2) in step k, as in Su, Boyd & Candes 2016. Polyak's heavy ball has one rate and one
momentum, from the least and the largest eigenvalue.

The gradient is a stencil of three neighbours, with the two ends outside of the loop. The eigenvectors of A are sines.
In them both methods fall apart into scalar recursions, one per eigenvalue, which is what the checks compute. The
tolerance is what rounding adds up to in some thousand steps; it is wider for heavy ball, whose recursion has a double
root at the least and the largest eigenvalue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def chain_gradient(position: Floats, gradient: Floats) -> float:
    """Write the gradient of the chain at `position` into `gradient`, both of shape (n,), n > 1; return the value.

    IndexError if an array is too short.
    """
    last = len(position) - 1
    gradient[0] = 2.0 * float(position[0]) - float(position[1]) - 1.0
    for i in range(1, last):
        gradient[i] = 2.0 * float(position[i]) - float(position[i - 1]) - float(position[i + 1])
    gradient[last] = 2.0 * float(position[last]) - float(position[last - 1])
    value = -0.5 * float(position[0])
    for i in range(len(position)):
        value += 0.5 * float(position[i]) * float(gradient[i])
    return value


def heavy_ball_chain(position: Floats, rate: float, momentum: float, steps: int) -> float:
    """Roll in place for `steps` steps from rest at `position`, shape (n,); return the value before the last step."""
    gradient = np.zeros_like(position)
    previous = position.copy()
    value = 0.0
    for _ in range(steps):
        value = chain_gradient(position, gradient)
        for i in range(len(position)):
            here = float(position[i])
            position[i] = here - rate * float(gradient[i]) + momentum * (here - float(previous[i]))
            previous[i] = here
    return value


def nesterov_chain(position: Floats, rate: float, steps: int) -> float:
    """Take `steps` accelerated steps in place from `position`, shape (n,); return the value at the end."""
    gradient = np.zeros_like(position)
    ahead = position.copy()
    for k in range(steps):
        chain_gradient(ahead, gradient)
        momentum = k / (k + 3.0)
        for i in range(len(position)):
            here = float(ahead[i]) - rate * float(gradient[i])
            ahead[i] = here + momentum * (here - float(position[i]))
            position[i] = here
    return chain_gradient(position, gradient)


def heavy_ball_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start near 0, and Polyak's rate and momentum for the eigenvalues of a chain of `n`."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    least, largest = (2.0 * math.sin(0.5 * math.pi * k / (n + 1)) for k in (1, n))
    ratio = (largest - least) / (largest + least)
    return random.uniform(-0.1, 0.1, n), 4.0 / (largest + least) ** 2, ratio * ratio, size["steps"]


def nesterov_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start near 0 in `n` dimensions, and the rate 1 / L."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(-0.1, 0.1, size["n"]), 0.25, size["steps"]


def sines(n: int) -> tuple[Floats, Floats]:
    """The eigenvalues, shape (n,), and the orthogonal eigenvectors, shape (n, n), of the chain; both in closed form."""
    k = np.arange(1, n + 1)
    angle = math.pi / (n + 1)
    return 4.0 * np.sin(0.5 * angle * k) ** 2, math.sqrt(2.0 / (n + 1)) * np.sin(angle * np.outer(k, k))


def rest(n: int) -> Floats:
    """The minimum of the chain."""
    return 1.0 - np.arange(1, n + 1) / (n + 1.0)


def chain_value(errors: Floats, curvatures: Floats) -> float:
    """The value of the chain from the distances to the minimum along its eigenvectors."""
    return 0.5 * float(curvatures @ errors**2) + 0.5 * (1.0 / (len(errors) + 1) - 1.0)


def heavy_ball_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Powers of the 2 x 2 matrix that takes two successive errors along an eigenvector one step on."""
    start, rate, momentum, steps = before
    curvatures, vectors = sines(len(start))
    matrices = np.zeros((len(start), 2, 2))
    matrices[:, 0, 0] = 1.0 + momentum - rate * curvatures
    matrices[:, 0, 1] = -momentum
    matrices[:, 1, 0] = 1.0
    errors = vectors @ (start - rest(len(start)))
    last = np.linalg.matrix_power(matrices, steps) @ np.stack([errors, errors], axis=1)[:, :, None]
    end = rest(len(start)) + vectors @ last[:, 0, 0]
    return [
        Check("position", after[0], end, 1e-7, "powers of the recursion along sines (Polyak 1964)"),
        Check("value", result, chain_value(last[:, 1, 0], curvatures), 1e-7, "eigenvalues of the chain"),
    ]


def nesterov_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The recursion of the errors along each eigenvector, all at once."""
    start, rate, steps = before
    curvatures, vectors = sines(len(start))
    errors = vectors @ (start - rest(len(start)))
    ahead = errors
    for k in range(steps):
        before_it, errors = errors, (1.0 - rate * curvatures) * ahead
        ahead = errors + k / (k + 3.0) * (errors - before_it)
    end = rest(len(start)) + vectors @ errors
    return [
        Check("position", after[0], end, 1e-9, "recursion along sines (Su, Boyd & Candes 2016, eq. 1)"),
        Check("value", result, chain_value(errors, curvatures), 1e-9, "eigenvalues of the chain"),
    ]


KERNELS = (
    Kernel(
        name="heavy_ball_chain",
        family="first_order",
        summary="heavy ball on the worst function for first-order methods",
        units=(
            Unit(heavy_ball_chain, ("steps", "coordinates")),
            Unit(chain_gradient, ("coordinates", "coordinates")),
        ),
        signature="float64(float64[::1], float64, float64, int64)",
        sizes={
            "small": {"n": 100, "steps": 200},
            "medium": {"n": 500, "steps": 2000},
            "large": {"n": 2000, "steps": 5000},
        },
        inputs=heavy_ball_inputs,
        checks=heavy_ball_checks,
        bets={},
    ),
    Kernel(
        name="nesterov_chain",
        family="first_order",
        summary="Nesterov's accelerated gradient on the worst function for first-order methods",
        units=(
            Unit(nesterov_chain, ("steps", "coordinates")),
            Unit(chain_gradient, ("coordinates", "coordinates")),
        ),
        signature="float64(float64[::1], float64, int64)",
        sizes={
            "small": {"n": 100, "steps": 200},
            "medium": {"n": 500, "steps": 2000},
            "large": {"n": 2000, "steps": 5000},
        },
        inputs=nesterov_inputs,
        checks=nesterov_checks,
        bets={},
    ),
)
