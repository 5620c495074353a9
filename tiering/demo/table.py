"""The demo's one table: measured beside predicted, and how each row stands against CPython and njit."""

from __future__ import annotations

from rich.table import Table

from tiering import report
from tiering.demo.study import RIVALS, Line, Study

CAPTION = """\
measured: wall time from the first call to the end of the loop, imports excluded; predicted: the simulator's, from
the machine profile ({profile}). oracle (it knows the future) and lb1 (nobody can need less) are simulated.
stall: the longest call beyond the median CPython call of the same kernel."""


def show(study: Study, *, as_json: bool) -> None:
    """Print a study as a table or as one JSON document."""
    if as_json:
        rows = [_document(line, study) for line in study.lines]
        report.show_json({"rows": rows, "profile": study.profile_path})
        return
    table = Table("loop", "run by", title="Six optimizer loops, each run in a fresh process")
    for heading in ("measured s", "predicted s", "error", "stall ms", "compiles"):
        table.add_column(heading, justify="right")
    table.add_column("total time against CPython and njit")
    for index, line in enumerate(study.lines):
        last = index + 1 == len(study.lines) or study.lines[index + 1].workload != line.workload
        table.add_row(*_cells(line, study), end_section=last)
    report.show_tables(table)
    tiered = [line for line in study.lines if line.measured is not None and line.way not in RIVALS]
    for rival in RIVALS:
        won = sum(_ratio(line, rival, study) < 1 for line in tiered)
        shorter = sum((line.stall or 0) < (_rival(line, rival, study).stall or 0) for line in tiered)
        print(f"{won} of {len(tiered)} tiered rows took less time than {rival}; {shorter} had a shorter stall.")
    print(CAPTION.format(profile=study.profile_path))


def _cells(line: Line, study: Study) -> list[str]:
    if line.measured is None or line.stall is None:
        return [line.workload, line.way, "-", f"{line.predicted:.3f}", "-", "-", str(line.compiles), ""]
    error = line.predicted / line.measured - 1
    numbers = [f"{line.measured:.3f}", f"{line.predicted:.3f}", f"{error:+.0%}", f"{line.stall * 1e3:.1f}"]
    return [line.workload, line.way, *numbers, str(line.compiles), _verdict(line, study)]


def _verdict(line: Line, study: Study) -> str:
    if line.way in RIVALS or line.measured is None:
        return ""
    return ", ".join(_against(_ratio(line, rival, study), rival) for rival in RIVALS)


def _against(ratio: float, rival: str) -> str:
    return f"beats {rival} {1 / ratio:.2f}x" if ratio < 1 else f"LOSES to {rival} {ratio:.2f}x"


def _ratio(line: Line, rival: str, study: Study) -> float:
    other = _rival(line, rival, study)
    return (line.measured or 0.0) / (other.measured or 1.0)


def _rival(line: Line, rival: str, study: Study) -> Line:
    return next(other for other in study.lines if other.workload == line.workload and other.way == rival)


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
