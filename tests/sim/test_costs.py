"""Which cost a call has, and that it is a whole number of picoseconds."""

from __future__ import annotations

import math
from statistics import mean, median, stdev

import pytest

from tiering.errors import InputError
from tiering.profile import Profile, TierCosts
from tiering.sim.costs import LONGEST, Code, Costs, picoseconds
from tiering.trace import Call, Group, Mix, Program, Unit

LADDER = Profile(
    (
        TierCosts("interpreter", 1.0),
        TierCosts("middle", 10.0, compile_seconds=0.5, compile_seconds_per_size=0.01, code_bytes_per_size=2.0),
        TierCosts("top", 40.0, compile_seconds=1.0),
    ),
    backedge_seconds=1e-6,
)


def costs_of(unit, call):
    return Costs(Program("one", (unit,), ()), LADDER).call(call)


def test_stated_seconds_hold_exactly():
    unit = Unit("f", 1, {"interpreter": 0.3, "middle": 0.2, "top": 0.1})
    assert costs_of(unit, Call(0)) == (300_000_000_000, 200_000_000_000, 100_000_000_000)


def test_an_unstated_tier_is_scaled_from_the_nearest_stated_one():
    assert costs_of(Unit("f", 1, {"interpreter": 1.0}), Call(0)) == (10**12, 10**11, 25 * 10**9)
    assert costs_of(Unit("f", 1, {"top": 1.0}), Call(0)) == (40 * 10**12, 4 * 10**12, 10**12)


def test_of_two_equally_near_the_lower_is_taken():
    assert costs_of(Unit("f", 1, {"interpreter": 1.0, "top": 1.0}), Call(0)) == (10**12, 10**11, 10**12)


def test_work_multiplies_the_stated_seconds():
    assert costs_of(Unit("f", 1, {"top": 1e-12}), Call(0, 0, 2.5))[2] == 2


def test_without_any_seconds_iterations_are_priced():
    assert costs_of(Unit("f", 1), Call(0, 9)) == (9_100_000, 910_000, 227_500)


def test_a_cost_is_rounded_once():
    assert picoseconds(1.1e-7) == 110_000
    assert 100_000 * picoseconds(1.1e-7) == picoseconds(1.1e-2)


def test_compile_costs_are_stated_or_the_prior_of_the_tier():
    units = (Unit("f", 100), Unit("g", 100, compile_seconds={"middle": 2.0}, code_bytes={"middle": 7}))
    made = Costs(Program("two", units, ()), LADDER).code
    assert made[0] == (Code(0, 0), Code(15 * 10**11, 200), Code(10**12, None))
    assert made[1][1] == Code(2 * 10**12, 7)


@pytest.mark.parametrize("field", ["seconds", "compile_seconds", "code_bytes"])
def test_a_tier_that_the_machine_lacks_is_named(field):
    unit = Unit("f", 1, **{field: {"midle": 1}})
    with pytest.raises(InputError, match="unknown tier 'midle' of unit 'f': did you mean 'middle'"):
        Costs(Program("one", (unit,), ()), LADDER)


def with_top(**facts):
    return LADDER._replace(tiers=(*LADDER.tiers[:2], LADDER.tiers[2]._replace(**facts)))


def test_profiling_slows_what_is_scaled_and_not_what_was_measured():
    """`top` is 40 times as fast, and its profiling lengthens its calls by a quarter: 32 times."""
    profile = with_top(profiling=0.25)
    scaled, stated = Unit("f", 1, {"interpreter": 3.2}), Unit("g", 1, {"interpreter": 3.2, "top": 0.08})
    costs = Costs(Program("two", (scaled, stated), ()), profile)
    assert costs.call(Call(0))[2] == 10**11
    assert costs.call(Call(1))[2] == 8 * 10**10


def test_different_calls_are_numbered_once_in_the_order_of_the_groups():
    groups = (Group((Call(0), Call(1), Call(0)), 3), Mix((Call(1), Call(0, 5)), (1.0, 1.0), 9))
    costs = Costs(Program("two", (Unit("f", 1), Unit("g", 1)), groups), LADDER)
    assert costs.calls == [Call(0), Call(1), Call(0, 5)]
    assert costs.ids == {Call(0): 0, Call(1): 1, Call(0, 5): 2}


def compile_seconds(profile, seed=0, units=4000, **facts):
    program = Program("many", tuple(Unit(f"unit {n}", 100, **facts) for n in range(units)), ())
    return [code[2].compile / 1e12 for code in Costs(program, profile, seed).code]


def test_compile_times_spread_log_normally_around_the_prior():
    """The prior is the mean; the logarithm has the stated standard deviation and lies half its variance lower."""
    spread = 0.5
    drawn = compile_seconds(with_top(compile_spread=spread))
    logs = [math.log(seconds) for seconds in drawn]
    error = spread / math.sqrt(len(drawn))
    assert abs(mean(logs) + spread**2 / 2) < 4 * error
    assert abs(stdev(logs) - spread) < 4 * error / math.sqrt(2)
    assert abs(median(logs) + spread**2 / 2) < 4 * 1.2533 * error
    deviation = math.sqrt(math.exp(spread**2) - 1)
    assert abs(mean(drawn) - 1.0) < 4 * deviation / math.sqrt(len(drawn))


def test_the_draw_belongs_to_seed_and_unit():
    profile = with_top(compile_spread=1.2)
    assert compile_seconds(profile, units=5) == compile_seconds(profile, units=9)[:5]
    assert compile_seconds(profile, seed=1, units=5) != compile_seconds(profile, units=5)


def test_a_stated_compile_time_does_not_spread():
    assert set(compile_seconds(with_top(compile_spread=1.2), units=9, compile_seconds={"top": 2.0})) == {2.0}


@pytest.mark.parametrize("failure", [0.0, 0.1, 1.0])
def test_compiles_fail_as_often_as_stated(failure):
    program = Program("many", tuple(Unit(f"unit {n}", 1) for n in range(4000)), ())
    code = Costs(program, with_top(compile_failure=failure)).code
    failed = sum(tiers[2].fails for tiers in code) / len(code)
    assert abs(failed - failure) <= 4 * math.sqrt(failure * (1 - failure) / len(code))
    assert not any(tiers[1].fails for tiers in code)


def test_what_would_overflow_the_clock_is_named():
    longest = LONGEST / 1e12
    costs = Costs(Program("one", (Unit("f", 1, {"interpreter": 1.0}),), ()), LADDER)
    assert costs.call(Call(0, 0, 0.99 * longest))[0] < LONGEST
    with pytest.raises(InputError, match=r"a call of unit 'f' takes .* s: must be below 1152922 s in a simulation"):
        costs.call(Call(0, 0, longest))
    with pytest.raises(InputError, match="compiling unit 'f' takes 2e"):
        Costs(Program("one", (Unit("f", 1, compile_seconds={"top": 2e8}),), ()), LADDER)
    with pytest.raises(InputError, match="deopt_seconds takes 1e"):
        Costs(Program("none", (), ()), LADDER._replace(deopt_seconds=1e9))
