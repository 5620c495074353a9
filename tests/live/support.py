"""What the live tests share: comparing to the bit, polling, and running programs as a user does.

Nothing here measures time: what takes a while is polled for, up to a generous deadline.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE = 60.0


def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Poll until `condition` holds; its value."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.005)
    return value


def bits(value: Any) -> Any:
    """A value with its type and exact bits, so that 0.0 differs from -0.0 and 1 from 1.0."""
    if isinstance(value, tuple):
        return type(value).__name__, tuple(bits(each) for each in value)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    return type(value).__name__, value


def outcome(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """What a call returns, to the bit, or the class of the exception that it raises."""
    try:
        return bits(function(*arguments, **keywords))
    except Exception as error:  # noqa: BLE001 (which one it is, is the outcome)
        return type(error)


def call_until(function: Callable[[], Any], condition: Callable[[], Any]) -> list[Any]:
    """Call until `condition` holds; all results in order, the last one after it held."""
    results: list[Any] = []

    def step() -> Any:
        results.append(function())
        return condition()

    eventually(step, "what the calls were to bring about")
    results.append(function())
    return results


class Ended(NamedTuple):
    """A program that has ended."""

    returncode: int
    out: str
    err: str


def environment(**extra: str) -> dict[str, str]:
    """The environment of a user, who is not running pytest."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NUMBA_"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **extra}


def run(*arguments: str | Path, cwd: Path, text: str | None = None, expect: int | None = 0, **extra: str) -> Ended:
    """Run this interpreter with `text` as its standard input. A program that hangs or dies of a signal fails."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment(**extra),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(text or "", timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGABRT)
        out, err = process.communicate()
        pytest.fail(f"the program did not end:\n{out}\n{err}")
    assert expect is None or process.returncode == expect, f"exit code {process.returncode}\n{out}\n{err}"
    return Ended(process.returncode, out, err)
