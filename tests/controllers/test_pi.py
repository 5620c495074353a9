"""pi: the threshold rises while compiling takes more than its share, falls while less, and never winds up."""

from __future__ import annotations

import math

import pytest
from tiering.controllers.pi import Pi

from tiering.protocol import Compiled, CompileFailed


@pytest.fixture
def pi(started):
    return started(Pi(setpoint=0.2, kp=0.5, ki=1.0, interval=1.0, count=1000, span=100.0))


def second(controller, view, number, compiling):
    """One window of a second in which compiles took `compiling` seconds."""
    controller.record(Compiled(number + 0.5, "f", 1, 0.0, compiling))
    controller.decide(view(now=number + 1.0))


def test_one_step_by_hand(pi, view):
    pi.decide(view(now=0.0))
    second(pi, view, 0, 0.3)
    # e = 0.3/0.2 - 1 = 0.5; u += 0.5 * 0.5 + 1.0 * 0.5 * 1 s
    assert pi.threshold == pytest.approx(1000 * math.exp(0.75))
    second(pi, view, 1, 0.2)
    # e = 0; u += 0.5 * (0 - 0.5)
    assert pi.threshold == pytest.approx(1000 * math.exp(0.5))


def test_nothing_moves_between_updates(pi, view):
    pi.decide(view(now=0.0))
    pi.record(Compiled(0.4, "f", 1, 0.0, 0.4))
    pi.decide(view(now=0.9))
    assert pi.threshold == pytest.approx(1000)


def test_failed_compiles_count_as_compiling(pi, view):
    pi.decide(view(now=0.0))
    pi.record(CompileFailed(0.5, "f", 1, "no", 0.5))
    pi.decide(view(now=1.0))
    assert pi.threshold > 1000


def test_it_is_clamped_and_the_first_error_of_the_other_sign_moves_it(pi, view):
    pi.decide(view(now=0.0))
    for number in range(50):
        second(pi, view, number, 0.9)
    assert pi.threshold == pytest.approx(100_000)
    second(pi, view, 50, 0.0)
    assert pi.threshold < 100_000 / math.e
    for number in range(51, 100):
        second(pi, view, number, 0.0)
    assert pi.threshold == pytest.approx(10)
    second(pi, view, 100, 0.9)
    assert pi.threshold > 10 * math.e


def test_one_long_compile_does_not_throw_it_to_its_end(started, view):
    pi = started(Pi(setpoint=0.1, kp=0.1, ki=0.1, interval=0.1, count=1000, span=1e6))
    pi.decide(view(now=0.0))
    pi.record(Compiled(0.2, "f", 1, 0.0, 60.0))
    assert pi.threshold == pytest.approx(1000 * math.exp(0.1 * 10 + 0.1 * 10 * 0.2))


def test_it_holds_the_share_of_a_host_with_a_power_law_tail(started, view):
    # share = 2 * threshold**-0.3: at 1000 counts 0.252, at the setpoint of 0.1 the threshold is 20**(1/0.3) = 21,715
    pi = started(Pi(setpoint=0.1, interval=0.5, count=1000))
    now = 0.0
    pi.decide(view(now=now))
    for _ in range(100):
        now += 0.5
        pi.record(Compiled(now, "f", 1, 0.0, 0.5 * 2 * pi.threshold**-0.3))
        pi.decide(view(now=now))
    assert pi.threshold == pytest.approx(20 ** (1 / 0.3), rel=0.01)


def test_it_can_hold_the_wait_in_the_queue_instead(started, view):
    pi = started(Pi(hold="delay", setpoint=0.1, interval=1.0, count=1000))
    pi.decide(view(now=0.0))
    pi.record(Compiled(0.5, "f", 1, 0.1, 9.0))
    pi.record(Compiled(0.6, "g", 1, 0.3, 9.0))
    pi.decide(view(now=1.0))
    assert pi.threshold == pytest.approx(1000 * math.exp(0.5 * 1 + 1.0 * 1))


def test_a_queue_in_which_nothing_ends_counts_as_delay(started, view):
    pi = started(Pi(hold="delay", setpoint=0.1, interval=1.0, count=1000))
    pi.decide(view(now=0.0))
    pi.decide(view(now=1.0, queues=(0, 5, 0, 0)))
    assert pi.threshold > 1000


def test_budgets_are_kept_short_because_the_threshold_may_fall(pi, view):
    assert pi.decide(view(invocations=1)).budget == 100
    assert pi.decide(view(invocations=400)).budget == 400
    assert pi.decide(view(invocations=950)).budget == 50
