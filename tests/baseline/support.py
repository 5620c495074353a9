"""Calling what the baseline compiler made, by ctypes: no bridge, so that a failure here is one of the compiler.

Arguments are unpacked into the parts that `values` describes, the result is read back from its slots, and memory that
the compiled code hands out is copied and freed. Whatever two callables do is compared bit by bit: type of the result,
its bits (a nan equals a nan, whatever its payload), the class of an exception, and the arrays that were given.
"""

from __future__ import annotations

import copy
import ctypes
import itertools
import linecache
import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np

from tiering.baseline.engine import Level, compile_text
from tiering.baseline.module import Lowered, lower
from tiering.baseline.types import BOOL, BY_NAME, FLOAT64, INT64, NONE, Array, Scalar, Tuple, Type
from tiering.baseline.values import registers

_libc = ctypes.CDLL(None)
_libc.free.argtypes = [ctypes.c_void_p]
_serial = itertools.count()


def type_of(value: Any) -> Type:
    """The type as which an argument is compiled."""
    if isinstance(value, bool | np.bool_):
        return BOOL
    if isinstance(value, np.generic):
        return BY_NAME[value.dtype.name]
    if isinstance(value, int):
        return INT64
    if isinstance(value, float):
        return FLOAT64
    if isinstance(value, tuple):
        return Tuple(tuple(map(type_of, value)))
    if isinstance(value, np.ndarray):
        layout = "C" if value.flags.c_contiguous else "F" if value.flags.f_contiguous else "A"
        return Array(BY_NAME[value.dtype.name], value.ndim, layout, value.flags.writeable)
    assert value is None, value
    return NONE


def _number(kind: Scalar) -> Any:
    if kind.kind == "f":
        return ctypes.c_double if kind == FLOAT64 else ctypes.c_float
    if kind == BOOL:
        return ctypes.c_bool
    return getattr(ctypes, f"c_{kind.name}")


def _parts(value: Any) -> list[Any]:
    kind = type_of(value)
    if isinstance(kind, Array):
        steps = value.strides if kind.layout == "A" else ()
        numbers = [ctypes.c_int64(number) for number in (*value.shape, *steps)]
        return [ctypes.c_void_p(value.ctypes.data), *numbers, ctypes.c_void_p(id(value) | 1)]
    if isinstance(kind, Tuple):
        return [part for item in value for part in _parts(item)]
    return [_number(kind)(value.item() if isinstance(value, np.generic) else value)] if value is not None else []


