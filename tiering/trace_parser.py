"""Reading trace files: every line is checked before anything is made of it.

A trace may come from anywhere, so whatever is wrong with it is named: file, line, field, value, rule. A program that
was made in Python can be held to the same rules: `check`.
"""

from __future__ import annotations

import json
from typing import Any

from tiering.errors import InputError
from tiering.trace import BETS, FORMAT, RECORD, VERSION, Call, Failures, Group, Mix, Program, Site, Speculation, Unit

MAX_COUNT = 10**15
MAX_THREADS = 64
MAX_BETS = 64


class Parser:
    """Makes a program of a trace file's text. `path` is named in complaints."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.number = 0
        self.place = ""
        self.units: list[Unit] = []
        self.index: dict[str, int] = {}
        self.groups: list[Group | Mix] = []
        self.site_places: list[tuple[str, str]] = []

    def parse(self, text: str) -> Program:
        """The program. Raises InputError with the line number and the rule that it breaks."""
        head: dict[str, Any] | None = None
        for self.number, line in enumerate(_lines(text), start=1):
            self.place = f"line {self.number}"
            value = self._object(line)
            if head is None:
                head = self._header(value)
            elif "unit" in value:
                self._unit(value)
            elif "calls" in value or "draw" in value:
                self._group(value)
            else:
                raise self._error('must hold "unit" or "calls" or "draw"')
        if head is None:
            raise InputError(f"{self.path}: not a trace: the file is empty")
        if not self.groups:
            raise InputError(f'{self.path}: a trace needs at least one line with "calls" or "draw"')
        self._callees()
        return Program(
            str(head.get("name", self.path)), tuple(self.units), tuple(self.groups), str(head.get("source", ""))
        )

    def check(self, program: Program) -> None:
        """Hold a program to the rules. Raises InputError with the unit or the group, and the rule that it breaks."""
        for unit in program.units:
            self.place = f"unit {str(unit.name)[:60]!r}"
            bets = [bet._asdict() for bet in unit.speculations]
            sites = [site._asdict() for site in unit.sites]
            plain = {**unit._asdict(), "unit": unit.name, "speculations": bets, "sites": sites}
            del plain["name"]
            self._unit(plain)
        self._callees()
        known: set[Call] = set()
        for number, group in enumerate(program.groups):
            self.place = f"group {number}"
            self._count("times", group.times)
            self._count("thread", group.thread, MAX_THREADS - 1)
            calls = group.pattern if isinstance(group, Group) else group.calls
            if not calls:
                raise self._error("must hold at least one call")
            for call in calls:
                if call not in known:
                    self._described(call)
                    known.add(call)
            if isinstance(group, Mix):
                self._weights(list(group.weights), len(calls))

    def _described(self, call: Call) -> None:
        self._count("unit of a call", call.unit, len(self.units) - 1)
        self._count("backedges", call.backedges)
        self._number("work", call.work)

    def _callees(self) -> None:
        for place, callee in self.site_places:
            self.place = place
            if callee not in self.index:
                raise self._error(f"sites: callee {callee!r} is no unit of this trace")

    def _header(self, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("format") != FORMAT:
            raise InputError(f'{self.path}: not a trace: line 1 must hold "format": "{FORMAT}"')
        version = value.get("version")
        if type(version) is not int or version != VERSION:
            raise InputError(f"{self.path}: trace version {version!r}; this tiering reads {VERSION}")
        return value

    def _unit(self, value: dict[str, Any]) -> None:
        self._no_stray("unit", value, {"unit", *Unit._fields[1:]})
        name = value["unit"]
        if not isinstance(name, str) or not name or name in self.index:
            raise self._error(f"unit {name!r}: must be a new, non-empty name")
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
            raise self._error(f"speculations: kind {bet['kind']!r}: must be one of {', '.join(BETS)}")
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
            raise self._error(f"sites: callee {site['callee']!r} must be the name of a unit")
        self.site_places.append((self.place, site["callee"]))
        calls = self._number("calls of a site", site.get("calls", 1.0))
        return Site(site["callee"], calls, self._number("stability of a site", site.get("stability", 1.0), high=1.0))

    def _group(self, value: dict[str, Any]) -> None:
        kind = "draw" if "draw" in value else "calls"
        self._no_stray("group", value, {kind, "times", "thread"} | ({"weights"} if kind == "draw" else set()))
        calls = value[kind]
        if not isinstance(calls, list) or not calls:
            raise self._error(f'"{kind}" must be a list of [unit, backedges, work] with at least one entry')
        made = tuple(self._call(call) for call in calls)
        times = self._count("times", value.get("times", 1))
        thread = self._count("thread", value.get("thread", 0), MAX_THREADS - 1)
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
        if not isinstance(call, list) or not 1 <= len(call) <= 3 or not isinstance(call[0], str):
            raise self._error(f"call {str(call)[:60]}: must be [unit, backedges, work]")
        if call[0] not in self.index:
            raise self._error(f"call of unit {call[0]!r}, which no earlier line describes")
        backedges = self._count("backedges", call[1]) if len(call) > 1 else 0
        work = self._number("work", call[2]) if len(call) > 2 else 1.0
        return Call(self.index[call[0]], backedges, work)

    def _numbers(self, name: str, value: dict[str, Any]) -> dict[str, float]:
        costs = value.get(name, {})
        if not isinstance(costs, dict):
            owner = "names" if name == "features" else "tier names"
            raise self._error(f"{name} must map {owner} to numbers")
        return {key: self._number(f"{name} of {key}", cost) for key, cost in costs.items()}

    def _bytes(self, value: dict[str, Any]) -> dict[str, int]:
        stated = self._numbers("code_bytes", value)
        for tier, size in stated.items():
            if not size.is_integer():
                raise self._error(f"code_bytes of {tier} is {size!r}: must be a whole number")
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
            raise self._error(f"{article} {owner} has no {stray[0]!r}; it has {', '.join(sorted(allowed))}")

    def _count(self, name: str, value: Any, most: int = MAX_COUNT) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise self._error(f"{name} is {str(value)[:60]}: must be a whole number from 0 to {shown(most)}")
        return value

    def _number(self, name: str, value: Any, high: float = 1e9) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0 <= value <= high:
            raise self._error(f"{name} is {str(value)[:60]}: must be a number from 0 to {shown(high)}")
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


def _lines(text: str) -> list[str]:
    """Lines end at a newline only; `splitlines` would also cut inside a JSON string that holds U+2028."""
    return text.removesuffix("\n").split("\n") if text else []
