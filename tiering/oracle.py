"""Bounds that no policy can beat, so that every result stands beside the best that was possible.

LB1, the waiting bound. Give every unit and tier a compiler thread of its own, start all compiles at time 0 (or after
`ready_seconds`: every compile has to wait for that), and let the program wait at a call for a version that is not
ready yet, if that pays. With r_j the time at which tier j of the unit is ready and e_j the call's time in it:

    t <- min over j of max(t, r_j) + e_j        (r_0 = 0)

Why it is a bound: this step never gets smaller when t gets larger. In any real run a call that starts at s, and by
induction s >= t, needs a version that exists: it ends at max(s, r_j) + e_j at the earliest, for some j.

Why the waiting must be in it: "each call takes the best version that is ready when it starts" looks like a bound and
is none. Arriving earlier can catch a slower version: X costs 2 interpreted and 1.9 compiled, ready at once; A costs 10
and 1, ready at 2. The greedy pass over the calls X, A gives 11.9; leaving X interpreted gives 3.0, and so does LB1.

It stays valid whatever only takes away or adds time: few compiler threads, queues, compiles that fail, compiles
that block the program, stalls for loading code (ignored here), guards that fail (a failing call runs in a lower tier
and stalls besides; dropped code is code fewer). It needs fixed costs, and that a call ends in the tier in which it
began: with on-stack replacement a long call may finish in better code, and `lb1` refuses to be asked.

All is integer arithmetic on the simulator's own picoseconds, so that no policy can win by a rounding error. Rejected:
LB0 (every call at its best speed from the start) as a row beside results; on short programs it is far below anything
reachable. It is kept for tests.
"""

from __future__ import annotations

from tiering.errors import InputError
from tiering.profile import Profile
from tiering.sim.costs import PICO, Costs, futures
from tiering.trace import Call, Program

__all__ = ["futures", "lb0", "lb0_picoseconds", "lb1", "lb1_picoseconds"]

_ALWAYS = 1 << 200

_Versions = tuple[tuple[int, int], ...]
"""Of one call: (ready, cost) per tier, in picoseconds."""


def lb1(program: Program, profile: Profile, *, osr: bool = False) -> float:
    """Seconds that this program needs at least on this machine, under any policy; see `lb1_picoseconds`."""
    return lb1_picoseconds(program, profile, osr=osr) / PICO


def lb1_picoseconds(program: Program, profile: Profile, *, osr: bool = False) -> int:
    """The waiting bound in whole picoseconds, comparable with `Simulation.ledger`.

    Raises InputError for a machine with on-stack replacement (it is no bound there), and as `Costs` does.
    """
    if osr:
        raise InputError("lb1 with osr=True: it bounds machines without on-stack replacement only; leave osr out")
    costs = Costs(program, profile)
    known: dict[Call, _Versions] = {}
    clock = 0
    for group in program.groups:
        pattern = []
        for call in group.pattern:
            if call not in known:
                known[call] = _versions(costs, call)
            pattern.append(known[call])
        clock = _group(clock, pattern, group.times)
    return clock


def lb0(program: Program, profile: Profile) -> float:
    """Seconds of the program with every call in its fastest tier from the start: never more than `lb1`."""
    return lb0_picoseconds(program, profile) / PICO


def lb0_picoseconds(program: Program, profile: Profile) -> int:
    """`lb0` in whole picoseconds."""
    costs = Costs(program, profile)
    return sum(g.times * sum(min(costs.call(call)) for call in g.pattern) for g in program.groups)


def _versions(costs: Costs, call: Call) -> _Versions:
    ready = [code.compile + costs.ready for code in costs.code[call.unit]]
    ready[0] = 0
    return tuple(zip(ready, costs.call(call), strict=True))


def _group(clock: int, pattern: list[_Versions], times: int) -> int:
    """Where the clock stands after `times` rounds of `pattern`.

    What a call costs changes only at a few instants (a version gets ready, or waiting for it begins to pay). Rounds
    that begin and end before the next of them all take equally long and are added up by one product.
    """
    left = times
    while left:
        until = min((_changes_at(clock, call) for call in pattern), default=_ALWAYS)
        began = clock
        for call in pattern:
            clock = _step(clock, call)
        left -= 1
        took = clock - began
        if clock <= until and left:
            same = left if took == 0 else min(left, (until - clock) // took)
            clock += same * took
            left -= same
    return clock


def _step(clock: int, call: _Versions) -> int:
    return min(max(clock, ready) + cost for ready, cost in call)


def _changes_at(clock: int, call: _Versions) -> int:
    """Calls that start from `clock` until before this instant all take as long as one that starts at `clock`."""
    best = min(cost for ready, cost in call if ready <= clock)
    later = [ready + cost - best for ready, cost in call if ready > clock and cost < best]
    return min(later, default=_ALWAYS)
