"""A short live run under one controller, for the conformance suite: real functions, real compiles, a decision log."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from tiering.errors import InputError
from tiering.live.decorator import jit
from tiering.live.function import TieredFunction
from tiering.live.runtime import Group
from tiering.log import DecisionLog
from tiering.protocol import Controller


def trial(make_controller: Callable[[], Controller], *, calls: int = 400, seconds: float = 6.0) -> DecisionLog:
    """Run two small functions under a new controller and return the decision log.

    At least `calls` calls of each; it goes on until nothing is pending, `seconds` at the most. Raises NeedsFuture
    from a clairvoyant controller, and InputError where this machine gives plain njit only.
    """
    controller = make_controller()
    first = jit(interpret="always", controller=controller)(_weighted_sum)
    group = _function_of(first).group
    second = jit(interpret="always")(_decay)
    _function_of(second).group = group
    log = DecisionLog("live", type(controller).__name__, {}, group.manager.setup)
    group.manager.log = log
    data = np.linspace(0.0, 1.0, 200)
    deadline = time.perf_counter() + seconds
    done = 0
    while done < calls or (_pending(group) and time.perf_counter() < deadline):
        first(data, 0.5)
        second(data, 0.99)
        done += 1
    with group.turn:
        group.manager.log = None
    return log


def _weighted_sum(values: np.ndarray, weight: float) -> float:
    total = 0.0
    for i in range(values.shape[0]):
        total += weight * values[i]
    return total


def _decay(values: np.ndarray, factor: float) -> float:
    level = 1.0
    for i in range(values.shape[0]):
        level = level * factor + values[i]
    return level


def _function_of(decorated: object) -> TieredFunction:
    owner = getattr(getattr(decorated, "enter", None), "__self__", None)
    if not isinstance(owner, TieredFunction):
        raise InputError("no live trial here: tiering.jit gives plain njit on this machine")
    return owner


def _pending(group: Group) -> bool:
    return any(unit.state.pending is not None for unit in list(group.units.values()))
