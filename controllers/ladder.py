"""Which tiers are still open to a unit, and the answers that need no policy.

Every policy here meets the same situations that it must not get wrong: a compile is under way, nothing is left above,
compiling keeps failing, bets keep failing, the code cache is full. They are answered in one place, so that a policy's
own file holds only what is particular to it.

A tier whose compile failed for a unit is closed to that unit and the next one is tried: a baseline compiler that
refuses a function says nothing about the optimizer. A unit whose compiles failed `failures` times is pinned.
Speculative tiers are closed after `retries` deoptimizations; HotSpot stops after 4 traps at one bytecode
(PerBytecodeTrapLimit), which is where the default of 4 comes from. Of the bets that a host offers, those are taken
that have not failed. Where failing code stays installed (`Setup.keeps`), it is dropped at its failure, and the unit
asked about again after `COOLING_COUNTS`, doubled at each failure; who wants to weigh keeping it is the `speculator`.

While a compile is under way a question can change nothing, and however it ends, even without code or not at all, the
host asks again (why="compiled"). So the unit is looked at only after `PENDING_COUNTS` and then at doublings of its
counts. Rejected: a wake every second, which cost a long queue more questions than all the rest.

Of the code that could make room for other code, that of the fewest counts per second and bytecode goes first, counted
since the last time that somebody had to go: the density rule of greedy caching, over a window and not since the
start, because what was hot in an earlier phase would otherwise stay for ever. Compiled code that is never counted
(live) ranks by calls alone.

Rejected: discarding a pending compile for a better one. The time in the compiler is spent, and engines that allow
it (HotSpot removes stale tasks) do so for tasks that still wait, which a View does not tell from running ones.

What is asked at every question is looked up and not computed: the open tiers come from a table, and answers that are
always the same are one object each.
"""

from __future__ import annotations

from tiering.protocol import (
    FOREVER,
    PLAIN,
    CompileFailed,
    Decision,
    Event,
    Setup,
    View,
    deoptimize,
    pin,
    stay,
)

from .plans import Plans

PENDING = "compile pending"
AT_TOP = "nothing above"
FAILED = "failed too often"
BET_FAILED = "a bet failed"
RANKED = "ranked for eviction"
REASONS = (PENDING, AT_TOP, FAILED, BET_FAILED, RANKED)

PENDING_COUNTS = 10_000
COOLING_COUNTS = 500

_MOST_DOUBLINGS = 40
_TOP = stay(AT_TOP)
_PIN = pin(FAILED)
_SOON = 1e-9


class Ladder:
    """The tiers of one host, and per unit which of them failed. `record` every event.

    `plans` says how to compile. With `leaves` False, code whose guard failed is left to the policy.
    """

    def __init__(
        self, setup: Setup, failures: int, retries: int, plans: Plans | None = None, *, leaves: bool = True
    ) -> None:
        self.tiers = setup.tiers
        self.plans = plans or Plans(setup)
        self._failures = failures
        self._retries = retries
        self._leaves = leaves and setup.keeps
        self._failed: dict[str, int] = {}
        numbers = range(len(setup.tiers))
        self._all = [tuple(numbers)[tier + 1 :] for tier in numbers]
        self._plain = [tuple(tier for tier in above if not setup.tiers[tier].speculative) for above in self._all]
        self._counted: dict[str, tuple[float, int, float]] = {}

    def record(self, event: Event) -> None:
        """Remember the tier that a unit could not be compiled to."""
        if isinstance(event, CompileFailed):
            self._failed[event.unit] = self._failed.get(event.unit, 0) | 1 << event.tier

    def above(self, view: View) -> tuple[int, ...]:
        """The tiers above the present one that are still open to this unit, lowest first."""
        tiers = (self._all if view.deopts < self._retries else self._plain)[view.tier]
        if self._failed:
            failed = self._failed.get(view.unit)
            if failed:
                return tuple([tier for tier in tiers if not failed >> tier & 1])
        return tiers

    def settled(self, view: View, priority: float) -> Decision | None:
        """The answer where no policy is needed, or None. `priority` ranks the unit while its compile waits."""
        why = view.why
        if why == "evict":
            return Decision("stay", None, PLAIN, -self._density(view), PENDING_COUNTS, None, RANKED)
        if view.pending is not None:
            budget = min(max(PENDING_COUNTS, view.invocations + (view.backedges or 0)), FOREVER)
            return Decision("stay", None, PLAIN, priority, budget, None, PENDING)
        if view.failures >= self._failures:
            return _PIN
        if why == "deopt" and self._leaves and self.tiers[view.tier].speculative and view.tier > view.lowest:
            budget = COOLING_COUNTS << min(view.deopts, _MOST_DOUBLINGS)
            return deoptimize(view.tier - 1, BET_FAILED, budget=budget)
        if not self.above(view):
            return _TOP
        return None

    def climb(self, view: View, tier: int, reason: str, priority: float, again: float | None = None) -> Decision:
        """Compile to `tier`; where only the order is asked for (dequeue), stay and say the rank.

        `again` is the future in multiples of the past, where the policy knows better than its plans do.
        """
        if view.why == "dequeue":
            return Decision("stay", None, PLAIN, priority, PENDING_COUNTS, None, reason)
        bets: tuple[int, ...] = ()
        if view.bets and self.tiers[tier].speculative:
            bets = tuple([bet.id for bet in view.bets if not bet.failures])
        plan = self.plans.plan(view, tier, bets, again)
        return Decision("compile", tier, plan, priority, PENDING_COUNTS, None, reason)

    def _density(self, view: View) -> float:
        """Counts per second and bytecode since somebody last had to make room."""
        counts = view.invocations + (view.backedges or 0)
        since, before, rate = self._counted.get(view.unit, (0.0, 0, 0.0))
        passed = view.now - since
        if passed > 0.0 or view.unit not in self._counted:
            rate = (counts - before if counts >= before else counts) / max(passed, _SOON)
            self._counted[view.unit] = (view.now, counts, rate)
        return min(rate / max(1, view.size or 1), float(FOREVER))
