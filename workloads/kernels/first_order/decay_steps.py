"""Single steps of Adam with a pull towards zero: decoupled from the gradient, and as a penalty in it.

Both are algorithm 2 of Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, each with its own of
the two coloured terms. Their difference: the penalty's gradient is divided by the root of the second moment like every
other, so coordinates with large gradients are hardly pulled, while AdamW shrinks all by the same factor. As in the
libraries that people call, and other than in the paper, the decay is multiplied by the rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...kernel import Check
from ...workload import Floats
from .adam_steps import folded_step, inputs, moments, step_checks, step_kernel


def adamw_step(
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
    decay: float,
) -> None:
    """`adam_step`, and `position` shrinks by `rate` * `decay` of itself besides. Shapes and errors as there."""
    for i in range(len(position)):
        here = float(position[i])
        slope = float(gradient[i])
        first = beta1 * float(mean[i]) + (1.0 - beta1) * slope
        second = beta2 * float(square[i]) + (1.0 - beta2) * slope * slope
        mean[i] = first
        square[i] = second
        step = (first / correction1) / (math.sqrt(second / correction2) + epsilon)
        position[i] = here - rate * (step + decay * here)


def adam_l2_step(
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
    decay: float,
) -> None:
    """`adam_step` on the gradient of the loss and of `decay` / 2 |position|^2 together. Shapes and errors as there."""
    for i in range(len(position)):
        here = float(position[i])
        slope = float(gradient[i]) + decay * here
        first = beta1 * float(mean[i]) + (1.0 - beta1) * slope
        second = beta2 * float(square[i]) + (1.0 - beta2) * slope * slope
        mean[i] = first
        square[i] = second
        position[i] = here - rate * (first / correction1) / (math.sqrt(second / correction2) + epsilon)


def decaying_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """As `inputs`, and a decay of 0.01."""
    return *inputs(size, seed), 0.01


def adamw_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Adam's step, and the shrinkage beside it."""
    mean, root = moments(before, before[1])
    step = folded_step(mean, root, before) + before[4] * before[10] * before[0]
    return step_checks(mean, root, step, before, after)


def adam_l2_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Adam's step on the gradient of the penalized loss."""
    mean, root = moments(before, before[1] + before[10] * before[0])
    return step_checks(mean, root, folded_step(mean, root, before), before, after)


KERNELS = (
    step_kernel(adamw_step, "AdamW", 4, 7, decaying_inputs, adamw_checks),
    step_kernel(adam_l2_step, "Adam with an L2 penalty", 4, 7, decaying_inputs, adam_l2_checks),
)
