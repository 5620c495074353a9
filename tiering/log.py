"""The decision log: every question, answer and event of a run, one JSON document per line.

A log is what makes a policy debatable: it can be read by eye, reduced to numbers (`tiering.metrics`) and replayed
against another controller (`replay`). The first line is a header that names format, version, host, controller,
parameters and the platform on which equality is promised; every later line is a decision with its View or an event.

Text is written with sorted keys and shortest round-trip floats, so two runs that decide alike write the same bytes.
A log file is written whole or not at all: to a temporary name beside it, renamed at `close`.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeAlias

from tiering import protocol
from tiering.errors import InputError
from tiering.files import whole
from tiering.protocol import Controller, Decision, Event, Setup, View

FORMAT = "tiering-decision-log"
VERSION = 1

_EVENTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        protocol.Compiled,
        protocol.CompileFailed,
        protocol.Deoptimized,
        protocol.Dropped,
        protocol.Evicted,
        protocol.Sampled,
    )
}


class Decided(NamedTuple):
    """One question and its answer."""

    view: View
    decision: Decision


Record: TypeAlias = Decided | Event


class Header(NamedTuple):
    """The first line of a log."""

    host: str
    controller: str
    parameters: dict[str, Any]
    setup: Setup
    platform: dict[str, str]


class DecisionLog:
    """Collects records as text lines; `save` writes them to a file."""

    def __init__(self, host: str, controller: str, parameters: dict[str, Any], setup: Setup) -> None:
        head = {
            "format": FORMAT,
            "version": VERSION,
            "host": host,
            "controller": controller,
            "parameters": parameters,
            "setup": _plain(setup),
            "platform": platform_facts(),
        }
        self.lines = [_dump(head)]

    def decision(self, view: View, decision: Decision) -> None:
        """Add one question and its answer."""
        self.lines.append(_dump({"view": _plain(view), "decision": _plain(decision)}))

    def event(self, event: Event) -> None:
        """Add one event."""
        self.lines.append(_dump({"event": type(event).__name__, **_plain(event)}))

    def save(self, path: str | Path) -> None:
        """Write the whole log, or nothing. Raises InputError if the place cannot be written."""
        with whole(path) as out:
            self.write(out)

    def write(self, out: TextIO) -> None:
        """Write the lines that there are so far."""
        out.writelines(line + "\n" for line in list(self.lines))


def platform_facts() -> dict[str, str]:
    """On what equality of results is promised: Python, NumPy (where loaded), machine and C library."""
    numpy = sys.modules.get("numpy")
    return {
        "python": platform.python_version(),
        "numpy": getattr(numpy, "__version__", "none"),
        "machine": platform.machine(),
        "system": platform.system(),
        "libc": "-".join(platform.libc_ver()),
    }


def read(path: str | Path) -> tuple[Header, list[Record]]:
    """Read and validate a decision log. Raises InputError with the line number and the rule that it breaks."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a decision log ({_cause(error)})") from None
    lines = text.rstrip("\n").split("\n")
    header = _header(path, lines[0] if lines else "")
    return header, [_record(path, number, line) for number, line in enumerate(lines[1:], start=2)]


class Mismatch(NamedTuple):
    """A question that a replayed controller answered in another way."""

    view: View
    recorded: Decision
    replayed: Decision


def replay(header: Header, records: list[Record], controller: Controller) -> Iterator[Mismatch]:
    """Put a log's questions and events to a fresh controller and yield every answer that differs.

    The views are the recorded ones: an answer that differs does not change what is asked later.
    """
    controller.start(header.setup)
    for record in records:
        if isinstance(record, Decided):
            answer = controller.decide(record.view)
            if answer != record.decision:
                yield Mismatch(record.view, record.decision, answer)
        else:
            controller.record(record)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _header(path: str | Path, line: str) -> Header:
    head = _object(path, 1, line)
    if head.get("format") != FORMAT:
        raise InputError(f'{path}: not a decision log: line 1 must hold "format": "{FORMAT}"')
    version = head.get("version")
    if type(version) is not int or version != VERSION:
        raise InputError(f"{path}: decision log version {version!r}; this tiering reads {VERSION}")
    try:
        setup = _setup(head["setup"])
        return Header(head["host"], head["controller"], head["parameters"], setup, head["platform"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: line 1: header is incomplete ({_cause(error)})") from None


def _setup(plain: dict[str, Any]) -> Setup:
    tiers = tuple(protocol.Tier(**tier) for tier in plain["tiers"])
    future = plain["future"]
    if future is not None:
        future = tuple(protocol.UnitFuture(**_tuples(unit)) for unit in future)
    return Setup(**{**_tuples(plain), "tiers": tiers, "future": future})


def _record(path: str | Path, number: int, line: str) -> Record:
    plain = _object(path, number, line)
    try:
        if "event" in plain:
            kind = _EVENTS[plain.pop("event")]
            event: Record = kind(**plain)
            return event
        view = _tuples(plain["view"])
        view["bets"] = tuple(protocol.Bet(**bet) for bet in view["bets"])
        decision = _tuples(plain["decision"])
        decision["plan"] = protocol.Plan(**_tuples(decision["plan"]))
        return Decided(View(**view), Decision(**decision))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: line {number}: neither a decision nor an event ({_cause(error)})") from None


def _object(path: str | Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: line {number} is not JSON ({_cause(error)})") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: line {number} must be a JSON object")
    return value


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in plain.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def _cause(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
