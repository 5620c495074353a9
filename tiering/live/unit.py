"""A live unit: one function for one tuple of argument types, from its first call to its last.

`enter` is reached only when Numba's C table has no code for a call: while the unit is interpreted, at the one call
that installs new code, and when a sample was asked for. It returns what Numba is to call. A caller's thread does
three things here and no more: count, time, and put messages into the runtime's mailbox. Code that arrives is linked
by whichever call comes next, and if Numba's compiler lock is taken at that moment, by a later one: a thread that
linked in the background would have to win the interpreter lock back some thirty times, 5 ms each.

What CPython may run never waits and never raises because of us: a compile that fails leaves it interpreted. What
CPython must not run behaves as njit does: its first call waits for code, and a compile error is the caller's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tiering.counters import UnitState
from tiering.live import private
from tiering.live.convert import as_compiled
from tiering.live.pool import Job, Outcome
from tiering.protocol import FOREVER

if TYPE_CHECKING:
    from tiering.live.function import TieredFunction
    from tiering.live.runtime import Group

INTERPRETER, OPTIMIZED = 0, 1
FIRST_SAMPLES = 3
"""Calls of new code that are timed one by one: the first has cold caches, and any may lose its core for a while."""


class LiveUnit:
    """State of one unit. `state` is what the manager knows; the rest is how this host runs it."""

    def __init__(self, function: TieredFunction, key: private.Key, name: str, group: Group) -> None:
        self.function = function
        self.key = key
        self.group = group
        self.interpreted = function.interpret == "always"
        lowest = INTERPRETER if self.interpreted else OPTIMIZED
        size = len(function.dispatcher.py_func.__code__.co_code) // 2
        self.state = UnitState(name, size, lowest, counts_backedges=False, tier=lowest, seconds=0.0)
        self.code: private.Code | None = None
        self.in_place: str | None = None
        self.hopeless: str | None = None
        self.job: Job | None = None
        self.visible = False
        self.samples_due = FIRST_SAMPLES
        self.settled = threading.Event()
        self._requiring = threading.RLock()
        self.where = ""
        self.code_bytes = 0
        self.waited_seconds = 0.0
        self.compile_seconds = 0.0
        self.install_seconds = 0.0
        self.done_seconds = 0.0
        self._running_since: float | None = None

    def enter(self, args: private.Args) -> Callable[..., Any]:
        """What Numba is to call for this miss of its table, with the same folded arguments."""
        if self.state.tier == OPTIMIZED:
            entry = self._linked()
            if entry is not None:
                return entry if self.visible else self._show(entry)
        if self.in_place is not None or (self.hopeless and not self.interpreted):
            return self.compile_here(args)
        return self.interpret if self.interpreted else self._required(args)

    def without_controller(self, args: private.Args) -> Callable[..., Any]:
        """What njit would do: the code that is there, else a compile in this thread."""
        entry = private.entry_point(self.function.dispatcher, self.key)
        if entry is None:
            self.in_place = "the runtime is shut down"
            return self.compile_here(args)
        self.visible = True
        self.function.refresh_table()
        return entry  # type: ignore[no-any-return]

    def interpret(self, *args: Any) -> Any:
        """One call in CPython, counted and timed; a call inside another one is time that is counted already."""
        state = self.state
        started = time.perf_counter()
        outermost = self._running_since is None
        if outermost:
            self._running_since = started
        try:
            return as_compiled(self.function.interpreter(*args))
        finally:
            if outermost:
                self.done_seconds += time.perf_counter() - started
                self._running_since = None
            if state.spend(1, 0):
                state.budget = FOREVER
                self.group.runtime.post("counted", self)

    def observed_seconds(self) -> float:
        """Seconds in the interpreter so far, a call that runs right now included."""
        since = self._running_since
        return self.done_seconds + (0.0 if since is None else time.perf_counter() - since)

    def hide(self) -> None:
        """Take the code out of Numba's table, so that the next call comes through `enter` and can be timed."""
        self.samples_due = 1
        self.visible = False
        self.function.refresh_table()

    def forget_parent(self) -> None:
        """In a forked child: locks may be held by threads that are not here, and no job comes back."""
        self._requiring = threading.RLock()
        self.job = None
        self.settled.set()

    def compile_here(self, args: private.Args) -> Callable[..., Any]:
        """Numba's own compile in the caller's thread. Raises what njit raises, unless CPython may run the unit."""
        reason = self.in_place
        if self.interpreted:
            self.in_place = None  # other threads go on in CPython meanwhile
        started = time.perf_counter()
        try:
            entry: Callable[..., Any] = self.function.dispatcher.compile_in_place(args)
        except Exception as error:  # whatever the compiler raises: it is not the user's code that runs here
            self._failed(private.short_error(error), time.perf_counter() - started)
            if not self.interpreted:
                raise
            return self.interpret
        self.where = f"in place ({reason})" if reason else "in place"
        self.visible = True
        self.group.runtime.post("compiled", self, 0.0, time.perf_counter() - started, 0)
        return entry

    def arrived(self, outcome: Outcome) -> None:
        """The pool's answer, in the pool's thread."""
        if outcome.code is not None:
            self.code = outcome.code
            self.where = "in a worker process"
            self.group.runtime.post("compiled", self, outcome.waited, outcome.took, outcome.code.size_bytes)
        elif outcome.killed and self.interpreted:
            self._failed(outcome.killed, outcome.took)
        else:
            self.in_place = outcome.killed or outcome.refused
        self.job = None
        self.settled.set()

    def _failed(self, message: str, took: float) -> None:
        self.hopeless = message
        self.group.runtime.post("failed", self, message, took)

    def _required(self, args: private.Args) -> Callable[..., Any]:
        """The unit cannot run without code: wait for a warm worker, or do at once what njit does."""
        here = self.group.why_here(self.function)
        if here is None:
            with self._requiring:
                if self.job is None and self.code is None and self.in_place is None:
                    self.group.require(self)
            self.settled.wait()
            entry = self._linked(wait=True)
            if entry is not None:
                return self._show(entry)
        self.in_place = self.in_place or here
        return self.compile_here(args)

    def _linked(self, *, wait: bool = False) -> Callable[..., Any] | None:
        """The entry point of this unit's code, linked now if it has just arrived; None if there is none yet."""
        code = self.code
        if code is not None:
            started = time.perf_counter()
            try:
                if not self.function.link(code, self.key, wait=wait):
                    return None
                self.install_seconds = time.perf_counter() - started
            except private.Refused as refusal:
                self.in_place = str(refusal)
            self.code = None
        entry: Callable[..., Any] | None = private.entry_point(self.function.dispatcher, self.key)
        return entry

    def _show(self, entry: Callable[..., Any]) -> Callable[..., Any]:
        """Code that is to run: this call of it is timed, and after the last timed one Numba's fast path has it."""
        self.samples_due -= 1
        if self.samples_due <= 0 or not self.interpreted:
            self.visible = True
            self.function.refresh_table()

        def timed(*args: Any) -> Any:
            started = time.perf_counter()
            result = entry(*args)
            self.group.runtime.post("sampled", self, time.perf_counter() - started)
            return result

        return timed
