"""Single steps without an average of gradients: clipping, momentum, Nesterov, Adagrad, RMSprop.

Programs call these thousands of times between gradients. Each is one pass over the coordinates, so a call is short
and what it costs to enter compiled code is not lost in what it does.

Clipping by the norm of the whole gradient is Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent
neural networks", ICML 2013, algorithm 1; it is the only step here that has to see all coordinates before it moves one.
Momentum is Polyak 1964 with the velocity kept, and Nesterov's step is the form of Bengio, Boulanger-Lewandowski &
Pascanu, "Advances in optimizing recurrent networks", ICASSP 2013: the position that is kept is the one looked ahead
to, so the gradient is taken where the loop stands. Adagrad is Duchi, Hazan & Singer, JMLR 12, 2011, the diagonal
version; RMSprop is Tieleman & Hinton, lecture 6.5, COURSERA 2012, without a correction of its bias.

Adagrad and RMSprop divide by sqrt(sum) + epsilon, which cannot be zero; a compiler that must keep Python's
ZeroDivisionError does not know it and leaves the loop scalar.

The checks write each step another way: two positions instead of a velocity, the variables before Nesterov's are moved
ahead, `hypot` for the root of a sum of squares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

GUARDED = "sqrt(sum of squares) + epsilon divides in the loop over coordinates; epsilon is positive"


def clipped_step(position: Floats, gradient: Floats, rate: float, limit: float) -> float:
    """Move `position` by -`rate` times `gradient`, shortened to the norm `limit` if longer; both have shape (n,).

    Returns the norm of the gradient. `position` is changed in place. IndexError if `gradient` is longer.
    """
    square = 0.0
    for i in range(len(gradient)):
        square += float(gradient[i]) * float(gradient[i])
    norm = math.sqrt(square)
    scale = rate
    if norm > limit:
        scale = rate * limit / norm
    for i in range(len(gradient)):
        position[i] = float(position[i]) - scale * float(gradient[i])
    return norm


def momentum_step(position: Floats, velocity: Floats, gradient: Floats, rate: float, momentum: float) -> None:
    """Advance `velocity` and, by it, `position`, in place, all of shape (n,).

    IndexError if an array is shorter than `position`.
    """
    for i in range(len(position)):
        speed = momentum * float(velocity[i]) - rate * float(gradient[i])
        velocity[i] = speed
        position[i] = float(position[i]) + speed


def nesterov_step(position: Floats, velocity: Floats, gradient: Floats, rate: float, momentum: float) -> None:
    """Advance `velocity` and `position` by Nesterov's momentum, in place, all of shape (n,).

    `position` is the point looked ahead to, where `gradient` was taken. IndexError if an array is shorter than it.
    """
    for i in range(len(position)):
        move = rate * float(gradient[i])
        speed = momentum * float(velocity[i]) - move
        velocity[i] = speed
        position[i] = float(position[i]) + momentum * speed - move


def adagrad_step(position: Floats, gradient: Floats, total: Floats, rate: float, epsilon: float) -> None:
    """Advance `position` and the sum of squared gradients `total`, in place, all of shape (n,).

    IndexError if an array is shorter than `position`; ZeroDivisionError where `total`, gradient and `epsilon` are 0.
    """
    for i in range(len(position)):
        slope = float(gradient[i])
        seen = float(total[i]) + slope * slope
        total[i] = seen
        position[i] = float(position[i]) - rate * slope / (math.sqrt(seen) + epsilon)


def rmsprop_step(position: Floats, gradient: Floats, square: Floats, rate: float, decay: float, epsilon: float) -> None:
    """Advance `position` and the running mean square `square`, in place, all of shape (n,).

    IndexError if an array is shorter than `position`; ZeroDivisionError where a mean square and `epsilon` are 0.
    """
    for i in range(len(position)):
        slope = float(gradient[i])
        mean_square = decay * float(square[i]) + (1.0 - decay) * slope * slope
        square[i] = mean_square
        position[i] = float(position[i]) - rate * slope / (math.sqrt(mean_square) + epsilon)


def clipped_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A position and a normal gradient in `n` dimensions; the limit is half of the norm to be expected, sqrt(n)."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.uniform(-1.0, 1.0, n), random.standard_normal(n), 0.1, 0.5 * math.sqrt(n)


def velocity_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A position, a velocity and a gradient in `n` dimensions; rate 0.01, momentum 0.9."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.uniform(-1.0, 1.0, n), 0.01 * random.standard_normal(n), random.standard_normal(n), 0.01, 0.9


def adagrad_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A position, a gradient and the sum of squares of ten earlier ones in `n` dimensions; rate 0.1."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.uniform(-1.0, 1.0, n), random.standard_normal(n), random.chisquare(10.0, n), 0.1, 1e-8


def rmsprop_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A position, a gradient and the mean square of ten earlier ones in `n` dimensions; rate 0.01, decay 0.9."""
    position, gradient, total, _, epsilon = adagrad_inputs(size, seed)
    return position, gradient, 0.1 * total, 0.01, 0.9, epsilon


