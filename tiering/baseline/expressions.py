"""Names, constants, tuples, boolean operators and conditional expressions; and what a name outside means."""

from __future__ import annotations

import ast
from types import ModuleType
from typing import Any

import numpy as np

from tiering.baseline import rules
from tiering.baseline.arithmetic import CHAINS, COMPARISONS, compared
from tiering.baseline.lowering import EXPRESSIONS, Edge, Lowering
from tiering.baseline.types import BOOL, BY_NAME, NONE, Array, Constant, Scalar, Tuple
from tiering.baseline.values import Value, constant, converted, float32, hexadecimal, items, tuple_of

RESULT = "."
"""The name under which the value of an expression is joined: no variable has it."""


def name(lower: Lowering, node: ast.Name) -> Value:
    """A variable, or what the name means outside."""
    found = lower.variables.get(node.id)
    if found is not None:
        if isinstance(found.type, Constant) and not found.known:
            lower.refuse(found.type.name)
        return found
    if node.id in lower.source.function.__code__.co_varnames:
        lower.refuse(f"{node.id}, which may not be assigned yet")
    try:
        return outside(lower, node.id, lower.source.outside(node.id))
    except KeyError:
        lower.refuse(f"the name {node.id}, which means nothing")
    except ValueError:
        lower.refuse(f"the name {node.id}, whose cell is empty")


def outside(lower: Lowering, name: str, value: Any) -> Value:
    """A global, an attribute of a module or a variable of a closure, frozen as it is now."""
    if isinstance(value, np.bool_):
        return constant(bool(value))
    if isinstance(value, np.number) and value.dtype.name in BY_NAME:
        kind = BY_NAME[value.dtype.name]
        if kind.kind == "f":
            return Value(kind, (hexadecimal(float(value)),)) if kind.bits == 64 else float32(float(value))
        return Value(kind, (str(int(value)),), positive=int(value) >= 0)
    if isinstance(value, np.ndarray):
        lower.refuse(f"{name}, an array from outside")
    if isinstance(value, int | float | tuple | None) and not _numbers_only(value):
        lower.refuse(f"{name}, a constant that is no number")
    return constant(value)


def literal(lower: Lowering, node: ast.Constant) -> Value:
    """A constant of the source."""
    if isinstance(node.value, int) and not isinstance(node.value, bool) and not -(1 << 63) <= node.value < 1 << 63:
        lower.refuse(f"the integer {node.value}, which needs more than 64 bits")
    if isinstance(node.value, complex | bytes) or node.value is Ellipsis:
        lower.refuse(f"a constant of type {type(node.value).__name__}")
    return constant(node.value)


def tuples(lower: Lowering, node: ast.Tuple) -> Value:
    """(a, b, ...)."""
    if any(isinstance(item, ast.Starred) for item in node.elts):
        lower.refuse("a starred item")
    return tuple_of([lower.evaluate(item) for item in node.elts])


def attribute(lower: Lowering, node: ast.Attribute) -> Value:
    """An attribute of a module, taken now, or of an array."""
    owner = lower.evaluate(node.value)
    if owner.known and isinstance(owner.constant, ModuleType):
        if not hasattr(owner.constant, node.attr):
            lower.refuse(f"{owner.constant.__name__}.{node.attr}, which does not exist")
        return outside(lower, node.attr, getattr(owner.constant, node.attr))
    if isinstance(owner.type, Array) and node.attr in ATTRIBUTES:
        made: Value = ATTRIBUTES[node.attr](lower, owner)
        return made
    raise lower.refusal(f"the attribute {node.attr} of {owner.type.name}")


ATTRIBUTES: dict[str, Any] = {}
"""Attributes of arrays, by name: (lowering, array) -> value; filled by `indexing`."""


def both(lower: Lowering, node: ast.BoolOp) -> Value:
    """a and b ..., a or b ...: the last operand that was looked at, in a type that holds all of them."""
    is_and = isinstance(node.op, ast.And)
    edges: list[tuple[Edge, Value]] = []
    last = len(node.values) - 1
    for number, operand in enumerate(node.values):
        value = lower.evaluate(operand)
        if number == last:
            edges.append((Edge(lower.text.here, lower.variables), value))
            break
        if value.known and not isinstance(value.type, Constant):
            if bool(value.constant) == is_and:
                continue
            edges.append((Edge(lower.text.here, lower.variables), value))
            break
        if not isinstance(value.type, Scalar):
            lower.refuse(f"and, or of {value.type.name}")
        bit = converted(lower.text, value, BOOL).ir
        short, onward = lower.text.block("short"), lower.text.block("onward")
        lower.text.fork(bit, *((onward, short) if is_and else (short, onward)))
        lower.text.begin(short)
        edges.append((Edge(short, lower.variables), value))
        lower.text.begin(onward)
    return _met(lower, edges)


