"""A clock and a compiler that do what a test tells them: the two ports of a host, without a host.

Nothing here sleeps or compiles. A test moves the clock, ends the compiles and looks at the manager in between.
"""

from __future__ import annotations

from tiering.manager import Task, TieringManager
from tiering.protocol import Compiled, CompileFailed


class ManualClock:
    """A clock that stands still until it is told to `advance`."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Seconds since the host started."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for negative seconds."""
        if seconds < 0:
            raise ValueError(f"seconds={seconds!r}: time does not go backwards, must be at least 0")
        self._now += seconds


class FakeCompiler:
    """A compiler whose compiles end when `end` is called.

    `tasks` holds what was submitted and has not ended, oldest first; `discarded` what was to be forgotten, as (unit,
    tier). With `seconds`, `due` names the tasks that were submitted at least so long ago.
    """

    def __init__(self, clock: ManualClock, tiers: int, *, seconds: float = 0.0) -> None:
        self.tasks: list[Task] = []
        self.discarded: list[tuple[str, int]] = []
        self._clock = clock
        self._tiers = tiers
        self._seconds = seconds

    def submit(self, task: Task) -> None:
        """Queue a compile."""
        self.tasks.append(task)

    def discard(self, unit: str, tier: int) -> None:
        """Forget a queued compile or installed code."""
        self.discarded.append((unit, tier))
        self.tasks = [task for task in self.tasks if (task.unit, task.tier) != (unit, tier)]

    def queue(self) -> tuple[int, ...]:
        """Tasks that wait, per tier."""
        return tuple(sum(task.tier == tier for task in self.tasks) for tier in range(self._tiers))

    def due(self) -> list[Task]:
        """The tasks whose time is over."""
        return [task for task in self.tasks if task.submitted + self._seconds <= self._clock.now()]

    def end(self, manager: TieringManager, task: Task, *, took: float | None = None, error: str | None = None) -> None:
        """End a compile, with code or, where `error` is given, without, and tell the manager.

        `took` is the part of the time since submission that was spent compiling; all of it if None.
        """
        self.tasks.remove(task)
        now = self._clock.now()
        passed = now - task.submitted
        spent = passed if took is None else took
        state = manager.units[task.unit]
        if error is None:
            waited = max(0.0, passed - spent)
            manager.compiled(state, Compiled(now, task.unit, task.tier, waited, spent, 1000))
        else:
            manager.failed(state, CompileFailed(now, task.unit, task.tier, error, spent))
