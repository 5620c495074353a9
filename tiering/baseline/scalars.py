"""Functions of one or two scalars: NumPy's, their casts, and those of `math` and the builtins that give integers.

NumPy's functions take small integers and bools as float32 and larger ones as float64, where `math` takes all of them
as float64; both then are the same function of LLVM or of the C library. `round` to digits is CPython's algorithm from
before it had correctly rounded ones, which Numba translates; so it is written in Python here and compiled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tiering.baseline import rules
from tiering.baseline.arithmetic import divided, float_divided
from tiering.baseline.functions import BUILTINS, Builtin, absolute, scalar, suffix
from tiering.baseline.functions import invoke as call
from tiering.baseline.lowering import Lowering
from tiering.baseline.types import BOOL, BY_NAME, FLOAT32, FLOAT64, INT8, INT64, Scalar
from tiering.baseline.values import Value, constant, tuple_of

INTRINSICS = ("exp", "exp2", "log", "log2", "log10", "sin", "cos", "fabs", "rint")
"""Functions of NumPy that Numba takes from LLVM."""

LIBRARY = {
    **{name: name for name in ("sqrt", "tan", "sinh", "cosh", "tanh", "expm1", "log1p")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
"""Functions of NumPy that Numba takes from the C library, and what they are called there."""


def one(lower: Lowering, arguments: list[Value], what: str) -> tuple[Value, Scalar]:
    """The only argument, a scalar."""
    if len(arguments) != 1:
        lower.refuse(f"{what} of {len(arguments)} arguments")
    return arguments[0], scalar(lower, arguments[0], what)


def two(lower: Lowering, arguments: list[Value], what: str) -> tuple[Value, Scalar, Value, Scalar]:
    """The only two arguments, scalars."""
    if len(arguments) != 2:
        lower.refuse(f"{what} of {len(arguments)} arguments")
    x, y = arguments
    return x, scalar(lower, x, what), y, scalar(lower, y, what)


def _narrow(kind: Scalar) -> Scalar:
    if kind.kind == "f":
        return kind
    return FLOAT64 if kind.is_integer and kind.bits > 16 else FLOAT32


def _apply(lower: Lowering, function: str, *values: Value) -> Value:
    kind = values[0].type
    assert isinstance(kind, Scalar)
    name = f"{function}.{suffix(kind)}" if function.startswith("llvm.") else function + "f" * (kind == FLOAT32)
    return Value(kind, (lower.text.call(kind.register, name, [(kind.register, value.ir) for value in values]),))


def _of_numpy(name: str, function: str) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        value, kind = one(lower, arguments, f"numpy.{name}")
        return _apply(lower, function, lower.convert(value, _narrow(kind)))

    return lowered


def _rounded(name: str, of: str, *, whole: bool) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        value, kind = one(lower, arguments, f"{of}.{name}")
        if kind.kind == "f":
            result = _apply(lower, f"llvm.{name}", value)
            return lower.convert(result, INT64) if whole else result
        if whole and kind.bits == 64:
            value = lower.convert(value, FLOAT64)  # Numba loses the last bits of large integers, and so must we
        return lower.convert(value, rules.wide(kind)) if whole else value

    return lowered


def _is(name: str) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        value, kind = one(lower, arguments, name)
        if kind.kind != "f":
            return constant(name == "isfinite")
        text, register = lower.text, kind.register
        if name == "isnan":
            return Value(BOOL, (text.value(f"fcmp uno {register} {value.ir}, 0.0"),))
        size = text.call(register, f"llvm.fabs.{suffix(kind)}", [(register, value.ir)])
        order = "oeq" if name == "isinf" else "olt"
        return Value(BOOL, (text.value(f"fcmp {order} {register} {size}, 0x7FF0000000000000"),))

    return lowered


def _cast(kind: Scalar) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        value, _ = one(lower, arguments, f"numpy.{kind.name}")
        return lower.convert(value, kind)

    return lowered


def _scaled(name: str, factor: float) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        value, kind = one(lower, arguments, f"math.{name}")
        wide = kind if kind.kind == "f" else FLOAT64
        by = lower.convert(constant(factor), wide)
        ir = lower.text.value(f"fmul {wide.register} {lower.convert(value, wide).ir}, {by.ir}")
        return Value(wide, (ir,))

    return lowered


def _of_two(name: str) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        x, left, y, right = two(lower, arguments, f"math.{name}")
        if left.kind == "u" or right.kind == "u":
            lower.refuse(f"math.{name} of {left.name} and {right.name}")
        kind = rules.unified(left, right)
        kind = kind if kind.kind == "f" else FLOAT64
        return _apply(lower, name, lower.convert(x, kind), lower.convert(y, kind))

    return lowered


def _square(lower: Lowering, arguments: list[Value]) -> Value:
    value, kind = one(lower, arguments, "numpy.square")
    value = lower.convert(value, INT8) if kind == BOOL else value
    kind = INT8 if kind == BOOL else kind
    operation = "fmul" if kind.kind == "f" else "mul"
    return Value(kind, (lower.text.value(f"{operation} {kind.register} {value.ir}, {value.ir}"),))


def _absolute(lower: Lowering, arguments: list[Value]) -> Value:
    value, kind = one(lower, arguments, "numpy.abs")
    return value if kind == BOOL else absolute(lower, [value])


def _larger(name: str) -> Builtin:
    """NumPy's maximum and minimum: a nan wins."""

    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        x, left, y, right = two(lower, arguments, f"numpy.{name}")
        if left != right or left == BOOL:
            lower.refuse(f"numpy.{name} of {left.name} and {right.name}")
        text, register = lower.text, left.register
        order = "ge" if name == "maximum" else "le"
        if left.kind != "f":
            takes = text.value(f"icmp {'s' if left.kind == 'i' else 'u'}{order} {register} {x.ir}, {y.ir}")
        else:
            takes = text.value(f"fcmp u{order} {register} {x.ir}, {y.ir}")
            nan = text.value(f"fcmp uno {register} {y.ir}, 0.0")
            strange = text.value(f"fcmp uno {register} {x.ir}, 0.0")
            ordinary = text.value(f"xor i1 {nan}, true")
            takes = text.value(f"and i1 {takes}, {text.value(f'or i1 {ordinary}, {strange}')}")
        ir = text.value(f"select i1 {takes}, {register} {x.ir}, {register} {y.ir}")
        return Value(left, (ir,), positive=x.positive and y.positive)

    return lowered


