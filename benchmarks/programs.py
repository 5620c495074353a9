"""How long each whole program takes under plain `numba.njit`, from process start, and in which length that puts it.

Every run is a process of its own, `python -m tiering.workloads.programs NAME --jit numba:njit`, with nothing cached:
what Python and Numba take to start counts, and so does every compile. Seconds are those on the wall, from the start of
the process to its end, so the machine has to be idle; processor time is a fifth more for the short ones, since what
imports Numba runs on more than one thread. Of a run its digest is kept: two runs of a program that differ in it stop
the benchmark.

`NAME_seconds` states a median and, in `against`, the length it falls in. A bar is set only on programs declared short
or long, for which one side is enough; `in_declared_length` is the share of all programs that fall where they say.
`python -m benchmarks.programs NAME ...` measures some programs only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from tiering.workloads.programs import PROGRAMS, program

from benchmarks.harness import Metric, main, measured

LIMITS = {"short": 1.0, "medium": 10.0}
BARS = {"short": ("<=", 1.0), "long": (">=", 10.0)}
REPEATS = {"short": 9, "medium": 3, "long": 3}


def length(seconds: float) -> str:
    """The length that a program of so many seconds has."""
    return next((name for name, limit in LIMITS.items() if seconds <= limit), "long")


def run(name: str, jit: str = "numba:njit") -> tuple[float, str]:
    """Wall seconds and the digest of one run in a process of its own."""
    command = [sys.executable, "-m", "tiering.workloads.programs", name, "--jit", jit]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=uncached(), check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{name} ended with exit code {done.returncode}")
    return seconds, json.loads(done.stdout)["sha256"]


def uncached() -> dict[str, str]:
    """This environment without what would change how Numba compiles."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}


def measure(quick: bool, names: list[str] | None = None) -> list[Metric]:
    """All programs, or some."""
    metrics, right = [], []
    for name in names or PROGRAMS:
        declared = program(name).length
        runs = [run(name) for _ in range(1 if quick else REPEATS[declared])]
        if len({digest for _, digest in runs}) > 1:
            raise RuntimeError(f"{name} came to different results in two runs")
        found = measured(f"{name}_seconds", [seconds for seconds, _ in runs], "s", "", bar=BARS.get(declared))
        fallen = length(found.value)
        right.append(float(fallen == declared))
        metrics.append(found._replace(against=fallen if fallen == declared else f"{fallen}, declared {declared}"))
        print(f"{name} {found.value:.2f} s, {metrics[-1].against}", file=sys.stderr)
    share = sum(right) / len(right)
    return [*metrics, measured("in_declared_length", [share], "share", "what they declare", bar=(">=", 1.0))]


if __name__ == "__main__":
    chosen = [word for word in sys.argv[1:] if not word.startswith("-")]
    sys.argv[1:] = [word for word in sys.argv[1:] if word.startswith("-")]
    main(lambda quick: measure(quick, chosen))
