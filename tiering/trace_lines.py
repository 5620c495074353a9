"""Lines of a trace file in bytes, and patterns that are too long to be parsed as one JSON document.

A pattern of ten million calls is one line of 200 MB; as a JSON document it would be ten million lists, 2.4 GB. Written
as `tiering.trace_text` writes it, it can be cut at `], [`, a megabyte at a time, and each different piece parsed once.
A cut inside a text leaves that piece with half a text, and one inside a list with half a list: neither is JSON, and the
line is then read like any other. So this is a way to read faster and never another meaning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tiering.trace import Call

LONG = 1 << 20
"""Bytes from which a line is looked at as a pattern first."""

LONGEST = 32 << 20
"""Bytes of a line that is read as one JSON document: that takes ten times as much memory."""

_HEAD = re.compile(rb'\{"times": \d{1,20}, "calls": \[\[')
_CHUNK = 1 << 20
_TAIL = 1000


def spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Where lines begin and end. They end at a newline only: a JSON string may hold every other separator."""
    begin = 0
    while begin < len(data):
        end = data.find(b"\n", begin)
        end = len(data) if end < 0 else end
        yield begin, end
        begin = end + 1


def pattern(data: bytes, begin: int, end: int, call: Callable[[Any], Call]) -> tuple[Any, tuple[Call, ...]] | None:
    """The object that this line holds, with an empty list of calls, and the calls; None if it is no such line.

    `call` makes a call of its JSON value, and what it raises is passed on.
    """
    head, last = _HEAD.match(data, begin, end), data.rfind(b"]]", begin, end)
    if head is None or last < head.end() or end - last > _TAIL:
        return None
    made = _Pieces(call)
    calls: list[Call] = []
    try:
        value = json.loads((data[begin : head.end() - 1] + b"]" + data[last + 2 : end]).decode())
        for piece in _cut(data, head.end(), last):
            calls += map(made.__getitem__, piece.split(b"], ["))
    except (_NoPattern, json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
    return (value, tuple(calls)) if isinstance(value, dict) and value.get("calls") == [] else None


class _NoPattern(Exception):
    """A line that must be read as one JSON document."""


class _Pieces(dict[bytes, Call]):
    """The calls of different pieces of text."""

    def __init__(self, call: Callable[[Any], Call]) -> None:
        super().__init__()
        self._call = call

    def __missing__(self, piece: bytes) -> Call:
        try:
            value = json.loads(f"[{piece.decode()}]")
        except (ValueError, RecursionError):
            raise _NoPattern from None
        made = self[piece] = self._call(value)
        return made


def _cut(data: bytes, begin: int, end: int) -> Iterator[bytes]:
    """The text between `begin` and `end` in chunks, cut where one call ends and the next begins."""
    while begin <= end:
        stop = data.find(b"], [", min(begin + _CHUNK, end), end)
        stop = end if stop < 0 else stop
        if stop - begin > 2 * _CHUNK:
            raise _NoPattern
        yield data[begin:stop]
        begin = stop + 4
