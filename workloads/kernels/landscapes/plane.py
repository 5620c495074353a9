"""Two surfaces over the plane, small enough to be worked by hand: a skewed bowl and a quartic with two valleys.

The bowl 2 (u - 1)^2 + 3 (v + 2)^2 - (u - 1) (v + 2) has the constant Hessian ((4, -1), (-1, 6)), so n steps of descent
multiply the offset from (1, -2) by the n-th power of I - rate H. From (0, 0) at rate 0.1 the first two points are
(0.6, -1.3) and (0.83, -1.76).

The quartic w1^4 / 4 - 2 w1^2 - w1 w2 + w2^2 / 2 has a saddle at 0 and minima at w1 = w2 = +-sqrt 5. Its Hessian
((3 w1^2 - 4, -1), (-1, 1)) is worst at w1 = 0, where the smallest eigenvalue is -(3 + sqrt 29) / 2 = -4.1926. A ridge
r |w|^2 / 2 adds r to both eigenvalues, so the surface is convex exactly from r = (3 + sqrt 29) / 2 on, and then 0 is
its only minimum; below, the minima are at w1^2 = 4 - r + 1 / (1 + r). `ridge_path` follows a minimum while the ridge
grows, each descent starting where the last one ended (A. Blake and A. Zisserman, Visual Reconstruction, 1987, go the
same way backwards). `quartic_convexity` is the scan that asks from which ridge on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

CONVEX_FROM = (3.0 + math.sqrt(29.0)) / 2.0
"""The ridge from which on the quartic is convex."""


def skewed_bowl(u: float, v: float) -> tuple[float, float, float]:
    """Return the bowl's value at (u, v) and its two slopes."""
    a = u - 1.0
    b = v + 2.0
    return 2.0 * a * a + 3.0 * b * b - a * b, 4.0 * a - b, 6.0 * b - a


def skewed_bowl_descents(us: Floats, vs: Floats, rate: float, steps: int) -> float:
    """Descend in place for `steps` steps from each point of `us` and `vs`, shape (points,); return the highest end."""
    highest = 0.0
    for k in range(len(us)):
        u = float(us[k])
        v = float(vs[k])
        for _ in range(steps):
            _, du, dv = skewed_bowl(u, v)
            u -= rate * du
            v -= rate * dv
        us[k] = u
        vs[k] = v
        value, _, _ = skewed_bowl(u, v)
        highest = max(highest, value)
    return highest


def quartic(w1: float, w2: float, ridge: float) -> tuple[float, float, float]:
    """Return the quartic's value at (w1, w2) with `ridge` times |w|^2 / 2 added, and its two slopes."""
    square = w1 * w1
    value = 0.25 * square * square - 2.0 * square - w1 * w2 + 0.5 * w2 * w2 + 0.5 * ridge * (square + w2 * w2)
    return value, square * w1 - 4.0 * w1 - w2 + ridge * w1, w2 - w1 + ridge * w2


def ridge_path(w1: float, w2: float, ridges: Floats, rate: float, steps: int, path: Floats) -> float:
    """Descend on the quartic for `steps` steps under each of `ridges` (m,), from where the last descent ended.

    The first starts at (w1, w2). Write the ends into `path` (m, 2); return the last one's value.
    """
    value = 0.0
    for k in range(len(ridges)):
        ridge = float(ridges[k])
        for _ in range(steps):
            _, slope1, slope2 = quartic(w1, w2, ridge)
            w1 -= rate * slope1
            w2 -= rate * slope2
        path[k, 0] = w1
        path[k, 1] = w2
        value, _, _ = quartic(w1, w2, ridge)
    return value


def smallest_eigenvalue(a: float, b: float, c: float) -> float:
    """Return the smaller eigenvalue of ((a, b), (b, c))."""
    half = 0.5 * (a - c)
    return 0.5 * (a + c) - math.sqrt(half * half + b * b)


def quartic_convexity(points: Floats, ridges: Floats, lowest: Floats) -> tuple[int, int]:
    """Write the quartic's smallest curvature under each of `ridges` (r,) into `lowest` (r,).

    That is the smallest eigenvalue of its Hessian over all w1 in `points` (m,); it does not depend on w2. Return how
    many of the ridges leave it negative, and the point of the smallest curvature under the last ridge.
    """
    bent = 0
    where = -1
    for r in range(len(ridges)):
        ridge = float(ridges[r])
        least = np.inf
        for k in range(len(points)):
            w1 = float(points[k])
            curvature = smallest_eigenvalue(3.0 * w1 * w1 - 4.0 + ridge, -1.0, 1.0 + ridge)
            if curvature < least:
                least = curvature
                where = k
        lowest[r] = least
        if least < 0.0:
            bent += 1
    return bent, where


