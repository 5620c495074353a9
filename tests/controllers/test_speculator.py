"""speculator and its evidence: p < s/D by hand, the profile length D/s, five outcomes of a failure, storms that end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiering.controllers.bets import Bets, type_failure
from tiering.controllers.speculator import COOLING, DISCARDED, KEPT, PINNED, WITHOUT, Speculator

from tiering.protocol import Bet, Compiled, Deoptimized, Setup, Tier

# Seconds per call: 1e-3, 1e-4, 1e-4. Compiling takes 0.01 s; a stall 1 ms.
TIERS = (Tier("interpreter", 1.0), Tier("optimized", 10.0, 0.01), Tier("speculative", 10.0, 0.01, speculative=True))
COSTS = (("deopt_seconds", 1e-3),)
HALF = Bet(0, "constant", 0, 0.5, 0.0)


@pytest.fixture
def speculator(started, view):
    """One that has seen 100 interpreted calls of a millisecond each."""

    def make(keeps=False, **parameters):
        controller = started(Speculator(**parameters), TIERS, costs=COSTS, bets=True, keeps=keeps)
        controller.decide(view(invocations=100, seconds=0.1))
        return controller

    return make


@pytest.fixture
def running(speculator, view):
    """A speculator whose unit has made so many calls and runs with these bets since."""

    def make(bets=(HALF,), calls=100_000, **facts):
        controller = speculator(**facts)
        answer = controller.decide(view(tier=1, invocations=calls, seconds=0.1, bets=bets))
        assert answer.plan.bets == tuple(bet.id for bet in bets)
        controller.record(Compiled(1.0, "f", 2, 0.0, 0.01))
        controller.decide(view(tier=2, why="compiled", invocations=calls, seconds=0.1, bets=bets))
        return controller

    return make


@pytest.mark.parametrize(("bits", "ways", "share"), [(0, 1, 0), (1, 1, 0.5), (2, 1, 0.75), (2, 2, 0.5), (2, 4, 0)])
def test_entropy_says_how_often_another_type_comes(bits, ways, share):
    assert type_failure(float(bits), ways) == pytest.approx(share, abs=1e-6)


@given(st.floats(0.001, 0.5))
def test_up_to_one_bit_the_share_is_that_of_two_types(share):
    bits = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    assert type_failure(bits, 1) == pytest.approx(share, abs=1e-5)


def test_a_largest_index_is_bet_on_after_d_over_s_calls(view):
    bets = Bets(prior=0.02, caution=1.0, backoff=1000)
    bounds = Bet(0, "bounds", 0, 0.5, 0.0)
    saving, loss = 2.0, 500.0
    assert next(calls for calls in range(1, 400) if bets.rate(view(), bounds, calls) * loss < saving) == 250


def test_what_was_known_of_a_bet_is_halved_by_a_failure(view):
    bets = Bets(prior=0.02, caution=0.0, backoff=1000)
    bets.failed("f", 0, 3000, 3000)
    assert bets.rate(view(), HALF, 3000) == pytest.approx(1.02 / (1 + 1 + 3000))
    bets.failed("f", 0, 3010, 10)
    assert bets.rate(view(), HALF, 3010) == pytest.approx(1.52 / (1 + 1.5 + 1510))


def test_a_bet_rests_twice_as_long_each_time_that_it_fails_at_once_and_a_long_run_clears_it():
    bets = Bets(prior=0.02, caution=1.0, backoff=100)
    rests = []
    for number in range(4):
        bets.failed("f", 0, 1000 * number, 0)
        rests.append(bets.resting("f", 0, 1000 * number))
    assert rests == [100, 200, 400, 800]
    assert bets.resting("f", 0, 3300) == 500
    bets.failed("f", 0, 9000, 5000)
    assert bets.resting("f", 0, 9000) == 100


@given(st.integers(1, 10_000), st.integers(10, 10**7))
def test_a_bet_that_is_wrong_for_ever_is_placed_log2_times(backoff, calls):
    bets, placed, now = Bets(0.02, 1.0, backoff), 0, 0
    while now < calls:
        bets.failed("f", 0, now, 0)
        placed += 1
        now += bets.resting("f", 0, now)
    assert placed <= math.log2(calls / backoff + 1) + 2


def started_with(view, *, deopt):
    """The same policy on a machine with dear stalls: D = 0.1001, so p must be below 0.0005."""
    controller = Speculator(caution=0.0, prior=0.9, again=1e3)
    controller.start(Setup(TIERS, 1, 0, bets=True, costs=(("deopt_seconds", deopt),)))
    controller.decide(view(invocations=100, seconds=0.1))
    return controller


def test_it_bets_iff_p_is_below_s_over_d(speculator, view):
    # s = 0.5 * 1e-4; D = 1e-3 + 1e-4 (+ no slower code below): p must be below 0.045.
    answer = speculator(caution=0.0).decide(view(tier=1, invocations=100_000, seconds=0.1, bets=(HALF,)))
    assert (answer.tier, answer.plan.bets) == (2, (0,))
    controller = speculator(caution=0.0, prior=0.9, again=1e3)
    # 0.9 / (1 + n) is below 0.045 from n = 20 on.
    assert controller.decide(view(tier=1, invocations=100, seconds=0.1, bets=(HALF,))).plan.bets == (0,)
    dear = started_with(view, deopt=0.1)
    assert dear.decide(view(tier=1, invocations=100, seconds=0.1, bets=(HALF,))).action == "stay"


def test_a_bet_whose_guard_costs_more_than_it_gains_is_left_out(speculator, view):
    dear = Bet(1, "branch", 1, 0.1, 0.2)
    answer = speculator().decide(view(tier=1, invocations=100_000, seconds=0.1, bets=(HALF, dear)))
    assert answer.plan.bets == (0,)


def test_of_two_alternatives_at_one_site_the_better_is_taken(speculator, view):
    one, two = Bet(1, "types", 7, 0.5, 0.01), Bet(2, "types", 7, 0.5, 0.02)
    sure = view(tier=1, invocations=100_000, seconds=0.1, bets=(one, two), features=(("type_entropy", 0.0),))
    assert speculator().decide(sure).plan.bets == (1,)
    mixed = sure._replace(features=(("type_entropy", 0.5),))
    assert speculator().decide(mixed).plan.bets == (2,)


def fail(controller, view, calls, number, *, bets=(HALF,), bet=0, tier=2):
    controller.record(Deoptimized(2.0, "f", 2, "guard", bet))
    return controller.decide(view(tier=tier, why="deopt", invocations=calls, seconds=0.1, bets=bets, deopts=number))


def test_a_rare_failure_of_code_that_stays_is_put_up_with(running, view):
    assert fail(running(keeps=True), view, 200_000, 1).reason == KEPT


def test_code_that_keeps_failing_is_left_for_as_long_as_the_bet_rests(running, view):
    controller = running(keeps=True)
    answers = [fail(controller, view, 100_001 + number, number) for number in range(1, 40)]
    left = next(answer for answer in answers if answer.action == "deoptimize")
    assert (left.tier, left.reason) == (1, COOLING)
    assert left.budget >= 1000


def test_it_is_made_anew_without_the_bet_that_failed_while_the_rest_pay(running, view):
    two = (HALF, Bet(1, "branch", 1, 0.4, 0.0))
    controller = running(bets=two, keeps=True)
    answers = [fail(controller, view, 100_001 + number, number, bets=two) for number in range(1, 40)]
    reasons = [answer.reason for answer in answers if answer.reason != KEPT]
    assert reasons[0] in (WITHOUT, DISCARDED)
    again = controller.decide(view(tier=1, invocations=100_050, seconds=0.1, bets=two, deopts=40))
    assert (again.tier, again.plan.bets) == (2, (1,))


def test_after_many_failures_code_that_pays_is_not_asked_about_again(running, view):
    assert fail(running(keeps=True, retries=3), view, 10**6, 3).reason == PINNED


def test_where_code_is_dropped_the_bet_rests_and_then_is_tried_again(running, view):
    controller = running()
    answer = fail(controller, view, 0, 1, tier=1)
    assert (answer.action, answer.reason) == ("stay", COOLING)
    answer = controller.decide(view(tier=1, invocations=20_000, seconds=0.1, bets=(HALF,), deopts=1))
    assert (answer.tier, answer.plan.bets) == (2, (0,))


def test_a_guard_of_the_whole_unit_closes_the_tier_while_it_rests(running, view):
    controller = running()
    answer = fail(controller, view, 0, 1, bet=None, tier=1)
    assert answer.action == "stay"
    assert controller.decide(view(tier=1, invocations=100, seconds=0.1, bets=(HALF,), deopts=1)).action == "stay"


def test_a_changed_dependency_is_no_bets_fault(running, view):
    controller = running()
    controller.record(Deoptimized(2.0, "f", 2, "dependency"))
    answer = controller.decide(view(tier=1, why="deopt", invocations=100, seconds=0.1, bets=(HALF,), deopts=1))
    assert answer.plan.bets == (0,)


def test_without_bets_it_climbs_as_the_break_even_rule_does(started, view):
    two = (Tier("interpreter", 1.0), Tier("compiled", 5.0, 0.08))
    controller = started(Speculator(), two)
    assert controller.decide(view(seconds=0.0999, invocations=10)).action == "stay"
    assert controller.decide(view(seconds=0.2, invocations=20)).tier == 1
