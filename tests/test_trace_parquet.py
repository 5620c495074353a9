"""The Parquet form of a trace: the same program as the JSON lines, and no file that is more than one line of error."""

from __future__ import annotations

import io
import subprocess
import sys
from inspect import signature

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiering import parquet_footer, trace, trace_columns, trace_parquet
from tiering.errors import InputError
from tiering.trace import Call, Group, Mix, Program, Site, Unit
from tiering.trace_parser import check

from .test_trace import programs

PROGRAM = Program(
    "two loops",
    (Unit("f", 40, {"interpreter": 1e-3}, {"optimized": 0.1}), Unit("größe", 7, sites=(Site("f"),))),
    (
        Group((Call(0, 64, 1.0, "float64[:]", 63), Call(1, 0, 0.5)), 1000),
        Mix((Call(0), Call(1, 3)), (3.0, 0.5), 70, 2),
        Group((Call(0, 64, 1.0, "float64[:]", 63),), 1),
    ),
    "written by hand",
    {"python": "3.13"},
)

ROWS = [
    (0, 1000, 0, None, "f", 64, 1.0, "float64[:]", 63),
    (0, 1000, 0, None, "größe", 0, 0.5, None, None),
    (1, 70, 2, 3.0, "f", 0, 1.0, None, None),
    (1, 70, 2, 0.5, "größe", 3, 1.0, None, None),
    (2, 1, 0, None, "f", 64, 1.0, "float64[:]", 63),
]
NAMES = ["group", "times", "thread", "weight", "unit", "backedges", "work", "types", "max_index"]
INT, LONG, DOUBLE, TEXT = pa.int32(), pa.int64(), pa.float64(), pa.string()
HEAD = "\n".join(list(trace.lines(PROGRAM))[:3]) + "\n"
UNHASHED = '{"format": "tiering-trace", "version": 1}\n{"unit": "f"}\n{"unit": "größe"}\n'


def written(program):
    file = io.BytesIO()
    trace_parquet.write(program, file)
    return file.getvalue()


GOOD = written(PROGRAM)


def made(rows=ROWS, text=UNHASHED, schema=None, key=trace_parquet.KEY, **options):
    """A file like ours, with whatever differs."""
    schema = schema or pa.schema(
        [
            pa.field(name, kind, nullable=name in ("weight", "types", "max_index"))
            for name, kind in zip(
                NAMES,
                (INT, LONG, INT, DOUBLE, TEXT, LONG, DOUBLE, TEXT, LONG),
                strict=True,
            )
        ]
    )
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in schema]
    file = io.BytesIO()
    options = {"compression": "zstd", "data_page_version": "1.0", "store_schema": False, **options}
    with pq.ParquetWriter(file, schema, **options) as writer:
        writer.add_key_value_metadata({key: text})
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return file.getvalue()


def read(data):
    return trace_parquet.read("some.parquet", data)


def test_a_program_survives_the_file(tmp_path):
    trace.write(PROGRAM, tmp_path / "p.parquet")
    assert trace.read(tmp_path / "p.parquet") == PROGRAM


def test_the_columns_are_the_documented_ones():
    table = pq.read_table(io.BytesIO(GOOD))
    assert table.column_names == NAMES
    assert [tuple(row[name] for name in NAMES) for row in table.to_pylist()] == ROWS
    assert table.schema.metadata == {b"tiering-trace": HEAD.encode()}


def test_what_another_program_writes_by_the_documentation_is_read():
    assert read(made())._replace(name="", units=()) == PROGRAM._replace(name="", units=(), source="", provenance={})


