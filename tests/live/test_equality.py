"""Code that a worker made means what `numba.njit(boundscheck=True)` makes it mean: the same bits, types, exceptions."""

from __future__ import annotations

import ast
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .support import PROGRAMS, run

SCRIPTS = {PROGRAMS / "shipping.py": "in a worker process", PROGRAMS / "in_place.py": "in place ("}


def names(script: Path) -> list[str]:
    functions = (node for node in ast.parse(script.read_text(encoding="utf-8")).body if hasattr(node, "decorator_list"))
    return [node.name for node in functions if "case" in map(ast.unparse, node.decorator_list)]


ROUTES = {name: route for script, route in SCRIPTS.items() for name in names(script)}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict]:
    """The rows of both programs, compiled by tiering and by numba, each in a fresh process."""

    def rows(compiler: str) -> dict:
        folder: Path = tmp_path_factory.mktemp(compiler)
        ended = [run(script, compiler, cwd=folder) for script in SCRIPTS]
        assert [each.err for each in ended] == ["", ""]
        return {row["case"]: row for each in ended for row in map(json.loads, each.out.splitlines())}

    with ThreadPoolExecutor() as side_by_side:
        tiered, plain = side_by_side.map(rows, ("tiering", "numba"))
    return tiered, plain


def test_every_case_was_run(both):
    tiered, plain = both
    assert list(tiered) == list(plain) == list(ROUTES)


@pytest.mark.parametrize("name", ROUTES)
def test_it_gives_what_njit_gives(both, name):
    tiered, plain = both
    assert tiered[name]["results"] == plain[name]["results"]


@pytest.mark.parametrize("name", ROUTES)
def test_its_code_was_made_where_it_can_be_made(both, name):
    assert both[0][name]["where"].startswith(ROUTES[name]), both[0][name]["where"]
