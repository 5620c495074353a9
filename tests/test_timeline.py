"""The rules of the Trace Event Format, and a short log whose picture is known."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import timeline
from tiering.errors import InputError
from tiering.log import Decided, Header
from tiering.protocol import (
    Compiled,
    CompileFailed,
    Deoptimized,
    Dropped,
    Evicted,
    Plan,
    Sampled,
    Setup,
    Tier,
    View,
    compile,
    deoptimize,
    stay,
)
from tiering.timeline import COMPILER, PROGRAM, document

TIERS = (Tier("interpreter", 1.0), Tier("baseline", 5.0), Tier("optimized", 20.0))
HEADER = Header("simulation", "by hand", {"gain": 0.5}, Setup(TIERS, 2, 0), {})
METADATA = {"process_name": "name", "process_sort_index": "sort_index", "thread_name": "name",
            "thread_sort_index": "sort_index"}  # fmt: skip
PICOSECOND = 1e-6  # in the format's microseconds


def seen(
    now: float, unit: str = "f", tier: int = 0, queues: tuple[int, ...] = (0, 0, 0), used: int | None = None
) -> View:
    return View(now, "count", unit, 10, tier, None, 5, 0, 0.0, 0, 0, queues, used)


def check(made: dict) -> list[dict]:
    """Hold a timeline to the rules of the Trace Event Format and to ours: no overlap on a row, no loose arrow."""
    assert made["displayTimeUnit"] in ("ms", "ns")
    events = json.loads(json.dumps(made, allow_nan=False))["traceEvents"]
    slices, arrows, named = defaultdict(list), defaultdict(list), set()
    for event in events:
        assert {"name", "ph", "pid", "tid", "ts"} <= set(event)
        assert isinstance(event["name"], str)
        assert all(type(event[field]) is int for field in ("pid", "tid"))
        assert event["ts"] >= 0
        if event["ph"] == "M":
            assert METADATA[event["name"]] in event["args"]
            named.add((event["pid"], event["tid"]))
        elif event["ph"] == "X":
            assert event["dur"] >= 0
            slices[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] == "i":
            assert event["s"] in ("g", "p", "t")
        elif event["ph"] == "C":
            assert event["args"]
            assert all(type(value) in (int, float) for value in event["args"].values())
        else:
            assert event["ph"] in ("s", "f")
            assert event.get("bp", "e") == "e"
            arrows[event["cat"], event["id"]].append(event)
        assert (event["pid"], event["tid"]) in named
    for row in slices.values():
        for (_, end), (begin, _) in itertools.pairwise(sorted(row)):
            assert end <= begin + PICOSECOND
    for start, finish in arrows.values():
        assert (start["ph"], finish["ph"], start["name"]) == ("s", "f", finish["name"])
        assert start["ts"] <= finish["ts"] + PICOSECOND
        for end in (start, finish):
            row = slices[end["pid"], end["tid"]]
            assert any(begin - PICOSECOND <= end["ts"] <= until + PICOSECOND for begin, until in row)
    return events


def of(events: list[dict], **wanted: object) -> list[dict]:
    return [event for event in events if all(event.get(name) == value for name, value in wanted.items())]


def spans(events: list[dict], process: int, row: int) -> list[tuple[str, float, float]]:
    return [(event["name"], event["ts"], event["dur"]) for event in of(events, ph="X", pid=process, tid=row)]


LOG = [
    Decided(seen(0.0), compile(1, "hot", plan=Plan((), "light", 3))),
    Decided(seen(1.0, "g", queues=(0, 1, 0)), compile(1, "hot")),
    Decided(seen(1.5, "g", queues=(0, 1, 0)), stay("waits")),
    Compiled(2.0, "f", 1, 0.5, 1.5, 300),
    Decided(seen(2.0, "f", 1), compile(2, "hotter")),
    Sampled(2.5, "f", 1, 0.1, 10),
    CompileFailed(4.0, "g", 1, "unsupported", 1.0),
    Compiled(5.0, "f", 2, 0.0, 3.0, 700),
    Decided(seen(5.0, "f", 2), stay("done")),
    Deoptimized(6.0, "f", 2, "guard", 7),
    Decided(seen(6.0, "f", 1), stay("again")),
    Dropped(7.0, "g", 2, "stale"),
    Evicted(8.0, "f", 1, 300),
    Decided(seen(10.0, "f", 0, (0, 0, 2)), stay("cold")),
]


def test_a_log_drawn_by_hand():
    events = check(document(HEADER, LOG))
    assert [event["args"]["name"] for event in of(events, name="thread_name", pid=PROGRAM)] == ["f", "g"]
    assert spans(events, PROGRAM, 1) == [
        ("interpreter", 0.0, 2e6),
        ("baseline", 2e6, 3e6),
        ("optimized", 5e6, 1e6),
        ("baseline", 6e6, 2e6),
        ("interpreter", 8e6, 2e6),
    ]
    assert spans(events, PROGRAM, 2) == [("interpreter", 1e6, 9e6)]
    assert spans(events, COMPILER, 1) == [("f to baseline", 0.5e6, 1.5e6), ("f to optimized", 2e6, 3e6)]
    assert spans(events, COMPILER, 2) == [("failed: g to baseline", 3e6, 1e6)]


def test_what_happened_to_a_unit_is_marked_on_its_row():
    events = check(document(HEADER, LOG))
    marks = [(event["name"], event["tid"], event["ts"]) for event in of(events, ph="i")]
    assert marks == [
        ("failed: baseline", 2, 4e6),
        ("deopt: guard", 1, 6e6),
        ("dropped: stale", 2, 7e6),
        ("evicted: baseline", 1, 8e6),
    ]
    (deopt,) = of(events, name="deopt: guard")
    assert deopt["args"] == {"unit": "f", "tier": 2, "bet": 7}


def test_a_compile_says_who_asked_for_it_and_how():
    events = check(document(HEADER, LOG))
    (first, *_) = of(events, ph="X", pid=COMPILER)
    assert first["args"] == {
        "unit": "f", "tier": 1, "bet": None, "waited": 0.5, "bytes": 300, "priority": 0.0, "reason": "hot",
        "plan": {"bets": [], "registers": "light", "inlining": 3},
    }  # fmt: skip
    starts, ends = of(events, ph="s"), of(events, ph="f")
    assert [(one["tid"], one["ts"]) for one in starts] == [(1, 0.0), (1, 2e6), (2, 1e6)]
    assert [(one["tid"], one["ts"]) for one in ends] == [(1, 0.5e6), (1, 2e6), (2, 3e6)]


def test_a_compile_that_nobody_asked_for_has_no_arrow():
    events = check(document(HEADER, [Compiled(2.0, "f", 1, 0.0, 1.0)]))
    assert len(of(events, ph="X", pid=COMPILER)) == 1
    assert not of(events, ph="s")


def test_the_arrow_of_a_dropped_compile_does_not_go_to_the_next_one():
    events = check(document(HEADER, [LOG[0], Dropped(0.5, "f", 1, "stale"), Compiled(2.0, "f", 1, 0.0, 1.0)]))
    assert not of(events, ph="s")


def test_counters_are_written_where_they_change():
    events = check(document(HEADER, LOG))
    queue = [(event["ts"], event["args"]) for event in of(events, name="queue length")]
    assert queue == [
        (0.0, {"baseline": 0, "optimized": 0}),
        (1e6, {"baseline": 1, "optimized": 0}),
        (2e6, {"baseline": 0, "optimized": 0}),
        (10e6, {"baseline": 0, "optimized": 2}),
    ]
    code = [(event["ts"], event["args"]["used"]) for event in of(events, name="code bytes")]
    assert code == [(0.0, 0), (2e6, 300), (5e6, 1000), (6e6, 300), (8e6, 0)]


def test_code_bytes_are_the_hosts_where_it_tells_and_absent_where_nobody_knows():
    told = [Decided(seen(float(now), used=used), stay("so")) for now, used in enumerate((5, 5, 9))]
    events = check(document(HEADER, [*told, Compiled(3.0, "f", 1, 0.0, 1.0, 70)]))
    assert [event["args"]["used"] for event in of(events, name="code bytes")] == [5, 9]
    assert not of(check(document(HEADER, [Compiled(3.0, "f", 1, 0.0, 1.0)])), name="code bytes")


def test_decisions_are_marked_when_asked_for():
    events = check(document(HEADER, [*LOG, Decided(seen(11.0, "f", 1), deoptimize(0, "storm"))], decisions=True))
    marks = of(events, cat="decision")
    assert [mark["name"] for mark in marks[:3]] == ["compile 1", "compile 1", "stay"]
    assert marks[-1]["name"] == "deoptimize 0"
    assert marks[-1]["args"]["reason"] == "storm"


def test_more_compiles_than_threads_get_rows_that_say_so():
    events = check(document(HEADER, [Compiled(5.0, unit, 1, 0.0, 1.0) for unit in "abcd"]))
    names = [event["args"]["name"] for event in of(events, name="thread_name", pid=COMPILER)]
    assert names == ["compiler thread 1", "compiler thread 2", *(f"beyond the 2 threads told: {n}" for n in (3, 4))]


def test_idle_threads_have_a_row_too():
    events = check(document(HEADER, []))
    assert len(of(events, name="thread_name", pid=COMPILER)) == 2


def test_above_the_limit_the_most_asked_about_have_rows():
    asked = {"rare": 1, "often": 3, "sometimes": 2}
    log = [Decided(seen(float(now), unit), stay("so")) for now in range(3) for unit in asked if now < asked[unit]]
    log += [Deoptimized(3.0, "rare", 1, "guard"), Compiled(4.0, "rare", 1, 0.0, 1.0)]
    made = document(HEADER, log, rows=2)
    events = check(made)
    names = [event["args"]["name"] for event in of(events, name="thread_name", pid=PROGRAM)]
    assert names == ["often", "sometimes", "other units (1)"]
    (deopt,) = of(events, ph="i")
    assert (deopt["tid"], deopt["args"]["unit"]) == (3, "rare")
    assert not of(events, ph="X", pid=PROGRAM, tid=3)
    assert (made["otherData"]["units"], made["otherData"]["units_shown"]) == (3, 2)
    assert made["otherData"]["note"] == "2 of 3 units have a row: those that were asked about most"


@pytest.mark.parametrize("rows", [0, -1, 2.5, True])
def test_a_limit_that_is_none_is_refused(rows):
    with pytest.raises(InputError, match="rows"):
        document(HEADER, [], rows=rows)


def test_a_tier_that_the_header_does_not_know_is_a_number():
    events = check(document(HEADER, [Compiled(1.0, "f", 9, 0.0, 1.0), Sampled(2.0, "f", 9, 1.0, 1)]))
    assert "tier 9" in [name for name, *_ in spans(events, PROGRAM, 1)]


WORKERS = st.integers(1, 4)
JOBS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 10**9]), st.integers(10**3, 3 * 10**12)), max_size=30
)


@given(WORKERS, JOBS, st.integers(0, 10**16))
def test_what_k_threads_compiled_fits_on_k_rows(workers, jobs, start):
    """Whole picoseconds, turned to floats as a simulation does: rounding must not look like one thread more.

    A compile takes a nanosecond at least.
    """
    free = [start] * workers
    log = []
    for worker, pause, took in jobs:
        begin = free[worker % workers] + pause
        free[worker % workers] = begin + took
        log.append(Compiled((begin + took) / 1e12, "f", 1, 0.0, took / 1e12))
    header = HEADER._replace(setup=Setup(TIERS, workers, 0))
    events = check_rows(document(header, sorted(log)))
    assert len(of(events, name="thread_name", pid=COMPILER)) == workers


def check_rows(made: dict) -> list[dict]:
    rows = defaultdict(list)
    for event in of(made["traceEvents"], ph="X", pid=COMPILER):
        rows[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for row in rows.values():
        for (_, end), (begin, _) in itertools.pairwise(row):
            assert end <= begin + 1e-9 * end
    return made["traceEvents"]


def test_a_timeline_is_written_whole_with_one_event_per_line(tmp_path):
    path = tmp_path / "run.json"
    made = document(HEADER, LOG)
    timeline.write(path, made)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(made))
    assert text.count("\n") == len(made["traceEvents"]) + 2


def test_a_timeline_without_events_can_be_read(tmp_path):
    timeline.write(tmp_path / "run.json", {"traceEvents": [], "displayTimeUnit": "ms", "otherData": {}})
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["traceEvents"] == []


def test_a_time_that_is_no_number_leaves_no_file(tmp_path):
    with pytest.raises(InputError, match="not a finite number"):
        timeline.write(tmp_path / "run.json", document(HEADER, [Compiled(float("nan"), "f", 1, 0.0, 1.0)]))
    assert not list(tmp_path.iterdir())
