"""Bounds from the work to be done, where compiling takes time from the program: LB2 and its form for several cores.

Whatever a run does, of each unit some set S of tiers was compiled in time to be used. Each of these compiles was
worked off by somebody, and each call ran in a version from S or interpreted:

    work of a unit >= min over S of  sum over j in S of c_j  +  sum over its calls of min over j in S or 0 of e_j

**LB2.** On one core nothing overlaps, so the time on the wall is at least the work of all units. The same holds for
one thread whose compiles stop it, if one compiler thread does them one after the other. There it is exact where
compiler threads are ready from the start, loading code costs nothing, no compile fails, code stays, and higher tiers
are never slower: the best S is then one tier or none, and compiling it at the unit's first call takes just this time
(Ding et al., ASPLOS 2014, for one core: each function at its cost-effective level just before its first use).

**LB cores.** On n cores, the time is at least a n-th of the work of everything.

Both hold with replaced loops: a call that runs in parts takes at least what its fastest version would. Rejected: all
2^J sets for machines of more than seven tiers. There S is known by its dearest compile c alone; its compiles take at
least c, and its calls at least what they take if all tiers that are no dearer are there. That is lower, and a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from tiering.bounds.least import NEVER, Least

MOST_TIERS = 6
"""Compiled tiers up to which all sets are tried."""


def lb2(least: Least) -> int:
    """Picoseconds of all work: calls of all threads, and the compiles that make it least."""
    counts = least.all_counts()
    return sum(
        min(_total(least, calls, counts, tiers, paid) for tiers, paid in _sets(least.compiles[unit]))
        for unit, calls in enumerate(least.called)
    )


def lb_cores(least: Least) -> int:
    """Picoseconds of all work, shared by all cores."""
    return lb2(least) // (least.profile.machine.cores or 1)


def _total(least: Least, calls: list[int], counts: list[int], tiers: tuple[int, ...], paid: int) -> int:
    return paid + sum(counts[call] * min(least.calls[call][tier] for tier in (0, *tiers)) for call in calls)


def _sets(compiles: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], int]]:
    able = [tier for tier, compile in enumerate(compiles) if tier and compile < NEVER]
    yield (), 0
    if len(able) > MOST_TIERS:
        for dearest in able:
            yield tuple(tier for tier in able if compiles[tier] <= compiles[dearest]), compiles[dearest]
        return
    for many in range(1, len(able) + 1):
        for chosen in combinations(able, many):
            yield chosen, sum(compiles[tier] for tier in chosen)
