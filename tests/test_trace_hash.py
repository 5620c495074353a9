"""The hash of a trace: one for both forms, for equal programs, and for nothing else."""

from __future__ import annotations

import hashlib
import json
import pickle
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import trace
from tiering.errors import InputError
from tiering.trace import Call, Group, Mix, Program, Speculation, Unit

from .test_trace import PROGRAM, programs


def test_the_hash_is_that_of_the_lines_after_the_header(tmp_path):
    trace.write(PROGRAM, tmp_path / "p.jsonl")
    head, _, rest = (tmp_path / "p.jsonl").read_bytes().partition(b"\n")
    assert json.loads(head)["hash"] == trace.digest(PROGRAM) == hashlib.sha256(rest).hexdigest()


@pytest.mark.parametrize("cut", [1, 2])
def test_a_file_that_lost_whole_lines_is_refused_by_its_hash(tmp_path, cut):
    trace.write(PROGRAM._replace(groups=PROGRAM.groups * 2), tmp_path / "p.jsonl")
    lines = (tmp_path / "p.jsonl").read_text().splitlines()
    (tmp_path / "p.jsonl").write_text("\n".join(lines[:-cut]))
    with pytest.raises(
        InputError, match=r"its header says hash '.{12}', its content has '.{12}': it was damaged or chang"
    ):
        trace.read(tmp_path / "p.jsonl")


@given(programs(), st.data())
def test_a_changed_file_is_refused_or_its_content_is_whole(tmp_path_factory, program, data):
    path = tmp_path_factory.getbasetemp() / "changed.jsonl"
    trace.write(program, path)
    text = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(text)
    with suppress(InputError):
        found = trace.read(path)
        assert trace.digest(found) == trace.digest(program) or b'"hash": "' not in text


def test_a_name_is_not_in_the_hash_and_everything_else_is():
    other = PROGRAM._replace(name="n", source="s", provenance={"a": "b"})
    assert trace.digest(other) == trace.digest(PROGRAM)
    f, g = PROGRAM.units
    first, last = PROGRAM.groups
    changed = [
        PROGRAM._replace(units=(f._replace(size=41), g)),
        PROGRAM._replace(units=(f._replace(seconds={}), g)),
        PROGRAM._replace(units=(f, g._replace(name="h"))),
        PROGRAM._replace(units=(f, g, Unit("h", 1))),
        PROGRAM._replace(groups=(first, last._replace(times=2))),
        PROGRAM._replace(groups=(first, last._replace(thread=1))),
        PROGRAM._replace(groups=(last, first)),
        PROGRAM._replace(groups=(first, last, last)),
        *(PROGRAM._replace(groups=(first, Group((call,), 1))) for call in (Call(1, 1), Call(1, 0, 2.0))),
        *(PROGRAM._replace(groups=(first, Group((call,), 1))) for call in (Call(1, types="a"), Call(1, max_index=0))),
        PROGRAM._replace(groups=(first, Mix((Call(1),), (1.0,), 1))),
        PROGRAM._replace(groups=(first, Mix((Call(1),), (2.0,), 1))),
    ]
    assert len({trace.digest(program) for program in (PROGRAM, *changed)}) == len(changed) + 1


def test_equal_programs_have_one_hash():
    """Whole numbers where floats stand, and zeros of either sign, are equal to Python."""
    floats = Program(
        "floats",
        (Unit("f", 1, {"top": 2.0}, guard_failure=0.0, registers=3.0, speculations=(Speculation("types", 1.0),)),),
        (Group((Call(0, 1, 0.0),), 1), Mix((Call(0, 1, 1.0),), (2.0,), 1)),
    )
    whole = Program(
        "whole",
        (Unit("f", 1, {"top": 2}, guard_failure=-0.0, registers=3, speculations=(Speculation("types", 1, 0, 0),)),),
        (Group((Call(0, 1, -0.0),), 1), Mix((Call(0, 1, 1),), (2,), 1)),
    )
    assert trace.digest(floats) == trace.digest(whole)


def test_the_hash_is_made_once(monkeypatch):
    program = PROGRAM._replace()
    known = trace.digest(program)
    monkeypatch.setattr("tiering.trace_text.content", None)
    assert trace.digest(program) == known
    assert program == PROGRAM
    assert pickle.loads(pickle.dumps(program)) == program


def test_a_long_pattern_has_the_hash_of_its_line(monkeypatch):
    calls = tuple(Call(n % 2, n % 7) for n in range(100))
    program = PROGRAM._replace(groups=(Group(calls, 1), Mix(calls, (1.0,) * 100, 1)))
    text = "".join(f"{line}\n" for line in trace.lines(program))
    monkeypatch.setattr("tiering.trace_text._CALLS", 7)
    cut = program._replace()
    assert trace.digest(cut) == trace.digest(program)
    assert "".join(f"{line}\n" for line in trace.lines(cut)) == text
