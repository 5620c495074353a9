"""A workload trace: the units of a program and the sequence of their calls, run-length coded.

This is what the simulator runs and what a recording of a real program becomes. The text form is JSON lines, for
reading by eye: a header, then one line per unit, then one line per group of calls.

    {"format": "tiering-trace", "version": 1, "name": "two loops", "source": "written by hand"}
    {"unit": "f", "size": 9, "seconds": {"interpreter": 1e-3, "optimized": 1e-5}, "guard_failure": 0.0}
    {"times": 1000, "calls": [["f", 64, 1.0]]}

A call names its unit, its loop iterations and its work relative to the unit's `seconds` per call. Costs that a unit
does not state come from the machine profile. Nothing in a file is ever executed; counts are bounded before use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tiering.errors import InputError
from tiering.files import whole

FORMAT = "tiering-trace"
VERSION = 1
MAX_FILE_BYTES = 256 << 20
MAX_COUNT = 10**15


class Unit(NamedTuple):
    """What is compiled and counted as one.

    `size` in bytecodes; `seconds` per call of work 1.0, `compile_seconds` and `code_bytes` are per tier name, stated
    only where known. `guard_failure` is the probability per call that speculative code of this unit would fail.
    """

    name: str
    size: int
    seconds: dict[str, float] = {}
    compile_seconds: dict[str, float] = {}
    code_bytes: dict[str, int] = {}
    guard_failure: float = 0.0


class Call(NamedTuple):
    """One call: index of the unit, loop iterations, work relative to the unit's seconds per call."""

    unit: int
    backedges: int = 0
    work: float = 1.0


class Group(NamedTuple):
    """The calls of `pattern`, in this order, `times` times over."""

    pattern: tuple[Call, ...]
    times: int


class Program(NamedTuple):
    """Everything the simulator needs to know about a workload. `source` says where it comes from."""

    name: str
    units: tuple[Unit, ...]
    groups: tuple[Group, ...]
    source: str = ""

    def calls(self) -> Iterator[Call]:
        """Every call, in order."""
        for group in self.groups:
            for _ in range(group.times):
                yield from group.pattern

    def counts(self) -> list[int]:
        """Calls per unit."""
        counts = [0] * len(self.units)
        for group in self.groups:
            for call in group.pattern:
                counts[call.unit] += group.times
        return counts


def write(program: Program, path: str | Path) -> None:
    """Write a trace file, whole or not at all. Raises InputError if the place cannot be written."""
    with whole(path) as out:
        out.writelines(line + "\n" for line in lines(program))


def lines(program: Program) -> Iterator[str]:
    """The trace as text lines; the same program gives the same bytes."""
    yield _dump({"format": FORMAT, "version": VERSION, "name": program.name, "source": program.source})
    for unit in program.units:
        stated = {"unit": unit.name, **unit._asdict()}
        del stated["name"]
        yield _dump(stated)
    for group in program.groups:
        calls = [[program.units[call.unit].name, call.backedges, call.work] for call in group.pattern]
        yield _dump({"times": group.times, "calls": calls})


def read(path: str | Path) -> Program:
    """Read and validate a trace file. Raises InputError with the line number and the rule that it breaks."""
    where = Path(path)
    try:
        data = _up_to_the_limit(where)
        if data is None:
            raise InputError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB; code the calls in longer groups")
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a trace: it is not UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return _Parser(str(path)).parse(text)


def _up_to_the_limit(where: Path) -> bytes | None:
    """The bytes of a file, or None for too many. Pipes and devices know no size, so what is read is bounded as well."""
    if where.stat().st_size > MAX_FILE_BYTES:
        return None
    with where.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    return data if len(data) <= MAX_FILE_BYTES else None


