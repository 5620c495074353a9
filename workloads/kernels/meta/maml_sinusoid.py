"""The gradient of model-agnostic meta-learning for a small network on sinusoids: a Hessian-vector product per task.

The regression of Finn, Abbeel & Levine (ICML 2017, section 5.1): tasks y = A sin(x - phase) with A in [0.1, 5], phase
in [0, pi], x in [-5, 5], ten samples to adapt on, inner rate 0.01. One gradient of the outer loss, for a program that
takes thousands of such steps.

One hidden layer of 40 tanh units where the paper has two of 40 rectifiers. A rectifier's second derivative is zero
almost everywhere, which hides errors in the part of the Hessian that the paper's section 5.2 finds to matter little.

The product with the Hessian is Pearlmutter's ("Fast exact multiplication by the Hessian", Neural Computation 6,
1994): differentiate the gradient computation along a vector. It costs about two gradients. Rejected: differences of
two gradients, which lose half of the digits.

The reference is the complex-step derivative (Squire & Trapp, SIAM Review 40, 1998) of the adapted loss in NumPy: it
needs the gradient of the inner step, but no second derivative, and is exact to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def network_gradient(params: Floats, xs: Floats, ys: Floats, hidden: Floats, gradient: Floats) -> float:
    """Write the gradient of the mean of (f(x) - y)^2 / 2 into `gradient`; return that mean.

    f(x) = b + sum_h v_h tanh(a_h x + c_h); `params` and `gradient` hold a, c, v and b, shape (3 units + 1,);
    `xs` and `ys` have shape (n,); `hidden`, shape (units,), is scratch. ZeroDivisionError without samples.
    """
    units = len(hidden)
    share = 1.0 / len(xs)
    loss = 0.0
    for p in range(len(params)):
        gradient[p] = 0.0
    for i in range(len(xs)):
        x = float(xs[i])
        output = float(params[3 * units])
        for h in range(units):
            activation = math.tanh(float(params[h]) * x + float(params[units + h]))
            hidden[h] = activation
            output += float(params[2 * units + h]) * activation
        residual = output - float(ys[i])
        loss += 0.5 * share * residual * residual
        residual *= share
        gradient[3 * units] = float(gradient[3 * units]) + residual
        for h in range(units):
            activation = float(hidden[h])
            back = residual * float(params[2 * units + h]) * (1.0 - activation * activation)
            gradient[h] = float(gradient[h]) + back * x
            gradient[units + h] = float(gradient[units + h]) + back
            gradient[2 * units + h] = float(gradient[2 * units + h]) + residual * activation
    return loss


def network_hessian_product(
    params: Floats, xs: Floats, ys: Floats, vector: Floats, hidden: Floats, tangent: Floats, product: Floats
) -> None:
    """Write the Hessian of the loss of `network_gradient` at `params`, times `vector`, into `product`.

    `vector` and `product` are laid out as `params`; `hidden` and `tangent`, shape (units,), are scratch.
    """
    units = len(hidden)
    share = 1.0 / len(xs)
    for p in range(len(params)):
        product[p] = 0.0
    for i in range(len(xs)):
        x = float(xs[i])
        residual = float(params[3 * units]) - float(ys[i])
        along = float(vector[3 * units])
        for h in range(units):
            activation = math.tanh(float(params[h]) * x + float(params[units + h]))
            moved = (1.0 - activation * activation) * (float(vector[h]) * x + float(vector[units + h]))
            hidden[h] = activation
            tangent[h] = moved
            residual += float(params[2 * units + h]) * activation
            along += float(vector[2 * units + h]) * activation + float(params[2 * units + h]) * moved
        residual *= share
        along *= share
        product[3 * units] = float(product[3 * units]) + along
        for h in range(units):
            activation = float(hidden[h])
            moved = float(tangent[h])
            weight = float(params[2 * units + h])
            slope = 1.0 - activation * activation
            back = (along * weight + residual * float(vector[2 * units + h])) * slope
            back -= 2.0 * residual * weight * activation * moved
            product[h] = float(product[h]) + back * x
            product[units + h] = float(product[units + h]) + back
            product[2 * units + h] = float(product[2 * units + h]) + along * activation + residual * moved


def maml_sinusoid_gradient(
    params: Floats,
    support: Floats,
    support_targets: Floats,
    query: Floats,
    query_targets: Floats,
    inner_rate: float,
    gradient: Floats,
) -> float:
    """Write the gradient of the adapted query loss, averaged over tasks, into `gradient`; return that loss.

    `support` and its targets have shape (tasks, n), `query` and its targets (tasks, m); `params` as for
    `network_gradient`.
    """
    tasks = len(support)
    hidden = np.zeros(len(params) // 3)
    tangent = np.zeros_like(hidden)
    slope = np.zeros_like(params)
    adapted = np.zeros_like(params)
    product = np.zeros_like(params)
    loss = 0.0
    for p in range(len(params)):
        gradient[p] = 0.0
    for t in range(tasks):
        network_gradient(params, support[t], support_targets[t], hidden, slope)
        for p in range(len(params)):
            adapted[p] = float(params[p]) - inner_rate * float(slope[p])
        loss += network_gradient(adapted, query[t], query_targets[t], hidden, slope)
        network_hessian_product(params, support[t], support_targets[t], slope, hidden, tangent, product)
        for p in range(len(params)):
            gradient[p] = float(gradient[p]) + (float(slope[p]) - inner_rate * float(product[p])) / tasks
    return loss / tasks


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Sinusoid tasks of the paper, and a random network of `units` hidden units."""
    random = np.random.Generator(np.random.PCG64(seed))
    tasks, units = size["tasks"], size["units"]
    height, phase = random.uniform(0.1, 5.0, (tasks, 1)), random.uniform(0.0, np.pi, (tasks, 1))
    support, query = random.uniform(-5.0, 5.0, (2, tasks, size["shots"]))
    params = random.normal(size=3 * units + 1)
    params[2 * units :] /= np.sqrt(units)
    targets = height * np.sin(support - phase), height * np.sin(query - phase)
    return params, support, targets[0], query, targets[1], 0.01, np.zeros_like(params)


