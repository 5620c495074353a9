"""How likely a bet is to fail at the next call, from what has been seen of it; and when it may be tried again.

A bet that saves s seconds per call and loses D seconds when it fails is good iff p < s / D. The gain and the losses are
the policy's; p is estimated here, from above, because a bet that was judged too well costs a compile and one that was
judged too badly costs a few calls of waiting.

Estimate. The failures f among n calls give a Beta(prior + f, 1 - prior + n) distribution of p; its mean plus `caution`
standard deviations is the estimate. Calls in any tier count, since a profile that had contradicted the bet would have
withdrawn the offer. At a failure what was known is halved, so that the estimate follows a program that changes: it then
says about one failure per length of the last good runs. Two kinds know more:

- "bounds": the n-th call breaks the largest index so far with chance 1/n, whatever the distribution of indices (A.
  Renyi, 1962), and a failure teaches the new maximum. So p = (1 + f) / (n + 1), and betting begins after k* = D / s
  calls: the profile length that minimises failures times D plus waiting times s, for any length of the program;
- "types": with H bits of entropy at its sites (feature "type_entropy") feedback on one type fails with at least the p
  at which the binary entropy is H, up to one bit, and 1 - 2**-H beyond; on k types with max(0, 1 - k * 2**-H). A
  bet without alternatives is an inline cache of `WHOLE_CACHE` types, where V8 and others give up.

Back-off. A failed bet rests for `backoff` calls, twice as many each time that it fails sooner than it had rested, as
JavaScriptCore doubles its thresholds; a run longer than that clears the record. So a bet that is wrong for ever is
placed at most log2(N / backoff) + 2 times in N calls, which ends any deopt storm; one that holds for long is
tried again soon.

Failures that no bet stands for (a guard of the whole unit, or a host that cannot tell) are kept as those of `WHOLE`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from tiering.protocol import FOREVER, Bet, View

WHOLE = -1
WHOLE_CACHE = 4

_MOST_LEVELS = 60
_HALVINGS = 30


@dataclass(slots=True)
class _Evidence:
    failures: float = 0.0
    good: float = 0.0
    last: int = 0
    level: int = 0


class Bets:
    """The evidence about every bet of every unit. Calls are all calls of the unit so far, whatever was reset."""

    def __init__(self, prior: float, caution: float, backoff: int) -> None:
        self._prior = prior
        self._caution = caution
        self._backoff = backoff
        self._units: dict[str, dict[int, _Evidence]] = {}

    def failed(self, unit: str, bet: int, calls: int, run: int) -> None:
        """A bet failed after `run` good calls in code that relied on it."""
        known = self._units.setdefault(unit, {}).setdefault(bet, _Evidence())
        if run >= self._rest(known.level):
            known.level = 0
        known.level = min(known.level + 1, _MOST_LEVELS)
        known.failures = known.failures / 2.0 + 1.0
        known.good = known.good / 2.0 + run
        known.last = calls

    def knows(self, unit: str) -> bool:
        """Whether any bet of this unit has ever failed."""
        return unit in self._units

    def resting(self, unit: str, bet: int, calls: int) -> int:
        """Calls until this bet may be placed again; 0 if it may."""
        known = self._units.get(unit, {}).get(bet)
        return 0 if known is None else max(0, self._rest(known.level) - (calls - known.last))

    def rate(self, view: View, bet: Bet, calls: int, ways: int = WHOLE_CACHE) -> float:
        """Failures per call to be reckoned with, an upper estimate; `ways` is how many types feedback tells apart."""
        known = self._units.get(view.unit, {}).get(bet.id, _Evidence())
        seen = known.good + calls - known.last
        if bet.kind == "bounds":
            return min(1.0, (1.0 + known.failures) / (seen + 1.0))
        failures = known.failures
        if bet.kind == "types":
            failures += (calls - known.last) * type_failure(_feature(view, "type_entropy"), ways)
        return self._upper(failures, seen)

    def whole_rate(self, unit: str, calls: int) -> float:
        """The same for failures that belong to no bet; 0 until there has been one."""
        known = self._units.get(unit, {}).get(WHOLE)
        return 0.0 if known is None else self._upper(known.failures, known.good + calls - known.last)

    def _upper(self, failures: float, seen: float) -> float:
        weight = 1.0 + failures + seen
        mean = (self._prior + failures) / weight
        return min(1.0, mean + self._caution * math.sqrt(max(0.0, mean * (1.0 - mean)) / (weight + 1.0)))

    def _rest(self, level: int) -> int:
        return int(min(self._backoff * 2.0 ** (level - 1), FOREVER)) if level else 0


@lru_cache(maxsize=1024)
def type_failure(entropy: float, ways: int = 1) -> float:
    """The share of calls that none of the `ways` usual types makes, to be expected at this entropy in bits."""
    if entropy >= 1.0 or ways > 1:
        return max(0.0, 1.0 - ways * math.exp2(-entropy))
    low, high = 0.0, 0.5
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _binary_entropy(middle) < entropy else (low, middle)
    return low


def _binary_entropy(p: float) -> float:
    return -p * math.log2(p) - (1.0 - p) * math.log2(1.0 - p) if 0.0 < p < 1.0 else 0.0


def _feature(view: View, name: str) -> float:
    return next((number for known, number in view.features if known == name), 0.0)
