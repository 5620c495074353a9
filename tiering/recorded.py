"""A recording as a trace: units with their mean times, and calls in groups as short as they go.

The work of a call is its own time over its unit's mean. In steps of 2 % nearly all calls would differ, and no two
stretches of a program be alike; a trace keeps steps of a fourth root of two, and a unit's `seconds` are such that its
calls add up to what was measured. With `times` "mean" every call of a unit has work 1, which is what a policy sees of a
unit that is called often, and loops become short groups that repeat.
"""

from __future__ import annotations

import hashlib
import os
import platform
import runpy
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Literal, NamedTuple

import numpy as np

from tiering import __version__
from tiering.errors import InputError
from tiering.recorder import MOST_CALLS, Recorder, Stream, cost_of_a_call, decoded, own_code
from tiering.trace import Call, Group, Program, Unit

Times = Literal["each", "mean"]

COARSE = 2.0**0.25
"""Ratio of neighbouring works in a trace."""

OWN_FRAMES = 40
"""Frames of ours that a script stands on, so that it may recurse as deep as without us."""

LONGEST_PERIOD = 16
"""Calls of the longest pattern that is looked for; longer ones stay one long group."""

LEAST_CALLS = 48
"""A repeated pattern that covers fewer calls than this is left in the group around it."""


class Recording(NamedTuple):
    """A recorded program: its trace, whether it made more calls than that, whether recording was cut short, how long it
    ran, what recording cost, how it ended (None: by itself)."""

    program: Program
    calls: int
    more: bool
    lost: bool
    seconds: float
    recording_seconds: float
    error: BaseException | None


def record(
    script: str | Path,
    arguments: list[str],
    *,
    include: tuple[str, ...] = (),
    times: Times = "each",
    most: int = MOST_CALLS,
) -> Recording:
    """Run a script as `python SCRIPT ARGUMENTS` would, and record the calls of its own functions.

    After about `most` calls, counted in chunks of half a million, the script runs on unrecorded. An exception of the
    script ends the recording and is returned. Raises InputError for a script that cannot be read
    or has no calls of its own.
    """
    path = Path(script)
    try:
        text = path.read_bytes()
    except OSError as missing:  # a folder, too
        raise InputError(f"{script}: cannot be read ({missing.strerror}); give the path of a Python script") from None
    cost = cost_of_a_call()
    recorder = Recorder(own_code(include), most, cost.toll)
    error = _run(path, arguments, recorder)
    if recorder.forked:
        if error is not None:
            raise error
        sys.exit(0)
    calls = sum(stream.calls for stream in recorder.streams)
    if not calls:
        recorder.close()
        if error is not None:
            raise error
        raise InputError(f"{script}: made no call of a Python function of its own; name packages with --include")
    provenance = {
        "script": _text(path.name),
        "script_sha256": hashlib.sha256(text).hexdigest(),
        "arguments": _text(" ".join(arguments)),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "recorder": f"tiering {__version__}, {'sys.monitoring' if sys.version_info >= (3, 12) else 'sys.setprofile'}",
        "seconds": f"{recorder.seconds:.6f}",
        "recording_seconds": f"{cost.seconds * calls:.6f}",
        "times": times,
    }
    program = _program(_text(path.name), recorder, times, provenance)
    recorder.close()
    return Recording(program, calls, recorder.full, recorder.lost, recorder.seconds, cost.seconds * calls, error)


def _run(path: Path, arguments: list[str], recorder: Recorder) -> BaseException | None:
    before, limit = (sys.argv, sys.path[:]), sys.getrecursionlimit()
    sys.argv, sys.path[:0] = [str(path), *arguments], [str(path.resolve().parent)]
    path = Path(os.path.abspath(path))
    try:
        with recorder:
            sys.setrecursionlimit(limit + OWN_FRAMES)
            runpy.run_path(str(path), run_name="__main__")
            _join()
    except BaseException as raised:  # noqa: BLE001 - whatever ends the script ends the recording, which is kept
        return raised
    finally:
        sys.argv, sys.path[:] = before
        sys.setrecursionlimit(limit)
    return None


def _join() -> None:
    """Wait for threads that outlive the script's last line, as Python does at its end."""
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread() and thread is not threading.main_thread():
            thread.join()


def _text(given: str) -> str:
    """Text that a file can hold, whatever it came from."""
    return given.encode("utf-8", "backslashreplace").decode()[:1000]


