"""The simulation as a host: it owns the manager, is the manager's two ports, and can be paused at every question.

Pausing is the basic form, because every other use is a few lines over it: `run` asks the manager in between, a
learner's environment returns the view as an observation, a test answers by hand. While a question is open the whole
simulation stands still; it costs no simulated time to answer.

All units start with a budget of one count, so the first question about each comes at the entry of its first call,
before that runs. With `background` False a compile stops the program from the asking to the end, as plain njit does.
The run is over when the last call has returned; a compile that is still running then is counted up to that moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import NamedTuple

import simpy

from tiering.counters import UnitState
from tiering.errors import IllegalDecision, InputError
from tiering.log import DecisionLog
from tiering.manager import Task, TieringManager, broken_rule
from tiering.profile import Profile
from tiering.protocol import Compiled, CompileFailed, Controller, Decision, Deoptimized, Setup, Tier, View, Why
from tiering.sim.clock import Environment
from tiering.sim.compilers import CompilerThreads, Ended
from tiering.sim.costs import PICO, Costs, futures, picoseconds
from tiering.sim.draws import guard_failures
from tiering.sim.mutator import Mutator, Ports, UnitRun
from tiering.trace import Program

OBSERVES = ("invocations", "backedges", "seconds", "deopts", "failures", "queues")
"""The fields of a View that may be unknown elsewhere and are known here."""

MAX_CALLS = 10**9
"""A simulation of more calls than this takes hours; it is refused rather than begun."""

MAX_DECISIONS = 10**6
"""Questions that one simulation answers, in some 20 s and a hundred times what the workloads here need; a trace of
three lines can make a policy ask without end."""

LAST_WAKE = 1e60
"""Seconds. The longest program that can be described ends sooner, so a later wake needs no timer."""


class Result(NamedTuple):
    """What a run came to. Seconds are simulated.

    `stall_seconds` is the program standing still: loading code, deoptimizing, waiting for a compile that is not in
    the background. `compiles` are those whose code was installed, `failures` those without code. `compile_seconds`
    is the work of all compiler threads, discarded results included; `queue_seconds` the waiting of all tasks that
    were begun. `tier_seconds` is the program's time in each tier, `code_bytes` all code made, where sizes are known.
    """

    total_seconds: float
    stall_seconds: float
    compiles: int
    failures: int
    deopts: int
    decisions: int
    compile_seconds: float
    queue_seconds: float
    calls: int
    tier_seconds: tuple[float, ...]
    code_bytes: int


class Ledger(NamedTuple):
    """The program's time until now in whole picoseconds: `total` is `stalled` and all of `tiers` together."""

    total: int
    stalled: int
    tiers: tuple[int, ...]


def setup(program: Program, profile: Profile, *, seed: int = 0, future: bool = False) -> Setup:
    """What a controller is told at the start of a simulation. `future` is for oracles."""
    tiers = tuple(
        Tier(tier.name, tier.speed, tier.compile_seconds, tier.compile_seconds_per_size, tier.speculative)
        for tier in profile.tiers
    )
    told = futures(program, profile, seed) if future else None
    return Setup(tiers, profile.compiler_threads, seed, observes=OBSERVES, future=told)


