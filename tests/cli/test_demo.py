"""The demo's arithmetic on made-up measurements, and the demo itself once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tiering import demo, profile, registry
from tiering.demo import study
from tiering.demo.table import BUSY_SHARE
from tiering.errors import InputError

LOOPS = tuple(registry.KERNELS)
CALLS = 500
OVERHEAD = 1e-6
FIRST = 0.04
TOTALS = {"always": 0.4, "threshold": 0.5, "pi": 0.25, "cost_benefit": 2.0}
ROW = {
    "workload",
    "controller",
    "seed",
    "measured_seconds",
    "predicted_seconds",
    "total_seconds",
    "stall_seconds",
    "compiles",
    "deopts",
    "regret",
    "time_vs_cpython",
    "trace_hash",
    "time_vs_njit",
}


def functions(loop):
    return [function.__name__ for function in registry.WORKLOADS.load(loop).functions]


def facts(seconds, longest):
    return {"calls": CALLS, "seconds": seconds, "median": seconds / CALLS, "longest": longest, "first": longest}


def measured(way, loop, size, *profile_path):
    """CPython takes a second, njit half of one, a tiered run what TOTALS says."""
    names = functions(loop)
    if way == "calibrate":
        units = {
            name: {"compile": 0.1 + 0.01 * number, "install": 0.004, "bytes": 8000, "in_place": 0.08}
            for number, name in enumerate(names)
        }
        return {"ready": 0.7, "units": units, "overhead": OVERHEAD, "first": 0.3}
    total = {"cpython": 1.0, "njit": 0.5, **TOTALS}[way]
    longest = 1.0 / len(names) / CALLS if way == "cpython" else FIRST
    units = {name: facts(total / len(names), longest) for name in names}
    return {"total": total, "units": units, "compiles": 0 if way == "cpython" else len(names)}


@pytest.fixture
def made_up(folder, monkeypatch):
    """The demo's study of machines that there are not."""
    monkeypatch.setattr(study, "_child", measured)
    return demo.run(size="small", profile_path="machine.json")


def lines(made_up, loop):
    return {line.way: line for line in made_up.lines if line.workload == loop}


def test_every_loop_has_rivals_controllers_and_bounds(made_up):
    for loop in LOOPS:
        assert list(lines(made_up, loop)) == [*study.RIVALS, *study.CONTROLLERS, "oracle", "lb1"]
    assert len(made_up.lines) == 8 * len(LOOPS)


def test_the_progress_bar_has_as_many_steps_as_there_are_measurements(folder, monkeypatch):
    monkeypatch.setattr(study, "_child", measured)
    seen = []
    demo.run(size="small", profile_path="machine.json", progress=lambda: seen.append(1))
    assert len(seen) == demo.steps() == 7 * len(LOOPS)


def test_the_profile_holds_what_was_measured(made_up):
    machine = made_up.profile
    assert profile.read("machine.json") == machine
    assert set(machine.units) == {f"{loop}/small/{name}" for loop in LOOPS for name in functions(loop)}
    costs = machine.units["heavy_ball/small/heavy_ball_step"]
    assert costs.seconds["interpreter"] == pytest.approx(1.0 / CALLS + OVERHEAD)
    assert costs.seconds["optimized"] == pytest.approx((0.5 - FIRST) / (CALLS - 1))
    assert costs.compile_seconds == {"optimized": 0.1}
    assert costs.code_bytes == {"optimized": 8000}
    assert [tier.name for tier in machine.tiers] == ["interpreter", "optimized"]
    assert machine.tiers[1].install_seconds == pytest.approx(0.004)
    assert machine.tiers[1].speed > 1
    assert (machine.ready_seconds, machine.compiler_threads, machine.background) == (0.7, 1, True)


def test_the_prediction_for_cpython_is_its_own_speed_without_the_live_hosts_overhead(made_up):
    line = lines(made_up, "heavy_ball")["cpython"]
    calls = line.simulated.calls
    assert line.predicted == pytest.approx(calls / CALLS, rel=1e-6)
    assert (line.compiles, line.stall) == (0, 0.0)


