"""Trace files: what is written is what is read, and no file makes anything worse than one line of error."""

from __future__ import annotations

import json
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import trace
from tiering.errors import InputError
from tiering.trace import Call, Group, Program, Unit

PROGRAM = Program(
    "two loops",
    (
        Unit("f", 40, {"interpreter": 1e-3, "optimized": 1e-5}, {"optimized": 0.1}, {"optimized": 900}, 0.25),
        Unit("größe \N{LINE SEPARATOR}", 7),
    ),
    (Group((Call(0, 64), Call(1, 0, 0.5)), 1000), Group((Call(1),), 1)),
    "written by hand",
)

HEADER = '{"format": "tiering-trace", "version": 1}'
UNIT = '{"unit": "f"}'
CALLS = '{"calls": [["f"]]}'


@pytest.fixture
def file(tmp_path):
    def make(*lines):
        path = tmp_path / "some.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return make


def test_a_program_survives_the_file(tmp_path):
    trace.write(PROGRAM, tmp_path / "p.jsonl")
    assert trace.read(tmp_path / "p.jsonl") == PROGRAM


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
costs = st.dictionaries(names, st.floats(0, 1e9))


@st.composite
def programs(draw):
    unit_names = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    sizes = st.dictionaries(names, st.integers(0, 10**9))
    counts = st.integers(0, trace.MAX_COUNT)
    units = [Unit(n, draw(counts), draw(costs), draw(costs), draw(sizes), draw(st.floats(0, 1))) for n in unit_names]
    calls = st.builds(Call, st.integers(0, len(units) - 1), counts, st.floats(0, 1e9))
    groups = st.builds(Group, st.lists(calls, min_size=1, max_size=3).map(tuple), counts)
    return Program(draw(names), tuple(units), tuple(draw(st.lists(groups, min_size=1, max_size=3))), draw(names))


@given(programs())
def test_every_program_survives_the_file(tmp_path_factory, program):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    trace.write(program, path)
    assert trace.read(path) == program


def test_calls_and_counts_unroll_the_groups():
    program = PROGRAM._replace(groups=(Group((Call(0), Call(1)), 2), Group((Call(1),), 1)))
    assert [call.unit for call in program.calls()] == [0, 1, 0, 1, 1]
    assert program.counts() == [2, 3]


def test_a_minimal_file_has_defaults(file):
    program = trace.read(file(HEADER, UNIT, CALLS))
    assert (program.units, program.groups) == ((Unit("f", 100),), (Group((Call(0, 0, 1.0),), 1),))


HOSTILE = [
    ([], "not a trace: the file is empty"),
    (["hello"], "not a trace: line 1 is not JSON"),
    (["[" * 100_000], "not a trace: line 1 is not JSON"),
    (["[]"], "line 1: must be a JSON object"),
    (["{}"], 'not a trace: line 1 must hold "format": "tiering-trace"'),
    (['{"format": "tiering-trace", "version": 2}'], "trace version 2; this tiering reads 1"),
    (['{"format": "tiering-trace", "version": true}'], "trace version True; this tiering reads 1"),
    (['{"format": "tiering-trace", "version": 1, "name": "\\ud800"}'], "line 1: holds half a surrogate pair"),
    ([HEADER, '{"unit": "\\uD800"}'], "line 2: holds half a surrogate pair .* which is no text"),
    ([HEADER, '{"unit": "f", "seconds": {"\\udfff": 1}}'], "line 2: holds half a surrogate pair"),
    ([HEADER, UNIT, '{"calls": [["f"]], "tmies": 3}'], "line 3: a group has no 'tmies'; it has calls, times"),
    ([HEADER, UNIT], 'a trace needs at least one line with "calls"'),
    ([HEADER, UNIT, CALLS[:-3]], "line 3 is not JSON"),
    ([HEADER, "{}"], 'line 2: must hold "unit" or "calls"'),
    ([HEADER, '{"unit": ""}'], "line 2: unit '': must be a new, non-empty name"),
    ([HEADER, '{"unit": ["f"]}'], "line 2: unit .*: must be a new, non-empty name"),
    ([HEADER, UNIT, UNIT], "line 3: unit 'f': must be a new, non-empty name"),
    ([HEADER, '{"unit": "f", "code": "import os"}'], "line 2: a unit has no 'code'; it has"),
    ([HEADER, '{"unit": "f", "size": -1}'], "line 2: size is -1: must be a whole number"),
    ([HEADER, '{"unit": "f", "size": true}'], "line 2: size is True: must be a whole number"),
    ([HEADER, '{"unit": "f", "seconds": [1]}'], "line 2: seconds must map tier names to numbers"),
    ([HEADER, '{"unit": "f", "seconds": {"x": NaN}}'], "line 2: seconds of x is nan: must be a number"),
    ([HEADER, '{"unit": "f", "seconds": {"x": 1e999}}'], "line 2: seconds of x is inf: must be a number"),
    ([HEADER, '{"unit": "f", "seconds": {"x": 1%s}}' % ("0" * 400)], "line 2: seconds of x is 1000000"),
    ([HEADER, '{"unit": "f", "size": 1%s}' % ("0" * 9000)], "line 2 is not JSON"),
    ([HEADER, '{"unit": "f", "guard_failure": 1.5}'], "line 2: guard_failure is 1.5: must be a number from 0 to 1"),
    ([HEADER, UNIT, '{"calls": []}'], 'line 3: "calls" must be a list'),
    ([HEADER, UNIT, '{"calls": {"f": 1}}'], 'line 3: "calls" must be a list'),
    ([HEADER, UNIT, '{"calls": ["f"]}'], "line 3: call f: must be .unit, backedges, work."),
    ([HEADER, UNIT, '{"calls": [["f", 1, 1.0, 9]]}'], "line 3: call .*: must be .unit, backedges, work."),
    ([HEADER, CALLS], "line 2: call of unit 'f', which no earlier line describes"),
    ([HEADER, UNIT, '{"calls": [["f", 1.5]]}'], "line 3: backedges is 1.5: must be a whole number"),
    ([HEADER, UNIT, '{"calls": [["f", 1, -1]]}'], "line 3: work is -1: must be a number"),
    ([HEADER, UNIT, '{"times": 1e3, "calls": [["f"]]}'], "line 3: times is 1000.0: must be a whole number"),
    ([HEADER, UNIT, '{"times": 10000000000000000, "calls": [["f"]]}'], "line 3: times is 10000000000000000: must"),
]


