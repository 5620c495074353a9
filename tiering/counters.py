"""What is counted about one unit, and how the counts answer the two cheap questions of the hot path.

A host must be able to run millions of calls without asking anybody. So a unit carries its own budget: counts
(invocations + backedges) that may pass before the controller is asked again. `spend` is the only arithmetic on
that path; everything else happens at questions. Counts are whole numbers, so a host that jumps over many calls at
once arrives at the same state as one that steps.

On deoptimization the counters go back to zero (`reset`), as engines do: what was counted belongs to code that is
gone, and a counter left high makes the next call compile the same bet again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tiering.protocol import FOREVER, Bet


@dataclass(slots=True)
class UnitState:
    """Everything that the manager knows about one unit. `seconds` is time observed in tier 0."""

    name: str
    size: int | None = None
    lowest: int = 0
    counts_backedges: bool = True
    tier: int = 0
    pending: int | None = None
    invocations: int = 0
    backedges: int = 0
    seconds: float | None = None
    deopts: int = 0
    failures: int = 0
    budget: int = FOREVER
    wake_at: float | None = None
    pinned: bool = False
    bets: tuple[Bet, ...] = ()
    features: tuple[tuple[str, float], ...] = ()
    installed: set[int] = field(default_factory=set)
    reasons: dict[str, int] = field(default_factory=dict)
    last_reason: str = ""

    def spend(self, invocations: int, backedges: int) -> bool:
        """Count, and say whether the budget is now spent (a spent budget is not renewed here)."""
        self.invocations += invocations
        self.backedges += backedges
        self.budget -= invocations + backedges
        return self.budget <= 0

    def reset(self) -> None:
        """Start counting from zero, as after a deoptimization."""
        self.invocations = 0
        self.backedges = 0
        if self.seconds is not None:
            self.seconds = 0.0

    def best_installed(self, at_most: int) -> int:
        """The highest tier up to `at_most` whose code is there; tier 0 always is, where it can run at all."""
        return max((tier for tier in self.installed if tier <= at_most), default=self.lowest)
