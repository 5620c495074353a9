"""Adam with bias correction on a sum of pseudo-Huber losses: square roots and divisions in the update.

Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, with the rate falling as
1 / sqrt(t), as in their theorem 4.1. The loss sum s_i (sqrt(1 + (x_i - c_i)^2) - 1) is steep far out, round at
the bottom, and has its minimum at c, so the end of the run is known as well as its course.

The update divides three times per element, by numbers that are never zero: 1 - b1^t, 1 - b2^t and sqrt(v) +
eps. A compiler that must keep Python's ZeroDivisionError cannot vectorize it; that makes this the workload on
which the bet "denominators are not zero" pays most. For the same reason the two corrections are not folded
into the rate, which would save the divisions (the end of the paper's section 2): the loop stays as people
write it.

b1^t and b2^t are running products in the driver: a power in the kernel would tie the last bit to the C
library's `pow`.

The reference is not the recursion over again but the paper's sums, m_t = (1 - b1) sum b1^(t-i) g_i and
likewise for v, over the kept history of all gradients; the cost is quadratic in the steps, which is why the
kernel does not do so. Two checks need no second Adam at all: the first step is rate * g / (|g| + eps), and
the end is near c.

The tolerance is 1e-12: a step rounds to about 1e-16, and the convex loss pulls neighbouring courses together, so
that errors hardly add up; a few 1e-15 are seen.

Calls: small 2 x 500 over 100 elements, medium 2 x 2,500 over 1,500, large 2 x 5,000 over 7,500.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..workload import Call, Floats, Repeat, Workload


class Inputs(NamedTuple):
    """`start`, `steepness` (positive) and `minimum` have shape (n,); the others as in the paper."""

    start: Floats
    steepness: Floats
    minimum: Floats
    rate: float
    beta1: float
    beta2: float
    epsilon: float
    steps: int


def huber_gradient(position: Floats, steepness: Floats, minimum: Floats, gradient: Floats) -> float:
    """Write the gradient of the pseudo-Huber sum at `position` into `gradient`; return the loss.

    All arrays have shape (n,). IndexError if any array is shorter than `position`.
    """
    loss = 0.0
    for i in range(len(position)):
        offset = float(position[i]) - float(minimum[i])
        root = math.sqrt(1.0 + offset * offset)
        steep = float(steepness[i])
        gradient[i] = steep * offset / root
        loss += steep * (root - 1.0)
    return loss


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
    """Advance `position` and the moments `mean` and `square` by one step, in place, all of shape (n,).

    `correction1` is 1 - beta1^t and `correction2` is 1 - beta2^t in step t = 1, 2, ... IndexError if any
    array is shorter than `position`; ZeroDivisionError if a correction is zero.
    """
    for i in range(len(position)):
        slope = float(gradient[i])
        first = beta1 * float(mean[i]) + (1.0 - beta1) * slope
        second = beta2 * float(square[i]) + (1.0 - beta2) * slope * slope
        mean[i] = first
        square[i] = second
        position[i] = float(position[i]) - rate * (first / correction1) / (math.sqrt(second / correction2) + epsilon)


def make(size: Mapping[str, int], seed: int) -> Inputs:
    """Inputs for `n` coordinates and `steps` steps; every start is 1 to 2 away from its minimum."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    minimum = random.uniform(-1.0, 1.0, n)
    side = np.where(random.random(n) < 0.5, -1.0, 1.0)
    return Inputs(
        start=minimum + side * random.uniform(1.0, 2.0, n),
        steepness=random.permutation(np.geomspace(0.1, 10.0, n)),
        minimum=minimum,
        rate=0.1,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        steps=size["steps"],
    )


def run(functions: Sequence[Callable[..., Any]], inputs: Inputs) -> tuple[Floats, Floats]:
    """Return the last position, shape (n,), and the loss before each step, shape (steps,)."""
    huber_gradient, adam_step = functions
    position = inputs.start.copy()
    gradient = np.zeros_like(position)
    mean = np.zeros_like(position)
    square = np.zeros_like(position)
    losses = np.zeros(inputs.steps)
    power1 = power2 = 1.0
    for k in range(inputs.steps):
        power1 *= inputs.beta1
        power2 *= inputs.beta2
        losses[k] = huber_gradient(position, inputs.steepness, inputs.minimum, gradient)
        adam_step(
            position,
            gradient,
            mean,
            square,
            inputs.rate / math.sqrt(k + 1.0),
            inputs.beta1,
            inputs.beta2,
            1.0 - power1,
            1.0 - power2,
            inputs.epsilon,
        )
    return position, losses


def schedule(size: Mapping[str, int]) -> tuple[Repeat, ...]:
    """Return the calls of `run`: gradient and update, alternating."""
    pattern = (Call("huber_gradient", size["n"]), Call("adam_step", size["n"]))
    return (Repeat(pattern, size["steps"]),)


def reference(inputs: Inputs) -> tuple[Floats, Floats]:
    """Return what `run` should, from the paper's sums over the history; time is quadratic in the steps."""
    position = inputs.start.copy()
    history = np.zeros((inputs.steps, len(position)))
    losses = np.zeros(inputs.steps)
    for t in range(1, inputs.steps + 1):
        root = np.hypot(1.0, position - inputs.minimum)
        losses[t - 1] = inputs.steepness @ (root - 1.0)
        history[t - 1] = inputs.steepness * (position - inputs.minimum) / root
        ages = np.arange(t - 1, -1, -1)
        weights1 = inputs.beta1**ages / np.sum(inputs.beta1**ages)
        weights2 = inputs.beta2**ages / np.sum(inputs.beta2**ages)
        mean, square = weights1 @ history[:t], weights2 @ history[:t] ** 2
        position -= inputs.rate / t**0.5 * mean / (np.sqrt(square) + inputs.epsilon)
    return position, losses


WORKLOAD = Workload(
    name="adam",
    summary="Adam with bias correction on pseudo-Huber losses; three guarded divisions per element",
    functions=(huber_gradient, adam_step),
    sizes={
        "small": {"n": 100, "steps": 500},
        "medium": {"n": 1500, "steps": 2500},
        "large": {"n": 7500, "steps": 5000},
    },
    make=make,
    run=run,
    schedule=schedule,
    reference=reference,
    tolerance=1e-12,
    bets=("constant_shapes", "nonzero_denominators", "stable_types"),
)
