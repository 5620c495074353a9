"""Exact optima of tiny instances, by branch and bound over every order of every choice of compiles.

Compile scheduling with two or more tiers is strongly NP-complete (Ding et al., ASPLOS 2014), so this is for programs of
a few units. A schedule is an order of some compiles; each begins on the first thread of its pool that is free, in this
order, from `ready_seconds` on. Two optima are meant by "the best":

- `waiting`: a call may wait for a version that is not ready yet. The end then never gets later when a version gets
  ready earlier, so starting compiles as early as possible loses nothing, and this optimum is a lower bound for every
  policy without on-stack replacement, on any machine (`lb_exact`).
- without waiting, each call takes the fastest version that is ready at its entry: the optimum of the literature. It is
  **no bound**: arriving later can catch a faster version, so a policy that holds a compile back can end before it.
  (Some gaps are among these schedules all the same, since a useless compile fills one.)

Compiles begin before the first calls of their units here, which no policy of the simulator can do; that is the
literature's setting, and it makes the first optimum lower still, so a bound all the same.

The bound at a branch gives each compile that is not yet placed a thread of its own from the instant at which one can be
free, and lets the calls wait for it; without waiting, calls that begin before any such compile can have ended are
certain. With waiting, a compile is skipped that ends after one of its unit that serves all calls as well, and of two
partial schedules of the same compiles the one that is ready later at everything is dropped.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from tiering.bounds import features
from tiering.bounds.least import NEVER, Least
from tiering.errors import InputError
from tiering.profile import Profile
from tiering.sim.costs import PICO
from tiering.trace import Program

MOST_COMPILES = 12
"""Units times compiled tiers, in `exact`: 6 units of two levels take seconds."""

MOST_IN_BOUND = 8
"""The same in `lb_exact`, which is asked along with the other bounds and must take milliseconds."""

MOST_CALLS = 2000

Compile: TypeAlias = tuple[int, int]
"""Index of the unit, and the tier."""

Order: TypeAlias = tuple[Compile, ...]


class Optimum(NamedTuple):
    """The best schedule: whole picoseconds to the end of the last call, seconds, and compiles in their order."""

    picoseconds: int
    seconds: float
    order: Order


def exact(program: Program, profile: Profile, seed: int = 0, *, waiting: bool = True) -> Optimum:
    """The best of all schedules; see the module for what `waiting` means.

    Raises InputError for an instance of more than `MOST_COMPILES` compiles or `MOST_CALLS` calls and, with the
    feature, for a machine on which this is no optimum.
    """
    least = Least(program, profile, seed)
    asks = [features.replaces_loops] if waiting else [features.replaces_loops, features.stalls, plain]
    for reason in (ask(least) for ask in asks):
        if reason:
            raise InputError(f"exact: {reason}")
    broken = too_large(least, MOST_COMPILES)
    if broken:
        raise InputError(f"exact: {broken}")
    found = _Search(least, waiting=waiting).best()
    return Optimum(found[0], found[0] / PICO, found[1])


def lb_exact(least: Least) -> int:
    """Picoseconds of the best schedule whose calls may wait."""
    return _Search(least, waiting=True).best()[0]


def too_large(least: Least, most: int = MOST_IN_BOUND) -> str | None:
    """Whether there are too many schedules to try."""
    calls = least.program.total()
    if calls > MOST_CALLS:
        return f"{calls} calls are too many (up to {MOST_CALLS}): take lb1 or lb_queue"
    compiles = len(_compiles(least))
    if compiles > most:
        return f"{compiles} compiles can be ordered in too many ways (up to {most}): take lb1 or lb_queue"
    return None


def plain(least: Least) -> str | None:
    """Calls must cost what their tiers say: no guards that fail, no plans, no code that has to go."""
    profile = least.profile
    if any(least.costs.speculative):
        return "a tier speculates, and what its calls cost depends on guards: take lb1"
    if any(unit.sites for unit in least.costs.units) and profile.codegen.call_seconds:
        return "units can be inlined, and what their calls cost depends on plans: take lb1"
    if profile.codegen.light_compile < 1.0:
        return "light register allocation compiles faster (light_compile), and costs depend on plans: take lb1"
    if profile.machine.code_capacity_bytes is not None:
        return "code can be evicted (code_capacity_bytes): take lb1 or lb_cache"
    return None


REASONS = (features.replaces_loops, too_large)


def _compiles(least: Least) -> list[Compile]:
    """The compiles that can serve a call better than the interpreter does, or at all."""
    called = {least.owner[call] for call, n in enumerate(least.all_counts()) if n}
    return [
        (unit, tier)
        for unit in sorted(called)
        for tier, compile in enumerate(least.compiles[unit])
        if tier and compile < NEVER
    ]


class _Search:
    def __init__(self, least: Least, *, waiting: bool) -> None:
        self._least = least
        self._waiting = waiting
        compiles = _compiles(least)
        if waiting:
            compiles = [(unit, tier) for unit, tier in compiles if self._serves(unit, tier, 0)]
        self._compiles = compiles
        self._length = {(unit, tier): least.compiles[unit][tier] for unit, tier in compiles}
        names = [tier.name for tier in least.profile.tiers]
        pools = least.profile.pools()
        self._pool = {
            tier: number
            for tier in range(1, least.tiers)
            for number, pool in enumerate(pools)
            if not pool.tiers or names[tier] in pool.tiers
        }
        self._free = tuple((least.ready,) * pool.threads for pool in pools)
        self._threads = [_listed(least, thread) for thread in range(least.threads)]
        self._better = {
            (unit, tier): [other for owner, other in compiles if owner == unit and not self._serves(unit, tier, other)]
            for unit, tier in compiles
        }
        self._seen: dict[frozenset[Compile], list[tuple[int, ...]]] = {}
        self._best: tuple[int, Order] = (1 << 200, ())

    def best(self) -> tuple[int, Order]:
        """Picoseconds and order of the best schedule."""
        self._visit((), {}, self._free)
        return self._best

    def _serves(self, unit: int, tier: int, other: int) -> bool:
        """Whether a tier makes any call of a unit faster than another does."""
        calls = (self._least.calls[call] for call in self._least.called[unit])
        return any(costs[tier] < costs[other] for costs in calls)

    def _visit(self, order: Order, ready: dict[Compile, int], free: tuple[tuple[int, ...], ...]) -> None:
        now = self._end(ready, 0 if self._waiting else NEVER)
        if now < self._best[0]:
            self._best = (now, order)
        branches = []
        for compile in self._compiles:
            branch = None if compile in ready else self._placed(compile, ready, free)
            if branch is not None:
                branches.append((*branch, (*order, compile)))
        bounds = sorted((self._bound(branch[0], branch[1]), number) for number, branch in enumerate(branches))
        for bound, number in bounds:
            if bound >= self._best[0]:
                return
            after, there, longer = branches[number]
            self._visit(longer, after, there)

    def _placed(
        self, compile: Compile, ready: dict[Compile, int], free: tuple[tuple[int, ...], ...]
    ) -> tuple[dict[Compile, int], tuple[tuple[int, ...], ...]] | None:
        unit, tier = compile
        pool = self._pool[tier]
        first, *others = free[pool]
        at = first + self._length[compile]
        after = {**ready, compile: at}
        there = (*free[:pool], tuple(sorted((*others, at))), *free[pool + 1 :])
        if self._waiting:
            if any(ready.get((unit, other), NEVER) <= at for other in self._better[compile] if other != tier):
                return None
            if self._is_dominated(after, there):
                return None
        return after, there

    def _is_dominated(self, ready: dict[Compile, int], free: tuple[tuple[int, ...], ...]) -> bool:
        state = (*(ready[compile] for compile in sorted(ready)), *(at for pool in free for at in pool))
        seen = self._seen.setdefault(frozenset(ready), [])
        if any(all(other <= own for other, own in zip(found, state, strict=True)) for found in seen):
            return True
        seen.append(state)
        return False

    def _bound(self, ready: dict[Compile, int], free: tuple[tuple[int, ...], ...]) -> int:
        """No schedule that begins so ends earlier."""
        hoped = dict(ready)
        certain = NEVER
        for compile in self._compiles:
            if compile not in ready:
                hoped[compile] = free[self._pool[compile[1]]][0] + self._length[compile]
                certain = min(certain, hoped[compile])
        return self._end(hoped, 0 if self._waiting else certain)

    def _end(self, ready: dict[Compile, int], wait_from: int) -> int:
        """Picoseconds to the end of the last call, if calls from `wait_from` on may wait for what is not ready."""
        versions: dict[int, list[tuple[int, int]]] = {}
        for (unit, tier), at in ready.items():
            versions.setdefault(unit, []).append((tier, at))
        return max((self._thread_end(calls, versions, wait_from) for calls in self._threads), default=0)

    def _thread_end(self, calls: list[int], versions: dict[int, list[tuple[int, int]]], wait_from: int) -> int:
        clock = 0
        for call in calls:
            costs = self._least.calls[call]
            end = clock + costs[0]
            for tier, at in versions.get(self._least.owner[call], ()):
                if at <= clock:
                    end = min(end, clock + costs[tier])
                elif clock >= wait_from:
                    end = min(end, at + costs[tier])
            clock = end
        return clock


def _listed(least: Least, thread: int) -> list[int]:
    return [call for block in least.blocks(thread) for _ in range(block.times) for call in block.ids.tolist()]
