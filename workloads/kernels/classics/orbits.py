"""The two extremes: a loop that is all latency, and one that is all bandwidth.

The logistic map waits for its own last value; its constant rate is a multiplication either way. `axpy`, the first
routine of BLAS (C. Lawson, R. Hanson, D. Kincaid and F. Krogh, ACM Transactions on Mathematical Software 5, 1979), is
vectorised with all of its checks in place, since they are hoisted. No bet pays on either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def logistic_map(state: float, rate: float, steps: int) -> tuple[float, float]:
    """Iterate x -> rate x (1 - x) from `state`; return the last state and Lyapunov's exponent over the orbit.

    An orbit through a half, where the map is flat, raises ValueError.
    """
    total = 0.0
    for _ in range(steps):
        total += math.log(abs(rate * (1.0 - 2.0 * state)))
        state = rate * state * (1.0 - state)
    return state, total / steps


def logistic_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random state at rate 4, where the map is chaotic and yet solved in closed form."""
    random = np.random.Generator(np.random.PCG64(seed))
    return float(random.uniform(0.1, 0.4)), 4.0, size["steps"]


def logistic_checks(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """At rate 4 the map doubles an angle: the exponent is ln 2 and a term of the two ends of the orbit.

    The state itself can be told for 20 steps, until rounding has doubled into sight; the orbit is replayed to its end.
    """
    state, _, steps = before
    ends = 0.5 * math.log(result[0] * (1.0 - result[0]) / (state * (1.0 - state)))
    early = math.sin(2.0**20 * math.asin(math.sqrt(state))) ** 2
    replayed = state
    for step in range(steps):
        if step == 20:
            found = replayed
        replayed = 4.0 * replayed * (1.0 - replayed)
    return [
        Check("exponent", result[1], math.log(2.0) + ends / steps, 1e-9, "conjugacy to the doubling of an angle"),
        Check("state after 20 steps", found, early, 1e-8, "sin^2 (2^20 asin sqrt x)"),
    ]


def axpy(factor: float, x: Floats, y: Floats, rounds: int) -> None:
    """Add `factor` times `x` to `y`, both (n,), `rounds` times."""
    for _ in range(rounds):
        for i in range(len(x)):
            y[i] = float(y[i]) + factor * float(x[i])


def axpy_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Two random vectors."""
    random = np.random.Generator(np.random.PCG64(seed))
    return 0.125, random.normal(size=size["n"]), random.normal(size=size["n"]), size["rounds"]


def axpy_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """All rounds are one."""
    factor, x, y, rounds = before
    return [Check("y", after[2], y + rounds * factor * x, 1e-13 * rounds, "one addition for all rounds")]


KERNELS = (
    Kernel(
        name="logistic_map",
        family="classics",
        summary="the logistic map and its Lyapunov exponent: all latency, so no bet pays",
        units=(Unit(logistic_map, ("steps",)),),
        signature="Tuple((float64, float64))(float64, float64, int64)",
        sizes={"small": {"steps": 50000}, "medium": {"steps": 4000000}, "large": {"steps": 40000000}},
        inputs=logistic_inputs,
        checks=logistic_checks,
        bets={},
    ),
    Kernel(
        name="axpy",
        family="classics",
        summary="y = a x + y: vectorised with its checks hoisted, so no bet pays",
        units=(Unit(axpy, ("rounds", "coordinates")),),
        signature="none(float64, float64[::1], float64[::1], int64)",
        sizes={
            "small": {"n": 2000, "rounds": 40},
            "medium": {"n": 50000, "rounds": 60},
            "large": {"n": 50000, "rounds": 600},
        },
        inputs=axpy_inputs,
        checks=axpy_checks,
        bets={},
    ),
)
