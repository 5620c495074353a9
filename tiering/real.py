"""Kernels that are really compiled, by Numba, while a simulation runs: measured compiles on a simulated clock.

A model of compile times can only repeat what somebody fitted. Here a controller's decision makes a compiler work: at
the moment at which a simulated compiler thread begins a compile, the function is compiled in this process, its code is
checked against the interpreter and timed, and the simulation is told what that took. The calls themselves stay
simulated, so that one run costs a few real calls per function and not the whole program once per controller.

What is charged:

- a compile: processor time of the thread that compiles. Wall time is measured too, and not charged, because what it
  adds on a busy machine is waiting for a core, and the simulated machine has its own cores and queues. Every compile
  starts from the function; nothing comes from Numba's cache. A trivial function is compiled first, so the half
  second that Numba's own start takes is nobody's;
- code: the size of the object file that LLVM made;
- a call, interpreted or compiled: the median of repeated calls with the arguments of one recorded call, which is the
  first of those whose work is nearest to the mean. Arrays that the function writes are restored in between: an
  optimizer's step, repeated on its own result, soon runs on infinities or denormal numbers and takes another time.

Code that answers otherwise than the interpreter, to the last bit, is a compile that failed.

The tiers are those that exist: the interpreter and "optimized", which is `numba.njit(boundscheck=True)` as
`tiering.jit` makes it. The machine loses its other compiled tiers. Rejected: a baseline from Numba at a lower
optimization level. The level is a property of the process and not of a compile, and most of Numba's time goes into
typing and lowering, which no level shortens, so it would be a second optimizer under a baseline's name. Rejected as
well: to leave the other tiers and let their compiles fail; policies would be judged by compiles that nobody can make.

Plans (bets, registers, inlining) change nothing here, since Numba takes no such orders.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Protocol

import numpy as np

from tiering import profile as profiles
from tiering import registry
from tiering.errors import InputError
from tiering.profile import Pool, Profile
from tiering.programs import program
from tiering.protocol import Plan
from tiering.sim.costs import picoseconds
from tiering.sim.simulation import CompileHook
from tiering.sim.versions import Version
from tiering.trace import Group, Program

TIERS = ("optimized",)
"""Names of the compiled tiers that exist."""

OPTIONS = {"nopython": True, "boundscheck": True}
"""What `numba.njit(boundscheck=True)` asks of the compiler."""

CALLS = 32
"""Calls of each function among which the one nearest to the mean is looked for; L-BFGS needs 10 to fill its memory."""

BUDGET_SECONDS = 0.05
"""Time for the repeated calls of one function in one tier."""

FEWEST, MOST = 5, 2000
"""Repeated calls: no fewer even if the budget is spent, no more even if it is not."""


class Measured(NamedTuple):
    """One real compile: seconds on the clock and of the processor, bytes of code, seconds per call of work 1.0.

    `message` says why there is no code; it is empty where there is.
    """

    wall_seconds: float
    cpu_seconds: float
    code_bytes: int
    seconds: float
    message: str = ""


class Measurer(Protocol):
    """What compiles and times the functions of a workload, by name."""

    def interpreted(self, unit: str) -> float:
        """Seconds per call of work 1.0 in the interpreter."""

    def compiled(self, unit: str) -> Measured:
        """Compile anew and say what came of it."""


class Real(NamedTuple):
    """A program whose compiles are real, the machine that can run it, and the `compile` of its `Simulation`."""

    program: Program
    profile: Profile
    compile: CompileHook


def prepare(
    workload: Any, size: str = "medium", profile: Profile | None = None, *, measurer: Measurer | None = None
) -> Real:
    """Measure a named workload's functions in the interpreter, and make what a simulation with real compiles takes.

    `measurer` compiles by Numba unless another one is given. The program and the hook belong to this machine and this
    moment. Raises InputError as `tiering.programs.program` does, for a workload that is no set of real functions, and
    for a profile without a tier that exists.
    """
    machine = _existing(profile or profiles.reference())
    guessed = program(workload, size, machine)
    if not isinstance(workload, str) or workload not in registry.KERNELS:
        shown = str(workload) if isinstance(workload, str | Path) else guessed.name
        known = ", ".join(registry.KERNELS)
        raise InputError(f"workload {shown!r}: has no functions to be really compiled; take one of {known}")
    chosen = measurer or NumbaMeasurer(registry.WORKLOADS.load(workload), size, guessed)
    interpreter = machine.tiers[0].name
    units = tuple(unit._replace(seconds={interpreter: chosen.interpreted(unit.name)}) for unit in guessed.units)
    source = f"{guessed.source}, timed and compiled in this process"
    return Real(guessed._replace(units=units, source=source), machine, _hook(chosen))


class Sample:
    """One recorded call of a function: its arguments as they were, and its work."""

    def __init__(self, arguments: tuple[Any, ...], work: float) -> None:
        self.work = work
        self._before = copy.deepcopy(arguments)
        self._arguments = copy.deepcopy(arguments)
        self._arrays = [place for place, value in enumerate(arguments) if isinstance(value, np.ndarray)]

    def outcome(self, function: Callable[..., Any]) -> Any:
        """What a call returns and leaves in its arguments, comparable to the last bit."""
        self.arguments()
        result = function(*self._arguments)
        return _bits(result), _bits(self._arguments)

    def arguments(self) -> tuple[Any, ...]:
        """The arguments as they were recorded."""
        for place in self._arrays:
            self._arguments[place][...] = self._before[place]
        return self._arguments

    def watch(self, function: Callable[..., Any]) -> None:
        """Restore from now on only the arrays that this function writes."""
        self.arguments()
        function(*self._arguments)
        pairs = {place: (self._arguments[place], self._before[place]) for place in self._arrays}
        self._arrays = [place for place, (after, before) in pairs.items() if _bits(after) != _bits(before)]

    def seconds(self, function: Callable[..., Any]) -> float:
        """Seconds per call of work 1.0: the median of repeated calls."""
        spent: list[float] = []
        deadline = time.perf_counter() + BUDGET_SECONDS
        while len(spent) < FEWEST or (len(spent) < MOST and time.perf_counter() < deadline):
            arguments = self.arguments()
            started = time.perf_counter()
            function(*arguments)
            spent.append(time.perf_counter() - started)
        return median(spent) / self.work


def typical_calls(workload: Any, size: str, made: Program) -> dict[str, Sample]:
    """By function the recorded call whose work is nearest to the mean; `made` is the workload's program at this size.

    The driver runs in the interpreter until every function was called `CALLS` times. Raises RuntimeError if it makes
    other calls than its schedule says.
    """
    samples: dict[str, Sample] = {}
    left = {function.__name__: CALLS for function in workload.functions}
    expected = _calls(made)

    def recording(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__

        def recorded(*arguments: Any) -> Any:
            unit, work = next(expected, ("nothing", 0.0))
            if unit != name:
                raise RuntimeError(f"{workload.name}: calls {name} where its schedule has {unit}")
            if name not in samples or abs(work - 1.0) < abs(samples[name].work - 1.0):
                samples[name] = Sample(arguments, work)
            left[name] -= 1
            if max(left.values()) <= 0:
                raise _EnoughError
            return function(*arguments)

        return recorded

    with suppress(_EnoughError):
        workload.run([recording(function) for function in workload.functions], workload.make(workload.sizes[size], 0))
    return samples


class NumbaMeasurer:
    """Compiles and times the functions of a workload in this process. Importing it is cheap, making one is not.

    `made` is the workload's program at this size. Raises InputError for a release of Numba whose inside is not known.
    """

    def __init__(self, workload: Any, size: str, made: Program) -> None:
        from tiering.live import private

        reason = private.why_not()
        if reason is not None:
            raise InputError(f"real compiles: {reason}; take the compiler 'model'")
        self._private = private
        self._functions = {function.__name__: function for function in workload.functions}
        self._samples = typical_calls(workload, size, made)
        self._answers: dict[str, Any] = {}
        for name, function in self._functions.items():
            self._answers[name] = self._samples[name].outcome(function)
            self._samples[name].watch(function)
        for step in private.WARM_UP:
            step()

    def interpreted(self, unit: str) -> float:
        """Seconds per call of work 1.0 in CPython."""
        return self._samples[unit].seconds(self._functions[unit])

    def compiled(self, unit: str) -> Measured:
        """Compile anew for the types of the recorded arguments, compare one call's answer, time others."""
        sample = self._samples[unit]
        dispatcher = self._private.TieredDispatcher(self._functions[unit], {}, dict(OPTIONS))
        key = self._private.key_of(dispatcher, sample.arguments())
        message = ""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            dispatcher.compile(key)
        except self._private.NumbaError as error:
            message = self._private.short_error(error)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        if not message and sample.outcome(dispatcher) != self._answers[unit]:
            message = "compiled code answers otherwise than the interpreter"
        if message:
            return Measured(wall, cpu, 0, 0.0, message)
        return Measured(wall, cpu, self._private.code_bytes(dispatcher, key), sample.seconds(dispatcher))


