"""`fn.tiering` and `tiering.status()`: what they show of interpreted, compiled and required functions."""

from __future__ import annotations

import time

import pytest

import tiering

from .support import call_until

pytestmark = pytest.mark.usefixtures("warm")


def made(interpret="always", controller="never"):
    @tiering.jit(interpret=interpret, controller=controller)
    def plus_one(x):
        return x + 1

    return plus_one


def test_before_the_first_call_there_is_nothing_to_show():
    function = made()
    assert function.tiering.units == ()
    assert function.tiering.tier is None
    assert function.tiering.calls == 0
    assert function.tiering.reasons == {}
    assert repr(function.tiering) == function.tiering.explain() == "not called yet"


def test_interpreted_calls_are_counted_and_timed_per_argument_types():
    function = made()
    for argument in (1, 2, 3, 0.5):
        function(argument)
    whole, broken = function.tiering.units
    assert (whole.calls, broken.calls, function.tiering.calls) == (3, 1, 4)
    assert "plus_one(int64)" in whole.unit
    assert "plus_one(float64)" in broken.unit
    assert whole.seconds > 0.0
    assert (whole.tier, whole.where, whole.code_bytes, whole.compile_seconds) == ("interpreter", "", 0, 0.0)
    assert function.tiering.reasons == {"never compiles": 2}
    assert [row.reason for row in function.tiering] == ["never compiles"] * 2


def test_recursion_is_not_timed_twice():
    @tiering.jit(interpret="always", controller="never")
    def down(n):
        return 0 if n == 0 else 1 + down(n - 1)

    started = time.perf_counter()
    assert down(300) == 300
    passed = time.perf_counter() - started
    (unit,) = down.tiering
    assert unit.calls == 301
    assert unit.seconds <= passed


def test_a_compiled_unit_shows_what_its_code_cost_and_where_it_was_made():
    function = made(controller="always")
    call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")
    (unit,) = function.tiering
    assert unit.where == "in a worker process"
    assert unit.compile_seconds > 0.0
    assert unit.install_seconds > 0.0
    assert unit.code_bytes > 0
    assert unit.controller == "Always"
    assert not unit.pending
    text = function.tiering.explain()
    assert "optimized" in text
    assert "compiled in a worker process in" in text


def test_the_lowest_tier_of_all_units_is_the_function_s():
    function = made(controller="always")
    call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")
    function(0.5)
    assert function.tiering.tier in ("interpreter", "optimized")
    call_until(lambda: function(0.5), lambda: function.tiering.tier == "optimized")
    assert len(function.tiering.units) == 2


def test_a_required_function_was_never_interpreted():
    function = made(interpret="never")
    assert function(1) == 2
    (unit,) = function.tiering
    assert (unit.tier, unit.calls, unit.seconds) == ("optimized", 0, 0.0)


def test_the_process_wide_list_is_sorted_and_holds_every_unit():
    functions = [made(), made(interpret="never")]
    for function in functions:
        function(1)
    rows = tiering.status()
    assert [row.unit for row in rows] == sorted(row.unit for row in rows)
    assert {unit.unit for function in functions for unit in function.tiering} <= {row.unit for row in rows}


def test_functions_of_one_name_are_told_apart():
    tiering.configure(controller="never")
    functions = [made(controller=None) for _ in range(3)]
    for function in functions:
        function(1)
    assert len({unit.unit for function in functions for unit in function.tiering}) == 3
