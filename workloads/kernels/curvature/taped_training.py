"""Training through a tape that is recorded anew in every step, as a define-by-run library does.

Each step writes the whole calculation of the loss to the tape while it computes it, sweeps back, and moves the weights
(Paszke et al., "Automatic differentiation in PyTorch", 2017). The recording is thousands of calls of a tiny function
whose cost in an interpreter is all overhead, and whose count depends on the network alone. The weights are the tape's
first leaves, so that a step is a change of the tape's own values.

The network is one layer of tanh units with a sum of squares, for which backpropagation is two matrix products: the
check trains it that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .tape import ADD, BACKWARD, MULTIPLY, OPERATE, SUBTRACT, TANH, backward, operate


def record(
    codes: Indices, lefts: Indices, rights: Indices, values: Floats, place: int, code: int, left: int, right: int
) -> int:
    """Write an operation and its value to `place`, on arrays (places,); return the next. IndexError on a full tape."""
    codes[place] = code
    lefts[place] = left
    rights[place] = right
    values[place] = operate(code, float(values[left]), float(values[right]))
    return place + 1


def record_network(
    codes: Indices, lefts: Indices, rights: Indices, values: Floats, units: int, width: int, samples: int
) -> int:
    """Record the summed squared error of v . tanh(W x) and return the tape's length.

    Leaves come first: W row by row, v, and for each of `samples` its `width` features and its target. IndexError if
    the tape is full.
    """
    start = units * width + units
    place = start + samples * (width + 1)
    total = -1
    for sample in range(samples):
        first = start + sample * (width + 1)
        output = -1
        for u in range(units):
            active = -1
            for j in range(width):
                place = record(codes, lefts, rights, values, place, MULTIPLY, u * width + j, first + j)
                if active >= 0:
                    place = record(codes, lefts, rights, values, place, ADD, active, place - 1)
                active = place - 1
            place = record(codes, lefts, rights, values, place, TANH, active, active)
            place = record(codes, lefts, rights, values, place, MULTIPLY, units * width + u, place - 1)
            if output >= 0:
                place = record(codes, lefts, rights, values, place, ADD, output, place - 1)
            output = place - 1
        place = record(codes, lefts, rights, values, place, SUBTRACT, output, first + width)
        place = record(codes, lefts, rights, values, place, MULTIPLY, place - 1, place - 1)
        if total >= 0:
            place = record(codes, lefts, rights, values, place, ADD, total, place - 1)
        total = place - 1
    return place


def taped_training(
    codes: Indices,
    lefts: Indices,
    rights: Indices,
    values: Floats,
    adjoints: Floats,
    units: int,
    width: int,
    samples: int,
    rate: float,
    losses: Floats,
) -> int:
    """Descend on the weights, the first `units` * `width` + `units` of `values`, one step per element of `losses`.

    Every step records the loss (see `record_network`), sweeps back and moves the weights by `rate` times their
    derivatives, in place. `losses`, (steps,), gets each loss before its step. Return the tape's length. The other
    arrays are (places,), with `codes` zero for the leaves. IndexError if the tape is full.
    """
    length = 0
    for step in range(len(losses)):
        length = record_network(codes, lefts, rights, values, units, width, samples)
        backward(codes, lefts, rights, values, length, adjoints)
        losses[step] = float(values[length - 1])
        for i in range(units * width + units):
            values[i] = float(values[i]) - rate * float(adjoints[i])
    return length


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A network of `units` for `samples` of a sine of `width` features, a tape of the right length, `steps` steps."""
    random = np.random.Generator(np.random.PCG64(seed))
    units, width, samples = size["units"], size["width"], size["samples"]
    hidden, output = random.standard_normal((units, width)), random.standard_normal(units)
    features = random.standard_normal((samples, width))
    targets = np.sin(features.sum(axis=1, keepdims=True))
    leaves = np.concatenate([hidden.ravel(), output, np.hstack([features, targets]).ravel()])
    length = len(leaves) + samples * (units * (2 * width + 2) + 2) - 1
    codes, lefts, rights = (np.zeros(length, np.int64) for _ in range(3))
    values = np.concatenate([leaves, np.zeros(length - len(leaves))])
    return codes, lefts, rights, values, np.zeros(length), units, width, samples, 0.1 / samples, np.zeros(size["steps"])


def checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Backpropagation in matrix form trains the network alike, and the tape is full."""
    values, units, width, samples, rate, losses = before[3], *before[5:]
    start = units * width + units
    hidden, output = values[: units * width].reshape(units, width).copy(), values[units * width : start].copy()
    data = values[start : start + samples * (width + 1)].reshape(samples, width + 1)
    course = np.zeros_like(losses)
    for step in range(len(losses)):
        active = np.tanh(data[:, :width] @ hidden.T)
        error = active @ output - data[:, width]
        course[step] = error @ error
        pulled = 2.0 * error[:, None] * output * (1.0 - active**2)
        output -= rate * 2.0 * (active.T @ error)
        hidden -= rate * (pulled.T @ data[:, :width])
    return [
        Check("weights", after[3][:start], np.concatenate([hidden.ravel(), output]), 1e-9, "matrix backpropagation"),
        Check("losses", after[9], course, 1e-9 * (1.0 + float(course[0])), "matrix backpropagation"),
        Check("length", result, len(values), 0.0, "operations counted by hand"),
    ]


KERNELS = (
    Kernel(
        name="taped_training",
        family="curvature",
        summary="a network trained by a reverse-mode tape recorded anew in every step",
        units=(
            Unit(taped_training, ("steps", "weights")),
            Unit(record_network, ("samples", "units", "features")),
            Unit(record),
            OPERATE,
            BACKWARD,
        ),
        signature=(
            "int64(int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], int64, int64, int64, float64, "
            "float64[::1])"
        ),
        sizes={
            "small": {"units": 3, "width": 2, "samples": 10, "steps": 40},
            "medium": {"units": 4, "width": 4, "samples": 50, "steps": 200},
            "large": {"units": 8, "width": 8, "samples": 100, "steps": 300},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
