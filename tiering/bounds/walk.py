"""LB0 and the family of LB1: what is left when compiler threads cost nothing and never run out.

**LB1, the waiting bound.** Give every unit and tier a compiler thread of its own, begin all compiles when the first
thread is ready, and let the program wait at a call for a version that is not there yet, if that pays. With r_j the time
at which tier j of the unit is ready and e_j the call's time in it:

    t <- min over j of max(t, r_j) + e_j        (r_0 = 0)

Why it is a bound: this step never gets smaller when t gets larger. In any real run a call that begins at s, and by
induction s >= t, needs a version that exists: it ends at max(s, r_j) + e_j at the earliest, for some j. So it holds
whatever only adds time or takes code away: few compiler threads, few cores, compiles that fail or stop the program,
stalls, failing guards, evicted code. Of several threads each has its own clock; the program ends with the last.

Why the waiting must be in it: "each call takes the best version that is ready when it starts" looks like a bound and
is none. Arriving earlier can catch a slower version: X costs 2 interpreted and 1.9 compiled, ready at once; A costs 10
and 1, ready at 2. The greedy pass over the calls X, A gives 11.9; leaving X interpreted gives 3.0, and so does LB1.

**LB1-OSR.** Where running loops can be replaced, a call need not wait and need not end in the version that it began
in: its work advances at the rate 1/e of the best version that is ready. The work left is rounded down at each
replacement. Never more than LB1, and a bound on every machine.

**Asked.** A compile can be asked for at its unit's first call and not before. If t is no later than that call really
begins, no compile of the unit really begins before max(t, ready). With several threads, t is the least over the
threads of their own LB1 clocks at their first calls of the unit.

**LB0**, every call at its best speed from the start, is far below anything reachable on short programs.

All is integer arithmetic on the simulator's own picoseconds. What a call costs changes only at a few instants, so
rounds of a pattern between two of them are added by one product; and once every version is ready, counting is enough.
Drawn calls before that go through one loop that both CPython and Numba can run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tiering.bounds.least import NEVER, Least
from tiering.sim.kernel import jit
from tiering.sim.source import Ids

COMPILED_FROM = 200_000
"""Drawn calls from which on the compiled loop pays: importing Numba takes as long as this many calls."""

UNSEEN = -1


def lb0(least: Least) -> int:
    """Picoseconds of the longest thread with every call in its fastest version from the start (Ding et al. 2014)."""
    return max(
        (sum(n * cost for n, cost in zip(least.counts(t).tolist(), least.best, strict=True)) for t in _threads(least)),
        default=0,
    )


def lb1(least: Least) -> int:
    """The waiting bound in picoseconds, compiles beginning when compiler threads are ready."""
    return _from_start(least, osr=False)


def lb1_osr(least: Least) -> int:
    """The bound for machines that replace running loops, compiles beginning when compiler threads are ready."""
    return _from_start(least, osr=True)


def lb1_asked(least: Least) -> int:
    """The waiting bound, no compile beginning before its unit's first call."""
    return asked(least, osr=False)[0]


def lb1_osr_asked(least: Least) -> int:
    """The bound for machines that replace running loops, no compile beginning before its unit's first call."""
    return asked(least, osr=True)[0]


def asked(least: Least, *, osr: bool) -> tuple[int, list[int]]:
    """The bound whose compiles wait for first calls, and per unit an instant before which no compile of it begins.

    Units that are never called have the instant `UNSEEN`.
    """
    units = len(least.compiles)
    if least.threads == 1:
        walk = Walk(least, 0, [UNSEEN] * units, osr=osr)
        return walk.run(), walk.begun
    first = [NEVER] * units
    for thread in _threads(least):
        walk = Walk(least, thread, [least.ready] * units, osr=osr, see_all=True)
        walk.run()
        first = [t if s == UNSEEN else min(t, s) for t, s in zip(first, walk.seen, strict=True)]
    begun = [UNSEEN if t == NEVER else max(t, least.ready) for t in first]
    return max(Walk(least, thread, begun, osr=osr).run() for thread in _threads(least)), begun


def _from_start(least: Least, *, osr: bool) -> int:
    begun = [least.ready] * len(least.compiles)
    return max((Walk(least, thread, begun, osr=osr).run() for thread in _threads(least)), default=0)


def _threads(least: Least) -> range:
    return range(least.threads)


