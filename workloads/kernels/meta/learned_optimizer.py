"""A small neural optimizer, trained through its unrolled trajectory on random quadratics.

Andrychowicz et al., "Learning to learn by gradient descent by gradient descent", NeurIPS 2016: the update of every
coordinate comes from one network that all coordinates share, the loss of the network is the sum of the optimizee's
losses along the trajectory (their equation 3), and the tasks are |W x - y|^2 in ten dimensions (their section 3.1).

The network has one hidden layer of tanh units and sees the gradient and its running mean; the mean is the memory for
which the paper has an LSTM. Unlike the paper, the derivative of the optimizee's gradient is not dropped: on quadratics
it is one product with W'W, and the result is then the true gradient of the trajectory, which can be checked. The
network is trained with Adam, as in the paper, on a fixed set of tasks, all in every step.

The reference runs the whole training again in NumPy with complex-step derivatives, forwards, for all parameters at
once: no adjoint in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from ..adam import adam_step


def optimizee(matrix: Floats, target: Floats, point: Floats, residual: Floats, gradient: Floats) -> float:
    """Write W x - y into `residual` and W'(W x - y) into `gradient`; return |W x - y|^2 / 2.

    `matrix` W has shape (d, d), `target` y and `point` x (d,).
    """
    value = 0.0
    for i in range(len(target)):
        rest = -float(target[i])
        for j in range(len(point)):
            rest += float(matrix[i, j]) * float(point[j])
        residual[i] = rest
        value += 0.5 * rest * rest
    for j in range(len(point)):
        gradient[j] = 0.0
    for i in range(len(target)):
        rest = float(residual[i])
        for j in range(len(point)):
            gradient[j] = float(gradient[j]) + float(matrix[i, j]) * rest
    return value


def updated(network: Floats, gradient: Floats, mean: Floats, point: Floats, following: Floats) -> None:
    """Write `point` minus the network's update into `following`, all but `network` of shape (d,).

    `network`, shape (units, 4), has a row per hidden unit: weight of the gradient, weight of the mean, bias, output.
    """
    for i in range(len(point)):
        moved = float(point[i])
        for h in range(len(network)):
            inside = float(network[h, 0]) * float(gradient[i]) + float(network[h, 1]) * float(mean[i])
            moved -= float(network[h, 3]) * math.tanh(inside + float(network[h, 2]))
        following[i] = moved


def updated_adjoint(
    network: Floats,
    gradient: Floats,
    mean: Floats,
    adjoint: Floats,
    slopes: Floats,
    to_gradient: Floats,
    to_mean: Floats,
) -> None:
    """Carry `adjoint`, shape (d,), the derivative by the result of `updated`, back to what went in.

    Adds the derivatives by the network to `slopes`, shape (units, 4), and those by the mean to `to_mean`; writes those
    by the gradient into `to_gradient`.
    """
    for i in range(len(adjoint)):
        incoming = -float(adjoint[i])
        by_gradient = 0.0
        by_mean = 0.0
        for h in range(len(network)):
            inside = float(network[h, 0]) * float(gradient[i]) + float(network[h, 1]) * float(mean[i])
            activation = math.tanh(inside + float(network[h, 2]))
            back = incoming * float(network[h, 3]) * (1.0 - activation * activation)
            slopes[h, 0] = float(slopes[h, 0]) + back * float(gradient[i])
            slopes[h, 1] = float(slopes[h, 1]) + back * float(mean[i])
            slopes[h, 2] = float(slopes[h, 2]) + back
            slopes[h, 3] = float(slopes[h, 3]) + incoming * activation
            by_gradient += back * float(network[h, 0])
            by_mean += back * float(network[h, 1])
        to_gradient[i] = by_gradient
        to_mean[i] = float(to_mean[i]) + by_mean


def trajectory_gradient(
    network: Floats, matrix: Floats, target: Floats, decay: float, unroll: int, slopes: Floats
) -> float:
    """Add to `slopes` the derivatives by `network` of the mean loss over `unroll` updates from 0; return that loss.

    `decay` is that of the running mean of gradients, which begins at 0. Shapes as for `optimizee` and `updated`.
    """
    size = len(target)
    points = np.zeros((unroll + 1, size))
    means = np.zeros((unroll + 1, size))
    gradients = np.zeros((unroll + 1, size))
    residual = np.zeros(size)
    to_point = np.zeros(size)
    to_mean = np.zeros(size)
    to_gradient = np.zeros(size)
    product = np.zeros(size)
    origin = np.zeros(size)
    loss = 0.0
    optimizee(matrix, target, points[0], residual, gradients[0])
    for t in range(unroll):
        for i in range(size):
            means[t + 1, i] = decay * float(means[t, i]) + (1.0 - decay) * float(gradients[t, i])
        updated(network, gradients[t], means[t + 1], points[t], points[t + 1])
        loss += optimizee(matrix, target, points[t + 1], residual, gradients[t + 1]) / unroll
    for back in range(unroll):
        t = unroll - back - 1
        for i in range(size):
            to_point[i] = float(to_point[i]) + float(gradients[t + 1, i]) / unroll
        updated_adjoint(network, gradients[t], means[t + 1], to_point, slopes, to_gradient, to_mean)
        for i in range(size):
            to_gradient[i] = float(to_gradient[i]) + (1.0 - decay) * float(to_mean[i])
            to_mean[i] = decay * float(to_mean[i])
        optimizee(matrix, origin, to_gradient, residual, product)
        for i in range(size):
            to_point[i] = float(to_point[i]) + float(product[i])
    return loss


def learned_optimizer(
    network: Floats, matrices: Floats, targets: Floats, decay: float, unroll: int, rate: float, losses: Floats
) -> None:
    """Train `network`, shape (units, 4), in place with Adam, one step per element of `losses`.

    `matrices` has shape (tasks, d, d), `targets` (tasks, d). Writes the mean loss before each step into `losses`.
    """
    slopes = np.zeros_like(network)
    mean = np.zeros(network.size)
    square = np.zeros(network.size)
    power1 = 1.0
    power2 = 1.0
    for step in range(len(losses)):
        loss = 0.0
        for h in range(len(network)):
            for k in range(4):
                slopes[h, k] = 0.0
        for task in range(len(targets)):
            loss += trajectory_gradient(network, matrices[task], targets[task], decay, unroll, slopes)
        losses[step] = loss / len(targets)
        for h in range(len(network)):
            for k in range(4):
                slopes[h, k] = float(slopes[h, k]) / len(targets)
        power1 *= 0.9
        power2 *= 0.999
        adam_step(network.ravel(), slopes.ravel(), mean, square, rate, 0.9, 0.999, 1.0 - power1, 1.0 - power2, 1e-8)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Tasks with W of independent normal entries of variance 1 / d, and y normal; a network with small updates."""
    random = np.random.Generator(np.random.PCG64(seed))
    tasks, d = size["tasks"], size["d"]
    network = random.normal(size=(size["units"], 4))
    network[:, 3] *= 0.1
    matrices = random.normal(size=(tasks, d, d)) / np.sqrt(d)
    return network, matrices, random.normal(size=(tasks, d)), 0.9, size["unroll"], 0.03, np.zeros(size["steps"])


