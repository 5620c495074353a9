"""Python child processes that see the same packages as their parent, whatever folder they are started in."""

from __future__ import annotations

import os
import sys


def command(module: str, *arguments: str) -> list[str]:
    """Run a module as a script. `-P` keeps the current folder, which may hold anything, out of its path.

    Where Python is embedded there may be no executable; starting the command is then an OSError.
    """
    return [sys.executable or "", "-P", "-m", module, *arguments]


def environment(**extra: str) -> dict[str, str]:
    """This process's environment with its module search path, so that both import the same files."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path, **extra}
