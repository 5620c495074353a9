"""Divisions whose denominator cannot be zero, which only the author of the loop knows.

Python raises ZeroDivisionError, so a compiled loop tests each denominator, and the test, being a way out of the loop
before its stores, keeps the loop from being vectorised. Here the denominators are positive for a reason: a square root
plus epsilon (Adam; D. Kingma and J. Ba, ICLR 2015), a camera that stands outside of what it sees, a polynomial without
real roots (the continued fraction of tanh; J. H. Lambert, 1761).

Where the denominator does not change within the loop the test is hoisted and the bet brings nothing: see `scaling`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def adam_linear(
    position: Floats, gradient: Floats, mean: Floats, square: Floats, rate: float, epsilon: float, steps: int
) -> None:
    """Take `steps` steps of Adam down a linear loss of constant `gradient`; all arrays have shape (n,).

    `mean` and `square` are its moments, decaying by 0.9 and 0.999 per step and zero at first.
    """
    left1, left2 = 1.0, 1.0
    for _ in range(steps):
        left1, left2 = 0.9 * left1, 0.999 * left2
        correction1, correction2 = 1.0 - left1, 1.0 - left2
        for i in range(len(position)):
            g = float(gradient[i])
            mean[i] = 0.9 * float(mean[i]) + 0.1 * g
            square[i] = 0.999 * float(square[i]) + 0.001 * g * g
            position[i] = float(position[i]) - rate * (float(mean[i]) / correction1) / (
                math.sqrt(float(square[i]) / correction2) + epsilon
            )


def adam_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Random starts and gradients; the rate is 0.01."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.normal(size=n), random.normal(size=n), np.zeros(n), np.zeros(n), 0.01, 1e-8, size["steps"]


def adam_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """With its bias corrected, Adam sees a constant gradient as it is, and takes `rate` per step."""
    position, gradient, _, _, rate, epsilon, steps = before
    end = position - steps * rate * gradient / (np.abs(gradient) + epsilon)
    return [
        Check("position", after[0], end, 1e-10, "closed form for a constant gradient"),
        Check("mean", after[2], (1.0 - 0.9**steps) * gradient, 1e-12, "geometric series"),
        Check("square", after[3], (1.0 - 0.999**steps) * gradient**2, 1e-12, "geometric series"),
    ]


def perspective(
    across: Floats, up: Floats, deep: Floats, screen_x: Floats, screen_y: Floats, angle: float, distance: float
) -> None:
    """Project points as a camera at `distance` sees them that has turned by `angle` around the upright axis.

    `across`, `up` and `deep` are coordinates, `screen_x` and `screen_y` are written, all (n,). A point in the plane of
    the camera raises ZeroDivisionError.
    """
    c, s = math.cos(angle), math.sin(angle)
    for i in range(len(across)):
        x, z = float(across[i]), float(deep[i])
        depth = c * z - s * x + distance
        screen_x[i] = (c * x + s * z) / depth
        screen_y[i] = float(up[i]) / depth


def perspective_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Points of a cube of side 2 around the origin, seen from a distance of 4."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    cube = [random.uniform(-1.0, 1.0, n) for _ in range(3)]
    return *cube, np.zeros(n), np.zeros(n), float(random.uniform(0.0, 2.0 * math.pi)), 4.0


def perspective_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The turn is a product of complex numbers; a point and its image lie on one ray from the camera."""
    across, up, deep, _, _, angle, distance = before
    turned = (across + 1j * deep) * np.exp(-1j * angle)
    depth = turned.imag + distance
    return [
        Check("screen x", after[3] * depth, turned.real, 1e-13, "rotation by complex numbers"),
        Check("screen y", after[4] * depth, up, 1e-13, "rotation by complex numbers"),
    ]


def tanh_fraction(values: Floats, results: Floats) -> None:
    """Write tanh of `values` to `results`, both (n,), by its continued fraction: to 1e-8 for |x| <= 1."""
    for i in range(len(values)):
        x = float(values[i])
        s = x * x
        above = x * (10395.0 + s * (1260.0 + s * 21.0))
        results[i] = above / (10395.0 + s * (4725.0 + s * (210.0 + s)))


def tanh_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Values in [-1, 1]."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(-1.0, 1.0, size["n"]), np.zeros(size["n"])


def tanh_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The fraction cut off after its sixth term is the hyperbolic tangent to 1e-8, and exactly its own convergent."""
    x = before[0]
    convergent = np.full_like(x, 11.0)
    for odd in (9.0, 7.0, 5.0, 3.0, 1.0):
        convergent = odd + x * x / convergent
    return [
        Check("tanh", after[1], np.tanh(x), 1e-8, "numpy.tanh"),
        Check("convergent", after[1], x / convergent, 1e-15, "Lambert's continued fraction, from its end"),
    ]


KERNELS = (
    Kernel(
        name="adam_linear",
        family="classics",
        summary="Adam on a linear loss: three divisions per element",
        units=(Unit(adam_linear, ("steps", "coordinates")),),
        signature="none(float64[::1], float64[::1], float64[::1], float64[::1], float64, float64, int64)",
        sizes={
            "small": {"n": 200, "steps": 100},
            "medium": {"n": 10000, "steps": 100},
            "large": {"n": 10000, "steps": 1000},
        },
        inputs=adam_inputs,
        checks=adam_checks,
        bets={"nonzero_denominators": "both corrections and sqrt(square) + epsilon"},
    ),
    Kernel(
        name="perspective",
        family="classics",
        summary="perspective projection of points",
        units=(Unit(perspective, ("points",)),),
        signature="none(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, float64)",
        sizes={"small": {"n": 20000}, "medium": {"n": 1300000}, "large": {"n": 13000000}},
        inputs=perspective_inputs,
        checks=perspective_checks,
        bets={"nonzero_denominators": "the depth of a point before the camera"},
    ),
    Kernel(
        name="tanh_fraction",
        family="classics",
        summary="tanh as a rational function",
        units=(Unit(tanh_fraction, ("values",)),),
        signature="none(float64[::1], float64[::1])",
        sizes={"small": {"n": 40000}, "medium": {"n": 2000000}, "large": {"n": 20000000}},
        inputs=tanh_inputs,
        checks=tanh_checks,
        bets={"nonzero_denominators": "a sum of 10395 and squares"},
    ),
)