class Simulation:
    """One run of one program under one controller.

    `failing` names compiles that end without code, as (unit, tier name). `jump` False makes one event of every
    call: slow, and equal, which is what it is for. Raises InputError for a program whose costs
    do not fit the profile or that makes more than `MAX_CALLS` calls, and NeedsFuture from the controller's `start`.
    After `max_decisions` answers the next question ends the run: then `advance` and `run` raise InputError.
    """

    def __init__(
        self,
        program: Program,
        profile: Profile,
        controller: Controller,
        *,
        seed: int = 0,
        log: DecisionLog | None = None,
        future: bool = False,
        failing: Collection[tuple[str, str]] = (),
        jump: bool = True,
        max_decisions: int = MAX_DECISIONS,
    ) -> None:
        calls = sum(program.counts())
        if calls > MAX_CALLS:
            raise InputError(f"{program.name}: makes {calls} calls; up to {MAX_CALLS} can be simulated")
        told = setup(program, profile, seed=seed, future=future)
        self.manager = TieringManager(controller, self, self, told, log=log)
        self._name = program.name
        self._max_decisions = max_decisions
        self._env = Environment()
        self._costs = Costs(program, profile)
        self._profile = profile
        self._index = {unit.name: index for index, unit in enumerate(program.units)}
        self._failing = frozenset(failing)
        self._questions: deque[tuple[UnitRun, Why]] = deque()
        self._asked: tuple[UnitRun, View] | None = None
        self._compiles = self._failures = self._deopts = self._decisions = self._code_bytes = 0
        self._units: list[UnitRun] = []
        for unit in program.units:
            state = self.manager.add(UnitState(unit.name, unit.size, seconds=0.0, budget=1))
            failures = guard_failures(seed, unit.name, unit.guard_failure)
            self._units.append(UnitRun(state, failures, next(failures)))
        threads = profile.compiler_threads
        tiers = len(profile.tiers)
        self._pool = CompilerThreads(
            self._env, threads, self._costs.ready, tiers, self._compile_cost, self._compile_ended
        )
        ports = Ports(self._ask, self._guard_failed, self._must_block)
        self._mutator = Mutator(self._env, program, self._costs, self._units, ports, jump=jump)

    def advance(self) -> View | None:
        """Run until the next question and return its View, or None when the program has ended.

        Raises RuntimeError while the last question is not answered, InputError for one question too many.
        """
        if self._asked is not None:
            raise RuntimeError(f"advance() with an open question about {self._asked[1].unit!r}: answer() it first")
        while True:
            while self._questions:
                unit, why = self._questions.popleft()
                if not unit.state.pinned:
                    return self._open(unit, why)
            if self._mutator.ended:
                return None
            self._env.step()

    def answer(self, decision: Decision) -> None:
        """Answer the open question. Raises IllegalDecision, and leaves the question open, if the rules forbid it;
        RuntimeError if there is none."""
        if self._asked is None:
            raise RuntimeError("answer() without an open question: call advance() first, until it returns None")
        unit, view = self._asked
        broken = broken_rule(decision, view, self.manager.setup, self.manager.controller.reasons)
        if broken:
            raise IllegalDecision(f"unit {view.unit!r}: {broken}")
        self._asked = None
        self._decisions += 1
        self.manager.apply(unit.state, decision)
        unit.wake_serial += 1
        if decision.wake is not None:
            self._set_timer(unit, decision.wake)
        self._mutator.look_again(unit)

    def run(self) -> Result:
        """Let the controller answer everything that is still to be asked."""
        while (view := self.advance()) is not None:
            self.answer(self.manager.decide(view))
        return self.result()

    def result(self) -> Result:
        """What the run came to. Raises RuntimeError before its end."""
        if not self._mutator.ended:
            raise RuntimeError("result() before the end: call advance() until it returns None")
        total, stalled, tiers = self.ledger()
        return Result(
            total / PICO,
            stalled / PICO,
            self._compiles,
            self._failures,
            self._deopts,
            self._decisions,
            self._pool.busy() / PICO,
            self._pool.queued_total / PICO,
            sum(unit.calls for unit in self._units),
            tuple(spent / PICO for spent in tiers),
            self._code_bytes,
        )

    def ledger(self) -> Ledger:
        """Where the program's time went, exactly; true at every question and at the end."""
        return Ledger(self._env.picoseconds, self._mutator.stalled, tuple(self._mutator.tiers))

    def now(self) -> float:
        """Simulated seconds since the start (the manager's clock)."""
        return self._env.picoseconds / PICO

    def submit(self, task: Task) -> None:
        """Queue a compile (the manager's compiler)."""
        self._pool.submit(task)

    def discard(self, unit: str, tier: int) -> None:
        """Forget a compile or code of this unit and tier (the manager's compiler)."""
        self._pool.discard(unit, tier)
        self._mutator.unblock()

    def queue(self) -> tuple[int, ...]:
        """Tasks that wait, per tier (the manager's compiler)."""
        return self._pool.queue()

    def _open(self, unit: UnitRun, why: Why) -> View:
        if self._decisions >= self._max_decisions:
            raise InputError(
                f"{self._name}: its controller asked for question {self._decisions + 1}; up to {self._max_decisions} "
                "can be simulated; take a controller that asks less often, or fewer calls and backedges"
            )
        self._mutator.catch_up()
        unit.state.seconds = unit.interpreted / PICO
        view = self.manager.view(unit.state, why)
        self._asked = (unit, view)
        return view

    def _ask(self, unit: UnitRun, why: Why) -> None:
        self._questions.append((unit, why))

    def _set_timer(self, unit: UnitRun, wake: float) -> None:
        if wake > LAST_WAKE:
            return
        serial = unit.wake_serial
        timer = self._env.timeout(max(1, picoseconds(wake)))

        def ring(_: simpy.Event) -> None:
            if unit.wake_serial == serial:
                self._ask(unit, "timer")

        timer.callbacks.append(ring)

    def _guard_failed(self, unit: UnitRun, tier: int) -> None:
        self._deopts += 1
        self.manager.deoptimized(unit.state, Deoptimized(self.now(), unit.state.name, tier, "guard"))
        unit.interpreted = 0

    def _must_block(self) -> bool:
        return not self._profile.background and not self._pool.quiet()

    def _compile_cost(self, task: Task) -> int:
        return self._costs.code[self._index[task.unit]][task.tier].compile

    def _compile_ended(self, ended: Ended) -> None:
        self._mutator.unblock()
        if not ended.wanted:
            return
        task = ended.task
        unit = self._units[self._index[task.unit]]
        took = ended.took / PICO
        if (task.unit, self._profile.tiers[task.tier].name) in self._failing:
            self._failures += 1
            message = "this compile was told to fail"
            self.manager.failed(unit.state, CompileFailed(self.now(), task.unit, task.tier, message, took))
        else:
            self._compiles += 1
            size = self._costs.code[self._index[task.unit]][task.tier].bytes
            self._code_bytes += size or 0
            unit.fresh.add(task.tier)
            waited = ended.waited / PICO
            self.manager.compiled(unit.state, Compiled(self.now(), task.unit, task.tier, waited, took, size))
        self._ask(unit, "compiled")