def clipped_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The step goes along the gradient and is as long as the shorter of the two."""
    position, gradient, rate, limit = before
    norm = float(np.linalg.norm(gradient))
    moved = position - after[0]
    return [
        Check("norm", result, norm, 1e-12 * norm, "numpy.linalg.norm"),
        Check("length", float(np.linalg.norm(moved)), rate * min(norm, limit), 1e-12 * norm, "definition of clipping"),
        Check("direction", moved / np.linalg.norm(moved), gradient / norm, 1e-13, "definition of clipping"),
    ]


def momentum_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The same step from the last two positions, and the velocity as their difference."""
    position, velocity, gradient, rate, momentum = before
    earlier = position - velocity
    end = (1.0 + momentum) * position - momentum * earlier - rate * gradient
    return [
        Check("position", after[0], end, 1e-14, "heavy ball of two positions (Polyak 1964)"),
        Check("velocity", after[1], end - position, 1e-14, "difference of the positions"),
    ]


def nesterov_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The same step in the variables before the move ahead, where velocity and position are added plainly."""
    ahead, velocity, gradient, rate, momentum = before
    standing = ahead - momentum * velocity
    speed = momentum * velocity - rate * gradient
    return [
        Check("position", after[0], standing + speed + momentum * speed, 1e-14, "Sutskever et al. 2013, eq. 3 and 4"),
        Check("velocity", after[1], speed, 1e-16, "Sutskever et al. 2013, eq. 3"),
    ]


def adagrad_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The step from roots alone: the new root is the hypotenuse of the old one and the gradient."""
    position, gradient, total, rate, epsilon = before
    root = np.hypot(np.sqrt(total), gradient)
    return [
        Check(
            "position", position - after[0], rate * gradient / (root + epsilon), 1e-15, "Duchi et al. 2011, by hypot"
        ),
        Check("root of the sum", np.sqrt(after[2]), root, 1e-13, "hypot"),
    ]


def rmsprop_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The step from roots alone, as for Adagrad."""
    position, gradient, square, rate, decay, epsilon = before
    root = np.hypot(np.sqrt(decay * square), math.sqrt(1.0 - decay) * gradient)
    return [
        Check("position", position - after[0], rate * gradient / (root + epsilon), 1e-15, "lecture 6.5, by hypot"),
        Check("root of the mean square", np.sqrt(after[2]), root, 1e-13, "hypot"),
    ]


KERNELS = (
    Kernel(
        name="clipped_step",
        family="first_order",
        summary="one step of gradient descent, shortened where the gradient is longer than a limit",
        units=(Unit(clipped_step, ("coordinates", "coordinates")),),
        signature="float64(float64[::1], float64[::1], float64, float64)",
        sizes={"small": {"n": 40_000}, "medium": {"n": 1_500_000}, "large": {"n": 12_000_000}},
        inputs=clipped_inputs,
        checks=clipped_checks,
        bets={},
    ),
    Kernel(
        name="momentum_step",
        family="first_order",
        summary="one step with momentum on a given gradient",
        units=(Unit(momentum_step, ("coordinates",)),),
        signature="none(float64[::1], float64[::1], float64[::1], float64, float64)",
        sizes={"small": {"n": 40_000}, "medium": {"n": 1_500_000}, "large": {"n": 12_000_000}},
        inputs=velocity_inputs,
        checks=momentum_checks,
        bets={},
    ),
    Kernel(
        name="nesterov_step",
        family="first_order",
        summary="one step with Nesterov's momentum on a given gradient",
        units=(Unit(nesterov_step, ("coordinates",)),),
        signature="none(float64[::1], float64[::1], float64[::1], float64, float64)",
        sizes={"small": {"n": 40_000}, "medium": {"n": 1_500_000}, "large": {"n": 12_000_000}},
        inputs=velocity_inputs,
        checks=nesterov_checks,
        bets={},
    ),
    Kernel(
        name="adagrad_step",
        family="first_order",
        summary="one step of Adagrad on a given gradient",
        units=(Unit(adagrad_step, ("coordinates",)),),
        signature="none(float64[::1], float64[::1], float64[::1], float64, float64)",
        sizes={"small": {"n": 40_000}, "medium": {"n": 1_500_000}, "large": {"n": 12_000_000}},
        inputs=adagrad_inputs,
        checks=adagrad_checks,
        bets={"nonzero_denominators": GUARDED},
    ),
    Kernel(
        name="rmsprop_step",
        family="first_order",
        summary="one step of RMSprop on a given gradient",
        units=(Unit(rmsprop_step, ("coordinates",)),),
        signature="none(float64[::1], float64[::1], float64[::1], float64, float64, float64)",
        sizes={"small": {"n": 40_000}, "medium": {"n": 1_500_000}, "large": {"n": 12_000_000}},
        inputs=rmsprop_inputs,
        checks=rmsprop_checks,
        bets={"nonzero_denominators": GUARDED},
    ),
)
