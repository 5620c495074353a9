"""Mini-batches: a step downhill for the batch can be a step uphill for the whole.

`minibatch_descent` fits least squares (H. Robbins and S. Monro, Annals of Math. Statistics 22(3), 1951) and looks at
the total loss after each step. For one step of rate r along a batch's gradient b the total loss changes by
-r g b + r^2 b H b / 2, where g is the gradient of all samples and H the Hessian: a batch that disagrees with the rest
raises it. `step_changes` computes this for every sample taken as a batch of one; on average over the samples the first
term is -r |g|^2, which makes the mean a check.

The total loss comes from second moments, so that a look at it costs no pass over the samples. The check asks the
residuals of all samples instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def batch_gradient(
    features: Floats, targets: Floats, rows: Indices, step: int, weights: Floats, slopes: Floats
) -> None:
    """Write the mean gradient of half the squared residuals over the samples `rows[step]` into `slopes`.

    `features` (samples, width), `targets` (samples,), `rows` (steps, batch), `weights` and `slopes` (width,).
    IndexError if a row number is outside the samples.
    """
    for j in range(len(weights)):
        slopes[j] = 0.0
    for k in range(rows.shape[1]):
        row = int(rows[step, k])
        residual = -float(targets[row])
        for j in range(len(weights)):
            residual += float(features[row, j]) * float(weights[j])
        for j in range(len(weights)):
            slopes[j] = float(slopes[j]) + residual * float(features[row, j]) / rows.shape[1]


def total_loss(moments: Floats, cross: Floats, power: float, weights: Floats) -> float:
    """Return w M w / 2 - c w + `power`: the mean of half the squared residuals, from second `moments` and `cross`."""
    loss = power
    for i in range(len(weights)):
        half = 0.0
        for j in range(len(weights)):
            half += float(moments[i, j]) * float(weights[j])
        loss += float(weights[i]) * (0.5 * half - float(cross[i]))
    return loss


def minibatch_descent(
    features: Floats,
    targets: Floats,
    moments: Floats,
    cross: Floats,
    power: float,
    rows: Indices,
    rate: float,
    weights: Floats,
    losses: Floats,
) -> int:
    """Descend in place from `weights` (width,), one step per row of `rows` (steps, batch).

    `features` (samples, width), `targets` (samples,); `moments`, `cross` and `power` as in `total_loss`. Write the
    total loss after each step into `losses` (steps,); return how many steps raised it.
    """
    slopes = np.zeros_like(weights)
    before = total_loss(moments, cross, power, weights)
    rises = 0
    for step in range(len(rows)):
        batch_gradient(features, targets, rows, step, weights, slopes)
        for j in range(len(weights)):
            weights[j] = float(weights[j]) - rate * float(slopes[j])
        loss = total_loss(moments, cross, power, weights)
        losses[step] = loss
        if loss > before:
            rises += 1
        before = loss
    return rises


def step_changes(
    features: Floats, targets: Floats, moments: Floats, cross: Floats, weights: Floats, rate: float, changes: Floats
) -> tuple[float, int]:
    """Write into `changes` (samples,) what a step along each sample's own gradient does to the total loss.

    `features` (samples, width), `targets` (samples,), `weights` (width,); `moments` and `cross` as in `total_loss`.
    Return the mean change and how many samples raise the total loss.
    """
    total = 0.0
    rises = 0
    for row in range(len(targets)):
        residual = -float(targets[row])
        for j in range(len(weights)):
            residual += float(features[row, j]) * float(weights[j])
        along = 0.0
        bend = 0.0
        for i in range(len(weights)):
            slope = -float(cross[i])
            image = 0.0
            for j in range(len(weights)):
                slope += float(moments[i, j]) * float(weights[j])
                image += float(moments[i, j]) * float(features[row, j])
            along += slope * float(features[row, i])
            bend += image * float(features[row, i])
        change = rate * residual * (0.5 * rate * residual * bend - along)
        changes[row] = change
        total += change
        if change > 0.0:
            rises += 1
    return total / len(targets), rises


def samples(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Features, targets with noise 1 around a linear law, and their second moments."""
    random = np.random.Generator(np.random.PCG64(seed))
    features = random.standard_normal((size["samples"], size["width"]))
    law = random.standard_normal(size["width"])
    targets = features @ law + random.standard_normal(size["samples"])
    moments = np.ascontiguousarray(features.T @ features / size["samples"])
    return features, targets, moments, features.T @ targets / size["samples"], 0.5 * float(np.mean(targets**2)), random


