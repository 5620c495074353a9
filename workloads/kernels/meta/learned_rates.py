"""Rates of gradient descent, learned by descending through the trajectory that they make.

The smallest learned optimizer: T rates for T steps in a bowl, trained on the value after the last one. The gradient
goes back through the unrolled trajectory with an adjoint (Maclaurin, Duvenaud & Adams, "Gradient-based hyperparameter
optimization through reversible learning", ICML 2015, learn rates per step so). Four numbers per coordinate are kept, so
nothing has to be reversed.

Training starts from Chebyshev's rates, which are best for the worst start (Young, "On Richardson's method for solving
linear systems with positive definite matrices", Journal of Mathematics and Physics 32, 1953), and ends at those that
are best for this start. What these are is a linear least-squares problem: after T steps each offset has been multiplied
by a polynomial p of its curvature with p(0) = 1, the best such polynomial is that of the conjugate gradients, its
roots are real, and the rates are their inverses. So the learned values have a reference that never descends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def unrolled_gradient(curvatures: Floats, start: Floats, rates: Floats, trajectory: Floats, gradient: Floats) -> float:
    """Write the derivatives by `rates`, shape (T,), of the value after T steps into `gradient`; return that value.

    The value is sum c x^2 / 2 over `curvatures` c and offsets x, which begin at `start`, all of shape (n,);
    `trajectory`, shape (T + 1,), is scratch.
    """
    value = 0.0
    for t in range(len(rates)):
        gradient[t] = 0.0
    for i in range(len(start)):
        curvature = float(curvatures[i])
        trajectory[0] = float(start[i])
        for t in range(len(rates)):
            trajectory[t + 1] = (1.0 - float(rates[t]) * curvature) * float(trajectory[t])
        adjoint = curvature * float(trajectory[len(rates)])
        value += 0.5 * adjoint * float(trajectory[len(rates)])
        for back in range(1, len(rates) + 1):
            t = len(rates) - back
            gradient[t] = float(gradient[t]) - adjoint * curvature * float(trajectory[t])
            adjoint *= 1.0 - float(rates[t]) * curvature
    return value


def learned_rates(curvatures: Floats, start: Floats, rates: Floats, meta_rate: float, steps: int) -> float:
    """Train `rates`, shape (T,), in place by `steps` steps of gradient descent; return the value before the last.

    The bowl is that of `unrolled_gradient`, from which the value comes.
    """
    trajectory = np.zeros(len(rates) + 1)
    gradient = np.zeros_like(rates)
    value = 0.0
    for _ in range(steps):
        value = unrolled_gradient(curvatures, start, rates, trajectory, gradient)
        for t in range(len(rates)):
            rates[t] = float(rates[t]) - meta_rate * float(gradient[t])
    return value


def chebyshev_rates(condition: float, steps: int) -> Any:
    """The rates of `steps` steps that are best for the worst start, curvatures being between 1 and `condition`."""
    angles = np.pi * (2 * np.arange(steps) + 1) / (2 * steps)
    return 2.0 / (condition + 1.0 + (condition - 1.0) * np.cos(angles))


def best_rates(curvatures: Floats, start: Floats, steps: int) -> tuple[Any, float]:
    """The rates of the best `steps` steps from `start`, ascending, and the value after them, by least squares."""
    weights = np.sqrt(curvatures) * start
    powers = weights[:, None] * curvatures[:, None] ** np.arange(1, steps + 1)
    coefficients = np.linalg.lstsq(powers, -weights)[0]
    roots = np.roots(np.append(coefficients[::-1], 1.0))
    return np.sort(1.0 / roots.real), 0.5 * float(np.sum((weights + powers @ coefficients) ** 2))


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A bowl of condition 5 in `n` dimensions whose value at the start is 1; Chebyshev's rates for three steps."""
    random = np.random.Generator(np.random.PCG64(seed))
    curvatures = random.permutation(np.geomspace(1.0, 5.0, size["n"]))
    start = random.uniform(0.5, 1.5, size["n"]) * np.where(random.random(size["n"]) < 0.5, -1.0, 1.0)
    start /= np.sqrt(0.5 * np.sum(curvatures * start**2))
    return curvatures, start, chebyshev_rates(5.0, 3), 0.05, size["steps"]


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The learned rates are the inverse roots of the polynomial of the conjugate gradients."""
    rates, value = best_rates(before[0], before[1], len(before[2]))
    source = "closed form: inverse roots of the best polynomial, by least squares"
    return [
        Check("rates", np.sort(after[2]), rates, 1e-3, source),
        Check("value", result, value, 1e-7, "least squares over polynomials p with p(0) = 1"),
    ]


KERNELS = (
    Kernel(
        name="learned_rates",
        family="meta",
        summary="rates of three descent steps, trained through the unrolled trajectory",
        units=(
            Unit(learned_rates, ("meta-steps", "steps")),
            Unit(unrolled_gradient, ("steps", "coordinates", "steps", "steps")),
        ),
        signature="float64(float64[::1], float64[::1], float64[::1], float64, int64)",
        sizes={
            "small": {"n": 16, "steps": 1200},
            "medium": {"n": 200, "steps": 2000},
            "large": {"n": 2000, "steps": 2000},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "the 3 rates: per coordinate the trajectory of 3 steps goes forth and back"},
    ),
)
