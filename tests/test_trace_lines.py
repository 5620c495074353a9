"""Patterns that are cut at `], [` instead of being parsed as one document: never another meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import trace, trace_lines
from tiering.errors import InputError
from tiering.trace import Call, Group, Program, Unit
from tiering.trace_parser import Parser

from .test_trace import programs

HEAD = '{"format": "tiering-trace", "version": 1}\n{"unit": "f"}\n{"unit": "], ["}\n'
PIECES = [
    '"f"',
    '"], ["',
    '"',
    "1",
    "], [",
    "]]",
    "[",
    "]",
    ", ",
    "{",
    '"f", 1',
    "\\",
    '"g"',
    "}",
    '"calls": [["f"]]',
    "é",
]


def outcome(text, long):
    """What comes of a file if lines from so many bytes on are looked at as patterns, a few bytes at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_lines, "LONG", long)
        patch.setattr(trace_lines, "_CHUNK", 7)
        try:
            return Parser("x").parse(text)
        except InputError as error:
            return str(error)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(["]]}", ']], "thread": 3}', "]"]))
def test_a_line_means_the_same_whichever_way_it_is_read(middle, end):
    text = f'{HEAD}{{"times": 3, "calls": [["f"{middle}{end}\n'
    assert outcome(text, 0) == outcome(text, 1 << 30)


@given(programs())
def test_a_program_is_the_same_whichever_way_it_is_read(program):
    text = "".join(f"{line}\n" for line in trace.lines(program))
    assert outcome(text, 0) == program


def test_a_name_that_looks_like_the_end_of_a_call(monkeypatch):
    calls = tuple(Call(n % 2, n % 5) for n in range(40))
    program = Program("p", (Unit("f", 1), Unit('"], ["f', 1)), (Group(calls, 2, 1),))
    assert outcome("\n".join(trace.lines(program)), 0) == program


def test_a_pattern_as_it_is_written_is_never_one_document(monkeypatch):
    """Only its header, its units and each different call are."""
    parsed = []
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda text: parsed.append(text) or loads(text))
    calls = tuple(Call(0, n % 5) for n in range(1000))
    program = Program("p", (Unit("f", 1),), (Group(calls, 2, 1),))
    assert outcome("\n".join(trace.lines(program)), 100) == program
    assert len(parsed) == 2 + 1 + 5
    assert max(map(len, parsed[2:])) < 50


def test_other_lines_of_more_than_32_mib_are_not_read(monkeypatch):
    monkeypatch.setattr(trace_lines, "LONGEST", 1 << 20)
    line = '{"calls": [["f"]' + " " * (1 << 20) + "]}"
    with pytest.raises(InputError, match="x: line 4: longer than 1 MiB, and no pattern as tiering writes it"):
        Parser("x").parse(HEAD + line)


def test_lines_end_at_newlines_only():
    data = "a\n\nb\N{LINE SEPARATOR}\r\nc".encode()
    assert [data[begin:end] for begin, end in trace_lines.spans(data)] == [b"a", b"", "b\u2028\r".encode(), b"c"]
    assert list(trace_lines.spans(b"")) == []


@pytest.mark.parametrize(("kind", "rule"), [("different calls", "round their work"), ("groups", "in longer ones")])
def test_a_file_with_too_many_objects_is_refused(monkeypatch, kind, rule):
    monkeypatch.setattr("tiering.trace_parser.MAX_DISTINCT", 3)
    many = (
        '{"calls": [["f", 1], ["f", 2], ["f", 3], ["f", 4], ["f", 5]]}'
        if kind != "groups"
        else '{"calls": [["f"]]}\n' * 9
    )
    assert f"more than 3 {kind}; " in outcome(HEAD + many, 1 << 30)
    assert outcome(HEAD + many, 1 << 30).endswith(rule)
