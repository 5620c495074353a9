"""Gradient descent on a quadratic bowl: the simplest loop whose every iterate is known.

Cauchy, "Methode generale pour la resolution des systemes d'equations simultanees", Comptes rendus 25 (1847).
On f(x) = sum a_i (x_i - c_i)^2 / 2 each coordinate contracts by itself, x_k = c + (1 - r a)^k (x_0 - c), so
the reference costs one power per coordinate. The bowl is diagonal on purpose: a rotated one would hide the
closed form behind an eigenvalue routine and add nothing to what a compiler sees.

Two kernels, gradient and update, because that is how such programs are cut, and because a unit
that does little per element (`descend`) gains less from compilation than one that computes.

Curvatures run from 0.001 to 1 and the rate is 1: after 4,500 steps the flattest coordinate still holds 1 % of
its distance, so the check against the closed form is not a check of zeros.

The tolerance is 1e-11: each step rounds to about 2e-16, and the flattest coordinate, which forgets a share of
0.001 per step, can add up a thousand of them.

Calls: small 2 x 1,000 over 100 elements, medium 2 x 4,500 over 1,600, large 2 x 9,000 over 8,000.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..workload import Call, Floats, Repeat, Workload


class Inputs(NamedTuple):
    """`start`, `curvature` (positive) and `minimum` have shape (n,); `rate` is below 2 / max(curvature)."""

    start: Floats
    curvature: Floats
    minimum: Floats
    rate: float
    steps: int


def bowl_gradient(position: Floats, curvature: Floats, minimum: Floats, gradient: Floats) -> float:
    """Write the gradient of the bowl at `position` into `gradient`, all of shape (n,); return the loss.

    IndexError if any array is shorter than `position`.
    """
    loss = 0.0
    for i in range(len(position)):
        offset = float(position[i]) - float(minimum[i])
        slope = float(curvature[i]) * offset
        gradient[i] = slope
        loss += 0.5 * slope * offset
    return loss


def descend(position: Floats, gradient: Floats, rate: float) -> None:
    """Move `position` by -`rate` times `gradient`, in place, both of shape (n,).

    IndexError if `gradient` is shorter.
    """
    for i in range(len(position)):
        position[i] = float(position[i]) - rate * float(gradient[i])


def make(size: Mapping[str, int], seed: int) -> Inputs:
    """Inputs for `n` coordinates and `steps` steps, with the curvatures in random order."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return Inputs(
        start=random.uniform(-3.0, 3.0, n),
        curvature=random.permutation(np.geomspace(1e-3, 1.0, n)),
        minimum=random.uniform(-1.0, 1.0, n),
        rate=1.0,
        steps=size["steps"],
    )


def run(functions: Sequence[Callable[..., Any]], inputs: Inputs) -> tuple[Floats, Floats]:
    """Return the last position, shape (n,), and the loss before each step, shape (steps,)."""
    bowl_gradient, descend = functions
    position = inputs.start.copy()
    gradient = np.zeros_like(position)
    losses = np.zeros(inputs.steps)
    for k in range(inputs.steps):
        losses[k] = bowl_gradient(position, inputs.curvature, inputs.minimum, gradient)
        descend(position, gradient, inputs.rate)
    return position, losses


def schedule(size: Mapping[str, int]) -> tuple[Repeat, ...]:
    """Return the calls of `run`: gradient and update, alternating."""
    pattern = (Call("bowl_gradient", size["n"]), Call("descend", size["n"]))
    return (Repeat(pattern, size["steps"]),)


def reference(inputs: Inputs) -> tuple[Floats, Floats]:
    """Return what `run` should, from the power of each coordinate's contraction."""
    offset = inputs.start - inputs.minimum
    shrink = 1.0 - inputs.rate * inputs.curvature
    losses = np.array(
        [0.5 * np.sum(inputs.curvature * (shrink**k * offset) ** 2) for k in range(inputs.steps)],
        dtype=np.float64,
    )
    return inputs.minimum + shrink**inputs.steps * offset, losses


WORKLOAD = Workload(
    name="gradient_descent",
    summary="gradient descent on a diagonal quadratic bowl; every iterate has a closed form",
    functions=(bowl_gradient, descend),
    sizes={
        "small": {"n": 100, "steps": 1000},
        "medium": {"n": 1600, "steps": 4500},
        "large": {"n": 8000, "steps": 9000},
    },
    make=make,
    run=run,
    schedule=schedule,
    reference=reference,
    tolerance=1e-11,
    bets=("constant_shapes", "stable_types"),
)