def _round(lower: Lowering, arguments: list[Value]) -> Value:
    if len(arguments) == 2 and arguments[1].type == INT64 and arguments[0].type in (FLOAT32, FLOAT64):
        kind = scalar(lower, arguments[0], "round")
        return lower.convert(call(lower, to_digits, arguments), kind)
    value, kind = one(lower, arguments, "round")
    if kind.kind != "f":
        lower.refuse(f"round of {kind.name}")
    return lower.convert(_apply(lower, "llvm.rint", value), INT64)


def to_digits(x, digits):  # type: ignore[no-untyped-def]
    """`round(x, digits)`."""
    if math.isinf(x) or math.isnan(x):
        return x
    if digits >= 0:
        if digits > 22:
            first = 10.0 ** (digits - 22)
            second = 1e22
        else:
            first = 10.0**digits
            second = 1.0
        scaled = (x * first) * second
        if math.isinf(scaled):
            return x
        return (np.rint(scaled) / second) / first
    first = 10.0 ** (-digits)
    return np.rint(x / first) * first


def _divmod(lower: Lowering, arguments: list[Value]) -> Value:
    x, left, y, right = two(lower, arguments, "divmod")
    found = rules.arithmetic("floordiv", left, right)
    assert found is not None
    kind = found[2]
    a, b = lower.convert(lower.convert(x, found[0]), kind), lower.convert(lower.convert(y, found[1]), kind)
    if kind.kind != "f":
        return tuple_of(list(divided(lower, kind, a, b, "integer divmod by zero")))
    lower.require(lower.text.value(f"fcmp une {kind.register} {b.ir}, 0.0"), ZeroDivisionError, "float divmod()")
    return tuple_of(list(float_divided(lower, kind, a.ir, b.ir)))


def _table() -> dict[Any, Callable[[Lowering, list[Value]], Value]]:
    made: dict[Any, Builtin] = {round: _round, divmod: _divmod, np.square: _square, np.absolute: _absolute}
    for name in INTRINSICS:
        made[getattr(np, name)] = _of_numpy(name, f"llvm.{name}")
    for name, function in LIBRARY.items():
        made[getattr(np, name)] = _of_numpy(name, function)
    for name in ("floor", "ceil", "trunc"):
        made[getattr(math, name)] = _rounded(name, "math", whole=True)
        made[getattr(np, name)] = _rounded(name, "numpy", whole=False)
    for name in ("isnan", "isinf", "isfinite"):
        made[getattr(math, name)] = made[getattr(np, name)] = _is(name)
    for name, kind in BY_NAME.items():
        made[getattr(np, "bool_" if name == "bool" else name)] = _cast(kind)
    made[math.radians], made[math.degrees] = _scaled("radians", math.pi / 180), _scaled("degrees", 180 / math.pi)
    made[math.atan2], made[math.hypot] = _of_two("atan2"), _of_two("hypot")
    made[np.maximum], made[np.minimum] = _larger("maximum"), _larger("minimum")
    return made


BUILTINS |= _table()
