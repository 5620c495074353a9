"""Installed code: what is entered when a compile ends, what falls when a guard fails, what goes when memory is short.

The manager decides nothing here and neither does this module: it keeps what the manager says (which tiers of a unit
are installed) and what the units run (which version, at which cost) equal, and tells the manager what happened.

Lazy deoptimization: code that has inlined a unit was compiled on what was known of that unit. When a guard of that unit
fails and its code falls, or its code is replaced by another version, such code falls at the same instant; calls that
run in it run on. Code that a policy drops, or that makes room, takes nothing with it: what was known still holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from tiering.manager import TieringManager
from tiering.profile import Profile
from tiering.protocol import Bet, Compiled, CompileFailed, Deoptimized, Evicted
from tiering.sim.code_cache import CodeCache, Entry, Use
from tiering.sim.kernel import ASK, COUNTS, LAST, MADE, TIER
from tiering.sim.mutator import Mutator
from tiering.sim.polls import Answers, Poll
from tiering.sim.registers import estimate
from tiering.sim.threads import Question
from tiering.sim.units import UnitRun, Units
from tiering.sim.versions import WHOLE_UNIT, Version
from tiering.trace import RECORD

NO_ROOM = "the code cache has no room"


class Code:
    """The code of all units. `ask` asks about a unit; `polls` are rounds of questions that are still to be asked."""

    def __init__(
        self,
        units: Units,
        mutator: Mutator,
        manager: TieringManager,
        profile: Profile,
        now: Callable[[], float],
        ask: Callable[[Question], None],
        polls: deque[Poll],
    ) -> None:
        self.compiles = self.failures = self.deopts = self.lazy_deopts = self.evictions = 0
        self.bytes_made = 0
        self.failed_seconds = 0.0
        self.cache = CodeCache(profile.machine.code_capacity_bytes, profile.machine.eviction)
        self._units = units
        self._mutator = mutator
        self._manager = manager
        self._now = now
        self._ask = ask
        self._polls = polls
        self._keeps = profile.machine.guard_failure == "keep"
        self._inlined_in: dict[int, set[Entry]] = {}
        self._installed: dict[Entry, tuple[int, int]] = {}
        self._manager.code_capacity_bytes = self.cache.capacity
        described = units.costs.units
        self.shows = self.cache.capacity is not None or any(unit.speculations or unit.registers for unit in described)
        self._told: dict[int, tuple[tuple[str, float], ...]] = {}
        for unit in units.runs:
            self._describe(unit)

    def show(self, unit: UnitRun) -> None:
        """Bring up to date what the manager shows of this unit's bets and estimates."""
        if self.cache.capacity is not None:
            self._manager.code_used_bytes = self.cache.used
        described = self._units.costs.units[unit.index]
        if described.speculations:
            made = self._units.at[unit.place + MADE]
            unit.state.bets = tuple(
                Bet(
                    number,
                    bet.kind,
                    -1 - number if bet.site is None else bet.site,
                    bet.gain,
                    bet.guard_cost,
                    unit.failures.get(number, 0),
                    float(made) if bet.failures == RECORD else None,
                )
                for number, bet in enumerate(described.speculations)
            )
        if described.registers is not None:
            profiled = self._units.profiled_calls(unit)
            pressure = estimate(described.registers, profiled, self._units.seed, described.name)
            unit.state.features = (*self._told.get(unit.index, ()), ("register_pressure", pressure))

    def install(self, unit: UnitRun, made: Version, event: Compiled) -> None:
        """A compile ended well; its code is entered from now on, if there is room for it."""
        entry = Entry(unit.index, event.tier)
        size = (made.bytes or 0) - self.cache.sizes.get(entry, 0)
        if self.cache.fits(size):
            self._install(unit, made, event)
            return
        candidates = self._candidates(entry)
        if self.cache.eviction == "controller":
            self._polls.append(
                Poll("evict", sorted({other.unit for other in candidates}), partial(self._room, unit, made, event))
            )
            return
        for victim in self.cache.victims(size, {other: self._use(other) for other in candidates}):
            self.evict(victim)
        self._install_if_room(unit, made, event)

    def failed(self, unit: UnitRun, event: CompileFailed) -> None:
        """A compile ended without code."""
        self.failures += 1
        self.failed_seconds += event.took
        self._manager.failed(unit.state, event)
        self._ask((unit, "compiled", 0))

    def guard_failed(self, unit: UnitRun, tier: int, failed: list[int], made: Version | None) -> None:
        """The thread that ran into it has left the code. If that is still installed it falls, or is asked about."""
        self.deopts += 1
        bet = next((number for number in failed if number != WHOLE_UNIT), None)
        event = Deoptimized(self._now(), unit.state.name, tier, "guard", bet)
        current = made is not None and unit.versions.get(tier) is made
        keep = self._keeps or not current
        self._mutator.surface(unit)
        self._manager.deoptimized(unit.state, event, keep=keep)
        if not keep:
            self._units.count_anew(unit)
            self._invalidate_inlined(unit.index)
        if current:
            self._ask((unit, "deopt", 0))

    def discard(self, unit: UnitRun, tier: int) -> None:
        """The manager has dropped this tier of a unit."""
        if tier not in unit.versions:
            return
        self._mutator.surface(unit)
        entry = Entry(unit.index, tier)
        self._forget_inlined(entry, unit.versions.pop(tier))
        unit.fresh.discard(tier)
        self.cache.remove(entry)
        self._installed.pop(entry, None)
        self._enter(unit)

    def evict(self, entry: Entry) -> None:
        """Drop code to make room; its unit is asked about at its next call."""
        unit = self._units.runs[entry.unit]
        size = self.cache.sizes[entry]
        self.evictions += 1
        self._mutator.surface(unit)
        self._manager.evicted(unit.state, Evicted(self._now(), unit.state.name, entry.tier, size))
        self.discard(unit, entry.tier)
        if not unit.state.pinned:
            self._units.at[unit.place + ASK] = self._units.at[unit.place + COUNTS] + 1
            self._mutator.replan(unit)

    def _install_if_room(self, unit: UnitRun, made: Version, event: Compiled) -> None:
        entry = Entry(unit.index, event.tier)
        if self.cache.fits((made.bytes or 0) - self.cache.sizes.get(entry, 0)):
            self._install(unit, made, event)
        else:
            self.failed(unit, CompileFailed(event.now, event.unit, event.tier, NO_ROOM, event.took))

    def _install(self, unit: UnitRun, made: Version, event: Compiled) -> None:
        tier = event.tier
        entry = Entry(unit.index, tier)
        self._mutator.surface(unit)
        replaced = unit.versions.get(tier)
        if replaced is not None:
            self._forget_inlined(entry, replaced)
        unit.versions[tier] = made
        for callee in made.inlined:
            self._inlined_in.setdefault(callee, set()).add(entry)
        self.compiles += 1
        self.bytes_made += made.bytes or 0
        if made.bytes is not None:
            self.cache.add(entry, made.bytes)
        if self.cache.capacity is not None:
            self._installed[entry] = self._mutator.instant, self._units.at[unit.place + COUNTS]
        if self._units.costs.install[tier]:
            unit.fresh.add(tier)
        self._manager.compiled(unit.state, event)
        self._enter(unit)
        self._ask((unit, "compiled", 0))
        if replaced is not None and replaced is not made:
            self._invalidate_inlined(unit.index)

    def _enter(self, unit: UnitRun) -> None:
        before = self._units.at[unit.place + TIER]
        if unit.state.tier != before:
            unit.superseded_at[before] = self._mutator.instant
        self._units.enter_tier(unit, unit.state.tier)
        self._mutator.replan(unit)

    def _room(self, unit: UnitRun, made: Version, event: Compiled, answers: Answers) -> None:
        entry = Entry(unit.index, event.tier)
        offered = [(d.priority, index) for index, d in answers if d is not None and d.action in ("evict", "stay")]
        order = [index for _, index in sorted(offered, key=lambda offer: -offer[0])]
        mine = [other for index in order for other in self._candidates(entry) if other.unit == index]
        size = (made.bytes or 0) - self.cache.sizes.get(entry, 0)
        for victim in self.cache.enough(size, mine):
            self.evict(victim)
        self._install_if_room(unit, made, event)

    def _candidates(self, new: Entry) -> list[Entry]:
        running = self._mutator.running_code()
        return [entry for entry in self.cache.sizes if entry != new and entry not in running]

    def _use(self, entry: Entry) -> Use:
        unit = self._units.runs[entry.unit]
        at = self._units.at
        began, counts = self._installed[entry]
        if at[unit.place + TIER] != entry.tier:
            return Use(unit.superseded_at.get(entry.tier, began), 0.0)
        passed = max(1, self._mutator.instant - began)
        return Use(max(began, at[unit.place + LAST]), (at[unit.place + COUNTS] - counts) / passed)

    def _invalidate_inlined(self, callee: int) -> None:
        for entry in sorted(self._inlined_in.get(callee, ())):
            unit = self._units.runs[entry.unit]
            self.lazy_deopts += 1
            self.deopts += 1
            self._mutator.surface(unit)
            event = Deoptimized(self._now(), unit.state.name, entry.tier, "dependency")
            self._manager.deoptimized(unit.state, event)
            self._units.count_anew(unit)
            self._ask((unit, "deopt", 0))

    def _forget_inlined(self, entry: Entry, made: Version) -> None:
        for callee in made.inlined:
            self._inlined_in[callee].discard(entry)

    def _describe(self, unit: UnitRun) -> None:
        described = self._units.costs.units[unit.index]
        told: dict[str, Any] = dict(described.features)
        if described.sites:
            sizes = [self._units.costs.units[self._units.costs.index[site.callee]].size for site in described.sites]
            calls = sum(site.calls for site in described.sites)
            told["inlinable_size"] = float(sum(sizes))
            told["inlinable_calls"] = calls
            if calls:
                stable = sum(site.calls * site.stability for site in described.sites)
                told["call_graph_stability"] = stable / calls
        if told:
            self._told[unit.index] = unit.state.features = tuple(told.items())
