"""Quadratic bowls whose axes are not those of the coordinates, and what that does to methods that look along them.

Scaling every coordinate by its own curvature (Jacobi; the diagonal part of Adagrad, RMSprop and Adam does the same by
other means) undoes any condition number of a bowl whose axes are the coordinates', in one step. Rotate the bowl, and
the diagonal of its matrix says little: at 45 degrees in the plane nothing at all, the entries are equal, and the method
goes to and fro across the valley. How it does so is known exactly: D^(1/2) x shrinks along each eigenvector of
D^(-1/2) A D^(-1/2) by its own factor.

Steepest descent with exact steps zigzags for another reason: each gradient is orthogonal to the one before. The loss
falls by at least 1 - ((k - 1) / (k + 1))^2 per step for the condition number k (L. Kantorovich, Uspekhi Mat. Nauk 3(6),
1948), and by no more from a start whose gradient has equal parts along the flattest and the steepest axis, which is the
course that every start tends to (H. Akaike, Ann. Inst. Statist. Math. 11, 1959). The starts here are of that kind.

Both have a matrix of constant width, as small models do; `rotations` has a bowl of many coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def multiply(matrix: Floats, vector: Floats, product: Floats) -> None:
    """Write `matrix` (n, n) times `vector` into `product`, both of shape (n,)."""
    for i in range(len(vector)):
        total = 0.0
        for j in range(len(vector)):
            total += float(matrix[i, j]) * float(vector[j])
        product[i] = total


def inner(one: Floats, other: Floats) -> float:
    """Return the inner product of two vectors of shape (n,)."""
    total = 0.0
    for i in range(len(one)):
        total += float(one[i]) * float(other[i])
    return total


def diagonal_descent(hessian: Floats, position: Floats, rate: float, steps: int) -> tuple[float, int]:
    """Descend on x A x / 2 in place, each coordinate's step divided by its own curvature.

    `hessian` (n, n) is symmetric with a positive diagonal, `position` has shape (n,). Return the value before the last
    step, and how often a step pointed backwards: the inner product with the step before was negative.
    """
    gradient = np.zeros_like(position)
    last = np.zeros_like(position)
    value = 0.0
    turns = 0
    for _ in range(steps):
        multiply(hessian, position, gradient)
        value = 0.5 * inner(position, gradient)
        along = 0.0
        for i in range(len(position)):
            step = -rate * float(gradient[i]) / float(hessian[i, i])
            along += step * float(last[i])
            last[i] = step
            position[i] = float(position[i]) + step
        if along < 0.0:
            turns += 1
    return value, turns


def steepest_descent(hessian: Floats, position: Floats, steps: int) -> tuple[float, float]:
    """Descend on x A x / 2 in place, each step to the lowest point along the gradient.

    `hessian` (n, n) is symmetric and positive definite, `position` has shape (n,). Return the value at the end and the
    largest cosine, in magnitude, between a gradient and the one before. ZeroDivisionError at the minimum.
    """
    gradient = np.zeros_like(position)
    last = np.zeros_like(position)
    image = np.zeros_like(position)
    slope = 1.0
    overlap = 0.0
    for step in range(steps):
        multiply(hessian, position, gradient)
        multiply(hessian, gradient, image)
        square = inner(gradient, gradient)
        if step > 0:
            overlap = max(overlap, abs(inner(gradient, last)) / (math.sqrt(square) * math.sqrt(slope)))
        rate = square / inner(gradient, image)
        for i in range(len(position)):
            position[i] = float(position[i]) - rate * float(gradient[i])
            last[i] = float(gradient[i])
        slope = square
    multiply(hessian, position, gradient)
    return 0.5 * inner(position, gradient), overlap


def rotation(random: np.random.Generator, n: int) -> Floats:
    """A random orthogonal matrix (n, n)."""
    return np.ascontiguousarray(np.linalg.qr(random.standard_normal((n, n)))[0])


def scaled(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A rotated bowl of condition number `condition`, a start, and the rate of the quickest descent."""
    random = np.random.Generator(np.random.PCG64(seed))
    axes = rotation(random, size["n"])
    hessian = np.ascontiguousarray(axes * np.geomspace(1.0, float(size["condition"]), size["n"]) @ axes.T)
    widths = np.sqrt(np.diag(hessian))
    spectrum = np.linalg.eigvalsh(hessian / np.outer(widths, widths))
    return hessian, random.uniform(-1.0, 1.0, size["n"]), 2.0 / float(spectrum[0] + spectrum[-1]), size["steps"]


