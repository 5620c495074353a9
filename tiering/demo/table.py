"""The demo's one table: measured beside predicted, and who won."""

from __future__ import annotations

from rich.table import Table

from tiering import report
from tiering.demo.study import RIVALS, Line, Study


def show(study: Study, *, as_json: bool) -> None:
    """Print a study as a table or as one JSON document."""
    if as_json:
        rows = [_document(line, study) for line in study.lines]
        report.show_json({"rows": rows, "profile": study.profile_path})
        return
    table = Table(
        "loop", "run by", title="Six optimizer loops, each run in a fresh process, timed from the first call on"
    )
    for heading in ("measured s", "predicted s", "error", "longest stall ms", "compiles"):
        table.add_column(heading, justify="right")
    table.add_column("against the better of CPython and njit")
    for index, line in enumerate(study.lines):
        last = index + 1 == len(study.lines) or study.lines[index + 1].workload != line.workload
        table.add_row(*_cells(line, study), end_section=last)
    report.show_tables(table)
    tiered = [line for line in study.lines if line.measured is not None and line.way not in RIVALS]
    lost = sum(line.measured > _best_rival(line, study) for line in tiered if line.measured is not None)
    print(f"{len(tiered) - lost} of {len(tiered)} tiered rows beat both rivals, {lost} lost.")
    print("oracle (it knows the future) and lb1 (nobody can need less) are simulated.")
    print(f"stall: the longest call beyond the median CPython call of the same kernel. profile: {study.profile_path}")


def _cells(line: Line, study: Study) -> list[str]:
    if line.measured is None or line.stall is None:
        return [line.workload, line.way, "-", f"{line.predicted:.3f}", "-", "-", str(line.compiles), ""]
    error = line.predicted / line.measured - 1
    numbers = [f"{line.measured:.3f}", f"{line.predicted:.3f}", f"{error:+.0%}", f"{line.stall * 1e3:.1f}"]
    return [line.workload, line.way, *numbers, str(line.compiles), _verdict(line, study)]


def _verdict(line: Line, study: Study) -> str:
    if line.way in RIVALS or line.measured is None:
        return ""
    ratio = line.measured / _best_rival(line, study)
    return f"won, {1 / ratio:.2f}x faster" if ratio <= 1 else f"lost, {ratio:.2f}x slower"


def _best_rival(line: Line, study: Study) -> float:
    times = [other.measured for other in study.lines if other.workload == line.workload and other.way in RIVALS]
    return min(time for time in times if time is not None)


def _document(line: Line, study: Study) -> dict[str, object]:
    row = line.simulated
    return {
        "workload": line.workload,
        "controller": line.way,
        "seed": 0,
        "measured_seconds": line.measured,
        "predicted_seconds": line.predicted,
        "total_seconds": line.predicted if line.measured is None else line.measured,
        "stall_seconds": line.stall,
        "compiles": line.compiles,
        "deopts": 0 if row is None else row.deopts,
        "regret": None if row is None else row.regret,
        "verdict": _verdict(line, study),
    }
