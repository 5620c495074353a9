"""Nine first-order methods on three losses, each at six rates: the table at the end of every paper on optimizers.

One meets it as a benchmark script. One function per method, one per loss, and a driver that goes through all of them
with vectors of sixteen, forty and ninety-six numbers, then repeats the best rate of each method for much longer.

The call sites are megamorphic: one line of the driver calls nine methods in turn. They are equally hot and each alone
is lukewarm, the tuning phase is half of the program, and the length of every vector changes with each loss, so that a
bet on shapes made in one phase is wrong in the next. Divisions by sqrt(v) + epsilon make the denominators a bet that
always holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats

WIDTHS = (16, 40, 96)
RATES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
TUNING, FINAL = 200, 1500


def bowl(x: Floats, gradient: Floats) -> float:
    """Write the gradient of a bowl with curvatures 1, 2, ... 5, repeated, into `gradient`; return the value."""
    value = 0.0
    for i in range(len(x)):
        curvature = 1.0 + i % 5
        gradient[i] = curvature * float(x[i])
        value += 0.5 * curvature * float(x[i]) * float(x[i])
    return value


def valley(x: Floats, gradient: Floats) -> float:
    """`bowl` for a chain of bent valleys, a tenth as steep as Rosenbrock's."""
    value = 0.0
    for i in range(len(x)):
        gradient[i] = 0.0
    for i in range(len(x) - 1):
        bend = float(x[i + 1]) - float(x[i]) * float(x[i])
        short = 1.0 - float(x[i])
        value += 10.0 * bend * bend + short * short
        gradient[i] = float(gradient[i]) - 40.0 * bend * float(x[i]) - 2.0 * short
        gradient[i + 1] = float(gradient[i + 1]) + 20.0 * bend
    return value


def wells(x: Floats, gradient: Floats) -> float:
    """`bowl` for the double well (x^2 - 1)^2 in every coordinate, tilted."""
    value = 0.0
    for i in range(len(x)):
        inner = float(x[i]) * float(x[i]) - 1.0
        value += inner * inner + 0.1 * float(x[i])
        gradient[i] = 4.0 * inner * float(x[i]) + 0.1
    return value


def methods(decorate: Decorate) -> dict[str, Callable[..., Any]]:
    """Name -> (position, gradient, three arrays of state, rate, step number) -> None, position and state in place."""
    names = ("clipped", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "amsgrad", "adabelief", "adamw")
    k = {name: bound(zoo.kernel(f"{name}_step"), decorate) for name in names}

    def corrected(name: str, *more: float) -> Callable[..., Any]:
        def step(x: Floats, g: Floats, a: Floats, b: Floats, c: Floats, rate: float, t: int) -> None:
            k[name](x, g, a, b, rate, 0.9, 0.999, 1.0 - 0.9**t, 1.0 - 0.999**t, 1e-8, *more)

        return step

    return {
        "clipped": lambda x, g, a, b, c, rate, t: k["clipped"](x, g, rate, 5.0),
        "momentum": lambda x, g, a, b, c, rate, t: k["momentum"](x, a, g, 0.1 * rate, 0.9),
        "nesterov": lambda x, g, a, b, c, rate, t: k["nesterov"](x, a, g, 0.1 * rate, 0.9),
        "adagrad": lambda x, g, a, b, c, rate, t: k["adagrad"](x, g, a, rate, 1e-8),
        "rmsprop": lambda x, g, a, b, c, rate, t: k["rmsprop"](x, g, a, rate, 0.9, 1e-8),
        "adam": corrected("adam"),
        "amsgrad": lambda x, g, a, b, c, rate, t: k["amsgrad"](x, g, a, b, c, rate, 0.9, 0.999, 1e-8),
        "adabelief": corrected("adabelief"),
        "adamw": corrected("adamw", 0.01),
    }


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the best rate and the last value of each method on each loss, both (methods, losses)."""
    losses = [decorate(loss) for loss in (bowl, valley, wells)]
    steps = methods(decorate)
    starts = [np.random.Generator(np.random.PCG64(width)).uniform(-0.5, 0.5, width) for width in WIDTHS]

    def minimise(step: Callable[..., Any], number: int, rate: float, count: int) -> float:
        x, (g, a, b, c) = starts[number].copy(), np.zeros((4, WIDTHS[number]))
        value = 0.0
        for t in range(1, count + 1):
            value = losses[number](x, g)
            if not value < 1e6:
                return 1e6
            step(x, g, a, b, c, rate, t)
        return value

    best, final = np.zeros((2, len(steps), len(losses)))
    for number in range(len(losses)):
        for row, step in enumerate(steps.values()):
            tried = [minimise(step, number, rate, TUNING) for rate in RATES]
            best[row, number] = RATES[tried.index(min(tried))]
        for row, step in enumerate(steps.values()):
            final[row, number] = minimise(step, number, float(best[row, number]), FINAL)
    return {"best": best, "final": final}


PROGRAM = WholeProgram(
    name="optimizer_comparison",
    summary="nine optimizers tuned and compared on three losses",
    length="medium",
    stresses="megamorphic call sites, a dozen equally lukewarm functions, vector lengths that change with the phase",
    run=run,
)
