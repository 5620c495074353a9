"""A host whose program, compiler and clock take random turns, around a real TieringManager.

Every view that a `Walk` shows is one that some host can show, and between its walks all of them are shown: bets that
fail with and without a name, code that is kept or dropped at a failure, evictions, compiles that are dropped, counters
that are halved, features that sharpen, ranks asked for at dequeue and for eviction. It asks at any time and with any
`why`, not only when a budget is spent, because a host may be late or early. All draws come from one seed.
"""

from __future__ import annotations

import random

from tiering import manager, protocol
from tiering.counters import UnitState
from tiering.fakes import FakeCompiler, ManualClock
from tiering.protocol import Bet, Controller, Decision, Setup, Tier, UnitFuture, Why

NAME = "unit {}"
KINDS = ("bounds", "types", "constant", "branch", "zero_division", "overflow")
FEATURES = {
    "register_pressure": 64.0,
    "type_entropy": 3.0,
    "call_graph_stability": 1.0,
    "inlinable_size": 400.0,
    "inlinable_calls": 20.0,
}
COSTS = {
    "deopt_seconds": 1e-4,
    "backedge_seconds": 1e-6,
    "osr_seconds": 1e-4,
    "registers": 32.0,
    "spill_seconds": 1e-8,
    "spill_reduction": 1.0,
    "light_compile": 1.0,
    "call_seconds": 1e-6,
}
CODE_BYTES = 1000
WHOLE_UNIT = -1


