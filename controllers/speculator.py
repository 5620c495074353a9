"""Bets that pay, by p < s / D: which to place, and what to do when one has failed.

Sources: the break-even rule is Jikes RVM's (see `cost_benefit`), the condition on bets is expected cost, the back-off
is JavaScriptCore's; probabilities, profile lengths and rests are in `bets`, speeds and compile times in `estimates`.

Placing. A bet saves s = (gain - guard cost) * seconds of a call, and loses D at a failure: the stall, the failed call
in slower code and, where the host drops the code, the time that a new compile takes times what is lost in it. It is
placed iff p * D < s, with p estimated from above; of several bets at one site only the best. A version of
a unit then costs, per call, its time with these bets plus p * D of each, and versions are weighed as tiers are: compile
seconds + calls to come * seconds per call, with `again` times as many calls to come as there were.

After a failure the same comparison has up to five outcomes:

- keep the code, where the host has kept it (`Setup.keeps`): rare failures cost a stall each and no compile;
- recompile without the bet that failed, and run the failing code in the meantime;
- discard: failing code that is worse than the tier below is left at once, whether or not other code is made anew;
- cool down: leave the code for as long as the bet rests, where nothing else pays;
- pin, after `retries` failures of code that pays all the same: asking again would not change anything.

In a host that has dropped the code already, the last four remain, and staying is the third.

Choosing parameters. `prior` is what an untried bet is taken for. Guards are bimodal: those of CPython's JIT fail
in 6e-6 of cases or in 1 to 70 % (docutils run), so a bet is tried soon and judged fast. `caution` 1 waits for about
a sixth of D / s calls, `backoff` is the first rest after a failure. A host without bets, or one that says nothing of
what a deoptimization costs, gets the decisions of `cost_benefit` without learnt multipliers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from tiering.protocol import (
    FOREVER,
    PLAIN,
    Bet,
    Compiled,
    Decision,
    Deoptimized,
    Event,
    Setup,
    View,
    check_parameters,
    cost,
    deoptimize,
    parameter,
    pin,
    stay,
)
from tiering.protocol import compile as compile_to

from . import ladder
from .bets import WHOLE, WHOLE_CACHE, Bets
from .estimates import Estimates
from .plans import Plans

PAYS = "pays for itself"
NOT_YET = "does not pay yet"
KEPT = "failures cost less than they save"
WITHOUT = "recompiled with other bets"
COOLING = "cooling down"
DISCARDED = "bets no longer pay"
PINNED = "fails and pays all the same"

_LEAST = 100
_STEADY = 1000


@dataclass(slots=True)
class _Unit:
    """`calls` are all calls, `since` those when this run of good calls began, `below` the last tier without bets."""

    calls: int = 0
    last: int = 0
    counts_per_call: float = 1.0
    below: int = 0
    since: int = 0
    fresh: bool = False
    wanted: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()
    failed: frozenset[int] = frozenset()


class _Version(NamedTuple):
    """A tier with bets: compile seconds, expected seconds per call, and calls that something better still rests."""

    tier: int
    bets: tuple[int, ...]
    price: float
    per_call: float
    rests: int = 0


@dataclass
class Speculator:
    """Bets by expected cost. Raises InputError for a parameter outside its range."""

    again: float = parameter(1.0, "ratio", "the future is as long as the past (Jikes RVM)", low=1e-3, high=1e3)
    prior: float = parameter(0.02, "1", "an untried guard: most never fail, some nearly always", low=1e-9, high=1)
    caution: float = parameter(1.0, "sd", "one standard deviation above the mean", low=0, high=10)
    backoff: int = parameter(1000, "calls", "a failed bet rests for a usual warm-up, then doubled", low=1, high=1e12)
    retries: int = parameter(1000, "deopts", "expected cost decides long before; this ends what it misjudges", low=0)
    learn: int = parameter(1, "0 or 1", "priors are wrong by 10x for single units", low=0, high=1)
    tick: float = parameter(
        3e-7, "s", "one interpreted loop iteration; where a host shows no seconds", low=1e-9, high=1
    )
    failures: int = parameter(3, "compiles", "one per tier of the usual ladder, then pin", low=1)

    reasons = (PAYS, NOT_YET, KEPT, WITHOUT, COOLING, DISCARDED, PINNED, *ladder.REASONS)

    _setup: Setup = field(init=False, repr=False, compare=False)
    _deopt: float = field(init=False, repr=False, compare=False)
    _ladder: ladder.Ladder = field(init=False, repr=False, compare=False)
    _plans: Plans = field(init=False, repr=False, compare=False)
    _estimates: Estimates = field(init=False, repr=False, compare=False)
    _bets: Bets = field(init=False, repr=False, compare=False)
    _units: dict[str, _Unit] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget everything but the host's priors and costs."""
        self._setup = setup
        self._deopt = cost(setup, "deopt_seconds", 0.0)
        self._plans = Plans(setup, self.again)
        self._ladder = ladder.Ladder(setup, self.failures, self.retries, self._plans, leaves=False)
        self._estimates = Estimates(setup, self.tick, learn=bool(self.learn))
        self._bets = Bets(self.prior, self.caution, self.backoff)
        self._units = {}

    def decide(self, view: View) -> Decision:
        """Weigh every version of the unit that could be made against the one that runs."""
        unit = self._seen(view)
        speculates = self._setup.tiers[view.tier].speculative
        if not speculates and view.pending is None:
            settled = self._ladder.settled(view, 0.0)
            if settled is not None:
                return settled
        work, invocations = self._estimates.work(view), view.invocations
        call = work / invocations if invocations else self._estimates.call_seconds(view)
        ahead = self.again * max(1, unit.calls)
        if not (speculates or view.bets or view.deopts or view.pending is not None or view.why in ("dequeue", "evict")):
            above = self._ladder.above(view)
            break_even = self._estimates.break_even(view.size, view.tier, above)
            if break_even is not None and ahead * call <= break_even and not self._bets.knows(view.unit):
                calls = break_even / call / self.again - unit.calls if call > 0.0 else float(FOREVER)
                most = max(invocations + (view.backedges or 0), _LEAST if call > 0.0 else 1)
                budget = min(most, self._counts(unit, calls))
                return Decision("stay", None, PLAIN, 0.0, budget, None, NOT_YET)
        here = self._here(view, unit, call)
        versions = self._versions(view, unit, call)
        best, least = None, math.inf
        for made in versions:
            _, _, price, per_call, _ = made
            total = price + ahead * per_call
            if total < least:
                best, least = made, total
        gain = ahead * here - least if best else 0.0
        if speculates and view.why == "deopt" and view.failures < self.failures:
            leaving = call / self._estimates.speed(view.unit, unit.below)
            if here > leaving and view.lowest <= unit.below < view.tier:
                return self._leave(view, unit, anew=gain > ahead * (here - leaving))
        if view.pending is not None or view.why in ("dequeue", "evict") or view.failures >= self.failures:
            settled = self._ladder.settled(view, gain)
            if settled is not None:
                return settled
        if best and gain > 0.0 and view.why != "dequeue":
            return self._make(view, unit, best, gain)
        if speculates and view.why == "deopt":
            if view.deopts >= self.retries:
                return pin(PINNED)
            return stay(KEPT, budget=self._counts(unit, max(_STEADY, unit.calls - unit.since)))
        return self._wait(view, unit, here, versions, call)

    def record(self, event: Event) -> None:
        """Learn what compiles cost, what tiers bring and which bets fail."""
        self._ladder.record(event)
        self._estimates.record(event)
        unit = self._units.get(event.unit)
        if unit is None:
            return
        if isinstance(event, Compiled) and self._setup.tiers[event.tier].speculative:
            unit.taken, unit.fresh = unit.wanted, True
        elif isinstance(event, Deoptimized) and event.why == "guard":
            bet = WHOLE if event.bet is None else event.bet
            if bet == WHOLE or bet in unit.taken:
                unit.failed |= {bet}

    def _seen(self, view: View) -> _Unit:
        """Count the unit's calls, and judge the failures since it was last asked about."""
        unit = self._units.get(view.unit)
        if unit is None:
            unit = self._units[view.unit] = _Unit(below=view.tier)
        calls = view.invocations
        unit.calls += calls - unit.last if calls >= unit.last else calls
        unit.last = calls
        if calls:
            unit.counts_per_call = 1.0 + (view.backedges or 0) / calls
        if unit.failed or unit.fresh:
            for bet in sorted(unit.failed):
                self._bets.failed(view.unit, bet, unit.calls, max(0, unit.calls - unit.since))
            unit.since = unit.calls
            unit.fresh = False
            unit.failed = frozenset()
        if not self._setup.tiers[view.tier].speculative:
            unit.below = view.tier
        return unit

    def _here(self, view: View, unit: _Unit, call: float) -> float:
        """Expected seconds of a call in the code that runs."""
        seconds = call / self._estimates.speed(view.unit, view.tier)
        if not self._setup.tiers[view.tier].speculative or not (unit.taken or self._bets.knows(view.unit)):
            return seconds
        taken = [bet for bet in view.bets if bet.id in unit.taken]
        loss = self._loss(view, unit, view.tier, seconds, call)
        risk = sum(self._bets.rate(view, bet, unit.calls, ways) for bet, ways in _with_ways(view.bets) if bet in taken)
        return seconds * _factor(taken) + loss * (risk + self._bets.whole_rate(view.unit, unit.calls))

    def _versions(self, view: View, unit: _Unit, call: float) -> list[_Version]:
        """What could be made: the open tiers, then the present one with other bets."""
        above = self._ladder.above(view)
        if not view.bets and not self._bets.knows(view.unit):
            offers = self._estimates.offers(view.unit, view.size, above)
            # All fields in order: what `_Version(...)` does with its defaults takes as long again.
            return [tuple.__new__(_Version, (tier, (), price, call / speed, 0)) for tier, price, speed in offers]
        versions = [self._version(view, unit, tier, call) for tier in above]
        if view.bets and self._setup.tiers[view.tier].speculative and view.deopts < self.retries:
            other = self._version(view, unit, view.tier, call)
            versions += [other] if other.bets != unit.taken else []
        return versions

    def _version(self, view: View, unit: _Unit, tier: int, call: float) -> _Version:
        """The best version of this tier: with the bets that pay and do not rest."""
        price = self._estimates.compile_seconds(view.size, tier)
        seconds = call / self._estimates.speed(view.unit, tier)
        if not self._setup.tiers[tier].speculative or not (view.bets or self._bets.knows(view.unit)):
            return _Version(tier, (), price, seconds)
        loss = self._loss(view, unit, tier, seconds, call)
        rests = self._bets.resting(view.unit, WHOLE, unit.calls)
        if rests:
            return _Version(tier, (), price, math.inf, rests)
        best: dict[int, tuple[float, float, Bet]] = {}
        for bet, ways in _with_ways(view.bets):
            resting = self._bets.resting(view.unit, bet.id, unit.calls)
            rate = self._bets.rate(view, bet, unit.calls, ways)
            net = (bet.gain - bet.guard_cost) * seconds - rate * loss
            if resting:
                rests = min(rests or resting, resting)
            elif net > 0.0 and net > best.get(bet.site, (0.0,))[0]:
                best[bet.site] = (net, rate, bet)
        taken = [bet for _, _, bet in best.values()]
        risk = sum(rate for _, rate, _ in best.values()) + self._bets.whole_rate(view.unit, unit.calls)
        ids = tuple(sorted(bet.id for bet in taken))
        return _Version(tier, ids, price, seconds * _factor(taken) + risk * loss, rests)

    def _loss(self, view: View, unit: _Unit, tier: int, seconds: float, call: float) -> float:
        """Seconds that one failure costs in this tier."""
        slower = call / self._estimates.speed(view.unit, unit.below)
        loss = self._deopt + slower
        if not self._setup.keeps and slower > seconds:
            loss += self._estimates.compile_seconds(view.size, tier) * (1.0 - seconds / slower)
        return loss

    def _leave(self, view: View, unit: _Unit, *, anew: bool) -> Decision:
        """Go down; `anew` says that other code would pay at once, which the next question then asks for."""
        rests = max(self._bets.resting(view.unit, bet, unit.calls) for bet in (WHOLE, *unit.taken))
        if anew or not rests or view.deopts >= self.retries:
            budget = 1 if anew else self._counts(unit, max(_STEADY, unit.calls))
            return deoptimize(unit.below, DISCARDED, budget=budget)
        return deoptimize(unit.below, COOLING, budget=self._counts(unit, rests))

    def _make(self, view: View, unit: _Unit, best: _Version, gain: float) -> Decision:
        unit.wanted = best.bets
        again = best.tier == view.tier
        plan = self._plans.plan(view, best.tier, best.bets)
        reason = WITHOUT if again else PAYS
        return compile_to(best.tier, reason, plan=plan, priority=gain, budget=ladder.PENDING_COUNTS)

    def _wait(self, view: View, unit: _Unit, here: float, versions: list[_Version], call: float) -> Decision:
        """Until a version should pay, a rest ends, or the counts have doubled."""
        counts = view.invocations + (view.backedges or 0)
        most = max(counts, _LEAST if call > 0.0 else 1, _STEADY if unit.taken and view.tier != unit.below else 1)
        rests, calls = 0, float(FOREVER)
        for _, _, price, per_call, resting in versions:
            if resting:
                rests = min(rests or resting, resting)
            if per_call < here:
                calls = min(calls, price / (here - per_call) / self.again - unit.calls)
        if rests:
            calls = min(calls, float(rests))
        if not versions and not unit.taken:
            return stay(ladder.AT_TOP)
        return stay(COOLING if rests else NOT_YET, budget=min(max(1, most), self._counts(unit, calls)))

    def _counts(self, unit: _Unit, calls: float) -> int:
        return max(1, math.ceil(min(calls * unit.counts_per_call, FOREVER)))


def _factor(bets: list[Bet]) -> float:
    """What is left of a call's time with these bets: each saves its share of what the others left."""
    return math.prod(1.0 - bet.gain for bet in bets) + sum(bet.guard_cost for bet in bets)


def _with_ways(bets: tuple[Bet, ...]) -> list[tuple[Bet, int]]:
    """Each bet with the types that it tells apart: its number among a site's alternatives, a whole cache if alone."""
    seen: dict[int, int] = {}
    numbered = []
    for bet in bets:
        seen[bet.site] = ways = seen.get(bet.site, 0) + 1
        numbered.append((bet, ways))
    return [(bet, ways if seen[bet.site] > 1 else WHOLE_CACHE) for bet, ways in numbered]
