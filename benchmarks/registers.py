"""Light or heavy register allocation: the measured table beside the model fitted to it.

Nothing is timed here. Per row the table on stderr shows seconds saved per iteration and the break-even number of
iterations, measured and by the profile's `codegen`; the metrics are the worst and the typical ratio of the two. The
shipped reference profile is what is judged, not a fresh fit.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.harness import Metric, main, measured
from tiering import profile
from tiering.profile import Codegen
from tiering.sim import registers
from tiering.sim.registers import Measured


def measure(quick: bool) -> list[Metric]:
    """How far the model's break-even points are from the measured ones, as a factor either way."""
    codegen = profile.reference().codegen
    rows = registers.table()
    _show(rows, codegen)
    factors = [max(ratio, 1.0 / ratio) for ratio in (_modelled(row, codegen) / _measured(row) for row in rows)]
    high = [factor for factor, row in zip(factors, rows, strict=True) if row.pressure >= 16]
    return [
        measured("registers_break_even_error", factors, "factor", "measured table"),
        measured("registers_break_even_worst_error", [max(factors)], "factor", "measured table", bar=("<=", 1.6)),
        measured("registers_break_even_worst_error_from_16", [max(high)], "factor", "measured table", bar=("<=", 1.3)),
    ]


def _measured(row: Measured) -> float:
    return (row.heavy_compile - row.light_compile) / (row.light_seconds - row.heavy_seconds)


def _modelled(row: Measured, codegen: Codegen) -> float:
    extra = row.heavy_compile * (1.0 - codegen.light_compile)
    excess = row.pressure - codegen.registers
    return registers.break_even(codegen.spill_seconds, codegen.spill_reduction, excess, extra)


def _show(rows: tuple[Measured, ...], codegen: Codegen) -> None:
    table = Table("kernel", "P", "saved ns", "model", "error", "break-even", "model", "error")
    for row in rows:
        saved = (row.light_seconds - row.heavy_seconds) * 1e9
        model = registers.saved_seconds(codegen, row.pressure) * 1e9
        even, modelled = _measured(row), _modelled(row, codegen)
        shares = [f"{model / saved - 1:+.0%}", f"{modelled / even - 1:+.0%}"]
        figures = [f"{saved:.1f}", f"{model:.1f}", shares[0], f"{even:,.0f}", f"{modelled:,.0f}", shares[1]]
        table.add_row(row.kernel, str(row.pressure), *figures)
    Console(stderr=True).print(table)


if __name__ == "__main__":
    main(measure)
