"""The bounds on programs that can be worked out by hand, and where shortcuts must change nothing."""

from __future__ import annotations

import random

import pytest

from tiering import bounds, oracle
from tiering.bounds import queueing, walk
from tiering.bounds.least import Least
from tiering.profile import Machine, Profile, TierCosts
from tiering.sim.costs import PICO, Costs
from tiering.sim.source import blocks
from tiering.trace import Call, Group, Mix, Program, Site, Speculation, Unit


def seconds(name, program, profile, seed=0):
    return bounds.bound(name).seconds(program, profile, seed)


def greedy(program, profile):
    """The pass that looks like a bound: each call takes the best version that is ready when it starts."""
    costs = Costs(program, profile)
    clock = 0
    for block in blocks(program, costs, 0):
        for number in block.ids.tolist() * block.times:
            call = costs.calls[number]
            versions = zip(costs.call(call), costs.code[call.unit], strict=True)
            clock += min(cost for cost, code in versions if code.compile <= clock)
    return clock / PICO


def test_the_waiting_form_is_a_bound_where_the_greedy_one_is_not(trap, two_tiers):
    """Arriving earlier can catch a slower version, so the best schedule leaves X interpreted: 2 + 1 = 3.0, not 11.9."""
    assert greedy(trap, two_tiers) == pytest.approx(11.9)
    assert seconds("lb1", trap, two_tiers) == 3.0
    assert bounds.exact(trap, two_tiers, waiting=False).seconds == 3.0


def test_where_compiles_wait_for_first_calls_the_trap_cannot_be_avoided(trap, two_tiers):
    """A is first called at 1.9, so its code is there at 3.9: waiting for it ends at 4.9, interpreting at 11.9."""
    assert seconds("lb1_asked", trap, two_tiers) == 4.9
    assert seconds("lb_queue", trap, two_tiers) == 11.9


def test_calls_wait_for_code_only_if_that_pays(program_of, two_tiers):
    """Code at 10. Calls at 0, 3, 6 are interpreted; the one at 9 would end at 12, or at 10.5 after waiting."""
    program = program_of([Unit("f", 1, {"interpreter": 3.0, "compiled": 0.5}, {"compiled": 10.0})], [0] * 6)
    assert seconds("lb1", program, two_tiers) == 11.5


def test_a_replaced_loop_goes_on_with_what_is_left(program_of, two_tiers):
    """Code at 10. The call at 9 has a third behind it then; two thirds at 0.5 take 1/3 s, then two calls of 0.5."""
    program = program_of([Unit("f", 1, {"interpreter": 3.0, "compiled": 0.5}, {"compiled": 10.0})], [0] * 6)
    assert seconds("lb1_osr", program, two_tiers) == pytest.approx(10 + 1 / 3 + 1.0, abs=1e-12)
    assert bounds.bound("lb1_osr").picoseconds(program, two_tiers) == 10 * PICO + PICO // 3 + PICO


def test_a_call_is_replaced_more_than_once():
    """8 s interpreted; half is done at 4, a quarter of the rest at 4.5 (2 s for the whole), the last 3/8 take 0.375."""
    assert walk.replaced_midway(0, [(0, 8000), (4000, 4000), (5000, 1000)]) == 5000 + 250
    assert walk.replaced_midway(0, [(0, 8000), (4000, 4000), (5000, 4000)]) == 6000


def test_replacing_loops_is_never_worse_than_waiting(tiny):
    draw = random.Random(11)
    below = 0
    for _ in range(300):
        program, profile = tiny(draw)
        found = bounds.all_valid_picoseconds(program, profile)
        assert found["lb0"] <= found["lb1_osr"] <= found["lb1"] <= found["lb1_asked"]
        assert found["lb1_osr"] <= found["lb1_osr_asked"] <= found["lb1_asked"]
        assert found["lb1"] <= found["lb_exact"]
        below += found["lb1_osr"] < found["lb1"]
    assert below > 0


def test_every_compile_waits_for_the_first_thread(program_of, two_tiers):
    program = program_of([Unit("f", 1, {"interpreter": 3.0, "compiled": 0.5}, {"compiled": 8.0})], [0] * 6)
    assert seconds("lb1", program, two_tiers._replace(ready_seconds=2.0)) == 11.5


def test_code_that_is_no_faster_is_no_reason_to_wait(program_of, two_tiers):
    program = program_of([Unit("f", 1, {"interpreter": 1.0, "compiled": 1.0}, {"compiled": 0.0})], [0] * 3)
    assert seconds("lb1", program, two_tiers) == 3.0


