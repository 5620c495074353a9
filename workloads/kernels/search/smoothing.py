"""The gradient that an evolution strategy estimates without taking one.

Salimans et al., "Evolution strategies as a scalable alternative to reinforcement learning" (2017); Nesterov & Spokoiny,
"Random gradient-free minimization of convex functions", Foundations of Computational Mathematics 17 (2017). Normal
directions are weighted by the difference of the values at their two ends: this is, on average, the gradient of the
function smoothed by the normal distribution, and the antithetic pair takes the function's own value out of the noise.

On a quadratic function the difference is exactly the slope along the direction. So the estimate has a closed form,
Z'Z g / pairs with the directions in the rows of Z, and a mean square error of (n + 1) |g|^2 / pairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .evolution import ellipsoid


def evolution_gradient(
    position: Floats, curvatures: Floats, directions: Floats, length: float, gradient: Floats
) -> float:
    """Write the antithetic estimate of the gradient into `gradient` (n,); return the mean of all values.

    Row k of `directions` (pairs, n) is looked along in both senses, as far as `length`.
    """
    for i in range(len(gradient)):
        gradient[i] = 0.0
    total, pairs = 0.0, len(directions)
    for k in range(pairs):
        ahead = ellipsoid(position, curvatures, length, directions, k)
        behind = ellipsoid(position, curvatures, -length, directions, k)
        total += ahead + behind
        slope = (ahead - behind) / (2.0 * length * pairs)
        for i in range(len(gradient)):
            gradient[i] = float(gradient[i]) + slope * float(directions[k, i])
    return total / (2.0 * pairs)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A point of an ellipsoid in `n` dimensions of curvatures 1 to 10, `pairs` directions."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return (
        random.uniform(-1.0, 1.0, n),
        np.geomspace(1.0, 10.0, n),
        random.normal(0.0, 1.0, (size["pairs"], n)),
        0.1,
        np.zeros(n),
    )


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """On a quadratic function the estimate is Z'Z c x / pairs exactly; a mean over Z of Z'Z is the identity."""
    position, curvatures, directions, length, _ = before
    slope, pairs = curvatures * position, len(directions)
    exact = directions.T @ (directions @ slope) / pairs
    mean = 0.5 * float(curvatures @ (position**2 + length**2 * (directions**2).mean(axis=0)))
    error = float(np.linalg.norm(exact - slope))
    likely = float(np.linalg.norm(slope)) * math.sqrt((len(position) + 1.0) / pairs)
    return [
        Check("gradient", after[4], exact, 1e-9, "closed form, matrix products"),
        Check("mean value", result, mean, 1e-9 * mean, "closed form"),
        Check("error of the estimate over the likely one", error / likely, 1.0, 0.9, "variance of the estimate"),
    ]


KERNELS = (
    Kernel(
        name="evolution_gradient",
        family="search",
        summary="antithetic estimate of a gradient from values along random directions",
        units=(Unit(evolution_gradient, ("coordinates", "pairs", "coordinates")), Unit(ellipsoid, ("coordinates",))),
        signature="float64(float64[::1], float64[::1], float64[:, ::1], float64, float64[::1])",
        sizes={
            "small": {"n": 50, "pairs": 400},
            "medium": {"n": 100, "pairs": 10_000},
            "large": {"n": 200, "pairs": 50_000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
