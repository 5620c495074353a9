"""SimPy's event queue, addressed by instants in whole picoseconds, and the clock on the wall.

SimPy adds delays to its time and never divides it, so a clock that starts at the integer 0 and gets integer delays
stays an integer. The program's calls run ahead of SimPy's time up to its next event, so whoever schedules names the
instant and not a delay.

Cores. Where a machine has fewer cores than threads that run or compile, all get equal shares (processor sharing).
Then nothing has to be slowed down one by one: simulated instants are processor time, in which every running thread
advances alike, and only the clock on the wall is stretched, by threads over cores. Wall time is kept as a whole number
too, in picoseconds divided by the cores, so it is exact; policies and results see the wall.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import simpy

from tiering.sim.costs import PICO, picoseconds

EVENTS, CALLS = 1, 2
"""Priorities at one instant: what happens to the program first, then what the program does."""


class Environment(simpy.Environment):
    """A SimPy environment in which only integer delays are used. `noticed` is called first at each of its events."""

    def __init__(self) -> None:
        super().__init__()
        self.noticed: Callable[[simpy.Event], None] = lambda event: None

    def at(self, instant: int, callback: Callable[[simpy.Event], None], priority: Any = EVENTS) -> simpy.Event:
        """Call back at an instant, in the order of scheduling among equal priorities."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        self.again(event, instant, [self.noticed, callback] if priority == EVENTS else [callback], priority)
        return event

    def again(self, event: simpy.Event, instant: int, callbacks: Any, priority: Any = EVENTS) -> None:
        """Let an event that has happened happen once more."""
        event.callbacks = callbacks
        self.schedule(event, priority, instant - self._now)


class Wall:
    """The clock on the wall over processor time, for `threads` that share `cores` (None: as many as there are)."""

    def __init__(self, cores: int | None) -> None:
        self.cores = cores
        self._unit = PICO * (cores or 1)
        self._rate = cores or 1
        self._processor = 0
        self._ticks = 0

    def seconds(self, instant: int) -> float:
        """Seconds on the wall at an instant that is not before the last change of threads."""
        return (self._ticks + (instant - self._processor) * self._rate) / self._unit

    def ticks(self, instant: int) -> int:
        """The same in picoseconds divided by the cores."""
        return self._ticks + (instant - self._processor) * self._rate

    def instant(self, ticks: int) -> int:
        """The first instant at which the wall shows at least `ticks`, if the threads stay as they are."""
        return self._processor - (self._ticks - ticks) // self._rate

    def in_ticks(self, picoseconds: int) -> int:
        """A wall time in picoseconds as ticks."""
        return picoseconds * (self.cores or 1)

    def delay(self, seconds: float) -> int:
        """A wait in seconds on the wall as ticks; it takes a picosecond at least."""
        return _picoseconds_of_a_wait(seconds) * (self.cores or 1)

    def share(self, instant: int, threads: int) -> bool:
        """From now on so many threads run or compile; whether that changes the rate."""
        if self.cores is None or max(threads, self.cores) == self._rate:
            return False
        self._ticks, self._processor = self.ticks(instant), instant
        self._rate = max(threads, self.cores)
        return True


@lru_cache(maxsize=1024)
def _picoseconds_of_a_wait(seconds: float) -> int:
    """Remembered, because policies wait for the same few lengths again and again."""
    return max(1, picoseconds(seconds))


class Alarms:
    """Callbacks at wall times. One SimPy event stands for the earliest; `move` follows a change of the wall's rate."""

    def __init__(self, env: Environment, wall: Wall) -> None:
        self._env = env
        self._wall = wall
        self._heap: list[tuple[int, int, Callable[[Any, int], None], Any, int]] = []
        self._serial = 0
        self._standing: tuple[int, simpy.Event] | None = None
        self._past: simpy.Event | None = None

    def set(self, ticks: int, callback: Callable[[Any, int], None], subject: Any = None, number: int = 0) -> None:
        """Call back with `subject` and `number` when the wall shows `ticks`."""
        self._serial += 1
        heapq.heappush(self._heap, (ticks, self._serial, callback, subject, number))
        if self._heap[0][1] == self._serial:
            self.move()

    def clear(self) -> None:
        """Forget all alarms."""
        self._heap.clear()

    def move(self) -> None:
        """Schedule the earliest alarm anew."""
        if not self._heap:
            return
        due = self._wall.instant(self._heap[0][0])
        if self._standing is not None:
            if self._standing[0] == due:
                return
            self._standing[1].callbacks = []
        env, event = self._env, self._past
        instant = max(due, int(env._now))
        if event is None:
            event = env.at(instant, self._ring)
        else:
            env.again(event, instant, [env.noticed, self._ring])
        self._past, self._standing = None, (due, event)

    def _ring(self, event: simpy.Event) -> None:
        due = self._standing[0] if self._standing else 0
        self._past, self._standing = event, None
        heap, wall = self._heap, self._wall
        while heap and heap[0][0] <= wall.ticks(due):
            _, _, callback, subject, number = heapq.heappop(heap)
            callback(subject, number)
        self.move()
