"""Memory for compiled code, of limited size, and what has to go when it is full.

Every compile of a unit and tier is one entry. Entries of a unit's present tier were used when the unit was last
called, entries of tiers that it has left when it left them. So superseded code goes first under "lru", and under
"hotness" it counts as cold. A choice always has the same answer: ties go to the older entry.

Code that a thread is running now cannot go. Where nothing more can go, new code is refused and its compile counts
as failed.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Code of one unit (by index) in one tier."""

    unit: int
    tier: int


class Use(NamedTuple):
    """How an entry was used: the instant of the last call, and counts per picosecond since it was installed."""

    last: int
    heat: float


class CodeCache:
    """Which code is there and how many bytes it takes. `capacity` None: no limit."""

    def __init__(self, capacity: int | None, eviction: str) -> None:
        self.capacity = capacity
        self.eviction = eviction
        self.used = 0
        self.peak = 0
        self.sizes: dict[Entry, int] = {}

    def fits(self, size: int) -> bool:
        """Whether there is room for so many bytes more."""
        return self.capacity is None or self.used + size <= self.capacity

    def add(self, entry: Entry, size: int) -> None:
        """Keep code; what was there under the same name is replaced."""
        self.remove(entry)
        self.sizes[entry] = size
        self.used += size
        self.peak = max(self.peak, self.used)

    def remove(self, entry: Entry) -> int:
        """Forget code; its bytes (0 if it was not there)."""
        size = self.sizes.pop(entry, 0)
        self.used -= size
        return size

    def victims(self, size: int, uses: dict[Entry, Use]) -> list[Entry]:
        """What has to go so that `size` bytes fit, of the entries in `uses`; empty if even all would not do."""
        order = list(uses)
        if self.eviction == "lru":
            order.sort(key=lambda entry: uses[entry].last)
        elif self.eviction == "hotness":
            order.sort(key=lambda entry: uses[entry].heat)
        return self.enough(size, order)

    def enough(self, size: int, order: list[Entry]) -> list[Entry]:
        """The first entries of `order` that make room for `size` bytes, all of it under "flush"; empty if none do."""
        if self.capacity is None or self.eviction == "none":
            return []
        chosen: list[Entry] = []
        free = self.capacity - self.used
        for entry in order:
            if free >= size and self.eviction != "flush":
                break
            chosen.append(entry)
            free += self.sizes[entry]
        return chosen if free >= size else []
