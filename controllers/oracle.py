"""What a policy would do that knew the future: calls, seconds per call and per compile, guard failures to come.

A constructive schedule, not a bound: it can be reached, and a better one may exist. Optimal compile scheduling with
two or more tiers is strongly NP-complete (Y. Ding et al., *Finding the Limit: Examining the Potential and Complexity
of Compilation Scheduling for JIT-Based Runtime Systems*, ASPLOS 2014). Lower bounds are kept in `tiering.oracle`.

Per unit, at its first question, the path (none, one tier, or a lower tier first and a higher one after it) is taken
that minimises the unit's remaining time, plus its compile seconds at the price of a compiler thread. While a compile
runs the unit goes on in the tier below: it makes the calls that fall into that time if its calls are spread evenly
over the interpreted program, though no more than fit into it back to back. What a guard failure costs is the calls
that pass until the code is made again.

The price is the load of the compiler threads, compile seconds wanted over thread seconds there are: idle threads cost
nothing, in an overloaded queue every second keeps another unit waiting. Paths and load depend on each other and are
found by going round `ROUNDS` times, at `start`. Waiting in the queue is in no other way foreseen.

The queue is ranked by saving per compile second: Smith's rule, optimal for one machine and weighted completion times
(W. Smith, *Various optimizers for single-stage production*, 1956), and what engines' own weights lack, since they
leave the compile time out.

Choosing parameters. `retries` and `failures` only guard against a future that does not come true.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tiering import protocol
from tiering.protocol import Decision, Event, NeedsFuture, Setup, UnitFuture, View, check_parameters, parameter

from . import ladder

FORESEEN = "foreseen to pay"
NO_FUTURE = "no compile will pay"
UNKNOWN = "not in the future"
REASONS = (FORESEEN, NO_FUTURE, UNKNOWN, *ladder.REASONS)

ROUNDS = 4

_STAYS = protocol.stay(NO_FUTURE)
_NOT_NAMED = protocol.stay(UNKNOWN)


class _Route(NamedTuple):
    """A path for one unit from one tier: compile seconds, and per step what the step needs.

    A step is (calls that pass during its compile, seconds per call below, whether it speculates). If the tiers of the
    path are compiled one after the other, calls that pass during a step run below it, and those left over take `last`.
    """

    path: tuple[int, ...]
    compiling: float
    steps: tuple[tuple[int, float, bool], ...]
    last: float


class _Routes(NamedTuple):
    """All paths from one tier, with seconds per call on the one that stays, and the least that any other compiles."""

    stays: _Route
    last: float
    least: float
    all: tuple[_Route, ...]


@dataclass(slots=True)
class _Unit:
    """A unit's future, its calls before the last counter reset and since, and its routes from `tier` to those open."""

    future: UnitFuture
    before: int = 0
    since: int = 0
    tier: int = 0
    above: tuple[int, ...] = ()
    routes: _Routes | None = None


