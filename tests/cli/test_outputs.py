"""`tiering metrics` and `tiering timeline`, on a log written by hand and on one of a simulation."""

from __future__ import annotations

import json

import pytest

from tiering import log, metrics, timeline
from tiering.log import DecisionLog
from tiering.protocol import Compiled, CompileFailed, Deoptimized, Setup, Tier, View, compile, stay

TIERS = (Tier("interpreter", 1.0), Tier("fast", 4.0, 0.1))
VIEW = View(0.0, "count", "f", 10, 0, None, 1, None, None, 0, 0, (0, 0))
OVERHEAD = {"decisions", "median_seconds", "p99_seconds", "total_seconds"}


@pytest.fixture
def log_file(folder):
    """A log of three questions in the current folder, as `never` would not have answered them."""
    made = DecisionLog("simulation", "never", {}, Setup(TIERS, 1, 0))
    made.decision(VIEW, compile(1, "hot"))
    made.event(Compiled(1.0, "f", 1, 0.25, 0.5, 700))
    made.decision(VIEW._replace(now=1.0, why="compiled", tier=1), stay("done"))
    made.event(Deoptimized(2.0, "f", 1, "guard"))
    made.event(CompileFailed(3.0, "f", 1, "too large", 0.5))
    made.decision(VIEW._replace(now=4.0, unit="g[/b]\x1b[31m"), stay("cold"))
    made.save("by-hand.log")
    return "by-hand.log"


def test_metrics_as_json(tiering, log_file):
    document = tiering("metrics", log_file, "--json").document
    assert set(document) == {"host", "controller", "parameters", *metrics.Metrics._fields}
    assert (document["host"], document["controller"]) == ("simulation", "never")
    assert (document["decisions"], document["compiles"], document["failures"]) == (3, 1, 1)
    assert (document["compile_seconds"], document["failed_seconds"]) == (1.0, 0.5)
    assert document["deopts"] == {"guard": 1}
    assert document["code_bytes"] == {"fast": 700}


def test_metrics_as_a_table(tiering, log_file):
    ended = tiering("metrics", log_file)
    assert (ended.code, ended.err) == (0, "")
    rows = {cells[1].strip(): cells[2].strip() for line in ended.out.splitlines() if len(cells := line.split("│")) > 2}
    assert (rows["decisions"], rows["deopts: guard"], rows["code bytes: fast"]) == ("3", "1", "700")
    assert rows["mean budget"] == "-"
    assert "never (simulation)" in ended.out


def test_the_overhead_is_there_when_asked_for(tiering, log_file):
    assert "overhead" not in tiering("metrics", log_file, "--json").document
    found = tiering("metrics", log_file, "--overhead", "--json").document["overhead"]
    assert set(found) == OVERHEAD
    assert found["decisions"] == 3
    assert "overhead: median_seconds" in tiering("metrics", log_file, "--overhead").out


def test_the_overhead_of_a_controller_that_is_not_installed_names_it(refused, folder):
    DecisionLog("live", "nevr", {}, Setup(TIERS, 1, 0)).save("other.log")
    assert "unknown controller 'nevr': did you mean 'never'?" in refused("metrics", "other.log", "--overhead")


def test_a_timeline_is_written_and_described(tiering, log_file, folder):
    ended = tiering("timeline", log_file, "--out", "run.json")
    assert (ended.code, ended.err) == (0, "")
    drawn = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert drawn == json.loads(json.dumps(timeline.document(*log.read(log_file))))
    count = len(drawn["traceEvents"])
    assert ended.out == f"run.json: {count} events of 2 units; open it in ui.perfetto.dev\n"


def test_a_timeline_with_decisions_and_few_rows(tiering, log_file, folder):
    document = tiering("timeline", log_file, "--out", "run.json", "--rows", "1", "--decisions", "--json").document
    assert (document["units"], document["units_shown"], document["file"]) == (2, 1, "run.json")
    assert "1 of 2 units" in document["note"]
    events = json.loads((folder / "run.json").read_text(encoding="utf-8"))["traceEvents"]
    assert sum(event.get("cat") == "decision" for event in events) == 3
    assert document["events"] == len(events)
    assert "1 of 2 units" in tiering("timeline", log_file, "--out", "run.json", "--rows", "1").out


def test_a_simulated_log_gives_both(tiering, folder):
    run = ("simulate", "adam", "--controller", "threshold", "--size", "small", "--log", "adam.log", "--json")
    (row,) = tiering(*run).document["rows"]
    counted = tiering("metrics", "adam.log", "--overhead", "--json").document
    assert (counted["decisions"], counted["compiles"]) == (row["decisions"], row["compiles"])
    assert counted["overhead"]["decisions"] == row["decisions"]
    assert tiering("timeline", "adam.log", "--out", "adam.json", "--json").document["units"] >= 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("metrics",), "required: LOG; see `tiering metrics --help`"),
        (("metrics", "nothing.log"), "nothing.log: cannot be read as a decision log"),
        (("metrics", "by-hand.log", "--overhed"), "unknown option '--overhed': did you mean '--overhead'?"),
        (("timeline", "by-hand.log"), "required: --out"),
        (("timeline", "nothing.log", "--out", "x.json"), "nothing.log: cannot be read as a decision log"),
        (("timeline", "by-hand.log", "--out", "nowhere/x.json"), "its folder does not exist"),
        (("timeline", "by-hand.log", "--out", "x.json", "--rows", "0"), "--rows '0': must be a whole number from 1"),
        (("metric", "by-hand.log"), "unknown command 'metric': did you mean 'metrics'?"),
    ],
)
def test_whatever_is_wrong_ends_in_one_line(refused, log_file, arguments, line):
    assert line in refused(*arguments)


@pytest.mark.parametrize("verb", ["metrics", "timeline"])
def test_a_damaged_log_is_named_with_its_line(refused, log_file, folder, verb):
    path = folder / log_file
    path.write_text(path.read_text(encoding="utf-8") + "{half\n", encoding="utf-8")
    assert f"{log_file}: line 8 is not JSON" in refused(verb, log_file, *(["--out", "x"] if verb == "timeline" else []))


@pytest.mark.parametrize("verb", ["metrics", "timeline"])
def test_help(tiering, verb):
    ended = tiering(verb, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert f" {verb} " in tiering("--help").out