def batches(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Weights of zero and batches drawn with replacement."""
    features, targets, moments, cross, power, random = samples(size, seed)
    rows = random.integers(0, size["samples"], (size["steps"], size["batch"]))
    return features, targets, moments, cross, power, rows, 0.1, np.zeros(size["width"]), np.zeros(size["steps"])


def single_steps(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Weights on the way to the law."""
    features, targets, moments, cross, _, random = samples(size, seed)
    return features, targets, moments, cross, random.standard_normal(size["width"]), 0.05, np.zeros(size["samples"])


def check_batches(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Each batch in matrix form, losses from the residuals of all samples; some steps go up, all together down."""
    features, targets, _, _, _, rows, rate, start, _ = before
    path = [start]
    for batch in rows:
        drawn = features[batch]
        path.append(path[-1] - rate * drawn.T @ (drawn @ path[-1] - targets[batch]) / len(batch))
    losses = np.array([0.5 * np.mean((features @ weights - targets) ** 2) for weights in path])
    rises = int(np.sum(np.diff(losses) > 0.0))
    return [
        Check("weights", after[7], path[-1], 1e-10, "NumPy, a batch at a time"),
        Check("losses", after[8], losses[1:], 1e-10, "NumPy, residuals of all samples"),
        Check("rises", result, rises, 0.0, "NumPy"),
        Check("some rise, most fall", float(rises > 0 and losses[-1] < 0.5 * losses[0]), 1.0, 0.0, "noise of batches"),
    ]


def check_changes(before: tuple[Any, ...], result: tuple[float, int], after: tuple[Any, ...]) -> list[Check]:
    """The steps done and the total loss looked up, for the first samples; the mean from its two terms."""
    features, targets, moments, _, weights, rate, _ = before
    residuals = features @ weights - targets
    moved = weights - rate * residuals[:200, None] * features[:200]
    losses = 0.5 * np.mean((features @ moved.T - targets[:, None]) ** 2, axis=0)
    gradient = features.T @ residuals / len(targets)
    bends = np.einsum("si,ij,sj->s", features, moments, features, optimize=True)
    mean = -rate * float(gradient @ gradient) + 0.5 * rate**2 * float(np.mean(residuals**2 * bends))
    return [
        Check("changes", after[6][:200], losses - 0.5 * np.mean(residuals**2), 1e-11, "NumPy, steps done"),
        Check("mean", result[0], mean, 1e-11, "-r |g|^2 + r^2 mean(b H b) / 2"),
        Check("rises", result[1], int(np.sum(after[6] > 0.0)), 0.0, "NumPy"),
    ]


KERNELS = (
    Kernel(
        name="minibatch_descent",
        family="landscapes",
        summary="mini-batch descent that watches the total loss rise",
        units=(
            Unit(minibatch_descent, ("steps", "width")),
            Unit(batch_gradient, ("width", "samples of the batch", "width", "width")),
            Unit(total_loss, ("width", "width")),
        ),
        signature="int64(float64[:, ::1], float64[::1], float64[:, ::1], float64[::1], float64, int64[:, ::1],"
        " float64, float64[::1], float64[::1])",
        sizes={
            "small": {"samples": 500, "width": 8, "batch": 16, "steps": 300},
            "medium": {"samples": 5000, "width": 8, "batch": 16, "steps": 10_000},
            "large": {"samples": 5000, "width": 8, "batch": 16, "steps": 100_000},
        },
        inputs=batches,
        checks=check_batches,
        bets={
            "index_maxima": "a batch is gathered from the features through `rows`",
            "constant_shapes": "eight weights and batches of 16: every inner loop runs eight times",
        },
    ),
    Kernel(
        name="step_changes",
        family="landscapes",
        summary="what a step along each single sample's gradient does to the total loss",
        units=(Unit(step_changes, ("samples", "width", "width", "width")),),
        signature="Tuple((float64, int64))(float64[:, ::1], float64[::1], float64[:, ::1], float64[::1], float64[::1],"
        " float64, float64[::1])",
        sizes={
            "small": {"samples": 600, "width": 8},
            "medium": {"samples": 30_000, "width": 8},
            "large": {"samples": 300_000, "width": 8},
        },
        inputs=single_steps,
        checks=check_changes,
        bets={"constant_shapes": "the matrix is 8 x 8 in every call, the innermost loop eight products"},
    ),
)
