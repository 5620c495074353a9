"""Questions that are asked about several units before anything is done: whose compile is next, whose code goes.

The answers are collected, not applied; then they are ranked by their priorities, and equal priorities stay in the
order of asking.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from tiering.manager import Task
from tiering.protocol import Decision, Why
from tiering.sim.compilers import Compilers, Pool

Answers: TypeAlias = list[tuple[int, Decision | None]]
"""Index of a unit and what was answered; None for units that are pinned and not asked."""


class Poll:
    """Units (by index) that are still to be asked, the answers so far, and what is done with all of them."""

    def __init__(self, why: Why, units: Iterable[int], done: Callable[[Answers], None]) -> None:
        self.why = why
        self.left = deque(units)
        self.answers: Answers = []
        self.done = done


def at_dequeue(
    pool: Pool, compilers: Compilers, index: dict[str, int], carry_out: Callable[[Task, Decision], None]
) -> Poll:
    """Ask about everything that waits in a pool, then let an idle thread take the first.

    To stay, or to compile to the tier that waits, gives the task a new priority; any other answer is carried out and
    the task is dropped.
    """
    pool.polled = True
    tasks = [pool.waiting[serial].task for serial in sorted(pool.waiting)]

    def done(answers: Answers) -> None:
        for task, (_, decision) in zip(tasks, answers, strict=True):
            if decision is not None and task.serial in pool.waiting:
                if decision.action == "stay" or (decision.action == "compile" and decision.tier == task.tier):
                    compilers.rank(pool, task.serial, decision.priority)
                else:
                    carry_out(task, decision)
        pool.polled = False
        if pool.idle:
            compilers.take(pool)
        compilers.serve(pool)

    return Poll("dequeue", [index[task.unit] for task in tasks], done)
