"""Compile what pays for itself if the program runs as long again as it has: the rule of Jikes RVM.

Source: M. Arnold, S. Fink, D. Grove, M. Hind, P. Sweeney, *Adaptive Optimization in the Jalapeno JVM*, OOPSLA 2000;
the Jikes RVM source `AnalyticModel.java`. With T_i the time a unit has spent, as if all of it in its present tier i,
S the speeds and C the compile times: choose the j that minimises C_j + T_i * S_i / S_j, compile if that is less than
T_i, rank by the difference. With one upper tier the break-even point is T > C * S / (S - 1).

Written here with the work W = T_i * S_i, the seconds that everything so far would have taken in tier 0: compile to j
if C_j + W / S_j < W / S_i. So nothing has to be rescaled when a unit changes tiers. Tier 0 shows its seconds; above
it, calls are multiplied by the seconds that one of them took in tier 0. Where a host shows no seconds at all, counts
times `tick` stand for them.

Learning (`learn=1`). The priors in Setup are one number per tier; the same tier may bring 2x to one unit and 80x to
another. `Sampled` events give a unit's own seconds per call per tier, and from all units a correction of each tier's
prior speed (geometric mean); `Compiled` events give a correction of each tier's prior compile time. A tier that has
been seen to bring nothing to a unit is thus not chosen for it again; the unit is asked about at doublings of its
counts, in case that was a bad sample.

Choosing parameters. `again` is the future in multiples of the past. 1 is Jikes' rule, the optimum for a Pareto tail
with alpha = 1; for alpha = 0.25, as measured on CPython's benchmarks, it is 4. A deoptimization doubles the price of
speculative tiers for the unit, since part of such compiles is wasted.

Questions come when the break-even point should be reached at the pace so far, and no later than at a doubling of
counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tiering import protocol
from tiering.protocol import FOREVER, PLAIN, Decision, Event, Setup, View, check_parameters, parameter

from . import ladder
from .estimates import Estimates, Offers

PAYS = "pays for itself"
NOT_YET = "does not pay yet"
NO_GAIN = "no tier is faster"

_MOST_DOUBLINGS = 40
_NO_GAIN_BUDGET = 1000


@dataclass
class CostBenefit:
    """Compiles when past work would pay for it. Raises InputError for a parameter outside its range."""

    again: float = parameter(1.0, "ratio", "the future is as long as the past (Jikes RVM)", low=1e-3, high=1e3)
    learn: int = parameter(1, "0 or 1", "priors are wrong by 10x for single units", low=0, high=1)
    tick: float = parameter(
        3e-7, "s", "one interpreted loop iteration; used where a host shows no seconds", low=1e-9, high=1
    )
    retries: int = parameter(4, "deopts", "HotSpot gives up after 4 traps (PerBytecodeTrapLimit)", low=0)
    failures: int = parameter(3, "compiles", "one per tier of the usual ladder, then pin", low=1)

    reasons = (PAYS, NOT_YET, NO_GAIN, *ladder.REASONS)

    _ladder: ladder.Ladder = field(init=False, repr=False, compare=False)
    _estimates: Estimates = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget everything but the host's priors."""
        self._ladder = ladder.Ladder(setup, self.failures, self.retries)
        self._estimates = Estimates(setup, self.tick, learn=bool(self.learn))

    def decide(self, view: View) -> Decision:
        """Weigh each open tier's compile time against the time it would have saved so far."""
        work, pending = self.again * self._estimates.work(view), view.pending
        if pending is None:
            settled = self._ladder.settled(view, 0.0)
            if settled is not None:
                return settled
            if not view.deopts:
                above = self._ladder.above(view)
                break_even = self._estimates.break_even(view.size, view.tier, above)
                if break_even is not None and work <= break_even:
                    return self._wait(view, work, break_even)
        offers = self._offers(view)
        speed_here = self._estimates.speed(view.unit, view.tier)
        least, best = math.inf, view.tier
        for tier, seconds, speed in offers:
            cost = seconds + work / speed
            if cost < least:
                least, best = cost, tier
        gain = work / speed_here - least if offers else 0.0
        if pending is not None:
            return self._ladder.settled(view, gain) or protocol.stay(NOT_YET)
        if gain > 0.0:
            return self._ladder.climb(view, best, PAYS, gain, self.again)
        return self._wait(view, work, _break_even(1.0 / speed_here, offers))

    def record(self, event: Event) -> None:
        """Learn what compiles cost and what tiers bring."""
        self._ladder.record(event)
        self._estimates.record(event)

    def _offers(self, view: View) -> Offers:
        """Of each open tier: its number, the price of compiling to it in seconds, its speed."""
        tiers, deopts = self._ladder.tiers, view.deopts
        offers = self._estimates.offers(view.unit, view.size, self._ladder.above(view))
        if not deopts:
            return offers
        dearer = 2.0 ** min(deopts, _MOST_DOUBLINGS)
        return tuple(
            [(tier, seconds * dearer if tiers[tier].speculative else seconds, speed) for tier, seconds, speed in offers]
        )

    def _wait(self, view: View, work: float, break_even: float) -> Decision:
        counts = view.invocations + (view.backedges or 0)
        if break_even == math.inf:
            return protocol.stay(NO_GAIN, budget=min(max(_NO_GAIN_BUDGET, counts), FOREVER))
        missing = counts * (break_even / work - 1.0) if work > 0.0 else math.inf
        budget = math.ceil(missing) if missing < counts else counts
        return Decision("stay", None, PLAIN, 0.0, budget if budget > 1 else 1, None, NOT_YET)


def _break_even(here: float, offers: Offers) -> float:
    """The work at which one of these tiers pays, where a second of it takes `here` seconds now."""
    least = math.inf
    for _, seconds, speed in offers:
        saved = here - 1.0 / speed
        if saved > 0.0 and seconds / saved < least:
            least = seconds / saved
    return least
