"""What only a process of its own can show: entry points, hash seeds, pipes, imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tiering as package

MODULE = ("-m", "tiering")
SCRIPT = str(Path(sys.executable).parent / "tiering")
SIMULATE = ("simulate", "adam", "--controller", "bandit", "--size", "small", "--seed", "7")


def test_the_module_and_the_script_are_the_same_command(process, tiering):
    expected = tiering(*SIMULATE, "--json").out
    assert process(*MODULE, *SIMULATE, "--json") == (0, expected, "")
    assert process(SCRIPT, *SIMULATE, "--json") == (0, expected, "")
    assert process(*MODULE, "--version") == (0, f"tiering {package.__version__}\n", "")


def test_bad_input_ends_in_one_line_and_exit_code_2(process):
    ended = process(*MODULE, "simulate", "adm", "--controller", "pi")
    assert ended == (2, "", "tiering: unknown workload 'adm': did you mean 'adam'?\n")


def test_two_processes_write_the_same_bytes(process, folder):
    for name in ("one", "two"):
        ended = process(*MODULE, *SIMULATE, "--log", f"{name}.log", PYTHONHASHSEED={"one": "1", "two": "2"}[name])
        assert (ended.code, ended.err) == (0, "")
    assert (folder / "one.log").read_bytes() == (folder / "two.log").read_bytes()


IMPORTED = """
import sys
from tiering.cli.main import run
code = run(sys.argv[2:])
found = [name for name in sys.argv[1].split(",") if name in sys.modules]
sys.exit(f"imported {found}" if found else code)
"""


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (("list",), "numba,llvmlite,scipy,simpy"),
        (("simulate", "adam", "--controller", "pi", "--size", "small"), "numba,llvmlite,scipy"),
        (("compare", "adam", "--controllers", "pi", "--size", "small"), "numba,llvmlite,scipy"),
    ],
)
def test_no_verb_imports_more_than_it_needs(process, arguments, heavy):
    ended = process("-c", IMPORTED, heavy, *arguments)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("arguments", ["list", "list --json", "compare adam --controllers pi --size small --json"])
def test_a_reader_that_leaves_early_sees_no_traceback(folder, arguments):
    command = [sys.executable, "-u", *MODULE, *arguments.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        writer.stdout.close()
        assert writer.stderr.read() == ""
    assert writer.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("list",), ("list", "--json")])
def test_a_full_disk_is_one_line(folder, arguments):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, *MODULE, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_terminal_that_knows_ascii_only(process, folder):
    head = json.dumps({"format": "tiering-trace", "version": 1, "name": "größe"}, ensure_ascii=False)
    (folder / "g.jsonl").write_text(f'{head}\n{{"unit": "f"}}\n{{"calls": [["f", 9]]}}\n', encoding="utf-8")
    ended = process(*MODULE, "simulate", "g.jsonl", "--controller", "never", PYTHONIOENCODING="ascii")
    assert (ended.code, ended.err) == (0, "")
    assert r"gr\xf6\xdfe, seed 0" in ended.out
