"""Elements and rows of arrays: addresses, checks, loads and stores.

An index is checked against its dimension after a negative one has been counted from the end, as Python does; an index
that is known not to be negative is compared only. Fewer indices than dimensions give a view, which is arithmetic on
pointers and copies nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tiering.baseline.arithmetic import PLACES
from tiering.baseline.expressions import ATTRIBUTES
from tiering.baseline.lowering import EXPRESSIONS, STORES, Lowering
from tiering.baseline.types import INT64, Array, Scalar, Tuple
from tiering.baseline.values import Value, constant, converted, items, tuple_of

OUT_OF_BOUNDS = "index is out of bounds"


def shape(array: Value) -> list[Value]:
    """The lengths of an array's dimensions."""
    assert isinstance(array.type, Array)
    return [Value(INT64, (part,), positive=True) for part in array.parts[1 : 1 + array.type.ndim]]


def strides(lower: Lowering, array: Value) -> list[str]:
    """Bytes from one element to the next, per dimension."""
    kind = array.type
    assert isinstance(kind, Array)
    if kind.layout == "A":
        return list(array.parts[1 + kind.ndim : -1])
    found, step = [], str(kind.dtype.bytes)
    order = range(kind.ndim) if kind.layout == "F" else reversed(range(kind.ndim))
    for dimension in order:
        found.append(step)
        step = lower.text.value(f"mul i64 {step}, {array.parts[1 + dimension]}")
    return found if kind.layout == "F" else found[::-1]


def position(lower: Lowering, index: Value, length: str, *, checked: bool = True) -> str:
    """An index as a place from 0 to length - 1. Raises IndexError in the compiled code where it lies outside."""
    if not isinstance(index.type, Scalar) or not index.type.is_integer:
        lower.refuse(f"an index that is {index.type.name}")
    text = lower.text
    positive = index.positive or index.type.kind == "u"
    place = lower.convert(index, INT64).ir
    if not positive and not (index.known and index.constant >= 0):
        negative = text.value(f"icmp slt i64 {place}, 0")
        place = text.value(f"select i1 {negative}, i64 {text.value(f'add i64 {place}, {length}')}, i64 {place}")
    if checked:
        lower.require(text.value(f"icmp ult i64 {place}, {length}"), IndexError, OUT_OF_BOUNDS)
    return place


def address(lower: Lowering, array: Value, indices: list[Value], *, checked: bool = True) -> str:
    """Where the element or the view at these leading indices begins."""
    kind = array.type
    assert isinstance(kind, Array)
    text, lengths = lower.text, array.parts[1 : 1 + kind.ndim]
    places = [position(lower, i, length, checked=checked) for i, length in zip(indices, lengths, strict=False)]
    if kind.layout == "C":
        linear = places[0]
        for dimension in range(1, kind.ndim):
            linear = text.value(f"mul i64 {linear}, {lengths[dimension]}")
            if dimension < len(places):
                linear = text.value(f"add i64 {linear}, {places[dimension]}")
        return text.value(f"getelementptr {kind.dtype.memory}, ptr {array.parts[0]}, i64 {linear}")
    offset = ""
    for place, stride in zip(places, strides(lower, array), strict=False):
        term = text.value(f"mul i64 {place}, {stride}")
        offset = text.value(f"add i64 {offset}, {term}") if offset else term
    return text.value(f"getelementptr i8, ptr {array.parts[0]}, i64 {offset}")


def element(lower: Lowering, array: Value, indices: list[Value], *, checked: bool = True) -> Value:
    """The element at these indices, or the view where there are fewer of them than dimensions."""
    kind = array.type
    assert isinstance(kind, Array)
    if len(indices) > kind.ndim:
        lower.refuse(f"{len(indices)} indices of {kind.name}")
    if not indices:
        return array
    where = address(lower, array, indices, checked=checked)
    if len(indices) == kind.ndim:
        return load(lower, kind.dtype, where)
    rest = kind.ndim - len(indices)
    layout = "C" if kind.layout == "C" else "A"
    lengths = array.parts[1 + len(indices) : 1 + kind.ndim]
    steps = tuple(strides(lower, array)[len(indices) :]) if layout == "A" else ()
    return Value(Array(kind.dtype, rest, layout, kind.writable), (where, *lengths, *steps, array.parts[-1]))


def load(lower: Lowering, kind: Scalar, where: str) -> Value:
    """An element from memory."""
    ir = lower.text.value(f"load {kind.memory}, ptr {where}, align {kind.bytes}")
    if kind.kind == "b":
        ir = lower.text.value(f"icmp ne i8 {ir}, 0")
    return Value(kind, (ir,))


def store(lower: Lowering, kind: Scalar, where: str, value: Value) -> None:
    """An element to memory."""
    ir = converted(lower.text, value, kind).ir
    if kind.kind == "b":
        ir = lower.text.value(f"zext i1 {ir} to i8")
    lower.text.line(f"store {kind.memory} {ir}, ptr {where}, align {kind.bytes}")


VIEWS: dict[str, Callable[..., Any]] = {}
"""How brackets with slices are lowered: "view" of them, and how all elements of a view are assigned; see `slices`."""


