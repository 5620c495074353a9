"""The queue bound: what waiting for few compiler threads costs at least.

One thread, k compiler threads, nothing but calls takes time (no stalls, no shared cores), calls end in the tier they
began in, and no version is slower than the interpreter. Let I(q) be the instant at which call q begins if everything is
interpreted. Every real run is at most as long before q, so q really begins at I(q) or earlier. Let the first compile of
unit m end at C. Then every call of m with I(q) < C begins before C and is interpreted, and so with e the least costs

    time >= sum of e_best(q)  +  sum over m of f_m(C_m),    f_m(C) = sum of (e_0 - e_best)(q) over q of m, I(q) < C

The first compiles of the units are jobs on k servers: each takes at least the unit's cheapest compile p_m and begins
no earlier than r_m, an instant before its unit's first call (`walk.asked`). What is left is to minimize the sum of f_m
over all such schedules, from below:

1. Never compiling is no better than compiling last, since f_m never grows after the unit's last call. Any schedule,
   completed so and moved to the left in the order of its starts, has r_m + p_m <= C_m <= H_m with
   H_m = max r + (sum of the others' p) / k + p_m. On this range, any line a + s C below f_m will do.
2. For lines, the problem is total weighted completion time. With M_m the mean busy time of job m, C_m >= M_m + p_m / 2,
   and the sum of s_m M_m is least if one server of speed k always works on the job of largest s/p that is there
   (M. Goemans, *Improved approximation algorithms for scheduling with release dates*, SODA 1997; A. Schulz and
   M. Skutella, 2002, for k machines). If all jobs are there from the start, this is W. Smith's order (1956), exact for
   k = 1, and for k > 1 the bound of W. Eastman, S. Even and I. Isaacs (1964): 1/k of one server, and (k-1)/(2k)
   of the sum of s p besides.
3. The best lines are tangents of the lower convex hulls of the f_m at the completion times that they lead to. They are
   sought by the method of M. Frank and P. Wolfe (1956); every round gives a bound, and the best one counts.

The same holds with a dearer compile in the place of the cheapest: let C be when the first version ends that takes at
least p to compile. Until then the unit runs no better than in the cheaper ones. Of these choices each unit takes the
one with the largest product of p and what is lost. Of several threads each has its own sum, over the same servers.

Slopes are rationals with a denominator of 2^32 and everything is rounded down, so no float decides. Early calls are
taken one by one, later ones together, as if all of them began with the last of them; that lowers f_m and nothing else.
Rejected: lines through the origin, as w_m = min f_m(C) / C. They are zero for every unit that is not called at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from tiering.bounds.least import NEVER, Least
from tiering.bounds.walk import asked
from tiering.sim.source import Block

ROUNDS = 24
"""Frank-Wolfe steps; the gap falls with their number, and after these it is below a percent."""

SCALE = 1 << 32
"""Denominator of slopes."""

_FINE, _COARSE = 64, 16
"""Calls that are taken together are at most such a part of those before them; coarse from 1000 units on."""


class Job(NamedTuple):
    """The first compile of a unit: earliest begin, picoseconds, and the corners (C, f(C)) of its loss from below."""

    release: int
    length: int
    corners: list[tuple[int, int]]


def lb_queue(least: Least) -> int:
    """Picoseconds of the thread that needs longest with `Least.servers` compiler threads."""
    _, begun = asked(least, osr=False)
    return max((_thread(least, thread, begun) for thread in range(least.threads)), default=0)


def _thread(least: Least, thread: int, begun: list[int]) -> int:
    counts: list[int] = least.counts(thread).tolist()
    best = sum(n * cost for n, cost in zip(counts, least.best, strict=True))
    choices = [_choice(least, unit, counts) for unit in range(len(least.compiles))]
    used = [unit for unit, (_, lost) in enumerate(choices) if any(lost.values())]
    lengths = [choices[unit][0] for unit in used]
    latest = max((begun[unit] for unit in used), default=0)
    stop = latest + sum(lengths) // least.servers + max(lengths, default=0) + 1
    losses = _losses(least, thread, [lost for _, lost in choices], stop)
    at_least = 0
    waiting = []
    for unit, (length, _) in enumerate(choices):
        steps, release = losses[unit], begun[unit]
        if not steps:
            continue
        if length == 0 or steps[-1][0] < release + length:
            at_least += _value(steps, release + length)
        else:
            waiting.append((release, length, steps))
    return best + at_least + _least_loss(_jobs(waiting, least.servers), least.servers)


def _choice(least: Least, unit: int, counts: list[int]) -> tuple[int, dict[int, int]]:
    """Picoseconds of the compile that is waited for, and per call id what a call before its end loses."""
    compiles = least.compiles[unit]
    chosen: tuple[int, int, dict[int, int]] = (-1, 0, {})
    for length in sorted({compile for compile in compiles[1:] if compile < NEVER}):
        lost = {}
        for call in least.called[unit]:
            costs = least.calls[call]
            without = min(costs[tier] for tier in range(least.tiers) if tier == 0 or compiles[tier] < length)
            lost[call] = without - least.best[call]
        chosen = max(chosen, (length * sum(counts[call] * lost[call] for call in lost), length, lost), key=_first)
    return chosen[1:]


def _first(choice: tuple[int, int, dict[int, int]]) -> int:
    return choice[0]


def _losses(least: Least, thread: int, lost: list[dict[int, int]], stop: int) -> list[list[tuple[int, int]]]:
    """Per unit, ascending: instants in the interpreted program, and what all calls that began by then lose.

    Nothing is asked of instants from `stop` on, where even a compile that comes last has ended.
    """
    per_call = [lost[unit].get(call, 0) for call, unit in enumerate(least.owner)]
    steps: list[list[tuple[int, int]]] = [[] for _ in least.compiles]
    for instant, made in _slices(least, thread):
        if instant >= stop:
            break
        for call, n in made:
            loss = n * per_call[call]
            if loss:
                found = steps[least.owner[call]]
                before = found[-1][1] if found else 0
                if found and found[-1][0] == instant:
                    found[-1] = (instant, before + loss)
                else:
                    found.append((instant, before + loss))
    return steps


def _slices(least: Least, thread: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """The calls of the interpreted program in order: the instant at which the last of a few begins, and these few."""
    clock = made = 0
    part = _FINE if len(least.compiles) < 1000 else _COARSE
    for block in least.blocks(thread):
        plan = _Interpreted(least, block, clock)
        place = 0
        while place < plan.length:
            upto = min(plan.length, place + max(1, (made + place) // part))
            yield plan.instant(upto - 1), plan.calls(place, upto)
            place = upto
        clock, made = plan.instant(plan.length), made + plan.length


class _Interpreted:
    """One block, repeated, in the interpreter: where its calls begin, and how many of each id lie between two."""

    def __init__(self, least: Least, block: Block, clock: int) -> None:
        self.length = len(block.ids) * block.times
        self._ids = block.ids
        self._clock = clock
        costs = least.interpreted[block.ids]
        fits = least.slowest * len(costs) < NEVER
        self._ends = np.cumsum(costs if fits else costs.astype(object))

    def instant(self, place: int) -> int:
        rounds, rest = divmod(place, len(self._ids))
        return self._clock + rounds * int(self._ends[-1]) + (int(self._ends[rest - 1]) if rest else 0)

    def calls(self, place: int, upto: int) -> list[tuple[int, int]]:
        first, begin = divmod(place, len(self._ids))
        last, end = divmod(upto, len(self._ids))
        if upto == place + 1:
            return [(int(self._ids[begin]), 1)]
        if first == last:
            total = np.bincount(self._ids[begin:end])
        else:
            total = np.bincount(self._ids) * (last - first - 1)
            total += np.bincount(self._ids[begin:], minlength=len(total))
            total += np.bincount(self._ids[:end], minlength=len(total))
        found = np.flatnonzero(total)
        return list(zip(found.tolist(), total[found].tolist(), strict=True))


def _value(steps: list[tuple[int, int]], completion: int) -> int:
    """The loss if the compile ends at `completion`: of all calls that begin before it."""
    return next((loss for instant, loss in reversed(steps) if instant < completion), 0)


def _jobs(waiting: list[tuple[int, int, list[tuple[int, int]]]], servers: int) -> list[Job]:
    latest = max((release for release, _, _ in waiting), default=0)
    work = sum(length for _, length, _ in waiting)
    jobs = []
    for release, length, steps in waiting:
        earliest, horizon = release + length, latest - (length - work) // servers + length
        corners = [(earliest, _value(steps, earliest))]
        before = corners[0][1]
        for instant, loss in steps:
            if instant > horizon:
                break
            if instant > earliest:
                corners.append((instant, before))
            before = max(before, loss) if instant >= earliest else before
        corners.append((horizon, _value(steps, horizon)))
        jobs.append(Job(release, length, _lower_hull(corners)))
    return jobs


def _lower_hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    hull: list[tuple[int, int]] = []
    for x, y in points:
        if hull and hull[-1][0] == x:
            y = min(y, hull.pop()[1])
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-1][0]) >= (y - hull[-1][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append((x, y))
    return hull


def _least_loss(jobs: list[Job], servers: int) -> int:
    """The best of the bounds that Frank-Wolfe steps give, in picoseconds."""
    best = sum(job.corners[0][1] for job in jobs)
    points = [(job.corners[0][0] + job.corners[-1][0]) // 2 for job in jobs]
    for step in range(ROUNDS):
        slopes = [_slope(job, point) for job, point in zip(jobs, points, strict=True)]
        lines = sum(_intercept(job, slope) for job, slope in zip(jobs, slopes, strict=True))
        busy = busy_times(jobs, slopes, servers)
        weighted = 0
        for place, (job, slope) in enumerate(zip(jobs, slopes, strict=True)):
            twice = busy[place] + job.length * job.length * servers
            weighted += slope * twice // (2 * job.length * servers)
            completion = twice // (2 * job.length * servers)
            reached = min(max(completion, job.corners[0][0]), job.corners[-1][0])
            points[place] += (reached - points[place]) * 2 // (step + 2)
        best = max(best, (lines + weighted) // SCALE)
    return best


def _slope(job: Job, at: int) -> int:
    """Slope of the hull at an instant, times `SCALE`, rounded down."""
    for (x, y), (u, v) in zip(job.corners, job.corners[1:], strict=False):
        if at <= u:
            return (v - y) * SCALE // (u - x)
    return 0


def _intercept(job: Job, slope: int) -> int:
    """The highest line of this slope below the hull, at 0; times `SCALE`."""
    return min(y * SCALE - slope * x for x, y in job.corners)


def busy_times(jobs: list[Job], slopes: list[int], servers: int) -> list[int]:
    """Twice the sum of length times mean instant of the pieces of each job, where one server of speed `servers` always
    works on the job of largest slope over length that is there. Time runs `servers` times faster, so all is whole."""
    rank = sorted(range(len(jobs)), key=lambda job: Fraction(-slopes[job], jobs[job].length))
    arriving = sorted((jobs[job].release * servers, place, job) for place, job in enumerate(rank))
    there: list[tuple[int, int]] = []
    left = [job.length for job in jobs]
    busy = [0] * len(jobs)
    clock = arrived = 0
    while arrived < len(arriving) or there:
        if not there:
            clock = max(clock, arriving[arrived][0])
        while arrived < len(arriving) and arriving[arrived][0] <= clock:
            heapq.heappush(there, arriving[arrived][1:])
            arrived += 1
        job = there[0][1]
        until = clock + left[job]
        if arrived < len(arriving):
            until = min(until, arriving[arrived][0])
        busy[job] += (until - clock) * (until + clock)
        left[job] -= until - clock
        clock = until
        if left[job] == 0:
            heapq.heappop(there)
    return busy
