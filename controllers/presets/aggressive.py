"""The optimistic engine: watch a little, then bet on everything at once and let the guards find out.

Source: the design of JavaScript engines. V8 optimises on whatever type feedback a function has gathered in a few
ticks of its interrupt budget, and when a guard fails throws the code away, widens the feedback and starts anew; Self-91
compiled for the types it had seen at the first call. In between there is no ladder: from the interpreter straight to
the highest tier, with every bet that has not failed yet and everything inlined. Where failing code stays installed it
is kept: the failing call leaves by a side exit, as from a trace, and the next one enters again.

It wins where programs are as monomorphic as they look, and loses a compile and a stall for every bet that does not
hold. `p < s / D` is not asked: that is what the `speculator` does.

Choosing parameters. `warmup` counts are what it takes until feedback is worth something; V8's 66 KB of bytecodes are
about 1000 passes of a body of 66 bytes. After a deoptimization the counters are at zero, so it warms up again, and
`growth` 1 makes it wait no longer than before, as V8 does; 2 makes it JavaScriptCore. `retries` is the end of it, since
a guard that belongs to no bet can fail for ever.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tiering.protocol import FOREVER, Decision, Event, Setup, View, check_parameters, parameter, stay

from .. import ladder
from ..plans import Plans

WARM = "warmed up: bets on everything"
WARMING = "warming up"

_MOST_FAILURES = 40


@dataclass
class Aggressive:
    """All bets at once after warm-up. Raises InputError for a parameter outside its range."""

    warmup: int = parameter(1000, "counts", "V8's interrupt budget in passes of a small body", low=1, high=1e15)
    growth: float = parameter(1.0, "ratio", "V8 waits after a deopt no longer than before it", low=1, high=100)
    retries: int = parameter(20, "deopts", "optimistic, though not for ever", low=0)
    failures: int = parameter(3, "compiles", "one per tier of the usual ladder, then pin", low=1)

    reasons = (WARM, WARMING, *ladder.REASONS)

    _ladder: ladder.Ladder = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget which compiles failed."""
        plans = Plans(setup, math.inf, careful=False)
        self._ladder = ladder.Ladder(setup, self.failures, self.retries, plans, leaves=False)

    def decide(self, view: View) -> Decision:
        """Once warm, compile to the highest open tier."""
        counts = view.invocations + (view.backedges or 0)
        settled = self._ladder.settled(view, float(counts))
        if settled is not None:
            return settled
        missing = self._warmup(view) - counts
        if missing > 0:
            return stay(WARMING, budget=missing)
        return self._ladder.climb(view, self._ladder.above(view)[-1], WARM, float(counts))

    def record(self, event: Event) -> None:
        """Remember which compiles failed."""
        self._ladder.record(event)

    def _warmup(self, view: View) -> int:
        return math.ceil(min(self.warmup * self.growth ** min(view.deopts, _MOST_FAILURES), FOREVER))