def conditional(lower: Lowering, node: ast.IfExp) -> Value:
    """a if condition else b."""
    condition = lower.truth(node.test)
    if condition.known:
        return lower.evaluate(node.body if condition.constant else node.orelse)
    then, otherwise = lower.text.block("then"), lower.text.block("else")
    lower.text.fork(condition.ir, then, otherwise)
    edges = []
    for block, expression in ((then, node.body), (otherwise, node.orelse)):
        lower.text.begin(block)
        value = lower.evaluate(expression)
        edges.append((Edge(lower.text.here, lower.variables), value))
    return _met(lower, edges)


def _met(lower: Lowering, edges: list[tuple[Edge, Value]]) -> Value:
    if len(edges) == 1:
        return edges[0][1]
    before = lower.variables
    kinds = [value.type for _, value in edges]
    kind = kinds[0]
    for other in kinds[1:]:
        merged = rules.merged(kind, other)
        if merged is None:
            lower.refuse(f"an expression that is {kind.name} or {other.name}")
        kind = merged
    lower.join([Edge(edge.block, {RESULT: value}) for edge, value in edges], frozenset({RESULT}), "met")
    result = lower.variables[RESULT]
    lower.variables = before
    if isinstance(result.type, Constant) and not result.known:
        lower.refuse(f"an expression that is one of {', '.join(each.name for each in kinds)}")
    return result


def chain(lower: Lowering, node: ast.Compare) -> Value:
    """a < b < c."""
    left = lower.evaluate(node.left)
    edges: list[tuple[Edge, Value]] = []
    last = len(node.ops) - 1
    for number, (operator, operand) in enumerate(zip(node.ops, node.comparators, strict=True)):
        right = lower.evaluate(operand)
        holds = compared(lower, operator, left, right)
        if number == last:
            edges.append((Edge(lower.text.here, lower.variables), holds))
            break
        short, onward = lower.text.block("short"), lower.text.block("onward")
        lower.text.fork(holds.ir, onward, short)
        lower.text.begin(short)
        edges.append((Edge(short, lower.variables), constant(False)))
        lower.text.begin(onward)
        left = right
    return _met(lower, edges)


def other_comparison(lower: Lowering, operator: ast.cmpop, left: Value, right: Value) -> Value:
    """`is` and `is not` of None; equality and order of tuples of equal length."""
    if isinstance(operator, ast.Is | ast.IsNot) and NONE in (left.type, right.type):
        return constant((left.type == right.type) == isinstance(operator, ast.Is))
    equal = isinstance(operator, ast.Eq | ast.NotEq)
    if equal and isinstance(left.type, Tuple) and isinstance(right.type, Tuple):
        pairs = list(zip(items(left), items(right), strict=False))
        if len(left.type.items) != len(right.type.items):
            return constant(isinstance(operator, ast.NotEq))
        bits = [compared(lower, ast.Eq(), a, b).ir for a, b in pairs]
        result = bits[0] if bits else "true"
        for bit in bits[1:]:
            result = lower.text.value(f"and i1 {result}, {bit}")
        if isinstance(operator, ast.NotEq):
            result = lower.text.value(f"xor i1 {result}, true")
        return Value(BOOL, (result,))
    raise lower.refusal(f"{type(operator).__name__} of {left.type.name} and {right.type.name}")


def _numbers_only(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_numbers_only(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return -(1 << 63) <= value < 1 << 63
    return isinstance(value, bool | float | None)


EXPRESSIONS[ast.Name] = name
EXPRESSIONS[ast.Constant] = literal
EXPRESSIONS[ast.Tuple] = tuples
EXPRESSIONS[ast.Attribute] = attribute
EXPRESSIONS[ast.BoolOp] = both
EXPRESSIONS[ast.IfExp] = conditional
CHAINS["compare"] = chain
COMPARISONS["other"] = other_comparison
