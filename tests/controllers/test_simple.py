"""never and always: the two ends between which every policy lies."""

from __future__ import annotations

import pytest
from tiering.controllers.always import Always
from tiering.controllers.never import Never

from tiering.protocol import FOREVER, Bet, CompileFailed, Tier


def test_never_stays_and_is_not_asked_again(view, started):
    decision = started(Never()).decide(view(invocations=10**9))
    assert (decision.action, decision.budget, decision.wake) == ("stay", FOREVER, None)


def test_always_compiles_to_the_highest_tier_without_bets_at_the_first_question(view, started):
    decision = started(Always()).decide(view())
    assert (decision.action, decision.tier) == ("compile", 2)


def test_always_takes_the_offered_bets_where_it_may_speculate(view, started):
    bets = (Bet(4, "zero", 1, 0.5, 0.0), Bet(5, "bounds", 2, 0.5, 0.0, failures=1))
    decision = started(Always(speculate=1)).decide(view(bets=bets))
    assert (decision.tier, decision.plan.bets) == (3, (4,))


@pytest.mark.parametrize(("tier", "aimed_at"), [(1, 1), (2, 2), (9, 3)])
def test_always_compiles_to_a_tier_that_is_named(view, started, tier, aimed_at):
    assert started(Always(tier=tier)).decide(view()).tier == aimed_at


def test_always_tries_the_tier_below_when_one_fails_and_gives_up_in_the_end(view, started):
    controller = started(Always())
    controller.record(CompileFailed(0.1, "f", 2, "refused"))
    assert controller.decide(view(failures=1)).tier == 1
    assert controller.decide(view(failures=3)).action == "pin"


def test_always_waits_twice_as_long_after_each_deopt(view, started):
    controller = started(Always(speculate=1, backoff=1000))
    assert controller.decide(view(why="deopt", deopts=1, invocations=0)).budget == 1000
    assert controller.decide(view(why="deopt", deopts=3, invocations=500)).budget == 3500
    assert controller.decide(view(deopts=3, invocations=4000)).tier == 3
    assert controller.decide(view(deopts=4, invocations=8000)).tier == 2


def test_always_never_waits_longer_than_forever(view, started):
    controller = started(Always(speculate=1, backoff=10**15, retries=99))
    assert controller.decide(view(why="deopt", deopts=40)).budget == FOREVER


def test_always_is_content_with_a_host_that_can_only_speculate(view, started):
    bare = (Tier("interpreter", 1.0), Tier("speculative", 9.0, speculative=True))
    assert started(Always(), bare).decide(view()).action == "stay"
    assert started(Always(speculate=1), bare).decide(view()).tier == 1


def test_while_a_compile_is_under_way_nothing_is_decided(view, started):
    assert started(Always()).decide(view(pending=1)).action == "stay"
    assert started(Always()).decide(view(pending=1, failures=9, why="dequeue")).action == "stay"
