"""The manager: each rule once, what an answer does, and that a live program does not die of a policy."""

from __future__ import annotations

import logging
import math

import pytest

from tiering.counters import UnitState
from tiering.errors import IllegalDecision
from tiering.manager import CONTROLLER_RAISED, ILLEGAL, OVERRAN, REPLACED_BUDGET, TieringManager
from tiering.protocol import (
    FOREVER,
    Bet,
    Compiled,
    CompileFailed,
    Deoptimized,
    Plan,
    Setup,
    Tier,
    compile,
    deoptimize,
    evict,
    pin,
    stay,
)

LADDER = (Tier("interpreter", 1.0), Tier("fast", 4.0), Tier("daring", 5.0, speculative=True))
SETUP = Setup(LADDER, 1, 0)


class Host:
    """A clock that is set by hand, and a compiler that only remembers."""

    def __init__(self):
        self.time = 0.0
        self.submitted = []
        self.discarded = []

    def now(self):
        return self.time

    def submit(self, task):
        self.submitted.append(task)

    def discard(self, unit, tier):
        self.discarded.append((unit, tier))

    def queue(self):
        return (0, len(self.submitted), 0)


class Answering:
    """Gives the answers that it was made with, one after the other; one that is an exception is raised."""

    reasons = ("because",)

    def __init__(self, *answers):
        self.answers = list(answers)

    def start(self, setup):
        self.events = []

    def decide(self, view):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def record(self, event):
        self.events.append(event)


def managed(*answers, setup=SETUP, **options):
    host = Host()
    return host, TieringManager(Answering(*answers), host, host, setup, **options)


def ask(manager, **state):
    unit = manager.add(UnitState("f", **state))
    return unit, manager.ask(unit, "count")


LEGAL = [
    (stay("because"), {}),
    (stay("because", budget=1, wake=1e-9), {}),
    (stay("because", budget=FOREVER, wake=1e300), {}),
    (compile(1, "because"), {}),
    (compile(2, "because", priority=-1e300), {"tier": 1}),
    (compile(2, "because"), {"tier": 2}),
    (deoptimize(0, "because"), {"tier": 2}),
    (pin("because"), {}),
]

ILLEGAL_ANSWERS = [
    (None, {}, "decide returned NoneType: it must return a Decision"),
    (stay("whim"), {}, "reason 'whim' is not in the controller's reasons"),
    (stay("because", budget=0), {}, "budget 0: must be a whole number, at least 1"),
    (stay("because", budget=1.5), {}, "budget 1.5: must be a whole number"),
    (stay("because", budget=True), {}, "budget True: must be a whole number"),
    (stay("because", budget=FOREVER + 1), {}, f"budget {FOREVER + 1}: must be at most protocol.FOREVER, {FOREVER}"),
    (stay("because", wake=10**400), {}, "wake 1000"),
    (compile(1, "because", priority=10**400), {}, "priority 1000"),
    (compile(True, "because"), {}, "tier True was asked for; this host compiles to 1..2"),
    (deoptimize(False, "because"), {"tier": 2}, "deoptimize to tier False from tier 2"),
    (stay("because", wake=0.0), {}, "wake 0.0: must be None or seconds above 0"),
    (stay("because", wake=math.nan), {}, "wake nan: must be None or seconds above 0"),
    (stay("because", wake=math.inf), {}, "wake inf: must be None or seconds above 0"),
    (stay("because", wake="soon"), {}, "wake 'soon': must be None or seconds above 0"),
    (compile(1, "because", priority=math.nan), {}, "priority nan: must be a finite number"),
    (compile(1, "because", priority=math.inf), {}, "priority inf: must be a finite number"),
    (compile(1, "because", priority="high"), {}, "priority 'high': must be a finite number"),
    (stay("because")._replace(action="explode"), {}, "action 'explode': must be one of stay, compile"),
    (compile(3, "because"), {}, "tier 3 was asked for; this host compiles to 1..2"),
    (compile(0, "because"), {}, "tier 0 was asked for; this host compiles to 1..2"),
    (compile(None, "because"), {}, "tier None was asked for"),
    (compile(1, "because"), {"tier": 2}, "compile to tier 1 while in tier 2: to go down, deoptimize"),
    (compile(1, "because"), {"tier": 1}, "compile to tier 1 while in tier 1"),
    (compile(1, "because", plan=None), {}, "plan None: must be a Plan"),
    (compile(1, "because", plan=Plan(bets=[4])), {}, r"plan takes bets \[4\]: must be a tuple of ids"),
    (compile(1, "because", plan=Plan(registers="medium")), {}, "plan takes registers 'medium': must be light or heavy"),
    (
        compile(1, "because", plan=Plan(inlining=-5)),
        {},
        "plan takes an inlining budget of -5: must be bytecodes",
    ),
    (compile(1, "because", plan=Plan(bets=(4,))), {}, r"plan takes bets \[4\] in tier 1: that tier does not speculate"),
    (compile(2, "because", plan=Plan(bets=(4,))), {}, r"plan takes bets \[4\] that were not offered"),
    (deoptimize(1, "because"), {"tier": 1}, r"deoptimize to tier 1 from tier 1: must be 0\.\.0"),
    (deoptimize(0, "because"), {"tier": 2, "lowest": 1}, r"deoptimize to tier 0 from tier 2: must be 1\.\.1"),
    (evict("because"), {}, "evict was asked for; this host cannot drop code"),
]


