"""A run cut into iterations: the same calls at the same times, and when they become steady."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import registry
from tiering.cli import main
from tiering.errors import InputError
from tiering.profile import Machine, Profile, TierCosts
from tiering.sim import Simulation
from tiering.trace import Call, Group, Mix, Program, Unit, in_iterations
from tiering.warmup import series, warm_up

MACHINE = Profile((TierCosts("interpreter", 1.0), TierCosts("fast", 4.0, compile_seconds=50.0)))
UNIT = Unit("f", 30, {"interpreter": 2.0, "fast": 0.5})
LONG = Program("a thousand calls", (UNIT,), (Group((Call(0),), 1000),))


def always():
    return registry.controller("always")


def test_iterations_before_the_compile_are_slow_and_after_it_fast():
    """Ten calls each: two iterations of 20 s, the third with five slow and five fast calls, then 5 s each."""
    assert series(LONG, MACHINE, always(), 100) == [20.0, 20.0, 12.5, *[5.0] * 97]


def test_cutting_changes_no_time():
    assert sum(series(LONG, MACHINE, always(), 100)) == Simulation(LONG, MACHINE, always()).run().total_seconds


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 50)), min_size=1, max_size=4), st.integers(1, 60))
def test_cutting_loses_no_call(shapes, iterations):
    groups = tuple(Group((Call(0),) * length, times) for length, times in shapes)
    program = Program("any", (UNIT,), (*groups, Mix((Call(0),), (1.0,), 7), Group((Call(0),), 9, 1)))
    cut = in_iterations(program, iterations)
    assert cut.total() == program.total()
    assert cut.threads() == 2
    assert sum(group.thread for group in cut.groups) == 1
    alone = [g for g in cut.groups if isinstance(g, Group) and not g.thread and len(g.pattern) == 1]
    share = max(1, sum(length * times for length, times in shapes) // iterations + 1)
    assert all(group.times <= share + 7 for group in alone)


def test_marks_are_times_on_the_wall():
    """One core: while the compile runs everything takes twice as long."""
    shared = MACHINE._replace(machine=Machine(cores=1))
    simulation = Simulation(in_iterations(LONG, 100), shared, always())
    simulation.run()
    assert simulation.marks()[:3] == (0.0, 40.0, 80.0)


def test_a_run_that_warms_up_is_found_to_do_so():
    found = warm_up(LONG, "always", iterations=100, profile=MACHINE)
    assert (found.barrett.classification, found.traini.classification) == ("warmup", "steady state")
    assert found.barrett.start == found.traini.start == 3
    assert found.loss == pytest.approx((20 + 20 + 12.5 + 97 * 5) / 5 - 100)


def test_a_program_too_short_to_become_steady_is_refused():
    short = Program("short", (UNIT,), (Group((Call(0),), 3),))
    with pytest.raises(
        InputError, match="short: has 3 iterations that take 6 s; a steady state is looked for in at least"
    ):
        warm_up(short, "never", profile=MACHINE)


def test_the_verb_prints_both_procedures(capsys):
    assert main.run(["warmup", "adam", "--controller", "threshold", "--size", "small", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {document["barrett"]["procedure"], document["traini"]["procedure"]} == {"barrett", "traini"}
    assert main.run(["warmup", "adam", "--controller", "threshold", "--size", "small"]) == 0
    assert "iterations at the late pace" in capsys.readouterr().out