def slowest(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A rotated bowl of condition number `condition` and a start from which steepest descent is slowest."""
    random = np.random.Generator(np.random.PCG64(seed))
    axes = rotation(random, size["n"])
    curvatures = np.geomspace(1.0, float(size["condition"]), size["n"])
    start = np.ascontiguousarray(axes[:, 0] + random.choice([-1.0, 1.0]) * axes[:, -1] / curvatures[-1])
    return np.ascontiguousarray(axes * curvatures @ axes.T), start, size["steps"]


def check_scaled(before: tuple[Any, ...], result: tuple[float, int], after: tuple[Any, ...]) -> list[Check]:
    """Position, value and every step's direction follow from the eigenvectors of the scaled matrix."""
    hessian, start, rate, steps = before
    widths = np.sqrt(np.diag(hessian))
    spectrum, vectors = np.linalg.eigh(hessian / np.outer(widths, widths))
    parts = vectors.T @ (widths * start)
    powers = (1.0 - rate * spectrum) ** np.arange(steps + 1)[:, None]
    path = (powers * parts) @ vectors.T / widths
    moves = np.diff(path, axis=0)
    turns = int(np.sum(np.sum(moves[1:] * moves[:-1], axis=1) < 0.0))
    value = 0.5 * float(path[-2] @ hessian @ path[-2])
    return [
        Check("position", after[1], path[-1], 1e-10, "closed form in the eigenvectors of the scaled matrix"),
        Check("value", result[0], value, 1e-8 * value, "closed form"),
        Check("turns", result[1], turns, 0.0, "closed form"),
    ]


def check_slowest(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """Kantorovich's bound is reached: each step shrinks one axis' part by q and the other's by -q."""
    hessian, start, steps = before
    spectrum, axes = np.linalg.eigh(hessian)
    shrink = (spectrum[-1] - spectrum[0]) / (spectrum[-1] + spectrum[0])
    parts = axes.T @ start * shrink**steps
    parts[-1] *= (-1.0) ** steps
    value = 0.5 * float(start @ hessian @ start) * shrink ** (2 * steps)
    return [
        Check("position", after[1], axes @ parts, 1e-10, "Akaike 1959: the two parts alternate"),
        Check("value", result[0], value, 1e-9 * value, "Kantorovich's bound, attained"),
        Check("overlap", result[1], 0.0, 1e-9, "successive gradients are orthogonal"),
    ]


KERNELS = (
    Kernel(
        name="diagonal_descent",
        family="landscapes",
        summary="descent scaled by the diagonal of the Hessian, to and fro across a rotated bowl",
        units=(
            Unit(diagonal_descent, ("steps", "coordinates")),
            Unit(multiply, ("rows", "columns")),
            Unit(inner, ("coordinates",)),
        ),
        signature="Tuple((float64, int64))(float64[:, ::1], float64[::1], float64, int64)",
        sizes={
            "small": {"n": 8, "condition": 200, "steps": 400},
            "medium": {"n": 8, "condition": 20_000, "steps": 40_000},
            "large": {"n": 8, "condition": 200_000, "steps": 400_000},
        },
        inputs=scaled,
        checks=check_scaled,
        bets={},
    ),
    Kernel(
        name="steepest_descent",
        family="landscapes",
        summary="steepest descent with exact steps from the start that zigzags most",
        units=(
            Unit(steepest_descent, ("steps", "coordinates")),
            Unit(multiply, ("rows", "columns")),
            Unit(inner, ("coordinates",)),
        ),
        signature="Tuple((float64, float64))(float64[:, ::1], float64[::1], int64)",
        sizes={
            "small": {"n": 12, "condition": 100, "steps": 200},
            "medium": {"n": 12, "condition": 5000, "steps": 10_000},
            "large": {"n": 12, "condition": 50_000, "steps": 100_000},
        },
        inputs=slowest,
        checks=check_slowest,
        bets={},
    ),
)
