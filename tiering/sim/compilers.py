"""The compile queues and the threads that serve them.

The queue is ours: `simpy.PriorityResource` sorts all its waiting requests at every request (1.15 ms with 10,000 of
them). Here a heap on (-priority, serial) holds the tasks of a pool, so that equal priorities are served in the order
of asking. A task that was discarded or ranked anew stays in the heap as a dead entry and is dropped when it comes up;
what waits is known by name, so nobody searches the heap.

A running compile cannot be stopped, as in real engines: discarding it means that its result is thrown away when it
ends. Its time is spent, and counted, all the same.

Where priorities are asked for anew at each dequeue, a free thread does not take a task but has `free` called, and the
host asks about everything that waits before it calls `take`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, NamedTuple

from tiering.manager import Task
from tiering.profile import Profile
from tiering.sim.clock import Environment


class Waiting(NamedTuple):
    """A task in the queue, and the instant and the wall time (in ticks) at which it came. The least is served first."""

    rank: float
    serial: int
    task: Task
    since: int
    ticks: int


class Running(NamedTuple):
    """A task in a compiler thread; `made` is what the host said at its start, `waited` are ticks of the wall."""

    task: Task
    since: int
    ticks: int
    waited: int
    made: Any


class Pool:
    """Threads that serve some tiers from one queue."""

    def __init__(self, threads: int) -> None:
        self.idle = threads
        self.polled = False
        self.heap: list[Waiting] = []
        self.waiting: dict[int, Waiting] = {}


class Compilers:
    """All pools of a machine.

    A unit has at most one task that anybody wants: whoever asks for another one discards it first.
    `begin` tells a task's processor time in picoseconds and what will come of it; `ended` is called at the end of each
    compile, with whether anybody still wants it; `stale` says whether a task that comes up is to be dropped.
    """

    def __init__(
        self,
        env: Environment,
        profile: Profile,
        now: Callable[[], tuple[int, int]],
        begin: Callable[[Task], tuple[int, Any]],
        ended: Callable[[Running, bool], None],
    ) -> None:
        self.running: dict[int, Running] = {}
        self.waited_ticks = 0
        self.stale: Callable[[Waiting], bool] | None = None
        self.changed: Callable[[], None] | None = None
        self.free: Callable[[Pool], None] | None = None
        self.capacity = profile.machine.queue_capacity
        self._env = env
        self._now = now
        self._begin = begin
        self._ended = ended
        self._busy_total = 0
        self._open = False
        self._waiting = 0
        self._unwanted: set[int] = set()
        self._wanted: dict[str, Task] = {}
        self._per_tier = [0] * len(profile.tiers)
        self._queue = tuple(self._per_tier)
        self._pools = [Pool(pool.threads) for pool in profile.pools()]
        self._pool_of: list[Pool] = [self._pools[0]] * len(profile.tiers)
        for pool, described in zip(self._pools, profile.pools(), strict=True):
            for tier, costs in enumerate(profile.tiers):
                if not described.tiers or costs.name in described.tiers:
                    self._pool_of[tier] = pool

    def open(self) -> None:
        """From now on the threads work."""
        self._open = True
        for pool in self._pools:
            self.serve(pool)

    def submit(self, task: Task) -> bool:
        """Queue a task; a thread that is idle takes it at once. False if the queue is full."""
        unit, tier, _, priority, serial, _ = task
        pool = self._pool_of[tier]
        if self.capacity is not None and self._waiting >= self.capacity and not (self._open and pool.idle):
            return False
        since, ticks = self._now()
        waiting = tuple.__new__(Waiting, (-priority, serial, task, since, ticks))
        heapq.heappush(pool.heap, waiting)
        pool.waiting[serial] = waiting
        self._wanted[unit] = task
        self._per_tier[tier] += 1
        self._queue = tuple(self._per_tier)
        self._waiting += 1
        if pool.idle:
            self.serve(pool)
        return True

    def discard(self, unit: str, tier: int) -> None:
        """Forget the compile of this unit and tier, whether it waits or runs; without one, do nothing."""
        task = self._wanted.get(unit)
        if task is None or task.tier != tier:
            return
        del self._wanted[unit]
        pool = self._pool_of[tier]
        if task.serial in pool.waiting:
            self._remove(pool, task.serial)
        else:
            self._unwanted.add(task.serial)

    def rank(self, pool: Pool, serial: int, priority: float) -> None:
        """Give a waiting task another priority."""
        if serial in pool.waiting:
            waiting = pool.waiting[serial]
            ranked = waiting._replace(rank=-priority, task=waiting.task._replace(priority=priority))
            pool.waiting[serial] = ranked
            heapq.heappush(pool.heap, ranked)

    def take(self, pool: Pool) -> bool:
        """A free thread takes the first task of the queue; whether there was one."""
        while pool.heap:
            waiting = heapq.heappop(pool.heap)
            if pool.waiting.get(waiting.serial) is not waiting:
                continue
            self._remove(pool, waiting.serial)
            if self.stale is not None and self.stale(waiting):
                continue
            self._start(pool, waiting)
            return True
        return False

    def serve(self, pool: Pool) -> None:
        """Have the idle threads of a pool look at its queue."""
        while self._open and pool.idle and pool.waiting and not pool.polled:
            if self.free is not None and len(pool.waiting) > 1:
                self.free(pool)
            elif not self.take(pool):
                return

    def queue(self) -> tuple[int, ...]:
        """Tasks that wait, per tier."""
        return self._queue

    def close(self) -> None:
        """Forget what waits: the program has ended."""
        for pool in self._pools:
            pool.heap.clear()
            pool.waiting.clear()

    def quiet(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self._waiting and not self.running

    def busy(self) -> int:
        """Picoseconds of processor time that all threads together have compiled until now."""
        now, _ = self._now()
        return self._busy_total + sum(now - running.since for running in self.running.values())

    def _remove(self, pool: Pool, serial: int) -> None:
        self._per_tier[pool.waiting.pop(serial).task.tier] -= 1
        self._queue = tuple(self._per_tier)
        self._waiting -= 1

    def _start(self, pool: Pool, waiting: Waiting) -> None:
        now, ticks = self._now()
        task = waiting.task
        took, made = self._begin(task)
        pool.idle -= 1
        waited = ticks - waiting.ticks
        self.waited_ticks += waited
        running = Running(task, now, ticks, waited, made)
        self.running[task.serial] = running
        if self.changed is not None:
            self.changed()
        self._env.at(now + took, lambda _: self._end(pool, running))

    def _end(self, pool: Pool, running: Running) -> None:
        task = running.task
        now = int(self._env._now)
        del self.running[task.serial]
        pool.idle += 1
        self._busy_total += now - running.since
        wanted = task.serial not in self._unwanted
        self._unwanted.discard(task.serial)
        if wanted:
            del self._wanted[task.unit]
        if self.changed is not None:
            self.changed()
        self._ended(running, wanted)
        self.serve(pool)
