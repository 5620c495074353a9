"""Which modules reach below the public face of Numba, and which need nothing but the standard library.

import-linter sees an outside package as one name, so `numba.core` and `numba` are the same to it. These
two rules need finer sight, and read the syntax tree. Names built at run time escape them, as they
escape every reader; `tiering.live.private` is where those belong too.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Documented by Numba for its users. Every other module of it may move with any release.
PUBLIC = {"types", "typed", "extending"}
PRIVATE_MODULE = "tiering/live/private.py"
STDLIB_ONLY = ["errors", "protocol", "trace", "profile"]


def imported(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that the source imports, `from a import b` as `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """`a.b.c` as written, its first name as it was imported."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def reaches_below(source: str) -> set[str]:
    """The private parts of Numba that this source names."""
    nodes = list(ast.walk(ast.parse(source)))
    imports = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names = {alias.asname: alias.name for alias in imports if alias.asname}
    used = {dotted(node, names) for node in nodes if isinstance(node, ast.Attribute)}
    return {name for name in used | set(imported(ast.parse(source))) if is_private(name)}


def is_private(name: str) -> bool:
    top, _, rest = name.partition(".")
    first = rest.partition(".")[0]
    if top != "numba" or not first or first in PUBLIC:
        return False
    return importlib.util.find_spec(f"numba.{first}") is not None  # a module, not `numba.njit`


def test_one_module_knows_the_inside_of_numba(unpacked_wheel: Path):
    live = sorted((unpacked_wheel / "tiering" / "live").glob("**/*.py"))
    assert live
    reaching = {
        str(path.relative_to(unpacked_wheel)): sorted(reaches_below(path.read_text(encoding="utf-8"))) for path in live
    }
    reaching.pop(PRIVATE_MODULE, None)
    assert not {name: found for name, found in reaching.items() if found}


@pytest.mark.parametrize(
    "source",
    [
        "import numba.core.types",
        "from numba import core",
        "from numba.np import ufunc",
        "from numba.core.dispatcher import Dispatcher",
        "import numba\nnumba.core.config.OPT = 3",
        "import numba as nb\nnb.core.config.OPT = 3",
    ],
)
def test_reaching_inside_is_noticed(source: str):
    assert reaches_below(source)


@pytest.mark.parametrize(
    "source",
    ["import numba\nnumba.njit(lambda x: x)", "from numba import njit, types", "import numba.typed"],
)
def test_the_public_face_is_open_to_all(source: str):
    assert not reaches_below(source)


def foreign(source: str) -> set[str]:
    tops = {name.partition(".")[0] for name in imported(ast.parse(source))}
    return tops - set(sys.stdlib_module_names) - {"tiering"}


@pytest.mark.parametrize("module", STDLIB_ONLY)
def test_the_lowest_layers_need_only_the_standard_library(unpacked_wheel: Path, module: str):
    assert not foreign((unpacked_wheel / "tiering" / f"{module}.py").read_text(encoding="utf-8"))


def test_an_outside_package_is_noticed():
    assert foreign("import json\nfrom numpy import float64\n") == {"numpy"}
