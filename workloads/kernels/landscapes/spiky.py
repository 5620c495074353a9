"""Surfaces full of spikes: descent ends in the nearest dent, unless the surface is smoothed first.

`rastrigin_descent` walks on L. Rastrigin's surface 10 n + sum x^2 - 10 cos 2 pi x (1974): every cell between two crests
holds one dent. A rate below one over the largest curvature, 2 + 40 pi^2, never steps over a crest, so where each
coordinate ends is known from where it started.

`graduated_descent` goes the other way (H. Mobahi and J. Fisher, EMMCVPR 2015, on Gaussian continuation): it descends on
the surface's average under a Gaussian whose width shrinks from stage to stage. The average is taken by Gauss-Hermite
quadrature at each step, since that is what one can do without knowing the surface. For spikes of one frequency, as
here, the exact average is known, they lose exp(-(frequency width)^2 / 2) of their height, and that is the check.

Rejected: Ackley's surface, a value without a known course of descent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

TURN = 2.0 * math.pi


def rastrigin_gradient(position: Floats, gradient: Floats) -> float:
    """Write the gradient of Rastrigin's surface into `gradient`, both of shape (n,); return the value."""
    value = 10.0 * len(position)
    for i in range(len(position)):
        x = float(position[i])
        gradient[i] = 2.0 * x + 10.0 * TURN * math.sin(TURN * x)
        value += x * x - 10.0 * math.cos(TURN * x)
    return value


def rastrigin_descent(position: Floats, rate: float, steps: int) -> float:
    """Descend in place from `position`, shape (n,), for `steps` steps; return the value at the end."""
    gradient = np.zeros_like(position)
    for _ in range(steps):
        rastrigin_gradient(position, gradient)
        for i in range(len(position)):
            position[i] = float(position[i]) - rate * float(gradient[i])
    return rastrigin_gradient(position, gradient)


def spiky_slope(x: float, centre: float, height: float, frequency: float) -> float:
    """Return the slope of (x - `centre`)^2 / 2 - `height` cos(`frequency` x)."""
    return x - centre + height * frequency * math.sin(frequency * x)


def smoothed_slope(
    x: float, centre: float, height: float, frequency: float, width: float, nodes: Floats, weights: Floats
) -> float:
    """Return the slope averaged over x + `width` times a standard normal, by `nodes` and `weights`, shape (m,)."""
    slope = 0.0
    for k in range(len(nodes)):
        slope += float(weights[k]) * spiky_slope(x + width * float(nodes[k]), centre, height, frequency)
    return slope


def graduated_descent(
    position: Floats,
    centres: Floats,
    height: float,
    frequency: float,
    widths: Floats,
    nodes: Floats,
    weights: Floats,
    steps: int,
    path: Floats,
) -> None:
    """Descend in place for `steps` steps under each of `widths` (stages,), from where the last stage ended.

    `position` and `centres` have shape (n,). The rate is one over the largest curvature of the average, exact for
    spikes of one frequency. Write the position at the end of each stage into `path` (stages, n).
    """
    for stage in range(len(widths)):
        width = float(widths[stage])
        fading = math.exp(-0.5 * frequency * frequency * width * width)
        rate = 1.0 / (1.0 + height * frequency * frequency * fading)
        for i in range(len(position)):
            x = float(position[i])
            centre = float(centres[i])
            for _ in range(steps):
                x -= rate * smoothed_slope(x, centre, height, frequency, width, nodes, weights)
            position[i] = x
            path[stage, i] = x


