"""L-BFGS under inexact gradients: the curvature check that decides which pairs are kept.

With exact gradients of a convex function the pair s = x' - x, y = g' - g has s.y > 0, and the estimate built from such
pairs is positive definite. With errors in the gradients it may not: the difference of two errors enters y and, once
steps are short, outweighs the curvature. A pair of s.y <= 0 would make the next direction point uphill, so it is
refused. That keeps directions downhill and does not keep them short, since s.y just above zero claims a curvature of
almost nothing. The check is therefore s.y > floor |s|^2, the cautious update of Li & Fukushima, SIAM Journal on
Optimization 11(4), 2001; `floor` zero is the plain one. Lengthening the steps over which differences are taken, as in
Shi, Xie, Byrd & Nocedal, SIAM Journal on Optimization 32(1), 2022, would need a line search, and values with errors are
no better a guide than gradients: here lengths fall as rate / (1 + k / horizon) (Robbins & Monro, Annals of Mathematical
Statistics 22(3), 1951).

The errors are drawn beforehand and added to the gradient of a separable sum of c (sqrt(1 + x^2) - 1): strictly convex,
curvature falling with the distance. The two-loop recursion is the one of the L-BFGS workload. The check redoes it by
the product formula on dense matrices, from the recorded positions alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from ..lbfgs import two_loop


def noisy_gradient(position: Floats, curvatures: Floats, errors: Floats, row: int, gradient: Floats) -> float:
    """Write c x / sqrt(1 + x^2) plus row `row` of `errors` into `gradient`; return the sum of c (sqrt(1 + x^2) - 1).

    `position`, `curvatures` and `gradient` have shape (n,), `errors` (rows, n). IndexError if one is too short.
    """
    value = 0.0
    for i in range(len(position)):
        here = float(position[i])
        root = math.sqrt(1.0 + here * here)
        gradient[i] = float(curvatures[i]) * here / root + float(errors[row, i])
        value += float(curvatures[i]) * (root - 1.0)
    return value


def keep_pair(
    position: Floats,
    previous: Floats,
    gradient: Floats,
    old: Floats,
    floor: float,
    row: int,
    steps: Floats,
    changes: Floats,
    inverses: Floats,
) -> float:
    """Write the pair s, y into row `row` and return the scale (s.y) / (y.y), or 0.0 if s.y <= `floor` s.s.

    `position` and `gradient` are the new point, `previous` and `old` the one before, all (n,). `steps` and `changes`
    are (rows, n), `inverses` (rows,); a refused pair leaves its row half written and must not be used. IndexError if
    an array is too short.
    """
    curvature = 0.0
    square = 0.0
    moved = 0.0
    for i in range(len(position)):
        step = float(position[i]) - float(previous[i])
        change = float(gradient[i]) - float(old[i])
        steps[row, i] = step
        changes[row, i] = change
        curvature += step * change
        square += change * change
        moved += step * step
    if curvature <= floor * moved or curvature == 0.0:
        return 0.0
    inverses[row] = 1.0 / curvature
    return curvature / square


def lbfgs_inexact(
    position: Floats,
    curvatures: Floats,
    errors: Floats,
    memory: int,
    floor: float,
    rate: float,
    horizon: float,
    history: Floats,
) -> tuple[float, int]:
    """Move `position`, (n,), in place once per row of `errors` but the last; return the exact value and pairs refused.

    `curvatures` is (n,), `errors` and `history` (steps + 1, n); `history` gets every position. `memory` pairs are
    kept. IndexError if an array is too short.
    """
    n = len(position)
    gradient = np.zeros(n)
    old = np.zeros(n)
    previous = np.zeros(n)
    direction = np.zeros(n)
    weights = np.zeros(memory + 1)
    steps = np.zeros((memory + 1, n))
    changes = np.zeros((memory + 1, n))
    inverses = np.zeros(memory + 1)
    order = np.zeros(memory, np.int64)
    kept = 0
    refused = 0
    spare = 0
    value = noisy_gradient(position, curvatures, errors, 0, gradient)
    scale = 0.0
    for i in range(n):
        scale += float(gradient[i]) * float(gradient[i])
        history[0, i] = float(position[i])
    scale = 1.0 / math.sqrt(scale)
    for k in range(len(errors) - 1):
        two_loop(gradient, steps, changes, inverses, order[:kept], scale, weights, direction)
        length = rate / (1.0 + k / horizon)
        for i in range(n):
            old[i] = float(gradient[i])
            previous[i] = float(position[i])
            position[i] = float(position[i]) + length * float(direction[i])
            history[k + 1, i] = float(position[i])
        value = noisy_gradient(position, curvatures, errors, k + 1, gradient)
        found = keep_pair(position, previous, gradient, old, floor, spare, steps, changes, inverses)
        if found == 0.0:
            refused += 1
            continue
        scale = found
        oldest = int(order[memory - 1])
        for j in range(memory - 1, 0, -1):
            order[j] = int(order[j - 1])
        order[0] = spare
        if kept < memory:
            kept += 1
            spare = kept
        else:
            spare = oldest
    return value, refused


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Curvatures from 1 to 30 in `n` coordinates, errors of 0.05; `memory` pairs, floor 0.1, `steps` steps."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, steps = size["n"], size["steps"]
    start = random.uniform(-2.0, 2.0, n)
    curvatures = random.permutation(np.geomspace(1.0, 30.0, n))
    errors = 0.05 * random.standard_normal((steps + 1, n))
    return start, curvatures, errors, size["memory"], 0.1, 0.5, 20.0, np.zeros((steps + 1, n))


def pairs(before: tuple[Any, ...], history: Floats) -> tuple[Floats, Floats, Floats]:
    """Gradients (steps + 1, n) at the recorded positions, and all pairs s and y, both (steps, n)."""
    _, curvatures, errors, *_ = before
    gradients = curvatures * history / np.sqrt(1.0 + history**2) + errors
    return gradients, np.diff(history, axis=0), np.diff(gradients, axis=0)


def dense_direction(gradient: Floats, s: Floats, y: Floats) -> Floats:
    """Minus the BFGS matrix built from the pairs `s`, `y`, (pairs, n), oldest first, times `gradient`."""
    inverse = np.eye(len(gradient)) * (s[-1] @ y[-1]) / (y[-1] @ y[-1])
    for step, change in zip(s, y, strict=True):
        left = np.eye(len(gradient)) - np.outer(step, change) / (step @ change)
        inverse = left @ inverse @ left.T + np.outer(step, step) / (step @ change)
    direction: Floats = -inverse @ gradient
    return direction


def checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The pairs refused are those without curvature, and the last moves are those of dense BFGS on the others."""
    start, curvatures, _, memory, floor, rate, horizon, _ = before
    history = after[7]
    gradients, s, y = pairs(before, history)
    kept = np.sum(s * y, axis=1) > floor * np.sum(s * s, axis=1)
    last = range(max(memory, len(s) - 5), len(s))
    chosen = [np.flatnonzero(kept[:k])[-memory:] for k in last]
    moves = [
        dense_direction(gradients[k], s[rows], y[rows]) * rate / (1.0 + k / horizon)
        for k, rows in zip(last, chosen, strict=True)
    ]
    value = float(np.sum(curvatures * (np.sqrt(1.0 + after[0] ** 2) - 1.0)))
    return [
        Check("pairs refused", result[1], int(np.count_nonzero(~kept)), 0.0, "s.y from the recorded positions"),
        Check("last moves", s[list(last)], moves, 1e-9, "the product formula of BFGS on dense matrices"),
        Check("first position", history[0], start, 0.0, "the start"),
        Check("last position", history[-1], after[0], 0.0, "the end"),
        Check("value", result[0], value, 1e-12 * (1.0 + value), "vectorised"),
    ]


KERNELS = (
    Kernel(
        name="lbfgs_inexact",
        family="curvature",
        summary="L-BFGS on noisy gradients; pairs without positive curvature are refused",
        units=(
            Unit(lbfgs_inexact, ("coordinates", "steps", "coordinates", "pairs")),
            Unit(two_loop, ("elements", "pairs", "elements", "elements", "elements", "pairs", "elements", "elements")),
            Unit(noisy_gradient, ("coordinates",)),
            Unit(keep_pair, ("coordinates",)),
        ),
        signature=(
            "Tuple((float64, int64))(float64[::1], float64[::1], float64[:, ::1], int64, float64, float64, float64, "
            "float64[:, ::1])"
        ),
        sizes={
            "small": {"n": 20, "memory": 5, "steps": 100},
            "medium": {"n": 200, "memory": 8, "steps": 800},
            "large": {"n": 400, "memory": 8, "steps": 4000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
