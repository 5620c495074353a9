"""What each verb prints when everything is right."""

from __future__ import annotations

import json

import pytest

import tiering as package
from tiering import log, profile, registry, trace
from tiering.bounds import BOUNDS
from tiering.experiment import Row

from .conftest import PROGRAM

ROW = set(Row._fields)
PARAMETER = {"name", "default", "unit", "doc", "low", "high", "choices"}


def by_controller(ended):
    return {row["controller"]: row for row in ended.document["rows"]}


def test_list_shows_every_name_and_every_parameter(tiering):
    ended = tiering("list")
    assert (ended.code, ended.err) == (0, "")
    for name in (*registry.WORKLOADS.names(), *registry.CONTROLLERS.names(), "setpoint=0.3", "again=1.0"):
        assert name in ended.out


def test_list_as_json(tiering):
    document = tiering("list", "--json").document
    assert set(document) == {"workloads", "controllers", "bounds"}
    assert [item["name"] for item in document["bounds"]] == list(BOUNDS)
    assert [item["name"] for item in document["workloads"]] == registry.WORKLOADS.names()
    assert [item["name"] for item in document["controllers"]] == registry.CONTROLLERS.names()
    for workload in document["workloads"]:
        assert set(workload["sizes"]) == {"small", "medium", "large"}
        assert bool(workload["functions"]) == (workload["name"] in registry.KERNELS)
        assert workload["summary"]
    for controller in document["controllers"]:
        assert controller["reasons"]
        assert controller["summary"]
        for parameter in controller["parameters"]:
            assert set(parameter) == PARAMETER
            assert parameter["doc"]


def test_simulate_prints_one_row(tiering):
    (row,) = tiering("simulate", "adam", "--controller", "pi", "--size", "small", "--json").document["rows"]
    assert set(row) == ROW
    assert (row["workload"], row["controller"], row["kind"], row["seed"]) == ("adam", "pi", "policy", 0)
    assert row["total_seconds"] > 0
    assert row["regret"] >= 0


def test_simulate_prints_a_table(tiering):
    ended = tiering("simulate", "adam", "--controller", "pi", "--size", "small")
    assert (ended.code, ended.err) == (0, "")
    for word in ("adam, seed 0", "controller", "total s", "regret", "stall s", "pi", "policy"):
        assert word in ended.out


def test_compare_prints_the_controllers_in_the_order_given_and_then_the_bounds(tiering):
    ended = tiering("compare", "lbfgs", "--controllers", "threshold, never,pi", "--size", "small", "--json")
    rows = ended.document["rows"]
    assert [row["controller"] for row in rows] == ["threshold", "never", "pi", "oracle", "lb1"]
    assert [row["kind"] for row in rows] == ["policy"] * 3 + ["oracle", "bound"]
    assert all(set(row) == ROW for row in rows)
    assert all(row["regret"] >= 0 for row in rows)
    assert rows[-1]["regret"] == 0
    assert ended.document["source"]["version"] == package.__version__
    assert ended.document["source"]["profile"] == profile.reference().source


@pytest.mark.parametrize("workload", registry.WORKLOADS.static)
def test_no_policy_beats_the_bound(tiering, workload):
    names = ",".join(registry.CONTROLLERS.static)
    rows = by_controller(tiering("compare", workload, "--controllers", names, "--size", "small", "--json"))
    assert set(rows) == {*registry.CONTROLLERS.static, "lb1"}
    assert all(row["total_seconds"] >= rows["lb1"]["total_seconds"] for row in rows.values())
    assert len({row["calls"] for row in rows.values()}) == 1


def test_compare_prints_a_table(tiering):
    ended = tiering("compare", "adam", "--controllers", "never,pi", "--size", "small")
    assert (ended.code, ended.err) == (0, "")
    lines = [line for line in ended.out.splitlines() if line.startswith("│")]
    assert [line.split()[1] for line in lines] == ["never", "pi", "oracle", "lb1"]


def test_the_size_is_the_workloads(tiering):
    calls = {}
    for size in ("small", "medium"):
        (row,) = tiering("simulate", "adam", "--controller", "never", "--size", size, "--json").document["rows"]
        calls[size] = row["calls"]
    assert calls == {"small": 1000, "medium": 5000}


def test_the_seed_is_in_the_row_and_decides_which_guards_fail(tiering, trace_file):
    found = {}
    for seed in ("0", "1", "9223372036854775807"):
        arguments = ("--controller", "always", "--set", "speculate=1", "--seed", seed, "--json")
        (row,) = tiering("simulate", trace_file, *arguments).document["rows"]
        assert row["seed"] == int(seed)
        found[seed] = row["total_seconds"]
    assert len(set(found.values())) > 1


def test_a_trace_file_is_a_workload(tiering, trace_file):
    (row,) = tiering("simulate", trace_file, "--controller", "threshold", "--json").document["rows"]
    assert trace.read(trace_file) == PROGRAM
    assert (row["workload"], row["calls"]) == ("two loops", PROGRAM.total())
    rows = by_controller(tiering("compare", trace_file, "--controllers", "threshold", "--json"))
    assert rows["threshold"] == row
    assert set(rows) == {"threshold", "oracle", "lb1"}


def test_a_trace_file_may_have_any_name(tiering, trace_file, folder):
    (folder / trace_file).rename(folder / "recording")
    (row,) = tiering("simulate", "recording", "--controller", "never", "--json").document["rows"]
    assert row["workload"] == "two loops"


