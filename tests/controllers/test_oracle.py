"""oracle: paths worked by hand, Smith's order, and never beaten where the others are its alternatives."""

from __future__ import annotations

import pytest
from tiering.controllers.oracle import Oracle

from tiering.errors import NeedsFuture
from tiering.profile import Profile, TierCosts
from tiering.protocol import FOREVER, CompileFailed, Tier, UnitFuture
from tiering.registry import controller as named
from tiering.sim import Simulation
from tiering.trace import Call, Group, Program, Unit

THREE = (Tier("interpreter", 1.0), Tier("baseline", 10.0), Tier("optimized", 100.0))


def unit(name="f", calls=1000, seconds=(1e-3, 1e-4, 1e-5), compiles=(0.0, 0.01, 0.1), failures=0):
    return UnitFuture(name, calls, seconds, compiles, failures)


def test_without_a_future_it_refuses_in_one_line(started):
    with pytest.raises(NeedsFuture, match="cannot know the future") as refused:
        started(Oracle())
    assert "\n" not in str(refused.value)


def test_what_is_called_once_is_not_compiled(started, view):
    decision = started(Oracle(), THREE, future=(unit(calls=1),)).decide(view())
    assert (decision.action, decision.budget) == ("stay", FOREVER)


def test_a_hot_unit_takes_the_low_tier_first_where_the_high_one_takes_long(started, view):
    # 1000 calls of 1 ms: 10 pass during the baseline compile, then 100 ms of optimizing at 0.1 ms per call.
    oracle = started(Oracle(), THREE, future=(unit(),))
    assert oracle.decide(view()).tier == 1
    assert oracle.decide(view(tier=1, invocations=12)).tier == 2


def test_a_low_tier_that_costs_as_much_as_the_high_one_is_passed_over(started, view):
    oracle = started(Oracle(), THREE, future=(unit(compiles=(0.0, 0.1, 0.1)),))
    assert oracle.decide(view()).tier == 2


def test_a_bet_that_would_fail_too_often_is_not_taken(started, view):
    tiers = (Tier("interpreter", 1.0), Tier("optimized", 50.0), Tier("speculative", 100.0, speculative=True))
    costs = {"seconds": (1e-3, 2e-5, 1e-5), "compiles": (0.0, 0.01, 0.01), "calls": 100_000}
    assert started(Oracle(), tiers, future=(unit(**costs),)).decide(view()).tier == 2
    assert started(Oracle(), tiers, future=(unit(**costs, failures=1000),)).decide(view()).tier == 1


def test_the_queue_is_ranked_by_saving_per_compile_second(started, view):
    cheap = unit("cheap", compiles=(0.0, 0.01, 10.0))
    dear = unit("dear", compiles=(0.0, 0.2, 10.0))
    oracle = started(Oracle(), THREE, future=(cheap, dear))
    first, second = (oracle.decide(view(unit=name, why="dequeue", pending=1)) for name in ("cheap", "dear"))
    assert first.priority > second.priority


def test_a_tier_that_failed_is_planned_around(started, view):
    oracle = started(Oracle(), THREE, future=(unit(),))
    oracle.record(CompileFailed(0.0, "f", 1, "refused"))
    assert oracle.decide(view(failures=1)).tier == 2


def test_a_unit_that_the_future_does_not_name_stays(started, view):
    assert started(Oracle(), THREE, future=()).decide(view()).reason == "not in the future"


MACHINE = Profile(
    (
        TierCosts("interpreter", 1.0),
        TierCosts("baseline", 20.0, 0.004),
        TierCosts("optimized", 80.0, 0.1),
        TierCosts("speculative", 120.0, 0.1, speculative=True),
    )
)


@pytest.mark.parametrize("other", ["never", "always", "threshold", "pi", "bandit", "cost_benefit"])
@pytest.mark.parametrize("rounds", [10, 1000, 30_000])
def test_no_other_policy_is_faster_on_a_mixed_program(other, rounds):
    units = (
        Unit("hot", 80, {"interpreter": 3e-4}),
        Unit("warm", 400, {"interpreter": 1e-3}, guard_failure=0.01),
        Unit("cold", 900, {"interpreter": 1e-4}),
    )
    pattern = (*[Call(0, 100)] * 20, Call(1, 300))
    program = Program("mixed", units, (Group((Call(2, 10),), 5), Group(pattern, rounds), Group((Call(2, 10),), 5)))
    best = Simulation(program, MACHINE, named("oracle"), future=True).run().total_seconds
    assert best <= Simulation(program, MACHINE, named(other)).run().total_seconds * (1 + 1e-9)
