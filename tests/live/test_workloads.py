"""The six optimizer loops under every built-in controller: all phases of warming up give the same bits."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest

import tiering
from tiering import registry

from .support import bits, call_until, outcome

WORKLOADS = ("gradient_descent", "heavy_ball", "adam", "rmsprop", "sgd_logistic", "lbfgs")
CONTROLLERS = ("never", "always", "threshold", "pi", "bandit", "cost_benefit")

# Compiling early saves time here; and one slow sample may teach a controller that compiling brings nothing.
SETTINGS = {"threshold": {"count": 50}, "cost_benefit": {"learn": 0, "again": 100.0}}

pytestmark = pytest.mark.usefixtures("warm")


@functools.cache
def workload(name: str) -> Any:
    return registry.WORKLOADS.load(name)


@functools.cache
def inputs(name: str) -> Any:
    made = workload(name)
    return made.make(made.sizes["small"], 7)


@functools.cache
def compiled(name: str) -> list[Any]:
    return [numba.njit(boundscheck=True)(function) for function in workload(name).functions]


@functools.cache
def expected(name: str) -> Any:
    return bits(workload(name).run(compiled(name), inputs(name)))


def tiered(name: str, **options: Any) -> list[Any]:
    return [tiering.jit(**options)(function) for function in workload(name).functions]


def settled(functions: list[Any], tier: str) -> bool:
    return all(function.tiering.tier == tier for function in functions)


def shortened(arguments: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The arguments again and again, each time with another array shorter by one."""
    for place, argument in enumerate(arguments):
        if isinstance(argument, np.ndarray):
            short = np.ascontiguousarray(np.delete(argument, -1, 0))
            yield (*copy.deepcopy(arguments[:place]), short, *copy.deepcopy(arguments[place + 1 :]))


def last_arguments(name: str) -> list[tuple[Any, ...]]:
    """What each kernel was last called with."""
    seen: dict[int, tuple[Any, ...]] = {}

    def recorder(place: int, function: Any) -> Any:
        def recorded(*arguments: Any) -> Any:
            seen[place] = arguments
            return function(*arguments)

        return recorded

    workload(name).run([recorder(place, function) for place, function in enumerate(compiled(name))], inputs(name))
    return [seen[place] for place in sorted(seen)]


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_every_phase_of_warming_up_gives_the_bits_of_njit(name, controller):
    tiering.configure(controller=registry.controller(controller, SETTINGS.get(controller)))
    functions = tiered(name, interpret="always")
    last = "interpreter" if controller == "never" else "optimized"
    run = functools.partial(workload(name).run, functions, inputs(name))
    results = call_until(lambda: bits(run()), lambda: settled(functions, last))
    assert all(result == expected(name) for result in results)
    assert sum(function.tiering.calls for function in functions) > 0


@pytest.mark.parametrize("name", WORKLOADS)
def test_required_code_gives_the_bits_of_njit_and_comes_from_a_worker(name):
    functions = tiered(name)
    for _ in range(2):
        assert bits(workload(name).run(functions, inputs(name))) == expected(name)
    for function in functions:
        assert [(unit.tier, unit.where, unit.calls) for unit in function.tiering] == [
            ("optimized", "in a worker process", 0)
        ]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_short_array_ends_alike_in_every_tier(name):
    interpreted = tiered(name, interpret="always", controller="never")
    required = tiered(name)
    for place, arguments in enumerate(last_arguments(name)):
        if sum(isinstance(argument, np.ndarray) for argument in arguments) < 2:
            continue
        endings = [
            [outcome(function, *variant) for variant in shortened(arguments)]
            for function in (compiled(name)[place], interpreted[place], required[place])
        ]
        assert endings[0] == endings[1] == endings[2]
        assert IndexError in endings[0]
        assert interpreted[place].tiering.tier == "interpreter"
        assert required[place].tiering.tier == "optimized"