@pytest.mark.parametrize(("answer", "state"), LEGAL)
def test_a_legal_answer_passes(answer, state):
    _, manager = managed(answer)
    assert ask(manager, **state)[1] == answer


@pytest.mark.parametrize(("answer", "state", "rule"), ILLEGAL_ANSWERS)
def test_an_illegal_answer_is_refused_with_value_and_rule(answer, state, rule):
    _, manager = managed(answer)
    with pytest.raises(IllegalDecision, match=f"unit 'f': {rule}"):
        ask(manager, **state)


def test_a_host_that_can_evict_lets_evict_pass():
    host, manager = managed(evict("because"), setup=Setup(LADDER, 1, 0, evict=True))
    unit, _ = ask(manager, tier=2, installed={1, 2})
    assert (unit.tier, host.discarded) == (0, [("f", 1), ("f", 2)])


def test_bets_that_were_offered_may_be_taken():
    _, manager = managed(compile(2, "because", plan=Plan(bets=(4,))))
    view = manager.view(UnitState("f"), "count")._replace(bets=(Bet(4, "constant", 0, 0.5, 0.0),))
    assert manager.decide(view).plan.bets == (4,)


def test_an_answer_sets_budget_timer_and_reasons():
    host, manager = managed(stay("because", budget=9, wake=2.0))
    host.time = 5.0
    unit, _ = ask(manager)
    assert (unit.budget, unit.wake_at, unit.reasons, unit.last_reason) == (9, 7.0, {"because": 1}, "because")


def test_a_compile_is_submitted_once_until_it_ends():
    host, manager = managed(*[compile(1, "because", priority=3.0)] * 2)
    unit, _ = ask(manager)
    manager.ask(unit, "timer")
    (task,) = host.submitted
    assert (task.unit, task.tier, task.priority, task.serial, unit.pending) == ("f", 1, 3.0, 1, 1)


def test_another_tier_replaces_the_compile_that_is_pending():
    host, manager = managed(compile(1, "because"), compile(2, "because"))
    unit, _ = ask(manager)
    manager.ask(unit, "timer")
    assert ([task.tier for task in host.submitted], host.discarded, unit.pending) == ([1, 2], [("f", 1)], 2)


def test_a_compile_that_ended_is_where_the_unit_runs():
    _, manager = managed(compile(1, "because"))
    unit, _ = ask(manager)
    event = Compiled(1.0, "f", 1, 0.0, 1.0)
    manager.compiled(unit, event)
    assert (unit.tier, unit.pending, unit.installed, manager.controller.events) == (1, None, {1}, [event])


