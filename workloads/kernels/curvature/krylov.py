"""BiCGSTAB: Krylov steps for the curvature matrices that are not symmetric.

Where the model's Jacobian enters in place of a symmetric Hessian (a flow, a game, a Newton step on stationarity
conditions), conjugate gradients do not apply. BiCGSTAB needs two products per iteration, none with the transpose, and
short recurrences (van der Vorst, SIAM Journal on Scientific and Statistical Computing 13(2), 1992). Its two breakdowns,
a shadow residual orthogonal to the residual and a stabilising step of length zero, end the loop; whether it has
converged is then in the residual that is returned.

The matrix is a convection-diffusion operator on a square grid with upwind differences (Elman, Silvester & Wathen,
Finite Elements and Fast Iterative Solvers, 2014, chapter 6, for the problem), stored by rows with column numbers. The
check applies it as a stencil on the grid, where no column numbers exist.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .dense import INNER, inner


def sparse_times(starts: Indices, columns: Indices, values: Floats, vector: Floats, product: Floats) -> None:
    """Write a square CSR matrix times `vector` into `product`, both (n,).

    `starts` is (n + 1,), `columns` and `values` (non-zeros,). IndexError for a column beyond n or a short array.
    """
    for row in range(len(product)):
        total = 0.0
        for k in range(int(starts[row]), int(starts[row + 1])):
            total += float(values[k]) * float(vector[int(columns[k])])
        product[row] = total


def bicgstab(
    starts: Indices, columns: Indices, values: Floats, right: Floats, solution: Floats, tolerance: float, limit: int
) -> tuple[int, float]:
    """Solve the CSR system from the guess in `solution`, (n,), in place; return the iterations and the residual's norm.

    Ends when the residual that the recurrence carries is at most `tolerance` times the norm of `right`, (n,), at a
    breakdown, or after `limit` iterations. IndexError for a column beyond n or an array that is too short.
    """
    n = len(right)
    residual = np.zeros(n)
    shadow = np.zeros(n)
    search = np.zeros(n)
    along = np.zeros(n)
    turned = np.zeros(n)
    sparse_times(starts, columns, values, solution, residual)
    for i in range(n):
        residual[i] = float(right[i]) - float(residual[i])
        shadow[i] = float(residual[i])
        search[i] = float(residual[i])
    enough = tolerance * math.sqrt(inner(right, right))
    product = inner(shadow, residual)
    norm = math.sqrt(product)
    taken = 0
    while norm > enough and taken < limit:
        sparse_times(starts, columns, values, search, along)
        slope = inner(shadow, along)
        if slope == 0.0:
            break
        length = product / slope
        for i in range(n):
            residual[i] = float(residual[i]) - length * float(along[i])
        sparse_times(starts, columns, values, residual, turned)
        square = inner(turned, turned)
        steadying = inner(turned, residual) / square if square > 0.0 else 0.0
        for i in range(n):
            solution[i] = float(solution[i]) + length * float(search[i]) + steadying * float(residual[i])
            residual[i] = float(residual[i]) - steadying * float(turned[i])
        taken += 1
        norm = math.sqrt(inner(residual, residual))
        previous = product
        product = inner(shadow, residual)
        if steadying == 0.0 or product == 0.0:
            break
        turn = (product / previous) * (length / steadying)
        for i in range(n):
            search[i] = float(residual[i]) + turn * (float(search[i]) - steadying * float(along[i]))
    return taken, norm


EAST, NORTH = 20.0, 8.0
"""Speed of the flow across the unit square, in units of the diffusivity."""


def stencil(field: Floats) -> Floats:
    """The operator on the interior points of a square grid, (side, side), times the square of its spacing."""
    padded = np.pad(field, 1)
    spacing = 1.0 / (len(field) + 1)
    here, west, south = padded[1:-1, 1:-1], padded[1:-1, :-2], padded[:-2, 1:-1]
    diffused = 4.0 * here - west - south - padded[1:-1, 2:] - padded[2:, 1:-1]
    result: Floats = diffused + spacing * (EAST * (here - west) + NORTH * (here - south))
    return result


def grid(side: int) -> tuple[Indices, Indices, Floats]:
    """The operator in CSR form, points numbered row by row: starts, columns and values."""
    spacing = 1.0 / (side + 1)
    rows, columns = np.divmod(np.arange(side * side), side)
    center = 4.0 + spacing * (EAST + NORTH)
    offsets = ((-1, 0), (0, -1), (0, 0), (0, 1), (1, 0))
    weights = (-1.0 - spacing * NORTH, -1.0 - spacing * EAST, center, -1.0, -1.0)
    near = np.stack([(rows + down) * side + columns + across for down, across in offsets], axis=1)
    inside = np.stack(
        [(rows + i >= 0) & (rows + i < side) & (columns + j >= 0) & (columns + j < side) for i, j in offsets], axis=1
    )
    starts = np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64)
    values = np.broadcast_to(np.array(weights), near.shape)[inside]
    return starts, near[inside].astype(np.int64), np.ascontiguousarray(values)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A grid of `side` x `side` points, the right side of a planted solution, and a guess of zero."""
    random = np.random.Generator(np.random.PCG64(seed))
    planted = random.standard_normal((size["side"], size["side"]))
    return *grid(size["side"]), stencil(planted).ravel(), np.zeros(size["side"] ** 2), 1e-10, 10 * size["side"]


def checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The solution satisfies the stencil, and the residual carried along is the true one."""
    right, tolerance = before[3], before[5]
    side = math.isqrt(len(right))
    residual = stencil(after[4].reshape(side, side)).ravel() - right
    norm = float(np.linalg.norm(right))
    return [
        Check("residual", residual, 0.0 * residual, 2.0 * tolerance * norm, "the stencil on the grid"),
        Check("norm", result[1], float(np.linalg.norm(residual)), 1e-11 * norm, "the stencil on the grid"),
    ]


KERNELS = (
    Kernel(
        name="bicgstab",
        family="curvature",
        summary="BiCGSTAB on an upwind convection-diffusion matrix in CSR form",
        units=(
            Unit(bicgstab, ("elements", "iterations", "elements", "elements", "elements")),
            Unit(sparse_times, ("rows", "non-zeros")),
            INNER,
        ),
        signature=(
            "Tuple((int64, float64))(int64[::1], int64[::1], float64[::1], float64[::1], float64[::1], float64, int64)"
        ),
        sizes={"small": {"side": 12}, "medium": {"side": 48}, "large": {"side": 110}},
        inputs=inputs,
        checks=checks,
        bets={"index_maxima": "columns[k], which indexes `vector` in the product"},
    ),
)
