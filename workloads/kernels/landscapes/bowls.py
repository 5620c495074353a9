"""Quadratic bowls: the one surface on which the course of gradient descent is known in closed form.

In the coordinates of its axes a bowl with curvatures c shrinks each offset by (1 - rate * c) per step, whatever the
other coordinates do (B. Polyak, Introduction to Optimization, 1987, section 1.4). The condition number, the largest
curvature over the smallest, sets how long the slowest coordinate takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def bowl_gradient(position: Floats, curvatures: Floats, gradient: Floats) -> float:
    """Write the gradient of sum c x^2 / 2 into `gradient`, all of shape (n,); return the value."""
    value = 0.0
    for i in range(len(position)):
        slope = float(curvatures[i]) * float(position[i])
        gradient[i] = slope
        value += 0.5 * slope * float(position[i])
    return value


def bowl_descent(position: Floats, curvatures: Floats, rate: float, steps: int) -> float:
    """Descend in place for `steps` steps from `position`, shape (n,); return the value before the last step."""
    gradient = np.zeros_like(position)
    value = 0.0
    for _ in range(steps):
        value = bowl_gradient(position, curvatures, gradient)
        for i in range(len(position)):
            position[i] = float(position[i]) - rate * float(gradient[i])
    return value


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start and curvatures from 1 to the condition number `condition` in `n` dimensions; rate 1 / condition."""
    random = np.random.Generator(np.random.PCG64(seed))
    condition = float(size["condition"])
    curvatures = random.permutation(np.geomspace(1.0, condition, size["n"]))
    return random.uniform(-1.0, 1.0, size["n"]), curvatures, 1.0 / condition, size["steps"]


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Every coordinate has shrunk by its own factor, once per step; so has, one step earlier, the value."""
    start, curvatures, rate, steps = before
    end = (1.0 - rate * curvatures) ** steps * start
    almost = (1.0 - rate * curvatures) ** (steps - 1) * start
    value = 0.5 * float(curvatures @ almost**2)
    return [
        Check("position", after[0], end, 1e-12, "closed form (1 - rate c)^steps"),
        Check("value", result, value, 1e-10 * value, "closed form"),
    ]


KERNELS = (
    Kernel(
        name="bowl_descent",
        family="landscapes",
        summary="gradient descent in a quadratic bowl of given condition number",
        units=(Unit(bowl_descent, ("steps", "coordinates")), Unit(bowl_gradient, ("coordinates",))),
        signature="float64(float64[::1], float64[::1], float64, int64)",
        sizes={
            "small": {"n": 60, "condition": 100, "steps": 250},
            "medium": {"n": 400, "condition": 500, "steps": 2500},
            "large": {"n": 2000, "condition": 1000, "steps": 5000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
