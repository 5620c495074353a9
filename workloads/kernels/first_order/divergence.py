"""Where Adam goes to the worst point, and AMSGrad to the best.

Reddi, Kale & Kumar, "On the convergence of Adam and beyond", ICLR 2018. On [-1, 1] the slope is large and positive once
per period, in its first step, and small and negative in all others; over a period the positive one outweighs the rest,
so the best point is -1. Adam forgets the large slope within the period: what it adds to the mean square has decayed
when the small ones come, and these, divided by a small root, push further than the large one pushed back. In theorem 1
the slopes are C, -1, -1, beta1 is 0, beta2 is 1 / (1 + C^2), the rate below sqrt(1 - beta2) falls as 1 / sqrt(t), and
the start is 1: Adam is back at 1 after each period, and its regret grows by at least 2C - 4 in each. Their section 5
has one slope of 1010, 100 of -10, and the usual constants. AMSGrad divides by the largest mean square so far, and one
large slope at the start is never forgotten.

Both kernels have neither bias correction, as in that paper, nor an array in the inner loop: each problem lives in
scalars, and the regret against -1 is summed up in a register. The place within a period is the remainder of the step; a
constant divisor would save nothing beside the roots and divisions of the update.

A course that sits on the edge of the interval is the same however it is rounded, so the check by arrays over all
problems, with step and problem in the other order, holds to the last digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def slope_at(t: int, period: int, large: float, small: float) -> float:
    """The slope in step t = 1, 2, ...: `large` in the first step of each period, -`small` in the others."""
    if t % period == 1:
        return large
    return -small


def adam_online(
    position: Floats,
    regret: Floats,
    large: Floats,
    small: Floats,
    beta2: Floats,
    beta1: float,
    rate: float,
    period: int,
    steps: int,
) -> None:
    """Run Adam on [-1, 1] for `steps` steps on each problem, with the rate `rate` / sqrt(t), from `position`.

    All arrays have shape (problems,). The last position and the regret against staying at -1 are written in place.
    IndexError if an array is shorter than `position`; ZeroDivisionError if `period` or a mean square is 0.
    """
    for i in range(len(position)):
        x, mean, square, loss = float(position[i]), 0.0, 0.0, 0.0
        up, down, forget = float(large[i]), float(small[i]), float(beta2[i])
        for t in range(1, steps + 1):
            slope = slope_at(t, period, up, down)
            loss += slope * (x + 1.0)
            mean = beta1 * mean + (1.0 - beta1) * slope
            square = forget * square + (1.0 - forget) * slope * slope
            x = min(1.0, max(-1.0, x - rate / math.sqrt(t) * mean / math.sqrt(square)))
        position[i] = x
        regret[i] = loss


def amsgrad_online(
    position: Floats,
    regret: Floats,
    large: Floats,
    small: Floats,
    beta2: Floats,
    beta1: float,
    rate: float,
    period: int,
    steps: int,
) -> None:
    """`adam_online` with AMSGrad."""
    for i in range(len(position)):
        x, mean, square, most, loss = float(position[i]), 0.0, 0.0, 0.0, 0.0
        up, down, forget = float(large[i]), float(small[i]), float(beta2[i])
        for t in range(1, steps + 1):
            slope = slope_at(t, period, up, down)
            loss += slope * (x + 1.0)
            mean = beta1 * mean + (1.0 - beta1) * slope
            square = forget * square + (1.0 - forget) * slope * slope
            most = max(most, square)
            x = min(1.0, max(-1.0, x - rate / math.sqrt(t) * mean / math.sqrt(most)))
        position[i] = x
        regret[i] = loss


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Theorem 1 for `problems` values of C from 3 to 10: everything starts at 1, the worst point; full periods."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["problems"]
    large = random.uniform(3.0, 10.0, n)
    start, regret, small, beta2 = np.ones(n), np.zeros(n), np.ones(n), 1.0 / (1.0 + large**2)
    return start, regret, large, small, beta2, 0.0, 0.9, 3, 3 * size["periods"]


def course(before: tuple[Any, ...], remember: bool) -> tuple[Floats, Floats]:
    """Last positions and regrets of all problems at once, step by step; with `remember`, of AMSGrad."""
    x, regret, large, small, beta2, beta1, rate, period, steps = before
    mean, square, most = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    regret = np.zeros_like(x)
    for t in range(1, steps + 1):
        slope = np.where(t % period == 1, large, -small)
        regret += slope * (x + 1.0)
        mean += (1.0 - beta1) * (slope - mean)
        square += (1.0 - beta2) * (slope**2 - square)
        most = np.maximum(most, square) if remember else square
        x = np.clip(x - rate * t**-0.5 * mean * most**-0.5, -1.0, 1.0)
    return x, regret


def adam_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Theorem 1: Adam is at the worst point again, and has lost at least 2C - 4 in every period."""
    large, period, steps = before[2], before[7], before[8]
    position, regret = course(before, remember=False)
    lost = (2.0 * large - 4.0) * (steps // period)
    return [
        Check("position", after[0], np.ones_like(large), 0.0, "Reddi, Kale & Kumar 2018, theorem 1"),
        Check("regret short of the bound", np.maximum(lost - after[1], 0.0), 0.0 * large, 0.0, "proof of theorem 1"),
        Check("position by arrays", after[0], position, 0.0, "all problems at once"),
        Check("regret", after[1], regret, 1e-9 * steps, "all problems at once"),
    ]


def amsgrad_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The course by arrays. (At -1 after so many steps is a matter of the size, and in the tests.)"""
    position, regret = course(before, remember=True)
    return [
        Check("position", after[0], position, 1e-9, "all problems at once"),
        Check("regret", after[1], regret, 1e-9 * before[8], "all problems at once"),
    ]


def online_kernel(function: Callable[..., Any], summary: str, checks: Callable[..., list[Check]]) -> Kernel:
    """A kernel of this module; the two differ in a line."""
    return Kernel(
        name=function.__name__,
        family="first_order",
        summary=summary,
        units=(Unit(function, ("problems", "steps")), Unit(slope_at)),
        signature=f"none({'float64[::1], ' * 5}float64, float64, int64, int64)",
        sizes={
            "small": {"problems": 10, "periods": 800},
            "medium": {"problems": 40, "periods": 10_000},
            "large": {"problems": 40, "periods": 100_000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    )


KERNELS = (
    online_kernel(adam_online, "Adam on linear losses on which it converges to the worst point", adam_checks),
    online_kernel(
        amsgrad_online, "AMSGrad on linear losses on which Adam converges to the worst point", amsgrad_checks
    ),
)
