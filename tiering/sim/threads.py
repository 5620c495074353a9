"""What a thread of the program is doing: the calls that it still has to make, and the one that somebody looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import simpy

from tiering.protocol import Why
from tiering.sim.kernel import THREAD
from tiering.sim.source import Block
from tiering.sim.units import UnitRun


@dataclass(slots=True)
class Span:
    """A running call of which backedge `first` was passed when `began`; `cost` is the whole call's in this tier.

    `counted` backedges are in the counters and `booked` picoseconds of this segment in the sums. At backedge `switch`
    another code takes over (0: none does). `plain` calls stay out of speculative code.
    """

    unit: UnitRun
    call: int
    backedges: int
    tier: int
    cost: int
    began: int
    first: int = 0
    counted: int = 0
    booked: int = 0
    switch: int = 0
    plain: bool = False

    def after(self, backedge: int) -> int:
        """The instant at which a backedge is passed; backedge n + 1 is the end of the call."""
        share = self.backedges + 1
        return self.began - (self.cost * (self.first - backedge)) // share

    def passed(self, elapsed: int) -> int:
        """Backedges passed after so many picoseconds of this segment."""
        if self.cost == 0:
            return self.backedges
        return min(self.backedges, self.first + elapsed * (self.backedges + 1) // self.cost)


class Thread:
    """One thread of the program: the blocks that it still has to run, and what it does at its next instant."""

    def __init__(self, index: int, blocks: Iterator[Block]) -> None:
        self.index = index
        self.place = index * THREAD
        self.blocks = blocks
        self.ids: Any = []
        self.span: Span | None = None
        self.pending: Callable[[], None] | None = None
        self.stalled_until = 0
        self.ended_at: int | None = None
        self.marks: list[int] = []
        self.event: simpy.Event | None = None


Question: TypeAlias = tuple[UnitRun, Why, int]
"""A unit to be asked about, why, and 1 if one of its calls is at its entry and not yet counted."""


class Ports(NamedTuple):
    """What the threads need from their simulation: ask, tell of failed guards and of threads' ends, read the wall."""

    ask: Callable[[Question], None]
    guard_failed: Callable[[UnitRun, int, list[int], Any], None]
    thread_ended: Callable[[], None]
    ticks: Callable[[int], int]
