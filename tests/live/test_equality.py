"""Code that a worker made means what `numba.njit(boundscheck=True)` makes it mean: the same bits, types, exceptions."""

from __future__ import annotations

import ast
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .support import PROGRAMS, run

SCRIPT = PROGRAMS / "shipping.py"


def names() -> list[str]:
    functions = (node for node in ast.parse(SCRIPT.read_text(encoding="utf-8")).body if hasattr(node, "decorator_list"))
    return [node.name for node in functions for mark in node.decorator_list if ast.unparse(mark).startswith("case(")]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict]:
    """The rows of both programs, each run in a fresh process."""

    def rows(compiler: str) -> dict:
        folder: Path = tmp_path_factory.mktemp(compiler)
        ended = run(SCRIPT, compiler, cwd=folder)
        assert ended.err == ""
        return {row["case"]: row for row in map(json.loads, ended.out.splitlines())}

    with ThreadPoolExecutor() as side_by_side:
        tiered, plain = side_by_side.map(rows, ("tiering", "numba"))
    return tiered, plain


def test_every_case_was_run(both):
    tiered, plain = both
    assert list(tiered) == list(plain) == names()


@pytest.mark.parametrize("name", names())
def test_it_gives_what_njit_gives(both, name):
    tiered, plain = both
    assert tiered[name]["results"] == plain[name]["results"]


@pytest.mark.parametrize("name", names())
def test_its_code_was_made_where_it_can_be_made(both, name):
    row = both[0][name]
    assert row["where"].startswith(row["expected"]), row["where"]
    if row["expected"] == "in place":
        assert row["where"] != "in place", "the reason is missing"
