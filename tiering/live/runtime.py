"""The live host: real functions, real compiles, the same controllers as in the simulator.

Two threads stand behind all tiered functions. The manager's thread runs controllers; the pool's thread serves the
compile workers and never runs one, so a controller that hangs costs decisions and nothing else. Callers and the
pool put messages into one mailbox; a message names its handler, and the unit's group at the time of handling
carries it out, so that `configure` can give units another controller while messages are under way.

Only a unit's first decision is taken on its caller's thread, and only if the controller is free at that moment:
nobody ever waits for a controller. What runs compiled is not seen from Python; a controller that wants to know how
fast it is answers with a `wake`, and the next call after it is timed; so are the first few calls of new code.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from tiering import registry
from tiering.errors import InputError
from tiering.live import private
from tiering.live.function import TIER_NAMES, TieredFunction
from tiering.live.pool import Job, Pool, default_workers, end_spares, forget_parent
from tiering.live.unit import INTERPRETER, OPTIMIZED, LiveUnit
from tiering.log import DecisionLog
from tiering.manager import Task, TieringManager
from tiering.profile import Profile
from tiering.protocol import PLAIN, Compiled, CompileFailed, Controller, Sampled, Setup, Tier, Why, parameters

DEADLINE = 0.25
"""Seconds after which a controller's answer is thrown away: a thousand times what the slowest built-in needs."""

LONGEST_NAP = 3600.0
"""Seconds; a controller may ask for a wake so late that the operating system's clocks overflow."""

PATIENCE = 1.0
"""Seconds that `configure` waits for a controller that is being asked; then it is replaced all the same."""

DEFAULT_CONTROLLER = "cost_benefit"
TIERS = (
    Tier(TIER_NAMES[INTERPRETER], speed=1.0),
    Tier(TIER_NAMES[OPTIMIZED], speed=60.0, compile_cost=0.06, compile_cost_per_size=0.001),
)
OBSERVES = ("invocations", "seconds", "queues", "code_used_bytes")
Mailbox = SimpleQueue[tuple[str, LiveUnit | None, tuple[Any, ...]]]
_logger = logging.getLogger("tiering")
_namesakes = itertools.count(2)


