"""Slices: views by arithmetic on pointers, and assignment to them.

Bounds are clamped as Python clamps them; a step has to be a constant. A view is C-contiguous where integers, then at
most one slice without step, then whole dimensions follow each other in a C-contiguous array. What is assigned to a
slice is a scalar, or an array that broadcasts to its shape, copied first since it may overlap.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from tiering.baseline.functions import invoke
from tiering.baseline.indexing import VIEWS, position, strides
from tiering.baseline.lowering import Lowering
from tiering.baseline.types import INT64, Array, Scalar
from tiering.baseline.values import Value


class Cut(NamedTuple):
    """One dimension of a slice: where it begins, how long it is, its step, and whether it is all of the dimension."""

    start: str
    length: str
    step: int
    whole: bool


def view(lower: Lowering, array: Value, node: ast.expr) -> Value:
    """array[slices and integers]."""
    kind = array.type
    assert isinstance(kind, Array)
    nodes = _expanded(lower, node, kind.ndim)
    text, lengths, steps = lower.text, array.parts[1 : 1 + kind.ndim], strides(lower, array)
    offset, kept, contiguous, cut_seen = "", [], kind.layout == "C", False
    for item, length, stride in zip(nodes, lengths, steps, strict=True):
        if isinstance(item, ast.Slice):
            cut = _cut(lower, item, length)
            start = cut.start
            contiguous = contiguous and (cut.whole or (not cut_seen and cut.step == 1))
            cut_seen = True
            kept.append((cut, stride))
        else:
            start = position(lower, lower.evaluate(item), length)
            contiguous = contiguous and not cut_seen
        if start != "0":
            term = text.value(f"mul i64 {start}, {stride}")
            offset = text.value(f"add i64 {offset}, {term}") if offset else term
    data = text.value(f"getelementptr i8, ptr {array.parts[0]}, i64 {offset}") if offset else array.parts[0]
    layout = "C" if contiguous else "A"
    parts = [data, *(cut.length for cut, _ in kept)]
    if layout == "A":
        for cut, stride in kept:
            parts.append(stride if cut.step == 1 else text.value(f"mul i64 {stride}, {cut.step}"))
    return Value(Array(kind.dtype, len(kept), layout, kind.writable), (*parts, array.parts[-1]))


def _expanded(lower: Lowering, node: ast.expr, ndim: int) -> list[ast.expr]:
    """One node per dimension: an ellipsis and what is left out are whole dimensions."""
    nodes = list(node.elts) if isinstance(node, ast.Tuple) else [node]
    whole: ast.expr = ast.Slice()
    dots = [number for number, item in enumerate(nodes) if _is_ellipsis(item)]
    missing = ndim - len(nodes) + len(dots)
    if missing < 0 or len(dots) > 1:
        lower.refuse(f"{len(nodes)} indices of {ndim} dimensions")
    place = dots[0] if dots else len(nodes)
    return [*nodes[:place], *[whole] * missing, *nodes[place + len(dots) :]]


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _cut(lower: Lowering, node: ast.Slice, length: str) -> Cut:
    step = _step(lower, node)
    if node.lower is None and node.upper is None and step == 1:
        return Cut("0", length, 1, True)
    least, most = ("0", length) if step > 0 else ("-1", lower.text.value(f"sub i64 {length}, 1"))
    start = _bound(lower, node.lower, length, least, most, least if step > 0 else most)
    stop = _bound(lower, node.upper, length, least, most, most if step > 0 else least)
    text = lower.text
    first, last = (start, stop) if step > 0 else (stop, start)
    distance = text.value(f"sub i64 {last}, {first}")
    if step not in (1, -1):
        distance = text.value(f"sdiv i64 {text.value(f'add i64 {distance}, {abs(step) - 1}')}, {abs(step)}")
    some = text.value(f"icmp sgt i64 {distance}, 0")
    return Cut(start, text.value(f"select i1 {some}, i64 {distance}, i64 0"), step, False)


def _step(lower: Lowering, node: ast.Slice) -> int:
    if node.step is None:
        return 1
    step = lower.evaluate(node.step)
    if step.known and step.constant is None:
        return 1
    if not step.known or not isinstance(step.constant, int) or step.constant == 0:
        lower.refuse("a slice whose step is no constant but 0")
    return step.constant


def _bound(lower: Lowering, node: ast.expr | None, length: str, least: str, most: str, usual: str) -> str:
    value = lower.evaluate(node) if node is not None else None
    if value is None or (value.known and value.constant is None):
        return usual
    if not isinstance(value.type, Scalar) or not value.type.is_integer:
        lower.refuse(f"a slice bound that is {value.type.name}")
    text, bound = lower.text, lower.convert(value, INT64).ir
    if not value.positive:
        negative = text.value(f"icmp slt i64 {bound}, 0")
        bound = text.value(f"select i1 {negative}, i64 {text.value(f'add i64 {bound}, {length}')}, i64 {bound}")
        low = text.value(f"icmp slt i64 {bound}, {least}")
        bound = text.value(f"select i1 {low}, i64 {least}, i64 {bound}")
    high = text.value(f"icmp sgt i64 {bound}, {most}")
    return text.value(f"select i1 {high}, i64 {most}, i64 {bound}")


def assign_all(lower: Lowering, place: Value, value: Value) -> None:
    """place[...] = value, for all elements of a view."""
    from tiering.baseline.arrays import copied

    kind = place.type
    assert isinstance(kind, Array)
    if not kind.writable:
        lower.refuse(f"assignment to {kind.name}")
    if kind.ndim > len(FILLS):
        lower.refuse(f"assignment to {kind.ndim} dimensions at once")
    if isinstance(value.type, Scalar):
        invoke(lower, FILLS[kind.ndim - 1], [place, lower.convert(value, kind.dtype)])
    elif isinstance(value.type, Array) and value.type.ndim <= kind.ndim:
        invoke(lower, COPIES[kind.ndim - 1], [place, _stretched(lower, copied(lower, value), place)])
    else:
        lower.refuse(f"assignment of {value.type.name} to {kind.name}")


def _stretched(lower: Lowering, array: Value, place: Value) -> Value:
    """An array in the shape of a place: what is one long, or missing in front, is repeated by a stride of 0."""
    kind, text = array.type, lower.text
    assert isinstance(kind, Array)
    assert isinstance(place.type, Array)
    lengths = place.parts[1 : 1 + place.type.ndim]
    missing = len(lengths) - kind.ndim
    steps = ["0"] * missing
    for mine, other, step in zip(lengths[missing:], array.parts[1 : 1 + kind.ndim], strides(lower, array), strict=True):
        one = text.value(f"icmp eq i64 {other}, 1")
        fits = text.value(f"or i1 {one}, {text.value(f'icmp eq i64 {mine}, {other}')}")
        lower.require(fits, ValueError, "cannot assign slice from input of different size")
        steps.append(text.value(f"select i1 {one}, i64 0, i64 {step}"))
    stretched = Array(kind.dtype, len(lengths), "A", kind.writable)
    return Value(stretched, (array.parts[0], *lengths, *steps, array.parts[-1]))


def fill_1(array, value):  # type: ignore[no-untyped-def]
    """Give all elements this value."""
    for i in range(array.shape[0]):
        array[i] = value


def fill_2(array, value):  # type: ignore[no-untyped-def]
    """Give all elements this value."""
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            array[i, j] = value


def fill_3(array, value):  # type: ignore[no-untyped-def]
    """Give all elements this value."""
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            for k in range(array.shape[2]):
                array[i, j, k] = value


def copy_1(array, other):  # type: ignore[no-untyped-def]
    """Give the elements those of another array."""
    for i in range(array.shape[0]):
        array[i] = other[i]


def copy_2(array, other):  # type: ignore[no-untyped-def]
    """Give the elements those of another array."""
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            array[i, j] = other[i, j]


def copy_3(array, other):  # type: ignore[no-untyped-def]
    """Give the elements those of another array."""
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            for k in range(array.shape[2]):
                array[i, j, k] = other[i, j, k]


FILLS = (fill_1, fill_2, fill_3)
COPIES = (copy_1, copy_2, copy_3)

VIEWS["view"] = view
VIEWS["assign"] = assign_all
