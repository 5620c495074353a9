"""bandit: arms in order, rewards by hand, and convergence on the better of two."""

from __future__ import annotations

import pytest
from tiering.controllers.bandit import Bandit

from tiering.protocol import Compiled


def play(controller, view, epochs, lost):
    """A host of two-second epochs that loses `lost(threshold)` of each to compiling; the thresholds played."""
    played = []
    now = 0.0
    controller.decide(view(now=now))
    for _ in range(epochs):
        played.append(controller.threshold)
        controller.record(Compiled(now + 1.0, "f", 1, 0.0, 2.0 * lost(controller.threshold)))
        now += 2.0
        controller.decide(view(now=now))
    return played


def test_every_arm_is_tried_from_the_middle_outwards(started, view):
    bandit = started(Bandit(count=1000, arms=5, ratio=8.0, epoch=2.0))
    assert play(bandit, view, 5, lambda _: 0.1) == [1000, 125, 8000, 15.625, 64_000]


@pytest.mark.parametrize("better", [1000.0, 125.0])
def test_of_two_arms_the_better_is_played_nearly_always(started, view, better):
    bandit = started(Bandit(count=1000, arms=2, epoch=2.0, discount=1.0))
    played = play(bandit, view, 300, lambda threshold: 0.1 if threshold == better else 0.5)
    assert played[100:].count(better) > 190


def test_it_changes_its_mind_when_the_program_does(started, view):
    bandit = started(Bandit(count=1000, arms=2, epoch=2.0, discount=0.95))
    costs = iter(range(600))
    played = play(bandit, view, 600, lambda t: 0.1 if (t == 1000) == (next(costs) < 300) else 0.5)
    assert played[200:300].count(1000) > 80
    assert played[500:].count(125) > 80


def test_an_epoch_that_lost_less_is_repeated_without_exploration(started, view):
    bandit = started(Bandit(count=1000, arms=2, epoch=2.0, explore=0.0))
    assert play(bandit, view, 6, lambda t: 0.3 if t == 1000 else 0.2) == [1000, 125, 125, 125, 125, 125]


def test_of_equals_the_lower_arm_is_played(started, view):
    bandit = started(Bandit(count=1000, arms=3, epoch=2.0, explore=0.0))
    assert play(bandit, view, 6, lambda _: 0.25)[3:] == [1000, 1000, 1000]


def test_seconds_in_tier_0_are_lost_as_far_as_a_better_tier_would_have_saved_them(started, view):
    bandit = started(Bandit(count=10**9, arms=2, epoch=2.0, explore=0.0))
    bandit.decide(view(now=0.0))
    # 1.6 of 2 s interpreted, the best tier is 80 times as fast: lost (1.6 * 79/80) / 2 = 0.79. Then a
    # deopt sets the seconds back to zero, from which they reach 1.0: lost 0.49. Arm 1 has lost less.
    bandit.decide(view(now=2.0, seconds=1.6))
    assert bandit.threshold == pytest.approx(1e9 / 8)
    bandit.decide(view(now=4.0, seconds=1.0))
    assert bandit.threshold == pytest.approx(1e9 / 8)


def test_units_that_lose_time_are_asked_again_after_an_epoch(started, view):
    bandit = started(Bandit(epoch=2.0, count=10**9))
    assert bandit.decide(view(seconds=0.001)).wake is None
    assert bandit.decide(view(seconds=0.5)).wake == 2.0
