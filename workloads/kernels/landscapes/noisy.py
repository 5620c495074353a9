"""A surface that answers with an error.

`spsa_descent` has nothing but noisy values and asks for two per step, whatever the number of coordinates: simultaneous
perturbation (J. Spall, IEEE Trans. Automatic Control 37(3), 1992) with his gains a / (k + 1 + A)^0.602 and
c / (k + 1)^0.101 (IEEE Trans. Aerospace and Electronic Systems 34(3), 1998). On a bowl the difference of the two values
is known without asking for either, so the whole course is a linear recursion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def spsa_descent(
    position: Floats,
    curvatures: Floats,
    signs: Floats,
    errors: Floats,
    gain: float,
    delay: float,
    width: float,
) -> float:
    """Descend in place on sum c x^2 / 2, seen with errors, one step per row of `signs` (steps, n), each 1 or -1.

    `position` and `curvatures` have shape (n,). `errors` (steps, 2) are added to the values at x + c s and x - c s.
    Return the largest gap between two such values.
    """
    largest = 0.0
    for k in range(len(signs)):
        reach = width / (k + 1.0) ** 0.101
        rate = gain / (k + 1.0 + delay) ** 0.602
        above = float(errors[k, 0])
        below = float(errors[k, 1])
        for i in range(len(position)):
            offset = reach * float(signs[k, i])
            ahead = float(position[i]) + offset
            behind = float(position[i]) - offset
            above += 0.5 * float(curvatures[i]) * ahead * ahead
            below += 0.5 * float(curvatures[i]) * behind * behind
        gap = above - below
        largest = max(largest, abs(gap))
        for i in range(len(position)):
            position[i] = float(position[i]) - rate * gap / (2.0 * reach * float(signs[k, i]))
    return largest


def errors(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start far out on a bowl of condition number 10, and values with errors of a tenth."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, steps = size["n"], size["steps"]
    signs = random.choice([-1.0, 1.0], (steps, n))
    curvatures = np.geomspace(0.1, 1.0, n)
    return random.uniform(-3.0, 3.0, n), curvatures, signs, 0.1 * random.standard_normal((steps, 2)), 8.0 / n, 10.0, 0.2


def check_spsa(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The gap of two values is 2 c (s C x) plus that of their errors: no value is asked for."""
    start, curvatures, signs, noise, gain, delay, width = before
    x, gaps = start.copy(), np.zeros(len(signs))
    for k, (s, e) in enumerate(zip(signs, noise, strict=True)):
        reach, rate = width * (k + 1.0) ** -0.101, gain * (k + 1.0 + delay) ** -0.602
        slope = float(s @ (curvatures * x)) + (e[0] - e[1]) / (2.0 * reach)
        gaps[k] = 2.0 * reach * abs(slope)
        x = x - rate * slope * s
    return [
        Check("position", after[0], x, 1e-9, "linear recursion"),
        Check("largest gap", result, float(np.max(gaps)), 1e-9, "linear recursion"),
        Check("nearer", float(curvatures @ x**2 < 0.5 * curvatures @ start**2), 1.0, 0.0, "Spall 1992: it converges"),
    ]


KERNELS = (
    Kernel(
        name="spsa_descent",
        family="landscapes",
        summary="simultaneous perturbation on a bowl whose values have errors",
        units=(Unit(spsa_descent, ("steps", "coordinates", "coordinates")),),
        signature="float64(float64[::1], float64[::1], float64[:, ::1], float64[:, ::1], float64, float64, float64)",
        sizes={
            "small": {"n": 30, "steps": 600},
            "medium": {"n": 300, "steps": 4000},
            "large": {"n": 300, "steps": 40_000},
        },
        inputs=errors,
        checks=check_spsa,
        bets={"nonzero_denominators": "the update divides by the sign of each coordinate, and only that divides"},
    ),
)
