"""Powers whose exponent is not a small constant.

A float exponent goes to LLVM's `pow`, as Numba's does. What LLVM's passes make of a constant one (a product, a square
root) is done here at once, since not every tier runs them and their bits differ from the C library's. An integer
exponent that is not known is Numba's loop of squarings, written in Python and compiled like anybody's function.
"""

from __future__ import annotations

import math

import numpy as np

from tiering.baseline import rules
from tiering.baseline.arithmetic import INVERSES, POWERS
from tiering.baseline.functions import invoke
from tiering.baseline.lowering import Lowering
from tiering.baseline.types import FLOAT32, INT64, Scalar
from tiering.baseline.values import Value


def float_power(lower: Lowering, base: Value, exponent: Value, kind: Scalar) -> Value:
    """base ** exponent, both floats."""
    found = rules.arithmetic("pow", base.type, exponent.type)  # type: ignore[arg-type]
    assert found is not None
    text, register = lower.text, kind.register
    x = lower.convert(base, kind).ir
    if exponent.known and exponent.constant in (0.0, 1.0, 2.0, -1.0):
        if exponent.constant == 0.0:
            return Value(kind, ("1.0",))
        if exponent.constant == 1.0:
            return Value(kind, (x,))
        if exponent.constant == 2.0:
            return Value(kind, (text.value(f"fmul {register} {x}, {x}"),))
        return Value(kind, (text.value(f"fdiv {register} 1.0, {x}"),))
    if exponent.known and exponent.constant == 0.5:
        return Value(kind, (_root(lower, register, x),))
    y = lower.convert(exponent, kind).ir
    name = "llvm.pow.f32" if kind == FLOAT32 else "llvm.pow.f64"
    return Value(kind, (text.call(register, name, [(register, x), (register, y)]),))


def _root(lower: Lowering, register: str, x: str) -> str:
    """x ** 0.5 as LLVM writes it: a square root that is positive for -0.0, and infinite for minus infinity."""
    text, short = lower.text, "f32" if register == "float" else "f64"
    root = text.call(register, f"llvm.sqrt.{short}", [(register, x)])
    positive = text.call(register, f"llvm.fabs.{short}", [(register, root)])
    infinity = "0x7FF0000000000000"
    lowest = text.value(f"fcmp oeq {register} {x}, 0xFFF0000000000000")
    return text.value(f"select i1 {lowest}, {register} {infinity}, {register} {positive}")


def integer_power(lower: Lowering, base: Value, exponent: Value, kind: Scalar) -> Value:
    """base ** exponent for an integer exponent that is not known."""
    body = real_power if kind.kind == "f" else whole_power if kind == INT64 else unsigned_power
    found = rules.arithmetic("pow", base.type, exponent.type)  # type: ignore[arg-type]
    assert found is not None
    made = invoke(lower, body, [lower.convert(base, kind), lower.convert(exponent, found[1])])
    return lower.convert(made, kind)


def inverse_power(lower: Lowering, power: Value, kind: Scalar) -> Value:
    """1 / power as an integer, for a constant exponent that is negative."""
    return lower.convert(invoke(lower, inverse, [power]), kind)


def inverse(power):  # type: ignore[no-untyped-def]
    """1 / power, of integers."""
    if power == 0:
        raise ZeroDivisionError("0 cannot be raised to a negative power")
    if power != 1 and power != -1:
        return 0
    return power


def whole_power(base, exponent):  # type: ignore[no-untyped-def]
    """An integer to an integer power, in 64 bits."""
    left = exponent
    if exponent < 0:
        left = -exponent
        if left < 0:
            raise OverflowError
        if base == 0:
            raise ZeroDivisionError("0 cannot be raised to a negative power")
        if base != 1 and base != -1:
            return 0
    if left > 0x10000:
        return int(math.pow(float(base), float(exponent)))
    result = 1
    while left != 0:
        if left & 1:
            result = result * base
        left = left >> 1
        base = base * base
    return result


def unsigned_power(base, exponent):  # type: ignore[no-untyped-def]
    """The same, where both are unsigned."""
    if exponent > 0x10000:
        return np.uint64(math.pow(float(base), float(exponent)))
    result = np.uint64(1)
    while exponent != 0:
        if exponent & 1:
            result = result * base
        exponent = exponent >> 1
        base = base * base
    return result


def real_power(base, exponent):  # type: ignore[no-untyped-def]
    """A float to an integer power; the type of the base is that of the result."""
    left = exponent
    if exponent < 0:
        left = -exponent
        if left < 0:
            raise OverflowError
    if left > 0x10000:
        return math.pow(base, float(exponent))
    result = base**0
    while left != 0:
        if left & 1:
            result = result * base
        left = left >> 1
        base = base * base
    if exponent < 0:
        return 1 / result
    return result


POWERS["float"] = float_power
POWERS["integer"] = integer_power
INVERSES["integer"] = inverse_power
