"""Counters against thresholds: the part that `threshold`, `pi` and `bandit` share.

Hotness is invocations + backedges since the last reset, the quantity of HotSpot's Tier3CompileThreshold, PyPy's
loop counters and CPython's JIT. A host that runs real functions often cannot see backedges. There the loop work is
estimated as the time observed in tier 0 divided by `tick`, the seconds of one count. Once a unit has left tier 0 that
time stands still, so the estimate per call is kept and calls are multiplied by it.

The threshold of tier j is `count * growth**(j-1) * 2**deopts`. The doubling is JavaScriptCore's: with it a bet that
is wrong for ever causes at most log2(N / count) compiles in N counts. `dwell` does the same for code that was
evicted, whose counters nobody resets (see `dwell`; 0 leaves it out).

Budgets are exactly what is missing, so no question is asked too early. Where seconds drive the hotness, the missing
counts are an extrapolation from the calls seen so far, and may not exceed these calls: questions then come at
doublings, and a unit that turns out slower than it began is late by a factor of two at most. The same cap
(never below 100) holds for thresholds that move, since a budget that was handed out cannot be called back.
"""

from __future__ import annotations

import math

from tiering.protocol import FOREVER, PLAIN, Decision, Event, Setup, View

from . import ladder
from .dwell import Dwell

HOT = "hot"
COLD = "not hot yet"
DWELLS = "lost its code lately"
REASONS = (HOT, COLD, DWELLS, *ladder.REASONS)

_MOST_DOUBLINGS = 40
_QUIET = 100


class Hotness:
    """Decides by thresholds that its owner hands in. `moving` says that they change from question to question."""

    def __init__(
        self,
        setup: Setup,
        *,
        growth: float,
        tick: float,
        failures: int,
        retries: int,
        dwell: int = 0,
        moving: bool = False,
    ) -> None:
        self._ladder = ladder.Ladder(setup, failures, retries)
        self._factors = [growth ** (tier - 1) for tier in range(len(setup.tiers))]
        self._tick = tick
        self._moving = moving
        self._ticks_per_call: dict[str, float] = {}
        self._dwell = Dwell(dwell, 2.0) if dwell else None

    def record(self, event: Event) -> None:
        """Remember what the counters cannot show."""
        self._ladder.record(event)

    def counts(self, view: View) -> float:
        """Invocations + backedges, these estimated from seconds where the host does not see them."""
        if view.backedges is not None:
            return view.invocations + view.backedges
        if view.seconds is not None and view.tier == 0:
            ticks = view.seconds / self._tick
            if view.invocations:
                self._ticks_per_call[view.unit] = ticks / view.invocations
            return view.invocations + ticks
        return view.invocations * (1.0 + self._ticks_per_call.get(view.unit, 0.0))

    def decide(self, view: View, count: float) -> Decision:
        """The answer where tier 1 needs `count` counts."""
        backedges = view.backedges
        counts = self.counts(view) if backedges is None else view.invocations + backedges
        if self._dwell is not None:
            self._dwell.see(view)
        settled = self._ladder.settled(view, counts)
        if settled is not None:
            return settled
        tier = self._ladder.above(view)[0]
        threshold = count * self._factors[tier]
        if view.deopts:
            threshold *= 2.0 ** min(view.deopts, _MOST_DOUBLINGS)
        if counts < threshold:
            return Decision("stay", None, PLAIN, 0.0, self._budget(view, counts, threshold), None, COLD)
        missing = self._dwell.missing(view, 1) if self._dwell is not None else 0
        if missing:
            return Decision("stay", None, PLAIN, 0.0, missing, None, DWELLS)
        return self._ladder.climb(view, tier, HOT, counts)

    def _budget(self, view: View, counts: float, threshold: float) -> int:
        missing = threshold - counts
        if view.backedges is not None and missing <= (counts if self._moving else FOREVER):
            return math.ceil(missing)
        most: float = FOREVER
        if view.backedges is None and view.seconds is not None:
            missing *= view.invocations / counts if counts else 0.0
            most = max(1, view.invocations)
        if self._moving:
            most = min(most, max(_QUIET, counts))
        return max(1, math.ceil(min(missing, most)))
