"""Belady's rule, and what it says about a finite code cache.

With all sizes and costs equal, throwing out what is used again latest misses least (L. Belady, *A study of replacement
algorithms for a virtual-storage computer*, 1966). With bypass the victim may be what was just inserted, which then
counts as one miss and one eviction, as in Caffeine's clairvoyant policy: A B C A B in a cache of two gives 2 hits, 3
misses, 1 eviction.

**LB cache.** Let all code have one size, so that the cache holds a fixed number of versions. A call is a hit if its
unit's code lay in the cache at its entry. Otherwise it is interpreted, which loses at least g (the least that the best
version saves of any call), or its unit is compiled for it, which takes at least c (the cheapest compile). A compile
made ahead of its call can be put off to that call without leaving the cache fuller at any time. So a run pays min(g, c)
at least as often as Belady's rule with bypass misses, on top of all calls at their best. It needs a machine on which
compiles take time from the program, one thread (whose calls have one order), and calls that end in the tier they began
in. It is close where gains and compiles are equal, and weak where one call in the program has little to gain.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from tiering.bounds.least import NEVER, Least
from tiering.errors import InputError

MOST_CALLS = 1_000_000


class Accesses(NamedTuple):
    """What came of a sequence of accesses."""

    hits: int
    misses: int
    evictions: int


def belady(accesses: Sequence[Hashable], size: int, *, bypass: bool = True) -> Accesses:
    """The most hits that a cache of `size` equal items can have; no rule misses less often.

    With `bypass` an item may be thrown out as soon as it has come in. Raises InputError for a size below 1.
    """
    if size < 1:
        raise InputError(f"a cache of size {size}: must hold at least 1 item")
    following = _next_uses(accesses)
    inside: dict[Hashable, int] = {}
    latest: list[tuple[int, int, Hashable]] = []
    hits = evictions = 0
    for place, item in enumerate(accesses):
        if item in inside:
            hits += 1
        elif len(inside) == size and not bypass:
            _evict(inside, latest)
            evictions += 1
        inside[item] = following[place]
        heapq.heappush(latest, (-following[place], place, item))
        if len(inside) > size:
            _evict(inside, latest)
            evictions += 1
    return Accesses(hits, len(accesses) - hits, evictions)


def lb_cache(least: Least) -> int:
    """Picoseconds of all calls at their best, and for each miss of Belady's a compile or a lost gain."""
    counts = least.all_counts()
    made = [number for number, n in enumerate(counts) if n]
    units = {least.owner[number] for number in made}
    compile = min((c for unit in units for c in least.compiles[unit][1:]), default=0)
    gain = min((least.calls[number][0] - least.best[number] for number in made), default=0)
    price = min(compile, gain)
    best = sum(counts[number] * least.best[number] for number in made)
    if not price:
        return best
    accesses = [
        least.owner[number] for block in least.blocks(0) for _ in range(block.times) for number in block.ids.tolist()
    ]
    return best + price * belady(accesses, max(1, slots(least))).misses


def refusal(least: Least) -> str | None:
    """There must be a capacity, all code of one size, and calls few enough to be held in memory."""
    if least.profile.machine.code_capacity_bytes is None:
        return "the code cache has no limit (code_capacity_bytes): take lb2"
    if not slots(least):
        return "code is of different or unknown sizes (code_bytes): take lb2"
    calls = least.program.total()
    return f"{calls} calls are too many (up to {MOST_CALLS}): take lb2" if calls > MOST_CALLS else None


def slots(least: Least) -> int:
    """How many versions the code cache holds; 0 for a machine that bounds no code, or code of different sizes."""
    sizes = {
        code.bytes
        for unit, compiles in zip(least.costs.code, least.compiles, strict=True)
        for code, compile in zip(unit[1:], compiles[1:], strict=True)
        if compile < NEVER
    }
    (size,) = sizes if len(sizes) == 1 else (None,)
    capacity = least.profile.machine.code_capacity_bytes
    return capacity // size if capacity and size else 0


def _next_uses(accesses: Sequence[Hashable]) -> list[int]:
    never = len(accesses)
    following = [never] * len(accesses)
    seen: dict[Hashable, int] = {}
    for place in range(len(accesses) - 1, -1, -1):
        following[place] = seen.get(accesses[place], never)
        seen[accesses[place]] = place
    return following


def _evict(inside: dict[Hashable, int], latest: list[tuple[int, int, Hashable]]) -> None:
    while True:
        use, _, item = heapq.heappop(latest)
        if inside.get(item) == -use:
            del inside[item]
            return
