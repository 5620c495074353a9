"""The manager: the only caller of a controller, the same object in every host.

A host brings two ports, a clock and a compiler, and tells what happened. The manager builds the View, asks, checks
that the answer is legal, applies it, counts reasons and writes the log. So a controller cannot tell its hosts
apart, and a host contains no policy.

Legality is checked here and not trusted to controllers, because the price differs: in a simulation an illegal
answer is a defect to be raised, while a live program must not die of a policy, so there the answer is replaced by
staying put and named once in the log (`on_error="stay"`). An answer that comes later than `deadline` is replaced in
the same way. Rejected: correcting illegal answers silently, which makes two controllers equal that are not.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, TypeGuard

from tiering import protocol
from tiering.counters import UnitState
from tiering.errors import IllegalDecision
from tiering.log import DecisionLog
from tiering.protocol import Controller, Decision, Event, Plan, Setup, View, Why

CONTROLLER_RAISED = "controller raised"
ILLEGAL = "illegal decision"
OVERRAN = "overran deadline"
REPLACED_BUDGET = 10_000

_MOST = sys.float_info.max

_logger = logging.getLogger("tiering")


class Clock(Protocol):
    """Where a host's time comes from."""

    def now(self) -> float:
        """Seconds since the host started."""


class Task(NamedTuple):
    """One compile that was asked for. `serial` breaks ties; `submitted` is in the clock's seconds."""

    unit: str
    tier: int
    plan: Plan
    priority: float
    serial: int
    submitted: float


class Compiler(Protocol):
    """Where a host's code comes from."""

    def submit(self, task: Task) -> None:
        """Queue a compile; the host reports its end through the manager."""

    def discard(self, unit: str, tier: int) -> None:
        """Forget a queued or running compile, or installed code, of this unit and tier."""

    def queue(self) -> tuple[int, ...]:
        """Tasks that wait, per tier."""


