"""Mini-batch gradient descent on softmax regression, with the odd batch at the end of every epoch.

Robbins & Monro 1951 for descent on samples; Bottou, "Stochastic gradient descent tricks", 2012, for a new order of the
samples in every epoch. 50,000 samples, the training part of the MNIST digits, make 391 batches of 128 per epoch, the
last of 80: code that bets on the length of a batch is right 390 times and wrong once. The kernel counts its steps and
returns the count and the length of the last batch.

The classes are ten, in loops within the loop over samples: a short count that is the same in every call, unlike that
of the batch. A sample is reached through the shuffled order. The largest score is subtracted before the exponentials,
so none overflows; CPython would raise where compiled code returns infinity.

The checks run the same batches as products of matrices, with the softmax from log-sum-exp.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices

CLASSES = "the loops over 10 classes and over the features, within the loop over samples"


def softmax(features: Floats, row: int, weights: Floats, chances: Floats) -> float:
    """Write the chance of each class for one row into `chances`, shape (classes,); return log-sum-exp of the scores.

    `weights` has shape (classes, width). IndexError if `row` or a length does not fit.
    """
    most = -math.inf
    for c in range(len(chances)):
        score = 0.0
        for j in range(weights.shape[1]):
            score += float(weights[c, j]) * float(features[row, j])
        chances[c] = score
        most = max(most, score)
    total = 0.0
    for c in range(len(chances)):
        raised = math.exp(float(chances[c]) - most)
        chances[c] = raised
        total += raised
    for c in range(len(chances)):
        chances[c] = float(chances[c]) / total
    return most + math.log(total)


def minibatch_gradient(features: Floats, labels: Indices, rows: Indices, weights: Floats, gradient: Floats) -> float:
    """Write the gradient of the mean cross-entropy over `rows` into `gradient`; return that loss.

    `features` has shape (samples, width), `labels` (samples,) holds classes, `rows` (batch,) row numbers; `weights` and
    `gradient` have shape (classes, width). IndexError if a row, a class or a length does not fit; ZeroDivisionError if
    `rows` is empty.
    """
    classes, width = weights.shape
    chances = np.zeros(classes)
    share = 1.0 / len(rows)
    for c in range(classes):
        for j in range(width):
            gradient[c, j] = 0.0
    loss = 0.0
    for k in range(len(rows)):
        row = int(rows[k])
        label = int(labels[row])
        loss += share * softmax(features, row, weights, chances)
        for j in range(width):
            loss -= share * float(weights[label, j]) * float(features[row, j])
        chances[label] = float(chances[label]) - 1.0
        for c in range(classes):
            pull = share * float(chances[c])
            for j in range(width):
                gradient[c, j] = float(gradient[c, j]) + pull * float(features[row, j])
    return loss


def minibatch_epochs(
    features: Floats, labels: Indices, orders: Indices, weights: Floats, batch: int, rate: float
) -> tuple[float, int, int]:
    """Descend in place through the samples in each of `orders`, shape (epochs, samples), `batch` at a time.

    Returns the mean loss of the last epoch's batches, the number of steps of all epochs, and the length of the last
    batch. Other shapes and errors as in `minibatch_gradient`; ZeroDivisionError if there is no sample.
    """
    classes, width = weights.shape
    gradient = np.zeros_like(weights)
    epochs, samples = orders.shape
    steps, length, mean = 0, 0, 0.0
    for epoch in range(epochs):
        total, batches = 0.0, 0
        for start in range(0, samples, batch):
            rows = orders[epoch, start : start + batch]
            length = len(rows)
            total += minibatch_gradient(features, labels, rows, weights, gradient)
            for c in range(classes):
                for j in range(width):
                    weights[c, j] = float(weights[c, j]) - rate * float(gradient[c, j])
            batches += 1
        steps += batches
        mean = total / batches
    return mean, steps, length


def data(samples: int, width: int, classes: int, random: np.random.Generator) -> tuple[Floats, Indices]:
    """Normal features about one centre per class, in a random order."""
    labels = random.integers(0, classes, samples, dtype=np.int64)
    centres = random.standard_normal((classes, width))
    return centres[labels] + random.standard_normal((samples, width)), labels


def gradient_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A batch of `batch` rows out of `samples`, small weights, and room for the gradient."""
    random = np.random.Generator(np.random.PCG64(seed))
    features, labels = data(size["samples"], size["width"], size["classes"], random)
    rows = random.permutation(size["samples"])[: size["batch"]].astype(np.int64)
    weights = 0.1 * random.standard_normal((size["classes"], size["width"]))
    return features, labels, rows, weights, np.zeros_like(weights)


