"""Saddles: descent stops there if it starts on the way in, and otherwise leaves at a known pace.

`saddle_escape` is perturbed gradient descent (C. Jin, R. Ge, P. Netrapalli, S. Kakade and M. Jordan, ICML 2017,
Algorithm 1): where the slope is flat it kicks the position at random, waits, and goes back and stops if the kick
brought nothing. Its surface sum c x^2 / 2 + x^4 / 4 with some c < 0 has its saddle at 0, and minima at x = +-sqrt(-c)
in those coordinates, 0 in the others. All starts have 0 in the coordinates that lead out, so without a kick descent
ends in the saddle. The size of the loop depends on the data here, not on an argument.

`saddle_exits` measures how long (x^2 - c y^2) / 2 holds a point: y grows by 1 + rate c per step, so the number of steps
is a logarithm, the next whole number above (J. Lee, M. Simchowitz, M. Jordan and B. Recht, COLT 2016, on why almost
every start leaves at all).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def saddle_gradient(position: Floats, curvatures: Floats, gradient: Floats) -> tuple[float, float]:
    """Write the gradient of sum c x^2 / 2 + x^4 / 4 into `gradient`; return the value and the squared slope.

    All have shape (n,).
    """
    value = 0.0
    square = 0.0
    for i in range(len(position)):
        x = float(position[i])
        curvature = float(curvatures[i])
        slope = curvature * x + x * x * x
        gradient[i] = slope
        square += slope * slope
        value += (0.5 * curvature + 0.25 * x * x) * x * x
    return value, square


def saddle_escape(
    position: Floats,
    curvatures: Floats,
    kicks: Floats,
    rate: float,
    flat: float,
    enough: float,
    wait: int,
    steps: int,
) -> tuple[float, int]:
    """Descend in place from `position` (n,), kicked by the next row of `kicks` (m, n) where the slope is below `flat`.

    `wait` steps after a kick, if the value has fallen by less than `enough`, restore the position before it and end.
    Return the value, and the number of kicks. At most `steps` steps.
    """
    gradient = np.zeros_like(position)
    kept = np.zeros_like(position)
    value = 0.0
    best = 0.0
    kicked = 0
    since = -1
    for step in range(steps):
        value, square = saddle_gradient(position, curvatures, gradient)
        if since >= 0 and step - since >= wait:
            since = -1
            if best - value < enough:
                for i in range(len(position)):
                    position[i] = float(kept[i])
                return best, kicked
        if since < 0 and square <= flat * flat and kicked < len(kicks):
            best = value
            since = step
            for i in range(len(position)):
                kept[i] = float(position[i])
                position[i] = float(position[i]) + float(kicks[kicked, i])
            kicked += 1
        else:
            for i in range(len(position)):
                position[i] = float(position[i]) - rate * float(gradient[i])
    return value, kicked


def saddle_exits(starts: Floats, curvature: float, rate: float, radius: float, counts: Indices) -> int:
    """Count the steps of descent on (x^2 - `curvature` y^2) / 2 that each start needs to leave the disc of `radius`.

    `starts` (m, 2) hold x and y, y not 0, inside the disc; write the numbers into `counts` (m,), return their sum.
    """
    total = 0
    for k in range(len(starts)):
        x = float(starts[k, 0])
        y = float(starts[k, 1])
        count = 0
        while x * x + y * y <= radius * radius:
            x -= rate * x
            y += rate * curvature * y
            count += 1
        counts[k] = count
        total += count
    return total


def trapped(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A quarter of the curvatures negative, those coordinates exactly 0; eight kicks of length 0.001."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    curvatures = random.uniform(0.5, 1.0, n)
    leading_out = random.permutation(n) < max(1, n // 4)
    curvatures[leading_out] *= -1.0
    kicks = random.standard_normal((8, n))
    kicks *= 1e-3 / np.linalg.norm(kicks, axis=1)[:, None]
    start = np.where(leading_out, 0.0, random.uniform(-1.0, 1.0, n))
    return start, curvatures, kicks, 0.25, 1e-9, 1e-8, 300, 5000


def near_saddle(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Starts within 0.01 of the way in and anywhere along it, from which the disc of radius 1 is left by y alone."""
    random = np.random.Generator(np.random.PCG64(seed))
    away = 10.0 ** random.uniform(-9.0, -4.0, size["points"]) * random.choice([-1.0, 1.0], size["points"])
    starts = np.stack([random.uniform(-0.9, 0.9, size["points"]), away], axis=1)
    return starts, 0.5, 0.1, 1.0, np.zeros(size["points"], np.int64)


def check_escape(before: tuple[Any, ...], result: tuple[float, int], after: tuple[Any, ...]) -> list[Check]:
    """The minima's coordinates and value; at least one kick to leave the saddle and one that brought nothing."""
    curvatures = before[1]
    least = -0.25 * float(np.sum(np.minimum(curvatures, 0.0) ** 2))
    return [
        Check("coordinates", np.abs(after[0]), np.sqrt(np.maximum(-curvatures, 0.0)), 1e-8, "roots of the gradient"),
        Check("value", result[0], least, 1e-12 * len(curvatures), "value at the roots"),
        Check("kicks", float(2 <= result[1] < len(before[2])), 1.0, 0.0, "Jin et al.: the last kick brings nothing"),
    ]


def check_exits(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Logarithms: x has died away when y reaches the circle."""
    starts, curvature, rate, radius, _ = before
    growth = np.log(radius / np.abs(starts[:, 1])) / np.log1p(rate * curvature)
    counts = np.floor(growth).astype(np.int64) + 1
    return [
        Check("counts", after[4], counts, 0.0, "logarithm"),
        Check("total", result, int(np.sum(counts)), 0.0, "logarithm"),
    ]


KERNELS = (
    Kernel(
        name="saddle_escape",
        family="landscapes",
        summary="perturbed gradient descent out of a saddle with many ways out",
        units=(
            Unit(saddle_escape, ("steps", "coordinates restored", "coordinates kicked", "coordinates")),
            Unit(saddle_gradient, ("coordinates",)),
        ),
        signature="Tuple((float64, int64))(float64[::1], float64[::1], float64[:, ::1], float64, float64, float64,"
        " int64, int64)",
        sizes={"small": {"n": 24}, "medium": {"n": 1500}, "large": {"n": 15_000}},
        inputs=trapped,
        checks=check_escape,
        bets={},
    ),
    Kernel(
        name="saddle_exits",
        family="landscapes",
        summary="steps that descent from many starts needs to leave a saddle",
        units=(Unit(saddle_exits, ("points", "steps inside the disc")),),
        signature="int64(float64[:, ::1], float64, float64, float64, int64[::1])",
        sizes={"small": {"points": 300}, "medium": {"points": 15_000}, "large": {"points": 150_000}},
        inputs=near_saddle,
        checks=check_exits,
        bets={},
    ),
)
