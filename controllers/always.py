"""Compile everything at its first question, as a method JIT without an interpreter does (`numba.njit`, Self-91).

Choosing parameters. With the default `tier` every unit goes straight to the highest tier without bets, which is what
plain Numba does, and what other policies have to beat on long programs. `speculate=1` admits speculative tiers as
well: right only where bets can be placed without having watched the program. `tier=1` gives "baseline for all", the
lower rung of Agesen and Detlefs (2000).

At first sight nothing is known about the uses to come, and there is no second sight: plans are made for endless use,
which means heavy register allocation where registers are short, and all inlining.

A deoptimization says that compiling at once was too early: the next compile waits `backoff` counts, twice as many
after each further one, and after `retries` of them speculative tiers are closed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tiering import protocol
from tiering.protocol import FOREVER, Decision, Event, Setup, View, check_parameters, parameter

from . import ladder
from .plans import Plans

FIRST_SIGHT = "compiles at first sight"
BACKING_OFF = "backing off after a deopt"

_MOST_DOUBLINGS = 40


@dataclass
class Always:
    """Compiles each unit at its first question. Raises InputError for a parameter outside its range."""

    tier: int = parameter(
        -1, "tier", "-1 is the highest that `speculate` admits; a number above the top means the top", low=-1
    )
    speculate: int = parameter(0, "0 or 1", "0: nothing has been observed yet to bet on", low=0, high=1)
    backoff: int = parameter(1000, "counts", "wait after the first deopt; a tenth of a usual upper threshold", low=1)
    retries: int = parameter(4, "deopts", "HotSpot gives up after 4 traps (PerBytecodeTrapLimit)", low=0)
    failures: int = parameter(3, "compiles", "one per tier of the usual ladder, then pin", low=1)

    reasons = (FIRST_SIGHT, BACKING_OFF, *ladder.REASONS)

    _ladder: ladder.Ladder = field(init=False, repr=False, compare=False)
    _targets: dict[tuple[int, ...], int | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget which compiles failed."""
        self._ladder = ladder.Ladder(setup, self.failures, self.retries, Plans(setup, math.inf))
        self._targets = {}

    def decide(self, view: View) -> Decision:
        """Compile to the target, or to the highest open tier below it."""
        priority = -float(view.deopts)
        settled = self._ladder.settled(view, priority)
        if settled is not None:
            return settled
        above = self._ladder.above(view)
        if above not in self._targets:
            self._targets[above] = self._target(above)
        target = self._targets[above]
        if target is None:
            return protocol.stay(ladder.AT_TOP)
        if view.deopts:
            waited = view.invocations + (view.backedges or 0)
            missing = math.ceil(self.backoff * 2.0 ** min(view.deopts - 1, _MOST_DOUBLINGS)) - waited
            if missing > 0:
                return protocol.stay(BACKING_OFF, budget=min(missing, FOREVER))
        return self._ladder.climb(view, target, FIRST_SIGHT, priority)

    def record(self, event: Event) -> None:
        """Remember which compiles failed."""
        self._ladder.record(event)

    def _target(self, above: tuple[int, ...]) -> int | None:
        """The highest of the open tiers that is admitted."""
        tiers = self._ladder.tiers
        if self.tier >= 0:
            return max((tier for tier in above if tier <= self.tier), default=None)
        plain = [tier for tier in above if self.speculate or not tiers[tier].speculative]
        return max(plain, default=None)