@dataclass
class Oracle:
    """Plans each unit from its future. Raises InputError for a parameter outside its range."""

    retries: int = parameter(16, "deopts", "the failures that are foreseen are weighed, not counted", low=0)
    failures: int = parameter(3, "compiles", "one per tier of the usual ladder, then pin", low=1)

    reasons = REASONS

    _ladder: ladder.Ladder = field(init=False, repr=False, compare=False)
    _units: dict[str, _Unit] = field(init=False, repr=False, compare=False)
    _interpreted: float = field(init=False, repr=False, compare=False)
    _price: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Read the future. Raises NeedsFuture where the host has none."""
        if setup.future is None:
            raise NeedsFuture("oracle: this host cannot know the future; simulate a trace to use it")
        self._ladder = ladder.Ladder(setup, self.failures, self.retries)
        self._units = {future.unit: _Unit(future) for future in setup.future}
        self._foresee(setup.compiler_threads)

    def decide(self, view: View) -> Decision:
        """Take the next step of the path that leaves the least to come."""
        unit = self._units.get(view.unit)
        if unit is None:
            return self._ladder.settled(view, 0.0) or _NOT_NAMED
        invocations, pending = view.invocations, view.pending
        passed = self._passed(unit, invocations)
        if pending is None:
            settled = self._ladder.settled(view, 0.0)
            if settled is not None:
                return settled
        future = unit.future
        calls = max(0, future.calls - passed)
        failures = max(0, future.guard_failures - view.deopts)
        route, seconds = self._best(unit, view.tier, self._ladder.above(view), calls, failures)
        if pending is None and not route.path:
            return _STAYS
        priority = self._smith(future, view.tier, route, calls, seconds)
        if pending is not None:
            return self._ladder.settled(view, priority) or _STAYS
        return self._ladder.climb(view, route.path[0], FORESEEN, priority, calls / max(1, invocations))

    def record(self, event: Event) -> None:
        """Remember which compiles failed."""
        self._ladder.record(event)

    def _foresee(self, threads: int) -> None:
        units = self._units.values()
        tiers = tuple(range(1, len(self._ladder.tiers)))
        self._interpreted = sum(unit.future.calls * unit.future.call_seconds[0] for unit in units)
        self._price = 0.0
        for _ in range(ROUNDS):
            length = wanted = 0.0
            for unit in units:
                route, seconds = self._best(unit, 0, tiers, unit.future.calls, unit.future.guard_failures)
                length += seconds
                wanted += route.compiling
            self._price = min(1.0, wanted / (threads * length)) if length > 0.0 else 1.0

    def _passed(self, unit: _Unit, invocations: int) -> int:
        """Calls so far; the host's count starts anew at a deoptimization, this one does not."""
        if invocations < unit.since:
            unit.before += unit.since
        unit.since = invocations
        return unit.before + invocations

    def _best(self, unit: _Unit, tier: int, above: tuple[int, ...], calls: int, failures: int) -> tuple[_Route, float]:
        """The route that costs least, the first of equals, and the seconds of the calls on it.

        A route whose compile time alone costs as much as another route altogether is not worth adding up: so the many
        units that are hardly ever called are done with at once.
        """
        known = unit.routes
        if known is None or unit.tier != tier or unit.above != above:
            known = unit.routes = self._routes(unit.future, tier, above)
            unit.tier, unit.above = tier, above
        best, last, cheapest, routes = known
        price = self._price
        least = seconds = 0.0 + calls * last
        if price * cheapest >= least:
            return best, seconds
        for route in routes:
            _, compiling, steps, last = route
            paid = price * compiling
            if paid >= least:
                continue
            left, taken = calls, 0.0
            for during, below, speculates in steps:
                passed = (1 + failures) * during if speculates else during
                if passed > left:
                    passed = left
                taken += passed * below
                left -= passed
            taken += left * last
            if taken + paid < least:
                best, least, seconds = route, taken + paid, taken
        return best, seconds

    def _routes(self, future: UnitFuture, tier: int, above: tuple[int, ...]) -> _Routes:
        stays = self._route(future, tier, ())
        routes = tuple(self._route(future, tier, path) for path in _paths(above))
        return _Routes(stays, stays.last, min((route.compiling for route in routes), default=math.inf), routes)

    def _route(self, future: UnitFuture, tier: int, path: tuple[int, ...]) -> _Route:
        steps = []
        below = tier
        for step in path:
            during = self._calls_during(future, below, step)
            steps.append((during, future.call_seconds[below], self._ladder.tiers[step].speculative))
            below = step
        compiling = sum(future.compile_seconds[step] for step in path)
        return _Route(path, compiling, tuple(steps), future.call_seconds[below])

    def _smith(self, future: UnitFuture, tier: int, route: _Route, calls: int, seconds: float) -> float:
        if not route.path:
            return 0.0
        saving = calls * future.call_seconds[tier] - seconds
        return saving / route.compiling if route.compiling > 0.0 else saving * 1e9

    def _calls_during(self, future: UnitFuture, below: int, step: int) -> int:
        compiling = future.compile_seconds[step]
        evenly = future.calls * compiling / self._interpreted if self._interpreted > 0.0 else 0.0
        one = future.call_seconds[below]
        back_to_back = compiling / one if one > 0.0 else evenly
        return int(min(evenly, back_to_back, future.calls)) + 1


def _paths(above: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The paths that lead anywhere: to one tier, or to a lower one first and a higher one after it."""
    for place, first in enumerate(above):
        yield (first,)
        for second in above[place + 1 :]:
            yield (first, second)
