"""Gradient descent, and the flow that it approximates followed by a better integrator.

Descent (Cauchy 1847) runs on dense least squares: the gradient is a pass over a matrix, a sum per row and an update per
row, so nearly all the time is in the callee. In the eigenvectors of the normal matrix every coordinate shrinks by
itself, which gives each iterate in closed form. Rows are normal and twice as many as columns, so the largest eigenvalue
of the normal matrix per row is near (1 + sqrt(1/2))^2 = 2.9 (Marchenko & Pastur 1967), and the rate 0.3 is half of what
would still be stable.

x' = -gradient is the limit of small steps, and descent is its Euler integration. Two-step Adams-Bashforth, x - h (3 g -
g_before) / 2, follows the flow to second order at one gradient per step (Scieur, Roulet, Bach & d'Aspremont,
"Integration methods and accelerated optimization algorithms", NeurIPS 2017, look at such methods as optimizers); the
first step is Euler's. Each coordinate moves in a well c x^2 / 2 + q x^4 / 4, a double one for c < 0, whose flow is a
Bernoulli equation with a closed solution. On a parabola (q = 0) the method is stable for h c < 1, Euler for h c < 2:
what is gained in accuracy is lost in reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def least_squares_gradient(matrix: Floats, target: Floats, position: Floats, gradient: Floats) -> float:
    """Write the gradient of |matrix position - target|^2 / 2m into `gradient`; return that value.

    `matrix` has shape (m, n), `target` (m,), the others (n,). IndexError if a length does not fit; ZeroDivisionError
    if there is no row.
    """
    for j in range(len(position)):
        gradient[j] = 0.0
    share = 1.0 / len(target)
    value = 0.0
    for i in range(len(target)):
        residual = -float(target[i])
        for j in range(len(position)):
            residual += float(matrix[i, j]) * float(position[j])
        value += 0.5 * share * residual * residual
        for j in range(len(position)):
            gradient[j] = float(gradient[j]) + share * residual * float(matrix[i, j])
    return value


def least_squares_descent(matrix: Floats, target: Floats, position: Floats, rate: float, steps: int) -> float:
    """Descend in place for `steps` steps from `position`; return the value before the last step.

    Shapes and errors as in `least_squares_gradient`.
    """
    gradient = np.zeros_like(position)
    value = 0.0
    for _ in range(steps):
        value = least_squares_gradient(matrix, target, position, gradient)
        for j in range(len(position)):
            position[j] = float(position[j]) - rate * float(gradient[j])
    return value


def well_slope(x: float, curvature: float, quartic: float) -> float:
    """The derivative of curvature x^2 / 2 + quartic x^4 / 4."""
    return x * (curvature + quartic * x * x)


def adams_bashforth_flow(position: Floats, curvatures: Floats, quartics: Floats, span: float, steps: int) -> float:
    """Follow the gradient flow in place for the time `steps` * `span`; return the sum of the wells at its end.

    All arrays have shape (n,). IndexError if another is shorter than `position`.
    """
    before = np.zeros_like(position)
    for i in range(len(position)):
        x = float(position[i])
        slope = well_slope(x, float(curvatures[i]), float(quartics[i]))
        before[i] = slope
        position[i] = x - span * slope
    for _ in range(1, steps):
        for i in range(len(position)):
            x = float(position[i])
            slope = well_slope(x, float(curvatures[i]), float(quartics[i]))
            position[i] = x - span * (1.5 * slope - 0.5 * float(before[i]))
            before[i] = slope
    value = 0.0
    for i in range(len(position)):
        square = float(position[i]) * float(position[i])
        value += 0.5 * float(curvatures[i]) * square + 0.25 * float(quartics[i]) * square * square
    return value


def descent_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Normal rows, two per unknown, and targets that no position meets; the start is 0."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    matrix = random.standard_normal((2 * n, n))
    target = matrix @ random.uniform(-1.0, 1.0, n) + 0.1 * random.standard_normal(2 * n)
    return matrix, target, np.zeros(n), 0.3, size["steps"]


def descent_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Along each eigenvector the error has shrunk by its own factor; so has, one step earlier, its value."""
    matrix, target, start, rate, steps = before
    best = np.linalg.lstsq(matrix, target)[0]
    curvatures, vectors = np.linalg.eigh(matrix.T @ matrix / len(target))
    errors = vectors.T @ (start - best)
    end = best + vectors @ ((1.0 - rate * curvatures) ** steps * errors)
    almost = (1.0 - rate * curvatures) ** (steps - 1) * errors
    least = np.mean((matrix @ best - target) ** 2)
    return [
        Check("position", after[2], end, 1e-12, "closed form in the eigenvectors"),
        Check("value", result, 0.5 * float(least + curvatures @ almost**2), 1e-12, "closed form in the eigenvectors"),
    ]


def flow_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Starts in `n` wells, single and double, and 4 units of time in `steps` steps."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, steps = size["n"], size["steps"]
    curvatures = random.choice([-1.0, 1.0], n) * random.uniform(0.5, 2.0, n)
    return random.uniform(0.2, 2.0, n), curvatures, random.uniform(0.5, 2.0, n), 4.0 / steps, steps


def flow(start: Floats, curvatures: Floats, quartics: Floats, time: float) -> Floats:
    """The exact flow: x^2 = c / ((q + c / x0^2) exp(2 c t) - q), a Bernoulli equation in x; for positive starts."""
    end: Floats = np.sqrt(
        curvatures / ((quartics + curvatures / start**2) * np.exp(2.0 * curvatures * time) - quartics)
    )
    return end


def flow_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The exact flow, up to an error of second order in the span; the slopes here are at most 20 at the start."""
    start, curvatures, quartics, span, steps = before
    end = flow(start, curvatures, quartics, span * steps)
    value = float(np.sum(0.5 * curvatures * after[0] ** 2 + 0.25 * quartics * after[0] ** 4))
    return [
        Check("position", after[0], end, 20.0 * span * span, "exact solution of the Bernoulli equation"),
        Check("value", result, value, 1e-12 * len(start), "vectorised sum of the wells"),
    ]


KERNELS = (
    Kernel(
        name="least_squares_descent",
        family="first_order",
        summary="gradient descent on dense least squares",
        units=(
            Unit(least_squares_descent, ("steps", "columns")),
            Unit(least_squares_gradient, ("columns", "rows", "columns", "columns")),
        ),
        signature="float64(float64[:, ::1], float64[::1], float64[::1], float64, int64)",
        sizes={
            "small": {"n": 20, "steps": 50},
            "medium": {"n": 100, "steps": 100},
            "large": {"n": 200, "steps": 250},
        },
        inputs=descent_inputs,
        checks=descent_checks,
        bets={},
    ),
    Kernel(
        name="adams_bashforth_flow",
        family="first_order",
        summary="two-step Adams-Bashforth integration of the gradient flow in single and double wells",
        units=(
            Unit(adams_bashforth_flow, ("coordinates", "steps", "coordinates", "coordinates")),
            Unit(well_slope),
        ),
        signature="float64(float64[::1], float64[::1], float64[::1], float64, int64)",
        sizes={
            "small": {"n": 100, "steps": 400},
            "medium": {"n": 1000, "steps": 2000},
            "large": {"n": 5000, "steps": 4000},
        },
        inputs=flow_inputs,
        checks=flow_checks,
        bets={},
    ),
)