def test_the_prediction_for_njit_waits_for_its_compiles(made_up):
    line = lines(made_up, "heavy_ball")["njit"]
    fast = (0.5 - FIRST) / (CALLS - 1)
    assert line.predicted == pytest.approx(0.3 + 0.08 + line.simulated.calls * fast, rel=1e-6)
    assert line.stall == pytest.approx(FIRST - 1.0 / CALLS)


def test_bounds_are_simulated_and_no_prediction_with_compiles_elsewhere_beats_them(made_up):
    for loop in LOOPS:
        found = lines(made_up, loop)
        assert found["lb1"].measured is None
        assert found["oracle"].stall is None
        assert all(found[way].predicted >= found["lb1"].predicted for way in (*study.CONTROLLERS, "oracle"))


def test_the_document_has_one_row_per_line(made_up, capsys):
    demo.show(made_up, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["profile"] == "machine.json"
    assert len(document["rows"]) == len(made_up.lines)
    assert all(set(row) == ROW for row in document["rows"])
    adam = [row for row in document["rows"] if row["workload"] == "adam"]
    hashes = {row["controller"]: row["trace_hash"] for row in adam}
    assert all(len(found) == 64 for found in hashes.values())
    assert len({hashes[way] for way in (*study.CONTROLLERS, "oracle", "lb1")}) == 1  # the rivals' costs are their own
    assert {row["controller"]: (row["time_vs_cpython"], row["time_vs_njit"]) for row in adam} == {
        "cpython": (1.0, 2.0),
        "njit": (0.5, 1.0),
        "always": (0.4, 0.8),
        "threshold": (0.5, 1.0),
        "pi": (0.25, 0.5),
        "cost_benefit": (2.0, 4.0),
        "oracle": (None, None),
        "lb1": (None, None),
    }
    for row in document["rows"]:
        known = row["measured_seconds"] is not None
        assert row["total_seconds"] == row["measured_seconds" if known else "predicted_seconds"]


def test_the_table_says_who_won(made_up, capsys):
    demo.show(made_up, as_json=False)
    out = capsys.readouterr().out
    assert out.count("LOST 2.00") == out.count("LOST 4.00") == out.count("LOST 1.00") == len(LOOPS)
    assert out.count("0.80") == len(LOOPS)
    rows = 4 * len(LOOPS)
    assert f"{3 * len(LOOPS)} of {rows} tiered rows took less time than cpython; 0 had a shorter stall." in out
    assert f"{2 * len(LOOPS)} of {rows} tiered rows took less time than njit; 0 had a shorter stall." in out
    assert all(loop in out for loop in LOOPS)
    assert "machine.json" in out
    assert ("Other programs were using this machine" in out) is (made_up.load > BUSY_SHARE * (os.cpu_count() or 1))


def test_a_file_that_is_no_profile_is_not_overwritten(folder):
    (folder / "notes.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(InputError, match=r"notes\.txt: is there and is no machine profile"):
        demo.run(size="small", profile_path="notes.txt")
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "precious"


def test_without_a_name_the_profile_goes_into_a_folder_of_its_own(folder, monkeypatch):
    monkeypatch.setattr(study, "_child", measured)
    assert demo.run(size="small").profile_path == str(Path("out") / "machine-profile.json")
    assert profile.read(folder / "out" / "machine-profile.json").units


def test_the_command_line_passes_size_and_profile_on(tiering, monkeypatch, folder):
    sizes = set()

    def child(way, loop, size, *profile_path):
        sizes.add((size, profile_path))
        return measured(way, loop, size)

    monkeypatch.setattr(study, "_child", child)
    document = tiering("demo", "--size", "small", "--profile", "kept.json", "--json").document
    assert len(document["rows"]) == 8 * len(LOOPS)
    assert sizes == {("small", ()), ("small", ("kept.json",))}
    assert [path.name for path in folder.iterdir()] == ["kept.json"]


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_the_demo_runs(process, folder):
    ended = process("-m", "tiering", "demo", "--size", "small", "--json", "--profile", "measured.json")
    document = ended.document
    assert len(document["rows"]) == 8 * len(LOOPS)
    measured_rows = [row for row in document["rows"] if row["measured_seconds"] is not None]
    assert len(measured_rows) == 6 * len(LOOPS)
    assert all(row["measured_seconds"] > 0 for row in measured_rows)
    assert profile.read("measured.json").units
