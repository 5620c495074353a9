"""What each kernel of the zoo costs: in CPython, under njit, and to compile, at one size.

`python -m benchmarks.kernels --write` puts the table into `docs/workloads.md`, between its two marks. CPython runs a
kernel once, njit five times after the call that compiles it, each on fresh inputs; compile seconds are those of that
first call less a usual one, in a process that has compiled before (the first of all takes half a second more).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from tiering.workloads import zoo
from tiering.workloads.kernel import Kernel, bound

from benchmarks.harness import Metric, geometric_mean, main, measured, seconds_of
from tiering.files import whole

PAGE = Path(__file__).resolve().parent.parent / "docs" / "workloads.md"
BEGIN, END = "<!-- kernels: begin -->", "<!-- kernels: end -->"
REPEATS = 5


class Row(NamedTuple):
    """Seconds of one kernel at one size; `njit` are repeats."""

    kernel: Kernel
    size: str
    cpython: float
    njit: list[float]
    compiling: float


def measured_row(kernel: Kernel, size: str, repeats: int = REPEATS) -> Row:
    """Run one kernel in both ways."""

    def fresh() -> tuple[Any, ...]:
        return kernel.inputs(kernel.sizes[size], 1)

    compiled = bound(kernel, numba.njit)
    first_arguments = fresh()
    first = seconds_of(lambda: compiled(*first_arguments))
    njit = []
    for _ in range(repeats):
        arguments = fresh()
        njit.append(seconds_of(lambda given=arguments: compiled(*given)))  # type: ignore[misc]
    plain_arguments = fresh()
    cpython = seconds_of(lambda: kernel.entry(*plain_arguments))
    return Row(kernel, size, cpython, njit, max(0.0, first - float(np.median(njit))))


def measure(quick: bool) -> list[Metric]:
    """All kernels: three metrics each, and the means over all."""
    rows = _rows("small" if quick else "medium")
    metrics = []
    for row in rows:
        name = row.kernel.name
        metrics.append(measured(f"{name}_cpython_seconds", [row.cpython], "s", row.size))
        metrics.append(measured(f"{name}_njit_seconds", row.njit, "s", row.size))
        metrics.append(measured(f"{name}_compile_seconds", [row.compiling], "s", row.size))
    speeds = [row.cpython / float(np.median(row.njit)) for row in rows]
    return [
        *metrics,
        measured("njit_speed_vs_cpython", [geometric_mean(speeds)], "ratio", "CPython, geometric mean"),
        measured("njit_compile_seconds", [row.compiling for row in rows], "s", "the median kernel"),
    ]


def _rows(size: str) -> list[Row]:
    numba.njit(lambda x: x + 1.0)(1.0)
    rows = []
    for kernel in zoo.kernels():
        print(kernel.name, file=sys.stderr)
        rows.append(measured_row(kernel, size))
    return rows


def write(rows: list[Row]) -> None:
    """Replace the table of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    with whole(PAGE) as out:
        out.write(f"{before}{BEGIN}\n{table(rows)}{END}{after}")


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| kernel | family | what it is | size | CPython s | njit s | compile s | natural bets |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        kernel = row.kernel
        size = ", ".join(f"{name} {value}" for name, value in kernel.sizes[row.size].items())
        figures = f"{row.cpython:.2g} | {float(np.median(row.njit)):.2g} | {row.compiling:.2g}"
        bets = ", ".join(kernel.bets) or "none"
        lines.append(f"| `{kernel.name}` | {kernel.family} | {kernel.summary} | {size} | {figures} | {bets} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--write" in sys.argv:
        sys.argv.remove("--write")
        write(_rows("medium"))
    else:
        main(measure)
