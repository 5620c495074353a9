"""Rosenbrock's curved valley: steep across, nearly flat along, so that descent is quick to it and slow in it.

H. Rosenbrock, Computer Journal 3(3), 1960, chained over n coordinates with its minimum at (1, ..., 1); from four
coordinates on a second, local one lies near (-1, 1, ..., 1) (Y. Shang and Y. Qiu, Evolutionary Computation 14(1),
2006). The gradient is that of the L-BFGS workload.

Descent halves its step until the loss has fallen by a share of what the slope promises (L. Armijo, Pacific J. Math.
16(1), 1966), and begins the next search at twice the step that it took: without that, a valley that turns would cost a
dozen evaluations a step. There is no closed form for the path. What is checked is the loss at the end, from another
formula; that the end lies on the valley's floor; and that the average step kept Armijo's promise.

`rosenbrock_values` is the other use of such a surface: the loss of a whole population of short points at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from ..lbfgs import rosenbrock

SHARE = 1e-4
"""Of the fall that the slope promises, how much a step must bring (Nocedal and Wright, Numerical Optimization)."""


def rosenbrock_at(position: Floats, gradient: Floats, length: float, trial: Floats) -> float:
    """Write `position` - `length` times `gradient` into `trial`, all of shape (n,); return the loss there."""
    for i in range(len(position)):
        trial[i] = float(position[i]) - length * float(gradient[i])
    loss = 0.0
    for i in range(len(trial) - 1):
        here = float(trial[i])
        gap = float(trial[i + 1]) - here * here
        loss += 100.0 * gap * gap + (1.0 - here) * (1.0 - here)
    return loss


def rosenbrock_descent(position: Floats, steps: int) -> tuple[float, float, int]:
    """Descend in place from `position`, shape (n,), n >= 2, with Armijo's backtracking.

    Return the loss at the end, the sum of length times squared slope over all steps, and the number of losses that
    the searches asked for.
    """
    gradient = np.zeros_like(position)
    trial = np.zeros_like(position)
    length = 1.0
    promised = 0.0
    asked = 0
    loss = rosenbrock(position, gradient)
    for _ in range(steps):
        square = 0.0
        for i in range(len(gradient)):
            square += float(gradient[i]) * float(gradient[i])
        length *= 2.0
        lower = rosenbrock_at(position, gradient, length, trial)
        asked += 1
        while lower > loss - SHARE * length * square:
            length *= 0.5
            lower = rosenbrock_at(position, gradient, length, trial)
            asked += 1
        for i in range(len(position)):
            position[i] = float(trial[i])
        promised += length * square
        loss = rosenbrock(position, gradient)
    return loss, promised, asked


def rosenbrock_values(points: Floats, values: Floats) -> float:
    """Write the loss of each row of `points` (m, n) into `values` (m,); return the lowest."""
    lowest = np.inf
    for row in range(len(points)):
        loss = 0.0
        here = float(points[row, 0])
        for i in range(1, points.shape[1]):
            after = float(points[row, i])
            gap = after - here * here
            loss += 100.0 * gap * gap + (1.0 - here) * (1.0 - here)
            here = after
        values[row] = loss
        lowest = min(lowest, loss)
    return lowest


def start(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Rosenbrock's start (-1.2, 1, -1.2, 1, ...), moved a little by the seed."""
    random = np.random.Generator(np.random.PCG64(seed))
    return np.resize([-1.2, 1.0], size["n"]) + random.uniform(-0.1, 0.1, size["n"]), size["steps"]


def population(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Points in the box from -2 to 2, the usual one."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(-2.0, 2.0, (size["points"], size["n"])), np.zeros(size["points"])


def losses(points: Floats) -> Floats:
    """The loss of each row of `points` (m, n), in NumPy."""
    here, after = points[:, :-1], points[:, 1:]
    return np.asarray(np.sum(100.0 * (after - here**2) ** 2 + (1.0 - here) ** 2, axis=1))


def check_descent(before: tuple[Any, ...], result: tuple[float, float, int], after: tuple[Any, ...]) -> list[Check]:
    """The loss at the end by another formula; the valley's floor; Armijo's condition summed over all steps."""
    first, last = losses(np.stack([before[0], after[0]]))
    floor = after[0][:-1] ** 2
    kept = first - last >= SHARE * result[1]
    return [
        Check("loss", result[0], last, 1e-12 * first, "NumPy at the end"),
        Check("floor of the valley", after[0][1:], floor, 0.05, "x' = x^2"),
        Check("fall that was promised", float(kept), 1.0, 0.0, "Armijo 1966, summed"),
        Check("at least one loss per step", float(result[2] >= before[1]), 1.0, 0.0, "construction"),
    ]


def check_values(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """All losses at once."""
    expected = losses(before[0])
    return [
        Check("values", after[1], expected, 1e-11 * float(np.max(expected)), "NumPy"),
        Check("lowest", result, float(np.min(expected)), 1e-11, "NumPy"),
    ]


KERNELS = (
    Kernel(
        name="rosenbrock_descent",
        family="landscapes",
        summary="descent with Armijo's backtracking in Rosenbrock's valley",
        units=(
            Unit(rosenbrock_descent, ("steps", "coordinates", "halvings", "coordinates")),
            Unit(rosenbrock_at, ("coordinates", "pairs of neighbours")),
            Unit(rosenbrock, ("pairs of neighbours",)),
        ),
        signature="Tuple((float64, float64, int64))(float64[::1], int64)",
        sizes={
            "small": {"n": 2, "steps": 2000},
            "medium": {"n": 40, "steps": 10_000},
            "large": {"n": 200, "steps": 20_000},
        },
        inputs=start,
        checks=check_descent,
        bets={},
    ),
    Kernel(
        name="rosenbrock_values",
        family="landscapes",
        summary="Rosenbrock's loss at every point of a population",
        units=(Unit(rosenbrock_values, ("points", "pairs of neighbours")),),
        signature="float64(float64[:, ::1], float64[::1])",
        sizes={
            "small": {"points": 6000, "n": 5},
            "medium": {"points": 400_000, "n": 5},
            "large": {"points": 4_000_000, "n": 5},
        },
        inputs=population,
        checks=check_values,
        bets={},
    ),
)
