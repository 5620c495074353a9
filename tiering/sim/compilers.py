"""The compile queue and the threads that serve it.

The queue is ours: `simpy.PriorityResource` sorts all its waiting requests at every request (1.15 ms with 10,000 of
them). Here a heap on (-priority, serial) holds the tasks, so that equal priorities are served in the order of asking,
and one SimPy event per idle thread wakes it. A task that was discarded stays in the heap as a dead entry and is
dropped when it comes up; what waits is known by name, so nobody searches the heap.

A running compile cannot be stopped, as in real engines: discarding it means that its result is thrown away when it
ends. Its time is spent, and counted, all the same.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import simpy

from tiering.manager import Task
from tiering.sim.clock import Environment


class Ended(NamedTuple):
    """A compile that ran to its end: picoseconds in the queue and in the compiler, and whether anybody wants it."""

    task: Task
    waited: int
    took: int
    wanted: bool


class CompilerThreads:
    """`threads` compiler threads, which can begin `ready` picoseconds from now.

    `cost` tells a task's picoseconds; `ended` is called once for each compile that runs to its end.
    """

    def __init__(
        self,
        env: Environment,
        threads: int,
        ready: int,
        tiers: int,
        cost: Callable[[Task], int],
        ended: Callable[[Ended], None],
    ) -> None:
        self.queued_total = 0
        self._env = env
        self._cost = cost
        self._ended = ended
        self._busy_total = 0
        self._heap: list[tuple[float, int]] = []
        self._waiting: dict[int, tuple[Task, int]] = {}
        self._running: dict[int, tuple[Task, int]] = {}
        self._unwanted: set[int] = set()
        self._serials: dict[tuple[str, int], int] = {}
        self._per_tier = [0] * tiers
        self._idle: deque[simpy.Event] = deque()
        for _ in range(threads):
            env.process(self._thread(ready))

    def submit(self, task: Task) -> None:
        """Queue a task; a thread that is idle takes it at once."""
        heapq.heappush(self._heap, (-task.priority, task.serial))
        self._waiting[task.serial] = (task, self._env.picoseconds)
        self._serials[task.unit, task.tier] = task.serial
        self._per_tier[task.tier] += 1
        if self._idle:
            self._idle.popleft().succeed()

    def discard(self, unit: str, tier: int) -> None:
        """Forget the compile of this unit and tier, whether it waits or runs; without one, do nothing."""
        serial = self._serials.pop((unit, tier), None)
        if serial is None:
            return
        if serial in self._waiting:
            del self._waiting[serial]
            self._per_tier[tier] -= 1
        else:
            self._unwanted.add(serial)

    def queue(self) -> tuple[int, ...]:
        """Tasks that wait, per tier."""
        return tuple(self._per_tier)

    def quiet(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self._waiting and not self._running

    def busy(self) -> int:
        """Picoseconds that all threads together have compiled until now."""
        return self._busy_total + sum(self._env.picoseconds - since for _, since in self._running.values())

    def _thread(self, ready: int) -> Generator[simpy.Event, Any, None]:
        yield self._env.timeout(ready)
        while True:
            taken = self._take()
            if taken is None:
                idle = self._env.event()
                self._idle.append(idle)
                yield idle
                continue
            task, submitted = taken
            began = self._env.picoseconds
            self.queued_total += began - submitted
            self._running[task.serial] = (task, began)
            yield self._env.timeout(self._cost(task))
            del self._running[task.serial]
            self._busy_total += self._env.picoseconds - began
            wanted = task.serial not in self._unwanted
            self._unwanted.discard(task.serial)
            if wanted:
                del self._serials[task.unit, task.tier]
            self._ended(Ended(task, began - submitted, self._env.picoseconds - began, wanted))

    def _take(self) -> tuple[Task, int] | None:
        while self._heap:
            _, serial = heapq.heappop(self._heap)
            taken = self._waiting.pop(serial, None)
            if taken is not None:
                self._per_tier[taken[0].tier] -= 1
                return taken
        return None
