"""Schedules by hand, against the simulator, and between the bounds and the optimum."""

from __future__ import annotations

import random

import pytest

from tiering import bounds, protocol
from tiering.errors import InputError
from tiering.profile import Machine, Profile, TierCosts
from tiering.sim import Simulation
from tiering.trace import Call, Group, Mix, Program, Unit

THREE = Profile(tuple(TierCosts(name, 1.0 + number) for number, name in enumerate(("interpreter", "low", "high"))))


class InOrder:
    """Asks for the compiles of an order, each at its unit's first call, with priorities that keep the order."""

    reasons = ("planned",)

    def __init__(self, order, program):
        self.order = order
        self.names = [unit.name for unit in program.units]

    def start(self, setup):
        pass

    def decide(self, view):
        for rank, (unit, tier) in enumerate(self.order):
            if self.names[unit] == view.unit and view.why == "count":
                return protocol.compile(tier, "planned", priority=-float(rank))
        return protocol.stay("planned")

    def record(self, event):
        pass


def test_one_compile_after_the_other(program_of, two_tiers):
    """f: code at 2; calls at 0, 1 interpreted, then 0.5 each. g: first called at 2.5, its code begins then, is there at
    5.5; its calls at 2.5 and 4.5 are interpreted."""
    units = [
        Unit("f", 1, {"interpreter": 1.0, "compiled": 0.5}, {"compiled": 2.0}),
        Unit("g", 1, {"interpreter": 2.0, "compiled": 0.1}, {"compiled": 3.0}),
    ]
    program = program_of(units, [0, 0, 0, 1, 1, 1])
    assert bounds.evaluate(program, two_tiers, [(0, 1), (1, 1)]).seconds == 6.6
    assert bounds.evaluate(program, two_tiers, []).seconds == 9.0


def test_from_the_start_compiles_need_no_call(program_of, two_tiers):
    """g's code is there at 5 instead: f's calls take until 2.5, then 2, then one more of 2 s begins at 4.5."""
    units = [
        Unit("f", 1, {"interpreter": 1.0, "compiled": 0.5}, {"compiled": 2.0}),
        Unit("g", 1, {"interpreter": 2.0, "compiled": 0.1}, {"compiled": 2.5}),
    ]
    program = program_of(units, [0, 0, 0, 1, 1, 1])
    found = bounds.evaluate(program, two_tiers, [(0, 1), (1, 1)], at_first_call=False)
    assert found.seconds == pytest.approx(2.5 + 2.0 + 0.2)


def test_a_slower_version_that_comes_later_is_not_taken(program_of):
    f = Unit("f", 1, {"interpreter": 1.0, "low": 0.5, "high": 0.1}, {"low": 1.0, "high": 1.0})
    program = program_of([f], [0] * 5)
    assert bounds.evaluate(program, THREE, [(0, 2), (0, 1)]).seconds == pytest.approx(1.4)


def test_rounds_are_added_up(two_tiers):
    """Code after 10**6 calls of a microsecond, all others take a tenth; a step for each would never end."""
    f = Unit("f", 1, {"interpreter": 1e-6, "compiled": 1e-7}, {"compiled": 1.0})
    program = Program("long", (f,), (Group((Call(0),), 10**12),))
    expected = 10**12 + (10**12 - 10**6) * 10**5
    for at_first_call in (True, False):
        assert bounds.evaluate(program, two_tiers, [(0, 1)], at_first_call=at_first_call).picoseconds == expected
    assert bounds.smith_order(program, two_tiers).picoseconds == expected


def test_smiths_order_takes_the_largest_saving_per_second_first(program_of, two_tiers):
    """f saves 10 s for 10 s of compiling, g 8 s for 1 s. Both are called at once."""
    units = [
        Unit("f", 1, {"interpreter": 1.0, "compiled": 0.0}, {"compiled": 9.0}),
        Unit("g", 1, {"interpreter": 0.8, "compiled": 0.0}, {"compiled": 1.0}),
    ]
    program = program_of(units, [0, 1] * 10)
    assert bounds.smith_order(program, two_tiers).order == ((1, 1), (0, 1))


def test_iar_replaces_a_cheap_version_where_the_dear_one_is_worth_it_at_once(program_of):
    """`low` saves a little and holds up `high`: init has low, append has high, replace leaves low out."""
    f = Unit("f", 1, {"interpreter": 1.0, "low": 0.9, "high": 0.0}, {"low": 3.0, "high": 4.0})
    program = program_of([f], [0] * 50)
    assert bounds.iar(program, THREE).order == ((0, 2),)