def epochs_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """All samples in a new order for each of `epochs` epochs; weights of 0, batches of 128, rate 0.1."""
    random = np.random.Generator(np.random.PCG64(seed))
    features, labels = data(size["samples"], size["width"], size["classes"], random)
    orders = np.stack([random.permutation(size["samples"]) for _ in range(size["epochs"])]).astype(np.int64)
    return features, labels, orders, np.zeros((size["classes"], size["width"])), size["batch"], 0.1


def cross_entropy(features: Floats, labels: Indices, weights: Floats) -> tuple[float, Floats]:
    """The mean loss and its gradient as products of matrices."""
    scores = features @ weights.T
    logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    indicators = np.eye(len(weights))[labels]
    gradient: Floats = (np.exp(logs) - indicators).T @ features / len(labels)
    return -float(np.sum(logs * indicators)) / len(labels), gradient


def gradient_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Loss and gradient as products of matrices; the gradients of the classes cancel."""
    features, labels, rows, weights, _ = before
    loss, gradient = cross_entropy(features[rows], labels[rows], weights)
    return [
        Check("loss", result, loss, 1e-11, "log-sum-exp of a matrix product"),
        Check("gradient", after[4], gradient, 1e-12, "matrix products"),
        Check("sum over classes", after[4].sum(axis=0), np.zeros(weights.shape[1]), 1e-12, "chances add to one"),
    ]


def epochs_checks(before: tuple[Any, ...], result: tuple[float, int, int], after: tuple[Any, ...]) -> list[Check]:
    """The same batches as products of matrices, and the arithmetic of samples and batches."""
    features, labels, orders, weights, batch, rate = before
    losses: list[float] = []
    for order in orders:
        losses.clear()
        for rows in np.split(order, range(batch, len(order), batch)):
            loss, gradient = cross_entropy(features[rows], labels[rows], weights)
            weights = weights - rate * gradient
            losses.append(loss)
    samples = orders.shape[1]
    return [
        Check("weights", after[3], weights, 1e-11, "the same batches as matrix products"),
        Check("loss of the last epoch", result[0], float(np.mean(losses)), 1e-11, "matrix products"),
        Check("steps", result[1], len(orders) * math.ceil(samples / batch), 0.0, "samples over batch, rounded up"),
        Check("last batch", result[2], (samples - 1) % batch + 1, 0.0, "what is left of the samples"),
    ]


KERNELS = (
    Kernel(
        name="minibatch_gradient",
        family="first_order",
        summary="gradient of softmax regression over one batch of rows",
        units=(
            Unit(
                minibatch_gradient,
                ("classes", "features", "samples", "features", "classes", "features"),
            ),
            Unit(softmax, ("classes", "features", "classes", "classes")),
        ),
        signature="float64(float64[:, ::1], int64[::1], int64[::1], float64[:, ::1], float64[:, ::1])",
        sizes={
            "small": {"samples": 1000, "width": 8, "classes": 10, "batch": 500},
            "medium": {"samples": 50_000, "width": 8, "classes": 10, "batch": 20_000},
            "large": {"samples": 200_000, "width": 8, "classes": 10, "batch": 200_000},
        },
        inputs=gradient_inputs,
        checks=gradient_checks,
        bets={"constant_shapes": CLASSES},
    ),
    Kernel(
        name="minibatch_epochs",
        family="first_order",
        summary="mini-batch gradient descent on softmax regression; an epoch ends with a shorter batch",
        units=(
            Unit(minibatch_epochs, ("epochs", "batches", "classes", "features")),
            Unit(
                minibatch_gradient,
                ("classes", "features", "samples", "features", "classes", "features"),
            ),
            Unit(softmax, ("classes", "features", "classes", "classes")),
        ),
        signature=(
            "Tuple((float64, int64, int64))"
            "(float64[:, ::1], int64[::1], int64[:, ::1], float64[:, ::1], int64, float64)"
        ),
        sizes={
            "small": {"samples": 700, "width": 6, "classes": 10, "batch": 128, "epochs": 1},
            "medium": {"samples": 50_000, "width": 6, "classes": 10, "batch": 128, "epochs": 1},
            "large": {"samples": 50_000, "width": 6, "classes": 10, "batch": 128, "epochs": 10},
        },
        inputs=epochs_inputs,
        checks=epochs_checks,
        bets={"constant_shapes": CLASSES},
    ),
)
