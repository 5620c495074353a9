"""Hysteresis: after a change of tier the opposite change needs a margin, which grows with every reversal.

Code that is dropped for want of room, or because a bet failed, is as hot as before, so a rule that looks at hotness
alone makes it again at once, drives out other code for it or places the same bet, and so on for ever: it thrashes. The
remedies of engines and cluster schedulers differ in detail and agree in form, a dead time after a change: HotSpot
compiles without profile above 5 waiting tasks per thread and returns at 2, Kubernetes scales down to the greatest
need of the last 300 s only, JavaScriptCore doubles a threshold at each reoptimization.

Here the dead time is in counts of the unit itself: `counts` at first, `growth` times as many after each time that code
was lost before it had lived twice as long as it had been waited for. Code that lived longer has earned its keep,
and the margin begins anew. So of N counts at most log(N / counts) / log(growth) reversals are too early.

Changes are seen in the views: a tier lower than the one before means that code was lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tiering.protocol import FOREVER, View

_MOST_REVERSALS = 60


@dataclass(slots=True)
class _Unit:
    tier: int
    last: int = 0
    total: int = 0
    since: int = 0
    direction: int = 0
    reversals: int = 0


class Dwell:
    """The dead time of every unit. `see` each view once; `missing` says what is left of it."""

    def __init__(self, counts: int, growth: float) -> None:
        self._counts = counts
        self._growth = growth
        self._units: dict[str, _Unit] = {}

    def see(self, view: View) -> None:
        """Count, and note whether the tier has changed."""
        unit = self._units.get(view.unit)
        if unit is None:
            unit = self._units[view.unit] = _Unit(view.tier)
        counts = view.invocations + (view.backedges or 0)
        unit.total += counts - unit.last if counts >= unit.last else counts
        unit.last = counts
        if view.tier != unit.tier:
            self._changed(unit, 1 if view.tier > unit.tier else -1)
            unit.tier = view.tier

    def missing(self, view: View, direction: int) -> int:
        """Counts that are missing until a change upwards (1) or downwards (-1) is allowed; 0 if it is."""
        unit = self._units[view.unit]
        if unit.direction * direction >= 0:
            return 0
        return max(0, self._margin(unit) - (unit.total - unit.since))

    def _changed(self, unit: _Unit, direction: int) -> None:
        if direction < 0 < unit.direction:
            lived = unit.total - unit.since
            unit.reversals = 0 if lived >= 2 * self._margin(unit) else min(unit.reversals + 1, _MOST_REVERSALS)
        unit.direction = direction
        unit.since = unit.total

    def _margin(self, unit: _Unit) -> int:
        return math.ceil(min(self._counts * self._growth**unit.reversals, FOREVER))
