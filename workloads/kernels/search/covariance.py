"""An evolution strategy that learns the axes of its steps: the elitist strategy of one parent with a Cholesky factor.

Igel, Suttorp & Hansen, "A computational efficient covariance matrix update and a (1+1)-CMA for evolution strategies",
GECCO 2006, with their constants. Steps are step * A z with z normal, so that their covariance is C = A A'. A success
along y = A z is remembered as C <- (1 - c) C + c y y', and instead of factoring C again, A itself gets a correction of
rank one, in n^2 operations:

    A <- a A + a (sqrt(1 + (1 - a^2) |z|^2 / a^2) - 1) / |z|^2 * y z', where a^2 = 1 - c.

The step follows the smoothed rate of successes, which is to be 2/11; where success is so frequent (above 0.44) that
steps are too short to say anything about axes, A is left as it is. On an ellipsoid C comes to resemble the inverse of
the Hessian, so that the last steps see a sphere.

Rejected: the strategy of many children with evolution paths. It asks for an eigendecomposition, or for solves with the
factor, and would mostly be a kernel of linear algebra.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def rotated_value(position: Floats, axes: Floats, curvatures: Floats) -> float:
    """Return sum c (axes x)^2 / 2; `axes` has shape (n, n), its rows orthonormal, the others (n,)."""
    value = 0.0
    for i in range(len(position)):
        along = 0.0
        for j in range(len(position)):
            along += float(axes[i, j]) * float(position[j])
        value += 0.5 * float(curvatures[i]) * (along * along)
    return value


def stretch(factor: Floats, normal: Floats, move: Floats, rate: float) -> None:
    """Change `factor` (n, n), A, in place so that A A' becomes (1 - rate) A A' + rate y y'.

    `normal` (n,), not zero, is z and `move` (n,) is y = A z.
    """
    n = len(normal)
    square = 0.0
    for j in range(n):
        square += float(normal[j]) * float(normal[j])
    kept = math.sqrt(1.0 - rate)
    added = kept * (math.sqrt(1.0 + rate * square / (1.0 - rate)) - 1.0) / square
    for i in range(n):
        along = added * float(move[i])
        for j in range(n):
            factor[i, j] = kept * float(factor[i, j]) + along * float(normal[j])


def cholesky_strategy(
    position: Floats,
    axes: Floats,
    curvatures: Floats,
    normals: Floats,
    step: float,
    factor: Floats,
    points: Floats,
    steps: Floats,
) -> tuple[float, int]:
    """Evolve `position` (n,) in place, one child per row of `normals` (children, n); return value and successes.

    `axes` (n, n) and `curvatures` (n,) are the ellipsoid's; `factor` (n, n), A, starts as the caller has it and is
    adapted in place. The parent and the step after each child go into `points` (children, n) and `steps` (children,).
    """
    n = len(position)
    damping, target, smoothing = 1.0 + 0.5 * n, 2.0 / 11.0, 1.0 / 12.0
    rate = 2.0 / (n * n + 6.0)
    normal, move, child = np.zeros(n), np.zeros(n), np.zeros(n)
    value, share, successes = rotated_value(position, axes, curvatures), target, 0
    for t in range(len(normals)):
        for j in range(n):
            normal[j] = float(normals[t, j])
        for i in range(n):
            along = 0.0
            for j in range(n):
                along += float(factor[i, j]) * float(normal[j])
            move[i] = along
            child[i] = float(position[i]) + step * along
        tried = rotated_value(child, axes, curvatures)
        share = (1.0 - smoothing) * share
        if tried <= value:
            share += smoothing
            successes += 1
            value = tried
            for i in range(n):
                position[i] = float(child[i])
            if share < 0.44:
                stretch(factor, normal, move, rate)
        step *= math.exp((share - target / (1.0 - target) * (1.0 - share)) / damping)
        steps[t] = step
        for i in range(n):
            points[t, i] = float(position[i])
    return value, successes


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A rotated ellipsoid in `n` dimensions of curvatures 1 to 1000, a start of length about 1, `children` children."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, children = size["n"], size["children"]
    axes, _ = np.linalg.qr(random.normal(0.0, 1.0, (n, n)))
    return (
        random.normal(0.0, 1.0, n) / math.sqrt(n),
        np.ascontiguousarray(axes),
        np.geomspace(1.0, 1000.0, n),
        random.normal(0.0, 1.0, (children, n)),
        1.0 / n,
        np.eye(n),
        np.zeros((children, n)),
        np.zeros(children),
    )


def checks(before: tuple[Any, ...], result: tuple[float, int], after: tuple[Any, ...]) -> list[Check]:
    """The covariance as a sum over the moves that succeeded; steps in closed form; only descents, along the moves.

    A move is what the parent moved by, over the step that was valid then. The shares of successes are sums over all
    earlier ones, as the recursion is short for.
    """
    start, axes, curvatures, normals, step, _, _, _ = before
    children, n = normals.shape
    rate, target = 2.0 / (n * n + 6.0), 2.0 / 11.0
    points, steps = np.vstack([start, after[6]]), np.concatenate([[step], after[7]])
    success = np.any(np.diff(points, axis=0) != 0.0, axis=1)
    values = 0.5 * (points @ axes.T) ** 2 @ curvatures
    fading = (11.0 / 12.0) ** np.arange(min(400, children))
    shares = np.convolve(success / 12.0, fading)[:children] + target * (11.0 / 12.0) ** np.arange(1, children + 1)
    growth = np.cumsum(shares - target / (1.0 - target) * (1.0 - shares)) / (1.0 + 0.5 * n)
    (used,) = np.nonzero(success & (shares < 0.44))
    moves = (points[used + 1] - points[used]) / steps[used, None]
    weights = rate * (1.0 - rate) ** np.arange(len(used) - 1.0, -1.0, -1.0)
    expected = (1.0 - rate) ** len(used) * np.eye(n) + (moves.T * weights) @ moves
    hessian = axes.T @ (curvatures[:, None] * axes)
    seen = np.linalg.eigvalsh(after[5].T @ hessian @ after[5])
    return [
        Check("covariance", after[5] @ after[5].T, expected, 1e-6 * float(np.abs(expected).max()), "sum over moves"),
        Check("steps", np.log(after[7] / step), growth, 1e-8, "closed form in the successes"),
        Check("value", result[0], values[-1], 1e-9 * values[-1], "whole arrays"),
        Check("descent only", max(float(np.diff(values).max()), 0.0), 0.0, 1e-12, "whole arrays"),
        Check("successes", result[1], int(success.sum()), 0.0, "parents that moved"),
        Check("last parent", after[0], points[-1], 0.0, "the trace"),
        Check("conditioning", math.log10(seen[-1] / seen[0]), 1.0, 1.7, "that of a sphere, give or take"),
    ]


KERNELS = (
    Kernel(
        name="cholesky_strategy",
        family="search",
        summary="evolution strategy that adapts the Cholesky factor of its covariance",
        units=(
            Unit(
                cholesky_strategy,
                ("children", "coordinates", "rows", "columns", "coordinates", "coordinates"),
            ),
            Unit(stretch, ("coordinates", "rows", "columns")),
            Unit(rotated_value, ("rows", "columns")),
        ),
        signature=(
            "Tuple((float64, int64))(float64[::1], float64[:, ::1], float64[::1], float64[:, ::1], float64,"
            " float64[:, ::1], float64[:, ::1], float64[::1])"
        ),
        sizes={
            "small": {"n": 4, "children": 800},
            "medium": {"n": 12, "children": 8_000},
            "large": {"n": 24, "children": 24_000},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "n, the trip count of four nested products per child, and the shape of the factor"},
    ),
)
