"""A bar that is stretched far, its displacement a small network trained on the energy itself.

The deep energy method (Samaniego et al., Computer Methods in Applied Mechanics and Engineering 362, 2020, 112790;
Nguyen-Thanh, Zhuang, Rabczuk, European Journal of Mechanics A 80, 2020, 103874) takes the potential energy of a body
for the loss of a network that gives its displacement: no data, no mesh, and the boundary condition is built in.

The bar lies on [-1, 1], is held at -1, loaded by the body force X, and stores (1 + e)^(3/2) - 3 e / 2 - 1 per length at
the stretch e = u'. From P' + X = 0, P(1) = 0 and P = 3/2 (sqrt(1 + e) - 1) follows u = (68 + 105 X - 40 X^3 + 3 X^5) /
135, the answer that those papers compare with, and so the energy of the bar. The displacement is (X + 1) times a
network with one hidden layer of tanh, whose slope along X is written out; integrals are sums over Gauss points.

`bar_energy` is one loss with its gradient, in reverse through the slope, and is checked by complex steps. `bar_network`
trains with L-BFGS, as the papers do, and steps that are halved until the energy falls enough (Armijo, Pacific Journal
of Mathematics 16, 1966, 1). Where a trial turns the bar inside out the energy is infinite, so the search steps back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from ..lbfgs import remember, two_loop


def bar_energy(parameters: Floats, points: Floats, weights: Floats, gradient: Floats) -> float:
    """Return the energy of the bar and write its gradient, shape (3 m + 1,) as `parameters`, into `gradient`.

    The network of m hidden units has inner weights, inner shifts, outer weights and an outer shift, in this order.
    `points` and `weights`, shape (points,), integrate over the bar. Infinite where the bar is turned inside out.
    """
    m = len(parameters) // 3
    for k in range(len(parameters)):
        gradient[k] = 0.0
    energy = 0.0
    for q in range(len(points)):
        x = float(points[q])
        output = float(parameters[3 * m])
        slope = 0.0
        for k in range(m):
            inner = float(parameters[k])
            hidden = math.tanh(inner * x + float(parameters[m + k]))
            outer = float(parameters[2 * m + k])
            output += outer * hidden
            slope += outer * inner * (1.0 - hidden * hidden)
        lever = x + 1.0
        stretch = 1.0 + output + lever * slope
        if stretch <= 0.0:
            return math.inf
        root = math.sqrt(stretch)
        weight = float(weights[q])
        energy += weight * (stretch * root - 1.5 * (stretch - 1.0) - 1.0 - x * lever * output)
        stress = weight * 1.5 * (root - 1.0)
        by_output = stress - weight * x * lever
        by_slope = stress * lever
        for k in range(m):
            inner = float(parameters[k])
            hidden = math.tanh(inner * x + float(parameters[m + k]))
            outer = float(parameters[2 * m + k])
            bend = 1.0 - hidden * hidden
            by_sum = outer * bend * (by_output - 2.0 * by_slope * inner * hidden)
            gradient[k] = float(gradient[k]) + by_sum * x + by_slope * outer * bend
            gradient[m + k] = float(gradient[m + k]) + by_sum
            gradient[2 * m + k] = float(gradient[2 * m + k]) + by_output * hidden + by_slope * inner * bend
        gradient[3 * m] = float(gradient[3 * m]) + by_output
    return energy


def bar_network(parameters: Floats, points: Floats, weights: Floats, memory: int, steps: int) -> float:
    """Train in place with `steps` steps of L-BFGS with `memory` pairs at most; return the energy reached.

    The arrays are those of `bar_energy`; the first parameters must not turn the bar inside out. The end is early where
    sixty halvings of a step find no lower energy.
    """
    n = len(parameters)
    gradient, previous, direction, here = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    moves, changes = np.zeros((memory, n)), np.zeros((memory, n))
    inverses, scratch = np.zeros(memory), np.zeros(memory)
    downward = np.zeros(2 * memory, np.int64)
    for k in range(2 * memory):
        downward[k] = (2 * memory - 1 - k) % memory
    energy = bar_energy(parameters, points, weights, gradient)
    scale = 0.1
    pairs = 0
    for k in range(n):
        previous[k] = float(gradient[k])
    for _ in range(steps):
        first = memory - 1 - (pairs - 1) % memory
        order = downward[first : first + min(pairs, memory)]
        two_loop(gradient, moves, changes, inverses, order, scale, scratch, direction)
        slope = 0.0
        for k in range(n):
            slope += float(direction[k]) * float(gradient[k])
            here[k] = float(parameters[k])
        length = 1.0
        new = math.inf
        for _ in range(60):
            for k in range(n):
                parameters[k] = float(here[k]) + length * float(direction[k])
            new = bar_energy(parameters, points, weights, gradient)
            if new <= energy + 1e-4 * length * slope:
                break
            length = 0.5 * length
        if new >= energy:
            for k in range(n):
                parameters[k] = float(here[k])
            return energy
        row = pairs % memory
        for k in range(n):
            moves[row, k] = float(parameters[k]) - float(here[k])
        found = remember(gradient, previous, moves, changes, inverses, row)
        if float(inverses[row]) > 0.0:
            scale = found
            pairs += 1
        energy = new
    return energy


def displacement(parameters: Any, x: Any) -> tuple[Any, Any]:
    """The network's displacement and its slope, real or complex, in vectorised NumPy."""
    inner, shift, outer = np.split(parameters[:-1], 3)
    hidden = np.tanh(np.multiply.outer(x, inner) + shift)
    output = hidden @ outer + parameters[-1]
    return (x + 1.0) * output, output + (x + 1.0) * ((1.0 - hidden * hidden) @ (outer * inner))


