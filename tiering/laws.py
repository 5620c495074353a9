"""The laws of a controller, one function each. `tiering.testing.check_controller` runs them all.

Views are not made up: they come from the hosts of `tiering.walks`, whose programs, compilers and clocks take random
turns around a real TieringManager. All draws come from seeds, so a law that breaks breaks again.

What a test can see has limits. `sealed` replaces the functions by which Python code reads clocks, entropy, files and
networks, in their own modules and wherever the controller's package has imported them by name, and listens to audit
events; a function hidden in a closure escapes it, though seldom `replay` as well. `bounded` measures the pickled
attributes of the controller and of its classes, and the lists, dicts and sets in their modules; what is kept in a cache
or a closure escapes it. `quiet` meets units of every size up to `QUIET_SIZES` and no other machines than its own.
"""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeAlias

from tiering import log, manager
from tiering.counters import UnitState
from tiering.errors import IllegalDecision, NeedsFuture
from tiering.fakes import FakeCompiler, ManualClock
from tiering.protocol import Controller, Decision, Event, Setup, Tier, UnitFuture, View, Why
from tiering.sealing import Broken, sealed_off
from tiering.walks import NAME, Walk

Make: TypeAlias = Callable[[], Controller]

WALKS = 100
STEPS = 150
QUIET_COUNTS = 100_000
QUIET_SIZES = 256
COUNTS_PER_QUESTION = 100


class LawBroken(AssertionError):
    """A controller breaks a law of the protocol: which one, and how it was seen."""

    def __init__(self, law: str, detail: str) -> None:
        super().__init__(f"{law}: {detail}")
        self.law = law
        self.detail = detail


class Tape:
    """A controller around a controller: judges every answer and keeps the questions, answers and events.

    Raises LawBroken for an exception ("total"), a stray reason ("named reasons"), an illegal answer ("legal") and,
    where `seal` is set, a reach outside ("sealed").
    """

    def __init__(self, controller: Controller, *, seal: bool = False) -> None:
        self.inner = controller
        self.reasons = controller.reasons
        self.records: list[log.Record] = []
        self._seal = seal
        self._setup: Setup | None = None

    def start(self, setup: Setup) -> None:
        """Start the controller within."""
        self._setup = setup
        self._call("start", setup)

    def decide(self, view: View) -> Decision:
        """Ask the controller within, and judge."""
        decision: Decision = self._call("decide", view)
        if isinstance(decision, Decision) and decision.reason not in self.reasons:
            raise LawBroken("named reasons", f"{decision.reason!r} is not one of {self.reasons}")
        if self._setup is not None:
            broken = manager.broken_rule(decision, view, self._setup, self.reasons)
            if broken:
                raise LawBroken("legal", f"{broken}; asked: {view}")
        self.records.append(log.Decided(view, decision))
        return decision

    def record(self, event: Event) -> None:
        """Tell the controller within."""
        self._call("record", event)
        self.records.append(event)

    def _call(self, method: str, value: Any) -> Any:
        guard = sealed_off(self.inner) if self._seal else nullcontext()
        try:
            with guard:
                return getattr(self.inner, method)(value)
        except Broken as error:
            raise LawBroken("sealed", f"{method} {error}") from None
        except NeedsFuture:
            raise
        except Exception as error:
            raise LawBroken("total", f"{method} raised {error!r} at {value}") from error


def needs_future(make: Make) -> bool:
    """Whether this is an oracle: a controller that refuses a host without a future."""
    try:
        make().start(Setup((Tier("interpreter", 1.0), Tier("compiled", 10.0, 0.1)), 1, 0))
    except NeedsFuture:
        return True
    except Exception as error:
        raise LawBroken("total", f"start raised {error!r}") from error
    return False


