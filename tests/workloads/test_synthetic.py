"""Made-up workloads: traces that can be read, as many calls as they say, and the phenomenon that each is named for."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from tiering.workloads import synthetic
from tiering.workloads.generator import Synthetic, log_normal, scattered, uniforms
from tiering.workloads.generators import megamorphic
from tiering.workloads.synthetic import (
    BURSTS,
    COMPILE_SPREAD,
    DEOPT_STORM,
    GENERATORS,
    HOTNESS_TAIL,
    MARKOV_PHASES,
    MEGAMORPHIC,
    PHASES,
    THRASHING,
    ZIPF,
)

from tiering import profile, speculation
from tiering.errors import InputError
from tiering.registry import SYNTHETIC, WORKLOADS
from tiering.registry import controller as named
from tiering.sim import Simulation
from tiering.trace import Mix
from tiering.trace_parser import Parser

ALL = tuple(GENERATORS.values())


def program_of(lines):
    return Parser("made up").parse("\n".join(map(json.dumps, lines)))


def test_every_one_is_in_the_registry_under_its_name():
    assert [WORKLOADS.load(name) for name in SYNTHETIC] == list(ALL)
    assert [workload.name for workload in ALL] == list(GENERATORS) == list(SYNTHETIC)
    assert {value.name for value in vars(synthetic).values() if isinstance(value, Synthetic)} == set(SYNTHETIC)


@pytest.mark.parametrize("workload", ALL, ids=SYNTHETIC)
@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_its_lines_are_a_trace_and_larger_sizes_have_more_calls(workload, size):
    program = program_of(workload.lines(size))
    assert program.name == workload.name
    assert program.total() >= program_of(workload.lines("small")).total()


@pytest.mark.parametrize("workload", ALL, ids=SYNTHETIC)
def test_it_is_the_same_every_time_and_names_its_phenomenon_in_one_line(workload):
    assert workload.lines("small") == workload.lines()
    for text in (workload.summary, workload.phenomenon):
        assert text
        assert "\n" not in text


@pytest.mark.parametrize("workload", ALL, ids=SYNTHETIC)
def test_its_knob_is_an_argument_of_its_generator_and_changes_the_trace(workload):
    arguments = {"spread": 1.2, **workload.sizes["small"]}
    changed = workload.lines("small", **{workload.knob: arguments[workload.knob] * 0.9 + 0.1})
    assert changed[1:] != workload.lines("small")[1:]
    assert f"{workload.knob}=" in changed[0]["source"]


@pytest.mark.parametrize("workload", ALL, ids=SYNTHETIC)
def test_it_runs_on_the_machine_that_it_suits(workload):
    few = {"zipf": {"units": 50, "calls": 2000}, "deopt_storm": {"calls": 3000, "turn": 500}}
    machine = profile.named("speculator")
    machine = machine._replace(machine=machine.machine._replace(**workload.machine, pools=()))
    program = program_of(workload.lines("small", **few.get(workload.name, {})))
    assert Simulation(program, machine, named("threshold", {"count": 50}), seed=1).run().compiles > 0


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


def test_a_tail_of_shape_one_is_exponential_above_the_floor_and_every_round_has_its_share():
    """Two units, at the quarters of exp(-(t - 10) / 100): 10 + 100 ln 4 = 148.6 and 10 + 100 ln 4/3 = 38.8."""
    program = program_of(HOTNESS_TAIL.lines(units=2, shape=1.0, scale=100.0, floor=10, rounds=2))
    made = [(group.pattern[0].unit, group.times) for group in program.groups]
    assert sorted(made) == [(0, 74), (0, 75), (1, 19), (1, 20)]
    assert {unit for unit, _ in made[:2]} == {0, 1}


def test_a_phase_is_left_for_another_one_and_stays_have_the_mean_that_was_asked_for():
    program = program_of(MARKOV_PHASES.lines(phases=3, units=2, calls=3_000_000, dwell=3000))
    phases = [group.pattern[1].unit for group in program.groups]
    assert all(one != other for one, other in pairwise(phases))
    stays = [group.times * 3 for group in program.groups]
    mean = sum(stays) / len(stays)
    assert mean == pytest.approx(3000, rel=0.1)
    assert math.sqrt(sum((stay - mean) ** 2 for stay in stays) / len(stays)) == pytest.approx(mean, rel=0.1)
    assert MARKOV_PHASES.lines(seed=1)[1:] != MARKOV_PHASES.lines(seed=0)[1:]


def test_one_phase_is_a_steady_program():
    (group,) = program_of(MARKOV_PHASES.lines(phases=1, units=1, calls=100, dwell=5)).groups
    assert group.times == 50


def test_units_of_a_burst_are_called_so_often_in_turns_and_never_again():
    program = program_of(
        BURSTS.lines(calls=100_000, calm=50, bursty=2000, calm_dwell=20_000, bursty_dwell=5000, heat=70)
    )
    calls = [0] * len(program.units)
    gone = set()
    before = set()
    for group in program.groups:
        units = [call.unit for call in group.pattern]
        assert units[0] == 0
        assert not gone & set(units)
        gone |= before - set(units)
        before = set(units)
        for unit in units:
            calls[unit] += group.times
    assert len(calls) > 20
    assert set(calls[1:]) == {70}


def test_units_come_at_the_rates_of_the_two_states():
    """Calm and bursty for equal times at 100 and 300 per million: 200 on average, within four standard deviations."""
    program = program_of(
        BURSTS.lines(calls=10_000_000, calm=100, bursty=300, calm_dwell=1000, bursty_dwell=1000, heat=1)
    )
    assert abs(len(program.units) - 1 - 2000) < 4 * math.sqrt(2000)


def test_shares_of_types_have_the_entropy_that_was_asked_for():
    assert megamorphic.shares(1, 0.0).tolist() == [1.0]
    assert megamorphic.shares(4, 2.0).tolist() == pytest.approx([0.25] * 4, abs=1e-4)
    for entropy in (0.1, 1.0, 2.73):
        assert megamorphic.bits(megamorphic.shares(8, entropy)) == pytest.approx(entropy, abs=1e-6)


def test_the_default_site_fails_as_often_as_the_guards_on_type_versions_that_were_counted():
    """67.6 % of 242.8 million; its bets are those that `type_feedback` makes of the same shares."""
    unit = program_of(MEGAMORPHIC.lines()).units[0]
    assert unit.speculations[0].failures == pytest.approx(0.676, abs=0.002)
    made = speculation.type_feedback(megamorphic.shares(8, 2.73).tolist(), gain=0.3, guard_cost=0.01)
    for ours, theirs in zip(unit.speculations, made, strict=False):
        assert (ours.kind, ours.gain, ours.site) == (theirs.kind, theirs.gain, theirs.site)
        assert (ours.guard_cost, ours.failures) == pytest.approx((theirs.guard_cost, theirs.failures))
    assert [bet.failures for bet in unit.speculations[4:]] == [0.107, 0.013, 6e-6]


def test_compile_times_spread_around_what_size_says_and_keep_their_mean():
    units = program_of(COMPILE_SPREAD.lines(units=1000, calls=1)).units
    logs = [math.log(unit.compile_seconds["optimized"] * 110_109 / unit.size) for unit in units]
    mean = sum(logs) / len(logs)
    assert math.sqrt(sum((x - mean) ** 2 for x in logs) / len(logs)) == pytest.approx(1.2, rel=0.01)
    assert sum(map(math.exp, logs)) / len(logs) == pytest.approx(1.0, rel=1e-9)
    sizes = sorted(unit.size for unit in units)
    assert sum(sizes) / 1000 == pytest.approx(93, rel=0.01)
    assert (sizes[500], sizes[-1]) == (pytest.approx(45, abs=1), pytest.approx(2400, rel=0.05))
    assert all(unit.compile_seconds["baseline"] < unit.compile_seconds["optimized"] for unit in units)


@pytest.mark.parametrize(
    ("workload", "changed", "complaint"),
    [
        (HOTNESS_TAIL, {"shape": 0}, "hotness_tail: shape is 0: must be from 0.05 to 10"),
        (MEGAMORPHIC, {"types": 2, "entropy": 1.5}, "megamorphic with 2 types: entropy is 1.5: must be from 0 to 1"),
        (MARKOV_PHASES, {"dwell": 0.5}, "markov_phases: dwell is 0.5: must be from 1"),
        (BURSTS, {"bursty": 1e6}, "bursts: 3e.06 units may come: must be at most 100000"),
        (COMPILE_SPREAD, {"spread": math.nan}, "compile_spread: spread is nan: must be from 0 to 5"),
        (DEOPT_STORM, {"turn": 0}, "deopt_storm: turn is 0: must be from 1"),
    ],
)
def test_arguments_out_of_range_are_refused_with_the_rule(workload, changed, complaint):
    with pytest.raises(InputError, match=complaint):
        workload.lines(**changed)


def test_laws_are_realised_without_luck():
    assert sorted(scattered(10).tolist()) == list(range(10))
    values = log_normal(1001, 5.0, 1.0)
    assert values.mean() == pytest.approx(5.0)
    assert values[500] == pytest.approx(5.0 * math.exp(-0.5), rel=0.01)
    drawn = uniforms(3, 1, 1000)
    assert 0.0 < drawn.min() < 0.01 < 0.99 < drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=0.04)
    assert uniforms(3, 2, 1)[0] != drawn[0]


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