class Walk:
    """One thread's way through its calls. `begun` holds per unit when its compiles begin (`UNSEEN`: at its first
    call), `seen` when the thread first calls it; with `see_all` nothing is skipped before every unit was called."""

    def __init__(self, least: Least, thread: int, begun: list[int], *, osr: bool, see_all: bool = False) -> None:
        self._least = least
        self._thread = thread
        self._osr = osr
        self._see_all = see_all
        self.begun = list(begun)
        self.seen = [UNSEEN] * len(begun)
        self._made = np.zeros(len(least.owner), np.int64)
        longest = [max((c for c in costs if c < NEVER), default=0) for costs in least.compiles]
        self._longest = max(longest, default=0)
        self._cost = [cost for costs in least.calls for cost in costs]
        self._compile = [
            -NEVER if tier == 0 else compile
            for unit in least.owner
            for tier, compile in enumerate(least.compiles[unit])
        ]
        counts: list[int] = least.counts(thread).tolist()
        self._used = sorted({least.owner[call] for call, n in enumerate(counts) if n})
        longest_end = sum(n * costs[0] for n, costs in zip(counts, least.calls, strict=True))
        self._compiled = least.drawn > COMPILED_FROM and longest_end < NEVER

    def run(self) -> int:
        """Picoseconds from the start to the end of the last call."""
        clock = 0
        for block in self._least.blocks(self._thread):
            if len(block.ids) * block.times > len(self._used) and self._settled(clock):
                left: list[int] = (self._least.counts(self._thread) - self._made).tolist()
                return clock + sum(n * best for n, best in zip(left, self._least.best, strict=True))
            self._made += np.bincount(block.ids, minlength=len(self._made)) * block.times
            clock = self._drawn(clock, block.ids) if block.times == 1 else self._rounds(clock, block.ids, block.times)
        return clock

    def _settled(self, clock: int) -> bool:
        if self._see_all and any(self.seen[unit] == UNSEEN for unit in self._used):
            return False
        return all(self.begun[unit] != UNSEEN and self.begun[unit] + self._longest <= clock for unit in self._used)

    def _rounds(self, clock: int, ids: Ids, times: int) -> int:
        listed = ids.tolist()
        numbers = sorted(set(listed))
        left = times
        while left:
            known = all(self.begun[self._least.owner[number]] != UNSEEN for number in numbers)
            until = min(self._changes_at(clock, number) for number in numbers) if known else -1
            began = clock
            clock = self._each(clock, listed)
            left -= 1
            took = clock - began
            if clock <= until and left:
                same = left if took == 0 else min(left, (until - clock) // took)
                clock += same * took
                left -= same
        return clock

    def _versions(self, number: int) -> list[tuple[int, int]]:
        begun = self.begun[self._least.owner[number]]
        first, last = number * self._least.tiers, (number + 1) * self._least.tiers
        return [(begun + self._compile[place], self._cost[place]) for place in range(first, last)]

    def _changes_at(self, clock: int, number: int) -> int:
        """Calls that begin from `clock` until before this instant (with OSR: that end by it) all take equally long."""
        versions = self._versions(number)
        best = min(cost for ready, cost in versions if ready <= clock)
        better = [(ready, cost) for ready, cost in versions if ready > clock and cost < best]
        return min((ready if self._osr else ready + cost - best for ready, cost in better), default=1 << 200)

    def _each(self, clock: int, ids: list[int]) -> int:
        place = 0
        while place < len(ids):
            place, clock = self._advance(steps, place, clock, ids, self._compile, self._cost)
        return clock

    def _drawn(self, clock: int, ids: Ids) -> int:
        if not self._compiled:
            return self._each(clock, ids.tolist())
        tables = [np.array(table, np.int64) for table in (self._compile, self._cost)]
        place = 0
        while place < len(ids):
            place, clock = self._advance(compiled(), place, clock, ids, *tables)
        return clock

    def _advance(
        self, loop: Callable[..., Any], place: int, clock: int, ids: Any, compile: Any, cost: Any
    ) -> tuple[int, int]:
        begun: Any = self.begun
        seen: Any = self.seen
        owner: Any = self._least.owner
        if loop is not steps:
            begun, seen, owner = (np.array(values, np.int64) for values in (begun, seen, owner))
        place, clock = loop(
            ids, place, clock, owner, compile, cost, begun, seen, self._least.ready, self._least.tiers, self._osr
        )
        if loop is not steps:
            self.begun, self.seen, clock, place = begun.tolist(), seen.tolist(), int(clock), int(place)
        if place < len(ids):
            clock = replaced_midway(clock, self._versions(int(ids[place])))
            place += 1
        return place, clock


def replaced_midway(clock: int, versions: list[tuple[int, int]]) -> int:
    """When a call ends that begins at `clock` and moves to each better version of `versions`, (ready, cost), as it
    gets ready. The work left is rounded down, so it ends no later than with exact division."""
    left = cost = min(cost for ready, cost in versions if ready <= clock)
    for ready, better in sorted(versions):
        if clock < ready < clock + left and better < cost:
            left = (left - (ready - clock)) * better // cost
            clock, cost = ready, better
    return clock + left


def steps(
    ids: Any,
    place: int,
    clock: int,
    owner: Any,
    compile: Any,
    cost: Any,
    begun: Any,
    seen: Any,
    ready: int,
    tiers: int,
    osr: bool,
) -> tuple[int, int]:
    """Step over the calls `ids` from `place` on; the place reached and the clock there.

    `compile` and `cost` hold `tiers` integers per call id. With `osr` it stops before a call in which versions change.
    """
    while place < len(ids):
        call = ids[place]
        unit = owner[call]
        if seen[unit] == UNSEEN:
            seen[unit] = clock
        if begun[unit] == UNSEEN:
            begun[unit] = max(clock, ready)
        first = call * tiers
        best = clock + cost[first]
        for version in range(first + 1, first + tiers):
            at = begun[unit] + compile[version]
            if not osr or at <= clock:
                best = min(best, max(clock, at) + cost[version])
        if osr:
            for version in range(first + 1, first + tiers):
                at = begun[unit] + compile[version]
                if clock < at and at < best and cost[version] < best - clock:
                    return place, clock
        clock = best
        place += 1
    return place, clock


@cache
def compiled() -> Callable[..., Any]:
    """`steps`, compiled by Numba."""
    jitted: Callable[..., Any] = jit(steps)
    return jitted
