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
from tiering.profile import reference
from tiering.sim.costs import Costs
from tiering.sim.source import calls, counts
from tiering.trace import BETS, RECORD, Call, Group, Mix, Program, Site, Speculation, Unit
from tiering.trace_parser import MAX_COUNT, MAX_THREADS, check

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
counted = st.integers(0, MAX_COUNT)
shares = st.floats(0, 1)
phases = st.dictionaries(st.integers(1, MAX_COUNT), shares, max_size=3).map(
    lambda later: tuple(sorted({0: 0.5, **later}.items()))
)
failures = shares | st.just(RECORD) | phases
speculations = st.builds(Speculation, st.sampled_from(BETS), shares, shares, failures, st.none() | counted)
threads = st.integers(0, MAX_THREADS - 1)


def few(items, least=0):
    return st.lists(items, min_size=least, max_size=3).map(tuple)


@st.composite
def programs(draw):
    unit_names = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    sizes = st.dictionaries(names, st.integers(0, 10**9))
    sites = few(st.builds(Site, st.sampled_from(unit_names), st.floats(0, 1e9), shares))
    facts = (counted, costs, costs, sizes, shares, few(speculations), sites, st.none() | st.floats(0, 1e6), costs)
    units = tuple(Unit(name, *map(draw, facts)) for name in unit_names)
    seen = (st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), st.none() | counted)
    calls = few(st.builds(Call, st.integers(0, len(units) - 1), counted, st.floats(0, 1e9), *seen), least=1)

    def mixes(entries):
        weights = st.lists(st.floats(0.001, 1e9), min_size=len(entries), max_size=len(entries)).map(tuple)
        return st.builds(Mix, st.just(entries), weights, counted, threads)

    groups = few(st.builds(Group, calls, counted, threads) | calls.flatmap(mixes), least=1)
    return Program(draw(names), units, draw(groups), draw(names), draw(st.dictionaries(names, names, max_size=2)))


@given(programs())
def test_every_program_survives_the_file(tmp_path_factory, program):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    trace.write(program, path)
    assert trace.read(path) == program
    check(program)


def test_what_is_at_its_default_is_not_written(tmp_path):
    trace.write(PROGRAM, tmp_path / "p.jsonl")
    text = (tmp_path / "p.jsonl").read_text()
    for name in ("speculations", "sites", "registers", "features", "thread"):
        assert name not in text


def test_a_full_file_by_hand(file):
    unit = (
        '{"unit": "f", "speculations": [{"kind": "types", "gain": 0.5}, '
        '{"kind": "bounds", "gain": 1, "guard_cost": 0.1, "failures": "record"}, '
        '{"kind": "branch", "gain": 0, "failures": [[0, 0], [9, 1]]}], '
        '"sites": [{"callee": "g"}, {"callee": "f", "calls": 2, "stability": 0.5}], '
        '"registers": 12, "features": {"x": 1}}'
    )
    mix = '{"times": 3, "draw": [["f"], ["g", 2]], "weights": [0, 1.5], "thread": 2}'
    program = trace.read(file(HEADER, unit, '{"unit": "g"}', mix, '{"calls": [["g"]]}'))
    assert program.units[0] == Unit(
        "f",
        100,
        speculations=(
            Speculation("types", 0.5, 0.0, 0.0),
            Speculation("bounds", 1.0, 0.1, RECORD),
            Speculation("branch", 0.0, 0.0, ((0, 0.0), (9, 1.0))),
        ),
        sites=(Site("g", 1.0, 1.0), Site("f", 2.0, 0.5)),
        registers=12.0,
        features={"x": 1.0},
    )
    assert program.groups == (Mix((Call(0), Call(1, 2)), (0.0, 1.5), 3, 2), Group((Call(1),), 1))
    assert (program.total(), program.threads()) == (4, 3)


def test_calls_and_counts_unroll_the_groups():
    program = PROGRAM._replace(
        units=(Unit("f", 1), Unit("g", 1)), groups=(Group((Call(0), Call(1)), 2), Group((Call(1),), 1))
    )
    assert [call.unit for call in calls(program)] == [0, 1, 0, 1, 1]
    assert counts(program, Costs(program, reference())) == [2, 3]


def test_in_threads_each_makes_all_the_calls():
    program = trace.in_threads(PROGRAM, 3)
    assert (program.threads(), program.total()) == (3, 3 * PROGRAM.total())
    assert list(calls(program, thread=2)) == list(calls(PROGRAM))


