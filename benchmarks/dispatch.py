"""What a call of installed code costs through `tiering.jit`, against plain `numba.njit`.

Both run the same machine code with the same options; the ratio is of whole calls from Python, interleaved in short
blocks, and the bar is held against the geometric mean over the argument shapes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import tiering
from benchmarks.harness import Metric, geometric_mean, main, measured, seconds_of

CALLS = 20_000


def two_scalars(x: float, y: float) -> float:
    return x + y


def three_arrays(a: Any, b: Any, c: Any) -> float:
    total: float = a[0] + b[0] + c[0]
    return total


def four_arrays_two_scalars(a: Any, b: Any, c: Any, d: Any, x: float, y: float) -> float:
    total: float = a[0] + b[0] + c[0] + d[0] + x + y
    return total


def measure(quick: bool) -> list[Metric]:
    """`dispatch_vs_njit` over the shapes, then each shape alone."""
    arrays = [np.ones(8) for _ in range(4)]
    cases: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (two_scalars, (1.0, 2.0)),
        (three_arrays, tuple(arrays[:3])),
        (four_arrays_two_scalars, (*arrays, 1.0, 2.0)),
    ]
    pairs = [(_installed(function, args), _njit(function, args), args) for function, args in cases]
    ratios: list[list[float]] = [[] for _ in cases]
    for repeat in range(15 if quick else 61):
        for samples, (ours, theirs, args) in zip(ratios, pairs, strict=True):
            samples.append(_ratio(ours, theirs, args, ours_first=repeat % 2 == 0))
    means = [geometric_mean(row) for row in zip(*ratios, strict=True)]
    metrics = [measured("dispatch_vs_njit", means, "ratio", "numba.njit(boundscheck=True)", bar=("<=", 1.05))]
    for (function, _), samples in zip(cases, ratios, strict=True):
        metrics.append(measured(f"dispatch_vs_njit_{function.__name__}", samples, "ratio", "numba.njit"))
    tiering.shutdown()
    return metrics


def _installed(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    ours = tiering.jit(interpret="always", controller="always")(function)
    deadline = time.perf_counter() + 60
    while ours.tiering.tier != "optimized" or not ours.signatures:
        ours(*args)
        if time.perf_counter() > deadline:
            raise SystemExit(f"{function.__name__} was not compiled within a minute: {ours.tiering.explain()}")
    for _ in range(100):
        ours(*args)
    return ours  # type: ignore[no-any-return]


def _njit(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    theirs = numba.njit(boundscheck=True)(function)
    theirs(*args)
    return theirs  # type: ignore[no-any-return]


def _ratio(ours: Callable[..., Any], theirs: Callable[..., Any], args: tuple[Any, ...], *, ours_first: bool) -> float:
    def block(callee: Callable[..., Any]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(CALLS):
                callee(*args)

        return run

    if ours_first:
        mine = seconds_of(block(ours))
        return mine / seconds_of(block(theirs))
    other = seconds_of(block(theirs))
    return seconds_of(block(ours)) / other


if __name__ == "__main__":
    main(measure)
