"""Where CPython and NumPy keep what machine code has to read: offsets and addresses of the running process.

They are looked up, then tried on real objects; where a number comes out wrong the bridge stays off and calls go the
ordinary way. Sources: CPython's `longobject.h`, `floatobject.h`, `tupleobject.h`; NumPy's `ndarraytypes.h`
(`PyArrayObject_fields`).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

import numpy as np

TYPE = 8
"""Offset of `ob_type` in every object."""

FLOAT_VALUE = 16
INT_HEAD, INT_DIGIT = 16, 24
"""`ob_size` on 3.11, `lv_tag` from 3.12 on; and the first digit."""

TUPLE_SIZE, TUPLE_ITEMS = 16, 24
ARRAY_DATA, ARRAY_NDIM, ARRAY_SHAPE, ARRAY_STRIDES, ARRAY_DTYPE, ARRAY_FLAGS = 16, 24, 32, 40, 56, 64

C_CONTIGUOUS, F_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x2, 0x100, 0x400

TAGGED = sys.version_info >= (3, 12)
"""Whether an int has a tag instead of a signed size."""


def at(address: int, kind: Any = ctypes.c_int64) -> int:
    """The number at an address."""
    return int(kind.from_address(address).value)


@cache
def sound() -> bool:
    """Whether all offsets hold on objects of this process."""
    if sys.implementation.name != "cpython" or sys.maxsize != (1 << 63) - 1 or not _has_gil():
        return False
    try:
        return _numbers() and _arrays()
    except (ValueError, OverflowError, OSError):
        return False


def _has_gil() -> bool:
    asks = getattr(sys, "_is_gil_enabled", None)
    return asks is None or bool(asks())


def _numbers() -> bool:
    one, many, triple = 1.5, (7, 8, 9), -12345
    if at(id(one) + TYPE) != id(float) or ctypes.c_double.from_address(id(one) + FLOAT_VALUE).value != one:
        return False
    if at(id(many) + TUPLE_SIZE) != 3 or at(id(many) + TUPLE_ITEMS + 8) != id(many[1]):
        return False
    head = at(id(triple) + INT_HEAD)
    right = head == (1 << 3 | 2) if TAGGED else head == -1
    return right and at(id(triple) + INT_DIGIT, ctypes.c_uint32) == 12345


def _arrays() -> bool:
    array = np.zeros((3, 5, 2), np.float32)[:, 1:4]
    base = id(array)
    shape, strides = at(base + ARRAY_SHAPE), at(base + ARRAY_STRIDES)
    flags = at(base + ARRAY_FLAGS, ctypes.c_int32)
    return (
        at(base + TYPE) == id(np.ndarray)
        and at(base + ARRAY_DATA) == array.ctypes.data
        and at(base + ARRAY_NDIM, ctypes.c_int32) == 3
        and tuple(at(shape + 8 * k) for k in range(3)) == array.shape
        and tuple(at(strides + 8 * k) for k in range(3)) == array.strides
        and at(base + ARRAY_DTYPE) == id(array.dtype)
        and flags & (C_CONTIGUOUS | ALIGNED | WRITEABLE) == ALIGNED | WRITEABLE
    )