class _Parser:
    def __init__(self, path: str) -> None:
        self.path = path
        self.number = 0
        self.units: list[Unit] = []
        self.index: dict[str, int] = {}
        self.groups: list[Group] = []

    def parse(self, text: str) -> Program:
        head: dict[str, Any] | None = None
        for self.number, line in enumerate(_lines(text), start=1):
            value = self._object(line)
            if head is None:
                head = self._header(value)
            elif "unit" in value:
                self._unit(value)
            elif "calls" in value:
                self._group(value)
            else:
                raise self._error('must hold "unit" or "calls"')
        if head is None:
            raise InputError(f"{self.path}: not a trace: the file is empty")
        if not self.groups:
            raise InputError(f'{self.path}: a trace needs at least one line with "calls"')
        return Program(
            str(head.get("name", self.path)), tuple(self.units), tuple(self.groups), str(head.get("source", ""))
        )

    def _header(self, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("format") != FORMAT:
            raise InputError(f'{self.path}: not a trace: line 1 must hold "format": "{FORMAT}"')
        version = value.get("version")
        if type(version) is not int or version != VERSION:
            raise InputError(f"{self.path}: trace version {version!r}; this tiering reads {VERSION}")
        return value

    def _unit(self, value: dict[str, Any]) -> None:
        allowed = {"unit", "size", "seconds", "compile_seconds", "code_bytes", "guard_failure"}
        stray = sorted(set(value) - allowed)
        if stray:
            raise self._error(f"a unit has no {stray[0]!r}; it has {', '.join(sorted(allowed))}")
        name = value["unit"]
        if not isinstance(name, str) or not name or name in self.index:
            raise self._error(f"unit {name!r}: must be a new, non-empty name")
        unit = Unit(
            name,
            self._count("size", value.get("size", 100)),
            self._costs("seconds", value),
            self._costs("compile_seconds", value),
            {tier: int(cost) for tier, cost in self._costs("code_bytes", value).items()},
            self._number("guard_failure", value.get("guard_failure", 0.0), high=1.0),
        )
        self.index[name] = len(self.units)
        self.units.append(unit)

    def _group(self, value: dict[str, Any]) -> None:
        stray = sorted(set(value) - {"calls", "times"})
        if stray:
            raise self._error(f"a group has no {stray[0]!r}; it has calls, times")
        calls = value["calls"]
        if not isinstance(calls, list) or not calls:
            raise self._error('"calls" must be a list of [unit, backedges, work] with at least one entry')
        pattern = tuple(self._call(call) for call in calls)
        self.groups.append(Group(pattern, self._count("times", value.get("times", 1))))

    def _call(self, call: Any) -> Call:
        if not isinstance(call, list) or not 1 <= len(call) <= 3 or not isinstance(call[0], str):
            raise self._error(f"call {str(call)[:60]}: must be [unit, backedges, work]")
        if call[0] not in self.index:
            raise self._error(f"call of unit {call[0]!r}, which no earlier line describes")
        backedges = self._count("backedges", call[1]) if len(call) > 1 else 0
        work = self._number("work", call[2]) if len(call) > 2 else 1.0
        return Call(self.index[call[0]], backedges, work)

    def _costs(self, name: str, value: dict[str, Any]) -> dict[str, float]:
        costs = value.get(name, {})
        if not isinstance(costs, dict):
            raise self._error(f"{name} must map tier names to numbers")
        return {tier: self._number(f"{name} of {tier}", cost) for tier, cost in costs.items()}

    def _count(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            raise self._error(f"{name} is {str(value)[:60]}: must be a whole number from 0 to {MAX_COUNT:.0e}")
        return value

    def _number(self, name: str, value: Any, high: float = 1e9) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0 <= value <= high:
            raise self._error(f"{name} is {str(value)[:60]}: must be a number from 0 to {high:g}")
        return float(value)

    def _object(self, line: str) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            rule = "not a trace: line 1 is not JSON" if self.number == 1 else f"line {self.number} is not JSON"
            raise InputError(f"{self.path}: {rule}") from None
        if not isinstance(value, dict):
            raise self._error("must be a JSON object")
        if "\\ud" in line.lower() and not is_text(value):
            raise self._error("holds half a surrogate pair (\\ud800 to \\udfff), which is no text")
        return value

    def _error(self, rule: str) -> InputError:
        return InputError(f"{self.path}: line {self.number}: {rule}")


def is_text(value: Any) -> bool:
    """Whether all text in this JSON value can be encoded; JSON can write one half of a surrogate pair, UTF-8 cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(", ", ": "))


def _lines(text: str) -> list[str]:
    """Lines end at a newline only; `splitlines` would also cut inside a JSON string that holds U+2028."""
    return text.removesuffix("\n").split("\n") if text else []