def test_code_whose_compile_fails_is_no_code(two_tiers):
    profile = two_tiers._replace(tiers=(two_tiers.tiers[0], TierCosts("compiled", 2.0, compile_failure=1.0)))
    program = Program("fails", (Unit("f", 1, {"interpreter": 1.0, "compiled": 0.1}),), (Group((Call(0),), 5),))
    assert set(bounds.all_valid(program, profile).values()) == {5.0}


def test_no_calls_take_no_time(two_tiers):
    program = Program("none", (Unit("f", 1),), (Group((Call(0),), 0),))
    assert set(bounds.all_valid(program, two_tiers).values()) == {0.0}
    empty = program._replace(groups=(Group((), 3), Group((), 1)))
    assert set(bounds.all_valid(empty, two_tiers).values()) == {0.0}
    assert bounds.exact(program, two_tiers, waiting=False).seconds == bounds.iar(empty, two_tiers).seconds == 0.0


def test_the_program_ends_with_its_last_thread(two_tiers):
    """Code at 2. Thread 0 interprets both its calls and ends then; thread 1 makes two more, of 0.1 s each."""
    unit = Unit("f", 1, {"interpreter": 1.0, "compiled": 0.1}, {"compiled": 2.0})
    program = Program("two", (unit,), (Group((Call(0),), 2), Group((Call(0),), 4, 1)))
    assert seconds("lb0", program, two_tiers) == pytest.approx(0.4)
    assert seconds("lb1", program, two_tiers) == pytest.approx(2.2)


def test_a_thread_that_skips_ahead_still_tells_when_it_first_called_a_unit(two_tiers):
    """Thread 0 calls g at 1.0, when all code could be there; thread 1 at 3.0. Its compile begins at 1.0, not at 3.0."""
    f = Unit("f", 1, {"interpreter": 1.0, "compiled": 1.0}, {"compiled": 0.0})
    g = Unit("g", 1, {"interpreter": 9.0, "compiled": 1.0}, {"compiled": 0.5})
    groups = (Group((Call(0),), 1), Group((Call(1), Call(1)), 2), Group((Call(0),), 3, 1), Group((Call(1),), 1, 1))
    least = Least(Program("two", (f, g), groups), two_tiers)
    end, begun = walk.asked(least, osr=False)
    assert begun == [0, PICO]
    assert end == 5 * PICO + PICO // 2


def test_a_million_calls_are_a_product(two_tiers):
    """Code at 1 s after a million microseconds; the rest of 10**12 calls at a tenth of that."""
    unit = Unit("f", 1, {"interpreter": 1e-6, "compiled": 1e-7}, {"compiled": 1.0})
    program = Program("long", (unit,), (Group((Call(0),), 10**12),))
    for name in ("lb1", "lb1_asked", "lb1_osr", "lb1_osr_asked"):
        assert bounds.bound(name).picoseconds(program, two_tiers) == PICO + (10**12 - 10**6) * 10**5


def test_adding_up_rounds_gives_the_same_as_going_through_the_calls(tiny):
    draw = random.Random(7)
    for _ in range(300):
        program, machine = tiny(draw, calls=(2, 4))
        pattern = tuple(group.pattern[0]._replace(work=draw.choice((0.0, 0.1, 1.0))) for group in program.groups)
        grouped = program._replace(groups=(Group(pattern, draw.randint(0, 40)),))
        unrolled = program._replace(groups=tuple(Group((call,), 1) for call in pattern * grouped.groups[0].times))
        for name in ("lb0", "lb1", "lb1_asked", "lb1_osr", "lb1_osr_asked", "lb2"):
            machine = machine._replace(machine=Machine(cores=1))
            one, other = (bounds.bound(name).picoseconds(each, machine) for each in (grouped, unrolled))
            assert one == other, name


def test_on_one_core_compiles_and_calls_share_the_time(program_of):
    """f: 10 calls of 1 s, or 3 s to compile and 10 x 0.2 = 5 s, or 9 s and 10 x 0.1. g: one call, 1 s interpreted."""
    tiers = tuple(TierCosts(name, 1.0 + number) for number, name in enumerate(("interpreter", "low", "high")))
    f = Unit("f", 1, {"interpreter": 1.0, "low": 0.2, "high": 0.1}, {"low": 3.0, "high": 9.0})
    g = Unit("g", 1, {"interpreter": 1.0, "low": 0.2, "high": 0.1}, {"low": 3.0, "high": 9.0})
    program = program_of([f, g], [0] * 10 + [1])
    for profile in (Profile(tiers, background=False), Profile(tiers, machine=Machine(cores=1))):
        assert seconds("lb2", program, profile) == pytest.approx(6.0)
    assert seconds("lb_cores", program, Profile(tiers, machine=Machine(cores=2))) == pytest.approx(3.0)


