"""Single steps of Adam and its kin: the update that every training loop calls once per gradient.

Adam is Kingma & Ba, ICLR 2015, algorithm 1. AMSGrad is Reddi, Kale & Kumar, "On the convergence of Adam and beyond",
ICLR 2018, algorithm 2, which has no bias correction; the epsilon is added as all libraries do. AdaBelief is Zhuang et
al., NeurIPS 2020, algorithm 2: the square of the gradient's deviation from its mean takes the place of its square, and
epsilon is added to it in each step.

The loops are written as people write them, with both corrections as divisions. The paper's folding of the corrections
into the rate (end of section 2) would save them; it is what the checks compute instead. Every denominator is positive,
by epsilon or by 1 - beta^t for t > 0, which a compiler that must keep ZeroDivisionError cannot know.

beta^t comes in as 1 - beta^t, from running products in the caller: a power here would tie the last bit to `pow`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

GUARDED = "the corrections 1 - beta^t and the root + epsilon divide in the loop over coordinates; all are positive"


def adam_step(
    position: Floats,
    gradient: Floats,
    mean: Floats,
    square: Floats,
    rate: float,
    beta1: float,
    beta2: float,
    correction1: float,
    correction2: float,
    epsilon: float,
) -> None:
    """Advance `position` and the moments `mean` and `square` in place, all of shape (n,).

    `correction1` is 1 - beta1^t and `correction2` is 1 - beta2^t in step t = 1, 2, ... IndexError if an array is
    shorter than `position`; ZeroDivisionError if a correction is zero.
    """
    for i in range(len(position)):
        slope = float(gradient[i])
        first = beta1 * float(mean[i]) + (1.0 - beta1) * slope
        second = beta2 * float(square[i]) + (1.0 - beta2) * slope * slope
        mean[i] = first
        square[i] = second
        position[i] = float(position[i]) - rate * (first / correction1) / (math.sqrt(second / correction2) + epsilon)


def amsgrad_step(
    position: Floats,
    gradient: Floats,
    mean: Floats,
    square: Floats,
    largest: Floats,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """Advance `position`, the moments and the `largest` second moment so far, in place, all of shape (n,).

    IndexError if an array is shorter than `position`; ZeroDivisionError where `largest` and `epsilon` are zero.
    """
    for i in range(len(position)):
        slope = float(gradient[i])
        first = beta1 * float(mean[i]) + (1.0 - beta1) * slope
        second = beta2 * float(square[i]) + (1.0 - beta2) * slope * slope
        most = max(float(largest[i]), second)
        mean[i] = first
        square[i] = second
        largest[i] = most
        position[i] = float(position[i]) - rate * first / (math.sqrt(most) + epsilon)


def adabelief_step(
    position: Floats,
    gradient: Floats,
    mean: Floats,
    spread: Floats,
    rate: float,
    beta1: float,
    beta2: float,
    correction1: float,
    correction2: float,
    epsilon: float,
) -> None:
    """Advance `position`, the mean gradient and the `spread` of gradients about it, in place, all of shape (n,).

    Corrections and errors as in `adam_step`.
    """
    for i in range(len(position)):
        slope = float(gradient[i])
        first = beta1 * float(mean[i]) + (1.0 - beta1) * slope
        surprise = slope - first
        second = beta2 * float(spread[i]) + (1.0 - beta2) * surprise * surprise + epsilon
        mean[i] = first
        spread[i] = second
        position[i] = float(position[i]) - rate * (first / correction1) / (math.sqrt(second / correction2) + epsilon)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The fifth step in `n` dimensions: moments of four normal gradients, a fifth, and the corrections for t = 5."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, beta1, beta2 = size["n"], 0.9, 0.999
    mean, square = np.zeros(n), np.zeros(n)
    for _ in range(4):
        gradient = random.standard_normal(n)
        mean = beta1 * mean + (1.0 - beta1) * gradient
        square = beta2 * square + (1.0 - beta2) * gradient * gradient
    position, gradient = random.uniform(-1.0, 1.0, n), random.standard_normal(n)
    return position, gradient, mean, square, 0.01, beta1, beta2, 1.0 - beta1**5, 1.0 - beta2**5, 1e-8


def amsgrad_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """As `inputs`; for half of the coordinates an earlier second moment was the largest. No corrections."""
    position, gradient, mean, square, rate, beta1, beta2, _, _, epsilon = inputs(size, seed)
    largest = square * np.random.Generator(np.random.PCG64(seed + 1)).choice([1.0, 100.0], size["n"])
    return position, gradient, mean, square, largest, rate, beta1, beta2, epsilon


def folded_step(mean: Floats, root: Floats, before: tuple[Any, ...]) -> Floats:
    """The step from the new mean and the root of the new second moment, both uncorrected (Kingma & Ba, section 2)."""
    rate, _, _, correction1, correction2, epsilon = before[4:10]
    scale = math.sqrt(correction2)
    step: Floats = rate * scale / correction1 * mean / (root + epsilon * scale)
    return step


def moments(before: tuple[Any, ...], slope: Floats) -> tuple[Floats, Floats]:
    """The new mean, and the root of the new mean square as a hypotenuse, after the gradient `slope`."""
    mean, square, _, beta1, beta2 = before[2:7]
    root: Floats = np.hypot(np.sqrt(beta2 * square), math.sqrt(1.0 - beta2) * slope)
    return mean + (1.0 - beta1) * (slope - mean), root


def step_checks(
    mean: Floats, root: Floats, step: Floats, before: tuple[Any, ...], after: tuple[Any, ...]
) -> list[Check]:
    """The mean, the root of the second moment and the step, beside those of a call that had both in its places 2, 3."""
    return [
        Check("step", before[0] - after[0], step, 1e-14, "Kingma & Ba 2015, section 2: corrections folded in"),
        Check("mean", after[2], mean, 1e-14, "increment towards the gradient"),
        Check("root of the second moment", np.sqrt(after[3]), root, 1e-14, "hypot"),
    ]


def adam_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The step with the corrections folded into rate and epsilon."""
    mean, root = moments(before, before[1])
    return step_checks(mean, root, folded_step(mean, root, before), before, after)