def has_slice(node: ast.expr) -> bool:
    """Whether brackets hold a slice or an ellipsis."""
    nodes = node.elts if isinstance(node, ast.Tuple) else [node]
    dots = (item for item in nodes if isinstance(item, ast.Constant) and item.value is Ellipsis)
    return any(isinstance(item, ast.Slice) for item in nodes) or any(True for _ in dots)


def indices_of(lower: Lowering, node: ast.expr) -> list[Value]:
    """The indices in brackets: one, or those of a tuple."""
    if isinstance(node, ast.Tuple):
        return [lower.evaluate(item) for item in node.elts]
    index = lower.evaluate(node)
    return items(index) if isinstance(index.type, Tuple) else [index]


def subscript(lower: Lowering, node: ast.Subscript) -> Value:
    """array[indices], tuple[constant]."""
    owner = lower.evaluate(node.value)
    if isinstance(owner.type, Tuple):
        return _item(lower, owner, lower.evaluate(node.slice))
    if not isinstance(owner.type, Array):
        lower.refuse(f"{owner.type.name} in brackets")
    if has_slice(node.slice):
        view: Value = VIEWS["view"](lower, owner, node.slice)
        return view
    return element(lower, owner, indices_of(lower, node.slice))


def _item(lower: Lowering, owner: Value, index: Value) -> Value:
    found = items(owner)
    if not index.known or not isinstance(index.constant, int):
        return _item_by_value(lower, found, index)
    if not -len(found) <= index.constant < len(found):
        lower.refuse(f"item {index.constant} of a tuple of {len(found)}")
    return found[index.constant]


def _item_by_value(lower: Lowering, found: list[Value], index: Value) -> Value:
    kinds = {item.type for item in found}
    if len(kinds) != 1 or not isinstance(found[0].type, Scalar):
        lower.refuse("a tuple by an index that is not a constant")
    place = position(lower, index, str(len(found)))
    ir = found[0].ir
    for number, item in enumerate(found[1:], 1):
        here = lower.text.value(f"icmp eq i64 {place}, {number}")
        ir = lower.text.value(f"select i1 {here}, {found[0].type.register} {item.ir}, {found[0].type.register} {ir}")
    return Value(found[0].type, (ir,))


def place_of(lower: Lowering, node: ast.Subscript) -> tuple[Scalar, str]:
    """The element type and address of a place that is to be written."""
    owner = lower.evaluate(node.value)
    kind = owner.type
    if not isinstance(kind, Array):
        lower.refuse(f"assignment to an item of {kind.name}")
    if not kind.writable:
        lower.refuse(f"assignment to an item of {kind.name}")
    if has_slice(node.slice):
        lower.refuse("an operation on a slice in place")
    indices = indices_of(lower, node.slice)
    if len(indices) != kind.ndim:
        lower.refuse("assignment to a whole row")
    return kind.dtype, address(lower, owner, indices)


def assign(lower: Lowering, node: ast.Subscript, value: Value) -> None:
    """array[indices] = value."""
    if has_slice(node.slice):
        VIEWS["assign"](lower, subscript(lower, node), value)
        return
    owner = lower.evaluate(node.value)
    kind = owner.type
    if not isinstance(kind, Array) or not kind.writable:
        lower.refuse(f"assignment to an item of {kind.name}")
    indices = indices_of(lower, node.slice)
    if len(indices) < kind.ndim:
        VIEWS["assign"](lower, element(lower, owner, indices), value)
        return
    if len(indices) > kind.ndim or not isinstance(value.type, Scalar):
        lower.refuse(f"assignment of {value.type.name} to an element of {kind.name}")
    store(lower, kind.dtype, address(lower, owner, indices), value)


def change(lower: Lowering, node: ast.Subscript, compute: Callable[[Value], Value]) -> None:
    """array[indices] operator= value."""
    kind, where = place_of(lower, node)
    store(lower, kind, where, compute(load(lower, kind, where)))


def _shape(_: Lowering, array: Value) -> Value:
    return tuple_of(shape(array))


def _size(lower: Lowering, array: Value) -> Value:
    lengths = [length.ir for length in shape(array)]
    product = lengths[0]
    for length in lengths[1:]:
        product = lower.text.value(f"mul i64 {product}, {length}")
    return Value(INT64, (product,), positive=True)


def _ndim(_: Lowering, array: Value) -> Value:
    assert isinstance(array.type, Array)
    return constant(array.type.ndim)


def _transposed(_: Lowering, array: Value) -> Value:
    kind = array.type
    assert isinstance(kind, Array)
    numbers = array.parts[1:-1]
    lengths, steps = numbers[: kind.ndim][::-1], numbers[kind.ndim :][::-1]
    layout = kind.layout if kind.ndim == 1 else {"C": "F", "F": "C", "A": "A"}[kind.layout]
    return Value(kind._replace(layout=layout), (array.parts[0], *lengths, *steps, array.parts[-1]))


EXPRESSIONS[ast.Subscript] = subscript
STORES["subscript"] = assign
PLACES["augmented"] = change
ATTRIBUTES |= {"shape": _shape, "size": _size, "ndim": _ndim, "T": _transposed}
