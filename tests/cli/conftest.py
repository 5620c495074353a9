"""A command line run inside this process, in an empty folder, with everything that it left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tiering import trace
from tiering.cli.main import run
from tiering.trace import Call, Group, Program, Unit


class Ended(NamedTuple):
    """A command line that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be; nothing else was said."""
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiering(folder, capsys):
    """Run `tiering ARGUMENTS` in this process."""

    def command(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        try:
            code = run([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        return Ended(code, *capsys.readouterr())

    return command


@pytest.fixture
def process(folder):
    """Run `python ARGUMENTS` in a process of its own."""

    def command(*arguments: str, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture
def refused(tiering, folder):
    """Run a command line that breaks a rule; the one line that it ends in. It must leave no file behind."""

    def command(*arguments: str | Path) -> str:
        before = sorted(folder.rglob("*"))
        ended = tiering(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("tiering: ")
        assert ended.err.endswith("\n")
        assert len(ended.err.splitlines()) == 1
        assert sorted(folder.rglob("*")) == before
        return ended.err

    return command


PROGRAM = Program(
    "two loops",
    (
        Unit("hot", 40, {"interpreter": 1e-3, "optimized": 1e-5}, {"optimized": 0.1}, {"optimized": 900}, 0.001),
        Unit("cold", 7),
    ),
    (Group((Call(0, 64), Call(1, 10)), 2000), Group((Call(1, 5, 2.0),), 3)),
    "written by hand",
)


@pytest.fixture
def trace_file(folder):
    """A trace in the current folder."""
    trace.write(PROGRAM, "two-loops.jsonl")
    return "two-loops.jsonl"