def adapted_loss(params: Any, arguments: tuple[Any, ...]) -> Any:
    """The adapted query loss at `params`, which may be complex, for the other arguments of the kernel."""
    _, support, support_targets, query, query_targets, rate = arguments[:6]
    units = len(params) // 3
    a, c, v, b = params[:units], params[units : 2 * units], params[2 * units : -1], params[-1]
    hidden = np.tanh(support[..., None] * a + c)
    residual = (hidden @ v + b - support_targets) / support.shape[1]
    back = residual[..., None] * v * (1.0 - hidden**2)
    a = a - rate * np.einsum("tnh,tn->th", back, support)[:, None]
    c = c - rate * back.sum(axis=1)[:, None]
    v = v - rate * np.einsum("tn,tnh->th", residual, hidden)[:, None]
    b = b - rate * residual.sum(axis=1)[:, None]
    predicted = np.sum(np.tanh(query[..., None] * a + c) * v, axis=2) + b
    return np.mean((predicted - query_targets) ** 2) / 2.0


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The loss in NumPy, and its derivatives by complex steps."""
    params = before[0]
    steps = params + 1e-30j * np.eye(len(params))
    slopes = np.array([adapted_loss(step, before).imag for step in steps]) / 1e-30
    return [
        Check("loss", result, adapted_loss(params, before), 1e-11, "the adapted loss in NumPy"),
        Check("gradient", after[6], slopes, 1e-10, "complex-step derivative of the adapted loss"),
    ]


KERNELS = (
    Kernel(
        name="maml_sinusoid_gradient",
        family="meta",
        summary="one MAML gradient of a tanh network on sinusoid tasks, with exact Hessian-vector products",
        units=(
            Unit(maml_sinusoid_gradient, ("parameters", "tasks", "parameters", "parameters")),
            Unit(network_gradient, ("parameters", "samples", "units", "units")),
            Unit(network_hessian_product, ("parameters", "samples", "units", "units")),
        ),
        signature="float64(float64[::1], float64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], float64, "
        "float64[::1])",
        sizes={
            "small": {"tasks": 10, "shots": 10, "units": 40},
            "medium": {"tasks": 500, "shots": 10, "units": 40},
            "large": {"tasks": 5000, "shots": 10, "units": 40},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