class TieringManager:
    """Asks one controller about the units of one host.

    `timer` measures the controller itself (seconds); it is given together with `deadline` by live hosts only, so that
    a simulation has no clock but its own. Raises InputError from the controller's `start`.
    """

    def __init__(
        self,
        controller: Controller,
        clock: Clock,
        compiler: Compiler,
        setup: Setup,
        *,
        log: DecisionLog | None = None,
        on_error: Literal["raise", "stay"] = "raise",
        deadline: float = math.inf,
        timer: Callable[[], float] | None = None,
    ) -> None:
        self.controller = controller
        self.setup = setup
        self.units: dict[str, UnitState] = {}
        self.log = log
        self.code_used_bytes: int | None = None
        self.code_capacity_bytes: int | None = None
        self._now = clock.now
        self._queue = compiler.queue
        self._compiler = compiler
        self._on_error = on_error
        self._deadline = deadline
        self._timer = timer
        self._watched = log is not None or timer is not None or on_error != "raise"
        self._serial = 0
        self._named: set[str] = set()
        controller.start(setup)

    def add(self, state: UnitState) -> UnitState:
        """Make a unit known. Its name must be new."""
        self.units[state.name] = state
        return state

    def view(self, state: UnitState, why: Why) -> View:
        """What the controller gets to see of this unit, now."""
        seen = (
            self._now(),
            why,
            state.name,
            state.size,
            state.tier,
            state.pending,
            state.invocations,
            state.backedges if state.counts_backedges else None,
            state.seconds,
            state.deopts,
            state.failures,
            self._queue(),
            self.code_used_bytes,
            self.code_capacity_bytes,
            state.bets,
            state.features,
            state.lowest,
        )
        # All fields in order, so what `View(...)` does with names and defaults would cost as much again.
        return tuple.__new__(View, seen)

    def ask(self, state: UnitState, why: Why) -> Decision:
        """One whole question: view, decide, apply."""
        view = self.view(state, why)
        if self._watched:
            decision = self.decide(view)
        else:
            decision = self.controller.decide(view)
            broken = broken_rule(decision, view, self.setup, self.controller.reasons)
            if broken:
                raise IllegalDecision(f"unit {view.unit!r}: {broken}")
        self.apply(state, decision)
        return decision

    def decide(self, view: View) -> Decision:
        """Ask the controller and hold the answer to the rules. Raises whatever the controller raised, or
        IllegalDecision, where the host is a simulation."""
        started = self._timer() if self._timer else 0.0
        try:
            decision = self.controller.decide(view)
            broken = broken_rule(decision, view, self.setup, self.controller.reasons)
            if broken:
                raise IllegalDecision(f"unit {view.unit!r}: {broken}")
        except Exception as error:
            if self._on_error == "raise":
                raise
            illegal = isinstance(error, IllegalDecision)
            decision = self._replaced(ILLEGAL if illegal else CONTROLLER_RAISED, repr(error))
        if self._timer and self._timer() - started > self._deadline:
            decision = self._replaced(OVERRAN, f"{self._timer() - started:.3f} s for unit {view.unit!r}")
        if self.log:
            self.log.decision(view, decision)
        return decision

    def apply(self, state: UnitState, decision: Decision) -> None:
        """Carry out a decision that `decide` let pass."""
        action, tier, plan, priority, budget, wake, reason = decision
        state.reasons[reason] = state.reasons.get(reason, 0) + 1
        state.last_reason = reason
        state.budget = budget
        state.wake_at = None if wake is None else self._now() + wake
        if action == "stay":
            return
        if action == "compile" and tier is not None:
            self._submit(state, tier, plan, priority)
        elif action == "deoptimize" and tier is not None:
            self._drop_above(state, tier)
        elif action == "evict":
            self._drop_above(state, state.lowest)
        elif action == "pin":
            state.pinned = True

    def require(self, state: UnitState, tier: int) -> None:
        """Compile without asking, where a unit cannot run otherwise and so there is nothing to decide."""
        self._submit(state, tier, protocol.PLAIN, math.inf)

    def compiled(self, state: UnitState, event: protocol.Compiled) -> None:
        """A compile ended well: from now on the unit runs in that tier."""
        if state.pending == event.tier:
            state.pending = None
        state.installed.add(event.tier)
        state.tier = max(state.tier, event.tier)
        self.record(event)

    def failed(self, state: UnitState, event: protocol.CompileFailed) -> None:
        """A compile ended without code."""
        if state.pending == event.tier:
            state.pending = None
        state.failures += 1
        self.record(event)

    def deoptimized(self, state: UnitState, event: protocol.Deoptimized, *, keep: bool = False) -> None:
        """A guard failed or a dependency changed: the code of that tier is dropped and counting starts anew.

        With `keep` neither happens; what becomes of the code is up to the next answer.
        """
        state.deopts += 1
        if not keep:
            self._drop(state, event.tier)
            state.reset()
        self.record(event)

    def dropped(self, state: UnitState, event: protocol.Dropped) -> None:
        """A compile that was asked for will not be made."""
        if state.pending == event.tier:
            state.pending = None
        self.record(event)

    def evicted(self, state: UnitState, event: protocol.Evicted) -> None:
        """Code made room for other code."""
        state.installed.discard(event.tier)
        state.tier = state.best_installed(len(self.setup.tiers))
        self.record(event)

    def record(self, event: Event) -> None:
        """Tell the controller and the log what happened."""
        try:
            self.controller.record(event)
        except Exception as error:
            if self._on_error == "raise":
                raise
            self._name_once(CONTROLLER_RAISED, repr(error))
        if self.log:
            self.log.event(event)

    def _submit(self, state: UnitState, tier: int, plan: Plan, priority: float) -> None:
        if state.pending == tier:
            return
        if state.pending is not None:
            self._compiler.discard(state.name, state.pending)
        state.pending = tier
        self._serial += 1
        task = tuple.__new__(Task, (state.name, tier, plan, priority, self._serial, self._now()))
        self._compiler.submit(task)

    def _drop_above(self, state: UnitState, tier: int) -> None:
        if state.pending is not None and state.pending > tier:
            self._compiler.discard(state.name, state.pending)
            state.pending = None
        for above in sorted(installed for installed in state.installed if installed > tier):
            self._drop(state, above)

    def _drop(self, state: UnitState, tier: int) -> None:
        state.installed.discard(tier)
        state.tier = state.best_installed(len(self.setup.tiers))
        if state.pending == tier:
            state.pending = None
        self._compiler.discard(state.name, tier)

    def _replaced(self, reason: str, detail: str) -> Decision:
        self._name_once(reason, detail)
        return protocol.stay(reason, budget=REPLACED_BUDGET)

    def _name_once(self, reason: str, detail: str) -> None:
        if reason not in self._named:
            self._named.add(reason)
            name = type(self.controller).__name__
            _logger.warning("%s: %s (%s); units stay where they are", name, reason, detail)


