"""Functions that Numba cannot compile: required ones raise what njit raises, the others go on in CPython."""

from __future__ import annotations

import numba
import pytest

import tiering

from .support import call_until, eventually

pytestmark = pytest.mark.usefixtures("warm")


def untypable(x):
    return x.nothing_like_this


def unsupported(x):
    class Local:
        pass

    return x, Local


def formatted(x):
    return "{:>8}".format(x)  # noqa: UP032


def evaluated(x):
    return eval("x + 1", {"x": x})


BROKEN = [untypable, unsupported, formatted, evaluated]


@pytest.mark.parametrize("function", BROKEN)
def test_a_required_function_raises_what_njit_raises_every_time(function):
    with pytest.raises(Exception) as plain:  # noqa: PT011
        numba.njit(function)(1)
    tiered = tiering.jit(function)
    for _ in range(3):
        with pytest.raises(type(plain.value)) as raised:
            tiered(1)
    assert str(raised.value).splitlines()[0] == str(plain.value).splitlines()[0]
    assert eventually(lambda: tiered.tiering.units[0].failures == 3)
    assert tiered.tiering.tier is None


@pytest.mark.parametrize("function", [formatted, evaluated])
@pytest.mark.parametrize("controller", ["always", "threshold", "cost_benefit"])
def test_an_interpreted_function_goes_on_and_shows_the_failure(function, controller):
    settings = tiering.registry.controller(controller, {"count": 1} if controller == "threshold" else None)
    tiered = tiering.jit(interpret="always", controller=settings)(function)
    if controller == "cost_benefit":
        results = [tiered(7) for _ in range(2000)]
    else:
        results = call_until(lambda: tiered(7), lambda: tiered.tiering.units[0].failures)
    assert set(results) == {function(7)}
    unit = tiered.tiering.units[0]
    assert unit.tier == "interpreter"
    assert not unit.where


def test_an_exception_of_the_user_is_no_failure():
    class Unhappy(Exception):
        pass

    @tiering.jit(interpret="always", controller="always")
    def raising(x):
        if x > 0:
            raise Unhappy("so it is", x)
        return x

    def attempt():
        with pytest.raises(Unhappy, match="so it is"):
            raising(1)

    call_until(attempt, lambda: raising.tiering.tier == "optimized")
    assert raising.tiering.units[0].failures == 0


def test_two_argument_types_fail_apart():
    @tiering.jit(interpret="always", controller="always")
    def halved(x):
        return x.real / 2 if isinstance(x, complex) else x[0]

    call_until(lambda: halved((1, 2)), lambda: halved.tiering.units[0].tier == "optimized")
    assert halved(4 + 0j) == 2.0
