"""CPython's table of JIT thresholds, predicted from one of its rows (data: `tiering.workloads.cpython`).

The generator `hotness_tail` is fitted to the traces created and predicts the uops executed; the metrics are predicted
percentages, with the published ones named beside them, and the largest deviation. Then the fitted program is simulated
under the controller `threshold` with counts of 1024 to 65536 in doublings; the metrics are total seconds above those of
the best count, and the width of that curve.

The machine is CPython's JIT as its own table describes it, and as nothing else does. Compiling stops the program,
there are two tiers, and two shares say what they cost: compiling takes c of the suite's time at threshold 16, and the
traces save g of it. Both follow from least squares over the table's published rows,

    1 - 1 / (1 + speed-up) = c * traces not created - g * uops not executed,

c = 4.8 %, g = 25.5 %, which meets the nine speed-ups within 0.35 points. Spread over the fitted counts that is a JIT
1.27 times as fast as the interpreter, and a trace that costs as much as 6500 interpreted iterations. The simulated
speed-ups lie within 0.8 points of the published ones.

The speed is what the table implies, not what the JIT had: CPython's developers call it about as fast as the
interpreter of its time (PEP 744). A late trace also loses what other traces would have built on it, and here all time
is spent in code that becomes traces. Flatness does not hang on it: with the compiling share kept, any speed from 1.05
to 1.3 leaves the curve within 2 %, and 1.5 does not (3.6 %). Seconds are those of a call in the simulator; only ratios
matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tiering.workloads import cpython
from tiering.workloads.generators import hotness_tail

import tiering
from benchmarks.harness import Metric, main
from tiering.profile import Profile, TierCosts
from tiering.sim.costs import CALL_SECONDS
from tiering.trace import Program
from tiering.trace_parser import Parser

UNITS = 500
COUNTS = tuple(1 << power for power in range(10, 17))
POINTS, FLAT = 3.0, 2.0
"""Bars: points of the predicted row, and the width of the cost curve in percent."""

Floats = NDArray[np.float64]


class Costs(NamedTuple):
    """What the JIT costs: compiling, as a share of all time at threshold 16, and the share that traces save there."""

    compiling: float
    saving: float


def tail() -> hotness_tail.Tail:
    """The law that is fitted to the traces created."""
    return hotness_tail.from_table(cpython.THRESHOLDS, [1.0 + percent / 100.0 for percent in cpython.TRACES_CREATED])


def predicted() -> Floats:
    """The uops executed, in percent of those at threshold 16, at the published thresholds."""
    return hotness_tail.executed(tail().counts(UNITS), cpython.THRESHOLDS)


def costs() -> Costs:
    """The two shares from the published rows."""
    rows = -np.array([cpython.TRACES_CREATED, cpython.UOPS_EXECUTED]).T / 100.0
    faster = 1.0 - 1.0 / (1.0 + np.array(cpython.SPEEDUP) / 100.0)
    compiling, saving = np.linalg.lstsq(rows * [1.0, -1.0], faster, rcond=None)[0].tolist()
    return Costs(compiling, saving)


def machine(speed: float | None = None) -> Profile:
    """CPython's JIT: interpreter and traces, compiles that stop the program.

    With another `speed` of traces than the table's, the share of compiling stays.
    """
    counts, shares = tail().counts(UNITS), costs()
    cold, warm = float(np.minimum(counts, cpython.FLOOR).sum()), float(np.maximum(counts - cpython.FLOOR, 0.0).sum())
    if speed is None:
        whole = (cold + warm) / (1.0 - shares.compiling + shares.saving)
        speed = 1.0 / (1.0 - shares.saving * whole / warm)
    else:
        whole = (cold + warm / speed) / (1.0 - shares.compiling)
    trace = TierCosts("jit", speed, compile_seconds=shares.compiling * whole / UNITS * CALL_SECONDS)
    return Profile(
        (TierCosts("interpreter", 1.0), trace),
        background=False,
        source="CPython's JIT of November 2024, from the rows of issue 126795: see benchmarks/hotness.py",
    )


def program() -> Program:
    """The fitted program, every unit's calls in a row: where compiles stop the program, no order costs more."""
    law = tail()
    lines = hotness_tail.WORKLOAD.lines(units=UNITS, shape=law.shape, scale=law.scale, rounds=1)
    return Parser("hotness_tail").parse("\n".join(map(json.dumps, lines)))


def curve(speed: float | None = None, counts: Iterable[int] = COUNTS) -> dict[int, float]:
    """Simulated total seconds of the fitted program by the count of `threshold`."""
    made, on = program(), machine(speed)
    return {
        count: tiering.simulate(made, "threshold", profile=on, settings={"count": count}).total_seconds
        for count in counts
    }


def width(seconds: dict[int, float]) -> float:
    """How much more the dearest count costs than the cheapest, as a share."""
    return max(seconds.values()) / min(seconds.values()) - 1.0


def measure(quick: bool) -> list[Metric]:
    """The predicted row with its largest deviation, and the cost curve with its width. `quick` changes nothing."""
    row = predicted()
    metrics = [
        _figure(f"uops_at_{threshold}", float(value), "%", f"published {published:+g} %")
        for threshold, value, published in zip(cpython.THRESHOLDS, row, cpython.UOPS_EXECUTED, strict=True)
    ]
    worst = float(np.abs(row - cpython.UOPS_EXECUTED).max())
    metrics.append(_figure("uops_largest_deviation", worst, "points", "the published row", POINTS))
    seconds = curve()
    best = min(seconds.values())
    metrics += [
        _figure(f"cost_at_{count}", 100.0 * (took / best - 1.0), "%", "the best count")
        for count, took in seconds.items()
    ]
    return [*metrics, _figure("cost_curve_width", 100.0 * width(seconds), "%", "the best count", FLAT)]


def _figure(name: str, value: float, unit: str, against: str, bar: float | None = None) -> Metric:
    return Metric(name, value, unit, value, value, against, bar, None if bar is None else value <= bar)


if __name__ == "__main__":
    main(measure)
