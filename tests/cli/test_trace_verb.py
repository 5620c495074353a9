"""`tiering trace`: what it says of both forms, what it writes, and what it refuses."""

from __future__ import annotations

import hashlib
import json

import pytest

from tiering import registry, trace, trace_summary
from tiering.cli import main
from tiering.feedback import with_feedback
from tiering.trace import Call, Group

from .conftest import PROGRAM


@pytest.fixture(params=["two-loops.jsonl", "two-loops.parquet"])
def file(folder, request):
    """The same trace in either form, in the current folder."""
    trace.write(PROGRAM, request.param)
    return request.param


def rows(out):
    cells = [line.split("│") for line in out.splitlines() if line.startswith("│")]
    return {row[1].strip(): row[2].strip() for row in cells}


def test_info_as_json(tiering, file, folder):
    document = tiering("trace", "info", file, "--json").document
    size = (folder / file).stat().st_size
    assert document == {"file": file, "bytes": size, **trace_summary.summarize(PROGRAM)._asdict()}


def test_info_as_a_table(tiering, file):
    ended = tiering("trace", "info", file)
    assert (ended.code, ended.err) == (0, "")
    found = rows(ended.out)
    assert found["hash"] == trace.digest(PROGRAM)
    assert (found["source"], found["units"], found["calls"], found["threads"]) == ("written by hand", "2", "4003", "1")
    assert found["backedges"] == str(2000 * 74 + 15)
    assert found["sizes in bytecodes"] == "least 7, p25 7, p50 7, p75 40, p90 40, most 40, mean 23.5"
    assert found["compile seconds"] == "optimized in 1 of 2 units"
    assert found["typed calls"] == "0%"


def test_costs_that_nobody_stated_are_not_known(tiering, folder):
    units = tuple(unit._replace(compile_seconds={}) for unit in PROGRAM.units)
    trace.write(PROGRAM._replace(units=units, provenance={"script\x1b": "a.py"}), "p.jsonl")
    found = rows(tiering("trace", "info", "p.jsonl").out)
    assert (found["compile seconds"], found[r"script\x1b"]) == ("not known", "a.py")


def test_head_prints_the_lines_of_either_form(tiering, file):
    lines = [f"{line}\n" for line in trace.lines(PROGRAM)]
    assert tiering("trace", "head", file) == (0, "".join(lines), "")
    for count in (1, 3, 4, 99):
        assert tiering("trace", "head", file, "-n", str(count)).out == "".join(lines[:count])
        assert tiering("trace", "head", file, "--lines", str(count)).out == "".join(lines[:count])


def test_head_leaves_out_and_counts_what_is_too_long_for_the_eye(tiering, folder):
    long = PROGRAM._replace(groups=(Group((Call(0, 1),) * 50, 3, 1),))
    trace.write(long, "long.parquet")
    last = json.loads(tiering("trace", "head", "long.parquet").out.splitlines()[-1])
    assert last == {"times": 3, "calls": [["hot", 1, 1.0]] * 20, "thread": 1, "calls_left_out": 30}


@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_convert_writes_the_form_of_the_suffix(tiering, file, folder, out):
    ended = tiering("trace", "convert", file, out)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{out}: 4003 calls of 2 units, hash {trace.digest(PROGRAM)}\n"
    assert trace.read(out) == PROGRAM
    assert (folder / out).read_bytes().startswith(b"PAR1") == out.endswith(".parquet")


def test_there_and_back_gives_the_same_bytes(tiering, trace_file, folder):
    tiering("trace", "convert", trace_file, "p.parquet")
    tiering("trace", "convert", "p.parquet", "again.jsonl")
    text = (folder / "again.jsonl").read_bytes()
    assert text == (folder / trace_file).read_bytes()
    assert hashlib.sha256(text.partition(b"\n")[2]).hexdigest() == trace.digest(PROGRAM)


def test_convert_may_state_the_bets_that_were_recorded(tiering, folder):
    seen = PROGRAM._replace(groups=(Group((Call(0, 1, 1.0, "int64", 5), Call(0, 1, 1.0, "float64")), 10),))
    trace.write(seen, "seen.jsonl")
    tiering("trace", "convert", "seen.jsonl", "told.parquet", "--feedback")
    assert trace.read("told.parquet") == with_feedback(seen) != seen


def test_validate_says_ok(tiering, file):
    ended = tiering("trace", "validate", file)
    assert ended == (0, f"{file}: ok, 4003 calls of 2 units, hash {trace.digest(PROGRAM)}\n", "")


def test_both_forms_simulate_alike(tiering, folder):
    trace.write(PROGRAM, "p.jsonl")
    trace.write(PROGRAM, "p.parquet")
    first, second = (
        tiering("simulate", name, "--controller", "threshold", "--json").document for name in ("p.jsonl", "p.parquet")
    )
    assert first == second
    assert first["rows"][0]["trace_hash"] == trace.digest(PROGRAM)
    table = tiering("compare", "p.parquet", "--controllers", "never").out
    assert f"trace {trace.digest(PROGRAM)[:12]}" in table


@pytest.mark.parametrize("action", ["info", "head", "validate"])
def test_a_damaged_file_ends_in_one_line(refused, file, folder, action):
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    assert refused("trace", action, file).startswith(f"tiering: {file}: ")


def test_a_damaged_file_is_not_converted(refused, file, folder):
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[:-9])
    assert refused("trace", "convert", file, "out.jsonl").startswith(f"tiering: {file}: ")


def test_a_complaint_about_a_file_is_no_terminal_command(refused, folder):
    (folder / "odd.jsonl").write_text(r'{"format": "tiering-trace", "version": "\u001b[2J"}', encoding="utf-8")
    assert refused("trace", "validate", "odd.jsonl") == (
        r"tiering: odd.jsonl: trace version \x1b[2J; this tiering reads 1" + "\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "required: ACTION; see `tiering trace --help`"),
        (("inof", "p"), "unknown action 'inof': did you mean 'info'?"),
        (("info",), "required: FILE; see `tiering trace info --help`"),
        (("info", "p", "--jsn"), "unknown option '--jsn': did you mean '--json'?"),
        (("info", "nothing.jsonl"), "nothing.jsonl: cannot be read (No such file or directory)"),
        (("head", "p", "--lines", "0"), "--lines '0': must be a whole number from 1 to 1000000 (default 10)"),
        (("convert", "p"), "required: OUT"),
        (("convert", "p", "q.csv"), "q.csv: a trace file ends in .jsonl or .parquet, which says what form it has"),
        (("convert", "p", "nowhere/q.parquet"), "its folder does not exist"),
        (("validate", "."), ".: cannot be read (Is a directory)"),
    ],
)
def test_what_cannot_be_done_is_refused(refused, arguments, line):
    assert line in refused("trace", *arguments)


@pytest.mark.parametrize("action", ["info", "head", "convert", "validate"])
def test_help(tiering, action):
    ended = tiering("trace", action, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert action in tiering("trace", "--help").out
    assert " trace " in tiering("--help").out


def test_fit_names_the_made_up_workloads_that_resemble_a_trace(tmp_path, capsys):
    lines = registry.WORKLOADS.load("thrashing").lines("small")
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main.run(["trace", "fit", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fits"]["thrashing"] == {"rounds": 100, "calls": 400}
    assert main.run(["trace", "fit", str(path)]) == 0
    assert "thrashing rounds=100 calls=400" in capsys.readouterr().out