class _EnoughError(Exception):
    """Ends a driver whose calls have all been seen."""


def _existing(machine: Profile) -> Profile:
    """The machine with the tiers that exist, and none of the costs that would be measured now."""
    tiers = (machine.tiers[0], *(tier for tier in machine.tiers[1:] if tier.name in TIERS))
    if len(tiers) == 1:
        named = ", ".join(tier.name for tier in machine.tiers)
        raise InputError(f"machine profile: has tiers {named}; a real compile needs a tier 'optimized'")
    pools = []
    for pool in machine.machine.pools:
        served = tuple(name for name in pool.tiers if name in TIERS)
        if served or not pool.tiers:
            pools.append(Pool(pool.threads, served))
    return machine._replace(tiers=tiers, units={}, machine=machine.machine._replace(pools=tuple(pools)))


def _hook(measurer: Measurer) -> CompileHook:
    def compile(unit: str, tier: str, plan: Plan) -> Version:
        made = measurer.compiled(unit)
        spent = picoseconds(made.cpu_seconds)
        if made.message:
            return Version(spent, None, fails=True, message=made.message)
        return Version(spent, made.code_bytes, measured=made.seconds)

    return compile


def _calls(made: Program) -> Iterator[tuple[str, float]]:
    """Unit and work of every call, in order."""
    patterns = (group.pattern for group in made.groups if isinstance(group, Group) for _ in range(group.times))
    for pattern in patterns:
        for call in pattern:
            yield made.units[call.unit].name, call.work


def _bits(value: Any) -> Any:
    """A value that equals another's only if both are the same to the last bit, NaN and signs of zero included."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, tuple):
        return tuple(map(_bits, value))
    return type(value), value.hex() if isinstance(value, float) else value
