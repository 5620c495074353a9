"""What a plan makes of a unit, by hand; that no plan beats the least; when its guards fail."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering.profile import Codegen, Profile, TierCosts
from tiering.protocol import PLAIN, Plan
from tiering.sim.costs import PICO, Costs
from tiering.sim.versions import WHOLE_UNIT, call_picoseconds, guard, least_call, least_compile, version
from tiering.trace import RECORD, Call, Group, Program, Site, Speculation, Unit

INTERPRETER, PLAINLY, DARING = 0, 1, 2

LADDER = Profile(
    (
        TierCosts("interpreter", 1.0),
        TierCosts("plainly", 10.0, compile_seconds=1.0, compile_seconds_per_size=0.01, code_bytes_per_size=4.0),
        TierCosts("daring", 10.0, compile_seconds=1.0, compile_seconds_per_size=0.01, speculative=True),
    ),
    codegen=Codegen(
        registers=10.0, spill_seconds=2e-3, spill_reduction=0.5, light_compile=0.6, call_seconds=0.01, inlined_size=0.5
    ),
)
SECONDS = {"interpreter": 10.0, "plainly": 1.0, "daring": 1.0}
HALF, TENTH, RARE = (
    Speculation("types", 0.5, 0.02, 0.25),
    Speculation("overflow", 0.1, 0.01),
    Speculation("bounds", 0.2, 0.0, RECORD),
)


def costs_of(*units, profile=LADDER, seed=0):
    groups = tuple(Group((Call(index),), 1) for index in range(len(units)))
    return Costs(Program("some", units, groups), profile, seed)


def one(**facts):
    return costs_of(Unit("f", 100, SECONDS, **facts))


def call_seconds(costs, plan, tier=DARING, call=None):
    return call_picoseconds(costs, call or Call(0), tier, version(costs, 0, tier, plan)) / PICO


def test_a_plain_plan_is_the_unit_as_it_is():
    costs = one(speculations=(HALF,), registers=99.0)
    for tier in (PLAINLY, DARING):
        made = version(costs, 0, tier, PLAIN)
        assert made.is_plain
        assert made[:2] == costs.code[0][tier][:2]
        assert call_picoseconds(costs, Call(0), tier, made) == costs.call(Call(0))[tier]


def test_gains_multiply_and_guard_costs_add():
    """1.0 * (1 - 0.5) * (1 - 0.1) + 0.02 + 0.01"""
    costs = one(speculations=(HALF, TENTH))
    assert call_seconds(costs, Plan(bets=(0,))) == pytest.approx(0.52)
    assert call_seconds(costs, Plan(bets=(0, 1))) == pytest.approx(0.48)
    assert call_seconds(costs, Plan(bets=(1, 0))) == call_seconds(costs, Plan(bets=(0, 1)))


def test_the_order_in_which_bets_are_named_rounds_nothing():
    """Multiplied as they come, these three shares give two different products."""
    kept = [1.0 - gain for gain in (0.13, 0.29, 0.57)]
    orders = list(permutations(range(3)))
    assert len({kept[i] * kept[j] * kept[k] for i, j, k in orders}) > 1
    costs = one(speculations=tuple(Speculation("types", gain) for gain in (0.13, 0.29, 0.57)))
    assert len({version(costs, 0, DARING, Plan(bets=order)).factor for order in orders}) == 1


def test_of_alternatives_of_one_site_the_widest_counts():
    """Two sites of two alternatives each, gain 0.5: two bets and not four, 0.25 s and not 0.0625 s."""
    sites = [speculation._replace(guard_cost=0.0, site=site) for site in (0, 1) for speculation in (HALF, HALF)]
    costs = one(speculations=tuple(sites))
    made = version(costs, 0, DARING, Plan(bets=(3, 0, 1, 2)))
    assert made.guards == (1, 3)
    assert call_seconds(costs, Plan(bets=(3, 0, 1, 2))) == pytest.approx(0.25)


def test_bets_count_in_speculative_tiers_only():
    costs = one(speculations=(HALF, TENTH), guard_failure=0.5)
    made = version(costs, 0, PLAINLY, Plan(bets=(0, 1)))
    assert made.is_plain
    assert made.guards == ()
    assert version(costs, 0, DARING, Plan(bets=(1,))).guards == (WHOLE_UNIT, 1)


def test_work_multiplies_what_a_bet_leaves():
    costs = one(speculations=(HALF,))
    assert call_seconds(costs, Plan(bets=(0,)), call=Call(0, 0, 3.0)) == pytest.approx(1.56)


def test_light_registers_spill_in_each_iteration_and_compile_in_less():
    """Four values too many: 2 ms * 0.5 * 4 = 4 ms in each of 6 iterations; 0.6 of (1 + 100 * 0.01) s."""
    costs = one(registers=14.0)
    light = version(costs, 0, PLAINLY, Plan(registers="light"))
    assert light.per_iteration == pytest.approx(4e-3)
    assert call_picoseconds(costs, Call(0, 5), PLAINLY, light) == round(1.024 * PICO)
    assert light.compile == round(1.2 * PICO)
    assert light.bytes == 400


def test_where_no_pressure_is_known_the_choice_of_registers_changes_nothing():
    light = version(one(registers=None), 0, PLAINLY, Plan(registers="light"))
    assert light == version(one(registers=None), 0, PLAINLY, Plan())


@pytest.mark.parametrize("registers", [0.0, 9.9, 10.0])
def test_without_pressure_light_registers_cost_nothing(registers):
    light = version(one(registers=registers), 0, PLAINLY, Plan(registers="light"))
    assert light.is_plain
    assert light.compile == round(1.2 * PICO)


def family(*, stability=1.0, registers=None):
    """`f` calls small `g` twice, large `h` three times and itself."""
    sites = (Site("g", 2.0), Site("h", 3.0, stability), Site("f", 5.0))
    return costs_of(
        Unit("f", 100, SECONDS, sites=sites, registers=registers),
        Unit("g", 20, SECONDS),
        Unit("h", 200, SECONDS),
        profile=LADDER,
    )


@pytest.mark.parametrize(
    ("budget", "inlined"), [(0, ()), (19, ()), (20, (1,)), (200, (1,)), (219, (1,)), (220, (1, 2)), (10**6, (1, 2))]
)
def test_sites_are_taken_by_calls_per_size_while_the_budget_lasts(budget, inlined):
    """`g` has 0.1 calls per bytecode, `h` 0.015; nobody is inlined into itself."""
    assert version(family(), 0, PLAINLY, Plan(inlining=budget)).inlined == inlined


def test_inlining_saves_calls_and_grows_the_code():
    """Two calls of 10 ms saved; half of 20 bytecodes more, on 100: 1.1 s instead of 1 s for the sized part."""
    costs = family()
    made = version(costs, 0, PLAINLY, Plan(inlining=20))
    assert call_picoseconds(costs, Call(0), PLAINLY, made) == round(0.98 * PICO)
    assert made.compile == round(2.1 * PICO)
    assert made.bytes == 440


def test_a_stated_compile_time_grows_as_a_whole():
    unit = Unit("f", 100, SECONDS, {"plainly": 3.0}, {"plainly": 50}, sites=(Site("g"),))
    made = version(costs_of(unit, Unit("g", 20)), 0, PLAINLY, Plan(inlining=20))
    assert (made.compile, made.bytes) == (round(3.3 * PICO), 55)


def test_growth_and_the_light_allocator_multiply():
    made = version(family(registers=10.0), 0, PLAINLY, Plan(registers="light", inlining=20))
    assert made.compile == round(0.6 * 2.1 * PICO)


def test_saved_calls_never_make_time_negative():
    unit = Unit("f", 100, dict.fromkeys(SECONDS, 0.001), sites=(Site("g", 1000.0),))
    costs = costs_of(unit, Unit("g", 1))
    assert call_seconds(costs, Plan(inlining=1), PLAINLY) == 0.0


def test_a_site_that_varies_is_inlined_behind_a_guard_in_speculative_tiers_only():
    costs = family(stability=0.9)
    assert version(costs, 0, PLAINLY, Plan(inlining=10**6)).inlined == (1,)
    daring = version(costs, 0, DARING, Plan(inlining=10**6))
    assert daring.inlined == (1, 2)
    assert daring.guards == (1,), "the guard of site 1; there are no bets, so it is called 1"


@pytest.mark.parametrize(
    ("calls", "stability", "probability"),
    [(1.0, 0.9, 0.1), (2.0, 0.9, 0.19), (0.5, 0.9, 0.05), (0.5, 0.0, 0.5), (0.0, 0.0, 0.0), (3.0, 0.0, 1.0)],
)
def test_a_site_fails_with_the_chance_that_one_of_its_calls_goes_elsewhere(calls, stability, probability):
    costs = costs_of(Unit("f", 1, sites=(Site("g", calls, stability),)), Unit("g", 1))
    trials = 20_000
    process, at, failed = guard(costs, 0, 0, seed=5), 0, 0
    while (at := process.next(at)) < trials:
        at, failed = at + 1, failed + 1
    assert abs(failed / trials - probability) <= 4 * math.sqrt(probability * (1 - probability) / trials)


def test_every_guard_has_its_own_failures():
    costs = one(speculations=(HALF, HALF._replace(kind="branch")), guard_failure=0.25)

    def first(number, seed=0):
        process, at, found = guard(costs, 0, number, seed), 0, []
        while len(found) < 8:
            at = process.next(at)
            found.append(at)
            at += 1
        return tuple(found)

    assert len({first(WHOLE_UNIT), first(0), first(1), first(0, seed=1)}) == 4
    assert first(1) == first(1)


def test_failures_of_a_unit_do_not_depend_on_its_neighbours():
    alone, beside = one(speculations=(HALF,)), costs_of(Unit("e", 1), Unit("f", 100, SECONDS, speculations=(HALF,)))
    assert guard(alone, 0, 0, 3).next(0) == guard(beside, 1, 0, 3).next(0)


shares = st.sampled_from([0.0, 0.1, 0.3, 1 / 3, 0.7, 1.0]) | st.floats(0.0, 1.0)
alternatives = st.none() | st.integers(0, 1)
bets = st.builds(Speculation, st.just("types"), shares, shares, shares, alternatives)
sites = st.builds(Site, st.sampled_from("fgh"), st.sampled_from([0.0, 0.3, 1.0, 7.0]), st.sampled_from([0.0, 0.9, 1.0]))


@st.composite
def planned(draw):
    taken = draw(st.lists(bets, max_size=5))
    unit = Unit(
        "f",
        draw(st.integers(0, 300)),
        draw(st.sampled_from([{}, SECONDS, {"daring": 3e-7}])),
        draw(st.sampled_from([{}, {"plainly": 0.7, "daring": 0.3}])),
        speculations=tuple(taken),
        sites=tuple(draw(st.lists(sites, max_size=4))),
        registers=draw(st.sampled_from([None, 3.0, 30.0])),
    )
    plan = Plan(
        tuple(draw(st.permutations(range(len(taken))))[: draw(st.integers(0, 5))]),
        draw(st.sampled_from(["light", "heavy"])),
        draw(st.sampled_from([0, 30, 10**6])),
    )
    spread = draw(st.sampled_from([0.0, 1.2]))
    tiers = tuple(tier._replace(compile_spread=spread) for tier in LADDER.tiers[1:])
    profile = LADDER._replace(tiers=(LADDER.tiers[0], *tiers))
    call = Call(0, draw(st.integers(0, 50)), draw(st.sampled_from([0.0, 1.0, 1 / 3, 2.5])))
    return costs_of(unit, Unit("g", 25), Unit("h", 0), profile=profile, seed=draw(st.integers(0, 9))), plan, call


@given(planned())
def test_no_plan_is_faster_or_compiled_sooner_than_the_least(case):
    costs, plan, call = case
    fastest, soonest = least_call(costs, call), least_compile(costs, 0)
    assert fastest[INTERPRETER] == costs.call(call)[INTERPRETER]
    for tier in (PLAINLY, DARING):
        made = version(costs, 0, tier, plan)
        assert call_picoseconds(costs, call, tier, made) >= fastest[tier]
        assert made.compile >= soonest[tier]
        assert fastest[tier] <= costs.call(call)[tier]
        assert len(set(made.guards)) == len(made.guards)


def test_the_least_is_reached():
    """Bets without guard costs, and everything inlined."""
    free = (HALF._replace(guard_cost=0.0), RARE)
    unit = Unit("f", 100, SECONDS, speculations=free, sites=(Site("g", 2.0, 0.5),))
    costs = costs_of(unit, Unit("g", 20))
    made = version(costs, 0, DARING, Plan(bets=(0, 1), inlining=20))
    assert call_picoseconds(costs, Call(0), DARING, made) == least_call(costs, Call(0))[DARING] == round(0.38 * PICO)
    light = version(costs, 0, DARING, Plan(registers="light"))
    assert light.compile == least_compile(costs, 0)[DARING]