class Group:
    """The units under one controller, and the two ports through which their manager reaches this host."""

    def __init__(self, runtime: Runtime, controller: Controller, *, keep_log: bool = False) -> None:
        self.runtime = runtime
        setup = runtime.setup(runtime.tiers)
        name = type(controller).__name__
        settings = {item.name: getattr(controller, item.name) for item in parameters(controller)}
        self.log = DecisionLog("live", name, settings, setup) if keep_log else None
        self.manager = TieringManager(
            controller,
            runtime,
            self,
            setup,
            log=self.log,
            on_error="stay",
            deadline=DEADLINE,
            timer=time.perf_counter,
        )
        self.manager.code_used_bytes = 0
        self.manager.code_capacity_bytes = runtime.code_bytes
        self.units: weakref.WeakValueDictionary[str, LiveUnit] = weakref.WeakValueDictionary()
        self.turn = threading.Lock()
        self.asking: int | None = None

    def name_for(self, function: Callable[..., Any], key: private.Key) -> str:
        """A name for a unit: module, function, argument types."""
        types = ", ".join(str(item) for item in key)
        name = f"{function.__module__}.{function.__qualname__}({types})"
        return name if name not in self.units else f"{name}#{next(_namesakes)}"

    def adopt(self, unit: LiveUnit) -> None:
        """Take a unit in."""
        unit.group = self
        self.units[unit.state.name] = unit
        self.manager.add(unit.state)
        weakref.finalize(unit, self.manager.units.pop, unit.state.name, None).atexit = False

    def first(self, unit: LiveUnit) -> None:
        """A unit's first call: its first decision, on the caller's thread unless the controller is busy."""
        if not unit.interpreted:
            return
        if not self.turn.acquire(blocking=False):
            self.runtime.post("counted", unit)
            return
        try:
            self._ask(unit, "count")
        finally:
            self.turn.release()

    def why_here(self, function: TieredFunction) -> str | None:
        """Why a caller that must have code had better compile it itself; None if a warm worker can do it."""
        pool = self.runtime.pool
        if function.in_place:
            return function.in_place
        if pool is None or pool.closed:
            return pool.closed if pool else "the runtime is shut down"
        return None if pool.ready.is_set() else "no worker was ready yet"

    def require(self, unit: LiveUnit) -> None:
        """Compile a unit that cannot run otherwise, ahead of all others."""
        unit.settled.clear()
        self.submit(Task(unit.state.name, OPTIMIZED, PLAIN, float("inf"), 0, 0.0))

    def submit(self, task: Task) -> None:
        """Compiler port: start a compile, wherever it can be done."""
        unit = self.units[task.unit]
        pool = self.runtime.pool
        post = self.runtime.post
        if unit.hopeless:
            post("failed", unit, unit.hopeless, 0.0)
        elif private.entry_point(unit.function.dispatcher, unit.key) is not None:
            post("compiled", unit, 0.0, 0.0, unit.code_bytes)
            unit.settled.set()
        elif unit.interpreted and self._is_full():
            post("failed", unit, f"the code cache is full ({self.runtime.code_bytes} bytes)", 0.0)
        elif pool is None or pool.closed or unit.function.in_place:
            unit.in_place = unit.function.in_place or (pool.closed if pool else "the runtime is shut down")
            unit.settled.set()
        else:
            dispatcher, key = unit.function.dispatcher, unit.key
            try:
                unit.job = Job(task.tier, task.priority, lambda: private.dump_request(dispatcher, key), unit.arrived)
                pool.submit(unit.job)
            except BaseException:
                unit.job = None
                unit.settled.set()
                post("failed", unit, "the call was interrupted", 0.0)
                raise

    def discard(self, unit: str, tier: int) -> None:
        """Compiler port: forget a compile that is under way, stop using code that is there (Numba frees none)."""
        found = self.units[unit]
        if found.job is not None and self.runtime.pool is not None:
            self.runtime.pool.discard(found.job)
        found.job = found.code = found.in_place = None
        if found.visible:
            found.hide()

    def queue(self) -> tuple[int, ...]:
        """Compiler port: compiles that wait, per tier."""
        pool = self.runtime.pool
        return pool.waiting(len(TIERS)) if pool else (0,) * len(TIERS)

    def handle(self, what: str, unit: LiveUnit, arguments: tuple[Any, ...]) -> None:
        """One message, in the manager's thread."""
        with self.turn:
            handler: Callable[..., None] = getattr(self, f"_on_{what}")
            handler(unit, *arguments)

    def _on_counted(self, unit: LiveUnit) -> None:
        self._ask(unit, "count")

    def _on_timer(self, unit: LiveUnit) -> None:
        wake = unit.state.wake_at
        if wake is None or wake > self.runtime.now():
            return
        unit.state.wake_at = None
        if unit.state.tier == OPTIMIZED and unit.visible:
            unit.hide()
        else:
            self._ask(unit, "timer")

    def _on_compiled(self, unit: LiveUnit, waited: float, took: float, size: int) -> None:
        unit.waited_seconds += waited
        unit.compile_seconds += took
        unit.code_bytes = size
        others = [found for reference in self.units.valuerefs() if (found := reference()) is not None]
        self.manager.code_used_bytes = sum(other.code_bytes for other in others)
        event = Compiled(self.runtime.now(), unit.state.name, OPTIMIZED, waited, took, size)
        self.manager.compiled(unit.state, event)
        self._ask(unit, "compiled")

    def _on_failed(self, unit: LiveUnit, message: str, took: float) -> None:
        if unit.interpreted:
            _logger.warning("%s stays interpreted: %s", unit.state.name, message)
        event = CompileFailed(self.runtime.now(), unit.state.name, OPTIMIZED, message, took)
        self.manager.failed(unit.state, event)
        self._ask(unit, "compiled")

    def _on_sampled(self, unit: LiveUnit, seconds: float) -> None:
        self.manager.record(Sampled(self.runtime.now(), unit.state.name, OPTIMIZED, seconds, 1))
        self._ask(unit, "sample")

    def _ask(self, unit: LiveUnit, why: Why) -> None:
        if unit.state.pinned or not unit.interpreted:
            return
        unit.state.seconds = unit.observed_seconds()
        self.asking = threading.get_ident()
        try:
            self.manager.ask(unit.state, why)
        finally:
            self.asking = None
        if unit.state.wake_at is not None:
            self.runtime.wake(unit, unit.state.wake_at)

    def _is_full(self) -> bool:
        capacity = self.runtime.code_bytes
        return capacity is not None and (self.manager.code_used_bytes or 0) >= capacity


