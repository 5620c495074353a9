"""The costly or the cheap register allocator: what either is worth, fitted to a measured table.

The model is that of `profile.Codegen`: light allocation lengthens each iteration by
`spill_seconds * spill_reduction * max(0, P - registers)` and compiles in `light_compile` of the heavy one's time. So
the heavy one is worth its extra compile time iff

    uses * spill_seconds * spill_reduction * (P - registers) > extra compile seconds

which is the trade between linear scan (M. Poletto and V. Sarkar, TOPLAS 1999) and graph colouring. The table was
measured with LLVM's fast and greedy allocators, the two that can be chosen for each compile.

How it is fitted. The cost per unit of pressure and `registers` are a straight line through light minus heavy time per
iteration, by least squares of relative errors: break-even points are ratios, and absolute errors would fit the highest
pressure alone (the lowest would be wrong by a factor of ten, so by 1.5). `light_compile` is the share nearest by
the same measure, the mean of the ratios. `spill_reduction` is the share of spills in the loop that the heavy allocator
removes; only its product with `spill_seconds` shows in run times. `registers` comes out at about 1, far below the 16 of
the machine, because the fast allocator works block by block and spills around every loop: it is where the line starts,
not a count of anything.

Pressure in the table is P, the number of values that the loop carries. ints has a pointer beside each value, but its
line over P is that of poly; over 2 P it would be another one. Against the measured break-even iterations the model is
off by less than 1.6 (lowest pressures) and 1.3 (from 16 on); `benchmarks/registers.py` prints both.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tiering.errors import InputError
from tiering.profile import Codegen
from tiering.sim.draws import normal, stream

TABLE = Path(__file__).parent / "register_table.json"

SIGMA = 0.5
"""Standard deviation of the logarithm of an estimate before any profiling: within a factor of 1.65 two times in
three. Assumed: before allocation a compiler knows a bound on what is alive at once, and not where the time goes."""

SCALE = 100.0
"""Profiled calls after which the variance of the logarithm is halved. Assumed; small enough to matter in warm-up."""

_REMEMBERED = 1 << 16


class Measured(NamedTuple):
    """One row of the table: seconds to compile and per iteration, spills in the loop, with either allocator.

    `break_even` is the number of iterations that the measurement's own note gives (None: it gives none).
    """

    kernel: str
    pressure: int
    light_compile: float
    light_spills: int
    light_seconds: float
    heavy_compile: float
    heavy_spills: int
    heavy_seconds: float
    break_even: float | None


def table() -> tuple[Measured, ...]:
    """The measured table that ships with the package; its file says how and where it was measured."""
    return tuple(_measured(*row) for row in json.loads(TABLE.read_text(encoding="utf-8"))["rows"])


def fit(rows: tuple[Measured, ...]) -> Codegen:
    """The `Codegen` whose registers fit these rows best; what is no matter of registers is left at its default.

    Raises InputError for rows of fewer than two pressures, or in which heavy allocation is not the faster.
    """
    saved = [row.light_seconds - row.heavy_seconds for row in rows]
    if len({row.pressure for row in rows}) < 2 or min(saved) <= 0.0:
        raise InputError("a fit of registers needs two pressures or more, and rows in which heavy allocation is faster")
    slope, start = _line([float(row.pressure) for row in rows], saved)
    reduction = 1.0 - sum(row.heavy_spills for row in rows) / sum(row.light_spills for row in rows)
    share = sum(row.light_compile / row.heavy_compile for row in rows) / len(rows)
    return Codegen(start, slope / reduction, reduction, share)


def saved_seconds(codegen: Codegen, pressure: float) -> float:
    """Seconds per iteration that heavy allocation saves at this register pressure."""
    return codegen.spill_seconds * codegen.spill_reduction * max(0.0, pressure - codegen.registers)


def heavy_pays(
    uses: float, spill_seconds: float, reduction: float, excess: float, extra_compile_seconds: float
) -> bool:
    """Whether heavy allocation earns its extra compile time.

    `uses` are the iterations still to come, `excess` is the register pressure above `Codegen.registers`.
    """
    return uses * spill_seconds * reduction * max(0.0, excess) > extra_compile_seconds


def break_even(spill_seconds: float, reduction: float, excess: float, extra_compile_seconds: float) -> float:
    """Iterations from which on heavy allocation pays; infinite if it saves nothing."""
    saved = spill_seconds * reduction * max(0.0, excess)
    return extra_compile_seconds / saved if saved else math.inf


def estimate(true: float, profiled_calls: float, seed: int, unit: str) -> float:
    """The register pressure of a unit as a controller sees it after so many profiled calls.

    `true * exp(SIGMA * z / sqrt(1 + profiled_calls / SCALE))`, with z standard normal and one for each seed and unit:
    the estimate errs to one side and comes ever closer, under every policy alike. Its median over units is `true`.
    """
    return true * math.exp(SIGMA * _deviation(seed, unit) / math.sqrt(1.0 + profiled_calls / SCALE))


@lru_cache(maxsize=_REMEMBERED)
def _deviation(seed: int, unit: str) -> float:
    return normal(stream(seed, "registers", unit))


def _line(x: list[float], y: list[float]) -> tuple[float, float]:
    """Slope, and where the line meets zero, by least squares of relative errors."""
    weights = [1.0 / (value * value) for value in y]
    total = sum(weights)
    mean_x = sum(w * a for w, a in zip(weights, x, strict=True)) / total
    mean_y = sum(w * b for w, b in zip(weights, y, strict=True)) / total
    rows = list(zip(weights, x, y, strict=True))
    slope = sum(w * (a - mean_x) * (b - mean_y) for w, a, b in rows) / sum(w * (a - mean_x) ** 2 for w, a, _ in rows)
    return slope, mean_x - mean_y / slope


def _measured(*row: Any) -> Measured:
    kernel, pressure, light_ms, light_spills, light_ns, heavy_ms, heavy_spills, heavy_ns, note = row
    return Measured(
        kernel,
        pressure,
        light_ms / 1e3,
        light_spills,
        light_ns / 1e9,
        heavy_ms / 1e3,
        heavy_spills,
        heavy_ns / 1e9,
        note,
    )