def taped_walk(
    make: Make, seed: int, steps: int = STEPS, *, seal: bool = False, future: bool = False
) -> tuple[Tape, Setup]:
    """One judged walk of a new controller: what was asked and answered, and the host's facts."""
    tape = Tape(make(), seal=seal)
    try:
        walk = Walk(tape, seed, future=future)
        walk.run(steps)
    except IllegalDecision as error:
        raise LawBroken("legal", str(error)) from None
    return tape, walk.setup


def header(setup: Setup) -> log.Header:
    """A log header that says no more than what a replay needs."""
    return log.Header("walk", "", {}, setup, {})


def named_reasons(make: Make) -> None:
    """`reasons` is a tuple of distinct, non-empty texts, and every Decision takes its reason from it."""
    reasons = getattr(make(), "reasons", None)
    good = isinstance(reasons, tuple) and all(isinstance(reason, str) and reason for reason in reasons)
    if not good or not reasons or len(set(reasons)) < len(reasons):
        raise LawBroken("named reasons", f"reasons is {reasons!r}: must be a tuple of distinct texts")
    _walks(make, WALKS // 4)


def total(make: Make) -> None:
    """Any reachable view gets an answer, and a legal one; `record` takes every event."""
    _walks(make, WALKS)


def sealed(make: Make) -> None:
    """No clock, entropy, global random state, file, network, thread or process is used."""
    future = needs_future(make)
    for seed in range(4):
        taped_walk(make, seed, seal=True, future=future)


def replay(make: Make) -> None:
    """A second instance answers the same questions and events in the same way."""
    future = needs_future(make)
    for seed in range(6):
        tape, setup = taped_walk(make, seed, future=future)
        compare("replay", tape, setup, make())


def fresh(make: Make) -> None:
    """After `start` a controller that has been used answers like a new one."""
    future = needs_future(make)
    for seed in range(6):
        used, _ = taped_walk(make, seed + 1000, future=future)
        tape, setup = taped_walk(make, seed, future=future)
        compare("fresh", tape, setup, used.inner)


def compare(law: str, tape: Tape, setup: Setup, controller: Controller) -> None:
    """Raise LawBroken at the first answer that differs from the tape."""
    for found in log.replay(header(setup), tape.records, controller):
        raise LawBroken(law, f"answered {found.replayed}, before {found.recorded}; asked: {found.view}")


def quiet(make: Make) -> None:
    """In the steady state there are at least 100 counts to a question, whatever the host can observe.

    Four hosts are watched closely; then units of many sizes, on machines of several ladders, in longer strides.
    """
    future = needs_future(make)
    for counts_backedges in (True, False):
        for observes_seconds in (True, False):
            _quiet_host(make(), _Steady(100, _LADDERS[0], 3e-5, counts_backedges, observes_seconds), future)
    for number, size in enumerate((None, 1000, 5000, *range(1, QUIET_SIZES + 1))):
        ladder, call = _LADDERS[number % len(_LADDERS)], (3e-5, 2e-6)[number // 4 % 2]
        steady = _Steady(size, ladder, call, number % 2 == 0, number // 2 % 2 == 0, stride=COUNTS_PER_QUESTION // 2)
        _quiet_host(make(), steady, future)


def bounded(make: Make) -> None:
    """What is kept grows with the number of units, not with the number of questions and events.

    Raises TypeError or pickle.PicklingError where the attributes cannot be pickled, and so not be measured.
    """
    future = needs_future(make)
    for seed in range(2):
        tape = Tape(make())
        shared = _shared_sizes(tape.inner)
        walk = Walk(tape, seed, future=future)
        walk.run(1000)
        before = {"state": len(pickle.dumps(vars(tape.inner))), **_shared_sizes(tape.inner)}
        walk.run(3000)
        after = {"state": len(pickle.dumps(vars(tape.inner))), **_shared_sizes(tape.inner)}
        for place, size in after.items():
            # What is shared keeps what earlier walks put there; only what this walk added says how it grows.
            known = before.get(place, 0)
            first = max(0, known - shared.get(place, 0))
            if size - known > first * 0.25 + 512:
                raise LawBroken("bounded", f"{place} grew from {known} to {size} bytes with the same five units")


def _walks(make: Make, walks: int) -> None:
    future = needs_future(make)
    for seed in range(walks):
        taped_walk(make, seed, future=future)


def _shared_sizes(controller: Controller) -> dict[str, int]:
    """Bytes of the data that a controller's classes hold, and of the containers in their modules, by place."""
    sizes = {}
    kinds = [kind for kind in type(controller).__mro__ if kind.__module__ not in ("builtins", "typing", "abc")]
    for kind in kinds:
        for name, value in vars(kind).items():
            if not name.startswith(("__", "_abc_")) and not callable(value) and not hasattr(type(value), "__get__"):
                sizes[f"{kind.__qualname__}.{name}"] = _size(value)
    for module in {kind.__module__ for kind in kinds}:
        for name, value in list(vars(sys.modules[module]).items()) if module in sys.modules else []:
            if not name.startswith("__") and isinstance(value, list | dict | set | deque | bytearray):
                sizes[f"{module}.{name}"] = _size(value)
    return sizes


def _size(value: Any) -> int:
    try:
        return len(pickle.dumps(value))
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
        return 8 * len(value) if hasattr(value, "__len__") else 0


class _Steady(NamedTuple):
    """A host in which nothing changes: one unit, asked about in strides of so many calls at most."""

    size: int | None
    tiers: tuple[Tier, ...]
    call: float
    backedges: bool
    seconds: bool
    stride: int = 10


_LADDERS = (
    (Tier("interpreter", 1.0), Tier("baseline", 10.0, 0.005), Tier("optimized", 50.0, 0.1)),
    (Tier("interpreter", 1.0), Tier("compiled", 40.0, 0.02, 1e-5)),
    (Tier("interpreter", 1.0), Tier("slower", 0.9, 0.001), Tier("baseline", 3.0, 0.002), Tier("optimized", 9.0, 0.3)),
)


def _quiet_host(controller: Controller, steady: _Steady, future: bool) -> None:
    tiers, call, backedges, seconds = steady.tiers, steady.call, steady.backedges, steady.seconds
    compiles = tuple(tier.compile_seconds(steady.size) for tier in tiers)
    told = UnitFuture(NAME.format(0), QUIET_COUNTS, tuple(call / tier.speed for tier in tiers), compiles)
    setup = Setup(tiers, 1, 1, future=(told,) if future else None)
    clock = ManualClock()
    compiler = FakeCompiler(clock, len(tiers), seconds=0.05)
    host = manager.TieringManager(Tape(controller), clock, compiler, setup)
    unit = UnitState(
        NAME.format(0), steady.size, counts_backedges=backedges, budget=1, seconds=0.0 if seconds else None
    )
    host.add(unit)
    counts = questions = 0
    allowed = QUIET_COUNTS // 2 // COUNTS_PER_QUESTION
    while counts < QUIET_COUNTS and questions <= allowed and not unit.pinned:
        calls = min(unit.budget, steady.stride)
        counts += calls
        clock.advance(calls * call / tiers[unit.tier].speed)
        if unit.tier == 0 and unit.seconds is not None:
            unit.seconds += calls * call
        why: Why | None = "count" if unit.spend(calls, 0) else None
        if unit.wake_at is not None and clock.now() >= unit.wake_at:
            why = why or "timer"
        for task in compiler.due():
            compiler.end(host, task)
            why = "compiled"
        if why:
            questions += counts > QUIET_COUNTS // 2
            host.ask(unit, why)
    if questions > allowed:
        seen = f"backedges {'seen' if backedges else 'not seen'}, seconds {'seen' if seconds else 'not seen'}"
        of = f"a steady unit of size {steady.size} with {len(tiers)} tiers ({seen})"
        detail = f"{questions} questions in {counts - QUIET_COUNTS // 2} counts of {of}"
        raise LawBroken("quiet", f"{detail}; at most one in {COUNTS_PER_QUESTION} is allowed")
