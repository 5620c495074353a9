"""One measurement in a fresh process: `python -m tiering.demo.child MODE WORKLOAD SIZE [PROFILE]` prints JSON.

MODE is "cpython", "njit", "calibrate" or the name of a controller.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from tiering import registry

OVERHEAD_CALLS = 3000


class Recorder:
    """A kernel whose calls are timed; all modes pay for it alike."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name
        self.durations: list[float] = []

    def __call__(self, *args: Any) -> Any:
        started = time.perf_counter()
        result = self.function(*args)
        self.durations.append(time.perf_counter() - started)
        return result

    def facts(self) -> dict[str, float]:
        """Calls, and in seconds: all of them, the median one, the longest one, the first one."""
        spent = self.durations
        return {
            "calls": len(spent),
            "seconds": sum(spent),
            "median": median(spent),
            "longest": max(spent),
            "first": spent[0],
        }


def main(mode: str, name: str, size: str, profile: str | None = None) -> None:
    """Measure and print one JSON document."""
    workload = registry.WORKLOADS.load(name)
    if mode == "calibrate":
        print(json.dumps(_calibrate(workload)))
        return
    inputs = workload.make(workload.sizes[size], 0)
    functions, compiled = _prepare(mode, workload.functions, profile)
    recorders = [
        Recorder(function, plain.__name__) for function, plain in zip(functions, workload.functions, strict=True)
    ]
    started = time.perf_counter()
    workload.run(recorders, inputs)
    total = time.perf_counter() - started
    units = {recorder.name: recorder.facts() for recorder in recorders}
    print(json.dumps({"total": total, "units": units, "compiles": compiled()}))


def _prepare(
    mode: str, functions: Sequence[Callable[..., Any]], profile: str | None
) -> tuple[Sequence[Callable[..., Any]], Callable[[], int]]:
    if mode == "cpython":
        return functions, lambda: 0
    if mode == "njit":
        import numba

        jitted = [numba.njit(boundscheck=True)(function) for function in functions]
        return jitted, lambda: sum(len(function.signatures) for function in jitted)
    import tiering
    import tiering.live.decorator

    tiering.configure(controller=mode, profile=profile)
    tiered = [tiering.jit(interpret="always")(function) for function in functions]
    return tiered, lambda: sum(row.code_bytes > 0 or bool(row.where) for row in tiering.status())


def _calibrate(workload: Any) -> dict[str, Any]:
    """What compiling this workload costs in a worker, and what the live host adds to an interpreted call."""
    import tiering
    from tiering.live.decorator import jit

    inputs = workload.make(workload.sizes["small"], 0)
    tiering.configure(controller="always")
    tiered = [jit(interpret="always")(function) for function in workload.functions]
    deadline = time.perf_counter() + 60.0
    while not all(function.overloads for function in tiered) and time.perf_counter() < deadline:
        workload.run(tiered, inputs)
    ready = min(function.tiering.units[0].waited_seconds for function in tiered)
    rows = {function.__name__: function.tiering.units[0] for function in tiered}
    units = {
        name: {"compile": row.compile_seconds, "install": row.install_seconds, "bytes": row.code_bytes}
        for name, row in rows.items()
    }
    overhead, first = _overhead(), _first_compile()
    for function in tiered:
        units[function.__name__]["in_place"] = _in_place(function.py_func, next(iter(function.overloads)))
    return {"ready": ready, "units": units, "overhead": overhead, "first": first}


def _overhead() -> float:
    """Seconds that an interpreted call through the live host costs more than the same call in CPython."""
    from tiering.live.decorator import jit

    def nothing(value: float) -> float:
        return value

    counted = jit(interpret="always", controller="never")(nothing)
    return max(0.0, _per_call(counted) - _per_call(nothing))


def _per_call(function: Callable[[float], float]) -> float:
    blocks = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(OVERHEAD_CALLS):
            function(1.0)
        blocks.append((time.perf_counter() - started) / OVERHEAD_CALLS)
    return min(blocks)


def _first_compile() -> float:
    """Seconds that the first compile in a process costs more than a later one, in place."""
    import numba

    def double(value: float) -> float:
        return value + value

    def triple(value: float) -> float:
        return value + value + value

    spent = []
    for function in (double, triple):
        started = time.perf_counter()
        numba.njit("float64(float64)", boundscheck=True)(function)
        spent.append(time.perf_counter() - started)
    return max(0.0, spent[0] - spent[1])


def _in_place(function: Callable[..., Any], signature: Any) -> float:
    """Seconds that njit takes to compile this in place, after the first compile of the process."""
    import numba

    started = time.perf_counter()
    numba.njit(boundscheck=True)(function).compile(signature)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
