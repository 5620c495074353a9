"""`python -m tiering.workloads.programs NAME [--jit MODULE:ATTRIBUTE | none]`: one program, from process start.

Prints one JSON line: the program, what decorated it, the wall seconds of its run, and the digest of its results, which
does not depend on the decorator. Whatever is wrong with the command is said in one line, with exit code 2. The
decorator is imported before the clock starts; who wants that counted measures the process, as `benchmarks.programs`
does.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from ..program import Decorate
from . import PROGRAMS, program
from .digest import digest

USAGE = "usage: python -m tiering.workloads.programs NAME [--jit MODULE:ATTRIBUTE | none]"


class Mistaken(Exception):
    """A command that cannot be carried out; the message is for its author."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line `arguments`; return the exit code."""
    try:
        name, jit = parse(arguments)
        decorate = decorator(jit)
        found = program(name)
    except Mistaken as mistake:
        sys.stderr.write(f"error: {mistake}\n")
        return 2
    except KeyError as missing:
        sys.stderr.write(f"error: {missing.args[0]} (there are {', '.join(PROGRAMS)})\n")
        return 2
    started = time.perf_counter()
    results = found.run(decorate)
    seconds = time.perf_counter() - started
    row = {"program": name, "jit": jit, "seconds": round(seconds, 6), "sha256": digest(results)}
    sys.stdout.write(json.dumps(row) + "\n")
    return 0


def parse(arguments: Sequence[str]) -> tuple[str, str]:
    """The name of the program and of the decorator. Raises Mistaken."""
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        return arguments[0], "none"
    if len(arguments) == 3 and arguments[1] == "--jit" and not arguments[0].startswith("-"):
        return arguments[0], arguments[2]
    raise Mistaken(f"{USAGE}; NAME is one of {', '.join(PROGRAMS)}")


def decorator(name: str) -> Decorate:
    """The decorator of this name, `MODULE:ATTRIBUTE`, or the one that does nothing, `none`. Raises Mistaken."""
    if name == "none":
        return _plain
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise Mistaken(f"--jit {name!r} is neither 'none' nor MODULE:ATTRIBUTE, as in numba:njit")
    try:
        found: Any = functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError) as problem:
        raise Mistaken(f"--jit {name!r} cannot be had: {problem}") from problem
    if not callable(found):
        raise Mistaken(f"--jit {name!r} is a {type(found).__name__}, which decorates nothing")
    decorate: Decorate = found
    return decorate


def _plain(function: Any) -> Any:
    return function


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
