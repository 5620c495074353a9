"""A decision log as a timeline in the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

The format is the public document "Trace Event Format" of the Catapult project: one JSON object with `traceEvents`. It
is old and no longer grows, but every viewer of traces reads it and it can be written and checked by eye; Perfetto's own
protobuf format needs a schema to do either. Complete events (`X`) are used instead of begin and end pairs, so that no
event depends on the order of the file.

- Process "program": a row per unit with a slice per tier that it was in, and what happened to it as instants. Above
  `rows` units the most asked-about ones have rows and the events of all others share one; `otherData` says so.
- Process "compiler": a row per compiler thread. The log says when a compile ended and how long it took, not on which
  thread: each is put on the lowest row that was free. More compiles at once than the host told threads (a live host
  compiles trials elsewhere) get rows of their own.
- Counters: tasks that wait per tier, at every question that saw another number; bytes of code.
- Arrows from the decision that asked for a compile to the compile.

Times are microseconds, rounded to picoseconds, which is what a simulation counts in.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from tiering.errors import InputError
from tiering.files import whole
from tiering.log import Decided, Header, Record
from tiering.metrics import Installed
from tiering.protocol import Compiled, CompileFailed, Decision, Deoptimized, Dropped, Evicted

Event: TypeAlias = dict[str, Any]

PROGRAM, COMPILER = 1, 2
ROWS = 200
"""Units with a row of their own at most: more cannot be looked at, and viewers become slow."""


class _Compile(NamedTuple):
    record: Compiled | CompileFailed
    asked: tuple[int, Decided] | None
    begin: float
    end: float
    thread: int


def document(header: Header, records: Sequence[Record], *, rows: int = ROWS, decisions: bool = False) -> dict[str, Any]:
    """The whole timeline as one JSON object; `decisions` adds an instant per decision with its reason.

    Raises InputError unless `rows` is a whole number from 1.
    """
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise InputError(f"rows {rows!r}: must be a whole number from 1 (default {ROWS})")
    asked = Counter(record.view.unit for record in records if isinstance(record, Decided))
    units = list(dict.fromkeys(_unit(record) for record in records))
    shown = set(sorted(units, key=lambda unit: -asked[unit])[:rows])
    row = {unit: number for number, unit in enumerate((unit for unit in units if unit in shown), start=1)}
    others = len(units) - len(shown)
    compiles = _on_threads(_compiles(records))
    told = header.setup.compiler_threads
    threads = max(told, *(compile.thread for compile in compiles), 0)
    events = [
        *_named(PROGRAM, "program", [*row, *([f"other units ({others})"] if others else [])]),
        *_named(COMPILER, "compiler", [_thread(number, told) for number in range(1, threads + 1)]),
        *_tiers(header, records, row),
        *_happenings(header, records, row, decisions),
        *_compiling(header, compiles, row),
        *_queue(header, records),
        *_code(header, records),
    ]
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": _facts(header, len(units), len(shown))}


def write(path: str | Path, timeline: dict[str, Any]) -> None:
    """Write a timeline, one event per line, whole or not at all.

    Raises InputError if the place cannot be written or a time is no finite number.
    """
    try:
        lines = [json.dumps(event, sort_keys=True, allow_nan=False) for event in timeline["traceEvents"]]
    except ValueError:
        raise InputError("a time in the log is not a finite number: no timeline can be drawn") from None
    with whole(path) as out:
        out.write('{"displayTimeUnit": ' + json.dumps(timeline["displayTimeUnit"]))
        out.write(', "otherData": ' + json.dumps(timeline["otherData"], sort_keys=True))
        out.write(', "traceEvents": [\n' + ",\n".join(lines) + "\n]}\n")


def _facts(header: Header, units: int, shown: int) -> dict[str, Any]:
    facts = {"host": header.host, "controller": header.controller, "parameters": header.parameters}
    note = "" if shown == units else f"{shown} of {units} units have a row: those that were asked about most"
    return {**facts, "units": units, "units_shown": shown, "note": note}


def _unit(record: Record) -> str:
    return record.view.unit if isinstance(record, Decided) else record.unit


def _now(record: Record) -> float:
    return record.view.now if isinstance(record, Decided) else record.now


def _microseconds(seconds: float) -> float:
    return round(seconds * 1e6, 6)


def _tier_name(header: Header, tier: int) -> str:
    tiers = header.setup.tiers
    return tiers[tier].name if 0 <= tier < len(tiers) else f"tier {tier}"


def _thread(number: int, told: int) -> str:
    return f"compiler thread {number}" if number <= told else f"beyond the {told} threads told: {number}"


def _named(process: int, name: str, rows: Iterable[str]) -> Iterator[Event]:
    """Metadata: the names of a process and its rows, which are numbered from 1, and their order."""
    yield _metadata("process_name", process, 0, {"name": name})
    yield _metadata("process_sort_index", process, 0, {"sort_index": process})
    for number, label in enumerate(rows, start=1):
        yield _metadata("thread_name", process, number, {"name": label})
        yield _metadata("thread_sort_index", process, number, {"sort_index": number})


def _metadata(name: str, process: int, row: int, args: Event) -> Event:
    return {"ph": "M", "name": name, "pid": process, "tid": row, "ts": 0, "args": args}


def _slice(name: str, kind: str, place: tuple[int, int], begin: float, end: float, args: dict[str, Any]) -> Event:
    at = _microseconds(begin)
    lasted = round(_microseconds(end) - at, 6)
    return {"ph": "X", "name": name, "cat": kind, **_at(place), "ts": at, "dur": lasted, "args": args}


def _instant(name: str, kind: str, row: int, now: float, args: dict[str, Any]) -> Event:
    at = _microseconds(now)
    return {"ph": "i", "name": name, "cat": kind, **_at((PROGRAM, row)), "ts": at, "s": "t", "args": args}


def _counter(name: str, process: int, now: float, values: dict[str, int]) -> Event:
    return {"ph": "C", "name": name, **_at((process, 0)), "ts": _microseconds(now), "args": values}


def _at(place: tuple[int, int]) -> dict[str, int]:
    return {"pid": place[0], "tid": place[1]}


def _tiers(header: Header, records: Sequence[Record], row: dict[str, int]) -> Iterator[Event]:
    """A slice per unit and tier, from the unit's first record to the end of the log."""
    installed = Installed(keeps=header.setup.keeps)
    since: dict[str, tuple[float, int]] = {}
    end = max((_now(record) for record in records), default=0.0)
    for record in records:
        unit, now = _unit(record), _now(record)
        if isinstance(record, Decided):
            yield from _tier_change(header, row, since, unit, now, record.view.tier)
        installed.see(record)
        yield from _tier_change(header, row, since, unit, now, installed.tier(unit))
    for unit, (begin, tier) in since.items():
        if unit in row:
            yield _tier_slice(header, row[unit], begin, end, tier)


