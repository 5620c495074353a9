"""Reading trace files: every line is checked before anything is made of it.

A trace may come from anywhere, so whatever is wrong with it is named: file, line, field, value, rule. A program that
was made in Python can be held to the same rules: `check`. The Parquet form keeps the header and the units as the same
lines, so they go through the same hands, and so do its calls.
"""

from __future__ import annotations

import json
from typing import Any

from tiering import trace_lines
from tiering.errors import InputError
from tiering.trace import (
    BETS,
    FORMAT,
    RECORD,
    VERSION,
    Call,
    Failures,
    Group,
    Mix,
    Program,
    Site,
    Speculation,
    Unit,
    digest,
)

MAX_COUNT = 10**15
MAX_THREADS = 64
MAX_BETS = 64
MAX_DISTINCT = 1_000_000
"""Different calls of a file, and groups: each is an object of some 300 bytes."""

MAX_NAME = 1000
"""Characters of a unit's name and of a call's types. Parquet repeats both, so they are bounded."""

_HEADER = {"format", "version", "name", "source", "provenance", "hash"}


class Parser:
    """Makes a program of a trace file's text. `path` is named in complaints."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.number = 0
        self.place = ""
        self.head: dict[str, Any] | None = None
        self.units: list[Unit] = []
        self.index: dict[str, int] = {}
        self.groups: list[Group | Mix] = []
        self.site_places: list[tuple[str, str]] = []
        self._known: dict[Call, Call] = {}

    def parse(self, text: str | bytes) -> Program:
        """The program. Raises InputError with the line number and the rule that it breaks."""
        self._lines(text, "line", ("calls", "draw"))
        if not self.groups:
            raise InputError(f'{self.path}: a trace needs at least one line with "calls" or "draw"')
        return self.program(tuple(self.groups))

    def preamble(self, text: str) -> None:
        """Read the header and the units alone, as the Parquet form keeps them. Raises InputError as `parse` does."""
        self._lines(text, "metadata line", ())

    def program(self, groups: tuple[Group | Mix, ...]) -> Program:
        """The program of the header and the units that were read, and these groups.

        Raises InputError for a callee that is no unit, and for a hash that is not that of the content.
        """
        head = self.head or {}
        self._callees()
        name, source = head.get("name", self.path), head.get("source", "")
        made = Program(name, tuple(self.units), groups, source, head.get("provenance", {}))
        stated = head.get("hash")
        if stated is not None and stated != digest(made):
            raise InputError(
                f"{self.path}: its header says hash {stated[:12]!r}, its content has {digest(made)[:12]!r}: it was "
                "damaged or changed; if you changed it, take the hash out of the header"
            )
        return made

    def check(self, program: Program) -> None:
        """Hold a program to the rules. Raises InputError with the unit or the group, and the rule that it breaks."""
        self.describe(program.units)
        known: set[Call] = set()
        for number, group in enumerate(program.groups):
            self.outline(number, group)
            for call in group.pattern if isinstance(group, Group) else group.calls:
                if call not in known:
                    self.call(call)
                    known.add(call)

    def describe(self, units: tuple[Unit, ...]) -> list[Unit]:
        """The units as a file gives them back: numbers of the right type. Raises InputError as `check` does."""
        for unit in units:
            self.place = f"unit {str(unit.name)[:60]!r}"
            bets = [bet._asdict() for bet in unit.speculations]
            sites = [site._asdict() for site in unit.sites]
            plain = {**unit._asdict(), "unit": unit.name, "speculations": bets, "sites": sites}
            del plain["name"]
            self._unit(plain)
        self._callees()
        return self.units

    def outline(self, number: int, group: Group | Mix) -> None:
        """Hold a group to the rules, all but its calls. Raises InputError as `check` does."""
        self.place = f"group {number}"
        self._count("times", group.times)
        self._count("thread", group.thread, MAX_THREADS - 1)
        if not (group.pattern if isinstance(group, Group) else group.calls):
            raise self._error("must hold at least one call")
        if isinstance(group, Mix):
            self._weights(list(group.weights), len(group.calls))

    def call(self, call: Call) -> Call:
        """A call as a file gives it back. Raises InputError as `check` does, with the place that was last looked at."""
        return Call(
            self._count("unit of a call", call.unit, len(self.units) - 1),
            self._count("backedges", call.backedges),
            self._number("work", call.work),
            None if call.types is None else self._text("types", call.types),
            None if call.max_index is None else self._count("max_index", call.max_index),
        )

    def _lines(self, text: str | bytes, what: str, groups: tuple[str, ...]) -> None:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        for self.number, (begin, end) in enumerate(trace_lines.spans(data), start=1):
            self.place = f"{what} {self.number}"
            if end - begin > trace_lines.LONG and self.head is not None and groups:
                long = trace_lines.pattern(data, begin, end, self._call)
                if long is not None:
                    self._group(*long)
                    continue
            if end - begin > trace_lines.LONGEST:
                raise self._error(f"longer than {trace_lines.LONGEST >> 20} MiB, and no pattern as tiering writes it")
            value = self._object(data[begin:end])
            if self.head is None:
                self.head = self._header(value)
            elif "unit" in value:
                self._unit(value)
            elif any(kind in value for kind in groups):
                self._group(value)
            else:
                raise self._error("must hold " + " or ".join(f'"{kind}"' for kind in ("unit", *groups)))
        if self.head is None:
            raise InputError(f"{self.path}: not a trace: the file is empty")

    def _callees(self) -> None:
        for place, callee in self.site_places:
            self.place = place
            if callee not in self.index:
                raise self._error(f"sites: callee {callee[:60]!r} is no unit of this trace")

    def _header(self, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("format") != FORMAT:
            raise InputError(f'{self.path}: not a trace: line 1 must hold "format": "{FORMAT}"')
        version = value.get("version")
        if type(version) is not int or version != VERSION:
            raise InputError(f"{self.path}: trace version {str(version)[:60]}; this tiering reads {VERSION}")
        self._no_stray("header", value, _HEADER)
        for name in ("name", "source", "hash"):
            if not isinstance(value.get(name, ""), str):
                raise self._error(f"{name} is {str(value[name])[:60]}: must be text")
        made = value.get("provenance", {})
        if not isinstance(made, dict) or not all(isinstance(fact, str) for fact in made.values()):
            raise self._error("provenance must map names to text")
        return value

    def _unit(self, value: dict[str, Any]) -> None:
        self._no_stray("unit", value, {"unit", *Unit._fields[1:]})
        name = value["unit"]
        if not isinstance(name, str) or not name or name in self.index:
            raise self._error(f"unit {str(name)[:60]!r}: must be a new, non-empty name")
        self._text("name of a unit", name)
        pressure = value.get("registers")
        unit = Unit(
            name,
            self._count("size", value.get("size", 100)),
            self._numbers("seconds", value),
            self._numbers("compile_seconds", value),
            self._bytes(value),
            self._number("guard_failure", value.get("guard_failure", 0.0), high=1.0),
            tuple(self._speculation(bet) for bet in self._list("speculations", value, MAX_BETS)),
            tuple(self._site(site) for site in self._list("sites", value, MAX_BETS)),
            None if pressure is None else self._number("registers", pressure, high=1e6),
            self._numbers("features", value),
        )
        self.index[name] = len(self.units)
        self.units.append(unit)

    def _speculation(self, value: Any) -> Speculation:
        bet = self._fields("speculations", value, Speculation._fields, needed=2)
        if bet["kind"] not in BETS:
            raise self._error(f"speculations: kind {str(bet['kind'])[:60]!r}: must be one of {', '.join(BETS)}")
        gain = self._number("gain of a speculation", bet["gain"], high=1.0)
        cost = self._number("guard_cost of a speculation", bet.get("guard_cost", 0.0), high=1.0)
        site = bet.get("site")
        number = None if site is None else self._count("site of a speculation", site)
        return Speculation(bet["kind"], gain, cost, self._failures(bet.get("failures", 0.0)), number)

    def _failures(self, value: Any) -> Failures:
        if value == RECORD:
            return RECORD
        if not isinstance(value, list | tuple):
            return self._number("failures of a speculation", value, high=1.0)
        phases = []
        for phase in value:
            if not isinstance(phase, list | tuple) or len(phase) != 2:
                raise self._error(f"phase {str(phase)[:60]} of failures: must be [index of a call, probability]")
            began = self._count("the first call of a phase of failures", phase[0])
            phases.append((began, self._number("failures in a phase", phase[1], high=1.0)))
        starts = [began for began, _ in phases]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise self._error(f"failures: phases begin at calls {starts}: must begin at 0 and ascend")
        return tuple(phases)

    def _site(self, value: Any) -> Site:
        site = self._fields("sites", value, Site._fields, needed=1)
        if not isinstance(site["callee"], str):
            raise self._error(f"sites: callee {str(site['callee'])[:60]} must be the name of a unit")
        self.site_places.append((self.place, site["callee"]))
        calls = self._number("calls of a site", site.get("calls", 1.0))
        return Site(site["callee"], calls, self._number("stability of a site", site.get("stability", 1.0), high=1.0))

    def _group(self, value: dict[str, Any], made: tuple[Call, ...] = ()) -> None:
        """A group of its JSON value; where its calls were `made` already, that has none of them."""
        kind = "draw" if "draw" in value else "calls"
        self._no_stray("group", value, {kind, "times", "thread"} | ({"weights"} if kind == "draw" else set()))
        calls = value[kind]
        if not made and (not isinstance(calls, list) or not calls):
            raise self._error(f'"{kind}" must be a list of [unit, backedges, work] with at least one entry')
        made = made or tuple(self._call(call) for call in calls)
        times = self._count("times", value.get("times", 1))
        thread = self._count("thread", value.get("thread", 0), MAX_THREADS - 1)
        if len(self.groups) >= MAX_DISTINCT:
            raise self._error(f"more than {shown(MAX_DISTINCT)} groups; code the calls in longer ones")
        if kind == "calls":
            self.groups.append(Group(made, times, thread))
        else:
            self.groups.append(Mix(made, self._weights(value.get("weights"), len(made)), times, thread))

    def _weights(self, value: Any, entries: int) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != entries:
            raise self._error(f"weights: must be {entries} numbers, one for each entry of draw")
        weights = tuple(self._number("weight", weight) for weight in value)
        if sum(weights) <= 0.0:
            raise self._error(f"weights are {str(value)[:60]}: at least one must be above 0")
        return weights

    def _call(self, call: Any) -> Call:
        if not isinstance(call, list) or not 1 <= len(call) <= len(Call._fields) or not isinstance(call[0], str):
            raise self._error(f"call {str(call)[:60]}: must be [unit, backedges, work, types, max_index]")
        if call[0] not in self.index:
            raise self._error(f"call of unit {call[0][:60]!r}, which no earlier line describes")
        made = self.call(Call(self.index[call[0]], *call[1:]))
        if len(self._known) > MAX_DISTINCT:
            raise self._error(f"more than {shown(MAX_DISTINCT)} different calls; round their work")
        return self._known.setdefault(made, made)

    def _numbers(self, name: str, value: dict[str, Any]) -> dict[str, float]:
        costs = value.get(name, {})
        if not isinstance(costs, dict):
            owner = "names" if name == "features" else "tier names"
            raise self._error(f"{name} must map {owner} to numbers")
        return {key: self._number(f"{name} of {key[:60]}", cost) for key, cost in costs.items()}

    def _bytes(self, value: dict[str, Any]) -> dict[str, int]:
        stated = self._numbers("code_bytes", value)
        for tier, size in stated.items():
            if not size.is_integer():
                raise self._error(f"code_bytes of {tier[:60]} is {size!r}: must be a whole number")
        return {tier: int(size) for tier, size in stated.items()}

    def _list(self, name: str, value: dict[str, Any], most: int) -> list[Any]:
        items = value.get(name, [])
        if not isinstance(items, list) or len(items) > most:
            raise self._error(f"{name} must be a list of at most {most} entries")
        return items

    def _fields(self, owner: str, value: Any, known: tuple[str, ...], needed: int) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._error(f"{owner}: {str(value)[:60]} must be an object with {', '.join(known)}")
        self._no_stray(f"entry of {owner}", value, set(known))
        for name in known[:needed]:
            if name not in value:
                raise self._error(f"an entry of {owner} must hold {name!r}")
        return value

    def _no_stray(self, owner: str, value: dict[str, Any], allowed: set[str]) -> None:
        stray = sorted(set(value) - allowed)
        if stray:
            article = "an" if owner.startswith("entry") else "a"
            raise self._error(f"{article} {owner} has no {stray[0][:60]!r}; it has {', '.join(sorted(allowed))}")

    def _count(self, name: str, value: Any, most: int = MAX_COUNT) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise self._error(f"{name} is {str(value)[:60]}: must be a whole number from 0 to {shown(most)}")
        return value

    def _number(self, name: str, value: Any, high: float = 1e9) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0 <= value <= high:
            raise self._error(f"{name} is {str(value)[:60]}: must be a number from 0 to {shown(high)}")
        return float(value) + 0.0

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME or not is_text(value):
            raise self._error(f"{name} is {str(value)[:60]!r}: must be text of 1 to {MAX_NAME} characters")
        return value

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            line = data.decode("utf-8")
            value = json.loads(line)
        except UnicodeDecodeError:
            raise InputError(f"{self.path}: not a trace: it is not UTF-8 text, nor Parquet") from None
        except (ValueError, RecursionError):
            rule = "not a trace: " if self.number == 1 else ""
            raise InputError(f"{self.path}: {rule}{self.place} is not JSON") from None
        if not isinstance(value, dict):
            raise self._error("must be a JSON object")
        if "\\ud" in line.lower() and not is_text(value):
            raise self._error("holds half a surrogate pair (\\ud800 to \\udfff), which is no text")
        return value

    def _error(self, rule: str) -> InputError:
        return InputError(f"{self.path}: {self.place}: {rule}")


def check(program: Program) -> None:
    """Hold a program to the rules that a trace file is held to.

    Raises InputError with the unit or the group, field, value and rule.
    """
    Parser(f"program {str(program.name)[:60]!r}").check(program)


def shown(limit: float) -> str:
    """A limit as a complaint shows it: 4096, 0.5, 1e9."""
    return f"{limit:.0e}".replace("e+0", "e").replace("e+", "e") if limit >= 1e6 else f"{limit:g}"


def is_text(value: Any) -> bool:
    """Whether all text in this JSON value can be encoded; JSON can write one half of a surrogate pair, UTF-8 cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return False
    return True