def test_the_tier_that_pays_depends_on_how_often_a_unit_is_called():
    """20 calls: 4 s to compile and 20 x 0.5; 4 calls: 1 s to compile and 4 x 1."""
    tiers = tuple(TierCosts(name, 1.0) for name in ("interpreter", "low", "high"))
    f = Unit("f", 1, {"interpreter": 10.0, "low": 1.0, "high": 0.5}, {"low": 1.0, "high": 4.0})
    program = Program("f", (f,), (Group((Call(0),), 20),))
    assert seconds("lb2", program, Profile(tiers, background=False)) == pytest.approx(14.0)
    assert seconds("lb2", program._replace(groups=(Group((Call(0),), 4),)), Profile(tiers, background=False)) == 5.0


def test_many_tiers_are_bounded_by_the_dearest_compile_alone():
    """Eight tiers: too many sets to try. The best is tier 8: 8 + 10 x 0.1, and the bound may not be above that."""
    names = ["interpreter", *(f"tier {number}" for number in range(1, 9))]
    tiers = tuple(TierCosts(name, 1.0) for name in names)
    costs = dict(zip(names, [5.0, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0, 0.1], strict=True))
    f = Unit("f", 1, costs, {f"tier {number}": float(number) for number in range(1, 9)})
    program = Program("f", (f,), (Group((Call(0),), 10),))
    assert seconds("lb2", program, Profile(tiers, background=False)) == pytest.approx(9.0)


def test_bets_and_inlining_lower_what_a_call_can_cost():
    """Gains of 0.5 and 0.2 leave 0.4 of the plain second; an inlined call saves 0.1 more."""
    tiers = (TierCosts("interpreter", 1.0), TierCosts("speculative", 1.0, speculative=True))
    bets = (Speculation("types", 0.5), Speculation("branch", 0.2, guard_cost=0.1))
    f = Unit("f", 1, {"interpreter": 1.0, "speculative": 1.0}, speculations=bets, sites=(Site("g", 2.0),))
    program = Program("bets", (f, Unit("g", 1)), (Group((Call(0),), 1),))
    profile = Profile(tiers)
    profile = profile._replace(codegen=profile.codegen._replace(call_seconds=0.05))
    assert seconds("lb0", program, profile) == pytest.approx(0.3)


def test_one_loop_serves_cpython_and_numba(monkeypatch):
    """Drawn calls, few enough for a test: the compiled loop is taken and must give the same, with every option."""
    tiers = (TierCosts("interpreter", 1.0), TierCosts("low", 4.0, 1e-3, 1e-6), TierCosts("high", 20.0, 5e-3, 1e-5))
    units = tuple(Unit(f"u{number}", 10 * number + 10) for number in range(40))
    calls = tuple(Call(number % 40, number % 7 * 100) for number in range(80))
    weights = tuple(1.0 / (number + 1) for number in range(80))
    program = Program("drawn", units, (Mix(calls, weights, 3000), Mix(calls, weights, 2500, 1)))
    names = ("lb1", "lb1_asked", "lb1_osr", "lb1_osr_asked")
    for threads in (1, 2):
        subject = program._replace(groups=program.groups[:threads])
        plain = [bounds.bound(name).picoseconds(subject, Profile(tiers), 5) for name in names]
        monkeypatch.setattr(walk, "COMPILED_FROM", 0)
        assert [bounds.bound(name).picoseconds(subject, Profile(tiers), 5) for name in names] == plain
        monkeypatch.undo()
        assert len(set(plain)) == 4


def test_times_beyond_64_bits_are_not_compiled(monkeypatch, two_tiers):
    """30 calls of a day each: more picoseconds than the compiled loop could count."""
    monkeypatch.setattr(walk, "COMPILED_FROM", 0)
    unit = Unit("f", 1, {"interpreter": 86_400.0, "compiled": 86_400.0})
    program = Program("a month", (unit,), (Mix((Call(0),), (1.0,), 30), Group((Call(0),), 10**9)))
    for name in ("lb1", "lb1_osr", "lb1_asked"):
        assert bounds.bound(name).picoseconds(program, two_tiers) == (10**9 + 30) * 86_400 * PICO
    *_, (last, _) = queueing._slices(Least(program, two_tiers), 0)
    assert last == (10**9 + 29) * 86_400 * PICO


def test_the_old_names_still_give_the_bounds(trap, two_tiers):
    assert oracle.lb0(trap, two_tiers) == 2.9
    assert oracle.lb1(trap, two_tiers) == 3.0
    assert oracle.lb1_picoseconds(trap, two_tiers) == 3 * PICO > oracle.lb0_picoseconds(trap, two_tiers)
    assert [told.unit for told in oracle.futures(trap, two_tiers)] == ["X", "A"]