def test_a_compile_that_failed_leaves_the_unit_where_it_was():
    _, manager = managed(compile(1, "because"))
    unit, _ = ask(manager)
    manager.failed(unit, CompileFailed(1.0, "f", 1, "unsupported"))
    assert (unit.tier, unit.pending, unit.failures) == (0, None, 1)


def test_a_deoptimization_falls_to_the_next_installed_tier_and_counts_anew():
    host, manager = managed()
    unit = manager.add(UnitState("f", tier=2, installed={1, 2}, invocations=9, backedges=8, seconds=7.0))
    manager.deoptimized(unit, Deoptimized(1.0, "f", 2, "guard"))
    assert (unit.tier, unit.deopts, unit.invocations, unit.backedges, unit.seconds) == (1, 1, 0, 0, 0.0)
    assert host.discarded == [("f", 2)]


def test_a_deoptimization_ends_the_recompile_of_what_it_drops():
    _, manager = managed(compile(2, "because"), compile(2, "because"))
    unit, _ = ask(manager, tier=2, installed={2})
    manager.deoptimized(unit, Deoptimized(1.0, "f", 2, "guard"))
    assert unit.pending is None
    manager.ask(unit, "deopt")
    assert unit.pending == 2


def test_pinning_is_remembered():
    _, manager = managed(pin("because"))
    unit, _ = ask(manager)
    assert (unit.pinned, unit.budget) == (True, FOREVER)


def test_what_must_be_compiled_goes_before_everything_else():
    host, manager = managed()
    manager.require(manager.add(UnitState("f", lowest=1)), 1)
    assert host.submitted[0].priority == math.inf


@pytest.mark.parametrize(
    ("answer", "reason"), [(compile(9, "because"), ILLEGAL), (ZeroDivisionError("oops"), CONTROLLER_RAISED)]
)
def test_live_a_bad_answer_is_replaced_by_staying_put_and_named_once(answer, reason, caplog):
    _, manager = managed(answer, answer, on_error="stay")
    with caplog.at_level(logging.WARNING, logger="tiering"):
        unit, decision = ask(manager)
        manager.ask(unit, "count")
    assert decision == stay(reason, budget=REPLACED_BUDGET)
    assert unit.reasons == {reason: 2}
    assert len(caplog.records) == 1
    assert f"Answering: {reason} (" in caplog.text


def test_live_an_event_that_the_controller_chokes_on_is_named_once(caplog):
    class Choking(Answering):
        def record(self, event):
            raise ZeroDivisionError("oops")

    host = Host()
    manager = TieringManager(Choking(), host, host, SETUP, on_error="stay")
    unit = manager.add(UnitState("f"))
    for _ in range(2):
        manager.failed(unit, CompileFailed(1.0, "f", 1, "unsupported"))
    assert [record.message for record in caplog.records] == [
        f"Choking: {CONTROLLER_RAISED} (ZeroDivisionError('oops')); units stay where they are"
    ]


def test_live_an_answer_after_the_deadline_is_replaced(caplog):
    """The timer says that the first decision took 0.1 s and the second 0.3 s; 0.2 s are allowed."""
    now = 0.0

    class Slow(Answering):
        def decide(self, view):
            nonlocal now
            took, answer = super().decide(view)
            now += took
            return answer

    answers = ((0.1, stay("because", budget=5)), (0.3, stay("because", budget=5)))
    host = Host()
    options = {"on_error": "stay", "deadline": 0.2, "timer": lambda: now}
    manager = TieringManager(Slow(*answers), host, host, SETUP, **options)
    unit, first = ask(manager)
    assert first == stay("because", budget=5)
    assert manager.ask(unit, "count") == stay(OVERRAN, budget=REPLACED_BUDGET)
    assert "0.300 s for unit 'f'" in caplog.text


def test_a_view_says_none_for_what_the_host_does_not_count():
    _, manager = managed()
    view = manager.view(UnitState("f", counts_backedges=False), "sample")
    assert (view.backedges, view.seconds, view.code_used_bytes) == (None, None, None)