def trajectory_loss(network: Any, arguments: tuple[Any, ...]) -> Any:
    """The mean loss of the tasks under networks of shape (..., units, 4), which may be complex."""
    _, matrices, targets, decay, unroll = arguments[:5]
    point = np.zeros((*network.shape[:-2], *targets.shape), network.dtype)
    mean = np.zeros_like(point)
    weights = network[..., None, None, :, :]
    loss = 0.0
    for _ in range(unroll):
        gradient = np.einsum("tij,...ti->...tj", matrices, np.einsum("tij,...tj->...ti", matrices, point) - targets)
        mean = decay * mean + (1.0 - decay) * gradient
        inside = weights[..., 0] * gradient[..., None] + weights[..., 1] * mean[..., None] + weights[..., 2]
        point = point - np.sum(weights[..., 3] * np.tanh(inside), axis=-1)
        residual = np.einsum("tij,...tj->...ti", matrices, point) - targets
        loss = loss + np.sum(residual**2, axis=-1).mean(axis=-1) / (2.0 * unroll)
    return loss


def retrained(arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """The trained network and the losses, from complex-step derivatives in NumPy."""
    network, rate, steps = arguments[0].copy(), arguments[5], len(arguments[6])
    ways = 1e-30j * np.eye(network.size).reshape(network.size, *network.shape)
    losses, history = np.zeros(steps), np.zeros((steps, *network.shape))
    for step in range(steps):
        losses[step] = trajectory_loss(network, arguments)
        history[step] = trajectory_loss(network + ways, arguments).imag.reshape(network.shape) / 1e-30
        fade1, fade2 = 0.9 ** np.arange(step, -1, -1), 0.999 ** np.arange(step, -1, -1)
        mean = np.tensordot(fade1 / fade1.sum(), history[: step + 1], 1)
        square = np.tensordot(fade2 / fade2.sum(), history[: step + 1] ** 2, 1)
        network -= rate * mean / (np.sqrt(square) + 1e-8)
    return network, losses


def checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The whole training again, with derivatives that are found forwards."""
    network, losses = retrained(before)
    return [
        Check("network", after[0], network, 1e-8, "the training in NumPy, complex-step derivatives"),
        Check("losses", after[6], losses, 1e-8, "the losses of the trajectories in NumPy"),
    ]


KERNELS = (
    Kernel(
        name="learned_optimizer",
        family="meta",
        summary="a coordinatewise tanh network that optimizes quadratics, trained through its unrolled trajectory",
        units=(
            Unit(learned_optimizer, ("meta-steps", "units", "4", "tasks", "units", "4")),
            Unit(trajectory_gradient, ("updates", "coordinates", "updates", *["coordinates"] * 3)),
            Unit(updated, ("coordinates", "units")),
            Unit(updated_adjoint, ("coordinates", "units")),
            Unit(optimizee, ("rows", "columns", "columns", "rows", "columns")),
            Unit(adam_step, ("parameters",)),
        ),
        signature="none(float64[:,::1], float64[:,:,::1], float64[:,::1], float64, int64, float64, float64[::1])",
        sizes={
            "small": {"tasks": 2, "d": 10, "units": 6, "unroll": 6, "steps": 8},
            "medium": {"tasks": 4, "d": 10, "units": 6, "unroll": 20, "steps": 40},
            "large": {"tasks": 16, "d": 10, "units": 6, "unroll": 20, "steps": 100},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