def loss(parameters: Any, points: Floats, weights: Floats) -> Any:
    """The energy, real or complex, in vectorised NumPy."""
    u, stretch = displacement(parameters, points)
    return weights @ ((1.0 + stretch) ** 1.5 - 1.5 * stretch - 1.0 - points * u)


def slopes(parameters: Floats, directions: Floats, points: Floats, weights: Floats) -> Floats:
    """The derivatives of `loss` along the rows of `directions`, by complex step."""
    return np.array([loss(parameters + 1e-30j * row, points, weights).imag / 1e-30 for row in directions])


def exact(x: Floats) -> tuple[Floats, Floats]:
    """The displacement in closed form, and its slope."""
    return (68.0 + 105.0 * x - 40.0 * x**3 + 3.0 * x**5) / 135.0, (7.0 - 8.0 * x**2 + x**4) / 9.0


def exact_energy() -> float:
    """The energy of the closed form, a polynomial: ten Gauss points are exact."""
    points, weights = np.polynomial.legendre.leggauss(10)
    u, stretch = exact(points)
    return float(weights @ ((1.0 + stretch) ** 1.5 - 1.5 * stretch - 1.0 - points * u))


def start(size: Mapping[str, int], seed: int) -> tuple[Floats, Floats, Floats]:
    """Parameters of `hidden` units at random, and five Gauss points with their weights in each of `cells` cells."""
    random = np.random.Generator(np.random.PCG64(seed))
    m = size["hidden"]
    inner, shift = random.uniform(-1.5, 1.5, (2, m))
    outer = random.uniform(-0.5, 0.5, m) / m
    offsets, shares = np.polynomial.legendre.leggauss(5)
    cells = size["cells"]
    points = (np.arange(cells)[:, None] + 0.5 + 0.5 * offsets) * 2.0 / cells - 1.0
    return np.concatenate([inner, shift, outer, [0.1]]), points.reshape(-1), np.tile(shares / cells, cells)


def inputs_energy(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A network before training."""
    parameters, points, weights = start(size, seed)
    return parameters, points, weights, np.zeros_like(parameters)


def inputs_network(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The same, ten pairs and `steps` steps."""
    return *start(size, seed), 10, size["steps"]


def checks_energy(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The energy by another route, and the gradient in random directions."""
    parameters, points, weights, _ = before
    directions = np.random.Generator(np.random.PCG64(1)).standard_normal((8, len(parameters)))
    expected = slopes(parameters, directions, points, weights)
    return [
        Check("energy", result, loss(parameters, points, weights), 1e-11, "vectorised NumPy"),
        Check(
            "slopes along eight directions", directions @ after[3], expected, 1e-10, "complex step of vectorised NumPy"
        ),
    ]


def checks_network(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The displacement is that of the closed form, and so is the energy."""
    x = np.linspace(-1.0, 1.0, 41)
    return [
        Check("displacement", displacement(after[0], x)[0], exact(x)[0], 2e-2, "closed form"),
        Check("energy", result, exact_energy(), 2e-4, "closed form"),
        Check("energy", result, loss(after[0], before[1], before[2]), 1e-11, "vectorised NumPy"),
    ]


BAR_ENERGY = Unit(bar_energy, ("parameters", "points", "hidden units", "hidden units"))

KERNELS = (
    Kernel(
        name="bar_energy",
        family="science",
        summary="energy of a hyperelastic bar whose displacement is a network, with its gradient",
        units=(BAR_ENERGY,),
        signature="float64(float64[::1], float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"hidden": 20, "cells": 80},
            "medium": {"hidden": 100, "cells": 800},
            "large": {"hidden": 400, "cells": 2000},
        },
        inputs=inputs_energy,
        checks=checks_energy,
        bets={},
    ),
    Kernel(
        name="bar_network",
        family="science",
        summary="network of least energy for a hyperelastic bar, trained with L-BFGS",
        units=(
            Unit(bar_network, ("pairs", "parameters", "steps", "parameters", "halvings", *3 * ("parameters",))),
            Unit(two_loop, ("parameters", "pairs", *3 * ("parameters",), "pairs", *2 * ("parameters",))),
            Unit(remember, ("parameters",)),
            BAR_ENERGY,
        ),
        signature="float64(float64[::1], float64[::1], float64[::1], int64, int64)",
        sizes={
            "small": {"hidden": 4, "cells": 3, "steps": 60},
            "medium": {"hidden": 20, "cells": 16, "steps": 250},
            "large": {"hidden": 40, "cells": 50, "steps": 600},
        },
        inputs=inputs_network,
        checks=checks_network,
        bets={},
    ),
)
