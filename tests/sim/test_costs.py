"""Which cost a call has, and that it is a whole number of picoseconds."""

from __future__ import annotations

import pytest

from tiering.errors import InputError
from tiering.profile import Profile, TierCosts
from tiering.sim.costs import Code, Costs, futures, picoseconds
from tiering.trace import Call, Group, Program, Unit

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


def test_the_future_holds_means_over_a_units_calls():
    units = (Unit("f", 100, {"interpreter": 1.0}, guard_failure=1.0), Unit("g", 0))
    program = Program("two", units, (Group((Call(0, 0, 1.0), Call(0, 0, 2.0)), 5),))
    told, unused = futures(program, LADDER)
    assert told == ("f", 10, (1.5, 0.15, 0.0375), (0.0, 1.5, 1.0), 10)
    assert unused == ("g", 0, (1e-7, 1e-8, 2.5e-9), (0.0, 0.5, 1.0), 0)
