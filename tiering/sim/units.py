"""Units and their calls as flat integers for the loop over the calls, with Python's side of each unit beside them.

The arrays are the truth about counts and time; `UnitState`, which the manager shows to controllers, is brought up to
date when a question is opened. Counters that a policy sees start from a base, so that a reset or a decay moves the
base and the loop over the calls never knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tiering.counters import UnitState
from tiering.sim.costs import PICO, Costs
from tiering.sim.draws import Process
from tiering.sim.kernel import ASK, CALL, COST, COUNT, COUNTS, MADE, NEVER, OWNER, SPENT, STOP, TIER, UNIT
from tiering.sim.versions import WHOLE_UNIT, Version, call_picoseconds, guard
from tiering.trace import Program


@dataclass(slots=True)
class UnitRun:
    """One unit as the program runs it.

    `place` is where its integers begin, `ids` are its call ids. `versions` are installed, by tier; `fresh` holds the
    tiers whose code no call has entered yet. `failing` maps the guards of the present code to the next call that each
    fails, `failures` counts what failed. `interpreted` is in picoseconds, since the last reset.
    """

    state: UnitState
    index: int
    place: int
    ids: list[int]
    versions: dict[int, Version] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    guards: dict[int, Process] = field(default_factory=dict)
    failing: dict[int, int] = field(default_factory=dict)
    failures: dict[int, int] = field(default_factory=dict)
    invocations_base: int = 0
    counts_base: int = 0
    interpreted: int = 0
    wake_serial: int = 0
    superseded_at: dict[int, int] = field(default_factory=dict)
    profiled: int = 0
    spans: int = 0
    entered_at: int = 0


def readable(array: Any, fast: bool) -> Any:
    """An array's numbers for CPython: a view where the compiled loop writes into the array, else a list."""
    return memoryview(array) if fast else array.tolist()


class Units:
    """All units of a program. `tiers` sums up the picoseconds run in each tier.

    `fast`: the loop over the calls is compiled and needs arrays, into which `at` and `cost` are views. CPython reads
    lists in half the time.
    """

    def __init__(self, program: Program, costs: Costs, seed: int, *, fast: bool) -> None:
        self.costs = costs
        self.seed = seed
        self.tiers = [0] * len(costs.speculative)
        self.profiles = tuple(not number or tier.profiling > 0.0 for number, tier in enumerate(costs.profile.tiers))
        self.array = np.zeros(len(program.units) * UNIT, np.int64)
        self.array[ASK::UNIT] = 1
        self.array[STOP::UNIT] = NEVER
        self.sums = np.zeros(len(program.units) * 2, np.int64)
        self.calls = np.zeros(len(costs.calls) * CALL, np.int64)
        ids: list[list[int]] = [[] for _ in program.units]
        self._plain: list[tuple[int, ...]] = []
        for number, call in enumerate(costs.calls):
            ids[call.unit].append(number)
            row = number * CALL
            self.calls[row + OWNER] = call.unit * UNIT
            self.calls[row + COUNT] = call.backedges + 1
            self._plain.append(costs.call(call))
            self.calls[row + COST] = self._plain[-1][0]
        self.at = readable(self.array, fast)
        self.cost = readable(self.calls, fast)
        self.runs = [
            UnitRun(UnitState(unit.name, unit.size, seconds=0.0, budget=1), index, index * UNIT, ids[index])
            for index, unit in enumerate(program.units)
        ]

    def show(self, unit: UnitRun, entering: int) -> None:
        """Bring what the manager shows up to date; `entering` is 1 where a call is at its entry and not yet counted."""
        at, place, state = self.at, unit.place, unit.state
        invocations = at[place + MADE] + entering - unit.invocations_base
        state.invocations = invocations
        state.backedges = at[place + COUNTS] + entering - unit.counts_base - invocations
        interpreted = unit.interpreted
        if at[place + TIER] == 0:
            interpreted += at[place + SPENT]
        state.seconds = interpreted / PICO

    def count_anew(self, unit: UnitRun) -> None:
        """Counters and seconds start from zero."""
        unit.invocations_base = self.at[unit.place + MADE]
        unit.counts_base = self.at[unit.place + COUNTS]
        unit.interpreted = -self.at[unit.place + SPENT] if self.at[unit.place + TIER] == 0 else 0

    def halve(self, unit: UnitRun) -> None:
        """Half of both counters is forgotten; of an odd count the smaller half."""
        made, counts = self.at[unit.place + MADE], self.at[unit.place + COUNTS]
        invocations = made - unit.invocations_base
        backedges = counts - unit.counts_base - invocations
        unit.invocations_base = made - (invocations + 1) // 2
        unit.counts_base = counts - (invocations + 1) // 2 - (backedges + 1) // 2

    def enter_tier(self, unit: UnitRun, tier: int) -> None:
        """From now on calls of this unit run in `tier`, in the version that is installed there."""
        at, place = self.at, unit.place
        before = at[place + TIER]
        self.tiers[before] += at[place + SPENT]
        if before == 0:
            unit.interpreted += at[place + SPENT]
        at[place + SPENT] = 0
        at[place + TIER] = tier
        if self.profiles[before]:
            unit.profiled += at[place + MADE] - unit.entered_at
        unit.entered_at = at[place + MADE]
        version = unit.versions.get(tier)
        plain = version is None or version.is_plain
        for number in unit.ids:
            if plain or version is None:
                self.cost[number * CALL + COST] = self._plain[number][tier]
            else:
                call = self.costs.calls[number]
                self.cost[number * CALL + COST] = call_picoseconds(self.costs, call, tier, version)
        self.watch(unit)

    def call_cost(self, unit: UnitRun, number: int, tier: int) -> int:
        """Picoseconds of a call in whichever tier."""
        version = unit.versions.get(tier)
        call = self.costs.calls[number]
        return self.costs.call(call)[tier] if version is None else call_picoseconds(self.costs, call, tier, version)

    def watch(self, unit: UnitRun) -> None:
        """Find the next call that needs attention at its entry: new code is entered, or a guard fails.

        While several threads are in calls of a unit that are counted as they go, every further call is one of them: one
        booked as a whole would count its backedges before they are passed, and spend the others' budget.
        """
        at, place = self.at, unit.place
        tier = at[place + TIER]
        version = unit.versions.get(tier)
        made = at[place + MADE]
        guards = version.guards if version is not None else ()
        unit.failing = {number: self._guard(unit, number).next(made) for number in guards}
        if tier in unit.fresh or unit.spans:
            at[place + STOP] = 0
        else:
            at[place + STOP] = min(unit.failing.values(), default=NEVER) if guards else NEVER

    def profiled_calls(self, unit: UnitRun) -> int:
        """Calls of this unit in tiers that profile: the interpreter, and code that pays for it."""
        if not self.profiles[self.at[unit.place + TIER]]:
            return unit.profiled
        return int(unit.profiled + self.at[unit.place + MADE] - unit.entered_at)

    def plain_tier(self, unit: UnitRun) -> int:
        """The best installed tier that does not speculate."""
        speculative = self.costs.speculative
        return max((tier for tier in unit.state.installed if not speculative[tier]), default=unit.state.lowest)

    def _guard(self, unit: UnitRun, number: int) -> Process:
        process = unit.guards.get(number)
        if process is None:
            process = unit.guards[number] = guard(self.costs, unit.index, number, self.seed)
        return process


def bet_number(guard_number: int) -> int | None:
    """The id that events name for a guard."""
    return None if guard_number == WHOLE_UNIT else guard_number
