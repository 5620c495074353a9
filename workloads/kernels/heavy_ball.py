"""Heavy ball momentum in a narrow canyon: one fused kernel, where gradient descent is too slow.

Polyak, "Some methods of speeding up the convergence of iteration methods", USSR Computational Mathematics and
Mathematical Physics 4(5), 1964. The canyon is a quadratic with walls a million times steeper than its floor;
with Polyak's rate 4 / (sqrt(L) + sqrt(m))^2 and momentum ((sqrt(L) - sqrt(m)) / (sqrt(L) + sqrt(m)))^2 the
error shrinks by 0.998 per step, where gradient descent manages 0.999998.

Gradient and update are one kernel here: each coordinate's new value needs its own old values only, and
writing the gradient to memory in between is what a tight hand-written loop avoids.

The reference is the linear recurrence e_{k+1} = (1 + b - r a) e_k - b e_{k-1} of each coordinate's offset
from the minimum, as the power of a 2 x 2 matrix. Eigenvalues were rejected: at Polyak's values the steepest
and the flattest coordinate have a double one, and the matrix has no basis of eigenvectors.

The tolerance is 1e-7. A double eigenvalue is badly conditioned: a change of 2e-16 in a coefficient moves it
by the root, 1.5e-8, and after k steps this shows as k^2 times 2e-16, for the medium size 4e-9. The squared
norm of the gradient has twice that. It is the closed form and the loop alike that suffer; more digits in one
would not bring them together.

Calls: small 500 over 200 elements, medium 4,000 over 2,200, large 4,000 over 22,000.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..workload import Call, Floats, Repeat, Workload


class Inputs(NamedTuple):
    """`start`, `curvature` (positive) and `minimum` have shape (n,); the rest is Polyak's optimum."""

    start: Floats
    curvature: Floats
    minimum: Floats
    rate: float
    momentum: float
    steps: int


def heavy_ball_step(
    position: Floats, previous: Floats, curvature: Floats, minimum: Floats, rate: float, momentum: float
) -> float:
    """Advance `position`, keep the old one in `previous`; return the squared norm of the gradient.

    All arrays have shape (n,); the first two change in place. IndexError if any is shorter than `position`.
    """
    norm = 0.0
    for i in range(len(position)):
        here = float(position[i])
        slope = float(curvature[i]) * (here - float(minimum[i]))
        position[i] = here - rate * slope + momentum * (here - float(previous[i]))
        previous[i] = here
        norm += slope * slope
    return norm


def make(size: Mapping[str, int], seed: int) -> Inputs:
    """Inputs for `n` coordinates and `steps` steps: a tenth of them canyon floor, the rest walls."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    floor, wall = 1e-2, 1e4
    curvature = random.uniform(0.25 * wall, wall, n)
    curvature[: n // 10] = random.uniform(floor, 2.0 * floor, n // 10)
    curvature[0], curvature[-1] = floor, wall
    sum_of_roots = math.sqrt(wall) + math.sqrt(floor)
    ratio = (math.sqrt(wall) - math.sqrt(floor)) / sum_of_roots
    return Inputs(
        start=random.uniform(-3.0, 3.0, n),
        curvature=curvature,
        minimum=random.uniform(-1.0, 1.0, n),
        rate=4.0 / (sum_of_roots * sum_of_roots),
        momentum=ratio * ratio,
        steps=size["steps"],
    )


def run(functions: Sequence[Callable[..., Any]], inputs: Inputs) -> tuple[Floats, Floats, float]:
    """Return the last position and the one before it, shape (n,), and the last squared gradient norm."""
    (heavy_ball_step,) = functions
    position = inputs.start.copy()
    previous = inputs.start.copy()
    norm = 0.0
    for _ in range(inputs.steps):
        norm = heavy_ball_step(position, previous, inputs.curvature, inputs.minimum, inputs.rate, inputs.momentum)
    return position, previous, norm


def schedule(size: Mapping[str, int]) -> tuple[Repeat, ...]:
    """Return the calls of `run`: the one kernel, again and again."""
    return (Repeat((Call("heavy_ball_step", size["n"]),), size["steps"]),)


def reference(inputs: Inputs) -> tuple[Floats, Floats, float]:
    """Return what `run` should, from the power of each coordinate's recurrence matrix."""
    n = len(inputs.start)
    matrices = np.zeros((n, 2, 2))
    matrices[:, 0, 0] = 1.0 + inputs.momentum - inputs.rate * inputs.curvature
    matrices[:, 0, 1] = -inputs.momentum
    matrices[:, 1, 0] = 1.0
    offset = inputs.start - inputs.minimum
    last = np.linalg.matrix_power(matrices, inputs.steps) @ np.stack([offset, offset], axis=1)[:, :, None]
    slope = inputs.curvature * last[:, 1, 0]
    return inputs.minimum + last[:, 0, 0], inputs.minimum + last[:, 1, 0], float(np.sum(slope * slope))


WORKLOAD = Workload(
    name="heavy_ball",
    summary="heavy ball momentum in a canyon of condition number a million; one fused kernel",
    functions=(heavy_ball_step,),
    sizes={
        "small": {"n": 200, "steps": 500},
        "medium": {"n": 2200, "steps": 4000},
        "large": {"n": 22000, "steps": 4000},
    },
    make=make,
    run=run,
    schedule=schedule,
    reference=reference,
    tolerance=1e-7,
    bets=("constant_shapes", "stable_types"),
)
