"""What the command line prints: tables for a terminal, one JSON document for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tiering import __version__, registry
from tiering.errors import InputError, printable
from tiering.profile import Profile
from tiering.protocol import parameters

WIDTH_WHERE_NO_TERMINAL = 140

HASH_SHOWN = 12
"""Digits of a trace's hash in a table; JSON has all 64."""


def show_catalogue(*, as_json: bool) -> None:
    """Print every workload, every controller with its parameters, and every bound."""
    workloads = [_workload(name) for name in registry.WORKLOADS.names()]
    controllers = [_controller(name) for name in registry.CONTROLLERS.names()]
    bounds = [{"name": name, "statement": statement} for name, statement in registry.BOUNDS.items()]
    if as_json:
        show_json({"workloads": workloads, "controllers": controllers, "bounds": bounds})
        return
    table = Table("workload", "sizes", "what it is", title="Workloads")
    for item in workloads:
        table.add_row(item["name"], ", ".join(item["sizes"]), item["summary"])
    second = Table("controller", "parameters", "what it does", title="Controllers")
    for item in controllers:
        chosen = ", ".join(f"{one['name']}={one['default']}" for one in item["parameters"])
        second.add_row(item["name"], chosen or "-", item["summary"])
    third = Table("bound", "what nobody can beat", title="Bounds")
    for item in bounds:
        third.add_row(item["name"], item["statement"])
    show_tables(table, second, third)


def show_zoo(*, as_json: bool) -> None:
    """Print every kernel with its natural bets, and every whole program."""
    kernels = [
        {"name": kernel.name, "family": kernel.family, "summary": kernel.summary, "bets": list(kernel.bets)}
        for kernel in registry.kernels()
    ]
    programs = [
        {"name": program.name, "length": program.length, "summary": program.summary, "stresses": program.stresses}
        for program in registry.programs()
    ]
    if as_json:
        show_json({"kernels": kernels, "programs": programs})
        return
    table = Table("kernel", "family", "what it is", "natural bets", title="Kernels")
    for item in kernels:
        table.add_row(item["name"], item["family"], item["summary"], ", ".join(item["bets"]) or "-")
    second = Table("program", "under njit", "what it is", "what it stresses", title="Whole programs")
    for item in programs:
        second.add_row(item["name"], item["length"], item["summary"], item["stresses"])
    show_tables(table, second)


def show_rows(rows: Sequence[Any], profile: Profile, *, as_json: bool) -> None:
    """Print rows of `tiering.experiment`, best policy first only in the reader's eye: their order is kept."""
    if as_json:
        facts = {"version": __version__, "profile": profile.source}
        show_json({"rows": [row._asdict() for row in rows], "source": facts})
        return
    title = f"{printable(rows[0].workload)}, seed {rows[0].seed}: simulated"
    table = Table("controller", "kind", title=title, caption=_trace(rows[0]))
    for heading in ("total s", "regret", "stall s", "compiles", "deopts", "compile s", "queue s", "decisions"):
        table.add_column(heading, justify="right")
    for row in rows:
        regret = "-" if row.regret is None else f"{row.regret:+.1%}"
        counts = [row.compiles, row.deopts, f"{row.compile_seconds:.3f}", f"{row.queue_seconds:.3f}", row.decisions]
        cells = [f"{row.total_seconds:.4f}", regret, f"{row.stall_seconds:.4f}", *map(str, counts)]
        table.add_row(row.controller, row.kind, *cells)
    show_tables(table)


def show_study(study: Any, profile: Profile, *, as_json: bool) -> None:
    """Print a study of `tiering.experiment`: a table per workload, one over all of several, and its notes."""
    if as_json:
        facts = {"version": __version__, "profile": profile.source}
        show_json({**study._asdict(), "source": facts})
        return
    workloads = list(dict.fromkeys(mean.workload for mean in study.means))
    tables = [_effects(study, workload) for workload in workloads]
    show_tables(*tables, *([_overall(study)] if len(workloads) > 1 else []))
    for note in study.notes:
        print(f"note: {printable(note)}")