class Walk:
    """A host whose program, compiler and clock take random turns, all drawn from `seed`."""

    def __init__(self, controller: Controller, seed: int, *, future: bool = False, units: int = 5) -> None:
        self._draw = random.Random(seed)
        self.setup = self._random_setup(seed, future, units)
        self.clock = ManualClock()
        self.compiler = FakeCompiler(self.clock, len(self.setup.tiers))
        self.manager = manager.TieringManager(controller, self.clock, self.compiler, self.setup)
        self._controller = controller
        if self.setup.evict:
            self.manager.code_used_bytes = 0
            self.manager.code_capacity_bytes = self._draw.choice([None, 2 * CODE_BYTES, 10 * CODE_BYTES])
        for number in range(units):
            self.manager.add(self._random_unit(number))

    def run(self, steps: int) -> None:
        """Take this many turns."""
        turns = [self._calls] * 6 + [self._end_compile] * 2 + [self._deoptimize, self._sample, self._rank]
        turns += [self._drop, self._evict, self._decay, self._learn]
        for _ in range(steps):
            state = self._draw.choice(list(self.manager.units.values()))
            if not state.pinned:
                self._draw.choice(turns)(state)

    def _random_setup(self, seed: int, future: bool, units: int) -> Setup:
        draw = self._draw
        tiers = [Tier("interpreter", 1.0)]
        for number in range(1, draw.randint(2, 6)):
            cost, per_size = 10 ** draw.uniform(-4, 0), draw.choice([0.0, 1e-5])
            speed = tiers[-1].speed * draw.uniform(0.8, 10)
            tiers.append(Tier(f"tier {number}", speed, cost, per_size, draw.random() < 0.4, draw.random() < 0.5))
        told = tuple(self._random_future(NAME.format(number), tiers) for number in range(units))
        osr, bets, evict, keeps = (draw.random() < 0.5 for _ in range(4))
        stated = tuple((name, draw.random() * most) for name, most in COSTS.items()) if draw.random() < 0.7 else ()
        threads = draw.randint(1, 4)
        return Setup(tuple(tiers), threads, seed, osr, bets, evict, (), told if future else None, keeps, stated)

    def _random_future(self, name: str, tiers: list[Tier]) -> UnitFuture:
        draw = self._draw
        call = 10 ** draw.uniform(-7, -2)
        seconds = tuple(call / tier.speed for tier in tiers)
        compiles = tuple(tier.compile_cost * draw.uniform(0.5, 2) for tier in tiers)
        return UnitFuture(name, int(10 ** draw.uniform(0, 6)), seconds, compiles, draw.choice([0, 0, 3]))

    def _random_unit(self, number: int) -> UnitState:
        draw = self._draw
        lowest = draw.choice([0, 0, 0, draw.randint(0, len(self.setup.tiers) - 1)])
        return UnitState(
            NAME.format(number),
            draw.choice([None, draw.randint(1, 5000)]),
            lowest,
            draw.random() < 0.5,
            lowest,
            seconds=draw.choice([None, 0.0]),
            bets=tuple(self._random_bet(bet) for bet in range(draw.randint(0, 4))) if self.setup.bets else (),
            features=self._random_features(),
        )

    def _random_bet(self, number: int) -> Bet:
        draw = self._draw
        gain, guard_cost = draw.uniform(0.0, 0.9), draw.choice([0.0, draw.uniform(0.0, 0.5)])
        return Bet(3 * number, draw.choice(KINDS), draw.randint(0, 2), gain, guard_cost)

    def _random_features(self) -> tuple[tuple[str, float], ...]:
        draw = self._draw
        shown = [(name, draw.random() * most) for name, most in FEATURES.items() if draw.random() < 0.7]
        return (*shown, ("entropy", draw.random()))

    def _calls(self, state: UnitState) -> None:
        draw = self._draw
        calls = int(10 ** draw.uniform(0, draw.choice([2, 5, 12])))
        seconds = calls * 10 ** draw.uniform(-8, -5)
        self.clock.advance(seconds)
        if state.tier == 0 and state.seconds is not None:
            state.seconds += seconds
        backedges = calls * draw.choice([0, 10, 1000]) if state.counts_backedges else 0
        if state.spend(calls, backedges):
            self._ask(state, "count")
        elif draw.random() < 0.4:
            self._ask(state, draw.choice(["count", "timer", "sample"]))

    def _end_compile(self, state: UnitState) -> None:
        if not self.compiler.tasks:
            return
        task = self._draw.choice(self.compiler.tasks)
        failed = "refused" if self._draw.random() < 0.3 else None
        self.clock.advance(self._draw.random())
        self.compiler.end(self.manager, task, took=10 ** self._draw.uniform(-4, 0), error=failed)
        self._ask(self.manager.units[task.unit], "compiled")

    def _deoptimize(self, state: UnitState) -> None:
        """A guard fails, of a bet, of an inlined site or of the unit; or what was inlined has changed."""
        if state.tier not in state.installed or not self.setup.tiers[state.tier].speculative:
            return
        why = "guard" if self._draw.random() < 0.8 else "dependency"
        bet = self._failing(state) if why == "guard" else None
        event = protocol.Deoptimized(self.clock.now(), state.name, state.tier, why, bet)
        self.manager.deoptimized(state, event, keep=self.setup.keeps and why == "guard")
        self._ask(state, "deopt")

    def _failing(self, state: UnitState) -> int | None:
        offered = [bet.id for bet in state.bets]
        failing = self._draw.choice([*offered, *offered, WHOLE_UNIT, len(offered), None])
        state.bets = tuple(
            bet._replace(failures=bet.failures + 1, observed=self._draw.random()) if bet.id == failing else bet
            for bet in state.bets
        )
        return failing

    def _sample(self, state: UnitState) -> None:
        seconds, calls = 10 ** self._draw.uniform(-8, -1), self._draw.randint(1, 100)
        self.manager.record(protocol.Sampled(self.clock.now(), state.name, state.tier, seconds, calls))

    def _rank(self, state: UnitState) -> None:
        if state.pending is not None:
            self._ask(state, "dequeue")
        elif state.installed and self.setup.evict:
            self._ask(state, "evict")

    def _drop(self, state: UnitState) -> None:
        """A compile that waits is given up, because the queue is full or its unit is no longer called."""
        if state.pending is not None:
            tier, why = state.pending, self._draw.choice(["queue full", "stale"])
            self.compiler.discard(state.name, tier)
            self.manager.dropped(state, protocol.Dropped(self.clock.now(), state.name, tier, why))
            self._ask(state, "compiled")

    def _evict(self, state: UnitState) -> None:
        """All code of a unit makes room for other code; its next call asks."""
        if not self.setup.evict or not state.installed:
            return
        for tier in sorted(state.installed):
            self.manager.evicted(state, protocol.Evicted(self.clock.now(), state.name, tier, CODE_BYTES))
        state.spend(1, 0)
        self._ask(state, "count")

    def _decay(self, state: UnitState) -> None:
        state.invocations //= 2
        state.backedges //= 2

    def _learn(self, state: UnitState) -> None:
        """Profiling sharpens what is known about a unit."""
        state.features = self._random_features()

    def _ask(self, state: UnitState, why: Why) -> None:
        if state.pinned:
            return
        if self.setup.evict:
            installed = sum(len(unit.installed) for unit in self.manager.units.values())
            self.manager.code_used_bytes = installed * CODE_BYTES
        decision = self._controller.decide(self.manager.view(state, why))
        if why == "dequeue":
            self._dequeued(state, decision)
        elif why != "evict":
            self.manager.apply(state, decision)

    def _dequeued(self, state: UnitState, decision: Decision) -> None:
        """Of an answer that ranks only the priority counts; another tier replaces the task, anything else drops it."""
        if decision.action == "stay" or decision.tier == state.pending:
            return
        self.manager.apply(state, decision)
        if decision.action != "compile" and state.pending is not None:
            self.compiler.discard(state.name, state.pending)
            state.pending = None
