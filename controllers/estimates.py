"""What a unit's work, a tier's speed and a compile cost, from the host's priors and what has been observed since.

Speeds are relative to tier 0. A unit's own samples come first: seconds per call in tier 0 over seconds per call in
the tier. Of several samples the fastest counts: a sample is a call or two, and on a busy machine any of them may hold
a time slice of somebody else's. Where a unit has none for a tier, the prior is corrected by the geometric mean of
what other units showed; the geometric one, because ratios are what is averaged. Compile times are corrected by
seconds taken over seconds foretold, summed, so that long compiles weigh more. A tier without prior compile cost is
taken at the mean of what it took. Failed compiles are left out: one that is refused at once says nothing about those
that go through.

State is a few numbers per unit and tier.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from tiering.protocol import Compiled, Event, Sampled, Setup, View

Offers: TypeAlias = tuple[tuple[int, float, float], ...]
"""Tiers with the seconds that a compile takes and the speed of a unit in them."""


class Estimates:
    """Priors and what corrects them. With `learn` False the priors stand."""

    def __init__(self, setup: Setup, tick: float, *, learn: bool) -> None:
        self._tiers = setup.tiers
        self._tick = tick
        self._learn = learn
        self._sizes: dict[str, int | None] = {}
        self._tier0_call: dict[str, float] = {}
        self._fastest_call: dict[tuple[str, int], float] = {}
        self._counted_in: set[tuple[str, int]] = set()
        self._log_ratio = [0.0] * len(setup.tiers)
        self._ratios = [0] * len(setup.tiers)
        self._took = [0.0] * len(setup.tiers)
        self._foretold = [0.0] * len(setup.tiers)
        self._ended = [0] * len(setup.tiers)
        self._speeds = [tier.speed for tier in setup.tiers]
        self._sampled = False
        self._offers: dict[tuple[int | None, tuple[int, ...]], Offers] = {}
        self._break_even: dict[tuple[int | None, int, tuple[int, ...]], float] = {}

    def work(self, view: View) -> float:
        """Seconds that everything this unit did since the last reset would have taken in tier 0."""
        unit, invocations, seconds = view.unit, view.invocations, view.seconds
        self._sizes[unit] = view.size
        observed = self._counted(view) if seconds is None else seconds
        if view.tier == 0:
            if observed > 0.0 and invocations:
                self._tier0_call[unit] = observed / invocations
            return observed
        return max(observed, invocations * self.call_seconds(view))

    def speed(self, unit: str, tier: int) -> float:
        """Speed of a unit in a tier, relative to tier 0; always above 0."""
        prior = self._speeds[tier]
        if not self._sampled or tier == 0:
            return prior
        own = self._fastest_call.get((unit, tier))
        tier0 = self._tier0_call.get(unit)
        if own and tier0:
            return tier0 / own
        if self._ratios[tier]:
            return prior * math.exp(self._log_ratio[tier] / self._ratios[tier])
        return prior

    def offers(self, unit: str, size: int | None, tiers: tuple[int, ...]) -> Offers:
        """Of each of these tiers: its number, seconds to compile a unit of this size to it, the unit's speed there.

        As long as nobody shows samples, units of one size are alike, and are so until the next compile has ended.
        """
        if self._sampled:
            return tuple([(tier, self.compile_seconds(size, tier), self.speed(unit, tier)) for tier in tiers])
        known = self._offers.get((size, tiers))
        if known is None:
            known = tuple([(tier, self.compile_seconds(size, tier), self._speeds[tier]) for tier in tiers])
            self._offers[size, tiers] = known
        return known

    def break_even(self, size: int | None, tier: int, above: tuple[int, ...]) -> float | None:
        """The work at which the first of these tiers pays for its compile, for a unit of this size in `tier`.

        Infinite where none is faster; None while units differ in more than their size, because samples were seen.
        """
        if self._sampled:
            return None
        known = self._break_even.get((size, tier, above))
        if known is None:
            here, known = 1.0 / self._speeds[tier], math.inf
            for other in above:
                saved = here - 1.0 / self._speeds[other]
                if saved > 0.0:
                    known = min(known, self.compile_seconds(size, other) / saved)
            self._break_even[size, tier, above] = known
        return known

    def compile_seconds(self, size: int | None, tier: int) -> float:
        """Seconds that compiling a unit of this size to this tier should take."""
        prior = self._tiers[tier].compile_seconds(size)
        if not self._learn or not self._ended[tier]:
            return prior
        if self._foretold[tier] > 0.0:
            return prior * self._took[tier] / self._foretold[tier]
        return self._took[tier] / self._ended[tier]

    def record(self, event: Event) -> None:
        """Correct the priors by what was observed."""
        if isinstance(event, Sampled) and event.calls > 0 and event.seconds > 0.0:
            self._sampled = self._learn
            self._sample(event)
        elif isinstance(event, Compiled):
            self._offers.clear()
            self._break_even.clear()
            self._took[event.tier] += event.took
            prior = self._tiers[event.tier].compile_seconds(self._sizes.get(event.unit))
            self._foretold[event.tier] += prior
            self._ended[event.tier] += 1

    def _sample(self, event: Sampled) -> None:
        if event.tier == 0:
            self._tier0_call[event.unit] = event.seconds / event.calls
            return
        key, seconds = (event.unit, event.tier), event.seconds / event.calls
        before = self._fastest_call.get(key)
        if before is not None and before <= seconds:
            return
        self._fastest_call[key] = seconds
        tier0 = self._tier0_call.get(event.unit)
        if before is not None and key in self._counted_in:
            self._log_ratio[event.tier] += math.log(before / seconds)
        elif tier0:
            self._counted_in.add(key)
            self._log_ratio[event.tier] += math.log(tier0 / seconds / self._tiers[event.tier].speed)
            self._ratios[event.tier] += 1

    def call_seconds(self, view: View) -> float:
        """Seconds of one call of this unit in tier 0."""
        known = self._tier0_call.get(view.unit)
        if known is not None:
            return known
        fastest = self._fastest_call.get((view.unit, view.tier))
        if fastest:
            return fastest * self._tiers[view.tier].speed
        return self._counted(view) / max(1, view.invocations)

    def _counted(self, view: View) -> float:
        return (view.invocations + (view.backedges or 0)) * self._tick
