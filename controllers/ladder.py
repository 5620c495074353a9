"""Which tiers are still open to a unit, and the answers that need no policy.

Every policy here meets the same four situations that it must not get wrong: a compile is under way, nothing is left
above, compiling keeps failing, bets keep failing. They are answered in one place, so that a policy's own file holds
only what is particular to it.

A tier whose compile failed for a unit is closed to that unit and the next one is tried: a baseline compiler that
refuses a function says nothing about the optimizer. A unit whose compiles failed `failures` times is pinned.
Speculative tiers are closed after `retries` deoptimizations; HotSpot stops after 4 traps at one bytecode
(PerBytecodeTrapLimit), which is where the default of 4 comes from.

While a compile is under way a question can change nothing, but a compile may end without code. So the unit is looked
at again after `PENDING_COUNTS` or `PENDING_SECONDS`, and no host needs a special call for failure.

Rejected: discarding a pending compile for a better one. The time in the compiler is spent, and engines that allow
it (HotSpot removes stale tasks) do so for tasks that still wait, which a View does not tell from running ones.
"""

from __future__ import annotations

from tiering import protocol
from tiering.protocol import PLAIN, CompileFailed, Decision, Event, Plan, Setup, View

PENDING = "compile pending"
AT_TOP = "nothing above"
FAILED = "failed too often"
REASONS = (PENDING, AT_TOP, FAILED)

PENDING_COUNTS = 10_000
PENDING_SECONDS = 1.0


class Ladder:
    """The tiers of one host, and per unit which of them failed. `record` every event."""

    def __init__(self, setup: Setup, failures: int, retries: int) -> None:
        self.tiers = setup.tiers
        self._failures = failures
        self._retries = retries
        self._failed: dict[str, int] = {}

    def record(self, event: Event) -> None:
        """Remember the tier that a unit could not be compiled to."""
        if isinstance(event, CompileFailed):
            self._failed[event.unit] = self._failed.get(event.unit, 0) | 1 << event.tier

    def above(self, view: View) -> tuple[int, ...]:
        """The tiers above the present one that are still open to this unit, lowest first."""
        failed = self._failed.get(view.unit, 0)
        bets_pay = view.deopts < self._retries
        return tuple(
            tier
            for tier in range(view.tier + 1, len(self.tiers))
            if not failed >> tier & 1 and (bets_pay or not self.tiers[tier].speculative)
        )

    def settled(self, view: View, priority: float) -> Decision | None:
        """The answer where no policy is needed, or None. `priority` ranks the unit while its compile waits."""
        if view.pending is not None:
            waiting = protocol.stay(PENDING, budget=PENDING_COUNTS, wake=PENDING_SECONDS)
            return waiting._replace(priority=priority)
        if view.failures >= self._failures:
            return protocol.pin(FAILED)
        if not self.above(view):
            return protocol.stay(AT_TOP)
        return None

    def climb(self, view: View, tier: int, reason: str, priority: float) -> Decision:
        """Compile to `tier`; where only an order was asked for (dequeue, evict), stay and say the rank."""
        if view.why in ("dequeue", "evict"):
            waiting = protocol.stay(reason, budget=PENDING_COUNTS, wake=PENDING_SECONDS)
            return waiting._replace(priority=priority)
        return protocol.compile(
            tier,
            reason,
            plan=self._plan(view, tier),
            priority=priority,
            budget=PENDING_COUNTS,
            wake=PENDING_SECONDS,
        )

    def _plan(self, view: View, tier: int) -> Plan:
        if not self.tiers[tier].speculative:
            return PLAIN
        return Plan(bets=tuple(bet.id for bet in view.bets if not bet.failures))
