"""The demo's one table: measured beside predicted, and how each row stands against CPython and njit."""

from __future__ import annotations

import os

from rich.table import Table

from tiering import report
from tiering.demo.study import RIVALS, Line, Study

CAPTION = """\
measured   wall time from the first call to the end of the loop; imports and decoration are not in it
predicted  the simulator's, from the machine profile ({profile}); the rows of cpython and njit are what that
           profile was made from, so only the others are predictions. oracle (it knows the future) and lb1 (nobody
           can need less) exist in the simulator only
error      predicted over measured, less one
stall      the longest call beyond the median CPython call of the same kernel: how long the caller was held up
What compiling in the background buys is the stall. njit stops the program for its compiles and is then fast; a tiered
program goes on in CPython meanwhile, so a short run may end later. Where a loop ends before its code is there, a
tiered row is CPython with the cost of counting."""
BUSY = """\
Other programs were using this machine (load {load:.1f} on {cores} cores): compiles in a worker then take longer than
was calibrated, and the predictions come out low."""


BUSY_SHARE = 0.75


def show(study: Study, *, as_json: bool) -> None:
    """Print a study as a table or as one JSON document."""
    if as_json:
        rows = [_document(line, study) for line in study.lines]
        report.show_json({"rows": rows, "profile": study.profile_path, "load": study.load})
        return
    table = Table("loop", "run by", title="Six optimizer loops, each run in a fresh process")
    for heading in ("measured s", "predicted s", "error", "stall ms", "compiles"):
        table.add_column(heading, justify="right")
    for rival in RIVALS:
        table.add_column(f"time / {rival}", justify="right")
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
    cores = os.cpu_count() or 1
    if study.load > BUSY_SHARE * cores:
        print(BUSY.format(load=study.load, cores=cores))


def _cells(line: Line, study: Study) -> list[str]:
    if line.measured is None or line.stall is None:
        return [line.workload, line.way, "-", f"{line.predicted:.3f}", "-", "-", str(line.compiles), "", ""]
    error = line.predicted / line.measured - 1
    numbers = [f"{line.measured:.3f}", f"{line.predicted:.3f}", f"{error:+.0%}", f"{line.stall * 1e3:.1f}"]
    against = [_against(line, rival, study) for rival in RIVALS]
    return [line.workload, line.way, *numbers, str(line.compiles), *against]


def _against(line: Line, rival: str, study: Study) -> str:
    if line.way in RIVALS or line.measured is None:
        return ""
    ratio = _ratio(line, rival, study)
    return f"{ratio:.2f}" if ratio < 1 else f"LOST {ratio:.2f}"


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
        "trace_hash": None if row is None else row.trace_hash,
        "measured_seconds": line.measured,
        "predicted_seconds": line.predicted,
        "total_seconds": line.predicted if line.measured is None else line.measured,
        "stall_seconds": line.stall,
        "compiles": line.compiles,
        "deopts": 0 if row is None else row.deopts,
        "regret": None if row is None else row.regret,
        **{f"time_vs_{rival}": None if line.measured is None else _ratio(line, rival, study) for rival in RIVALS},
    }
