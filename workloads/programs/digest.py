"""One number for all results of a program, so that two runs in two processes can be held against each other.

Types and bits count: 1 differs from 1.0, 0.0 from -0.0, float32 from float64. NumPy's scalars are refused: whether a
result is one would depend on who computed it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np


def digest(results: Mapping[str, Any]) -> str:
    """The SHA-256 of named ints, floats and arrays, in hexadecimal; the order of the names does not matter.

    Raises TypeError for a result of another type.
    """
    made = hashlib.sha256()
    for name in sorted(results):
        made.update(f"{name}\0".encode())
        made.update(_bytes(name, results[name]))
    return made.hexdigest()


def _bytes(name: str, value: Any) -> bytes:
    if type(value) is int:
        return b"int\0" + str(value).encode() + b"\0"
    if type(value) is float:
        return b"float\0" + struct.pack("<d", value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return f"{value.dtype.str}{value.shape}\0".encode() + value.tobytes()
    raise TypeError(f"result {name!r} is of type {type(value).__name__}: use int, float or an array of numbers")
