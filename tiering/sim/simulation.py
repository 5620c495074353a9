"""The simulation as a host: it owns the manager, is the manager's two ports, and can be paused at every question.

Pausing is the basic form, because every other use is a few lines over it: `run` asks the manager in between, a
learner's environment returns the view as an observation, a test answers by hand. While a question is open the whole
simulation stands still; it costs no simulated time to answer.

All units start with a budget of one count, so the first question about each comes at the entry of its first call,
before that runs. With `background` False a compile stops the program from the asking to the end, as plain njit does.
The run is over when the last call has returned; a compile that is still running then is counted up to that moment.
"""

from __future__ import annotations

import gc
import math
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from tiering.counters import UnitState
from tiering.errors import IllegalDecision, InputError
from tiering.log import DecisionLog
from tiering.manager import Task, TieringManager, broken_rule
from tiering.profile import Profile
from tiering.protocol import Compiled, CompileFailed, Controller, Decision, Dropped, Plan, View, Why
from tiering.sim.checks import check, check_code_cache
from tiering.sim.clock import Alarms, Environment, Wall
from tiering.sim.code import Code
from tiering.sim.compilers import Compilers, Pool, Running, Waiting
from tiering.sim.costs import PICO, Costs, picoseconds
from tiering.sim.kernel import ASK, COUNTS, LAST, MADE, NEVER
from tiering.sim.mutator import Mutator
from tiering.sim.outcome import Ledger, Result, setup
from tiering.sim.polls import Poll, at_dequeue
from tiering.sim.source import COMPILED, blocks
from tiering.sim.threads import Ports, Question
from tiering.sim.units import UnitRun, Units
from tiering.sim.versions import Version, version
from tiering.trace import Mix, Program

MAX_DECISIONS = 10**7
"""Questions that one simulation answers: a minute's work, and more than a billion calls of ten thousand units need
under any policy here. A trace of three lines can make a policy ask without end."""

MAX_DECAYS = 10**6
"""Times that all counters are halved in one simulation."""

LIMIT = 1 << 61
"""Picoseconds, for all threads together. A simulation ends here, after 26 days, so that all sums fit into 64 bits."""

CompileHook = Callable[[str, str, Plan], Version]
"""What really compiles: unit, tier name and plan to the version that came of it (see `tiering.sim.versions`)."""


