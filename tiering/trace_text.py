"""A program as JSON lines: what a trace file of that form holds, and what the hash of either form is made of.

A pattern of ten million calls is one line of 300 MB, so lines come in pieces. The text of a call is made once for all
calls equal to it, and that is also when it is held to the rules: writing costs a look-up per call, and no program
comes into a file that could not be read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tiering import trace, trace_lines
from tiering.errors import InputError
from tiering.trace import FORMAT, VERSION, Call, Group, Mix, Program, Speculation, Unit, digest
from tiering.trace_parser import MAX_DISTINCT, Parser, is_text, shown

_CALLS = 1 << 16
"""Calls in a piece: some megabytes of text."""

_ALWAYS = ("size", "seconds", "compile_seconds", "code_bytes", "guard_failure")


def header(program: Program) -> str:
    """The first line. It holds the hash of the others. Raises InputError for a program that breaks a rule."""
    told: dict[str, Any] = {"name": program.name, "source": program.source}
    if program.provenance:
        told["provenance"] = program.provenance
    plain = all(isinstance(text, str) for text in (program.name, program.source, *program.provenance.values()))
    if not plain or not is_text(told):
        raise InputError(f"program {str(program.name)[:60]!r}: name, source and provenance must be text")
    return _dump({"format": FORMAT, "version": VERSION, **told, "hash": digest(program)})


def units(parser: Parser, program: Program) -> Iterator[str]:
    """The lines of the units, which `parser` is told. Raises InputError for one that breaks a rule."""
    for unit in parser.describe(program.units):
        yield _dump({"unit": unit.name, **_stated(unit)})


def content(program: Program) -> Iterator[str]:
    """All lines but the first, in pieces; a piece that ends a line ends with a newline.

    Raises InputError for what breaks a rule, when it comes to it.
    """
    return _content(program, _Texts(program))


def written(program: Program, path: str | Path) -> Iterator[str]:
    """The whole file, in pieces. Raises InputError, naming `path`, for one that is too large to be read again."""
    yield header(program)
    texts = _Texts(program)
    total = line = 0
    drawn = False
    for piece in _content(program, texts):
        drawn = drawn if line else '"draw": [' in piece[:99]
        total, line = total + len(piece), line + len(piece)
        if total > trace.MAX_FILE_BYTES or (drawn and line > trace_lines.LONGEST):
            most = trace.MAX_FILE_BYTES if total > trace.MAX_FILE_BYTES else trace_lines.LONGEST
            what = "a mix" if most == trace_lines.LONGEST else "JSON lines"
            raise InputError(f"{path}: more than {most >> 20} MiB of {what} would not be read again; take .parquet")
        if max(len(texts), len(program.groups)) > MAX_DISTINCT:
            raise InputError(
                f"{path}: more than {shown(MAX_DISTINCT)} groups or different calls would not be read again; "
                "code the calls in longer groups, and round their work"
            )
        line = 0 if piece.endswith("\n") else line
        yield piece


def head(program: Program, lines: int, calls: int) -> Iterator[str]:
    """The first lines, for the eye: of a group of more than so many calls the others are left out, and counted.

    Such a line is JSON, but no line of a trace. Raises InputError for what breaks a rule.
    """
    texts = _Texts(program)
    described = list(units(texts.parser, program))
    yield from islice(chain([header(program)], described), lines)
    for group in program.groups[: max(0, lines - 1 - len(program.units))]:
        short, left = _cut(group, calls)
        text = "".join(_group(short, texts))
        yield f'{text[:-2]}, "calls_left_out": {left}}}\n' if left else text


class _Texts(dict[Call, str]):
    """The text of every call that was asked for."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.parser = Parser(f"program {str(program.name)[:60]!r}")

    def __missing__(self, call: Call) -> str:
        unit, *told = self.parser.call(call)
        while len(told) > 2 and told[-1] is None:
            told.pop()
        text = self[call] = json.dumps([self.parser.units[unit].name, *told])
        return text


def _content(program: Program, texts: _Texts) -> Iterator[str]:
    yield from units(texts.parser, program)
    for number, group in enumerate(program.groups):
        texts.parser.outline(number, group)
        yield from _group(group, texts)


def _group(group: Group | Mix, texts: _Texts) -> Iterator[str]:
    end: dict[str, Any] = {}
    if isinstance(group, Mix):
        kind, calls = "draw", group.calls
        end["weights"] = [float(weight) + 0.0 for weight in group.weights]
    else:
        kind, calls = "calls", group.pattern
    if group.thread:
        end["thread"] = group.thread
    before = f'{{"times": {group.times}, "{kind}": ['
    for begin in range(0, len(calls), _CALLS):
        yield before + ", ".join(map(texts.__getitem__, calls[begin : begin + _CALLS]))
        before = ", "
    yield f"], {_dump(end)[1:]}" if end else "]}\n"


def _cut(group: Group | Mix, calls: int) -> tuple[Group | Mix, int]:
    if isinstance(group, Group):
        return group._replace(pattern=group.pattern[:calls]), max(0, len(group.pattern) - calls)
    short = group._replace(calls=group.calls[:calls], weights=group.weights[:calls])
    return short, max(0, len(group.calls) - calls)


def _stated(unit: Unit) -> dict[str, Any]:
    stated = unit._asdict()
    del stated["name"]
    stated["speculations"] = [_bet(bet) for bet in unit.speculations]
    stated["sites"] = [site._asdict() for site in unit.sites]
    return {name: value for name, value in stated.items() if name in _ALWAYS or value not in ([], None, {})}


def _bet(bet: Speculation) -> dict[str, Any]:
    stated = bet._asdict()
    if bet.site is None:
        del stated["site"]
    return stated


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(", ", ": ")) + "\n"
