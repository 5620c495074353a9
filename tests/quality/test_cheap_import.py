"""`import tiering` costs milliseconds: whoever only writes a controller waits for no compiler."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

EXPENSIVE = {
    "numba", "llvmlite", "simpy", "numpy", "scipy", "pandas", "matplotlib", "rich",
    "asyncio", "multiprocessing", "importlib.metadata",
}  # fmt: skip


def loaded_by(statement: str) -> set[str]:
    # Only what the statement adds counts: an environment may load packages of its own at start.
    code = (
        "import sys, json; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout))


@pytest.mark.parametrize("statement", ["import tiering", "import tiering.protocol", "import tiering.controllers"])
def test_importing_loads_nothing_expensive(statement: str):
    loaded = loaded_by(statement)
    assert "tiering" in loaded
    assert not EXPENSIVE & loaded


def test_something_expensive_would_be_seen():
    assert "numpy" in EXPENSIVE & loaded_by("import numpy")
