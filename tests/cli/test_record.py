"""`tiering record`: output and exit code are the script's, the trace stands in a file, bad input is one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tiering import trace

SCRIPT = """
import sys
def square(x):
    return x * x
print(sum(square(n) for n in range(int(sys.argv[1]))))
"""


@pytest.fixture
def here(tmp_path):
    (tmp_path / "squares.py").write_text(SCRIPT)

    def typed(*arguments):
        command = [sys.executable, "-m", "tiering", "record", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return typed


def test_the_script_runs_as_ever_and_its_calls_are_in_the_file(here, tmp_path):
    done = here("squares.py", "10")
    assert (done.returncode, done.stdout) == (0, "285\n")
    assert "squares.parquet: 22 calls of 3 functions in" in done.stderr
    program = trace.read(tmp_path / "squares.parquet")
    assert {unit.name for unit in program.units} == {"<module>", "<genexpr>", "square"}
    assert program.provenance["arguments"] == "10"


@pytest.mark.parametrize("rest", [("--out", "other"), ("--n", "5"), ("-x",), ("--verbose=1", "--", "y"), ("--help",)])
def test_options_after_the_script_are_the_scripts(here, tmp_path, rest):
    (tmp_path / "shows.py").write_text("import sys\ndef f():\n    print(sys.argv[1:])\nf()\n")
    done = here("--out", "t.jsonl", "shows.py", "3", *rest)
    assert (done.returncode, done.stdout) == (0, f"{['3', *rest]}\n")


def test_a_traceback_begins_at_the_script(here, tmp_path):
    (tmp_path / "fails.py").write_text("def f():\n    raise KeyError('no')\nf()\n")
    said = here("fails.py").stderr
    assert "recorded.py" not in said
    assert "runpy" not in said


def test_the_exit_code_is_the_scripts_and_a_traceback_is_shown(here, tmp_path):
    (tmp_path / "fails.py").write_text("def f():\n    raise KeyError('no')\nf()\n")
    done = here("fails.py")
    assert done.returncode == 1
    assert "KeyError: 'no'" in done.stderr
    assert (tmp_path / "fails.parquet").exists()
    (tmp_path / "leaves.py").write_text("import sys\ndef f():\n    sys.exit(7)\nf()\n")
    assert here("leaves.py").returncode == 7


def test_a_script_that_is_no_python_says_so_as_python_does(here, tmp_path):
    (tmp_path / "broken.py").write_text("def f(:\n")
    done = here("broken.py")
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr


def test_the_trace_goes_where_it_was_meant_to_go_wherever_the_script_goes(here, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "moves.py").write_text("import os, sys\ndef f():\n    os.chdir('inner')\nf()\nsys.stdout.close()\n")
    assert here("--out", "t.jsonl", "moves.py").returncode == 0
    assert (tmp_path / "t.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.py",), "missing.py: no such file; give the path of a Python script"),
        ((".",), ".: no such file"),
        (("--out", "t.txt", "squares.py", "1"), "t.txt: a trace file ends in .jsonl or .parquet"),
        (("--out", "no/t.jsonl", "squares.py", "1"), "no/t.jsonl"),
        (("--times", "all", "squares.py"), "--times"),
        ((), "SCRIPT"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_run_or_written(here, tmp_path, arguments, said):
    done = here(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"squares.py"}
