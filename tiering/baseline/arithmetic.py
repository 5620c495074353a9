"""Arithmetic, comparison and bit operators on scalars, as Numba compiles them.

Division, floor division and modulo raise ZeroDivisionError; floor division and modulo of floats are CPython's
`float_divmod`, which Numba translates too; integers wrap in 64 bits. A power with a constant exponent is the chain of
squarings that Numba unrolls, because that, and not the C library's `pow`, gives its bits.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from tiering.baseline import rules
from tiering.baseline.lowering import EXPRESSIONS, STORES, Lowering
from tiering.baseline.types import BOOL, FLOAT64, INT64, Scalar
from tiering.baseline.values import Value, constant

NAMES: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}
MOST_SQUARINGS = 0x10000
"""The largest exponent that Numba unrolls; above it, as for exponents that are not known, it calls `pow`."""

_FOLDED = {"add": int.__add__, "sub": int.__sub__, "mul": int.__mul__}
_COMPARED = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}


def binary(lower: Lowering, node: ast.BinOp) -> Value:
    """left operator right."""
    return operation(lower, NAMES.get(type(node.op), ""), lower.evaluate(node.left), lower.evaluate(node.right))


def operation(lower: Lowering, name: str, left: Value, right: Value) -> Value:
    """An operation by its name on two values."""
    if not isinstance(left.type, Scalar) or not isinstance(right.type, Scalar):
        lower.refuse(f"{name or 'an operator'} of {left.type.name} and {right.type.name}")
    if name in _FOLDED and left.type == right.type == INT64 and left.known and right.known:
        folded = _FOLDED[name](left.constant, right.constant)
        if -(1 << 63) <= folded < 1 << 63:
            return constant(folded)
    found = rules.arithmetic(name, left.type, right.type) if name else None
    if found is None:
        lower.refuse(f"{name or 'an operator'} of {left.type.name} and {right.type.name}")
    if name == "pow":
        return power(lower, left, right, found[2])
    floating = found[2].kind == "f"
    kind = found[0] if floating and found[0].kind == "f" else FLOAT64 if floating else found[2]
    a, b = lower.convert(left, found[0]), lower.convert(right, found[1])
    a, b = lower.convert(a, kind), lower.convert(b, kind)
    return (_float if floating else _integer)(lower, name, kind, a, b)


def _integer(lower: Lowering, name: str, kind: Scalar, a: Value, b: Value) -> Value:
    text, register = lower.text, kind.register
    if name in ("floordiv", "mod"):
        return divided(lower, kind, a, b, "integer division by zero")[name == "mod"]
    if name == "rshift":
        name = "ashr" if kind.kind == "i" else "lshr"
    elif name == "lshift":
        name = "shl"
    ir = text.value(f"{name} {register} {a.ir}, {b.ir}")
    return Value(kind, (ir,), positive=name == "and" and (a.positive or b.positive))


def divided(lower: Lowering, kind: Scalar, a: Value, b: Value, message: str) -> tuple[Value, Value]:
    """Quotient and remainder of integers, towards minus infinity; both 0 where the quotient overflows, as in Numba."""
    text, register = lower.text, kind.register
    if not (b.known and b.constant):
        lower.require(text.value(f"icmp ne {register} {b.ir}, 0"), ZeroDivisionError, message)
    if kind.kind == "u" or (a.positive and b.positive):
        signed = "s" if kind.kind == "i" else "u"
        quotient = text.value(f"{signed}div {register} {a.ir}, {b.ir}")
        remainder = text.value(f"{signed}rem {register} {a.ir}, {b.ir}")
        return Value(kind, (quotient,), positive=a.positive), Value(kind, (remainder,), positive=a.positive)
    dividend = a.ir
    if not b.known or b.constant == -1:
        least = text.value(f"icmp eq {register} {a.ir}, {-(1 << (kind.bits - 1))}")
        overflows = text.value(f"and i1 {least}, {text.value(f'icmp eq {register} {b.ir}, -1')}")
        dividend = text.value(f"select i1 {overflows}, {register} 0, {register} {a.ir}")
    quotient = text.value(f"sdiv {register} {dividend}, {b.ir}")
    remainder = text.value(f"srem {register} {dividend}, {b.ir}")
    inexact = text.value(f"icmp ne {register} {remainder}, 0")
    mixed = text.value(f"icmp slt {register} {text.value(f'xor {register} {remainder}, {b.ir}')}, 0")
    down = text.value(f"and i1 {inexact}, {mixed}")
    one = text.value(f"zext i1 {down} to {register}")
    floor = text.value(f"sub {register} {quotient}, {one}")
    added = text.value(f"select i1 {down}, {register} {b.ir}, {register} 0")
    modulo = text.value(f"add {register} {remainder}, {added}")
    return Value(kind, (floor,)), Value(kind, (modulo,), positive=b.positive)


def _negated(lower: Lowering, kind: Scalar, a: Value) -> Value:
    return Value(kind, (lower.text.value(f"sub {kind.register} 0, {a.ir}"),))


def _float(lower: Lowering, name: str, kind: Scalar, a: Value, b: Value) -> Value:
    text, register = lower.text, kind.register
    if name in ("add", "sub", "mul"):
        return Value(kind, (text.value(f"f{name} {register} {a.ir}, {b.ir}"),))
    message = "modulo by zero" if name == "mod" else "division by zero"
    if not (b.known and b.constant):
        lower.require(text.value(f"fcmp une {register} {b.ir}, 0.0"), ZeroDivisionError, message)
    if name == "truediv":
        return Value(kind, (text.value(f"fdiv {register} {a.ir}, {b.ir}"),))
    return float_divided(lower, kind, a.ir, b.ir)[name == "mod"]


def float_divided(lower: Lowering, kind: Scalar, x: str, y: str) -> tuple[Value, Value]:
    """Floor quotient and modulo of floats whose divisor is not zero: `float_divmod` of CPython, without branches."""
    text, register = lower.text, kind.register
    remainder = text.value(f"frem {register} {x}, {y}")
    quotient = text.value(f"fdiv {register} {text.value(f'fsub {register} {x}, {remainder}')}, {y}")
    exact = text.value(f"fcmp oeq {register} {remainder}, 0.0")
    below = text.value(f"fcmp olt {register} {y}, 0.0")
    mixed = text.value(f"xor i1 {below}, {text.value(f'fcmp olt {register} {remainder}, 0.0')}")
    signed = text.value(f"select i1 {below}, {register} -0.0, {register} 0.0")
    moved = text.value(f"fadd {register} {remainder}, {y}")
    modulo = text.value(f"select i1 {mixed}, {register} {moved}, {register} {remainder}")
    modulo = text.value(f"select i1 {exact}, {register} {signed}, {register} {modulo}")
    less = text.value(f"fsub {register} {quotient}, 1.0")
    adjusts = text.value(f"and i1 {mixed}, {text.value(f'xor i1 {exact}, true')}")
    quotient = text.value(f"select i1 {adjusts}, {register} {less}, {register} {quotient}")
    suffix = "f64" if kind == FLOAT64 else "f32"
    floor = text.call(register, f"llvm.floor.{suffix}", [(register, quotient)])
    gap = text.value(f"fsub {register} {quotient}, {floor}")
    more = text.value(f"fadd {register} {floor}, 1.0")
    far = text.value(f"fcmp ogt {register} {gap}, 0.5")
    snapped = text.value(f"select i1 {far}, {register} {more}, {register} {floor}")
    square = text.value(f"fmul {register} {quotient}, {quotient}")
    nought = text.value(f"fdiv {register} {text.value(f'fmul {register} {square}, {x}')}, {y}")
    some = text.value(f"fcmp one {register} {quotient}, 0.0")
    floored = text.value(f"select i1 {some}, {register} {snapped}, {register} {nought}")
    return Value(kind, (floored,)), Value(kind, (modulo,))


def power(lower: Lowering, base: Value, exponent: Value, kind: Scalar) -> Value:
    """base ** exponent."""
    assert isinstance(exponent.type, Scalar)
    if exponent.type.kind == "f":
        return POWERS["float"](lower, base, exponent, kind)
    if exponent.known and abs(exponent.constant) <= MOST_SQUARINGS and exponent.type == INT64:
        return _unrolled(lower, lower.convert(base, kind), int(exponent.constant), kind)
    return POWERS["integer"](lower, base, exponent, kind)


def _unrolled(lower: Lowering, base: Value, exponent: int, kind: Scalar) -> Value:
    text, register = lower.text, kind.register
    multiply = "fmul" if kind.kind == "f" else "mul"
    result, left, squared = "", abs(exponent), base.ir
    while left:
        if left & 1:
            result = text.value(f"{multiply} {register} {result}, {squared}") if result else squared
        left >>= 1
        if left:
            squared = text.value(f"{multiply} {register} {squared}, {squared}")
    if not result:
        result = "1.0" if kind.kind == "f" else "1"
    if exponent >= 0:
        return Value(kind, (result,))
    if kind.kind == "f":
        lower.require(text.value(f"fcmp une {register} {result}, 0.0"), ZeroDivisionError, "division by zero")
        return Value(kind, (text.value(f"fdiv {register} 1.0, {result}"),))
    return INVERSES["integer"](lower, Value(kind, (result,)), kind)


INVERSES: dict[str, Callable[[Lowering, Value, Scalar], Value]] = {}
"""How 1 / x is lowered for an "integer"; see `powers`."""

POWERS: dict[str, Callable[[Lowering, Value, Value, Scalar], Value]] = {}
"""How powers are lowered whose exponent is a "float", or an "integer" that is not known; see `powers`."""


def unary(lower: Lowering, node: ast.UnaryOp) -> Value:
    """-x, +x, ~x, not x. Integers are negated and flipped in their own width, then widened to 64 bits."""
    if isinstance(node.op, ast.Not):
        value = lower.truth(node.operand)
        if value.known:
            return constant(not value.constant)
        return Value(BOOL, (lower.text.value(f"xor i1 {value.ir}, true"),))
    least = isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and node.operand.value == 1 << 63
    value = constant(-(1 << 63)) if least else lower.evaluate(node.operand)
    if least:
        return value
    if not isinstance(value.type, Scalar):
        lower.refuse(f"{type(node.op).__name__} of {value.type.name}")
    if isinstance(node.op, ast.USub) and value.known and value.type in (INT64, FLOAT64):
        return constant(-value.constant)
    kind = value.type if value.type.kind == "f" else rules.wide(value.type)
    if isinstance(node.op, ast.Invert):
        if value.type.kind == "f":
            lower.refuse("~ of a float")
        register = value.type.register
        flipped = Value(
            value.type, (lower.text.value(f"xor {register} {value.ir}, {-1 if register != 'i1' else 'true'}"),)
        )
        return lower.convert(flipped, kind) if value.type != BOOL else flipped
    if isinstance(node.op, ast.UAdd):
        return lower.convert(value, kind)
    if kind.kind == "f":
        return Value(kind, (lower.text.value(f"fneg {kind.register} {value.ir}"),))
    if value.type == BOOL:
        value = lower.convert(value, kind)
    assert isinstance(value.type, Scalar)
    return lower.convert(_negated(lower, value.type, value), kind)


def compare(lower: Lowering, node: ast.Compare) -> Value:
    """A chain of comparisons; each operand is evaluated once, and later ones only while the former hold."""
    if len(node.ops) == 1:
        return _compared(lower, node.ops[0], lower.evaluate(node.left), lower.evaluate(node.comparators[0]))
    return CHAINS["compare"](lower, node)


CHAINS: dict[str, Callable[[Lowering, ast.Compare], Value]] = {}
"""How chained comparisons are lowered; see `expressions`."""


def compared(lower: Lowering, operator: ast.cmpop, left: Value, right: Value) -> Value:
    """One comparison."""
    return _compared(lower, operator, left, right)


def _compared(lower: Lowering, operator: ast.cmpop, left: Value, right: Value) -> Value:
    name = _COMPARED.get(type(operator))
    if name is None:
        return COMPARISONS["other"](lower, operator, left, right)
    if not isinstance(left.type, Scalar) or not isinstance(right.type, Scalar):
        return COMPARISONS["other"](lower, operator, left, right)
    kind = rules.unified(left.type, right.type)
    a, b = lower.convert(left, kind).ir, lower.convert(right, kind).ir
    if kind.kind == "f":
        condition = "une" if name == "ne" else f"o{name}"
        return Value(BOOL, (lower.text.value(f"fcmp {condition} {kind.register} {a}, {b}"),))
    if name not in ("eq", "ne"):
        name = f"{'s' if kind.kind == 'i' else 'u'}{name}"
    return Value(BOOL, (lower.text.value(f"icmp {name} {kind.register} {a}, {b}"),))


COMPARISONS: dict[str, Callable[[Lowering, ast.cmpop, Value, Value], Value]] = {}
"""How what is no ordering of scalars is compared: `is`, `in`, tuples; see `expressions`."""


def augmented(lower: Lowering, node: ast.AugAssign, _: object) -> None:
    """target operator= value; the place of an array is found once."""
    name = NAMES.get(type(node.op), "")
    if isinstance(node.target, ast.Name):
        if node.target.id not in lower.variables:
            lower.refuse(f"{node.target.id}, which may not be assigned yet")
        left = lower.variables[node.target.id]
        lower.variables[node.target.id] = operation(lower, name, left, lower.evaluate(node.value))
    elif isinstance(node.target, ast.Subscript):
        PLACES["augmented"](lower, node.target, lambda left: operation(lower, name, left, lower.evaluate(node.value)))
    else:
        lower.refuse(f"augmented assignment to {type(node.target).__name__}")


PLACES: dict[str, Callable[[Lowering, ast.Subscript, Callable[[Value], Value]], None]] = {}
"""How a place of an array is changed: "augmented"; see `indexing`."""

EXPRESSIONS[ast.BinOp] = binary
EXPRESSIONS[ast.UnaryOp] = unary
EXPRESSIONS[ast.Compare] = compare
STORES["augmented"] = augmented
