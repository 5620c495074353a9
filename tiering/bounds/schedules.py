"""Schedules that know the future: what can be reached, beside the bounds that say what cannot be beaten.

A schedule is an order of compiles. `evaluate` runs a program under it: each pool of compiler threads takes the first
compile in this order that may begin, each call takes the fastest version that is ready at its entry, and nobody waits.
With `at_first_call` (the default) a compile may begin when its unit is first called, as in the simulator, so a policy
could have done it; without, from `ready_seconds` on, as in the literature. The time is exact for machines on which
nothing but calls takes the program's time; others are refused.

**Smith order.** The queue is ranked by saving per compile second (W. Smith, 1956: optimal for one machine and weighted
completion times). Which tiers of a unit are compiled is not settled by that, so two choices are tried and the better
is taken: the tier that saves most over all calls after its own compile time, or first the tier that saves most per
compile second and that one after it, ranked by what it adds.

**IAR** (Init, Append, Replace; Y. Ding et al., ASPLOS 2014), for machines with an interpreter. There every function
has to be compiled before it runs, so *init* holds all functions at their lowest level, in the order of their first
calls. Here a unit can run without: init holds those units whose lowest useful tier saves more than its compile takes.
*Append* adds at the end, by saving per compile second, the tiers that are worth their compile on top of that.
*Replace* puts an appended tier in the place of its unit's first compile, and so leaves out the cheap version, wherever
the whole program ends sooner; beyond `MOST_REPLACEMENTS` units only those with the largest savings are tried.

Neither is an optimum, and neither is a bound: `exact` finds better ones for tiny programs.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from tiering.bounds import features, search
from tiering.bounds.least import NEVER, Least
from tiering.bounds.search import Compile, Order
from tiering.errors import InputError
from tiering.profile import Profile
from tiering.sim.costs import PICO
from tiering.trace import Program

MOST_DRAWN = 2_000_000
"""Drawn calls of a program that is evaluated; they are gone through one by one."""

MOST_REPLACEMENTS = 64

_LATER = 1 << 200


class Schedule(NamedTuple):
    """A schedule and what it comes to: whole picoseconds to the end of the last call, seconds, compiles in order."""

    picoseconds: int
    seconds: float
    order: Order


def evaluate(
    program: Program, profile: Profile, order: Sequence[Compile], seed: int = 0, *, at_first_call: bool = True
) -> Schedule:
    """Run a program under an order of compiles, (index of the unit, tier).

    Raises InputError for an order that names a compile twice or one that does not exist and, with the feature, for a
    program or machine on which the time would not be exact; see `refusal`.
    """
    least = _checked(program, profile, seed)
    units, tiers = len(program.units), len(profile.tiers)
    for unit, tier in order:
        if not (0 <= unit < units and 1 <= tier < tiers):
            raise InputError(f"order names ({unit}, {tier}): there are units 0..{units - 1} and tiers 1..{tiers - 1}")
    if len(set(order)) < len(order):
        raise InputError("order names a compile twice: each unit and tier is compiled once")
    return _schedule(least, order, at_first_call)


def smith_order(program: Program, profile: Profile, seed: int = 0, *, at_first_call: bool = True) -> Schedule:
    """The better of two choices of tiers, by saving per compile second. Raises InputError as `evaluate` does."""
    least = _checked(program, profile, seed)
    savings = _savings(least)
    found = []
    for pick in (_most, _densest_then_most):
        ranked = [_ranked(least, unit, of, pick(least, unit, of)) for unit, of in enumerate(savings)]
        order = [job for _, job in sorted(chain.from_iterable(ranked))]
        found.append(_schedule(least, order, at_first_call))
    return min(found, key=_end)


def iar(program: Program, profile: Profile, seed: int = 0, *, at_first_call: bool = True) -> Schedule:
    """Init, append, replace. Raises InputError as `evaluate` does."""
    least = _checked(program, profile, seed)
    savings = _savings(least)
    first: dict[int, int] = {}
    added: list[tuple[float, int, int]] = []
    for unit in _by_first_call(least):
        paying = [tier for tier, saved in enumerate(savings[unit]) if saved > least.compiles[unit][tier]]
        if paying:
            low = first[unit] = min(paying, key=lambda tier: (least.compiles[unit][tier], -savings[unit][tier]))
            more = {tier: savings[unit][tier] - savings[unit][low] - least.compiles[unit][tier] for tier in paying}
            high = max(more, key=lambda tier: (more[tier], -tier))
            if more[high] > 0:
                added.append((-more[high] / (least.compiles[unit][high] or 1), unit, high))
    appended = [(unit, tier) for _, unit, tier in sorted(added)]
    best = _schedule(least, _order(first, appended), at_first_call)
    for unit, tier in appended[:MOST_REPLACEMENTS]:
        rest = [job for job in appended if job != (unit, tier)]
        tried = _schedule(least, _order({**first, unit: tier}, rest), at_first_call)
        if tried.picoseconds <= best.picoseconds:
            best, appended, first = tried, rest, {**first, unit: tier}
    return best


SCHEDULES: dict[str, Callable[..., Schedule]] = {"smith": smith_order, "iar": iar}
"""The constructions by name."""


def refusal(program: Program, profile: Profile, seed: int = 0) -> str | None:
    """None, or the feature of the program or the machine for which schedules are not evaluated."""
    return _refusal(Least(program, profile, seed))


def _refusal(least: Least) -> str | None:
    asks = (features.several_threads, features.replaces_loops, features.stalls, search.plain)
    if least.drawn > MOST_DRAWN:
        return f"{least.drawn} drawn calls are too many (up to {MOST_DRAWN})"
    return next((reason for ask in asks if (reason := ask(least))), None)


def _checked(program: Program, profile: Profile, seed: int) -> Least:
    least = Least(program, profile, seed)
    reason = _refusal(least)
    if reason:
        raise InputError(f"no schedule for {program.name!r}: {reason}")
    return least


def _end(schedule: Schedule) -> int:
    return schedule.picoseconds


def _order(first: dict[int, int], appended: Iterable[Compile]) -> Order:
    return (*first.items(), *appended)


def _savings(least: Least) -> list[list[int]]:
    """Per unit and tier, picoseconds that all calls together save against the interpreter; 0 for no such version."""
    counts = least.all_counts()
    savings = []
    for unit, calls in enumerate(least.called):
        of = [0] * least.tiers
        for tier in range(1, least.tiers):
            if least.compiles[unit][tier] < NEVER:
                of[tier] = sum(counts[call] * (least.calls[call][0] - least.calls[call][tier]) for call in calls)
        savings.append(of)
    return savings


def _most(least: Least, unit: int, savings: list[int]) -> list[int]:
    worth = [saved - compile for saved, compile in zip(savings, least.compiles[unit], strict=True)]
    tier = max(range(least.tiers), key=lambda tier: (worth[tier], -tier))
    return [tier] if tier and worth[tier] > 0 else []


def _densest_then_most(least: Least, unit: int, savings: list[int]) -> list[int]:
    most = _most(least, unit, savings)
    if not most:
        return []
    tiers = [tier for tier in range(1, least.tiers) if savings[tier] > 0]
    densest = max(tiers, key=lambda tier: savings[tier] / (least.compiles[unit][tier] or 1))
    return most if savings[densest] >= savings[most[0]] else [densest, *most]


def _ranked(least: Least, unit: int, savings: list[int], tiers: list[int]) -> list[tuple[float, Compile]]:
    ranked = []
    below = 0
    for tier in tiers:
        saved, compile = savings[tier] - below, least.compiles[unit][tier]
        ranked.append((-saved / compile if compile else -math.inf, (unit, tier)))
        below = savings[tier]
    return ranked


def _by_first_call(least: Least) -> list[int]:
    seen: dict[int, None] = {}
    for block in least.blocks(0):
        for call in block.ids.tolist():
            seen.setdefault(least.owner[call])
    return list(seen)


def _schedule(least: Least, order: Sequence[Compile], at_first_call: bool) -> Schedule:
    end = _Run(least, order, at_first_call).end()
    return Schedule(end, end / PICO, tuple(order))


class _Run:
    """One program under one order. `waiting` holds per pool the compiles that may begin, by rank; `changes` the ends of
    those that run, and the instant at which the threads are ready (unit -1)."""

    def __init__(self, least: Least, order: Sequence[Compile], at_first_call: bool) -> None:
        self._least = least
        pools = least.profile.pools()
        names = [tier.name for tier in least.profile.tiers]
        self._pool = [
            next((n for n, pool in enumerate(pools) if not pool.tiers or name in pool.tiers), 0) for name in names
        ]
        self._free = [[least.ready] * pool.threads for pool in pools]
        self._waiting: list[list[tuple[int, Compile]]] = [[] for _ in pools]
        self._unasked: dict[int, list[tuple[int, Compile]]] = {}
        for rank, job in enumerate(order):
            self._unasked.setdefault(job[0], []).append((rank, job))
        self._changes = [(least.ready, -1, 0)]
        self._changed = 0
        self._cost = [costs[0] for costs in least.calls]
        if not at_first_call:
            for unit in list(self._unasked):
                self._ask(unit)

    def end(self) -> int:
        """Picoseconds to the end of the last call."""
        clock = 0
        for block in self._least.blocks(0):
            ids, left = block.ids.tolist(), block.times
            while left:
                began, before = clock, (len(self._unasked), self._changed)
                clock = self._each(clock, ids)
                left -= 1
                took = clock - began
                until = self._changes[0][0] if self._changes else _LATER
                if left and clock <= until and before == (len(self._unasked), self._changed):
                    same = left if took == 0 else min(left, (until - clock) // took)
                    clock += same * took
                    left -= same
        return clock

    def _each(self, clock: int, ids: list[int]) -> int:
        owner, cost, changes, unasked = self._least.owner, self._cost, self._changes, self._unasked
        for call in ids:
            if changes and changes[0][0] <= clock:
                self._advance(clock)
            if unasked and owner[call] in unasked:
                self._ask(owner[call])
                self._begin(clock)
                self._advance(clock)
            clock += cost[call]
        return clock

    def _ask(self, unit: int) -> None:
        for rank, job in self._unasked.pop(unit):
            heapq.heappush(self._waiting[self._pool[job[1]]], (rank, job))

    def _advance(self, clock: int) -> None:
        """Until `clock`, compiles end, their versions are there, and others begin."""
        while self._changes and self._changes[0][0] <= clock:
            at, unit, tier = heapq.heappop(self._changes)
            self._changed += 1
            for call in self._least.called[unit] if unit >= 0 else ():
                self._cost[call] = min(self._cost[call], self._least.calls[call][tier])
            self._begin(at)

    def _begin(self, at: int) -> None:
        for free, waiting in zip(self._free, self._waiting, strict=True):
            while waiting and free[0] <= at:
                unit, tier = heapq.heappop(waiting)[1]
                end = at + self._least.costs.code[unit][tier].compile
                heapq.heapreplace(free, end)
                heapq.heappush(self._changes, (end, unit, tier))
