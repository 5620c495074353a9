"""Made-up workloads: traces that can be read, as many calls as they say, and the phenomenon that each is named for."""

from __future__ import annotations

import json

import pytest
from tiering.workloads import synthetic
from tiering.workloads.synthetic import DEOPT_STORM, PHASES, THRASHING, ZIPF, Synthetic

from tiering import profile
from tiering.registry import SYNTHETIC, WORKLOADS
from tiering.registry import controller as named
from tiering.sim import Simulation
from tiering.trace import Mix
from tiering.trace_parser import Parser

ALL = (THRASHING, ZIPF, DEOPT_STORM, PHASES)


def program_of(lines):
    return Parser("made up").parse("\n".join(map(json.dumps, lines)))


def test_every_one_is_in_the_registry_under_its_name():
    assert [WORKLOADS.load(name) for name in SYNTHETIC] == list(ALL)
    assert [workload.name for workload in ALL] == list(SYNTHETIC)
    assert {value.name for value in vars(synthetic).values() if isinstance(value, Synthetic)} == set(SYNTHETIC)


@pytest.mark.parametrize("workload", ALL, ids=SYNTHETIC)
@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_its_lines_are_a_trace_and_larger_sizes_have_more_calls(workload, size):
    program = program_of(workload.lines(size))
    assert program.name == workload.name
    assert program.total() >= program_of(workload.lines("small")).total()
    assert workload.lines(size) == workload.lines(size)


@pytest.mark.parametrize("workload", ALL, ids=SYNTHETIC)
def test_its_knob_is_an_argument_of_its_generator_and_changes_the_trace(workload):
    value = workload.sizes["small"][workload.knob]
    assert workload.lines("small", **{workload.knob: value + 1}) != workload.lines("small")
    assert "\n" not in workload.summary


def test_thrashing_by_hand():
    assert THRASHING.lines("small", rounds=2, calls=1)[1:] == [
        {"unit": "ping", "size": 100},
        {"unit": "pong", "size": 100},
        {"times": 2, "calls": [["ping", 1000], ["pong", 1000]]},
    ]


def test_zipf_is_one_mix_with_weights_one_over_n():
    program = program_of(ZIPF.lines("large"))
    (mix,) = program.groups
    assert isinstance(mix, Mix)
    assert (len(mix.calls), mix.times, mix.weights[:3]) == (10_000, 10**9, (1.0, 0.5, 1 / 3))


def test_in_a_storm_bets_hold_and_fail_by_turns():
    unit = program_of(DEOPT_STORM.lines("small", units=1, calls=30, turn=10)).units[0]
    assert [bet.failures for bet in unit.speculations] == [((0, 0.0), (10, 0.3), (20, 0.0)), 0.0]


def test_phases_come_round_twice_and_share_a_library():
    program = program_of(PHASES.lines("small", phases=3, units=2, calls=7))
    assert [group.times for group in program.groups] == [7] * 6
    assert all(group.pattern[0].unit == 0 for group in program.groups)
    assert program.groups[:3] == program.groups[3:]


@pytest.mark.parametrize("kept", ["discard", "keep"])
@pytest.mark.parametrize("name", ["threshold", "speculator", "hysteresis"])
def test_a_storm_ends_under_every_policy_that_learns_from_it(name, kept):
    machine = profile.reference()
    machine = machine._replace(machine=machine.machine._replace(guard_failure=kept))
    program = program_of(DEOPT_STORM.lines("small", units=1))
    result = Simulation(program, machine, named(name), seed=2).run()
    assert result.deopts
    assert result.deopts < 60
    assert result.compiles < 20