def bowl_starts(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Starts between -5 and 5 and the rate 0.1."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(-5.0, 5.0, size["points"]), random.uniform(-5.0, 5.0, size["points"]), 0.1, size["steps"]


def ridges(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start in one of the two valleys; ridges from 0 to 6 but for those near the change, where descent creeps."""
    random = np.random.Generator(np.random.PCG64(seed))
    w1 = float(random.choice([-1.0, 1.0]) * random.uniform(1.0, 2.0))
    below = np.linspace(0.0, CONVEX_FROM - 0.3, size["ridges"] // 2)
    above = np.linspace(CONVEX_FROM + 0.3, 6.0, size["ridges"] - size["ridges"] // 2)
    return w1, w1, np.concatenate([below, above]), 0.05, size["steps"], np.zeros((size["ridges"], 2))


def scan(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A grid of odd length from -3 to 3 in random order; ridges from 0 to 6."""
    random = np.random.Generator(np.random.PCG64(seed))
    points = random.permutation(np.linspace(-3.0, 3.0, size["points"]))
    return points, np.linspace(0.0, 6.0, size["ridges"]), np.zeros(size["ridges"])


def check_bowl(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The offsets times the power of I - rate H, by way of its eigenvectors."""
    spectrum, axes = np.linalg.eigh(np.array([[4.0, -1.0], [-1.0, 6.0]]))
    power = axes * (1.0 - before[2] * spectrum) ** before[3] @ axes.T
    a, b = power @ np.stack([before[0] - 1.0, before[1] + 2.0])
    highest = float(np.max(2.0 * a**2 + 3.0 * b**2 - a * b))
    return [
        Check("u", after[0], 1.0 + a, 1e-12, "power of the matrix"),
        Check("v", after[1], b - 2.0, 1e-12, "power of the matrix"),
        Check("highest", result, highest, 1e-9 * highest + 1e-14, "power of the matrix"),
    ]


def check_path(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Where the slopes vanish, w2 = w1 / (1 + r) and w1 is 0 or w1^2 = 4 - r + 1 / (1 + r)."""
    ridge = before[2]
    w1 = np.sign(before[0]) * np.sqrt(np.maximum(0.0, 4.0 - ridge + 1.0 / (1.0 + ridge)))
    end = w1[-1] ** 2
    value = 0.25 * end**2 - 0.5 * end * (4.0 - ridge[-1] + 1.0 / (1.0 + ridge[-1]))
    return [
        Check("path", after[5], np.stack([w1, w1 / (1.0 + ridge)], axis=1), 1e-6, "roots of the gradient"),
        Check("value", result, value, 1e-7, "value at the root"),
    ]


def check_scan(before: tuple[Any, ...], result: tuple[int, int], after: tuple[Any, ...]) -> list[Check]:
    """LAPACK's eigenvalues of every Hessian, which a ridge raises by itself; and the ridge of the closed form."""
    points, ridge, _ = before
    hessians = np.empty((len(points), 2, 2))
    hessians[:, 0, 0], hessians[:, 1, 1] = 3.0 * points**2 - 4.0, 1.0
    hessians[:, 0, 1] = hessians[:, 1, 0] = -1.0
    least = float(np.min(np.linalg.eigvalsh(hessians)))
    return [
        Check("lowest", after[2], least + ridge, 1e-12, "numpy.linalg.eigvalsh"),
        Check("closed form", after[2], ridge - CONVEX_FROM, 1e-12, "-(3 + sqrt 29) / 2 plus the ridge"),
        Check("ridges that leave it bent", result[0], int(np.sum(ridge < CONVEX_FROM)), 0.0, "(3 + sqrt 29) / 2"),
        Check("where", result[1], int(np.argmin(np.abs(points))), 0.0, "w1 = 0"),
    ]


KERNELS = (
    Kernel(
        name="skewed_bowl_descents",
        family="landscapes",
        summary="descents in the two-parameter bowl from many starts",
        units=(Unit(skewed_bowl_descents, ("points", "steps")), Unit(skewed_bowl)),
        signature="float64(float64[::1], float64[::1], float64, int64)",
        sizes={
            "small": {"points": 2000, "steps": 20},
            "medium": {"points": 90_000, "steps": 20},
            "large": {"points": 900_000, "steps": 20},
        },
        inputs=bowl_starts,
        checks=check_bowl,
        bets={},
    ),
    Kernel(
        name="ridge_path",
        family="landscapes",
        summary="the quartic's minimum, followed while a growing ridge makes the surface convex",
        units=(Unit(ridge_path, ("ridges", "steps")), Unit(quartic)),
        signature="float64(float64, float64, float64[::1], float64, int64, float64[:, ::1])",
        sizes={
            "small": {"ridges": 24, "steps": 1000},
            "medium": {"ridges": 1500, "steps": 1000},
            "large": {"ridges": 15_000, "steps": 1000},
        },
        inputs=ridges,
        checks=check_path,
        bets={},
    ),
    Kernel(
        name="quartic_convexity",
        family="landscapes",
        summary="a scan for the ridge from which on the quartic is convex",
        units=(Unit(quartic_convexity, ("ridges", "points")), Unit(smallest_eigenvalue)),
        signature="Tuple((int64, int64))(float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"points": 2001, "ridges": 20},
            "medium": {"points": 20_001, "ridges": 100},
            "large": {"points": 20_001, "ridges": 1000},
        },
        inputs=scan,
        checks=check_scan,
        bets={},
    ),
)