@pytest.mark.parametrize(
    ("controller", "setting", "value"),
    [
        ("threshold", "count=17", 17),
        ("threshold", "growth=2", 2.0),
        ("threshold", "growth = 2.5e0", 2.5),
        ("pi", "hold=delay", "delay"),
        ("pi", "setpoint=0.2", 0.2),
        ("always", "tier=-1", -1),
        ("bandit", "explore=0", 0.0),
    ],
)
def test_a_parameter_has_the_type_of_its_default(tiering, controller, setting, value):
    arguments = ("simulate", "adam", "--controller", controller, "--size", "small", "--set", setting, "--json")
    (row,) = tiering(*arguments).document["rows"]
    found = row["parameters"][setting.partition("=")[0].strip()]
    assert (found, type(found)) == (value, type(value))


def test_every_parameter_can_be_set_to_its_default(tiering):
    for controller in tiering("list", "--json").document["controllers"]:
        settings = [f"--set={one['name']}={one['default']}" for one in controller["parameters"]]
        arguments = ("compare", "adam", "--size", "small", "--controllers", controller["name"], "--json")
        assert tiering(*arguments, *settings).document == tiering(*arguments).document


def test_a_parameter_of_one_controller_and_of_all(tiering):
    settings = ("--set", "count=100", "--set", "pi.count=200", "--set", "threshold.growth=3")
    arguments = ("compare", "adam", "--controllers", "pi,threshold,never", "--size", "small", "--json")
    rows = by_controller(tiering(*arguments, *settings))
    assert (rows["pi"]["parameters"]["count"], rows["threshold"]["parameters"]["count"]) == (200, 100)
    assert (rows["pi"]["parameters"]["growth"], rows["threshold"]["parameters"]["growth"]) == (10.0, 3.0)
    assert rows["never"]["parameters"] == {}


def test_the_last_setting_counts(tiering):
    arguments = ("simulate", "adam", "--controller", "pi", "--size", "small", "--set", "kp=1", "--set", "kp=2")
    (row,) = tiering(*arguments, "--json").document["rows"]
    assert row["parameters"]["kp"] == 2.0


def test_a_machine_profile_changes_the_costs(tiering):
    slow = profile.reference()._replace(backedge_seconds=1.0, units={}, source="a slow machine")
    profile.write(slow, "slow.json")
    arguments = ("simulate", "adam", "--controller", "never", "--size", "small", "--json")
    document = tiering(*arguments, "--profile", "slow.json").document
    assert document["rows"][0]["total_seconds"] > 100_000 * 0.99
    assert document["source"]["profile"] == "a slow machine"
    assert tiering(*arguments).document["rows"][0]["total_seconds"] < 1.0


def test_the_log_can_be_read_and_replays_without_a_difference(tiering):
    arguments = ("simulate", "adam", "--controller", "pi", "--set", "setpoint=0.2", "--size", "small")
    plain = tiering(*arguments, "--json").document
    assert tiering(*arguments, "--log", "pi.log", "--json").document == plain
    header, records = log.read("pi.log")
    assert (header.host, header.controller, header.parameters["setpoint"]) == ("simulation", "pi", 0.2)
    assert sum(isinstance(record, log.Decided) for record in records) == plain["rows"][0]["decisions"]
    assert not list(log.replay(header, records, registry.controller("pi", {"setpoint": 0.2})))
    assert list(log.replay(header, records, registry.controller("always")))


def test_an_oracles_log_holds_the_future(tiering):
    tiering("simulate", "adam", "--controller", "oracle", "--size", "small", "--log", "oracle.log")
    header, records = log.read("oracle.log")
    assert header.setup.future
    assert not list(log.replay(header, records, registry.controller("oracle")))


def test_a_log_replaces_the_file_that_was_there(tiering, folder):
    (folder / "a.log").write_text("something old", encoding="utf-8")
    tiering("simulate", "adam", "--controller", "never", "--size", "small", "--log", "a.log")
    assert log.read("a.log")[0].controller == "never"
    assert [path.name for path in folder.iterdir()] == ["a.log"]


@pytest.mark.parametrize("arguments", [("--help",), *((verb, "--help") for verb in ("list", "simulate", "compare"))])
def test_help(tiering, arguments):
    ended = tiering(*arguments)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("usage: tiering")


def test_help_names_every_verb(tiering):
    assert all(f" {verb} " in tiering("--help").out for verb in ("list", "simulate", "compare", "demo"))
    assert "--profile" in tiering("demo", "--help").out


def test_version(tiering):
    assert tiering("--version") == (0, f"tiering {package.__version__}\n", "")


def test_a_name_in_a_trace_is_neither_markup_nor_a_terminal_command(tiering, folder):
    head = json.dumps({"format": "tiering-trace", "version": 1, "name": "[/b] :smile: \x1b[31m"})
    (folder / "odd.jsonl").write_text(f'{head}\n{{"unit": "f"}}\n{{"calls": [["f", 9]]}}\n', encoding="utf-8")
    ended = tiering("simulate", "odd.jsonl", "--controller", "never")
    assert (ended.code, ended.err) == (0, "")
    assert r"[/b] :smile: \x1b[31m" in ended.out


def test_the_zoo_is_listed_with_its_bets_and_the_programs_with_their_lengths(tiering):
    document = tiering("list", "--kernels", "--json").document
    assert len(document["kernels"]) >= 170
    assert {"name": "adam_step", "family": "first_order"}.items() <= next(
        kernel for kernel in document["kernels"] if kernel["name"] == "adam_step"
    ).items()
    assert sum(bool(kernel["bets"]) for kernel in document["kernels"]) >= 20
    lengths = [program["length"] for program in document["programs"]]
    assert all(lengths.count(length) >= 4 for length in ("short", "medium", "long"))
