"""How everything here is measured and printed.

A figure is the median of repeats with a 95 % interval of that median (percentile bootstrap, fixed seed). A ratio is
taken inside one repeat, our time and the rival's interleaved, since a shared machine wanders by more between two
minutes than two programs differ. `x_vs_y` is our cost over y's, smaller is better; `x_speed_vs_y` is the inverse.

Run as a benchmark, this file measures the ruler: ratios of identical code, which would all be 1 on a quiet machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import operator
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

RESAMPLES = 4000
_TESTS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


class Metric(NamedTuple):
    """One measured figure. `bar` is what it must not miss (None: stated without a bar), `holds` whether it does."""

    metric: str
    value: float
    unit: str
    low: float
    high: float
    against: str
    bar: float | None = None
    holds: bool | None = None


def measured(
    metric: str, samples: Sequence[float], unit: str, against: str, *, bar: tuple[str, float] | None = None
) -> Metric:
    """A Metric from repeats; `bar` is ("<=", limit) or (">=", limit) and is held against the median."""
    values = np.asarray(samples, dtype=float)
    value = float(np.median(values))
    draws = np.random.Generator(np.random.PCG64(7)).integers(0, len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(np.median(values[draws], axis=1), [2.5, 97.5])
    if bar is None:
        return Metric(metric, value, unit, float(low), float(high), against)
    sign, limit = bar
    return Metric(metric, value, unit, float(low), float(high), against, limit, _TESTS[sign](value, limit))


def geometric_mean(values: Sequence[float]) -> float:
    """The mean for ratios."""
    return float(np.exp(np.mean(np.log(np.asarray(values, dtype=float)))))


def seconds_of(action: Callable[[], Any]) -> float:
    """Wall seconds of one run of `action`, garbage collection aside."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        started = time.perf_counter()
        action()
        return time.perf_counter() - started
    finally:
        if collecting:
            gc.enable()


def main(measure: Callable[[bool], list[Metric]]) -> None:
    """The command line of one benchmark: `measure(quick)` gives its metrics."""
    parser = argparse.ArgumentParser(description=(sys.modules["__main__"].__doc__ or "").strip())
    parser.add_argument("--json", action="store_true", help="print one JSON list and nothing else")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: for trying out, not for quoting")
    given = parser.parse_args()
    metrics = measure(given.quick)
    if given.json:
        print(json.dumps([metric._asdict() for metric in metrics], indent=1))
    else:
        show(metrics)


def show(metrics: Sequence[Metric]) -> None:
    """Print metrics as a table."""
    table = Table("metric", "value", "95 % interval", "unit", "against", "bar", "holds")
    for item in metrics:
        bar = "" if item.bar is None else f"{item.bar:g}"
        holds = "" if item.holds is None else ("yes" if item.holds else "NO")
        interval = f"{item.low:.3g} .. {item.high:.3g}"
        table.add_row(item.metric, f"{item.value:.3g}", interval, item.unit, item.against, bar, holds)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def noise(quick: bool) -> list[Metric]:
    """What ratios of identical code come to here: nothing smaller than their spread can be told from nothing."""

    def block() -> int:
        return sum(i & 3 for i in range(200_000))

    ratios = []
    for repeat in range(15 if quick else 61):
        first, second = seconds_of(block), seconds_of(block)
        ratios.append(first / second if repeat % 2 else second / first)
    widths = [abs(ratio - 1.0) for ratio in ratios]
    return [
        measured("same_vs_same", ratios, "ratio", "itself"),
        measured("same_vs_same_typical_error", widths, "share", "itself"),
        measured("same_vs_same_worst_error", [max(widths)], "share", "itself"),
    ]


if __name__ == "__main__":
    main(noise)
