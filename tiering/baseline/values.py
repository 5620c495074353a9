"""Values at compile time: a type, the IR names of its parts, and what is known of it already.

A scalar has one part, a tuple the parts of its items, an array its data, its shape, its strides in bytes where it is
not contiguous, and the owner of its memory (see `memory`). Everything that joins, passes or returns values works on
parts and knows nothing else.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from tiering.baseline.text import Writer
from tiering.baseline.types import BOOL, FLOAT32, FLOAT64, INT64, NONE, Array, Constant, Scalar, Tuple, Type

UNKNOWN = object()
"""What `constant` is where nothing is known."""


class Value(NamedTuple):
    """`constant` is the Python object that this is sure to be; `positive` says that an integer is 0 or more."""

    type: Type
    parts: tuple[str, ...] = ()
    constant: Any = UNKNOWN
    positive: bool = False

    @property
    def ir(self) -> str:
        """The only part of a scalar."""
        return self.parts[0]

    @property
    def known(self) -> bool:
        """Whether it is a constant."""
        return self.constant is not UNKNOWN


def registers(kind: Type) -> list[str]:
    """LLVM's types of the parts of such a value."""
    if isinstance(kind, Scalar):
        return [kind.register]
    if isinstance(kind, Array):
        return ["ptr", *["i64"] * (kind.ndim * (2 if kind.layout == "A" else 1)), "ptr"]
    if isinstance(kind, Tuple):
        return [part for item in kind.items for part in registers(item)]
    return []


def zero(kind: Type) -> Value:
    """What a variable holds that was never assigned, which is what Numba gives it."""
    return Value(kind, tuple("null" if part == "ptr" else literal_zero(part) for part in registers(kind)))


def literal_zero(register: str) -> str:
    """Nought in this LLVM type."""
    return {"double": "0.0", "float": "0.0", "i1": "false"}.get(register, "0")


def constant(value: Any) -> Value:
    """A Python object as a value; modules, functions and strings exist while compiling only."""
    if isinstance(value, bool):
        return Value(BOOL, ("true" if value else "false",), value)
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return Value(INT64, (str(value),), value, value >= 0)
    if isinstance(value, float):
        return Value(FLOAT64, (hexadecimal(value),), value)
    if value is None:
        return Value(NONE, (), None)
    if isinstance(value, tuple):
        items = [constant(item) for item in value]
        return Value(Tuple(tuple(item.type for item in items)), tuple(p for item in items for p in item.parts), value)
    return Value(Constant(type(value).__name__), (), value)


def hexadecimal(value: float) -> str:
    """A float64 as LLVM reads it to the last bit."""
    return "0x" + struct.pack(">d", value).hex().upper()


def items(value: Value) -> list[Value]:
    """The items of a tuple."""
    assert isinstance(value.type, Tuple)
    found, place = [], 0
    for number, kind in enumerate(value.type.items):
        width = len(registers(kind))
        known = value.constant[number] if value.known else UNKNOWN
        found.append(Value(kind, value.parts[place : place + width], known))
        place += width
    return found


def tuple_of(values: list[Value]) -> Value:
    """A tuple of values."""
    known = tuple(value.constant for value in values) if all(value.known for value in values) else UNKNOWN
    parts = tuple(part for value in values for part in value.parts)
    return Value(Tuple(tuple(value.type for value in values)), parts, known)


def converted(text: Writer, value: Value, kind: Type) -> Value:
    """A value in another type, as Numba casts it. The pair must be one that `rules` allows."""
    if value.type == kind:
        return value
    if isinstance(kind, Tuple):
        return tuple_of([converted(text, item, wanted) for item, wanted in zip(items(value), kind.items, strict=True)])
    assert isinstance(value.type, Scalar)
    assert isinstance(kind, Scalar)
    if value.known and isinstance(value.constant, bool | int | float):
        if kind == FLOAT64:
            return constant(float(value.constant))
        if kind == INT64 and isinstance(value.constant, bool):
            return constant(int(value.constant))
    return Value(kind, (_cast(text, value.ir, value.type, kind),), positive=_stays_positive(value, value.type, kind))


def _stays_positive(value: Value, source: Scalar, target: Scalar) -> bool:
    if not target.is_integer or source.kind == "f":
        return False
    wider = target.bits > source.bits
    return wider if source.kind in "bu" else value.positive and (wider or target.bits == source.bits)


def _cast(text: Writer, ir: str, source: Scalar, target: Scalar) -> str:
    if target.kind == "b":
        if source.kind == "f":
            return text.value(f"fcmp une {source.register} {ir}, 0.0")
        return text.value(f"icmp ne {source.register} {ir}, 0")
    if source.kind == "f":
        if target.kind == "f":
            operation = "fpext" if target == FLOAT64 else "fptrunc"
            return text.value(f"{operation} {source.register} {ir} to {target.register}")
        operation = "fptosi" if target.kind == "i" else "fptoui"
        return text.value(f"{operation} {source.register} {ir} to {target.register}")
    if target.kind == "f":
        operation = "sitofp" if source.kind == "i" else "uitofp"
        return text.value(f"{operation} {source.register} {ir} to {target.register}")
    if target.bits == source.bits and source.kind != "b":
        return ir
    if target.bits < source.bits:
        return text.value(f"trunc {source.register} {ir} to {target.register}")
    operation = "sext" if source.kind == "i" else "zext"
    return text.value(f"{operation} {source.register} {ir} to {target.register}")


def truth(text: Writer, value: Value) -> str | None:
    """Whether a value counts as true, as one bit; None for what has no truth."""
    if isinstance(value.type, Scalar):
        return converted(text, value, BOOL).ir if value.type != BOOL else value.ir
    if isinstance(value.type, Tuple):
        return "true" if value.type.items else "false"
    return "false" if value.type == NONE else None


def float32(value: float) -> Value:
    """A float32 constant; LLVM writes it as the float64 that equals it."""
    rounded = struct.unpack("f", struct.pack("f", value))[0]
    return Value(FLOAT32, (hexadecimal(rounded),))
