"""Whole programs: each does what it says in every host, and its command line answers in one line."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from tiering.workloads.kernel import bound_all
from tiering.workloads.program import LENGTHS, WholeProgram
from tiering.workloads.programs import PROGRAMS, program
from tiering.workloads.programs.__main__ import main
from tiering.workloads.programs.digest import digest

QUICK = ("short_lived", "tiny_calls", "whole_numbers_first", "mostly_unused", "single_orbit", "dead_sensor")
INTERPRETED = (
    *("optimizer_comparison", "cross_validation", "hyper_parameter_search", "sensor_stream", "table_summary"),
    *("growing_vocabulary", "mixed_precision", "cold_tail", "call_graph", "simulate_and_fit", "nightly_batch"),
    "job_server",
)
"""What the interpreter finishes in seconds, quick ones aside; the others take it minutes to hours."""

COMPILED = tuple(name for name in PROGRAMS if name not in (*QUICK, *INTERPRETED))


def plain(function: Any) -> Any:
    return function


def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tiering.workloads.programs", *arguments]
    return subprocess.run(line, capture_output=True, text=True, env={**os.environ, **more}, check=False)


@pytest.fixture(params=PROGRAMS)
def whole(request: pytest.FixtureRequest) -> WholeProgram:
    return program(request.param)


def test_a_program_says_what_it_is(whole: WholeProgram) -> None:
    module = importlib.import_module(whole.run.__module__)
    assert whole.run.__module__ == f"tiering.workloads.programs.{whole.name}"
    assert len((module.__doc__ or "").strip().split("\n\n")) >= 3  # what it does, where one meets it, what it puts
    assert whole.length in LENGTHS
    for line in (whole.summary, whole.stresses):
        assert line
        assert "\n" not in line


def test_there_are_at_least_four_of_each_length() -> None:
    lengths = Counter(program(name).length for name in PROGRAMS)
    assert min(lengths[length] for length in LENGTHS) >= 4
    assert len(PROGRAMS) >= 16


def test_a_program_reads_no_clock_no_file_and_no_global_randomness(whole: WholeProgram) -> None:
    source = Path(importlib.import_module(whole.run.__module__).__file__ or "").read_text(encoding="utf-8")
    tree = ast.parse(source)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= {"math", "numpy", "numpy.typing"}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"print", "open", "input", "exec", "eval", "hash", "id"}
    drawn = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np.random"
    }
    assert drawn <= {"Generator", "PCG64"}


@pytest.mark.parametrize("name", QUICK)
def test_the_interpreter_and_compiled_code_come_to_the_same_bits(name: str) -> None:
    assert digest(program(name).run(plain)) == digest(program(name).run(numba.njit))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", INTERPRETED)
def test_so_do_they_on_programs_of_seconds(name: str) -> None:
    assert digest(program(name).run(plain)) == digest(program(name).run(numba.njit))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", COMPILED)
def test_programs_too_long_for_the_interpreter_never_leave_their_arrays(name: str) -> None:
    assert digest(program(name).run(numba.njit)) == digest(program(name).run(numba.njit(boundscheck=True)))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "smaller"),
    [
        ("slow_continuation", {"RIDGES": 30, "STEPS": 400}),
        ("finite_size_scaling", {"CAMPAIGN": ((16, 200), (24, 100))}),
        ("mesh_refinement", {"LEVELS": ({"columns": 9, "rows": 3, "steps": 8, "side": 9, "cases": 2},)}),
    ],
)
def test_cut_down_they_agree_with_the_interpreter_too(
    monkeypatch: pytest.MonkeyPatch, name: str, smaller: dict[str, Any]
) -> None:
    for constant, value in smaller.items():
        monkeypatch.setattr(f"tiering.workloads.programs.{name}.{constant}", value)
    assert digest(program(name).run(plain)) == digest(program(name).run(numba.njit))


def test_medium_programs_agree_as_well_where_one_is_cheap_enough() -> None:
    found = program("mixed_precision").run(plain)
    assert digest(found) == digest(program("mixed_precision").run(numba.njit))
    assert np.all(found["figures"][:, 3] < 1e-12)  # refinement reaches float64 accuracy through float32


def test_a_ledger_starts_with_ints_and_ends_with_floats() -> None:
    found = program("whole_numbers_first").run(plain)
    assert type(found["whole"]) is int
    assert type(found["end"]) is float


def test_a_reference_that_dies_with_the_third_window_is_caught_in_every_later_one() -> None:
    found = program("dead_sensor").run(plain)
    assert found["raised"] == 38
    dead, rest = found["windows"][2:, 17], np.delete(found["windows"], 17, axis=1)
    assert np.all(dead > 5.0)  # as they were
    assert np.all(rest < 5.0)  # divided, and once only: twice would leave them near 0.05
    assert np.all(rest > 0.2)


def test_an_orbit_of_the_logistic_map_is_chaotic_at_this_rate() -> None:
    assert program("single_orbit").run(numba.njit)["exponent"] == pytest.approx(0.495, abs=0.005)  # known for r = 3.9


def test_functions_bound_together_find_each_other_decorated() -> None:
    seen: list[str] = []

    def noting(function: Any) -> Any:
        def called(*arguments: Any) -> Any:
            seen.append(function.__name__)
            return function(*arguments)

        return called

    outer, inner = bound_all((caller, callee), noting)
    assert outer(3) == 8
    assert inner(3) == 4
    assert seen == ["caller", "callee", "callee"]
    assert caller(3) == 8
    assert seen == ["caller", "callee", "callee"]


def caller(number: int) -> int:
    return 2 * callee(number)


def callee(number: int) -> int:
    return number + 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": 1}, {"x": 1.0}),
        ({"x": 0.0}, {"x": -0.0}),
        ({"x": 1}, {"y": 1}),
        ({"x": np.zeros(2)}, {"x": np.zeros(2, np.float32)}),
        ({"x": np.zeros((2, 3))}, {"x": np.zeros((3, 2))}),
        ({"x": np.array([0.0])}, {"x": np.array([-0.0])}),
    ],
)
def test_a_digest_tells_types_names_shapes_and_bits_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(one) != digest(other)


def test_a_digest_is_the_same_whatever_the_order_of_names_or_of_memory() -> None:
    grid = np.arange(6.0).reshape(2, 3)
    assert digest({"a": 1, "b": grid}) == digest({"b": np.asfortranarray(grid), "a": 1})


@pytest.mark.parametrize("value", [np.float64(1.0), None, "word", np.array(["word"]), True])
def test_a_digest_refuses_what_hosts_may_disagree_on(value: Any) -> None:
    with pytest.raises(TypeError, match="result 'x' is of type"):
        digest({"x": value})


def test_listing_the_programs_imports_none_of_them() -> None:
    source = "import sys, tiering.workloads.programs as p; print(sorted(m for m in sys.modules if 'programs.' in m))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_misspelt_program_is_told_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean 'short_lived'"):
        program("short_livde")


def test_the_command_line_prints_one_json_line_from_a_fresh_process() -> None:
    done = command("short_lived")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    row = json.loads(line)
    assert list(row) == ["program", "jit", "seconds", "sha256"]
    assert (row["program"], row["jit"]) == ("short_lived", "none")
    assert row["seconds"] >= 0.0
    assert row["sha256"] == digest(program("short_lived").run(plain))


def test_the_digest_does_not_depend_on_the_decorator(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dead_sensor", "--jit", "numba:njit"]) == 0
    assert main(["dead_sensor", "--jit", "none"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["jit"] for row in rows] == ["numba:njit", "none"]
    assert rows[0]["sha256"] == rows[1]["sha256"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "usage: "),
        (["--help"], "usage: "),
        (["short_lived", "--jit"], "usage: "),
        (["short_lived", "--fast", "numba:njit"], "usage: "),
        (["short_livde"], "did you mean 'short_lived'"),
        (["short_lived", "--jit", "njit"], "neither 'none' nor MODULE:ATTRIBUTE"),
        (["short_lived", "--jit", ":njit"], "neither 'none' nor MODULE:ATTRIBUTE"),
        (["short_lived", "--jit", "no_such_module:njit"], "No module named"),
        (["short_lived", "--jit", "numba:jnit"], "has no attribute 'jnit'"),
        (["short_lived", "--jit", "numba:__version__"], "is a str, which decorates nothing"),
    ],
)
def test_a_mistaken_command_is_told_so_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert said in line
