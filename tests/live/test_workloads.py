"""The six optimizer loops under every built-in controller: interpreted, mixed and compiled phases give the same bits."""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
import pytest
import tiering
from tiering import registry

from .support import bits, call_until

WORKLOADS = ("gradient_descent", "heavy_ball", "adam", "rmsprop", "sgd_logistic", "lbfgs")
CONTROLLERS = ("never", "always", "threshold", "pi", "bandit", "cost_benefit")

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


def shortened(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with their second array shorter by one."""
    second = [place for place, value in enumerate(arguments) if isinstance(value, np.ndarray)][1]
    short = np.ascontiguousarray(np.delete(arguments[second], -1, 0))
    return (*arguments[:second], short, *arguments[second + 1 :])


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
    settings = {"count": 50} if controller == "threshold" else None
    shared = registry.controller(controller, settings)
    tiering.configure(controller=shared)
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
def test_a_short_second_array_is_an_index_error_in_every_tier(name):
    interpreted = tiered(name, interpret="always", controller="never")
    required = tiered(name)
    for place, arguments in enumerate(last_arguments(name)):
        if sum(isinstance(argument, np.ndarray) for argument in arguments) < 2:
            continue
        for function in (compiled(name)[place], interpreted[place], required[place]):
            with pytest.raises(IndexError):
                function(*shortened(arguments))
        assert interpreted[place].tiering.tier == "interpreter"
        assert required[place].tiering.tier == "optimized"