def broken_rule(decision: Decision, view: View, setup: Setup, reasons: tuple[str, ...]) -> str | None:
    """The rule that this decision breaks, in one line with the value, or None."""
    if type(decision) is Decision:
        action, tier, plan, priority, budget, wake, reason = decision
        # The tests below again, for the usual types, in a fraction of the time: this is asked at every question.
        if (
            type(budget) is int
            and 1 <= budget <= protocol.FOREVER
            and (wake is None or (type(wake) is float and 0.0 < wake <= _MOST))
            and type(priority) is float
            and -_MOST <= priority <= _MOST
            and reason in reasons
        ):
            if action == "stay":
                return None
            ordinary = action == "compile" and plan is protocol.PLAIN and type(tier) is int
            if ordinary and view.tier < (tier or 0) < len(setup.tiers):
                return None
            if action in _RULES:
                return _RULES[action](decision, view, setup)
    if not isinstance(decision, Decision):
        return f"decide returned {type(decision).__name__}: it must return a Decision (stay, compile, ...)"
    if decision.reason not in reasons:
        return f"reason {decision.reason!r} is not in the controller's reasons {reasons}"
    if not _is_whole(decision.budget) or decision.budget < 1:
        return f"budget {decision.budget!r}: must be a whole number, at least 1"
    if decision.budget > protocol.FOREVER:
        return f"budget {decision.budget!r}: must be at most protocol.FOREVER, {protocol.FOREVER}"
    if decision.wake is not None and not (_is_finite(decision.wake) and decision.wake > 0):
        return f"wake {decision.wake!r}: must be None or seconds above 0"
    if not _is_finite(decision.priority):
        return f"priority {decision.priority!r}: must be a finite number"
    check = _RULES.get(decision.action)
    if check is None:
        return f"action {decision.action!r}: must be one of {', '.join(_RULES)}"
    return check(decision, view, setup)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _MOST


def _anything(decision: Decision, view: View, setup: Setup) -> str | None:
    return None


def _compile_rule(decision: Decision, view: View, setup: Setup) -> str | None:
    top = len(setup.tiers) - 1
    if not _is_whole(decision.tier) or not 1 <= decision.tier <= top:
        return f"tier {decision.tier!r} was asked for; this host compiles to 1..{top}"
    recompiles = decision.tier == view.tier and setup.tiers[decision.tier].speculative
    if decision.tier <= view.tier and not recompiles:
        return f"compile to tier {decision.tier} while in tier {view.tier}: to go down, deoptimize"
    if decision.plan is protocol.PLAIN:
        return None
    broken = _broken_plan(decision.plan)
    if broken or not decision.plan.bets:
        return broken
    if not setup.tiers[decision.tier].speculative:
        return f"plan takes bets {list(decision.plan.bets)} in tier {decision.tier}: that tier does not speculate"
    offered = {bet.id for bet in view.bets}
    stray = [bet for bet in decision.plan.bets if bet not in offered]
    if stray:
        return f"plan takes bets {stray} that were not offered (offered: {sorted(offered)})"
    return None


def _broken_plan(plan: object) -> str | None:
    if not isinstance(plan, Plan):
        return f"plan {plan!r}: must be a Plan"
    if not isinstance(plan.bets, tuple):
        return f"plan takes bets {plan.bets!r}: must be a tuple of ids"
    if plan.registers not in ("light", "heavy"):
        return f"plan takes registers {plan.registers!r}: must be light or heavy"
    if not _is_whole(plan.inlining) or plan.inlining < 0:
        return f"plan takes an inlining budget of {plan.inlining!r}: must be bytecodes, a whole number from 0"
    return None


def _deoptimize_rule(decision: Decision, view: View, setup: Setup) -> str | None:
    if not _is_whole(decision.tier) or not view.lowest <= decision.tier < view.tier:
        return f"deoptimize to tier {decision.tier!r} from tier {view.tier}: must be {view.lowest}..{view.tier - 1}"
    return None


def _evict_rule(decision: Decision, view: View, setup: Setup) -> str | None:
    return None if setup.evict else "evict was asked for; this host cannot drop code"


_RULES: dict[str, Callable[[Decision, View, Setup], str | None]] = {
    "stay": _anything,
    "compile": _compile_rule,
    "deoptimize": _deoptimize_rule,
    "evict": _evict_rule,
    "pin": _anything,
}
