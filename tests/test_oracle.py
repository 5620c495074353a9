"""The bound by hand, against every schedule of tiny programs, and with its shortcut switched off."""

from __future__ import annotations

import random
from itertools import combinations, permutations

import pytest

from tiering import oracle
from tiering.errors import InputError
from tiering.profile import Profile, TierCosts
from tiering.sim.costs import PICO, Costs
from tiering.trace import Call, Group, Program, Unit

TWO_TIERS = Profile((TierCosts("interpreter", 1.0), TierCosts("compiled", 2.0)))


def program_of(units, calls):
    return Program("by hand", tuple(units), tuple(Group((Call(index),), 1) for index in calls))


def greedy(program, profile):
    """The pass that looks like a bound: each call takes the best version that is ready when it starts."""
    costs = Costs(program, profile)
    clock = 0
    for call in program.calls():
        ready = [
            cost for cost, code in zip(costs.call(call), costs.code[call.unit], strict=True) if code.compile <= clock
        ]
        clock += min(ready)
    return clock / PICO


def best_schedule(program, profile):
    """The shortest run with one compiler thread: every order of every choice of compiles, from time 0."""
    costs = Costs(program, profile)
    jobs = [(unit, tier) for unit in range(len(program.units)) for tier in range(1, len(profile.tiers))]
    orders = (
        order for many in range(len(jobs) + 1) for chosen in combinations(jobs, many) for order in permutations(chosen)
    )
    return min(_run(program, costs, order) for order in orders)


def _run(program, costs, order):
    ready, clock = {}, costs.ready
    for unit, tier in order:
        clock += costs.code[unit][tier].compile
        ready[unit, tier] = clock
    now = 0
    for call in program.calls():
        there = [tier for (unit, tier), at in ready.items() if unit == call.unit and at <= now]
        now += costs.call(call)[max(there, default=0)]
    return now


def test_the_waiting_form_is_a_bound_where_the_greedy_one_is_not():
    """Arriving earlier can catch a slower version, so the best schedule leaves X interpreted: 2 + 1 s."""
    units = [
        Unit("X", 1, {"interpreter": 2.0, "compiled": 1.9}, {"compiled": 0.0}),
        Unit("A", 1, {"interpreter": 10.0, "compiled": 1.0}, {"compiled": 2.0}),
    ]
    program = program_of(units, [0, 1])
    assert greedy(program, TWO_TIERS) == pytest.approx(11.9)
    assert oracle.lb1(program, TWO_TIERS) == 3.0
    assert best_schedule(program, TWO_TIERS) == 3 * PICO


def test_calls_wait_for_code_only_if_that_pays():
    """Code at 10. Calls at 0, 3, 6 are interpreted; the one at 9 would end at 12, or at 10.5 after waiting."""
    program = program_of([Unit("f", 1, {"interpreter": 3.0, "compiled": 0.5}, {"compiled": 10.0})], [0] * 6)
    assert oracle.lb1(program, TWO_TIERS) == 11.5


def test_every_compile_waits_for_the_first_thread():
    program = program_of([Unit("f", 1, {"interpreter": 3.0, "compiled": 0.5}, {"compiled": 8.0})], [0] * 6)
    assert oracle.lb1(program, TWO_TIERS._replace(ready_seconds=2.0)) == 11.5


def test_code_that_is_no_faster_is_no_reason_to_wait():
    program = program_of([Unit("f", 1, {"interpreter": 1.0, "compiled": 1.0}, {"compiled": 0.0})], [0] * 3)
    assert oracle.lb1(program, TWO_TIERS) == 3.0


def test_no_calls_take_no_time():
    assert oracle.lb1(Program("none", (Unit("f", 1),), (Group((Call(0),), 0),)), TWO_TIERS) == 0.0


def test_a_machine_with_on_stack_replacement_is_refused():
    with pytest.raises(InputError, match="without on-stack replacement only"):
        oracle.lb1(program_of([Unit("f", 1)], [0]), TWO_TIERS, osr=True)


def test_a_million_calls_are_a_product():
    """Code at 1 s after a million microseconds; the rest of 10**12 calls at a tenth of that."""
    unit = Unit("f", 1, {"interpreter": 1e-6, "compiled": 1e-7}, {"compiled": 1.0})
    program = Program("long", (unit,), (Group((Call(0),), 10**12),))
    assert oracle.lb1_picoseconds(program, TWO_TIERS) == PICO + (10**12 - 10**6) * 10**5


def tiny(draw, *, most_calls):
    """A random instance in the style of the trap: few units, costs of the same order as compile times."""
    tiers = ["interpreter", "compiled", "optimized"][: draw.choice((2, 3))]
    machine = Profile(tuple(TierCosts(name, 1.0 + index) for index, name in enumerate(tiers)))
    units = []
    for index in range(draw.choice((1, 2, 2, 3)) if len(tiers) == 2 else draw.choice((1, 2))):
        seconds = sorted((draw.randint(0, 20) / 2 for _ in tiers), reverse=True)
        compiles = {name: draw.randint(0, 20) / 2 for name in tiers[1:]}
        units.append(Unit(f"u{index}", 1, dict(zip(tiers, seconds, strict=True)), compiles))
    calls = [draw.randrange(len(units)) for _ in range(draw.randint(2, most_calls))]
    return units, calls, machine


def test_no_schedule_of_any_tiny_program_beats_the_bound():
    draw = random.Random(20240611)
    traps = 0
    for _ in range(600):
        units, calls, machine = tiny(draw, most_calls=9)
        program = program_of(units, calls)
        best = best_schedule(program, machine)
        assert oracle.lb0_picoseconds(program, machine) <= oracle.lb1_picoseconds(program, machine) <= best
        traps += greedy(program, machine) > best / PICO
    assert traps > 0, "none of these instances tells the waiting bound from the greedy pass"


def test_adding_up_rounds_gives_the_same_as_going_through_the_calls():
    draw = random.Random(7)
    for _ in range(300):
        units, calls, machine = tiny(draw, most_calls=4)
        times = draw.randint(0, 40)
        pattern = tuple(Call(index, 0, draw.choice((0.0, 0.1, 1.0))) for index in calls)
        grouped = Program("rounds", tuple(units), (Group(pattern, times),))
        unrolled = grouped._replace(groups=tuple(Group((call,), 1) for call in grouped.calls()))
        assert oracle.lb1_picoseconds(grouped, machine) == oracle.lb1_picoseconds(unrolled, machine)
