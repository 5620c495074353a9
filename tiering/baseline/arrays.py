"""Functions that make arrays: zeros, empty, ones, full, their *_like forms, arange and copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tiering.baseline.functions import MAKERS, METHODS, invoke
from tiering.baseline.indexing import shape
from tiering.baseline.lowering import Lowering
from tiering.baseline.memory import HEAD_BYTES, POOL, need_pool
from tiering.baseline.slices import COPIES
from tiering.baseline.types import BY_NAME, FLOAT64, INT64, Array, Scalar, Tuple
from tiering.baseline.values import Value, constant, items

Maker: TypeAlias = Callable[[Lowering, list[Value], dict[str, Value]], Value]

MOST_BYTES = 1 << 47
"""More than any address space holds; a product of lengths beyond it has overflowed, or soon would."""


def new(lower: Lowering, dtype: Scalar, lengths: list[Value], *, zeroed: bool = False) -> Value:
    """A new C-contiguous array. ValueError for a negative length, MemoryError where there is no memory."""
    need_pool(lower)
    text = lower.text
    size = str(dtype.bytes)
    for length in lengths:
        if not length.positive:
            lower.require(text.value(f"icmp sge i64 {length.ir}, 0"), ValueError, "negative dimensions not allowed")
        pair = text.call("{i64, i1}", "llvm.umul.with.overflow.i64", [("i64", size), ("i64", length.ir)])
        size = text.value(f"extractvalue {{i64, i1}} {pair}, 0")
        over = text.value(f"extractvalue {{i64, i1}} {pair}, 1")
        fits = text.value(f"icmp ult i64 {size}, {MOST_BYTES}")
        good = text.value(f"and i1 {fits}, {text.value(f'xor i1 {over}, true')}")
        lower.require(
            good,
            ValueError,
            "array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.",
        )
    total = text.value(f"add i64 {size}, {HEAD_BYTES}")
    block = text.value(f"call ptr @calloc(i64 1, i64 {total})" if zeroed else f"call ptr @malloc(i64 {total})")
    lower.require(text.value(f"icmp ne ptr {block}, null"), MemoryError, "Allocation failed (probably too large).")
    text.line(f"store ptr {text.value(f'load ptr, ptr {POOL}')}, ptr {block}")
    text.line(f"store ptr {POOL}, ptr {text.value(f'getelementptr i64, ptr {block}, i64 1')}")
    text.line(f"store ptr {block}, ptr {POOL}")
    data = text.value(f"getelementptr i8, ptr {block}, i64 {HEAD_BYTES}")
    return Value(Array(dtype, len(lengths)), (data, *(length.ir for length in lengths), block))


def flat(lower: Lowering, array: Value) -> Value:
    """All elements of a contiguous array as one dimension."""
    kind = array.type
    assert isinstance(kind, Array)
    size = array.parts[1]
    for length in array.parts[2 : 1 + kind.ndim]:
        size = lower.text.value(f"mul i64 {size}, {length}")
    return Value(Array(kind.dtype, 1, "C", kind.writable), (array.parts[0], size, array.parts[-1]))


def filled(lower: Lowering, dtype: Scalar, lengths: list[Value], value: Value) -> Value:
    """A new array whose elements are all this value."""
    made = new(lower, dtype, lengths)
    invoke(lower, fill, [flat(lower, made), lower.convert(value, dtype)])
    return made


def fill(array, value):  # type: ignore[no-untyped-def]
    """Give all elements this value."""
    for i in range(len(array)):
        array[i] = value


def count_up(array, start, step):  # type: ignore[no-untyped-def]
    """Give the elements start, start + step, start + 2 step ..."""
    for i in range(len(array)):
        array[i] = start + i * step


def copy_into(array, other):  # type: ignore[no-untyped-def]
    """Give the elements those of another array."""
    for i in range(len(array)):
        array[i] = other[i]


def dtype_of(lower: Lowering, given: Value | None, usual: Scalar) -> Scalar:
    """The element type that was asked for."""
    if given is None or (given.known and given.constant is None):
        return usual
    wanted = given.constant if given.known else None
    plain: dict[Any, Scalar] = {float: FLOAT64, int: INT64, bool: BY_NAME["bool"]}
    if isinstance(wanted, type) and wanted in plain:
        return plain[wanted]
    name = None
    if isinstance(wanted, np.dtype) or (isinstance(wanted, type) and issubclass(wanted, np.generic)):
        name = np.dtype(wanted).name
    if name not in BY_NAME:
        lower.refuse(f"the dtype {getattr(wanted, '__name__', given.type.name)}")
    return BY_NAME[name]


def lengths_of(lower: Lowering, given: Value) -> list[Value]:
    """A shape: a length, or a tuple of them."""
    wanted = items(given) if isinstance(given.type, Tuple) else [given]
    if not wanted or not all(isinstance(length.type, Scalar) and length.type.is_integer for length in wanted):
        lower.refuse(f"a shape that is {given.type.name}")
    return [lower.convert(length, INT64) for length in wanted]


def _named(
    lower: Lowering, name: str, names: tuple[str, ...], given: list[Value], more: dict[str, Value]
) -> dict[str, Value]:
    if len(given) > len(names) or not set(more) <= set(names[len(given) :]):
        lower.refuse(f"these arguments of numpy.{name}")
    return {**dict(zip(names, given, strict=False)), **more}


def _from_shape(name: str, value: Any) -> Maker:
    def lowered(lower: Lowering, given: list[Value], more: dict[str, Value]) -> Value:
        named = _named(lower, name, ("shape", "dtype"), given, more)
        if "shape" not in named:
            lower.refuse(f"numpy.{name} without a shape")
        return _made(lower, dtype_of(lower, named.get("dtype"), FLOAT64), lengths_of(lower, named["shape"]), value)

    return lowered


def _like(name: str, value: Any) -> Maker:
    def lowered(lower: Lowering, given: list[Value], more: dict[str, Value]) -> Value:
        named = _named(lower, name, ("prototype", "dtype"), given, more)
        model = named.get("prototype")
        if model is None or not isinstance(model.type, Array) or (model.type.layout != "C" and model.type.ndim > 1):
            lower.refuse(f"numpy.{name} of {model.type.name if model else 'nothing'}")
        return _made(lower, dtype_of(lower, named.get("dtype"), model.type.dtype), shape(model), value)

    return lowered


def _made(lower: Lowering, dtype: Scalar, lengths: list[Value], value: Any) -> Value:
    if value is None or value == 0:
        return new(lower, dtype, lengths, zeroed=value is not None)
    return filled(lower, dtype, lengths, constant(value))


def _full(lower: Lowering, given: list[Value], more: dict[str, Value]) -> Value:
    named = _named(lower, "full", ("shape", "fill_value", "dtype"), given, more)
    value = named.get("fill_value")
    if "shape" not in named or value is None or not isinstance(value.type, Scalar):
        lower.refuse("these arguments of numpy.full")
    return filled(lower, dtype_of(lower, named.get("dtype"), value.type), lengths_of(lower, named["shape"]), value)


def _full_like(lower: Lowering, given: list[Value], more: dict[str, Value]) -> Value:
    named = _named(lower, "full_like", ("prototype", "fill_value", "dtype"), given, more)
    model, value = named.get("prototype"), named.get("fill_value")
    if model is None or not isinstance(model.type, Array) or value is None or not isinstance(value.type, Scalar):
        lower.refuse("these arguments of numpy.full_like")
    return filled(lower, dtype_of(lower, named.get("dtype"), model.type.dtype), shape(model), value)


def _arange(lower: Lowering, given: list[Value], more: dict[str, Value]) -> Value:
    if len(given) != 1 or more or given[0].type != INT64:
        lower.refuse("numpy.arange but of one int")
    stop = given[0]
    text = lower.text
    some = text.value(f"icmp sgt i64 {stop.ir}, 0")
    length = Value(INT64, (text.value(f"select i1 {some}, i64 {stop.ir}, i64 0"),), positive=True)
    made = new(lower, INT64, [length])
    invoke(lower, count_up, [made, constant(0), constant(1)])
    return made


def copied(lower: Lowering, array: Value) -> Value:
    """A new array with the elements of a contiguous one."""
    kind = array.type
    assert isinstance(kind, Array)
    made = new(lower, kind.dtype, shape(array))
    if kind.layout != "C":
        if kind.layout != "A" or kind.ndim > len(COPIES):
            lower.refuse(f"a copy of {kind.name}")
        invoke(lower, COPIES[kind.ndim - 1], [made, array])
        return made
    invoke(lower, copy_into, [flat(lower, made), flat(lower, array)])
    return made


def _copy(lower: Lowering, given: list[Value], more: dict[str, Value]) -> Value:
    if len(given) != 1 or more or not isinstance(given[0].type, Array):
        lower.refuse("numpy.copy but of one array")
    return copied(lower, given[0])


def _copy_method(lower: Lowering, array: Value, given: list[Value]) -> Value:
    if given:
        lower.refuse("copy with an order")
    return copied(lower, array)


def _ravel(lower: Lowering, array: Value, given: list[Value]) -> Value:
    kind = array.type
    assert isinstance(kind, Array)
    if given:
        lower.refuse("ravel with an order")
    return flat(lower, array if kind.layout == "C" else copied(lower, array))


def _flatten(lower: Lowering, array: Value, given: list[Value]) -> Value:
    if given:
        lower.refuse("flatten with an order")
    return flat(lower, copied(lower, array))


METHODS["copy"] = _copy_method
METHODS["ravel"] = _ravel
METHODS["flatten"] = _flatten
_TABLE: dict[Any, Maker] = {
    np.zeros: _from_shape("zeros", 0),
    np.empty: _from_shape("empty", None),
    np.ones: _from_shape("ones", 1),
    np.zeros_like: _like("zeros_like", 0),
    np.empty_like: _like("empty_like", None),
    np.ones_like: _like("ones_like", 1),
    np.full: _full,
    np.full_like: _full_like,
    np.arange: _arange,
    np.copy: _copy,
}
MAKERS |= _TABLE
