"""The program itself: one process that makes the calls, counts, and stops for questions and stalls.

A call runs to its end in the tier that was chosen at its entry; code that becomes ready meanwhile is entered by the
next call (there is no on-stack replacement here). At the entry, in this order: one invocation is counted; if that
spends the budget the controller is asked; the tier is chosen; if no call has entered this code yet, the caller pays the
tier's `install_seconds` (a live host loads code on the thread that first wants it); if it is speculative and this
call's guard fails, the program stalls for `deopt_seconds`, the code is dropped, the controller is asked, and the call
runs in the best tier that does not speculate.

Backedges are spread evenly over the call: the i-th of n is passed after `duration * i // (n + 1)`. If one of them
spends the budget, the question is asked at that very picosecond and a compile can begin under a long call.

A SimPy event per call would cost two microseconds. But while a call spends no budget, fails no guard, enters no new
code and ends before the next event of anybody else, nobody can tell whether there was an event at its end; such calls
are added up and slept over in one go. The sums are integers, so this gives the same times as stepping, and a test
that steps (`jump` False) says so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import simpy

from tiering.counters import UnitState
from tiering.protocol import Why
from tiering.sim.clock import Environment
from tiering.sim.costs import Costs
from tiering.trace import Program

Process = Generator[simpy.Event, Any, None]


@dataclass(slots=True)
class UnitRun:
    """One unit as the program runs it. `fresh` holds the tiers whose code no call has entered yet."""

    state: UnitState
    failures: Iterator[int]
    next_failure: int
    calls: int = 0
    interpreted: int = 0
    wake_serial: int = 0
    fresh: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Span:
    """The call that runs now: picoseconds run and backedges counted; `since` is None while it does not advance."""

    unit: UnitRun
    tier: int
    backedges: int
    duration: int
    elapsed: int = 0
    counted: int = 0
    since: int | None = None


class Ports(NamedTuple):
    """What the mutator needs from its simulation: ask a question, tell of a failed guard, know when to block."""

    ask: Callable[[UnitRun, Why], None]
    guard_failed: Callable[[UnitRun, int], None]
    must_block: Callable[[], bool]


class Mutator:
    """Runs a program. `tiers` holds the picoseconds run in each tier, `stalled` those in which it stood still."""

    def __init__(
        self,
        env: Environment,
        program: Program,
        costs: Costs,
        units: list[UnitRun],
        ports: Ports,
        *,
        jump: bool = True,
    ) -> None:
        self.tiers = [0] * len(costs.speculative)
        self.stalled = 0
        self._env = env
        self._costs = costs
        self._program = program
        self._units = units
        self._ports = ports
        self._jump = jump
        self._span: _Span | None = None
        self._unblock: simpy.Event | None = None
        self._process = env.process(self._run())

    @property
    def ended(self) -> bool:
        """Whether the last call has returned."""
        return self._process.triggered

    def catch_up(self) -> None:
        """Count what has passed of the running call, so that its counters are true now."""
        span = self._span
        if span is None or span.since is None:
            return
        passed = self._env.picoseconds - span.since
        span.since = self._env.picoseconds
        self._ran(span.unit, span.tier, passed)
        span.elapsed += passed
        reached = span.backedges
        if span.elapsed < span.duration:
            reached = ((span.elapsed + 1) * (span.backedges + 1) - 1) // span.duration
        more = min(reached - span.counted, span.unit.state.budget)
        span.counted += more
        span.unit.state.spend(0, more)

    def look_again(self, unit: UnitRun) -> None:
        """A decision was made about `unit`: if it runs, its budget is another one now."""
        span = self._span
        running = span is not None and span.since is not None
        concerned = span is not None and (span.unit is unit or self._ports.must_block())
        if running and concerned:
            self._process.interrupt()

    def unblock(self) -> None:
        """A compile ended; a program that stands still for it may go on."""
        if self._unblock is not None and not self._unblock.triggered:
            self._unblock.succeed()

    def _run(self) -> Process:
        env = self._env
        clock = 0
        horizon: float = 0
        for group in self._program.groups:
            steps = [(self._units[c.unit], c.backedges, self._costs.call(c)) for c in group.pattern]
            for _ in range(group.times):
                for unit, backedges, costs in steps:
                    state = unit.state
                    tier = state.tier
                    if (
                        clock + costs[tier] < horizon
                        and state.budget > backedges + 1
                        and unit.calls != unit.next_failure
                        and tier not in unit.fresh
                    ):
                        unit.calls += 1
                        state.spend(1, backedges)
                        self._ran(unit, tier, costs[tier])
                        clock += costs[tier]
                        continue
                    if clock > env.picoseconds:
                        yield env.timeout(clock - env.picoseconds)
                    yield from self._call(unit, backedges, costs)
                    clock, horizon = env.picoseconds, env.peek() if self._jump else 0
        if clock > env.picoseconds:
            yield env.timeout(clock - env.picoseconds)

    def _call(self, unit: UnitRun, backedges: int, costs: tuple[int, ...]) -> Process:
        failing = unit.calls == unit.next_failure
        if failing:
            unit.next_failure = next(unit.failures)
        unit.calls += 1
        if unit.state.spend(1, 0):
            yield from self._ask(unit, "count")
        tier = unit.state.tier
        yield from self._install(unit, tier)
        if failing and self._costs.speculative[tier]:
            yield from self._stall(self._costs.deopt)
            self._ports.guard_failed(unit, tier)
            yield from self._ask(unit, "deopt")
            plain = [t for t in unit.state.installed if not self._costs.speculative[t]]
            tier = max(plain, default=unit.state.lowest)
            yield from self._install(unit, tier)
        self._span = _Span(unit, tier, backedges, costs[tier])
        yield from self._advance(self._span)
        self._span = None

    def _advance(self, span: _Span) -> Process:
        state = span.unit.state
        while True:
            until = span.duration
            if state.budget <= span.backedges - span.counted:
                until = span.duration * (span.counted + state.budget) // (span.backedges + 1)
            span.since = self._env.picoseconds
            if until > span.elapsed:
                with suppress(simpy.Interrupt):
                    yield self._env.timeout(until - span.elapsed)
            self.catch_up()
            span.since = None
            if state.budget <= 0:
                yield from self._ask(span.unit, "count")
                continue
            yield from self._block()
            if span.elapsed >= span.duration:
                return

    def _ask(self, unit: UnitRun, why: Why) -> Process:
        self._ports.ask(unit, why)
        yield self._env.timeout(0)
        yield from self._block()

    def _install(self, unit: UnitRun, tier: int) -> Process:
        if tier in unit.fresh:
            unit.fresh.discard(tier)
            yield from self._stall(self._costs.install[tier])

    def _stall(self, picoseconds: int) -> Process:
        self.stalled += picoseconds
        yield self._env.timeout(picoseconds)
        yield from self._block()

    def _block(self) -> Process:
        while self._ports.must_block():
            began = self._env.picoseconds
            self._unblock = self._env.event()
            yield self._unblock
            self.stalled += self._env.picoseconds - began

    def _ran(self, unit: UnitRun, tier: int, picoseconds: int) -> None:
        self.tiers[tier] += picoseconds
        if tier == 0:
            unit.interpreted += picoseconds
