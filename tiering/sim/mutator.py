"""The program itself: its threads make their calls, count, and stop for questions and stalls.

A call runs to its end in the tier that was chosen at its entry, except where the machine replaces running loops. At
the entry, in this order: if its invocation spends the budget the controller is asked; the tier is chosen; if no call
has entered this code yet, the thread stalls for the tier's `install_seconds` (a live host loads code on the thread that
first wants it) and comes back to the entry; if a guard of this code fails at this call, the thread stalls for
`deopt_seconds`, the code falls, the controller is asked, and the call runs in the best tier that does not speculate.

Backedges are spread evenly over the call: of n in a call that takes d, the i-th is passed at the first picosecond from
d * i / (n + 1) on. If one of them spends the budget, the question is asked at that very instant and a compile can begin
under a long call. On-stack replacement happens at backedges too: what is left of the call, in shares of 1 / (n + 1),
goes on at the pace of the other code, after a stall of `osr_seconds`.

Most calls need none of this and are made by `kernel.run`, which books a call as a whole at its entry. A call that
somebody looks at while it runs is taken back and becomes a `Span`, whose counts and time are true at every instant.
In step mode (`jump` False) every entry is an event of SimPy's: slow, and equal, which is what it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
import simpy

from tiering.sim import kernel
from tiering.sim.clock import CALLS, Environment
from tiering.sim.kernel import (
    ASK,
    BEGAN,
    CALL,
    CALLED,
    CLOCK,
    COST,
    COUNT,
    COUNTS,
    LAST,
    LENGTH,
    MADE,
    NEVER,
    OFFSET,
    OWNER,
    PLACE,
    ROUNDS,
    SPENT,
    STOP,
    THREAD,
    TIER,
    UNIT,
    WAITS,
)
from tiering.sim.source import Block
from tiering.sim.threads import Ports, Span, Thread
from tiering.sim.units import UnitRun, Units, readable


class Mutator:
    """Runs a program. `instant` is now; `stalled` is the time in which threads stood still, in picoseconds."""

    def __init__(
        self, env: Environment, units: Units, sources: list[Iterator[Block]], ports: Ports, *, jump: bool, fast: bool
    ) -> None:
        self.instant = 0
        self.stalled = 0
        self.osr_entries = 0
        self.threads = [Thread(index, blocks) for index, blocks in enumerate(sources)]
        self.running = len(self.threads)
        self._env = env
        self._units = units
        self._ports = ports
        self.jump = jump
        self._array = np.zeros(len(self.threads) * THREAD, np.int64)
        self._array[CALLED::THREAD] = -1
        self._at = readable(self._array, fast)
        self._blocked_since: int | None = None
        self._osr = tuple(tier.osr for tier in units.costs.profile.tiers)
        self._osr_able = any(self._osr)
        self._run: Any = kernel.compiled() if fast else kernel.run
        self._fast = fast
        self._cells = [] if jump else [self._cell(thread) for thread in self.threads]
        env.noticed = self._notice
        self._collect()
        if not jump:
            for thread in self.threads:
                self._schedule(thread)

    @property
    def ended(self) -> bool:
        """Whether the last call of every thread has returned."""
        return self.running == 0

    def go(self, horizon: int) -> bool:
        """Make calls up to an instant; True if it stopped before because something was seen to."""
        found = self._run(*self._arrays, horizon)
        if found == -1:
            return False
        self.attend(max(0, found))
        return True

    def reach(self, horizon: int) -> int:
        """Make calls up to an instant; what `kernel.run` found."""
        found: int = self._run(*self._arrays, horizon)
        if found < -1:
            self.instant = self._at[CLOCK]
        return found

    def attend(self, index: int) -> None:
        """See to a thread that has stopped at its instant."""
        thread = self.threads[index]
        self.instant = self._at[thread.place + CLOCK]
        if thread.pending is None and thread.span is None and self._at[thread.place + ROUNDS]:
            self._enter(thread)
        else:
            self._attend(thread)

    def step(self, questions: Collection[object], polls: Collection[object]) -> None:
        """Let one event after the other happen until there is something to be asked, or the end."""
        step = self._env.step
        while not questions and not polls and self.running and self._blocked_since is None:
            step()

    def surface(self, unit: UnitRun) -> None:
        """Make the counts and times of a unit true at this instant, whatever runs it."""
        for thread in self.threads:
            span = thread.span
            if span is not None:
                if span.unit is unit:
                    self._catch_up(span)
            elif thread.pending is None and thread.ended_at is None:
                row = thread.place
                called = self._at[row + CALLED]
                running = called >= 0 and self._at[row + CLOCK] > self._now()
                if running and self._units.cost[called * CALL + OWNER] == unit.place:
                    self._take_back(thread, unit, called)

    def replan(self, unit: UnitRun) -> None:
        """The budget or the code of a unit is another one now: running calls of it may be seen sooner or later."""
        for thread in self.threads:
            if thread.span is not None and thread.span.unit is unit:
                self._plan(thread, thread.span)

    def running_code(self) -> set[tuple[int, int]]:
        """Index of unit and tier of the code that threads are in, or about to enter, now.

        Code that a thread waits to enter counts: two threads could otherwise evict each other's code for ever, and
        no call would be made.
        """
        found = set()
        for thread in self.threads:
            row, called = thread.place, self._at[thread.place + CALLED]
            span = thread.span
            if span is not None and self._now() < span.after(span.backedges + 1):
                found.add((span.unit.index, span.tier))
            elif thread.ended_at is None and thread.pending is None:
                if called < 0 or self._at[row + CLOCK] <= self._now():
                    called = thread.ids[self._at[row + PLACE]] if self._at[row + ROUNDS] else -1
                if called >= 0:
                    owner = self._units.cost[called * CALL + OWNER]
                    found.add((owner // UNIT, self._units.at[owner + TIER]))
        return found

    def block(self) -> None:
        """The program stands still from now on."""
        if self._blocked_since is None:
            self._blocked_since = self.instant
            for thread in self.threads:
                thread.event = None

    def unblock(self) -> None:
        """The program goes on where it stood still."""
        if self._blocked_since is None:
            return
        stood = self.instant - self._blocked_since
        since, self._blocked_since = self._blocked_since, None
        for thread in self.threads:
            if thread.ended_at is None:
                self._at[thread.place + BEGAN] += stood
                if thread.span is not None:
                    thread.span.began += stood
                if thread.stalled_until > since:
                    thread.stalled_until += stood
                self.stalled += stood
                self._set_clock(thread, self._at[thread.place + CLOCK] + stood)

    @property
    def blocked(self) -> bool:
        """Whether the program stands still."""
        return self._blocked_since is not None

    def ledger(self) -> tuple[int, int, list[int]]:
        """Picoseconds of all threads until now, stalled and run in each tier."""
        units = self._units
        tiers = list(units.tiers)
        for run in units.runs:
            tiers[units.at[run.place + TIER]] += units.at[run.place + SPENT]
        stalled, total = self.stalled, 0
        for thread in self.threads:
            total += self.instant if thread.ended_at is None else thread.ended_at
            ahead = self._at[thread.place + CLOCK] - self._now()
            if thread.ended_at is not None:
                continue
            stalled -= max(0, thread.stalled_until - self._now())
            if thread.span is not None:
                self._catch_up(thread.span, tiers)
            elif ahead > 0 and self._at[thread.place + CALLED] >= 0 and thread.pending is None:
                owner = units.cost[self._at[thread.place + CALLED] * CALL + OWNER]
                tiers[units.at[owner + TIER]] -= ahead
        if self._blocked_since is not None:
            stalled += (self.instant - self._blocked_since) * self.running
        return total, stalled, tiers

    def _notice(self, _: simpy.Event) -> None:
        self.instant = int(self._env._now)

    def _now(self) -> int:
        return self.instant if self._blocked_since is None else self._blocked_since

    def _attend(self, thread: Thread) -> None:
        at, row = self._at, thread.place
        if thread.pending is not None:
            pending, thread.pending = thread.pending, None
            at[row + WAITS] = thread.span is not None
            pending()
        elif thread.span is not None:
            self._attend_span(thread, thread.span)
        elif at[row + ROUNDS] == 0:
            self._refill(thread)
        else:
            self._enter(thread)

    def _enter(self, thread: Thread) -> None:
        units = self._units
        number = thread.ids[self._at[thread.place + PLACE]]
        place = units.cost[number * CALL + OWNER]
        unit = units.runs[place // UNIT]
        if units.at[place + COUNTS] + 1 >= units.at[place + ASK]:
            self._ports.ask((unit, "count", 1))
            return
        tier = units.at[place + TIER]
        if tier in unit.fresh:
            self._install(thread, unit, tier)
            return
        made = units.at[place + MADE]
        failed = [guard for guard, next_failure in unit.failing.items() if next_failure <= made]
        self._count_entry(thread, unit)
        if failed:
            for guard in failed:
                unit.failures[guard] = unit.failures.get(guard, 0) + 1
            units.watch(unit)
            version = unit.versions.get(tier)
            self._stall(thread, units.costs.deopt, lambda: self._fell(thread, unit, tier, number, failed, version))
        else:
            self._begin(thread, Span(unit, number, self._backedges(number), tier, self._cost(number), self.instant))

    def _count_entry(self, thread: Thread, unit: UnitRun) -> None:
        at, row, units = self._at, thread.place, self._units
        units.at[unit.place + MADE] += 1
        units.at[unit.place + COUNTS] += 1
        units.at[unit.place + LAST] = self.instant
        at[row + CALLED] = -1
        at[row + PLACE] += 1
        if at[row + PLACE] == at[row + LENGTH]:
            at[row + PLACE] = 0
            at[row + ROUNDS] -= 1

    def _fell(self, thread: Thread, unit: UnitRun, tier: int, number: int, failed: list[int], version: Any) -> None:
        self._wait(thread, lambda: self._run_plainly(thread, unit, number))
        self._ports.guard_failed(unit, tier, failed, version)

    def _run_plainly(self, thread: Thread, unit: UnitRun, number: int) -> None:
        tier = self._units.plain_tier(unit)
        if tier in unit.fresh:
            self._wait(thread, lambda: self._run_plainly(thread, unit, number))
            self._install(thread, unit, tier)
            return
        cost = self._units.call_cost(unit, number, tier)
        self._begin(thread, Span(unit, number, self._backedges(number), tier, cost, self.instant, plain=True))

    def _install(self, thread: Thread, unit: UnitRun, tier: int) -> None:
        unit.fresh.discard(tier)
        self._units.watch(unit)
        self._stall(thread, self._units.costs.install[tier], thread.pending)

    def _stall(self, thread: Thread, picoseconds: int, then: Callable[[], None] | None) -> None:
        self.stalled += picoseconds
        thread.stalled_until = self.instant + picoseconds
        self._at[thread.place + CALLED] = -1
        self._set_clock(thread, thread.stalled_until)
        if then is not None:
            self._wait(thread, then)

    def _wait(self, thread: Thread, then: Callable[[], None]) -> None:
        thread.pending = then
        self._at[thread.place + WAITS] = 1

    def _backedges(self, number: int) -> int:
        return int(self._units.cost[number * CALL + COUNT]) - 1

    def _cost(self, number: int) -> int:
        return int(self._units.cost[number * CALL + COST])

    def _begin(self, thread: Thread, span: Span) -> None:
        thread.span = span
        self._at[thread.place + WAITS] = 1
        if len(self.threads) > 1:
            span.unit.spans += 1
            self._units.watch(span.unit)
            self.surface(span.unit)
            self.replan(span.unit)
        else:
            self._plan(thread, span)

    def _take_back(self, thread: Thread, unit: UnitRun, number: int) -> None:
        """The call that runs was booked as a whole; from now on it is counted as it goes."""
        at, row, units = self._at, thread.place, self._units
        cost, backedges = at[row + CLOCK] - at[row + BEGAN], self._backedges(number)
        units.at[unit.place + COUNTS] -= backedges
        units.at[unit.place + SPENT] -= cost
        at[row + CALLED] = -1
        tier = units.at[unit.place + TIER]
        span = Span(unit, number, backedges, tier, cost, at[row + BEGAN])
        self._catch_up(span)
        self._begin(thread, span)

    def _catch_up(self, span: Span, sums: list[int] | None = None) -> None:
        """Count and book what has passed of a running call; into `sums` instead of the books where that is given."""
        elapsed = self._now() - span.began
        if elapsed < 0:
            return
        length = span.after(span.backedges + 1) - span.began
        if sums is not None:
            sums[span.tier] += min(elapsed, length) - span.booked
            return
        reached = span.backedges if elapsed >= length else span.passed(elapsed)
        more = min(elapsed, length) - span.booked
        span.booked += more
        self._units.tiers[span.tier] += more
        if span.tier == 0:
            span.unit.interpreted += more
        at, place = self._units.at, span.unit.place
        counted = min(reached - span.counted, at[place + ASK] - at[place + COUNTS])
        if counted > 0:
            at[place + COUNTS] += counted
            span.counted += counted

    def _attend_span(self, thread: Thread, span: Span) -> None:
        self.surface(span.unit)
        place = span.unit.place
        if self.instant >= span.after(span.backedges + 1):
            if self._units.at[place + COUNTS] >= self._units.at[place + ASK]:
                self._ports.ask((span.unit, "count", 0))
                return
            thread.span = None
            self._at[thread.place + WAITS] = 0
            if len(self.threads) > 1:
                span.unit.spans -= 1
                self._units.watch(span.unit)
                self.replan(span.unit)
        elif self._units.at[place + COUNTS] >= self._units.at[place + ASK]:
            self._ports.ask((span.unit, "count", 0))
        elif span.switch and span.counted >= span.switch:
            self._replace(thread, span)
        else:
            self.replan(span.unit)

    def _plan(self, thread: Thread, span: Span) -> None:
        """Set the clock to the next instant at which this call is to be looked at."""
        end = instant = span.after(span.backedges + 1)
        missing = self._units.at[span.unit.place + ASK] - self._units.at[span.unit.place + COUNTS]
        if span.unit.spans > 1:
            missing = -(-missing // span.unit.spans)
        if missing <= span.backedges - span.counted:
            instant = min(instant, span.after(span.counted + max(0, missing)))
        if not self._osr_able or self._replacement(span) == span.tier:
            span.switch = 0
        elif not span.switch and span.counted < span.backedges:
            span.switch = span.counted + 1
        if span.switch:
            instant = min(instant, span.after(span.switch))
        self._set_clock(thread, min(end, max(instant, self._now())))

    def _replacement(self, span: Span) -> int:
        """The tier in which this call could go on."""
        unit = span.unit
        tier = self._units.plain_tier(unit) if span.plain else unit.state.tier
        able = self._osr[tier] if tier > span.tier else self._osr[span.tier] and span.tier not in unit.state.installed
        return tier if able else span.tier

    def _replace(self, thread: Thread, span: Span) -> None:
        """On-stack replacement: the rest of the call goes on in other code."""
        units, tier = self._units, self._replacement(span)
        stall = units.costs.osr
        if tier in span.unit.fresh:
            span.unit.fresh.discard(tier)
            units.watch(span.unit)
            stall += units.costs.install[tier]
        self.osr_entries += 1
        self.stalled += stall
        thread.stalled_until = self.instant + stall
        span.tier, span.cost = tier, units.call_cost(span.unit, span.call, tier)
        span.first, span.booked, span.switch = span.counted, 0, 0
        span.began = self.instant + stall
        self._plan(thread, span)

    def _refill(self, thread: Thread) -> None:
        at, row = self._at, thread.place
        block = next(thread.blocks, None)
        if block is None or block.begins:
            thread.marks.append(self._ports.ticks(self.instant))
        if block is None:
            thread.ended_at = self.instant
            self.running -= 1
            self._set_clock(thread, NEVER)
            self._ports.thread_ended()
            return
        thread.ids = readable(block.ids, self._fast)
        at[row + PLACE], at[row + ROUNDS], at[row + LENGTH] = 0, block.times, len(block.ids)
        self._collect()

    def _collect(self) -> None:
        """The ids of all threads in one array, where there are several."""
        ids = np.asarray(self.threads[0].ids, np.int32)
        if len(self.threads) > 1:
            ids = np.concatenate([np.asarray(thread.ids, np.int32) for thread in self.threads])
            offset = 0
            for thread in self.threads:
                self._at[thread.place + OFFSET] = offset
                offset += len(thread.ids)
        units = self._units
        if self._fast:
            self._arrays: tuple[Any, ...] = (units.array, units.calls, ids, self._array, units.sums)
        else:
            self._arrays = (units.at, units.cost, ids.tolist(), self._at, units.sums.tolist())

    def _set_clock(self, thread: Thread, instant: int) -> None:
        self._at[thread.place + CLOCK] = instant
        if not self.jump:
            self._schedule(thread)

    def _schedule(self, thread: Thread) -> None:
        thread.event = None
        if self._blocked_since is None and thread.ended_at is None:
            clock = max(self._at[thread.place + CLOCK], int(self._env._now))
            thread.event = self._env.at(clock, self._cells[thread.index], CALLS + thread.index)

    def _cell(self, thread: Thread) -> Callable[[simpy.Event], None]:
        """What an entry of this thread does as an event of its own."""
        env, units, at, row = self._env, self._units.at, self._at, thread.place
        cost, priority = self._units.cost, CALLS + thread.index
        schedule: Any = env.schedule  # its annotations know two priorities
        callbacks: list[Any] = []

        def step(event: simpy.Event) -> None:
            if event is not thread.event:
                return
            self.instant = now = int(env._now)
            if not at[row + WAITS] and at[row + ROUNDS]:
                place = at[row + PLACE]
                number = thread.ids[place]
                call = number * CALL
                unit = cost[call]
                counts = units[unit + COUNTS] + cost[call + COUNT]
                if counts < units[unit + ASK] and units[unit + MADE] < units[unit + STOP]:
                    took = cost[call + COST]
                    units[unit + MADE] += 1
                    units[unit + COUNTS] = counts
                    units[unit + LAST] = now
                    units[unit + SPENT] += took
                    at[row + BEGAN], at[row + CALLED], at[row + CLOCK] = now, number, now + took
                    place += 1
                    if place == at[row + LENGTH]:
                        place = 0
                        at[row + ROUNDS] -= 1
                    at[row + PLACE] = place
                    event.callbacks = callbacks
                    schedule(event, priority, took)
                    return
            self._attend(thread)
            self._schedule(thread)

        callbacks.append(step)
        return step