def show_warm_up(found: Any) -> None:
    """Print a `tiering.warmup.WarmUp`."""
    title = f"{printable(found.workload)} under {found.controller}, seed {found.seed}: {found.iterations} iterations"
    table = Table("procedure", "verdict", title=title, caption=_trace(found))
    for heading in ("steady from iteration", "after s", "s per iteration then", "change points"):
        table.add_column(heading, justify="right")
    for steady in (found.barrett, found.traini):
        known = [steady.start, steady.seconds, steady.iteration_seconds]
        cells = ["-" if value is None else f"{value:.6g}" for value in known]
        table.add_row(steady.procedure, steady.classification, *cells, str(len(steady.changes)))
    show_tables(table)
    print(f"total {found.total_seconds:.4f} s; warming up cost {found.loss:.1f} iterations at the late pace")


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    print(json.dumps(document, indent=1))


def show_tables(*tables: Table) -> None:
    """Print tables, as wide as the terminal or wide enough to be read in a file. Text in them is no markup."""
    width = None if sys.stdout.isatty() else WIDTH_WHERE_NO_TERMINAL
    console = Console(width=width, markup=False, emoji=False)
    for table in tables:
        console.print(table)


@contextmanager
def progress(what: str, total: int, *, quiet: bool) -> Iterator[Callable[..., None]]:
    """A progress bar on a terminal's stderr; a call per step. Nothing is shown elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda *_: bar.advance(task)


def _effects(study: Any, workload: str) -> Table:
    count, first, last = len(study.seeds), min(study.seeds), max(study.seeds)
    seeds = f"seed {first}" if count == 1 else f"{count} seeds from {first} to {last}"
    title = f"{printable(workload)}, {seeds}: simulated, against {study.baseline}"
    hashed = next(mean for mean in study.means if mean.workload == workload)
    table = Table("controller", "kind", title=title, caption=_trace(hashed))
    interval = f"{100 * study.confidence:g} % interval"
    for heading in ("mean s", "regret", "difference s", interval, "ratio", interval, "win/loss/tie", "p (Holm)"):
        table.add_column(heading, justify="right")
    effects = {effect.controller: effect for effect in study.effects if effect.workload == workload}
    for mean in study.means:
        if mean.workload == workload:
            regret = "-" if mean.regret is None else f"{mean.regret:+.1%}"
            cells = _effect(effects[mean.controller]) if mean.controller in effects else ["baseline"]
            table.add_row(mean.controller, mean.kind, f"{mean.total_seconds:.4f}", regret, *cells)
    return table


def _effect(effect: Any) -> list[str]:
    return [
        f"{effect.difference:+#.4g}",
        _interval(effect.difference_low, effect.difference_high, "+#.4g"),
        _number(effect.ratio),
        _interval(effect.ratio_low, effect.ratio_high, "#.4g"),
        f"{effect.wins}/{effect.losses}/{effect.ties}",
        "-" if effect.p_holm is None else f"{effect.p_holm:.2g}",
    ]


def _overall(study: Any) -> Table:
    table = Table("controller", "kind", title=f"All workloads: geometric means of ratios to {study.baseline}")
    for heading in ("ratio", f"{100 * study.confidence:g} % interval", "mean rank"):
        table.add_column(heading, justify="right")
    for item in study.overall:
        rank = "-" if item.mean_rank is None else f"{item.mean_rank:.2f}"
        table.add_row(
            item.controller, item.kind, _number(item.ratio), _interval(item.ratio_low, item.ratio_high, "#.4g"), rank
        )
    return table


def _trace(row: Any) -> str | None:
    """Under a table, whose rows all ran one program: as much of its hash as tells it from others."""
    return f"trace {row.trace_hash[:HASH_SHOWN]}" if row.trace_hash else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:#.4g}"


def _interval(low: float | None, high: float | None, form: str) -> str:
    return "-" if low is None or high is None else f"{low:{form}} to {high:{form}}"


def _workload(name: str) -> dict[str, Any]:
    try:
        found = registry.WORKLOADS.load(name)
    except InputError as error:
        return {"name": name, "summary": str(error), "sizes": {}, "functions": []}
    return {
        "name": name,
        "summary": found.summary,
        "sizes": {size: dict(numbers) for size, numbers in found.sizes.items()},
        "functions": [function.__name__ for function in found.functions],
    }


def _controller(name: str) -> dict[str, Any]:
    try:
        found = registry.CONTROLLERS.load(name)
    except InputError as error:
        return {"name": name, "summary": str(error), "parameters": [], "reasons": []}
    summary = " ".join((found.__doc__ or "").split()).split(". ")[0].rstrip(".")
    return {
        "name": name,
        "summary": summary,
        "parameters": [declared._asdict() for declared in parameters(found)],
        "reasons": list(found.reasons),
    }