class Simulation:
    """One run of one program under one controller.

    `failing` names compiles that end without code, as (unit, tier name). `jump` False makes one event of every
    call: slow, and equal, which is what it is for. `compile` replaces the costs of compiles by real ones. Raises
    InputError for a profile that breaks a rule, a program whose costs do not fit it or that makes more than
    `checks.MAX_CALLS` calls, and NeedsFuture from the controller's `start`. After `max_decisions` answers the next
    question ends the run, and so does the end of time, `LIMIT`: then `advance` and `run` raise InputError.
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
        compile: CompileHook | None = None,
    ) -> None:
        check(program, profile)
        self._costs = Costs(program, profile, seed)
        check_code_cache(self._costs)
        told = setup(program, profile, seed=seed, future=future, costs=self._costs)
        self._wall = Wall(profile.machine.cores)
        self._env = Environment()
        fast = jump and _worth_compiling(program)
        self._units = Units(program, self._costs, seed, fast=fast)
        sources = [blocks(program, self._costs, seed, thread) for thread in range(program.threads())]
        self._questions: deque[Question] = deque()
        ports = Ports(self._questions.append, self._guard_failed, self._share, self._wall.ticks)
        self._mutator = Mutator(self._env, self._units, sources, ports, jump=jump, fast=fast)
        self.manager = TieringManager(controller, self, self, told, log=log)
        self._name = program.name
        self._max_decisions = max_decisions
        self._limit = LIMIT // program.threads()
        self._profile = profile
        self._background = profile.background
        self._failing = frozenset(failing)
        self._hook = compile
        self._asked: tuple[UnitRun, View, int] | None = None
        self._poll: Poll | None = None
        self._polls: deque[Poll] = deque()
        self._decisions = self._dropped = self._decays = 0
        self._versions: dict[tuple[int, int, Plan], Version] = {}
        self._alarms = Alarms(self._env, self._wall)
        self._rings = self._ring
        self._compilers = Compilers(self._env, profile, self._instants, self._begin_compile, self._compile_ended)
        self._code = Code(
            self._units, self._mutator, self.manager, profile, self.now, self._questions.append, self._polls
        )
        for unit in self._units.runs:
            self.manager.add(unit.state)
        self._wire()

    def advance(self) -> View | None:
        """Run until the next question and return its View, or None when the program has ended.

        Raises RuntimeError while the last question is not answered, InputError for one question too many.
        """
        if self._asked is not None:
            raise RuntimeError(f"advance() with an open question about {self._asked[1].unit!r}: answer() it first")
        mutator, env, questions = self._mutator, self._env, self._questions
        while True:
            if self._polls:
                view = self._next_of_poll()
                if view is not None:
                    return view
                continue
            while questions:
                unit, why, entering = questions.popleft()
                if not unit.state.pinned:
                    return self._open(unit, why, entering)
            if mutator.ended:
                return None
            upcoming = env.peek()
            horizon = self._limit if upcoming >= self._limit else int(upcoming)
            if not mutator.jump or mutator.blocked or not mutator.go(horizon):
                if mutator.blocked and upcoming == math.inf:
                    raise RuntimeError(f"{self._name}: stands still for a compile that nobody makes")
                if upcoming >= self._limit:
                    raise InputError(f"{self._name}: does not end within {self._limit / PICO:.0f} simulated seconds")
                env.step()
                if not mutator.jump:
                    mutator.step(questions, self._polls)

    def answer(self, decision: Decision) -> None:
        """Answer the open question. Raises IllegalDecision, and leaves the question open, if the rules forbid it;
        RuntimeError if there is none."""
        if self._asked is None:
            raise RuntimeError("answer() without an open question: call advance() first, until it returns None")
        view = self._asked[1]
        broken = broken_rule(decision, view, self.manager.setup, self.manager.controller.reasons)
        if broken:
            raise IllegalDecision(f"unit {view.unit!r}: {broken}")
        self._apply(decision)

    def run(self) -> Result:
        """Let the controller answer everything that is still to be asked."""
        decide, alone = self.manager.decide, len(self._mutator.threads) == 1 and self._mutator.jump
        with seldom_collected():
            while (view := self.advance()) is not None:
                self._apply(decide(view))
                if alone:
                    self._hurry()
            self._alarms.clear()
            self._compilers.close()
        return self.result()

    def result(self) -> Result:
        """What the run came to. Raises RuntimeError before its end."""
        if not self._mutator.ended:
            raise RuntimeError("result() before the end: call advance() until it returns None")
        _, stalled, tiers, _ = self.ledger()
        code = self._code
        return Result(
            self.now(),
            stalled / PICO,
            code.compiles,
            code.failures,
            code.deopts,
            self._decisions,
            self._compilers.busy() / PICO,
            self._compilers.waited_ticks / self._wall.in_ticks(PICO),
            sum(self._units.at[unit.place + MADE] for unit in self._units.runs),
            tuple(spent / PICO for spent in tiers),
            code.bytes_made,
            code.cache.peak,
            code.lazy_deopts,
            code.evictions,
            self._dropped,
            self._mutator.osr_entries,
            code.failed_seconds,
        )

    def ledger(self) -> Ledger:
        """Where the program's time went, exactly; true at every question and at the end."""
        total, stalled, tiers = self._mutator.ledger()
        wall = self._wall.ticks(self._mutator.instant) // self._wall.in_ticks(1)
        return Ledger(total, stalled, tuple(tiers), wall)

    def marks(self) -> tuple[float, ...]:
        """Seconds on the wall at which the first thread began each of its groups and, last, ended; shape (groups + 1,).

        `tiering.trace.in_iterations` cuts a program into groups of equally many calls.
        """
        second = self._wall.in_ticks(PICO)
        return tuple(ticks / second for ticks in self._mutator.threads[0].marks)

    def counts(self) -> dict[str, UnitState]:
        """The manager's units with their counters true at this instant."""
        for unit in self._units.runs:
            self._mutator.surface(unit)
            self._units.show(unit, 0)
        return self.manager.units

    def now(self) -> float:
        """Simulated seconds since the start (the manager's clock)."""
        if self._wall.cores is None:
            return self._mutator.instant / PICO
        return self._wall.seconds(self._mutator.instant)

    def submit(self, task: Task) -> None:
        """Queue a compile (the manager's compiler)."""
        if not self._compilers.submit(task):
            unit = self._units.runs[self._costs.index[task.unit]]
            unit.state.budget = min(unit.state.budget, self._profile.machine.retry_counts)
            self._dropped += 1
            self.manager.dropped(unit.state, Dropped(self.now(), task.unit, task.tier, "queue full"))

    def discard(self, unit: str, tier: int) -> None:
        """Forget a compile or code of this unit and tier (the manager's compiler)."""
        self._compilers.discard(unit, tier)
        self._unblock_when_quiet()
        run = self._units.runs[self._costs.index[unit]]
        if tier not in run.state.installed:
            self._code.discard(run, tier)

    def queue(self) -> tuple[int, ...]:
        """Tasks that wait, per tier (the manager's compiler)."""
        return self._compilers.queue()

    def _wire(self) -> None:
        machine = self._profile.machine
        if machine.cores is not None:
            self._compilers.changed = self._share
        if machine.priorities == "dequeue":
            self._compilers.free = self._poll_the_queue
        if machine.stale_seconds is not None:
            self._compilers.stale = self._is_stale
        if self._costs.ready:
            self._alarms.set(self._wall.in_ticks(self._costs.ready), lambda _, __: self._compilers.open())
        else:
            self._compilers.open()
        if machine.decay_seconds is not None:
            period = self._wall.delay(machine.decay_seconds)
            self._alarms.set(period, self._decay, None, period)
        self._share()

    def _open(self, unit: UnitRun, why: Why, entering: int) -> View:
        if self._decisions >= self._max_decisions:
            raise InputError(
                f"{self._name}: its controller asked for question {self._decisions + 1}; up to {self._max_decisions} "
                "can be simulated; take a controller that asks less often, or fewer calls and backedges"
            )
        if not entering or self._mutator.running > 1:
            self._mutator.surface(unit)
        self._units.show(unit, entering)
        if self._code.shows:
            self._code.show(unit)
        view = self.manager.view(unit.state, why)
        self._asked = (unit, view, entering)
        return view

    def _hurry(self) -> None:
        """Let the controller answer until something is up that is not usual. For programs of one thread.

        Nearly all questions come at an entry, from a timer or from a compile. They are answered here without the many
        cases of `advance`, which is what everything else is left to.
        """
        mutator, env, questions, units, code = self._mutator, self._env, self._questions, self._units, self._code
        ask, upcoming, runs, limit = self.manager.ask, self._env._queue, self._units.runs, self._limit
        why: Why
        while mutator.running and not (self._polls or mutator.blocked):
            if questions:
                unit, why, entering = questions.popleft()
                if unit.state.pinned:
                    continue
            else:
                horizon: Any = upcoming[0][0] if upcoming else limit
                found = mutator.reach(horizon if horizon < limit else limit)
                if found >= 0:
                    mutator.attend(found)
                    continue
                if found == -1:
                    if horizon >= limit:
                        return
                    env.step()
                    continue
                unit, why, entering = runs[-2 - found], "count", 1
            if self._decisions >= self._max_decisions:
                questions.appendleft((unit, why, entering))
                return
            if not entering:
                mutator.surface(unit)
            units.show(unit, entering)
            if code.shows:
                code.show(unit)
            decision = ask(unit.state, why)
            self._decisions += 1
            self._carry_out(unit, decision, entering)

    def _apply(self, decision: Decision) -> None:
        asked, self._asked = self._asked, None
        assert asked is not None
        unit, _, entering = asked
        self._decisions += 1
        if self._poll is None:
            self.manager.apply(unit.state, decision)
            self._carry_out(unit, decision, entering)
        else:
            self._poll.answers.append((unit.index, decision))

    def _carry_out(self, unit: UnitRun, decision: Decision, entering: int) -> None:
        """Do what `manager.apply` leaves to the host."""
        state, at, place = unit.state, self._units.at, unit.place
        asked_at = at[place + COUNTS] + entering + state.budget
        at[place + ASK] = NEVER if state.pinned or asked_at > NEVER else asked_at
        unit.wake_serial += 1
        if decision.wake is not None:
            self._set_timer(unit, decision.wake)
        if not entering or self._mutator.running > 1:
            self._mutator.replan(unit)
        if not self._background and not self._compilers.quiet():
            self._mutator.block()
            self._share()

    def _next_of_poll(self) -> View | None:
        """The next question of the poll that is under way; at its end its answers are carried out."""
        poll = self._polls[0]
        self._poll = poll
        while poll.left:
            unit = self._units.runs[poll.left.popleft()]
            if unit.state.pinned:
                poll.answers.append((unit.index, None))
            else:
                return self._open(unit, poll.why, 0)
        self._poll = None
        self._polls.popleft()
        poll.done(poll.answers)
        return None

    def _set_timer(self, unit: UnitRun, wake: float) -> None:
        if wake * PICO < LIMIT:
            wall = self._wall
            self._alarms.set(wall.ticks(self._mutator.instant) + wall.delay(wake), self._rings, unit, unit.wake_serial)

    def _ring(self, unit: UnitRun, serial: int) -> None:
        if unit.wake_serial == serial:
            self._questions.append((unit, "timer", 0))

    def _guard_failed(self, unit: UnitRun, tier: int, failed: list[int], made: Any) -> None:
        self._code.guard_failed(unit, tier, failed, made)

    def _share(self) -> None:
        """The number of threads that want a core may have changed."""
        if self._wall.cores is not None:
            running = 0 if self._mutator.blocked else self._mutator.running
            if self._wall.share(self._mutator.instant, running + len(self._compilers.running)):
                self._alarms.move()

    def _unblock_when_quiet(self) -> None:
        if self._mutator.blocked and self._compilers.quiet():
            self._mutator.unblock()
            self._share()

    def _decay(self, _: None, period: int) -> None:
        self._decays += 1
        if self._decays > MAX_DECAYS:
            raise InputError(
                f"{self._name}: halves its counters more than {MAX_DECAYS} times; take a longer decay_seconds, or a "
                "shorter program"
            )
        for unit in self._units.runs:
            self._mutator.surface(unit)
            self._units.halve(unit)
        self._alarms.set(self._wall.ticks(self._mutator.instant) + period, self._decay, None, period)

    def _instants(self) -> tuple[int, int]:
        instant = self._mutator.instant
        return instant, instant if self._wall.cores is None else self._wall.ticks(instant)

    def _is_stale(self, waiting: Waiting) -> bool:
        unit = self._units.runs[self._costs.index[waiting.task.unit]]
        oldest = self._mutator.instant - picoseconds(self._profile.machine.stale_seconds or 0.0)
        if waiting.since > oldest or self._units.at[unit.place + LAST] > oldest:
            return False
        self._drop_waiting(waiting.task, "stale")
        return True

    def _poll_the_queue(self, pool: Pool) -> None:
        self._polls.append(at_dequeue(pool, self._compilers, self._costs.index, self._replace_waiting))

    def _replace_waiting(self, task: Task, decision: Decision) -> None:
        unit = self._units.runs[self._costs.index[task.unit]]
        self._mutator.surface(unit)
        self.manager.apply(unit.state, decision)
        self._carry_out(unit, decision, 0)
        if unit.state.pending == task.tier:
            self._drop_waiting(task, "refused")

    def _drop_waiting(self, task: Task, why: str) -> None:
        """A task that is in no queue any more will not be made."""
        unit = self._units.runs[self._costs.index[task.unit]]
        self._dropped += 1
        self._compilers.discard(task.unit, task.tier)
        self._unblock_when_quiet()
        self.manager.dropped(unit.state, Dropped(self.now(), task.unit, task.tier, why))
        self._questions.append((unit, "compiled", 0))

    def _begin_compile(self, task: Task) -> tuple[int, Version]:
        unit = self._costs.index[task.unit]
        if self._hook is not None:
            made = self._hook(task.unit, self._profile.tiers[task.tier].name, task.plan)
        else:
            key = unit, task.tier, task.plan
            known = self._versions.get(key)
            made = known or self._versions.setdefault(key, version(self._costs, unit, task.tier, task.plan))
        if self._failing and (task.unit, self._profile.tiers[task.tier].name) in self._failing:
            made = made._replace(fails=True, message="this compile was told to fail")
        return made.compile, made

    def _compile_ended(self, running: Running, wanted: bool) -> None:
        self._unblock_when_quiet()
        task, made = running.task, running.made
        ticks = self._wall.ticks(self._mutator.instant)
        second = self._wall.in_ticks(PICO)
        took = (ticks - running.ticks) / second
        if not wanted:
            return
        unit = self._units.runs[self._costs.index[task.unit]]
        if made.fails:
            self._code.failed(unit, CompileFailed(self.now(), task.unit, task.tier, made.message, took))
        else:
            event = Compiled(self.now(), task.unit, task.tier, running.waited / second, took, made.bytes)
            self._code.install(unit, made, event)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Python looks for cyclic garbage after every 200,000 new objects instead of 700.

    Queues and heaps of a simulation hold tens of thousands of tuples that live long, and going through all of them
    again and again doubled the time of a run. There is next to no cyclic garbage here. What is left when the usual
    number holds again is gone through once, so whatever nobody needs any more is better dropped before.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _worth_compiling(program: Program) -> bool:
    """Whether there are so many calls to be looped over that importing Numba pays."""
    looped = sum(g.times if isinstance(g, Mix) else len(g.pattern) for g in program.groups)
    return looped >= COMPILED or program.total() >= 50 * COMPILED