@settings(max_examples=settings.default.max_examples // 3)
@given(programs())
def test_json_lines_to_parquet_to_json_lines_gives_the_same_bytes(tmp_path_factory, program):
    folder = tmp_path_factory.getbasetemp()
    trace.write(program, folder / "first.jsonl")
    trace.write(trace.read(folder / "first.jsonl"), folder / "between.parquet")
    between = trace.read(folder / "between.parquet")
    trace.write(between, folder / "second.jsonl")
    assert (folder / "second.jsonl").read_bytes() == (folder / "first.jsonl").read_bytes()
    assert between == program
    assert trace.digest(between) == trace.digest(program)


def test_the_form_is_told_by_content_when_reading(tmp_path):
    trace.write(PROGRAM, tmp_path / "p.parquet")
    (tmp_path / "p.parquet").rename(tmp_path / "p.jsonl")
    assert trace.read(tmp_path / "p.jsonl") == PROGRAM


def test_rows_of_one_group_may_lie_in_several_batches_and_row_groups(monkeypatch):
    monkeypatch.setattr(trace_columns, "ROWS", 7)
    monkeypatch.setattr(trace_parquet, "ROWS", 7)
    monkeypatch.setattr(trace_parquet, "_BATCH", 4)
    calls = tuple(Call(n % 2, n % 3) for n in range(50))
    weights = tuple(1.0 + n for n in range(50))
    groups = (Group(calls, 2), Mix(calls, weights, 9), Group(calls[:1], 1), Group(calls[:1], 1), Group(calls, 2, 1))
    program = PROGRAM._replace(groups=groups)
    data = written(program)
    assert pq.ParquetFile(io.BytesIO(data)).num_row_groups > 5
    assert read(data) == program


def test_equal_calls_are_one_object():
    calls = tuple(Call(0, 1, 0.5 + n % 2) for n in range(1000))
    program = read(written(PROGRAM._replace(groups=(Group(calls, 1), Group(calls, 1)))))
    assert len({id(call) for group in program.groups for call in group.pattern}) == 2


def test_a_wrong_hash_is_refused():
    other = HEAD.replace('"hash": "', '"hash": "0')
    with pytest.raises(
        InputError, match=r"some.parquet: its header says hash '0.{11}', its content has '.{12}': it was"
    ):
        read(made(text=other))
    assert read(made(text=HEAD)) == PROGRAM


FIELDS = {name: number for number, name in enumerate(NAMES)}


def changed(row, **values):
    rows = [list(one) for one in ROWS]
    for name, value in values.items():
        rows[row][FIELDS[name]] = value
    return rows


def wide(name, kind, nullable=False):
    fields = list(pq.ParquetFile(io.BytesIO(GOOD)).schema_arrow)
    fields[FIELDS[name]] = pa.field(name, kind, nullable)
    return pa.schema(fields)


HOSTILE = [
    (b"PAR1", "not a trace: it ends before its Parquet footer; it may have been cut short"),
    (b"PAR1" + b"\0" * 99, "not a trace: it ends before its Parquet footer"),
    (b"PAR1" + b"\xff" * 8 + b"PAR1", "not a trace: its Parquet footer is longer than the file"),
    (b"PAR1" + b"\x15\x02\0" + b"\x03\0\0\0PAR1", "not a trace: its Parquet footer or a page header is damaged"),
    (GOOD[:-1], "it ends before its Parquet footer"),
    (GOOD[:4] + GOOD[-1630:], "lies outside the file; it may have been cut short"),
    (made(text=UNHASHED.replace('"version": 1', '"version": 2')), "trace version 2; this tiering reads 1"),
    (made(text="hello"), "not a trace: metadata line 1 is not JSON"),
    (made(text="[" * 100_000), "not a trace: metadata line 1 is not JSON"),
    (made(text=""), "not a trace: the file is empty"),
    (made(text=UNHASHED + '{"calls": [["f"]]}\n'), 'metadata line 4: must hold "unit"$'),
    (made(text=UNHASHED + '{"unit": "h", "code": "import os"}'), "metadata line 4: a unit has no 'code'"),
    (made(key="pandas"), "its metadata has the keys 'pandas': must be 'tiering-trace' alone"),
    (made(store_schema=True), "its metadata has the keys .*'ARROW:schema'.*: must be 'tiering-trace' alone"),
    (made(rows=[]), "has 0 rows: must be from 1 to 20000000"),
    (made(compression="gzip"), "column group has compression 2: must be none, Snappy or Zstandard"),
    (made(compression="lz4"), "column group has compression 7: must be none, Snappy or Zstandard"),
    (made(data_page_version="2.0"), "column group has a page of a kind that no trace has"),
    (made(use_dictionary=False, column_encoding={"unit": "DELTA_BYTE_ARRAY"}), "column unit has a page of a kind"),
    (made(use_dictionary=False, column_encoding={"times": "DELTA_BINARY_PACKED"}), "column times has a page of a kind"),
    (made(use_dictionary=False, column_encoding={"work": "BYTE_STREAM_SPLIT"}), "column work has a page of a kind"),
    (made(schema=wide("times", pa.int32())), "its columns are others than group, times, .*, or of other types"),
    (made(schema=wide("times", pa.uint64())), "its columns have other types than those of a trace"),
    (made(schema=wide("unit", pa.binary())), "its columns have other types than those of a trace"),
    (made(schema=wide("times", pa.int64(), True)), "its columns are others than group, times"),
    (made(changed(1, group=1)), "row 2 is of group 1: groups must be numbered from 0 on, stand together, and have the"),
    (made(changed(0, group=-1)), "row 0 is of group -1: groups must be numbered from 0 on"),
    (made(changed(4, group=7)), "row 4 is of group 7: groups must be numbered from 0 on"),
    (made(changed(1, times=9)), "row 1 is of group 0: groups must be numbered from 0 on, .* the same times and thread"),
    (made(changed(3, thread=9)), "row 3 is of group 1: groups must be numbered from 0 on"),
    (made(changed(3, weight=None)), "row 3 is of group 1: .* either weights or none in all their rows"),
    (made(changed(4, times=-1)), "group 2: times is -1: must be a whole number from 0 to 1e15"),
    (made(changed(4, times=2**62)), "group 2: times is 4611686018427387904: must be a whole number"),
    (made(changed(4, thread=64)), "group 2: thread is 64: must be a whole number from 0 to 63"),
    (made(changed(3, weight=float("nan"))), "group 1: weight is nan: must be a number from 0 to 1e9"),
    (made(changed(3, weight=-1.0)), "group 1: weight is -1.0: must be a number"),
    (made(changed(1, unit="h")), "row 1: its unit is none that the header describes"),
    (made(changed(1, backedges=-1)), "row 1: backedges is -1: must be a whole number from 0 to 1e15"),
    (made(changed(1, work=float("inf"))), "row 1: work is inf: must be a number from 0 to 1e9"),
    (made(changed(1, work=float("nan"))), "row 1: work is nan: must be a number from 0 to 1e9"),
    (made(changed(1, types="")), "row 1: types is '': must be text of 1 to 1000 characters"),
    (made(changed(1, types="x" * 1001)), "row 1: types is 'xxx.*': must be text of 1 to 1000 characters"),
    (made(changed(1, max_index=-1)), "max_index: must be null or a whole number from 0 on"),
    (made(changed(1, max_index=2**60)), "row 1: max_index is 1152921504606846976: must be a whole number"),
]


@pytest.mark.parametrize(("data", "rule"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_file_ends_in_one_line_that_names_file_and_rule(data, rule):
    with pytest.raises(InputError, match=rule) as caught:
        read(data)
    message = str(caught.value)
    assert message.startswith("some.parquet: ")
    assert "\n" not in message
    assert len(message) < 300


def test_text_that_is_no_utf_8_is_refused():
    data = made(compression="none", write_statistics=False)
    with pytest.raises(InputError, match=r"some.parquet: damaged: "):
        read(data.replace(b"float64[:]", b"float64[\xff]"))


def test_a_column_of_columns_is_refused():
    nested = pa.struct([("a", pa.int64())])
    schema = wide("max_index", nested, nullable=True)
    with pytest.raises(InputError, match="its columns are others than group"):
        read(made([(*row[:-1], None) for row in ROWS], schema=schema))
    deep = pa.int64()
    for _ in range(90):
        deep = pa.struct([("a", deep)])
    with pytest.raises(InputError, match="its columns are others than group"):
        read(made([(*row[:-1], None) for row in ROWS], schema=wide("max_index", deep, nullable=True)))


def test_a_page_that_would_be_large_is_refused_before_it_is_decoded():
    """1.2 million zeros are 9.6 MB in one page, and next to nothing in the file."""
    rows = 1_200_000
    schema = pq.ParquetFile(io.BytesIO(GOOD)).schema_arrow
    zeros = {INT: "i4", LONG: "i8", DOUBLE: "f8"}
    columns = [
        pa.nulls(rows, field.type)
        if field.nullable
        else pa.array(["f"]).take(pa.array(np.zeros(rows, "i4")))
        if field.type == TEXT
        else pa.array(np.zeros(rows, zeros[field.type]))
        for field in schema
    ]
    file = io.BytesIO()
    options = {"compression": "zstd", "store_schema": False, "use_dictionary": ["group", "unit", "thread"]}
    if "max_rows_per_page" in signature(pq.ParquetWriter).parameters:
        options["max_rows_per_page"] = rows
    with pq.ParquetWriter(file, schema, data_page_size=1 << 30, **options) as writer:
        writer.add_key_value_metadata({"tiering-trace": UNHASHED})
        writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=rows)
    assert len(file.getvalue()) < 20_000
    with pytest.raises(InputError, match=r"column times has a page of 9600... bytes: must be from 0 to 8388608"):
        read(file.getvalue())


@pytest.mark.parametrize(
    ("module", "limit", "most", "rule"),
    [
        (parquet_footer, "MAX_ROWS", 4, "has 5 rows: must be from 1 to 4; code the calls in longer groups"),
        (parquet_footer, "MAX_DECODED_BYTES", 40, "is more than 0 GiB once decoded"),
        (trace_columns, "MAX_DISTINCT", 3, "a Parquet trace holds at most .* code the calls in longer groups"),
        (trace_columns, "MAX_TYPES", 0, "a Parquet trace holds at most .* code the calls in longer groups"),
    ],
)
def test_a_file_beyond_a_limit_is_refused(monkeypatch, module, limit, most, rule):
    monkeypatch.setattr(module, limit, most)
    with pytest.raises(InputError, match=f"some.parquet: {rule}"):
        read(GOOD)


@pytest.mark.parametrize(("limit", "most"), [("MAX_ROWS", 4), ("MAX_DISTINCT", 3), ("MAX_TYPES", 0)])
def test_no_file_beyond_a_limit_is_written(monkeypatch, tmp_path, limit, most):
    monkeypatch.setattr(trace_columns, limit, most)
    with pytest.raises(InputError, match="program 'two loops': a Parquet trace holds at most"):
        trace.write(PROGRAM, tmp_path / "p.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_breaks_a_rule_is_not_written(tmp_path):
    broken = PROGRAM._replace(groups=(*PROGRAM.groups, Group((Call(0, 0, -1.0),), 1)))
    with pytest.raises(InputError, match=r"program 'two loops': group 3: work is -1.0: must be a number"):
        trace.write(broken, tmp_path / "p.parquet")
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    trace.write(PROGRAM, tmp_path / "p.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for act in (lambda: trace.read(tmp_path / "p.parquet"), lambda: trace.write(PROGRAM, tmp_path / "q.parquet")):
        with pytest.raises(InputError, match=r"needs pyarrow, .*: pip install 'tiering\[parquet\]', or take a .jsonl"):
            act()
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_pyarrow_is_loaded_for_parquet_only(tmp_path):
    trace.write(PROGRAM, tmp_path / "p.jsonl")
    code = (
        "import sys; from tiering.cli.main import run\n"
        "assert run(['trace', 'validate', sys.argv[1]]) == run(['trace', 'head', sys.argv[1]]) == 0\n"
        "assert 'pyarrow' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "p.jsonl")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@st.composite
def damaged(draw, good):
    """A good file with a few bytes changed, or cut short, or bytes that never were a file."""
    data = bytearray(good)
    if draw(st.integers(0, 9)) == 0:
        return good[:4] + draw(st.binary(max_size=300)) + draw(st.sampled_from([b"", b"PAR1"]))
    if draw(st.integers(0, 9)) == 0:
        return good[: draw(st.integers(0, len(good) - 1))]
    for _ in range(draw(st.integers(1, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


BARE = made(compression="none")
"""Neither checksums nor a hash: what is changed in it comes as far as it can."""


def read_damaged(data):
    program, message = None, "some.parquet: "
    try:
        program = read(data)
        check(program)
        assert read(written(program)) == program
    except InputError as refused:
        message = str(refused)
    assert message.startswith("some.parquet: ")
    assert "\n" not in message
    return program


@given(damaged(GOOD))
def test_a_damaged_file_is_refused_or_its_content_is_whole(data):
    program = read_damaged(data)
    assert program is None or trace.digest(program) == trace.digest(PROGRAM)


@given(damaged(BARE))
def test_a_damaged_file_without_hash_and_checksums_is_refused_or_a_valid_program(data):
    read_damaged(data)


@pytest.mark.nightly
@settings(max_examples=10_000)
@given(damaged(BARE) | damaged(made()) | damaged(GOOD) | damaged(made(use_dictionary=False)))
def test_many_damaged_files_are_refused_or_valid_programs(data):
    read_damaged(data)


@pytest.mark.parametrize("length", range(0, len(GOOD), 97))
def test_a_file_cut_short_is_refused(length):
    with pytest.raises(InputError):
        read(GOOD[:length])


TEN_MILLION = """
import random, resource, sys
from tiering import trace
from tiering.trace import Call, Group, Program, Unit
draw = random.Random(1)
units = tuple(Unit(f"unit {number}", 50) for number in range(100))
seen = ("float64[:]", 7) if sys.argv[2].endswith("parquet") else ()
calls = [Call(draw.randrange(100), draw.randrange(1000), 1.0, *seen) for _ in range(10_000)]
if sys.argv[1] == "write":
    trace.write(Program("long", units, (Group(tuple(draw.choices(calls, k=10_000_000)), 1),)), sys.argv[2])
else:
    assert trace.read(sys.argv[2]).total() == 10_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["long.jsonl", "long.parquet"])
def test_ten_million_calls_are_written_and_read_in_less_than_500_megabytes(tmp_path, name):
    for act in ("write", "read"):
        command = [sys.executable, "-c", TEN_MILLION, act, str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(done.stdout) < 500