def test_a_minimal_file_has_defaults(file):
    program = trace.read(file(HEADER, UNIT, CALLS))
    assert (program.units, program.groups) == ((Unit("f", 100),), (Group((Call(0, 0, 1.0),), 1),))


def bet(name, value):
    return json.dumps({"unit": "f", "speculations": [{"kind": "types", "gain": 0.5, name: value}]})


def site(name, value):
    return json.dumps({"unit": "f", "sites": [{"callee": "f", name: value}]})


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
    ([HEADER, UNIT, '{"calls": [["f"]], "tmies": 3}'], "line 3: a group has no 'tmies'; it has calls, thread, times"),
    ([HEADER, UNIT], 'a trace needs at least one line with "calls"'),
    ([HEADER, UNIT, CALLS[:-3]], "line 3 is not JSON"),
    ([HEADER, "{}"], 'line 2: must hold "unit" or "calls"'),
    ([HEADER, '{"unit": ""}'], "line 2: unit '': must be a new, non-empty name"),
    ([HEADER, '{"unit": ["f"]}'], "line 2: unit .*: must be a new, non-empty name"),
    ([HEADER, '{"unit": "%s"}' % ("f" * 1001)], "line 2: name of a unit is 'fff.*': must be text of 1 to 1000 char"),
    ([HEADER[:-1] + ', "title": "x"}'], "line 1: a header has no 'title'; it has format, hash, name, provenance"),
    ([HEADER[:-1] + ', "name": 3}'], "line 1: name is 3: must be text"),
    ([HEADER[:-1] + ', "provenance": ["x"]}'], "line 1: provenance must map names to text"),
    ([HEADER[:-1] + ', "provenance": {"x": 1}}'], "line 1: provenance must map names to text"),
    ([HEADER[:-1] + ', "hash": "0"}', UNIT, CALLS], "its header says hash '0', its content has '[0-9a-f]{12}': it was"),
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
    ([HEADER, UNIT, '{"calls": ["f"]}'], "line 3: call f: must be .unit, backedges, work, types, max_index."),
    (
        [HEADER, UNIT, '{"calls": [["f", 1, 1.0, null, 9, 9]]}'],
        "line 3: call .*: must be .unit, backedges, work, types",
    ),
    ([HEADER, UNIT, '{"calls": [["f", 1, 1.0, 9]]}'], "line 3: types is '9': must be text of 1 to 1000 characters"),
    ([HEADER, UNIT, '{"calls": [["f", 1, 1.0, ""]]}'], "line 3: types is '': must be text of 1 to 1000 characters"),
    ([HEADER, UNIT, '{"calls": [["f", 1, 1.0, null, -1]]}'], "line 3: max_index is -1: must be a whole number"),
    ([HEADER, CALLS], "line 2: call of unit 'f', which no earlier line describes"),
    ([HEADER, UNIT, '{"calls": [["f", 1.5]]}'], "line 3: backedges is 1.5: must be a whole number"),
    ([HEADER, UNIT, '{"calls": [["f", 1, -1]]}'], "line 3: work is -1: must be a number"),
    ([HEADER, bet("kind", "luck")], "line 2: speculations: kind 'luck': must be one of bounds, types, constant"),
    ([HEADER, bet("kind", ["x"])], "line 2: speculations: kind .*: must be one of"),
    ([HEADER, bet("gain", 1.5)], "line 2: gain of a speculation is 1.5: must be a number from 0 to 1$"),
    ([HEADER, bet("gain", -0.5)], "line 2: gain of a speculation is -0.5: must be a number from 0 to 1$"),
    ([HEADER, bet("guard_cost", 2)], "line 2: guard_cost of a speculation is 2: must be a number from 0 to 1$"),
    ([HEADER, bet("site", -1)], "line 2: site of a speculation is -1: must be a whole number"),
    ([HEADER, bet("failures", 1.2)], "line 2: failures of a speculation is 1.2: must be a number from 0 to 1$"),
    ([HEADER, bet("failures", "rekord")], "line 2: failures of a speculation is rekord: must be a number"),
    ([HEADER, bet("failures", True)], "line 2: failures of a speculation is True: must be a number"),
    ([HEADER, bet("failures", [])], r"line 2: failures: phases begin at calls \[\]: must begin at 0 and ascend"),
    ([HEADER, bet("failures", [[1, 0.5]])], r"line 2: failures: phases begin at calls \[1\]: must begin at 0"),
    (
        [HEADER, bet("failures", [[0, 0.5], [0, 0.1]])],
        "line 2: failures: phases begin at .*: must begin at 0 and ascend",
    ),
    ([HEADER, bet("failures", [[0, 1.5]])], "line 2: failures in a phase is 1.5: must be a number from 0 to 1$"),
    ([HEADER, bet("failures", [0.5])], "line 2: phase 0.5 of failures: must be .index of a call, probability."),
    (
        [HEADER, bet("odds", 3)],
        "line 2: an entry of speculations has no 'odds'; it has failures, gain, guard_cost, kind, site",
    ),
    (
        [HEADER, '{"unit": "f", "speculations": [{"kind": "types"}]}'],
        "line 2: an entry of speculations must hold 'gain'",
    ),
    ([HEADER, '{"unit": "f", "speculations": [3]}'], "line 2: speculations: 3 must be an object with kind, gain"),
    ([HEADER, '{"unit": "f", "speculations": {}}'], "line 2: speculations must be a list of at most 64 entries"),
    ([HEADER, site("callee", 3)], "line 2: sites: callee 3 must be the name of a unit"),
    ([HEADER, site("callee", "g"), CALLS], "line 2: sites: callee 'g' is no unit of this trace"),
    ([HEADER, site("stability", 1.1)], "line 2: stability of a site is 1.1: must be a number from 0 to 1$"),
    ([HEADER, site("calls", -1)], "line 2: calls of a site is -1: must be a number from 0 to 1e9"),
    ([HEADER, '{"unit": "f", "registers": -1}'], "line 2: registers is -1: must be a number from 0 to 1e6"),
    ([HEADER, '{"unit": "f", "features": [1]}'], "line 2: features must map names to numbers"),
    ([HEADER, '{"unit": "f", "code_bytes": {"x": 1.5}}'], "line 2: code_bytes of x is 1.5: must be a whole number"),
    ([HEADER, UNIT, '{"calls": [["f"]], "thread": 64}'], "line 3: thread is 64: must be a whole number from 0 to 63"),
    ([HEADER, UNIT, '{"draw": [["f"]]}'], "line 3: weights: must be 1 numbers, one for each entry of draw"),
    ([HEADER, UNIT, '{"draw": [["f"]], "weights": [0]}'], r"line 3: weights are \[0\]: at least one must be above 0"),
    ([HEADER, UNIT, '{"draw": [["f"]], "weights": [NaN]}'], "line 3: weight is nan: must be a number"),
    (
        [HEADER, UNIT, '{"draw": [["f"]], "calls": [["f"]], "weights": [1]}'],
        "line 3: a group has no 'calls'; it has draw",
    ),
    ([HEADER, UNIT, '{"calls": [["f"]], "weights": [1]}'], "line 3: a group has no 'weights'; it has calls"),
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