class Runtime:
    """Process-wide: the mailbox and its thread, the pool, the groups. It is also the clock of every group."""

    def __init__(self) -> None:
        self.open = False
        self.workers = default_workers()
        self.code_bytes: int | None = None
        self.tiers: tuple[Tier, ...] = TIERS
        self.pool: Pool | None = None
        self.functions: weakref.WeakSet[TieredFunction] = weakref.WeakSet()
        self._group: Group | None = None
        self._log_path: str | Path | None = None
        self._started = time.perf_counter()
        self._mail: Mailbox = SimpleQueue()
        self._wakes: list[tuple[float, int, LiveUnit]] = []
        self._thread: threading.Thread | None = None
        self._serial = 0
        self._starting = threading.RLock()
        self.making = threading.RLock()

    def now(self) -> float:
        """Seconds since this process began to use the runtime."""
        return time.perf_counter() - self._started

    @property
    def group(self) -> Group:
        """The group of the process-wide controller."""
        if self._group is None:
            self._group = Group(self, registry.controller(DEFAULT_CONTROLLER), keep_log=self._log_path is not None)
        return self._group

    def group_of(self, controller: Controller | None) -> Group:
        """The group of a function's own controller; functions that are given one object share it."""
        if controller is None:
            return self.group
        with self.making:
            groups = [function.group for function in self.functions]
            shared = [group for group in groups if group.manager.controller is controller]
            return shared[0] if shared else Group(self, controller)

    def setup(self, tiers: tuple[Tier, ...]) -> Setup:
        """The facts of this host."""
        return Setup(tiers, max(self.workers, 1), seed=0, observes=OBSERVES)

    def start(self) -> None:
        """Start threads and workers, unless they are there already."""
        with self._starting:
            if self.open:
                return
            self.open = True
            self.pool = Pool(self.workers, private.fingerprint())
            self._mail = SimpleQueue()
            self._thread = threading.Thread(target=self._run, args=(self._mail,), name="tiering-manager", daemon=True)
            self._thread.start()

    def post(self, what: str, unit: LiveUnit, *arguments: Any) -> None:
        """Leave a message for the manager's thread."""
        self._mail.put((what, unit, arguments))

    def wake(self, unit: LiveUnit, when: float) -> None:
        """Have a unit asked about at `when` (seconds of this clock)."""
        self._serial += 1
        self._mail.put(("wake", unit, (when, self._serial)))

    def configure(
        self,
        controller: Controller | None,
        workers: int | None,
        code_bytes: int | None,
        log: str | Path | None,
        profile: Profile | None,
    ) -> None:
        """See `tiering.configure`."""
        with self._starting:
            current = self._group
            if current is not None and current.asking == threading.get_ident():
                raise InputError("configure: called by a controller that is being asked; call it from the program")
            tiers = self.tiers if profile is None else tiers_from(profile)
            if controller is not None and (current is None or controller is not current.manager.controller):
                controller.start(self.setup(tiers))  # refuses before anything has changed
            self.tiers = tiers
            if code_bytes is not None:
                self.code_bytes = code_bytes
            if log is not None:
                self._log_path = log
            if workers is not None and workers != self.workers:
                self.workers = workers
                if self.pool is not None:
                    old, self.pool = self.pool, Pool(workers, private.fingerprint())
                    old.close()
            if controller is not None or log is not None or profile is not None:
                self._change_controller(controller or self.group.manager.controller)
            elif self._group is not None:
                self._group.manager.code_capacity_bytes = self.code_bytes

    def close(self) -> None:
        """Take threads and workers down; tiered functions behave as plain njit from here on."""
        with self._starting:
            end_spares()
            if not self.open:
                return
            self.open = False
            self._mail.put(("stop", None, ()))
            if self.pool is not None:
                self.pool.close()
                self.pool = None
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join(timeout=2.0)
            self._thread = None
            if self._log_path is not None and self._group is not None and self._group.log is not None:
                self._group.log.save(self._log_path)

    def forget_parent(self) -> None:
        """In a forked child: threads and workers are the parent's, so what it decorated is plain njit here."""
        forget_parent(self.pool)
        self.open = False
        self.pool = None
        self._thread = None
        self._mail = SimpleQueue()
        self._starting = threading.RLock()
        self.making = threading.RLock()
        for function in list(self.functions):
            function.group.turn = threading.Lock()
            function.group.asking = None
            function.forget_parent()

    def _change_controller(self, controller: Controller) -> None:
        old = self._group
        waited = old is not None and old.turn.acquire(timeout=PATIENCE)
        try:
            with self.making:
                new = self._group = Group(self, controller, keep_log=self._log_path is not None)
                for function in list(self.functions):
                    if function.group is old:
                        function.group = new
                        for unit in list(function.units.values()):
                            new.adopt(unit)
        finally:
            if old is not None and waited:
                old.turn.release()
        for unit in list(new.units.values()):
            unit.state.pinned = False
            if unit.interpreted and unit.state.pending is None:
                self.post("counted", unit)

    def _run(self, mail: Mailbox) -> None:
        while self._mail is mail:
            self._ring()
            with suppress(Empty):
                what, unit, arguments = mail.get(timeout=self._until_next_wake())
                if unit is None:
                    return
                if what == "wake":
                    heapq.heappush(self._wakes, (*arguments, unit))
                else:
                    self._carry_out(what, unit, arguments)

    def _carry_out(self, what: str, unit: LiveUnit, arguments: tuple[Any, ...] = ()) -> None:
        try:
            unit.group.handle(what, unit, arguments)
        except Exception:
            _logger.exception("%s: %s could not be handled; the unit stays where it is", unit.state.name, what)

    def _until_next_wake(self) -> float | None:
        return min(max(0.0, self._wakes[0][0] - self.now()), LONGEST_NAP) if self._wakes else None

    def _ring(self) -> None:
        while self._wakes and self._wakes[0][0] <= self.now():
            self._carry_out("timer", heapq.heappop(self._wakes)[2])


def tiers_from(profile: Profile) -> tuple[Tier, ...]:
    """This host's tiers with the priors of a machine profile. Raises InputError where it lacks one of them."""
    found = {tier.name: tier for tier in profile.tiers}
    for name in TIER_NAMES:
        if name not in found:
            raise InputError(f"the machine profile has no tier {name!r}; the live host has {', '.join(TIER_NAMES)}")
    measured = [found[name] for name in TIER_NAMES]
    return tuple(Tier(one.name, one.speed, one.compile_seconds, one.compile_seconds_per_size) for one in measured)


RUNTIME = Runtime()


def check_whole(name: str, value: Any, low: int) -> None:
    """Raise InputError unless `value` is a whole number, at least `low`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise InputError(f"{name}={value!r}: must be a whole number, at least {low}")


with suppress(AttributeError):
    os.register_at_fork(after_in_child=RUNTIME.forget_parent)