def _tier_change(
    header: Header, row: dict[str, int], since: dict[str, tuple[float, int]], unit: str, now: float, tier: int
) -> Iterator[Event]:
    begin, before = since.setdefault(unit, (now, tier))
    if tier != before:
        since[unit] = (now, tier)
        if unit in row and now > begin:
            yield _tier_slice(header, row[unit], begin, now, before)


def _tier_slice(header: Header, row: int, begin: float, end: float, tier: int) -> Event:
    return _slice(_tier_name(header, tier), "tier", (PROGRAM, row), begin, end, {"tier": tier})


def _happenings(header: Header, records: Sequence[Record], row: dict[str, int], decisions: bool) -> Iterator[Event]:
    """Instants on the units' rows; those of units without a row are on the last one."""
    for record in records:
        unit = _unit(record)
        where = row.get(unit, len(row) + 1)
        if isinstance(record, Decided):
            if decisions:
                yield _instant(_answer(record.decision), "decision", where, record.view.now, _why(record))
            continue
        tier = getattr(record, "tier", None)
        args = {"unit": unit, "tier": tier}
        name = _tier_name(header, record.tier)
        if isinstance(record, Deoptimized):
            yield _instant(f"deopt: {record.why}", "deopt", where, record.now, {**args, "bet": record.bet})
        elif isinstance(record, Evicted):
            yield _instant(f"evicted: {name}", "evict", where, record.now, {**args, "bytes": record.bytes})
        elif isinstance(record, Dropped):
            yield _instant(f"dropped: {record.why}", "drop", where, record.now, args)
        elif isinstance(record, CompileFailed):
            yield _instant(f"failed: {name}", "failure", where, record.now, {**args, "message": record.message})


