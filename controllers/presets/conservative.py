"""The engine that makes no bets: a baseline for everything at once, an optimizer for what uses up its budget.

Source: V8's WebAssembly tiers. Liftoff compiles each function before its first call; a budget per function
(--wasm-tiering-budget, 1,800,000 in version 11.3) is charged with about the bytes that were executed, and when it is
spent TurboFan gets the function, more urgently each time. Types are known beforehand, so nothing is speculated on and
nothing is ever deoptimized.

It never loses more than its compiles, and gives away what bets would have gained. Where type feedback is poor or calls
change their targets it is the better of the two philosophies (`aggressive` is the other).

Choosing parameters. `budget` is in bytecodes executed, counts times size: a loop of 29 bytes needs 62,064 iterations,
as was measured on that engine. A host that sees no backedges charges calls alone, and the budget should be lower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tiering.protocol import FOREVER, Decision, Event, Setup, View, check_parameters, parameter, stay

from .. import ladder

BASELINE = "baseline for everything"
SPENT = "its budget is spent"
IN_BUDGET = "within its budget"

_SIZE = 100


@dataclass
class Conservative:
    """Baseline at once, the optimizer by budget, no bets. Raises InputError for a parameter outside its range."""

    budget: int = parameter(1_800_000, "bytecodes", "--wasm-tiering-budget of V8 11.3", low=1, high=1e15)
    failures: int = parameter(3, "compiles", "one per tier of the usual ladder, then pin", low=1)

    reasons = (BASELINE, SPENT, IN_BUDGET, *ladder.REASONS)

    _ladder: ladder.Ladder = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget which compiles failed."""
        self._ladder = ladder.Ladder(setup, self.failures, 0)

    def decide(self, view: View) -> Decision:
        """In tier 0 compile to the lowest tier, above it charge the budget."""
        counts = view.invocations + (view.backedges or 0)
        settled = self._ladder.settled(view, float(counts))
        if settled is not None:
            return settled
        above = self._ladder.above(view)
        if view.tier == 0:
            return self._ladder.climb(view, above[0], BASELINE, float(counts))
        missing = math.ceil(self.budget / max(1, view.size or _SIZE)) - counts
        if missing > 0:
            return stay(IN_BUDGET, budget=min(missing, FOREVER))
        return self._ladder.climb(view, above[-1], SPENT, float(counts))

    def record(self, event: Event) -> None:
        """Remember which compiles failed."""
        self._ladder.record(event)
