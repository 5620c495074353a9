"""cost_benefit: break-even points worked by hand and from Jikes RVM's published machine description."""

from __future__ import annotations

import pytest
from tiering.controllers.cost_benefit import CostBenefit

from tiering.protocol import FOREVER, Compiled, CompileFailed, Sampled, Tier

# Compiler DNA of Jikes RVM, July 2008: bytecodes per millisecond and speed relative to baseline code.
DNA = {
    "IA32": ((39.53, 4.03), (18.48, 5.88), (17.28, 5.93)),
    "PPC": ((26.36, 7.87), (13.41, 12.23), (12.73, 12.29)),
}


def jikes(machine):
    upper = [
        Tier(f"O{level}", speed, compile_cost_per_size=1e-3 / rate) for level, (rate, speed) in enumerate(DNA[machine])
    ]
    return (Tier("baseline", 1.0), *upper)


@pytest.mark.parametrize(("machine", "points"), [("IA32", (3.365, 36.91, 262.06)), ("PPC", (4.346, 80.87, 997.9))])
def test_a_method_of_100_bytecodes_is_compiled_as_jikes_would(started, view, machine, points):
    controller = started(CostBenefit(), jikes(machine))

    def level(milliseconds):
        decision = controller.decide(view(size=100, seconds=milliseconds / 1000, invocations=10))
        return decision.tier or 0

    for number, point in enumerate(points):
        assert level(point * 0.999) == number
        assert level(point * 1.001) == number + 1


TWO = (Tier("interpreter", 1.0), Tier("compiled", 5.0, 0.08))


def test_break_even_and_priority_by_hand(started, view):
    # T > C * S/(S-1) = 0.08 * 5/4 = 0.1
    controller = started(CostBenefit(), TWO)
    assert controller.decide(view(seconds=0.0999, invocations=10)).action == "stay"
    decision = controller.decide(view(seconds=0.2, invocations=10))
    assert (decision.action, decision.tier) == ("compile", 1)
    assert decision.priority == pytest.approx(0.2 - (0.08 + 0.2 / 5))


def test_it_asks_when_break_even_should_be_reached_and_no_later_than_at_a_doubling(started, view):
    controller = started(CostBenefit(), TWO)
    assert controller.decide(view(seconds=0.08, invocations=80)).budget == 20
    assert controller.decide(view(seconds=0.01, invocations=80)).budget == 80
    assert controller.decide(view(seconds=0.0, invocations=1)).budget == 1


def test_a_longer_future_is_worth_more(started, view):
    controller = started(CostBenefit(again=4.0), TWO)
    assert controller.decide(view(seconds=0.026, invocations=10)).action == "compile"


def test_above_tier_0_calls_stand_for_the_seconds_they_took_below(started, view):
    tiers = (*TWO, Tier("optimized", 10.0, 1.0))
    controller = started(CostBenefit(), tiers)
    controller.decide(view(seconds=0.2, invocations=100))
    # 2 ms per interpreted call; to pay for 1 s, W/5 - W/10 > 1: W = 10 s, 5000 calls
    assert controller.decide(view(tier=1, seconds=0.2, invocations=4990)).action == "stay"
    assert controller.decide(view(tier=1, seconds=0.2, invocations=5010)).tier == 2


def test_a_tier_that_was_seen_to_bring_nothing_is_not_chosen(started, view):
    controller = started(CostBenefit(), TWO)
    controller.decide(view(seconds=0.01, invocations=10))
    controller.record(Sampled(1.0, "f", 1, 0.01, 10))
    assert controller.decide(view(seconds=9.0, invocations=9000)).reason == "no tier is faster"
    blind = started(CostBenefit(learn=0), TWO)
    blind.decide(view(seconds=0.01, invocations=10))
    blind.record(Sampled(1.0, "f", 1, 0.01, 10))
    assert blind.decide(view(seconds=9.0, invocations=9000)).action == "compile"


def test_where_nothing_can_be_gained_it_never_waits_longer_than_forever(started, view):
    controller = started(CostBenefit(), (Tier("interpreter", 1.0), Tier("slower", 0.5, 0.1)))
    assert controller.decide(view(invocations=10**6, backedges=FOREVER, seconds=1.0)).budget == FOREVER


def test_compile_times_are_learnt_from_other_units(started, view):
    controller = started(CostBenefit(), TWO)
    controller.record(Compiled(1.0, "g", 1, 0.0, 0.16))
    assert controller.decide(view(seconds=0.19, invocations=10)).action == "stay"
    assert controller.decide(view(seconds=0.21, invocations=10)).action == "compile"


def test_each_deopt_doubles_the_price_of_bets_and_of_nothing_else(started, view):
    bets = (Tier("interpreter", 1.0), Tier("speculative", 5.0, 0.08, speculative=True))
    assert started(CostBenefit(), bets).decide(view(seconds=0.15, deopts=1, invocations=9)).action == "stay"
    assert started(CostBenefit(), bets).decide(view(seconds=0.21, deopts=1, invocations=9)).action == "compile"
    assert started(CostBenefit(), TWO).decide(view(seconds=0.15, deopts=1, invocations=9)).action == "compile"


def test_without_seconds_counts_times_tick_stand_for_them(started, view):
    controller = started(CostBenefit(tick=1e-6), TWO)
    assert controller.decide(view(seconds=None, backedges=99_000)).action == "stay"
    assert controller.decide(view(seconds=None, backedges=101_000)).action == "compile"


def test_at_the_top_and_after_failures_nothing_more_is_asked(started, view):
    controller = started(CostBenefit(), TWO)
    assert controller.decide(view(tier=1, seconds=9.0)).budget == FOREVER
    controller.record(CompileFailed(0.0, "g", 1, "refused"))
    assert controller.decide(view(unit="g", failures=1, seconds=9.0)).budget == FOREVER