class Compiled:
    """A function, compiled at a level for arguments of these types; called like a function."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], level: Level = "O0") -> None:
        self.lowered: Lowered = lower(function, tuple(map(type_of, arguments)))
        self.code = compile_text(self.lowered.text, self.lowered.symbol, level)

    def __call__(self, *arguments: Any) -> Any:
        """Call it. Raises what the compiled code raises."""
        slots, owners = self._called(arguments), set[int]()
        value = _unboxed(self.lowered.result, iter(slots), owners)
        for owner in owners:
            _libc.free(owner)
        return value

    def discarded(self, *arguments: Any) -> None:
        """Call it and free what it returns, unseen, which is quicker for large arrays."""
        slots = iter(self._called(arguments))
        for owner in set(_owners(self.lowered.result, slots)):
            _libc.free(owner)

    def _called(self, arguments: tuple[Any, ...]) -> Any:
        slots = (ctypes.c_uint64 * max(1, len(registers(self.lowered.result))))()
        parts = [part for argument in arguments for part in _parts(argument)]
        entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *map(type, parts))(self.code.address)
        status = entry(ctypes.addressof(slots), *parts)
        if status:
            raised = self.lowered.raised[status - 1]
            raise raised.kind(*raised.arguments)
        return slots


def _owners(kind: Type, slots: Iterator[int]) -> Iterator[int]:
    if isinstance(kind, Tuple):
        for item in kind.items:
            yield from _owners(item, slots)
    else:
        *_, last = (next(slots) for _ in registers(kind))
        if isinstance(kind, Array) and last and not last & 1:
            yield last


def _unboxed(kind: Type, slots: Iterator[int], owners: set[int]) -> Any:
    if isinstance(kind, Scalar):
        return _scalar(kind, struct.pack("<Q", next(slots)))
    if isinstance(kind, Tuple):
        return tuple(_unboxed(item, slots, owners) for item in kind.items)
    if not isinstance(kind, Array):
        return None
    data, *lengths = (next(slots) for _ in range(1 + kind.ndim))
    item = kind.dtype.bytes
    steps = [struct.unpack("<q", struct.pack("<Q", next(slots)))[0] for _ in lengths] if kind.layout == "A" else None
    if steps is None:
        order = lengths if kind.layout == "F" else lengths[::-1]
        steps = [item * math.prod(order[:number]) for number in range(len(order))]
        steps = steps if kind.layout == "F" else steps[::-1]
    owner = next(slots)
    made = np.empty(lengths, kind.dtype.name)
    for index in np.ndindex(*lengths):
        where = data + sum(place * step for place, step in zip(index, steps, strict=True))
        made[index] = np.frombuffer(ctypes.string_at(where, item), kind.dtype.name)[0]
    if owner and not owner & 1:
        owners.add(owner)
    return made


def _scalar(kind: Scalar, raw: bytes) -> bool | int | float:
    if kind.kind == "f":
        value: float = struct.unpack("<d", raw)[0] if kind == FLOAT64 else struct.unpack("<f", raw[:4])[0]
        return value
    if kind == BOOL:
        assert raw[0] in (0, 1)
        return bool(raw[0])
    return int.from_bytes(raw[: kind.bits // 8], "little", signed=kind.kind == "i")


def njit(function: Callable[..., Any]) -> Any:
    """What everything is compared with."""
    return numba.njit(boundscheck=True)(function)


def define(text: str, name: str = "f", **names: Any) -> Any:
    """A function from its source text, which the compiler can read back; `names` are its globals."""
    file = f"<generated {next(_serial)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space: dict[str, Any] = {"np": np, "math": math, **names}
    exec(compile(text, file, "exec"), space)
    return space[name]


def bits(value: Any) -> Any:
    """A value such that two are equal if and only if they have the same type and the same bits.

    A scalar of NumPy, which CPython reads from an array, stands for the Python number that compiled code returns.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    if isinstance(value, np.ndarray):
        plain = np.where(np.isnan(value), np.nan, value).astype(value.dtype) if value.dtype.kind == "f" else value
        return value.dtype.name, value.shape, np.ascontiguousarray(plain).tobytes()
    if isinstance(value, float):
        return type(value), "nan" if math.isnan(value) else struct.pack("<d", value)
    return type(value), value


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What a call comes to: the bits of its result and of its arguments afterwards, or the class that it raises.

    The call gets copies that keep their layout.
    """
    given = tuple(copied(argument) for argument in arguments)
    try:
        result = function(*given)
    except (ArithmeticError, LookupError, ValueError, AssertionError, MemoryError, RuntimeError) as error:
        return type(error), bits(given)
    return bits(result), bits(given)


def copied(argument: Any) -> Any:
    """An argument that may be changed: an array with the same strides and flags, in memory of its own."""
    if not isinstance(argument, np.ndarray):
        return copy.deepcopy(argument)
    base = argument
    while isinstance(base.base, np.ndarray):
        base = base.base
    own = base.copy(order="K")
    start = argument.ctypes.data - base.ctypes.data
    moved = np.ndarray(argument.shape, argument.dtype, own, start, argument.strides)
    moved.flags.writeable = argument.flags.writeable
    return moved


def agree(
    function: Callable[..., Any],
    *arguments: Any,
    levels: tuple[Level, ...] = ("O0", "O3"),
    reference: Callable[..., Any] | None = None,
) -> Any:
    """Compile and call at these levels; all must do what the reference (CPython if None) does. Its outcome."""
    expected = outcome(reference or function, arguments)
    for level in levels:
        compiled = Compiled(function, arguments, level)
        assert outcome(compiled, arguments) == expected, level
        compiled.code.close()
    return expected