@pytest.mark.parametrize(("lines", "rule"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_file_ends_in_one_line_that_names_place_and_rule(file, lines, rule):
    path = file(*lines) if lines else file("")
    if not lines:
        path.write_text("")
    with pytest.raises(InputError, match=rule) as caught:
        trace.read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 200


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(("unit", "calls", "times", "size", "seconds")), inner)
            ),
        )
    )
)
def test_whatever_json_follows_is_a_program_or_an_input_error(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "noise.jsonl"
    path.write_text("\n".join([HEADER, UNIT, CALLS, *map(json.dumps, values)]))
    with suppress(InputError):
        assert isinstance(trace.read(path), Program)


def test_a_binary_file_is_no_trace(tmp_path):
    (tmp_path / "x").write_bytes(b"\x80\x04\xff")
    with pytest.raises(InputError, match="not UTF-8 text"):
        trace.read(tmp_path / "x")


def test_a_file_that_is_too_large_is_not_even_read(tmp_path):
    with open(tmp_path / "huge", "wb") as out:
        os.truncate(out.fileno(), trace.MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match="larger than 256 MiB"):
        trace.read(tmp_path / "huge")


def test_a_pipe_is_read_up_to_the_limit_and_no_further(monkeypatch):
    text = "\n".join((HEADER, UNIT, CALLS)).encode()
    for limit, good in ((len(text), True), (len(text) - 1, False)):
        monkeypatch.setattr(trace, "MAX_FILE_BYTES", limit)
        source, sink = os.pipe()
        os.write(sink, text)
        os.close(sink)
        try:
            if good:
                assert trace.read(f"/dev/fd/{source}").units == (Unit("f", 100),)
            else:
                with pytest.raises(InputError, match="larger than 0 MiB"):
                    trace.read(f"/dev/fd/{source}")
        finally:
            os.close(source)


def test_a_whole_surrogate_pair_is_text(file):
    assert trace.read(file(HEADER, '{"unit": "\\ud83d\\ude00"}', UNIT, CALLS)).units[0].name == "\N{GRINNING FACE}"


def test_a_missing_file_and_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        trace.read(tmp_path / "missing")
    with pytest.raises(InputError, match="cannot be read"):
        trace.read(tmp_path)


def test_a_trace_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(InputError, match="its folder does not exist"):
        trace.write(PROGRAM, tmp_path / "missing" / "p.jsonl")
    broken = PROGRAM._replace(groups=(Group((Call(9),), 1),))
    with pytest.raises(IndexError):
        trace.write(broken, tmp_path / "p.jsonl")
    assert list(tmp_path.iterdir()) == []
