"""A small network trained by RMSprop, on all samples at once.

One hidden layer of tanh units, with back-propagation written out (Rumelhart, Hinton & Williams 1986); RMSprop (Tieleman
& Hinton, lecture 6.5, COURSERA 2012) came from the training of networks. The hidden units lie in one vector, one after
the other with their biases first, so that one step updates them all. Width and number of units are short and never
change: loops for a compiler to unroll, if it dared to bet on them.

The check is the same training in products of matrices, to ten digits. That needs a small rate: where gradients have
become small, the step is little more than their sign, and rounding errors grow. At rate 0.01 and decay 0.9 no digit is
left after 100 steps; at 0.001 and 0.99 all are after 300.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .steps import rmsprop_step


def network_gradient(
    features: Floats, targets: Floats, hidden: Floats, output: Floats, by_hidden: Floats, by_output: Floats
) -> float:
    """Write the gradients of half the mean squared error into `by_hidden` and `by_output`; return that error.

    `features` has shape (samples, width), `targets` (samples,), `hidden` and its gradient (units * (width + 1),),
    `output` and its gradient (units,). IndexError if a length does not fit; ZeroDivisionError if there is no sample.
    """
    samples, width = features.shape
    units = len(output)
    activity = np.zeros(units)
    share = 1.0 / samples
    for u in range(units):
        by_output[u] = 0.0
        for j in range(width + 1):
            by_hidden[u * (width + 1) + j] = 0.0
    loss = 0.0
    for i in range(samples):
        error = -float(targets[i])
        for u in range(units):
            first = u * (width + 1)
            drive = float(hidden[first])
            for j in range(width):
                drive += float(hidden[first + 1 + j]) * float(features[i, j])
            activity[u] = math.tanh(drive)
            error += float(output[u]) * float(activity[u])
        loss += 0.5 * share * error * error
        for u in range(units):
            first = u * (width + 1)
            active = float(activity[u])
            by_output[u] = float(by_output[u]) + share * error * active
            back = share * error * float(output[u]) * (1.0 - active * active)
            by_hidden[first] = float(by_hidden[first]) + back
            for j in range(width):
                by_hidden[first + 1 + j] = float(by_hidden[first + 1 + j]) + back * float(features[i, j])
    return loss


def rmsprop_network(
    features: Floats,
    targets: Floats,
    hidden: Floats,
    output: Floats,
    rate: float,
    decay: float,
    epsilon: float,
    steps: int,
) -> float:
    """Train in place for `steps` steps; return the loss before the last one. Shapes as in `network_gradient`."""
    by_hidden, by_output = np.zeros_like(hidden), np.zeros_like(output)
    square_hidden, square_output = np.zeros_like(hidden), np.zeros_like(output)
    loss = 0.0
    for _ in range(steps):
        loss = network_gradient(features, targets, hidden, output, by_hidden, by_output)
        rmsprop_step(hidden, by_hidden, square_hidden, rate, decay, epsilon)
        rmsprop_step(output, by_output, square_output, rate, decay, epsilon)
    return loss


def network_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Samples of a smooth function of four variables, and small random weights for eight units."""
    random = np.random.Generator(np.random.PCG64(seed))
    features = random.uniform(-1.0, 1.0, (size["samples"], size["width"]))
    targets = np.sin(2.0 * features[:, 0]) + features[:, 1] * features[:, 2]
    hidden = 0.5 * random.standard_normal(size["units"] * (size["width"] + 1))
    return features, targets, hidden, 0.5 * random.standard_normal(size["units"]), 0.001, 0.99, 1e-8, size["steps"]


def network_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The same training with the samples as the rows of a matrix, and roots by hypot."""
    features, targets, hidden, output, rate, decay, epsilon, steps = before
    ones = np.column_stack([np.ones(len(features)), features])
    weights = [hidden.reshape(len(output), -1), output]
    roots = [np.zeros_like(each) for each in weights]
    loss = 0.0
    for _ in range(steps):
        activity = np.tanh(ones @ weights[0].T)
        errors = activity @ weights[1] - targets
        loss = 0.5 * float(np.mean(errors**2))
        back = np.outer(errors, weights[1]) * (1.0 - activity**2)
        slopes = [back.T @ ones / len(targets), activity.T @ errors / len(targets)]
        roots = [np.hypot(math.sqrt(decay) * r, math.sqrt(1.0 - decay) * g) for r, g in zip(roots, slopes, strict=True)]
        weights = [w - rate * g / (r + epsilon) for w, g, r in zip(weights, slopes, roots, strict=True)]
    return [
        Check("hidden weights", after[2], weights[0].ravel(), 1e-10, "products of matrices, RMSprop by hypot"),
        Check("output weights", after[3], weights[1], 1e-10, "products of matrices, RMSprop by hypot"),
        Check("loss", result, loss, 1e-10, "products of matrices"),
    ]


KERNELS = (
    Kernel(
        name="rmsprop_network",
        family="first_order",
        summary="a network with one hidden layer, trained by back-propagation and RMSprop",
        units=(
            Unit(rmsprop_network, ("steps",)),
            Unit(
                network_gradient,
                ("hidden units", "features", "samples", "hidden units", "features", "hidden units", "features"),
            ),
            Unit(rmsprop_step, ("parameters",)),
        ),
        signature=(
            "float64(float64[:, ::1], float64[::1], float64[::1], float64[::1], float64, float64, float64, int64)"
        ),
        sizes={
            "small": {"samples": 40, "width": 4, "units": 8, "steps": 20},
            "medium": {"samples": 400, "width": 4, "units": 8, "steps": 100},
            "large": {"samples": 2000, "width": 4, "units": 8, "steps": 200},
        },
        inputs=network_inputs,
        checks=network_checks,
        bets={"constant_shapes": "the loops over 4 features and 8 hidden units, within the loop over samples"},
    ),
)
