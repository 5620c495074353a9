"""Branch and bound against every schedule, written once more in the plainest way."""

from __future__ import annotations

import random
from itertools import combinations, permutations

import pytest

from tiering import bounds
from tiering.errors import InputError
from tiering.profile import Machine, Pool, Profile, TierCosts
from tiering.sim.costs import Costs
from tiering.trace import Call, Group, Program, Unit


def every_schedule(program, profile, *, waiting):
    """The shortest end over every order of every choice of compiles, each begun on the thread that is free first."""
    costs = Costs(program, profile)
    jobs = [(unit, tier) for unit in range(len(program.units)) for tier in range(1, len(profile.tiers))]
    calls = [(call.unit, costs.call(call)) for group in program.groups for call in group.pattern * group.times]
    ends = []
    for many in range(len(jobs) + 1):
        for chosen in combinations(jobs, many):
            ends += [run(calls, ready_times(costs, profile, order), waiting) for order in permutations(chosen)]
    return min(ends)


def ready_times(costs, profile, order):
    free = [[costs.ready] * pool.threads for pool in profile.pools()]
    ready = {}
    for unit, tier in order:
        name = profile.tiers[tier].name
        (pool,) = (n for n, pool in enumerate(profile.pools()) if not pool.tiers or name in pool.tiers)
        free[pool].sort()
        free[pool][0] += costs.code[unit][tier].compile
        ready[unit, tier] = free[pool][0]
    return ready


def run(calls, ready, waiting):
    now = 0
    for unit, cost in calls:
        versions = [(0, cost[0])] + [(at, cost[tier]) for (owner, tier), at in ready.items() if owner == unit]
        now = min(max(now, at) + spent for at, spent in versions if waiting or at <= now)
    return now


def check(program, profile, *, waiting):
    found = bounds.exact(program, profile, waiting=waiting)
    assert found.picoseconds == every_schedule(program, profile, waiting=waiting)
    calls = [(call.unit, Costs(program, profile).call(call)) for g in program.groups for call in g.pattern * g.times]
    reached = run(calls, ready_times(Costs(program, profile), profile, found.order), waiting)
    assert reached == found.picoseconds, "its own order does not reach what was found"
    return found.picoseconds


@pytest.mark.parametrize("waiting", [True, False])
def test_it_is_the_best_of_every_schedule(tiny, waiting):
    draw = random.Random(20240611)
    for _ in range(300):
        program, profile = tiny(draw, units=(1, 2, 2, 3), levels=(1, 1, 2) if draw.random() < 0.3 else (1,))
        profile = profile._replace(compiler_threads=draw.choice((1, 1, 2)), ready_seconds=draw.choice((0.0, 1.5)))
        check(program, profile, waiting=waiting)


@pytest.mark.parametrize("waiting", [True, False])
def test_two_units_of_two_levels_in_two_pools(tiny, waiting):
    draw = random.Random(5)
    for _ in range(40):
        program, profile = tiny(draw, units=(2,), levels=(2,))
        pools = (Pool(1, ("tier 1",)), Pool(draw.choice((1, 2)), ("tier 2",)))
        check(program, profile._replace(machine=Machine(pools=pools)), waiting=waiting)


@pytest.mark.parametrize("waiting", [True, False])
def test_four_units_of_two_levels(tiny, waiting):
    """109,601 schedules."""
    program, profile = tiny(random.Random(8), units=(4,), levels=(2,), calls=(9, 9))
    check(program, profile, waiting=waiting)


@pytest.mark.nightly
@pytest.mark.parametrize("waiting", [True, False])
def test_more_of_four_units_of_two_levels(tiny, waiting):
    draw = random.Random(9)
    for _ in range(15):
        check(*tiny(draw, units=(4,), levels=(2,), calls=(6, 12)), waiting=waiting)


@pytest.mark.nightly
@pytest.mark.parametrize("waiting", [True, False])
def test_six_units_of_two_levels_are_solved(tiny, waiting):
    """Too many schedules to list: it must lie between the bounds and what random schedules reach."""
    draw = random.Random(10)
    for _ in range(10):
        program, profile = tiny(draw, units=(6,), levels=(2,), calls=(12, 24))
        found = bounds.exact(program, profile, waiting=waiting)
        costs = Costs(program, profile)
        calls = [(call.unit, costs.call(call)) for group in program.groups for call in group.pattern]
        jobs = [(unit, tier) for unit in range(6) for tier in (1, 2)]
        for _ in range(2000):
            order = draw.sample(jobs, draw.randint(0, 12))
            assert run(calls, ready_times(costs, profile, order), waiting) >= found.picoseconds
        assert bounds.bound("lb1").picoseconds(program, profile) <= found.picoseconds
        assert run(calls, ready_times(costs, profile, found.order), waiting) == found.picoseconds


def test_waiting_never_ends_later_than_not_waiting(tiny):
    draw = random.Random(12)
    below = 0
    for _ in range(300):
        program, profile = tiny(draw)
        waits, goes = (bounds.exact(program, profile, waiting=waiting).picoseconds for waiting in (True, False))
        assert bounds.bound("lb1").picoseconds(program, profile) <= waits <= goes
        below += waits < goes
    assert below > 0


def test_bounds_are_near_the_optimum_of_small_instances(tiny):
    """The literature's setting: 1 to 3 units, 2 to 9 calls, 1 or 2 levels of compiling, one compiler thread."""
    draw = random.Random(1)
    shares = {"lb0": [], "lb1_osr": [], "lb1": [], "lb_exact": []}
    while len(shares["lb1"]) < 500:
        program, profile = tiny(draw)
        optimum = bounds.exact(program, profile, waiting=False).seconds
        if optimum:
            for name, found in shares.items():
                found.append(bounds.bound(name).seconds(program, profile) / optimum)
    means = {name: sum(found) / len(found) for name, found in shares.items()}
    assert means["lb1"] >= 0.85
    assert means["lb0"] < means["lb1_osr"] < means["lb1"] <= means["lb_exact"]
    assert all(share <= 1.0 for found in shares.values() for share in found)


def test_what_is_too_large_or_not_its_machine_is_refused(program_of, two_tiers):
    units = [Unit(f"u{number}", 1, {"interpreter": 1.0, "compiled": 0.1}) for number in range(13)]
    with pytest.raises(InputError, match="13 compiles can be ordered in too many ways"):
        bounds.exact(program_of(units, range(13)), two_tiers)
    with pytest.raises(InputError, match="2001 calls are too many"):
        bounds.exact(Program("long", tuple(units[:1]), (Group((Call(0),), 2001),)), two_tiers)
    replacing = two_tiers._replace(tiers=(two_tiers.tiers[0], TierCosts("compiled", 2.0, osr=True)))
    with pytest.raises(InputError, match="replaces running loops"):
        bounds.exact(program_of(units[:1], [0]), replacing)
    with pytest.raises(InputError, match="compiles stop the program"):
        bounds.exact(program_of(units[:1], [0]), two_tiers._replace(background=False), waiting=False)


def test_with_no_compile_at_all_there_is_one_schedule():
    profile = Profile((TierCosts("interpreter", 1.0), TierCosts("compiled", 2.0, compile_failure=1.0)))
    program = Program("f", (Unit("f", 1, {"interpreter": 1.0}),), (Group((Call(0),), 3),))
    assert bounds.exact(program, profile) == (3 * 10**12, 3.0, ())
