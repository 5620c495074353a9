"""What compiling in the background costs the main thread: its speed, and its longest gap.

A fresh process per repeat. Its main thread does units of pure Python work and calls the tiered function now and
then. First it does so with the function undecorated and nothing of ours imported: that is the idle machine, its speed
and its own gaps. Then, straight after the import, from decoration on, through the start of the worker, the compile and
the installation, to steady state; then once more undecorated. `main_speed_while_compiling` is against the mean of the
two idle stretches, `longest_stall_ms` the longest gap between two units beyond the longest one of theirs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Metric, main, measured

UNITS_PER_CALL = 20
IDLE_SECONDS = 1.5
TAIL_SECONDS = 0.2


def adam_step(w: Any, g: Any, m: Any, v: Any, rate: float, b1: float, b2: float, eps: float) -> float:
    largest = 0.0
    for i in range(w.shape[0]):
        m[i] = b1 * m[i] + (1.0 - b1) * g[i]
        v[i] = b2 * v[i] + (1.0 - b2) * g[i] * g[i]
        step = rate * m[i] / (v[i] ** 0.5 + eps)
        w[i] -= step
        largest = max(largest, abs(step))
    return largest


def unit_of_work() -> int:
    total = 0
    for i in range(400):
        total += i & 3
    return total


def stretch(
    function: Callable[..., Any], args: tuple[Any, ...], ended: Callable[[], bool]
) -> tuple[float, float, float]:
    """Work until `ended`; units per second, longest gap in seconds, length in seconds."""
    now = time.perf_counter
    started = last = now()
    units, longest = 0, 0.0
    while True:
        for _ in range(UNITS_PER_CALL):
            unit_of_work()
            here = now()
            longest = max(longest, here - last)
            last = here
        units += UNITS_PER_CALL
        function(*args)
        if ended():
            return units / (now() - started), longest, now() - started


def child() -> None:
    """One repeat, in this process; prints its figures as JSON."""
    args = (*(np.ones(20) for _ in range(4)), 1e-3, 0.9, 0.999, 1e-8)
    stretch(adam_step, args, _after(0.3))
    before = stretch(adam_step, args, _after(IDLE_SECONDS))

    import tiering
    import tiering.live.decorator

    started = time.perf_counter()
    tiered = tiering.jit(interpret="always", controller="always")(adam_step)
    decoration = time.perf_counter() - started
    steady = _Steady(tiered)
    during = stretch(tiered, args, steady)
    after = stretch(adam_step, args, _after(during[2]))
    print(json.dumps({"before": before, "during": during, "after": after, "decoration": decoration}))


def _after(seconds: float) -> Callable[[], bool]:
    deadline = time.perf_counter() + seconds
    return lambda: time.perf_counter() > deadline


class _Steady:
    """True once the function has run compiled for a while."""

    def __init__(self, tiered: Any) -> None:
        self.tiered = tiered
        self.since: float | None = None

    def __call__(self) -> bool:
        if not self.tiered.overloads:
            return False
        if self.since is None:
            self.since = time.perf_counter()
        return time.perf_counter() - self.since > TAIL_SECONDS


def measure(quick: bool) -> list[Metric]:
    """Speed and stalls over fresh processes."""
    speed, stall, raw, seconds = [], [], [], []
    for _ in range(5 if quick else 21):
        command = [sys.executable, "-c", "from benchmarks.stall import child; child()"]
        done = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        idle_speed = (done["before"][0] + done["after"][0]) / 2
        idle_gap = max(done["before"][1], done["after"][1])
        gap = max(done["during"][1], done["decoration"])
        speed.append(done["during"][0] / idle_speed)
        raw.append(gap * 1e3)
        stall.append(max(0.0, gap - idle_gap) * 1e3)
        seconds.append(done["during"][2])
    idle = "the same process, idle"
    return [
        measured("main_speed_while_compiling", speed, "ratio", idle, bar=(">=", 0.9)),
        measured("longest_stall_ms", stall, "ms", idle, bar=("<=", 15.0)),
        measured("longest_gap_ms", raw, "ms", "nothing: idle gaps included"),
        measured("steady_after_seconds", seconds, "s", "nothing"),
    ]


if __name__ == "__main__":
    main(measure)
