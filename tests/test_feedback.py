"""Bets from what a recording saw, by hand and in a simulation."""

from __future__ import annotations

import pytest

from tiering import profile, simulate, trace
from tiering.feedback import TYPE_GAIN, with_feedback
from tiering.speculation import TYPE_ENTROPY, bounds_check, type_feedback
from tiering.trace import RECORD, Call, Group, Mix, Program, Speculation, Unit


def program(*calls, times=1, unit=None):
    return Program("seen", (unit or Unit("f", 10),), (Group(tuple(calls), times),))


def typed(*names):
    return [Call(0, 1, 1.0, name) for name in names]


def indexed(*largest):
    return [Call(0, 1, 1.0, None, index) for index in largest]


def bets(seen):
    (unit,) = with_feedback(seen).units
    return unit.speculations


def test_types_become_an_entropy_and_inline_caches_of_more_and_more_ways():
    (unit,) = with_feedback(program(*typed("int64", "int64", "float64", "int64"), times=50)).units
    assert unit.features == {TYPE_ENTROPY: pytest.approx(0.8112781244591328)}
    assert [(bet.kind, bet.gain, bet.site, bet.failures) for bet in unit.speculations] == [
        ("types", TYPE_GAIN, 0, 0.25),
        ("types", TYPE_GAIN, 0, 0.0),
    ]


def test_one_type_has_no_entropy_and_one_bet_that_holds():
    (unit,) = with_feedback(program(*typed("int64"))).units
    assert (unit.features, len(unit.speculations), unit.speculations[0].failures) == ({TYPE_ENTROPY: 0.0}, 1, 0.0)


def test_types_of_a_mix_count_by_weight():
    mix = Mix((Call(0, 1, 1.0, "a"), Call(0, 9, 1.0, "b"), Call(0, 8, 1.0, "b")), (3.0, 0.5, 0.5), 1000)
    (unit,) = with_feedback(Program("mix", (Unit("f", 10),), (mix,))).units
    assert unit.speculations == type_feedback([3, 1], TYPE_GAIN, 0.01)


def test_a_largest_index_that_is_never_exceeded_holds():
    assert bets(program(*indexed(9, 4, 9, 9, 0), times=100)) == (bounds_check(failures=0.0),)


def test_a_largest_index_exceeded_as_seldom_as_by_chance_is_a_record():
    """Two later records in eleven calls; as many independent draws expect H(11) - 1 = 2.02 of them."""
    assert bets(program(*indexed(5, 3, 7, 7, 1, 9, 0, 0, 0, 0, 0))) == (bounds_check(failures=RECORD),)


def test_indices_that_grow_all_the_time_fail_all_the_time():
    assert bets(program(*indexed(*range(20)))) == (bounds_check(failures=1.0),)


def test_what_repeats_is_exceeded_in_its_first_round_only():
    """Four later records in 400 calls, where 5.57 would be chance."""
    assert bets(program(*indexed(1, 2, 3, 5), *indexed(9), times=80)) == (bounds_check(failures=RECORD),)
    assert bets(program(*indexed(*range(10)), times=2)) == (bounds_check(failures=9 / 19),)


def test_records_of_a_mix_are_expected_ones():
    """Of 1, 2, 3 with weights 1, 1, 2 in any order: 1/4 + 1/3 + 1 records, the first of which only teaches."""
    calls = tuple(indexed(1, 2, 3))
    seen = Program("mix", (Unit("f", 10),), (Mix(calls, (1.0, 1.0, 2.0), 2),))
    assert bets(seen)[0].failures == pytest.approx(1.0 / 4 + 1.0 / 3)
    above = seen._replace(groups=(Group(tuple(indexed(2)), 1), *seen.groups))
    assert bets(above)[0].failures == pytest.approx(0.5)


def test_calls_that_are_never_made_were_not_seen():
    assert bets(program(*typed("a"), *indexed(3), times=0)) == ()


def test_what_a_unit_states_itself_stays():
    own = (Speculation("types", 0.9, site=4), Speculation("bounds", 0.1))
    unit = Unit("f", 10, speculations=own, features={TYPE_ENTROPY: 3.0, "x": 1.0})
    assert with_feedback(program(Call(0, 1, 1.0, "a", 3), unit=unit)).units == (unit,)
    half = unit._replace(speculations=(Speculation("constant", 0.1, site=4),), features={})
    (told,) = with_feedback(program(*typed("a"), unit=half)).units
    assert [bet.site for bet in told.speculations] == [4, 5]


def test_a_program_that_recorded_nothing_comes_back_equal():
    seen = program(Call(0, 5))
    assert with_feedback(seen) == seen
    assert trace.digest(with_feedback(seen)) == trace.digest(seen)


def test_a_speculator_gains_from_what_was_recorded():
    machine = profile.named("speculator")
    unit = Unit("f", 100, {machine.tiers[0].name: 1e-5})
    seen = program(*[Call(0, 50, 1.0, "float64[:]", 49)] * 10, times=20_000, unit=unit)
    plain, told = (simulate(one, "speculator", profile=machine) for one in (seen, with_feedback(seen)))
    assert told.total_seconds < 0.95 * plain.total_seconds
    assert told.trace_hash != plain.trace_hash


def test_what_was_seen_costs_nothing_by_itself():
    rows = [
        simulate(program(*calls, times=1000), "threshold")
        for calls in ([Call(0, 50)], [Call(0, 50, 1.0, "float64[:]", 49)])
    ]
    assert rows[0]._replace(trace_hash="") == rows[1]._replace(trace_hash="")