def _program(name: str, recorder: Recorder, times: Times, provenance: dict[str, str]) -> Program:
    units = len(recorder.codes)
    totals, calls = np.zeros(units), np.zeros(units)
    for stream in recorder.streams:
        for owners, seconds in _chunks(stream):
            totals += np.bincount(owners, seconds, units)
            calls += np.bincount(owners, minlength=units)
    means = totals / np.maximum(calls, 1.0)
    works = np.zeros(units)
    groups: list[Group] = []
    known: dict[int, Call] = {}
    for stream in recorder.streams:
        for owners, seconds in _chunks(stream):
            ids = owners * _STEPS + _steps(seconds, means[owners], times)
            works += np.bincount(owners, COARSE ** (ids % _STEPS - _STEPS // 2), units)
            groups += _groups(ids, stream.number, known)
    described = [
        Unit(unit, max(1, len(code.co_code) // 2), {"interpreter": float(total / work) if work else 0.0})
        for unit, code, total, work in zip(_names(recorder.codes), recorder.codes, totals, works, strict=True)
    ]
    source = f"recorded from {name}: {provenance['recorder']}, Python {provenance['python']}"
    return Program(name, tuple(described), tuple(groups), source, provenance)


_STEPS = 256
"""Works that a call id can tell apart: a unit's ids are its number times this, plus half of it for work 1."""


def _chunks(stream: Stream) -> Iterator[tuple[Any, Any]]:
    """Unit and seconds of each call, a piece at a time; both of shape (calls,)."""
    seconds = np.array([decoded(code) * 1e-9 for code in range(_LARGEST)])
    for owners, times in stream.chunks():
        yield np.asarray(owners, np.int64), seconds[np.minimum(np.asarray(times), _LARGEST - 1)]


_LARGEST = 2400
"""One more than the code of the longest time that is told apart, ten years."""


def _steps(seconds: Any, means: Any, times: Times) -> Any:
    """The work of each call as a step from 0 to _STEPS - 1; the middle one is work 1."""
    if times == "mean":
        return np.full(len(seconds), _STEPS // 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.log(seconds / means) / np.log(COARSE)
    bounded = np.clip(np.nan_to_num(exact, nan=0.0, neginf=-_STEPS), 1 - _STEPS // 2, _STEPS // 2 - 1)
    return np.rint(bounded).astype(np.int64) + _STEPS // 2


def _groups(ids: Any, thread: int, known: dict[int, Call]) -> Iterator[Group]:
    """The calls of a piece as groups: patterns that repeat, and what lies between them."""
    for number in np.unique(ids).tolist():
        if number not in known:
            unit, step = divmod(number, _STEPS)
            known[number] = Call(unit, 0, round(COARSE ** (step - _STEPS // 2), 12))
    place = 0
    for start, period, times in [*repeated(ids), (len(ids), 1, 0)]:
        if start > place:
            yield Group(tuple([known[number] for number in ids[place:start].tolist()]), 1, thread)
        if times:
            yield Group(tuple([known[number] for number in ids[start : start + period].tolist()]), times, thread)
        place = start + period * times


def repeated(ids: Any) -> list[tuple[int, int, int]]:
    """Stretches of an array of integers that repeat: where each begins, its period, and how many times over.

    Short periods come first; a stretch that runs into one that was found before is left out.
    """
    found: list[tuple[int, int, int]] = []
    taken = np.zeros(len(ids) + 1, bool)
    for period in range(1, min(LONGEST_PERIOD, len(ids) // 2) + 1):
        same = np.zeros(len(ids) - period + 2, np.int8)
        same[1:-1] = (ids[period:] == ids[:-period]) & ~taken[: len(ids) - period]
        edges = np.diff(same)
        for start, end in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
            times = (end - start + period) // period
            if times * period >= max(LEAST_CALLS, 2 * period) and not taken[start : start + times * period].any():
                found.append((start, period, times))
                taken[start : start + times * period] = True
    return sorted(found)


def _names(codes: list[CodeType]) -> list[str]:
    """A name for each function that no other has: its own, with file and line where that is not enough."""
    names = [_text(code.co_qualname)[:200] or "?" for code in codes]
    often = Counter(names)
    shown = [
        f"{name} ({_text(Path(code.co_filename).name)[:100]}:{code.co_firstlineno})" if often[name] > 1 else name
        for name, code in zip(names, codes, strict=True)
    ]
    again = Counter(shown)
    return [f"{name} #{number}" if again[name] > 1 else name for number, name in enumerate(shown)]
