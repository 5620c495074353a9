"""Tables for people, one JSON document for programs, and a progress bar for a terminal only."""

from __future__ import annotations

import io
import json
import sys
from importlib.metadata import EntryPoint

import pytest

from tiering import profile, registry, report
from tiering.experiment import Row
from tiering.profile import Profile
from tiering.results import summarize

MACHINE = Profile((profile.TierCosts("interpreter", 1.0), profile.TierCosts("fast", 4.0)), source="made up")
ROW = Row("six calls", "pi", "policy", 3, 1.25, 0.5, 2, 0, 1, 9, 0.75, 0.125, 6, 0.25, {"kp": 1.0})


class Terminal(io.StringIO):
    def isatty(self):
        return True


def cells(text):
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]


def test_a_row_as_a_line_of_a_table(capsys):
    report.show_rows([ROW, ROW._replace(controller="never", regret=None)], MACHINE, as_json=False)
    captured = capsys.readouterr()
    assert "six calls, seed 3: simulated" in captured.out
    assert cells(captured.out) == [
        ["pi", "policy", "1.2500", "+25.0%", "0.5000", "2", "1", "0.750", "0.125", "9"],
        ["never", "policy", "1.2500", "-", "0.5000", "2", "1", "0.750", "0.125", "9"],
    ]
    assert captured.err == ""


def test_the_trace_that_was_run_stands_under_a_table(capsys):
    row = ROW._replace(trace_hash="0123456789ab" + "c" * 52)
    report.show_rows([row], MACHINE, as_json=False)
    report.show_study(summarize([row]), MACHINE, as_json=False)
    assert [line.strip() for line in capsys.readouterr().out.splitlines() if "trace" in line] == [
        "trace 0123456789ab"
    ] * 2


def test_rows_as_one_document(capsys):
    report.show_rows([ROW], MACHINE, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["rows"] == [ROW._asdict()]
    assert document["source"]["profile"] == "made up"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("[red]x[/red] :smile:", "[red]x[/red] :smile:"), ("größe", "größe"), ("a\x1b[2Jb\n\ud800", r"a\x1b[2Jb\n\ud800")],
)
def test_a_name_is_shown_as_it_is_or_escaped(capsys, name, shown):
    report.show_rows([ROW._replace(workload=name)], MACHINE, as_json=False)
    assert f"{shown}, seed 3" in capsys.readouterr().out
    report.show_rows([ROW._replace(workload=name)], MACHINE, as_json=True)
    assert json.loads(capsys.readouterr().out)["rows"][0]["workload"] == name


def test_a_broken_plug_in_does_not_hide_the_others(capsys, monkeypatch):
    broken = [EntryPoint("broken", "no_such_module_anywhere:X", "")]
    monkeypatch.setattr(registry, "entry_points", lambda group: broken)
    report.show_catalogue(as_json=True)
    document = json.loads(capsys.readouterr().out)
    for kind, table in {"controllers": registry.CONTROLLERS, "workloads": registry.WORKLOADS}.items():
        assert [item["name"] for item in document[kind]] == [*table.static, "broken"]
        assert "cannot be loaded from no_such_module_anywhere:X" in document[kind][-1]["summary"]
    assert document["controllers"][-1]["parameters"] == []
    report.show_catalogue(as_json=False)
    assert "cannot be loaded" in capsys.readouterr().out


def test_progress_shows_nothing_but_on_a_terminal(monkeypatch):
    for quiet, terminal in ((True, True), (False, False)):
        stderr = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr(sys, "stderr", stderr)
        with report.progress("simulating", 2, quiet=quiet) as step:
            step("anything")
            step()
        assert stderr.getvalue() == ""


def test_progress_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with report.progress("simulating", 2, quiet=False) as step:
        step()
        step()
    assert "simulating" in sys.stderr.getvalue()


def totals(workload, **seconds):
    return [
        ROW._replace(workload=workload, controller=name, seed=seed, total_seconds=total)
        for name, times in seconds.items()
        for seed, total in enumerate(times)
    ]


def test_a_study_as_a_table_with_its_notes(capsys):
    study = summarize(totals("six calls", pi=[4.0, 4.0], never=[8.0, 6.0]), drawn={"six calls": ("compile times",)})
    report.show_study(study, MACHINE, as_json=False)
    shown = capsys.readouterr().out
    assert "six calls, 2 seeds from 0 to 1: simulated, against pi" in shown
    assert cells(shown) == [
        ["pi", "policy", "4.0000", "+25.0%", "baseline", "", "", "", "", ""],
        [
            "never",
            "policy",
            "7.0000",
            "+25.0%",
            "+3.000",
            "+2.000 to +4.000",
            "1.750",
            "1.500 to 2.000",
            "0/2/0",
            "0.5",
        ],
    ]
    assert shown.endswith(
        "note: six calls: all seeds gave the same times to pi\n"
        "note: 2 seeds and 1 test: no corrected p can be below 0.5; take more seeds\n"
    )


def test_what_a_study_cannot_know_is_a_dash(capsys):
    report.show_study(summarize(totals("six calls", pi=[0.0], never=[8.0])), MACHINE, as_json=False)
    shown = capsys.readouterr().out
    assert "six calls, seed 0: simulated, against pi" in shown
    assert cells(shown)[1] == ["never", "policy", "8.0000", "+25.0%", "+8.000", "-", "-", "-", "0/1/0", "-"]


def test_a_study_of_several_workloads_ends_in_a_table_over_all(capsys):
    study = summarize(totals("\x1b[2J", pi=[2.0], never=[1.0]) + totals("w", pi=[2.0], never=[4.0]))
    report.show_study(study, MACHINE, as_json=False)
    shown = capsys.readouterr().out
    assert r"\x1b[2J, seed 0" in shown
    assert "All workloads: geometric means of ratios to pi" in shown
    assert cells(shown)[-2:] == [
        ["pi", "policy", "1.000", "1.000 to 1.000", "1.50"],
        ["never", "policy", "1.000", "0.5000 to 2.000", "1.50"],
    ]


def test_a_study_as_one_document(capsys):
    study = summarize(totals("six calls", pi=[4.0, 4.0], never=[8.0, 6.0]))
    report.show_study(study, MACHINE, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document.pop("source")["profile"] == "made up"
    assert document == study._asdict()