WORDS = (
    "unit",
    "calls",
    "draw",
    "weights",
    "times",
    "size",
    "seconds",
    "speculations",
    "kind",
    "gain",
    "sites",
    "callee",
)


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS), inner),
        )
    )
)
def test_whatever_json_follows_is_a_program_or_an_input_error(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "noise.jsonl"
    path.write_text("\n".join([HEADER, UNIT, CALLS, *map(json.dumps, values)]))
    with suppress(InputError):
        assert isinstance(trace.read(path), Program)


def test_what_was_seen_of_a_call_stands_at_its_end(file):
    calls = (Call(0, 1), Call(0, 1, 0.5, "int64"), Call(0, 1, 1.0, None, 7), Call(0, 1, 1.0, "int64", 0))
    text = '[["f", 1, 1.0], ["f", 1, 0.5, "int64"], ["f", 1, 1.0, null, 7], ["f", 1, 1.0, "int64", 0]]'
    program = Program("seen", (Unit("f", 100),), (Group(calls, 1),))
    assert list(trace.lines(program))[-1] == f'{{"times": 1, "calls": {text}}}'
    assert trace.read(file(HEADER, UNIT, f'{{"calls": {text}}}')).groups == program.groups


def test_equal_calls_are_one_object(file):
    calls = ", ".join(['["f", 1, 0.5]', '["f", 1]'] * 100)
    program = trace.read(file(HEADER, UNIT, f'{{"calls": [{calls}]}}', f'{{"calls": [{calls}]}}'))
    assert len({id(call) for group in program.groups for call in group.pattern}) == 2


@pytest.mark.parametrize("name", ["p", "p.json", "p.JSONL", "p.parquet.zst"])
def test_the_suffix_says_the_form(tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: a trace file ends in .jsonl or .parquet, which says what form"):
        trace.write(PROGRAM, tmp_path / name)


def test_json_lines_that_could_not_be_read_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(trace, "MAX_FILE_BYTES", 300)
    with pytest.raises(InputError, match=r"p.jsonl: more than 0 MiB of JSON lines would not be read again; take .par"):
        trace.write(PROGRAM, tmp_path / "p.jsonl")
    monkeypatch.undo()
    monkeypatch.setattr("tiering.trace_lines.LONGEST", 200)
    mix = PROGRAM._replace(groups=(Mix((Call(0),) * 100, (1.0,) * 100, 1),))
    with pytest.raises(InputError, match=r"more than 0 MiB of a mix would not be read again; take .parquet"):
        trace.write(mix, tmp_path / "p.jsonl")
    monkeypatch.setattr("tiering.trace_text.MAX_DISTINCT", 1)
    with pytest.raises(InputError, match="more than 1 groups or different calls would not be read again; code"):
        trace.write(PROGRAM, tmp_path / "p.jsonl")
    with pytest.raises(InputError, match="'two loops' makes no calls; a trace file needs at least one group"):
        trace.write(PROGRAM._replace(groups=()), tmp_path / "p.jsonl")
    for label in ("name", "source"):
        with pytest.raises(InputError, match="name, source and provenance must be text"):
            trace.write(PROGRAM._replace(**{label: "\ud800"}), tmp_path / "p.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_binary_file_is_no_trace(tmp_path):
    (tmp_path / "x").write_bytes(b"\x80\x04\xff")
    with pytest.raises(InputError, match="not UTF-8 text, nor Parquet"):
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
    with pytest.raises(InputError, match="group 0: unit of a call is 9: must be a whole number from 0 to 1"):
        trace.write(broken, tmp_path / "p.jsonl")
    assert list(tmp_path.iterdir()) == []


NONSENSE = [
    (Unit("f", 1, guard_failure=1.2), "unit 'f': guard_failure is 1.2: must be a number from 0 to 1"),
    (Unit("f", -1), "unit 'f': size is -1: must be a whole number from 0 to 1e15"),
    (Unit("f", 1, {"top": float("nan")}), "unit 'f': seconds of top is nan: must be a number from 0 to 1e9"),
    (Unit("", 1), "unit '': unit '': must be a new, non-empty name"),
    (
        Unit("f", 1, speculations=(Speculation("luck", 0.5),)),
        "unit 'f': speculations: kind 'luck': must be one of bound",
    ),
    (
        Unit("f", 1, speculations=(Speculation("types", 0.5, 0.0, ((3, 0.1),)),)),
        "unit 'f': failures: phases begin at calls [3]: must begin at 0 and ascend",
    ),
    (Unit("f", 1, sites=(Site("g"),)), "unit 'f': sites: callee 'g' is no unit of this trace"),
    (Group((), 1), "group 0: must hold at least one call"),
    (Group((Call(1),), 1), "group 0: unit of a call is 1: must be a whole number from 0 to 0"),
    (Group((Call(0, -1),), 1), "group 0: backedges is -1: must be a whole number from 0 to 1e15"),
    (Group((Call(0, 0, -1.0),), 1), "group 0: work is -1.0: must be a number from 0 to 1e9"),
    (Group((Call(0),), -1), "group 0: times is -1: must be a whole number from 0 to 1e15"),
    (Group((Call(0),), 1, 64), "group 0: thread is 64: must be a whole number from 0 to 63"),
    (Mix((Call(0),), (), 1), "group 0: weights: must be 1 numbers, one for each entry of draw"),
    (Mix((Call(0),), (-1.0,), 1), "group 0: weight is -1.0: must be a number from 0 to 1e9"),
]


@pytest.mark.parametrize(("nonsense", "rule"), NONSENSE, ids=range(len(NONSENSE)))
def test_a_program_made_in_python_is_held_to_the_same_rules(nonsense, rule):
    unit = nonsense if isinstance(nonsense, Unit) else Unit("f", 1)
    group = Group((Call(0),), 1) if isinstance(nonsense, Unit) else nonsense
    with pytest.raises(InputError) as caught:
        check(Program("made", (unit,), (group,)))
    assert str(caught.value).startswith(f"program 'made': {rule}")
