"""What parent and worker say to each other: frames of eight bytes of length, then one pickled value.

Both ends are ours and the pipe is private, so nothing else is ever unpickled.
"""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any, NamedTuple

_LENGTH = struct.Struct("<Q")


class Hello(NamedTuple):
    """A worker's first message: it can compile, and this is what its code will run on."""

    fingerprint: tuple[Any, ...]


class Request(NamedTuple):
    """Compile this. `serial` comes back with the reply."""

    serial: int
    blob: bytes


class Reply(NamedTuple):
    """What came of a request: `code`, or why it was `refused` (the worker cannot compile it)."""

    serial: int
    took: float
    code: Any = None
    refused: str | None = None


def send(pipe: IO[bytes], value: Any) -> None:
    """Write one value. Raises OSError if the other end is gone."""
    payload = pickle.dumps(value, protocol=5)
    pipe.write(_LENGTH.pack(len(payload)) + payload)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one value. Raises EOFError if the pipe ends before it is whole."""
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return pickle.loads(_exactly(pipe, length))


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data