def amsgrad_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The step with the larger of two roots."""
    position, gradient, mean, square, largest, rate, beta1, beta2, epsilon = before
    mean, root = moments((position, gradient, mean, square, rate, beta1, beta2), gradient)
    most = np.maximum(np.sqrt(largest), root)
    kept = Check("root of the largest", np.sqrt(after[4]), most, 1e-14, "Reddi et al. 2018, algorithm 2")
    return [kept, *step_checks(mean, root, rate * mean / (most + epsilon), before, after)]


def adabelief_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The surprise is what the new mean leaves of the gradient's distance from the old one."""
    mean, _ = moments(before, before[1])
    surprise = before[5] * (before[1] - before[2])
    root = np.sqrt(before[6] * before[3] + (1.0 - before[6]) * surprise**2 + before[9])
    return step_checks(mean, root, folded_step(mean, root, before), before, after)


def step_kernel(
    function: Callable[..., Any],
    summary: str,
    arrays: int,
    scalars: int,
    arguments: Callable[[Mapping[str, int], int], tuple[Any, ...]],
    checks: Callable[[tuple[Any, ...], Any, tuple[Any, ...]], list[Check]],
) -> Kernel:
    """The kernel of one step, a single loop over all coordinates that takes arrays first and scalars after them."""
    return Kernel(
        name=function.__name__,
        family="first_order",
        summary=f"one step of {summary} on a given gradient",
        units=(Unit(function, ("coordinates",)),),
        signature=f"none({', '.join(['float64[::1]'] * arrays + ['float64'] * scalars)})",
        sizes={"small": {"n": 25_000}, "medium": {"n": 1_000_000}, "large": {"n": 8_000_000}},
        inputs=arguments,
        checks=checks,
        bets={"nonzero_denominators": GUARDED},
    )


KERNELS = (
    step_kernel(adam_step, "Adam", 4, 6, inputs, adam_checks),
    step_kernel(amsgrad_step, "AMSGrad", 5, 4, amsgrad_inputs, amsgrad_checks),
    step_kernel(adabelief_step, "AdaBelief", 4, 6, inputs, adabelief_checks),
)