def test_iar_keeps_a_cheap_version_that_bridges_the_time(program_of):
    f = Unit("f", 1, {"interpreter": 1.0, "low": 0.1, "high": 0.05}, {"low": 0.5, "high": 20.0})
    program = program_of([f], [0] * 2000)
    assert bounds.iar(program, THREE).order == ((0, 1), (0, 2))
    assert bounds.smith_order(program, THREE).order == ((0, 1), (0, 2))


def test_what_never_pays_is_not_compiled(program_of, two_tiers):
    program = program_of([Unit("f", 1, {"interpreter": 1.0, "compiled": 0.1}, {"compiled": 50.0})], [0] * 5)
    assert bounds.iar(program, two_tiers).order == bounds.smith_order(program, two_tiers).order == ()


def test_the_simulator_takes_the_same_time(tiny):
    """One tier above the interpreter, so that a policy can ask for each compile at its unit's first call."""
    draw = random.Random(6)
    for _ in range(200):
        program, profile = tiny(draw, levels=(1,), calls=(2, 20))
        profile = profile._replace(compiler_threads=draw.choice((1, 2)), ready_seconds=draw.choice((0.0, 2.0)))
        for found in (bounds.smith_order(program, profile), bounds.iar(program, profile)):
            sim = Simulation(program, profile, InOrder(found.order, program))
            sim.run()
            assert sim.ledger().wall == found.picoseconds


def test_schedules_lie_between_the_optimum_and_a_little_above(tiny):
    draw = random.Random(7)
    shares = {name: [] for name in bounds.SCHEDULES}
    for _ in range(200):
        program, profile = tiny(draw, calls=(5, 20))
        optimum = bounds.exact(program, profile, waiting=False).picoseconds
        for name, construct in bounds.SCHEDULES.items():
            found = construct(program, profile, at_first_call=False)
            assert found.picoseconds >= optimum
            shares[name].append(found.picoseconds / optimum if optimum else 1.0)
            again = bounds.evaluate(program, profile, found.order, at_first_call=False)
            assert again == found
    assert all(sum(found) / len(found) < 1.2 for found in shares.values())


def test_no_schedule_beats_a_bound(tiny):
    draw = random.Random(8)
    for _ in range(200):
        program, profile = tiny(draw, calls=(5, 30))
        known = bounds.all_valid_picoseconds(program, profile)
        for construct in bounds.SCHEDULES.values():
            assert construct(program, profile).picoseconds >= max(known.values())


def test_drawn_calls_are_gone_through(two_tiers):
    units = tuple(Unit(name, 1, {"interpreter": 1e-3, "compiled": 1e-4}, {"compiled": 0.05}) for name in "fg")
    program = Program("drawn", units, (Mix((Call(0), Call(1)), (3.0, 1.0), 5000),))
    found = bounds.smith_order(program, two_tiers, 4)
    assert found.order == ((0, 1), (1, 1))
    sim = Simulation(program, two_tiers, InOrder(found.order, program), seed=4)
    sim.run()
    assert sim.ledger().wall == found.picoseconds


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([(1, 1)], r"order names \(1, 1\): there are units 0..0 and tiers 1..1"),
        ([(0, 0)], r"order names \(0, 0\)"),
        ([(0, 1), (0, 1)], "order names a compile twice"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(program_of, two_tiers, order, message):
    with pytest.raises(InputError, match=message):
        bounds.evaluate(program_of([Unit("f", 1)], [0]), two_tiers, order)


def test_machines_on_which_the_time_would_not_be_exact_are_refused(program_of, two_tiers):
    program = program_of([Unit("f", 1)], [0])
    speculative = (two_tiers.tiers[0], TierCosts("compiled", 2.0, speculative=True))
    for profile, reason in (
        (two_tiers._replace(background=False), "compiles stop the program"),
        (two_tiers._replace(machine=Machine(cores=1)), "share 1 cores"),
        (two_tiers._replace(machine=Machine(code_capacity_bytes=9)), "code can be evicted"),
        (two_tiers._replace(tiers=speculative), "a tier speculates"),
    ):
        with pytest.raises(InputError, match=reason):
            bounds.smith_order(program, profile)
    two = Program("two", program.units, (Group((Call(0),), 1), Group((Call(0),), 1, 1)))
    assert "2 threads" in (bounds.schedules.refusal(two, two_tiers) or "")
