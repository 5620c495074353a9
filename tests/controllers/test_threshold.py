"""threshold: exact budgets, one tier at a time, twice as patient after each deopt."""

from __future__ import annotations

import pytest
from tiering.controllers.threshold import Threshold

from tiering.protocol import FOREVER, Bet, CompileFailed


@pytest.fixture
def threshold(started):
    return started(Threshold(count=1000, growth=10.0, tick=1e-6))


def test_the_budget_is_exactly_what_is_missing(view, threshold):
    assert threshold.decide(view(invocations=1, backedges=0)).budget == 999
    assert threshold.decide(view(invocations=100, backedges=800)).budget == 100
    assert threshold.decide(view(invocations=1, backedges=998)).budget == 1
    assert threshold.decide(view(invocations=1, backedges=999)).tier == 1


def test_from_each_tier_it_climbs_to_the_next(view, threshold):
    assert threshold.decide(view(invocations=10**9)).tier == 1
    assert threshold.decide(view(tier=1, invocations=4000)).budget == 6000
    assert threshold.decide(view(tier=1, invocations=10_000)).tier == 2
    assert threshold.decide(view(tier=2, invocations=100_000)).tier == 3
    top = threshold.decide(view(tier=3, invocations=100_000))
    assert (top.action, top.budget) == ("stay", FOREVER)


def test_each_deopt_doubles_the_threshold_until_bets_are_given_up(view, threshold):
    assert threshold.decide(view(why="deopt", deopts=1, invocations=0)).budget == 2000
    assert threshold.decide(view(deopts=3, invocations=1)).budget == 7999
    assert threshold.decide(view(tier=2, deopts=4, invocations=10**9)).reason == "nothing above"


def test_a_tier_that_failed_is_passed_over(view, threshold):
    threshold.record(CompileFailed(0.0, "f", 1, "outside the subset"))
    assert threshold.decide(view(failures=1, invocations=1000)).budget == 9000
    assert threshold.decide(view(failures=1, invocations=10_000)).tier == 2
    assert threshold.decide(view(unit="g", invocations=1000)).tier == 1


def test_where_backedges_are_unseen_time_stands_for_them(view, threshold):
    # 10 calls in 400 us at 1 us per count: 10 + 400 counts, 41 per call, so 590 missing counts are 15 calls,
    # but no more calls than there have been.
    assert threshold.decide(view(invocations=10, backedges=None, seconds=400e-6)).budget == 10
    # 20 calls: 820 counts, 180 missing, 5 calls.
    assert threshold.decide(view(invocations=20, backedges=None, seconds=800e-6)).budget == 5
    assert threshold.decide(view(invocations=25, backedges=None, seconds=1000e-6)).tier == 1


def test_above_tier_0_a_call_still_counts_for_the_loops_in_it(view, threshold):
    threshold.decide(view(invocations=25, backedges=None, seconds=1000e-6))
    # 41 counts per call: 10,000 counts are 244 calls.
    assert threshold.decide(view(tier=1, invocations=243, backedges=None, seconds=1000e-6)).budget == 1
    assert threshold.decide(view(tier=1, invocations=244, backedges=None, seconds=1000e-6)).tier == 2


def test_before_anything_was_timed_the_next_call_is_waited_for(view, threshold):
    assert threshold.decide(view(invocations=0, backedges=None, seconds=0.0)).budget == 1


def test_where_nothing_but_calls_is_seen_calls_are_counted(view, threshold):
    assert threshold.decide(view(invocations=1, backedges=None, seconds=None)).budget == 999


def test_of_two_units_that_wait_the_hotter_is_taken_first(view, threshold):
    hot = threshold.decide(view(why="dequeue", pending=1, invocations=5000))
    warm = threshold.decide(view(why="dequeue", pending=1, invocations=2000))
    assert hot.priority > warm.priority


def test_a_speculative_tier_is_compiled_with_the_bets_that_have_not_failed(view, threshold):
    bets = (Bet(1, "zero", 10, 0.5, 0.01), Bet(2, "bounds", 20, 0.3, 0.01, failures=1))
    decision = threshold.decide(view(tier=2, invocations=10**9, bets=bets))
    assert (decision.tier, decision.plan.bets) == (3, (1,))
    assert threshold.decide(view(invocations=10**9, bets=bets)).plan.bets == ()
