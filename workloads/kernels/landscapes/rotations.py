"""A rotated quadratic bowl without a matrix: one gradient, many coordinates.

Its rotation is a product of plane rotations (W. Givens, J. SIAM 6(1), 1958), each turning two coordinates that an index
array names, so the cost grows with n and not with n^2, and the condition number is whatever the curvatures say. In a
round every coordinate is turned at most once, which lets NumPy do a round at a time: the check. Rejected: one
Householder reflection, cheaper still, but hardly more than a shift of every coordinate by the same number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def rotated_bowl_gradient(
    position: Floats,
    curvatures: Floats,
    first: Indices,
    second: Indices,
    cosines: Floats,
    sines: Floats,
    turned: Floats,
    gradient: Floats,
) -> float:
    """Write the gradient of sum c (Q x)^2 / 2 into `gradient` and Q x into `turned`; return the value.

    `position`, `curvatures`, `turned` and `gradient` have shape (n,). Q is made of plane rotations: rotation k of
    round r turns coordinates `first[r, k]` and `second[r, k]` by the angle with `cosines[r, k]` and `sines[r, k]`.
    IndexError if an index is outside the position.
    """
    for i in range(len(position)):
        turned[i] = float(position[i])
    for r in range(first.shape[0]):
        for k in range(first.shape[1]):
            i = int(first[r, k])
            j = int(second[r, k])
            one = float(turned[i])
            other = float(turned[j])
            turned[i] = float(cosines[r, k]) * one - float(sines[r, k]) * other
            turned[j] = float(sines[r, k]) * one + float(cosines[r, k]) * other
    value = 0.0
    for i in range(len(position)):
        slope = float(curvatures[i]) * float(turned[i])
        gradient[i] = slope
        value += 0.5 * slope * float(turned[i])
    for r in range(first.shape[0] - 1, -1, -1):
        for k in range(first.shape[1]):
            i = int(first[r, k])
            j = int(second[r, k])
            one = float(gradient[i])
            other = float(gradient[j])
            gradient[i] = float(cosines[r, k]) * one + float(sines[r, k]) * other
            gradient[j] = float(cosines[r, k]) * other - float(sines[r, k]) * one
    return value


def planes(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A start, curvatures from 1 to `condition`, and `rounds` rounds that turn every coordinate once."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, half = size["n"], size["n"] // 2
    pairs = np.stack([random.permutation(n)[: 2 * half] for _ in range(size["rounds"])]).astype(np.int64)
    angles = random.uniform(0.0, 2.0 * np.pi, (size["rounds"], half))
    curvatures = np.geomspace(1.0, float(size["condition"]), n)
    first, second = np.ascontiguousarray(pairs[:, :half]), np.ascontiguousarray(pairs[:, half:])
    start = random.uniform(-1.0, 1.0, n)
    return start, curvatures, first, second, np.cos(angles), np.sin(angles), np.zeros(n), np.zeros(n)


def check_gradient(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The same rotations, a whole round at a time; and x grad = 2 f, as for every quadratic form."""
    position, curvatures, first, second, cosines, sines, _, _ = before
    turned = position.copy()
    for i, j, c, s in zip(first, second, cosines, sines, strict=True):
        turned[i], turned[j] = c * turned[i] - s * turned[j], s * turned[i] + c * turned[j]
    gradient = curvatures * turned
    for i, j, c, s in zip(first[::-1], second[::-1], cosines[::-1], sines[::-1], strict=True):
        gradient[i], gradient[j] = c * gradient[i] + s * gradient[j], c * gradient[j] - s * gradient[i]
    value = 0.5 * float(curvatures @ turned**2)
    return [
        Check("gradient", after[7], gradient, 1e-12 * curvatures[-1], "NumPy, a round of rotations at once"),
        Check("value", result, value, 1e-12 * value, "NumPy"),
        Check("twice the value", float(position @ after[7]), 2.0 * value, 1e-11 * value, "Euler's theorem"),
    ]


KERNELS = (
    Kernel(
        name="rotated_bowl_gradient",
        family="landscapes",
        summary="one gradient of a quadratic bowl turned by plane rotations, without a matrix",
        units=(
            Unit(
                rotated_bowl_gradient,
                ("coordinates", "rounds", "rotations", "coordinates", "rounds, backwards", "rotations"),
            ),
        ),
        signature="float64(float64[::1], float64[::1], int64[:, ::1], int64[:, ::1], float64[:, ::1],"
        " float64[:, ::1], float64[::1], float64[::1])",
        sizes={
            "small": {"n": 1000, "rounds": 8, "condition": 100},
            "medium": {"n": 60_000, "rounds": 8, "condition": 100},
            "large": {"n": 600_000, "rounds": 8, "condition": 100},
        },
        inputs=planes,
        checks=check_gradient,
        bets={},
    ),
)