def box(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start in Rastrigin's usual box and a rate just below one over the largest curvature."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(-5.12, 5.12, size["n"]), 0.0025, size["steps"]


def spikes(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Bowls with spikes of height 1 and frequency 5, starts up to 10 away; convex under three of the five widths."""
    random = np.random.Generator(np.random.PCG64(seed))
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    centres = random.uniform(-1.0, 1.0, size["n"])
    start = centres + random.uniform(-10.0, 10.0, size["n"])
    widths = np.array([0.9, 0.7, 0.55, 0.3, 0.0])
    weights = weights / np.sum(weights)
    return start, centres, 1.0, 5.0, widths, nodes, weights, size["steps"], np.zeros((len(widths), size["n"]))


def roots(slope: Any, curvature: Any, guess: Floats) -> Floats:
    """The roots of `slope` nearest to `guess`, by Newton's method."""
    for _ in range(60):
        guess = guess - slope(guess) / curvature(guess)
    return guess


def check_rastrigin(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The dent of each start's cell, whose crests and dents are roots of the slope."""
    crests = roots(rastrigin_slope, rastrigin_curvature, np.linspace(-6.5, 6.5, 14))
    dents = roots(rastrigin_slope, rastrigin_curvature, np.linspace(-7.0, 7.0, 15))
    end = dents[np.searchsorted(crests, before[0])]
    value = float(np.sum(10.0 + end**2 - 10.0 * np.cos(TURN * end)))
    return [
        Check("position", after[0], end, 1e-9, "roots of the slope, by Newton's method"),
        Check("value", result, value, 1e-9 * value, "value at the roots"),
    ]


def rastrigin_slope(x: Floats) -> Floats:
    """The slope of Rastrigin's surface along one coordinate."""
    return np.asarray(2.0 * x + 10.0 * TURN * np.sin(TURN * x))


def rastrigin_curvature(x: Floats) -> Floats:
    """Its derivative."""
    return np.asarray(2.0 + 10.0 * TURN**2 * np.cos(TURN * x))


def check_graduated(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Every stage ends where the exact average has no slope; the last, which is not smoothed, in the lowest dent."""
    _, centres, height, frequency, widths, _, _, _, _ = before
    path = after[8]
    fading = np.exp(-0.5 * (frequency * widths) ** 2)[:, None]
    slopes = path - centres + height * frequency * fading * np.sin(frequency * path)
    dents = TURN / frequency * np.round(centres * frequency / TURN)
    lowest = roots(
        lambda x: x - centres + height * frequency * np.sin(frequency * x),
        lambda x: 1.0 + height * frequency**2 * np.cos(frequency * x),
        dents,
    )
    return [
        Check("slopes", slopes, np.zeros_like(slopes), 1e-6, "closed form of the average"),
        Check("end", path[-1], lowest, 1e-8, "the dent nearest to the centre, by Newton's method"),
        Check("position", after[0], lowest, 1e-8, "the same"),
    ]


KERNELS = (
    Kernel(
        name="rastrigin_descent",
        family="landscapes",
        summary="descent into the dents of Rastrigin's surface",
        units=(Unit(rastrigin_descent, ("steps", "coordinates")), Unit(rastrigin_gradient, ("coordinates",))),
        signature="float64(float64[::1], float64, int64)",
        sizes={
            "small": {"n": 150, "steps": 150},
            "medium": {"n": 10_000, "steps": 150},
            "large": {"n": 100_000, "steps": 150},
        },
        inputs=box,
        checks=check_rastrigin,
        bets={},
    ),
    Kernel(
        name="graduated_descent",
        family="landscapes",
        summary="descent on a spiky surface averaged over ever smaller widths",
        units=(
            Unit(graduated_descent, ("stages", "coordinates", "steps")),
            Unit(smoothed_slope, ("nodes",)),
            Unit(spiky_slope),
        ),
        signature="none(float64[::1], float64[::1], float64, float64, float64[::1], float64[::1], float64[::1], int64,"
        " float64[:, ::1])",
        sizes={
            "small": {"n": 4, "steps": 60},
            "medium": {"n": 250, "steps": 60},
            "large": {"n": 2500, "steps": 60},
        },
        inputs=spikes,
        checks=check_graduated,
        bets={},
    ),
)
