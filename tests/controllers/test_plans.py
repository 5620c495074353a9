"""plans and the ladder's new answers: registers and inlining by hand, ranks for eviction, failing code that stays."""

from __future__ import annotations

import math

import pytest
from tiering.controllers.ladder import COOLING_COUNTS, Ladder
from tiering.controllers.plans import Plans
from tiering.controllers.presets.aggressive import Aggressive
from tiering.controllers.presets.conservative import Conservative
from tiering.controllers.threshold import Threshold

from tiering.protocol import PLAIN, Bet, Plan, Setup, Tier

TIERS = (
    Tier("interpreter", 1.0),
    Tier("optimized", 40.0, 0.001, 1e-5),
    Tier("speculative", 40.0, 0.001, 1e-5, speculative=True),
)
COSTS = (
    ("spill_seconds", 1e-9),
    ("spill_reduction", 0.5),
    ("registers", 16.0),
    ("light_compile", 0.5),
    ("call_seconds", 1e-7),
    ("deopt_seconds", 1e-5),
)


def setup(**facts):
    return Setup(TIERS, 1, 0, **{"costs": COSTS, **facts})


def test_a_host_that_states_no_costs_gets_the_plain_plan(view):
    crowded = view(features=(("register_pressure", 99.0), ("inlinable_size", 10.0), ("inlinable_calls", 9.0)))
    assert Plans(setup(costs=())).plan(crowded, 1) is PLAIN
    assert Plans(setup()).plan(view(), 1) is PLAIN


def test_heavy_registers_pay_from_the_use_that_pays_for_their_compile(view):
    # 1 ms + 100 * 10 us = 2 ms, half of it for being heavy: 1 ms. A use saves 1 ns * 0.5 * (36 - 16) = 10 ns.
    def registers(counts):
        unit = view(size=100, invocations=1, backedges=counts - 1, features=(("register_pressure", 36.0),))
        return Plans(setup()).plan(unit, 1).registers

    assert registers(99_999) == "light"
    assert registers(100_001) == "heavy"


def test_where_registers_suffice_the_light_allocator_does(view):
    unit = view(invocations=10**9, features=(("register_pressure", 16.0),))
    assert Plans(setup()).plan(unit, 1).registers == "light"
    assert Plans(setup(), math.inf).plan(unit, 1).registers == "light"


def test_inlining_pays_from_the_call_that_pays_for_the_growth(view):
    # 300 bytecodes more take 3 ms; a call saves 3 * 0.1 us.
    features = (("inlinable_size", 300.0), ("inlinable_calls", 3.0))
    assert Plans(setup()).plan(view(invocations=9_999, features=features), 1).inlining == 0
    assert Plans(setup()).plan(view(invocations=10_001, features=features), 1).inlining >= 300


@pytest.mark.parametrize(
    ("stability", "deopts", "inlines"), [(1.0, 1, True), (0.99, 0, False), (0.99999, 0, True), (0.99999, 1, False)]
)
def test_guarded_sites_are_inlined_iff_the_bet_is_good(view, stability, deopts, inlines):
    # D = 10 us + 2 ms + 3 ms, s = 0.3 us: p = 3 * (1 - stability) must be below 6e-5.
    features = (("inlinable_size", 300.0), ("inlinable_calls", 3.0), ("call_graph_stability", stability))
    unit = view(invocations=10**6, features=features, deopts=deopts)
    assert bool(Plans(setup()).plan(unit, 2).inlining) is inlines
    assert Plans(setup(), careful=False).plan(unit, 2).inlining


def test_bets_go_into_speculative_tiers_only(view):
    unit = view(bets=(Bet(3, "types", 0, 0.5, 0.0),))
    ladder = Ladder(setup(), 3, 4)
    assert ladder.climb(unit, 2, "hot", 0.0).plan == Plan((3,))
    assert ladder.climb(unit, 1, "hot", 0.0).plan == PLAIN


def test_of_the_code_that_could_go_the_least_used_of_late_goes_first(view):
    ladder = Ladder(setup(), 3, 4)

    def rank(unit, now, counts, size=100):
        asked = view(why="evict", unit=unit, now=now, tier=1, invocations=counts, size=size)
        return ladder.settled(asked, 0.0).priority

    assert rank("cold", 10.0, 10) > rank("hot", 10.0, 100_000)
    assert rank("hot", 20.0, 100_001) > rank("cold", 20.0, 50_000)
    assert rank("large", 10.0, 1000, size=5000) > rank("small", 10.0, 1000, size=50)
    assert rank("hot", 20.0, 100_001) == rank("hot", 20.0, 100_001)


def test_failing_code_that_stays_is_dropped_and_cools_twice_as_long_each_time(view, started):
    threshold = started(Threshold(), TIERS, keeps=True)
    first = threshold.decide(view(why="deopt", tier=2, deopts=1))
    assert (first.action, first.tier, first.budget) == ("deoptimize", 1, 2 * COOLING_COUNTS)
    assert threshold.decide(view(why="deopt", tier=2, deopts=3)).budget == 8 * COOLING_COUNTS
    assert threshold.decide(view(why="deopt", tier=2, deopts=1, lowest=2)).action == "stay"
    assert started(Threshold(), TIERS).decide(view(why="deopt", tier=2, deopts=1)).action == "stay"


def test_aggressive_bets_on_everything_once_warm(view, started):
    bets = (Bet(0, "types", 0, 0.1, 0.0), Bet(1, "branch", 1, 0.1, 0.0, failures=1))
    aggressive = started(Aggressive(warmup=1000))
    assert aggressive.decide(view(invocations=400, bets=bets)).budget == 600
    warm = aggressive.decide(view(invocations=1000, bets=bets))
    assert (warm.tier, warm.plan.bets) == (3, (0,))
    assert aggressive.decide(view(invocations=400, deopts=7, bets=bets)).budget == 600
    assert started(Aggressive(warmup=1000, growth=2.0)).decide(view(invocations=400, deopts=2)).budget == 3600
    assert aggressive.decide(view(invocations=10**6, deopts=20)).tier == 2


def test_aggressive_keeps_code_whose_guard_failed_where_it_stays(view, started):
    assert started(Aggressive(), keeps=True).decide(view(why="deopt", tier=3, deopts=1)).action == "stay"


def test_conservative_has_a_baseline_at_once_an_optimizer_by_budget_and_no_bets(view, started):
    conservative = started(Conservative(budget=1_000_000))
    assert conservative.decide(view(invocations=1)).tier == 1
    within = conservative.decide(view(tier=1, invocations=400, backedges=600, size=100))
    assert (within.action, within.budget) == ("stay", 9000)
    assert conservative.decide(view(tier=1, invocations=10_000, size=100)).tier == 2
    assert conservative.decide(view(tier=2, invocations=10**9)).reason == "nothing above"
