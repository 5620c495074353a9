"""`--machine`, `--threads` and `--compiler`: another machine, more threads and real compiles from the command line."""

from __future__ import annotations

import pytest

from tiering import experiment, profile, trace
from tiering.trace import Group

from .conftest import PROGRAM

SIMULATE = ("simulate", "adam", "--controller", "pi", "--size", "small")
COMPARE = ("compare", "adam", "--controllers", "never,pi", "--size", "small")
CORES = ("--machine", "cores=1", "--machine", "compiler_threads=2")


def test_a_machine_is_that_of_the_profile_with_the_fields_given(tiering):
    machine = profile.with_machine(profile.reference(), ["cores=1", "compiler_threads=2"])
    (row,) = tiering(*SIMULATE, *CORES, "--json").document["rows"]
    expected = experiment.simulate("adam", "pi", size="small", profile=machine)
    assert row == expected._asdict()
    assert row["total_seconds"] != tiering(*SIMULATE, "--json").document["rows"][0]["total_seconds"]
    assert expected == experiment.simulate("adam", "pi", size="small", machine=["cores=1", "compiler_threads=2"])


def test_a_comparison_and_a_study_take_it_too(tiering):
    machine = ["cores=1", "compiler_threads=2"]
    rows = tiering(*COMPARE, *CORES, "--json").document["rows"]
    expected = experiment.compare("adam", ["never", "pi"], size="small", machine=machine)
    assert rows == [row._asdict() for row in expected]
    document = tiering(*COMPARE, *CORES, "--seeds", "1", "--json").document
    assert document["rows"] == rows
    assert experiment.study("adam", ["never", "pi"], seeds=[0], size="small", machine=machine).rows == tuple(expected)


def test_of_a_field_given_twice_the_last_one_counts(tiering):
    twice = tiering(*SIMULATE, "--machine", "ready_seconds=5", "--machine", "ready_seconds=0", "--json").document
    assert twice["rows"] == tiering(*SIMULATE, "--json").document["rows"]


def test_the_source_says_what_was_changed(tiering):
    source = profile.reference().source
    document = tiering(*COMPARE, *CORES, "--json").document
    assert document["source"]["profile"] == f"{source} Changed: cores=1, compiler_threads=2."
    assert tiering(*COMPARE, "--json").document["source"]["profile"] == source


def test_the_profile_that_is_changed_may_be_a_file(tiering):
    profile.write(profile.reference()._replace(ready_seconds=3.0), "machine.json")
    given = (*SIMULATE, "--profile", "machine.json", "--json")
    changed = tiering(*given, "--machine", "ready_seconds=0").document["rows"]
    assert changed == tiering(*SIMULATE, "--json").document["rows"] != tiering(*given).document["rows"]


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("cores", "machine 'cores': must be NAME=VALUE"),
        ("cors=1", "unknown field 'cors' of the machine: did you mean 'cores'?"),
        ("cores=0", "machine cores is 0: must be a whole number from 1 to 4096"),
        ("cores=many", "machine cores is 'many': must be a whole number"),
        ("eviction=lru", "machine eviction is 'lru': needs a code_capacity_bytes"),
        ("pools=baseline:1", "pools serve baseline: must serve each of baseline, optimized, speculative exactly once"),
        ("background=false,", "background is 'false,': must be true or false"),
    ],
)
def test_a_machine_that_makes_no_sense_is_refused(refused, assignment, line):
    assert line in refused(*SIMULATE, "--machine", assignment)
    assert line in refused(*COMPARE, "--machine", assignment)


@pytest.mark.parametrize("name", ["speculator", "conservative"])
def test_every_profile_that_ships_can_be_compared_on(tiering, name):
    """Where running loops are replaced, lb1 is no bound, and the bound is its form for that."""
    rows = tiering(*COMPARE, "--profile", name, "--machine", "cores=1", "--json").document["rows"]
    bound = "lb1_osr" if name == "speculator" else "lb1"
    assert [row["controller"] for row in rows] == ["never", "pi", "oracle", bound]
    assert all(row["regret"] >= 0.0 for row in rows)


def test_each_thread_makes_all_the_calls(tiering):
    """Two threads that share nothing but the code end when one of them would, if nothing is compiled."""
    never = ("simulate", "adam", "--controller", "never", "--size", "small", "--json")
    alone, both, crowded = (
        tiering(*never, *more).document["rows"][0]
        for more in ((), ("--threads", "2"), ("--threads", "2", "--machine", "cores=1"))
    )
    assert both["calls"] == 2 * alone["calls"]
    assert both["total_seconds"] == alone["total_seconds"]
    assert crowded["total_seconds"] == pytest.approx(2 * alone["total_seconds"])


def test_a_comparison_and_a_study_run_in_threads_too(tiering):
    one, two = (tiering(*COMPARE, "--threads", threads, "--json").document["rows"] for threads in "12")
    assert [row["calls"] for row in two] == [2 * row["calls"] for row in one]
    assert two == [row._asdict() for row in experiment.compare("adam", ["never", "pi"], size="small", threads=2)]
    assert tiering(*COMPARE, "--threads", "2", "--seeds", "1", "--json").document["rows"] == two


@pytest.mark.parametrize("value", ["0", "65", "x", "-1", "1.5", ""])
def test_threads_are_a_whole_number(refused, value):
    rule = f"--threads '{value}': must be a whole number from 1 to 64 (default 1)"
    assert rule in refused(*SIMULATE, f"--threads={value}")
    assert rule in refused(*COMPARE, f"--threads={value}")


def test_a_trace_with_threads_of_its_own_is_not_multiplied(tiering, refused):
    groups = (*PROGRAM.groups, Group(PROGRAM.groups[0].pattern, 5, thread=2))
    trace.write(PROGRAM._replace(groups=groups), "threads.jsonl")
    given = ("simulate", "threads.jsonl", "--controller", "pi")
    assert "threads is 2: 'two loops' has 3 threads of its own, so it must be 1" in refused(*given, "--threads", "2")
    assert tiering(*given, "--threads", "1").code == 0


def test_real_compiles_are_told_as_such(tiering):
    """Compiles stop the program, so that they are over when it ends."""
    given = ("simulate", "heavy_ball", "--controller", "always", "--size", "small", "--compiler", "real")
    given = (*given, "--machine", "background=false")
    (row,) = tiering(*given, "--json").document["rows"]
    assert (row["compiles"], row["regret"], row["parameters"]["compiler"]) == (1, None, "real")
    ended = tiering(*given)
    assert (ended.code, ended.err) == (0, "")
    assert "note: compiled for real: tiers are the interpreter and optimized (Numba)" in ended.out
    assert "real" not in tiering(*SIMULATE, "--compiler", "model").out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("simulate", "zipf", "--controller", "pi", "--compiler", "real"), "workload 'zipf': has no functions to be"),
        (("simulate", "two-loops.jsonl", "--controller", "pi", "--compiler", "real"), "'two-loops.jsonl': has no func"),
        ((*SIMULATE, "--compiler", "rael"), "unknown --compiler 'rael': did you mean 'real'?"),
        ((*COMPARE, "--compiler", "real"), "unknown option '--compiler'"),
    ],
)
def test_what_cannot_be_really_compiled_is_refused(refused, trace_file, arguments, line):
    assert line in refused(*arguments)
    assert line in refused(*arguments, *(("--log", "some.log") if arguments[0] == "simulate" else ()))
