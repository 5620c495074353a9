"""RMSProp on linear equations that arrive one at a time: a stochastic gradient and a normalized update.

Tieleman & Hinton, "Lecture 6.5: RMSProp, divide the gradient by a running average of its recent magnitude",
COURSERA, 2012. It was made for gradients that change from sample to sample, so each step here sees one row of
a consistent linear system. Consistent, because then all rows agree on one solution, which is planted and
known, although no single gradient points to it.

The row is an integer argument, so `features[row, j]` is an affine access behind a value that only the driver
knows; the bet on its maximum removes a check per element.

The rate falls linearly to zero. A constant rate would leave every coordinate jumping by about the rate, since
the update divides the size of the gradient out.

The reference computes the running average as what it is short for, the sum 0.1 * 0.9^(t-i) g_i^2 over the
history of gradients. Checks without a second RMSProp: the first step is rate * g / (sqrt(0.1) |g| + eps), and
the end is near the planted solution. (Tieleman and Hinton have no bias correction; that is why the first step
is sqrt(10) times the rate.)

The tolerance is 1e-9, and holds for the given sizes only. Once the residuals are as small as the steps, the
update is little more than the sign of the gradient, and the loop becomes chaotic: rounding errors grow by a
factor of ten in a few hundred steps. The sizes end while the loop is still on its way down or shortly after;
three times the steps would leave the end as good, and no digit of the course in common with any other way of
computing it.

Calls: small 2 x 2,000 over 32 elements, medium 2 x 16,000 over 300, large 2 x 48,000 over 1,000.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..workload import Call, Floats, Indices, Repeat, Workload

REMEMBERED = 400
"""Steps that the reference sums over: an older one weighs less than 0.9^400 = 5e-19, below the rounding of 1.
"""


class Inputs(NamedTuple):
    """`features` (samples, n) times `solution` (n,) is `targets` (samples,); `rows` (steps,) the order."""

    features: Floats
    targets: Floats
    rows: Indices
    solution: Floats
    rate: float
    decay: float
    epsilon: float


def row_gradient(features: Floats, targets: Floats, row: int, position: Floats, gradient: Floats) -> float:
    """Write the gradient of row `row`'s squared error / 2 at `position` into `gradient`; return the residual.

    `features` has shape (samples, n), `targets` (samples,), the others (n,). IndexError if `row` or a length
    does not fit.
    """
    residual = -float(targets[row])
    for j in range(len(position)):
        residual += float(features[row, j]) * float(position[j])
    for j in range(len(position)):
        gradient[j] = residual * float(features[row, j])
    return residual


def rmsprop_step(position: Floats, gradient: Floats, square: Floats, rate: float, decay: float, epsilon: float) -> None:
    """Advance `position` and the running mean square `square` by one step, in place, all of shape (n,).

    IndexError if any array is shorter than `position`.
    """
    for i in range(len(position)):
        slope = float(gradient[i])
        mean_square = decay * float(square[i]) + (1.0 - decay) * slope * slope
        square[i] = mean_square
        position[i] = float(position[i]) - rate * slope / (math.sqrt(mean_square) + epsilon)


def make(size: Mapping[str, int], seed: int) -> Inputs:
    """Inputs for `n` unknowns, twice as many equations with normal coefficients, and `steps` arrivals."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, samples = size["n"], 2 * size["n"]
    features = random.standard_normal((samples, n))
    solution = random.uniform(-1.0, 1.0, n)
    return Inputs(
        features=features,
        targets=features @ solution,
        rows=random.integers(0, samples, size["steps"], dtype=np.int64),
        solution=solution,
        rate=0.01,
        decay=0.9,
        epsilon=1e-8,
    )


def run(functions: Sequence[Callable[..., Any]], inputs: Inputs) -> tuple[Floats, Floats]:
    """Return the last position, shape (n,), and each step's residual before the step, shape (steps,)."""
    row_gradient, rmsprop_step = functions
    steps = len(inputs.rows)
    position = np.zeros_like(inputs.solution)
    gradient = np.zeros_like(position)
    square = np.zeros_like(position)
    residuals = np.zeros(steps)
    for k in range(steps):
        residuals[k] = row_gradient(inputs.features, inputs.targets, int(inputs.rows[k]), position, gradient)
        rate = inputs.rate * (1.0 - k / steps)
        rmsprop_step(position, gradient, square, rate, inputs.decay, inputs.epsilon)
    return position, residuals


def schedule(size: Mapping[str, int]) -> tuple[Repeat, ...]:
    """Return the calls of `run`: a gradient, which passes its row twice, and an update, alternating."""
    pattern = (Call("row_gradient", 2 * size["n"]), Call("rmsprop_step", size["n"]))
    return (Repeat(pattern, size["steps"]),)


def reference(inputs: Inputs) -> tuple[Floats, Floats]:
    """Return what `run` should, from sums over the history of gradients."""
    steps = len(inputs.rows)
    position = np.zeros_like(inputs.solution)
    history = np.zeros((steps, len(position)))
    residuals = np.zeros(steps)
    for t, row in enumerate(inputs.rows):
        residuals[t] = inputs.features[row] @ position - inputs.targets[row]
        history[t] = residuals[t] * inputs.features[row]
        recent = history[max(0, t - REMEMBERED) : t + 1]
        weights = (1.0 - inputs.decay) * inputs.decay ** np.arange(len(recent) - 1, -1, -1)
        scale = np.sqrt(weights @ recent**2) + inputs.epsilon
        position -= inputs.rate * (steps - t) / steps * history[t] / scale
    return position, residuals


WORKLOAD = Workload(
    name="rmsprop",
    summary="RMSProp on a consistent linear system seen one row at a time; the solution is planted",
    functions=(row_gradient, rmsprop_step),
    sizes={
        "small": {"n": 32, "steps": 2000},
        "medium": {"n": 300, "steps": 16000},
        "large": {"n": 1000, "steps": 48000},
    },
    make=make,
    run=run,
    schedule=schedule,
    reference=reference,
    tolerance=1e-6,
    bets=("constant_shapes", "nonzero_denominators", "index_maxima", "stable_types"),
)