def _answer(decision: Decision) -> str:
    return decision.action if decision.tier is None else f"{decision.action} {decision.tier}"


def _why(record: Decided) -> dict[str, Any]:
    view, decision = record
    asked = {"unit": view.unit, "why": view.why, "invocations": view.invocations}
    return {**asked, "reason": decision.reason, "budget": decision.budget}


def _compiles(records: Sequence[Record]) -> list[_Compile]:
    """Every compile with the decision that asked for it, by beginning."""
    asked: dict[tuple[str, int], tuple[int, Decided]] = {}
    found = []
    for serial, record in enumerate(records):
        if isinstance(record, Decided):
            if record.decision.action == "compile" and record.decision.tier is not None:
                asked[record.view.unit, record.decision.tier] = (serial, record)
        elif isinstance(record, Dropped):
            asked.pop((record.unit, record.tier), None)
        elif isinstance(record, Compiled | CompileFailed):
            origin = asked.pop((record.unit, record.tier), None)
            found.append(_Compile(record, origin, record.now - record.took, record.now, 0))
    return sorted(found, key=lambda compile: (compile.begin, compile.end))


def _on_threads(compiles: Sequence[_Compile]) -> list[_Compile]:
    """Each compile on the lowest thread, from 1, that is free. An overlap that is but rounding is taken away."""
    busy_until: list[float] = []
    placed = []
    for compile in compiles:
        slack = max(1e-12, 4 * math.ulp(compile.end))
        free = (number for number, busy in enumerate(busy_until) if busy <= compile.begin + slack)
        thread = next(free, len(busy_until))
        begin = min(max([compile.begin, *busy_until[thread : thread + 1]]), compile.end)
        busy_until[thread : thread + 1] = [compile.end]
        placed.append(compile._replace(begin=begin, thread=thread + 1))
    return placed


def _compiling(header: Header, compiles: Sequence[_Compile], row: dict[str, int]) -> Iterator[Event]:
    for compile in compiles:
        record, place = compile.record, (COMPILER, compile.thread)
        name = f"{record.unit} to {_tier_name(header, record.tier)}"
        args: dict[str, Any] = {"unit": record.unit, "tier": record.tier, "bet": record.bet}
        if isinstance(record, Compiled):
            args.update(waited=record.waited, bytes=record.bytes)
        else:
            name, args = f"failed: {name}", {**args, "message": record.message}
        if compile.asked:
            decision = compile.asked[1].decision
            args.update(plan=decision.plan._asdict(), priority=decision.priority, reason=decision.reason)
        yield _slice(name, "compile", place, compile.begin, compile.end, args)
        if compile.asked and record.unit in row:
            yield from _arrow(compile.asked, row[record.unit], place, compile.begin)


def _arrow(asked: tuple[int, Decided], row: int, place: tuple[int, int], begin: float) -> Iterator[Event]:
    serial, decided = asked
    both = {"name": "asked for", "cat": "asked", "id": serial}
    yield {"ph": "s", **both, **_at((PROGRAM, row)), "ts": _microseconds(decided.view.now)}
    yield {"ph": "f", "bp": "e", **both, **_at(place), "ts": _microseconds(begin)}


def _queue(header: Header, records: Sequence[Record]) -> Iterator[Event]:
    """Tasks that wait per tier; tier 0 is never compiled to."""
    before: tuple[int, ...] | None = None
    for record in records:
        if isinstance(record, Decided) and record.view.queues != before:
            before = record.view.queues
            waiting = {_tier_name(header, tier): count for tier, count in enumerate(before) if tier}
            yield _counter("queue length", COMPILER, record.view.now, waiting)


def _code(header: Header, records: Sequence[Record]) -> Iterator[Event]:
    """Bytes of code as the host tells them at its questions, or else as the log's events add up."""
    told = any(isinstance(record, Decided) and record.view.code_used_bytes is not None for record in records)
    sized = any(isinstance(record, Compiled) and record.bytes is not None for record in records)
    installed = Installed(keeps=header.setup.keeps)
    before: int | None = None
    for record in records if told or sized else ():
        installed.see(record)
        used = (record.view.code_used_bytes if isinstance(record, Decided) else None) if told else installed.bytes
        if used is not None and used != before:
            before = used
            yield _counter("code bytes", PROGRAM, _now(record), {"used": used})
