"""What no policy undercuts, gathered once: the least that each call and each compile of a program can cost.

All bounds read their costs here and nowhere else, so there is one place to doubt. A call's cost in a tier is that of
the fastest code which any plan could make of it; a compile's is that of its cheapest plan; a version whose compile
fails does not exist. Costs are the simulator's own integers. Where a plan multiplies several shares, two plans may
multiply them in different orders and differ in the last bit of a float; such costs are lowered by more than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tiering.profile import Profile
from tiering.sim.costs import Costs
from tiering.sim.source import Block, blocks
from tiering.sim.versions import least_call, least_compile
from tiering.trace import Mix, Program

NEVER = 1 << 61
"""An instant that no simulation reaches, and a cost that no choice survives."""


class Least:
    """The least costs of one program on one machine for one seed, in picoseconds, by call id, unit and tier.

    `calls[id][tier]` and `compiles[unit][tier]` are `NEVER` for a tier that this unit cannot be compiled to;
    `compiles[unit][0]` is 0. Raises InputError as `Costs` does.
    """

    def __init__(self, program: Program, profile: Profile, seed: int = 0) -> None:
        self.program = program
        self.profile = profile
        self.seed = seed
        self.costs = Costs(program, profile, seed)
        self.ready = self.costs.ready
        self.tiers = len(profile.tiers)
        self.threads = program.threads()
        self.servers = sum(pool.threads for pool in profile.pools())
        self.owner = [call.unit for call in self.costs.calls]
        self.compiles = [self._compiles(unit) for unit in range(len(program.units))]
        self.calls = [self._call(number) for number in range(len(self.owner))]
        self.best = [min(costs) for costs in self.calls]
        self.interpreted = np.array([costs[0] for costs in self.calls], np.int64)
        self.slowest = max((cost for costs in self.calls for cost in costs if cost < NEVER), default=0)
        self._counts: dict[int, NDArray[np.int64]] = {}

    @cached_property
    def drawn(self) -> int:
        """Calls that are drawn from mixes."""
        return sum(group.times for group in self.program.groups if isinstance(group, Mix))

    @cached_property
    def called(self) -> list[list[int]]:
        """Per unit the ids of its calls."""
        found: list[list[int]] = [[] for _ in self.program.units]
        for number, unit in enumerate(self.owner):
            found[unit].append(number)
        return found

    def blocks(self, thread: int) -> Iterator[Block]:
        """The calls of a thread, without empty blocks; see `tiering.sim.source.blocks`."""
        return (block for block in blocks(self.program, self.costs, self.seed, thread) if len(block.ids))

    def counts(self, thread: int) -> NDArray[np.int64]:
        """How often a thread makes each call; counted once."""
        if thread not in self._counts:
            total = np.zeros(len(self.owner), np.int64)
            for block in self.blocks(thread):
                total += np.bincount(block.ids, minlength=len(total)) * block.times
            self._counts[thread] = total
        return self._counts[thread]

    def all_counts(self) -> list[int]:
        """How often all threads together make each call."""
        return [sum(made) for made in zip(*(self.counts(t).tolist() for t in range(self.threads)), strict=True)]

    def _compiles(self, unit: int) -> tuple[int, ...]:
        code = self.costs.code[unit]
        least = zip(least_compile(self.costs, unit), code, strict=True)
        return tuple(NEVER if made.fails else min(cheapest, made.compile) for cheapest, made in least)

    def _call(self, number: int) -> tuple[int, ...]:
        call = self.costs.calls[number]
        unit = self.costs.units[call.unit]
        several = len(unit.speculations) + len(unit.sites) > 1
        costs = list(least_call(self.costs, call))
        for tier in range(1, self.tiers):
            if self.compiles[call.unit][tier] == NEVER:
                costs[tier] = NEVER
            elif several:
                costs[tier] = max(0, costs[tier] - 1 - (costs[tier] >> 50))
        return tuple(costs)
