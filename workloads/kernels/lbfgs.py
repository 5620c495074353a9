"""L-BFGS on the chained Rosenbrock function: six kernels of very different weight.

Nocedal, "Updating quasi-Newton matrices with limited storage", Mathematics of Computation 35(151), 1980, for
the two-loop recursion; Rosenbrock, Computer Journal 3(3), 1960, for the valley, chained over n coordinates
with its minimum at (1, ..., 1). `two_loop` does nine tenths of the work, `line_minimum` ninety
iterations on scalars, without an array: a policy that ranks units by calls alone takes them for equals.

A usual line search tries until a condition holds, so that the number of calls depends on the data, and the
schedule of this workload would not be known in advance. Along a line the function is a quartic polynomial,
though. One pass finds the four coefficients of its slope, and a fixed number of doublings and halvings finds
where the slope changes sign. The search is exact, and every iteration makes the same calls. At such a point
the step and the change of gradient have a positive product, so every pair may be kept. After convergence,
when there is no more curvature to measure, a pair is kept with weight zero: it changes nothing, and the calls
stay the same.

The pairs lie in a ring and are reached through an array of row numbers, newest first. For the first `memory`
iterations that array grows, then its length is constant: a warm-up of shapes inside the warm-up of code.

The reference is the minimum: position all ones and loss zero. The tolerance is 1e-6, since the loss is flat
to second order there and 1e-12 in loss is 1e-6 in position. The starts lie between 0 and 0.5: from there the
chain is solved one coordinate after the other, in about 4.7 iterations each, so the loop has work to do to
nearly its last iteration. Nearer to 1 it is done in 80 iterations whatever the length, and a second,
local minimum lies near x_0 = -1.

Calls: 6 per iteration, and one gradient before the first; small 240 iterations of 20 elements with 5 pairs,
medium 1,600 of 300 with 8, large 5,000 of 1,000 with 8.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..workload import Call, Floats, Indices, Repeat, Workload

DOUBLINGS = 30
"""Times that the first trial length of 1 may double: lengths beyond a thousand million do not occur."""

HALVINGS = 60
"""Times that the bracket is halved: more than the 53 bits that a float can tell apart from a bracket of 1."""


class Inputs(NamedTuple):
    """`start` has shape (n,); `memory` is the number of pairs kept."""

    start: Floats
    memory: int
    steps: int


def rosenbrock(position: Floats, gradient: Floats) -> float:
    """Write the gradient at `position` into `gradient`, both of shape (n,), n >= 2; return the loss.

    IndexError if `gradient` is shorter.
    """
    loss = 0.0
    carried = 0.0
    last = len(position) - 1
    for i in range(last):
        here = float(position[i])
        gap = float(position[i + 1]) - here * here
        rest = 1.0 - here
        gradient[i] = carried - 400.0 * here * gap - 2.0 * rest
        carried = 200.0 * gap
        loss += 100.0 * gap * gap + rest * rest
    gradient[last] = carried
    return loss


def two_loop(
    gradient: Floats,
    steps: Floats,
    changes: Floats,
    inverses: Floats,
    order: Indices,
    scale: float,
    weights: Floats,
    direction: Floats,
) -> None:
    """Write minus the inverse Hessian estimate times `gradient` into `direction`, both of shape (n,).

    `steps` and `changes` (memory, n) hold the pairs s and y, `inverses` (memory,) 1 / (s y); `order` (pairs,)
    holds their rows, newest first; `weights` (memory,) is scratch; `scale` is the initial estimate.
    IndexError if one is too short.
    """
    for j in range(len(gradient)):
        direction[j] = -float(gradient[j])
    for k in range(len(order)):
        row = int(order[k])
        product = 0.0
        for j in range(len(gradient)):
            product += float(steps[row, j]) * float(direction[j])
        weight = float(inverses[row]) * product
        weights[k] = weight
        for j in range(len(gradient)):
            direction[j] = float(direction[j]) - weight * float(changes[row, j])
    for j in range(len(gradient)):
        direction[j] = scale * float(direction[j])
    for k in range(len(order) - 1, -1, -1):
        row = int(order[k])
        product = 0.0
        for j in range(len(gradient)):
            product += float(changes[row, j]) * float(direction[j])
        weight = float(weights[k]) - float(inverses[row]) * product
        for j in range(len(gradient)):
            direction[j] = float(direction[j]) + weight * float(steps[row, j])


def line_slope(position: Floats, direction: Floats) -> tuple[float, float, float, float]:
    """Return c0 .. c3 of the loss's slope c0 + c1 t + c2 t^2 + c3 t^3 at `position` + t `direction`.

    Both have shape (n,). IndexError if `direction` is shorter.
    """
    c0 = 0.0
    c1 = 0.0
    c2 = 0.0
    c3 = 0.0
    for i in range(len(position) - 1):
        here = float(position[i])
        along = float(direction[i])
        gap = float(position[i + 1]) - here * here
        tilt = float(direction[i + 1]) - 2.0 * here * along
        bend = along * along
        c0 += 200.0 * gap * tilt - 2.0 * (1.0 - here) * along
        c1 += 200.0 * (tilt * tilt - 2.0 * gap * bend) + 2.0 * bend
        c2 -= 600.0 * tilt * bend
        c3 += 400.0 * bend * bend
    return c0, c1, c2, c3


def line_minimum(c0: float, c1: float, c2: float, c3: float) -> float:
    """Return a t > 0 where the slope c0 + c1 t + c2 t^2 + c3 t^3 turns positive; c0 is negative."""
    low = 0.0
    high = 1.0
    for _ in range(DOUBLINGS):
        if c0 + high * (c1 + high * (c2 + high * c3)) < 0.0:
            high = 2.0 * high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if c0 + middle * (c1 + middle * (c2 + middle * c3)) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def move(position: Floats, direction: Floats, length: float, steps: Floats, row: int) -> None:
    """Add `length` times `direction` to `position` and keep it in row `row` of `steps`.

    The first two arrays have shape (n,), `steps` (memory, n). IndexError if `row` or a length does not fit.
    """
    for i in range(len(position)):
        step = length * float(direction[i])
        steps[row, i] = step
        position[i] = float(position[i]) + step


def remember(gradient: Floats, previous: Floats, steps: Floats, changes: Floats, inverses: Floats, row: int) -> float:
    """Complete the pair in row `row`, copy `gradient` to `previous`; return the scale (s y) / (y y).

    `gradient` and `previous` have shape (n,), `steps` and `changes` (memory, n), `inverses` (memory,). A pair
    without curvature gets weight 0 and scale 1. IndexError if `row` or a length does not fit.
    """
    curvature = 0.0
    square = 0.0
    for i in range(len(gradient)):
        change = float(gradient[i]) - float(previous[i])
        previous[i] = float(gradient[i])
        changes[row, i] = change
        curvature += float(steps[row, i]) * change
        square += change * change
    if curvature > 1e-200 and square > 1e-200:
        inverses[row] = 1.0 / curvature
        return curvature / square
    inverses[row] = 0.0
    return 1.0


def make(size: Mapping[str, int], seed: int) -> Inputs:
    """Inputs for `n` coordinates, `memory` pairs and `steps` iterations."""
    random = np.random.Generator(np.random.PCG64(seed))
    return Inputs(random.uniform(0.0, 0.5, size["n"]), size["memory"], size["steps"])


def run(functions: Sequence[Callable[..., Any]], inputs: Inputs) -> tuple[Floats, Floats]:
    """Return the last position, shape (n,), and the loss at every position, shape (steps + 1,)."""
    rosenbrock, two_loop, line_slope, line_minimum, move, remember = functions
    memory = inputs.memory
    position = inputs.start.copy()
    gradient, previous, direction = (np.zeros_like(position) for _ in range(3))
    steps, changes = np.zeros((memory, len(position))), np.zeros((memory, len(position)))
    inverses, weights = np.zeros(memory), np.zeros(memory)
    downward = np.tile(np.arange(memory - 1, -1, -1, dtype=np.int64), 2)
    losses = np.zeros(inputs.steps + 1)
    losses[0] = rosenbrock(position, gradient)
    previous[:] = gradient
    scale = 1.0
    for k in range(inputs.steps):
        newest = memory - 1 - (k - 1) % memory
        order = downward[newest : newest + min(k, memory)]
        two_loop(gradient, steps, changes, inverses, order, scale, weights, direction)
        length = line_minimum(*line_slope(position, direction))
        move(position, direction, length, steps, k % memory)
        losses[k + 1] = rosenbrock(position, gradient)
        scale = remember(gradient, previous, steps, changes, inverses, k % memory)
    return position, losses


def schedule(size: Mapping[str, int]) -> tuple[Repeat, ...]:
    """Return the calls of `run`: iterations with 0, 1, 2, ... pairs, then all others with `memory` pairs."""
    n, memory, steps = size["n"], size["memory"], size["steps"]

    def iteration(pairs: int) -> tuple[Call, ...]:
        return (
            Call("two_loop", 2 * n + 2 * pairs * (1 + 2 * n)),
            Call("line_slope", n - 1),
            Call("line_minimum", DOUBLINGS + HALVINGS),
            Call("move", n),
            Call("rosenbrock", n - 1),
            Call("remember", n),
        )

    filling = tuple(Repeat(iteration(pairs), 1) for pairs in range(min(memory, steps)))
    full = (Repeat(iteration(memory), steps - memory),) if steps > memory else ()
    return (Repeat((Call("rosenbrock", n - 1),), 1), *filling, *full)


def reference(inputs: Inputs) -> tuple[Floats, None]:
    """Return the minimum, all ones; the course of the loss has no closed form."""
    return np.ones_like(inputs.start), None


WORKLOAD = Workload(
    name="lbfgs",
    summary="L-BFGS with an exact line search on the chained Rosenbrock function; six kernels",
    functions=(rosenbrock, two_loop, line_slope, line_minimum, move, remember),
    sizes={
        "small": {"n": 20, "memory": 5, "steps": 240},
        "medium": {"n": 300, "memory": 8, "steps": 1600},
        "large": {"n": 1000, "memory": 8, "steps": 5000},
    },
    make=make,
    run=run,
    schedule=schedule,
    reference=reference,
    tolerance=1e-6,
    bets=("constant_shapes", "index_maxima", "stable_types"),
)
