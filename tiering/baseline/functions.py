"""Calls: builtins, `math`, scalar functions of NumPy, and other functions that can be compiled too.

Which object a name means is known while compiling, so a table from object to lowering decides, whatever it was imported
as. Another function is compiled for the types of this call and called directly; a status that it returns is passed on.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeAlias

from tiering.baseline import rules
from tiering.baseline.arithmetic import POWERS, operation
from tiering.baseline.indexing import shape
from tiering.baseline.loops import enumerate_of, range_of, zip_of
from tiering.baseline.lowering import EXPRESSIONS, STORES, Lowering
from tiering.baseline.memory import adopt, holds_array, leave
from tiering.baseline.types import BOOL, FLOAT32, FLOAT64, INT8, INT64, Array, Scalar, Tuple
from tiering.baseline.values import Value, constant, items, registers

Builtin: TypeAlias = Callable[[Lowering, list[Value]], Value]

INTRINSICS = ("exp", "log", "log10", "log2", "sin", "cos", "fabs")
"""Functions of `math` that Numba takes from LLVM."""

LIBRARY = (
    *("tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("expm1", "log1p", "sqrt", "erf", "erfc"),
)
"""Functions of `math` that Numba takes from the C library. Neither kind raises: they give nan or infinity."""


def call(lower: Lowering, node: ast.Call) -> Value:
    """function(arguments)."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
        owner = lower.evaluate(node.func.value)
        if isinstance(owner.type, Array) and not node.keywords:
            return METHODS[node.func.attr](lower, owner, [lower.evaluate(argument) for argument in node.args])
    function = lower.evaluate(node.func)
    if not function.known or not callable(function.constant):
        lower.refuse(f"a call of {function.type.name}")
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        lower.refuse("a starred argument")
    arguments = [lower.evaluate(argument) for argument in node.args]
    target = function.constant
    try:
        builtin = BUILTINS.get(target)
        makes = MAKERS.get(target)
    except TypeError:
        builtin = makes = None
    if builtin is not None:
        if node.keywords:
            lower.refuse(f"keyword arguments of {getattr(target, '__name__', 'a builtin')}")
        return builtin(lower, arguments)
    if makes is not None:
        return makes(lower, arguments, {str(keyword.arg): lower.evaluate(keyword.value) for keyword in node.keywords})
    plain = getattr(target, "py_func", target)
    if not isinstance(plain, FunctionType):
        lower.refuse(f"a call of {getattr(target, '__module__', '')}.{getattr(target, '__name__', target)}")
    return _other(lower, plain, arguments, node)


def _other(lower: Lowering, function: FunctionType, arguments: list[Value], node: ast.Call) -> Value:
    return invoke(lower, function, _complete(lower, function, arguments, node))


def invoke(lower: Lowering, function: Callable[..., Any], arguments: list[Value]) -> Value:
    """A call of another Python function, compiled for these arguments."""
    made = lower.functions.request(function, tuple(argument.type for argument in arguments))
    text = lower.text
    slots = max(1, len(registers(made.result)))
    result = text.name()
    text.blocks[0].lines.insert(0, f"{result} = alloca [{slots} x i64]")
    given = [f"ptr {result}"]
    for argument in arguments:
        given += [f"{r} {p}" for r, p in zip(registers(argument.type), argument.parts, strict=True)]
    status = text.value(f"call i32 @{made.symbol}({', '.join(given)})")
    failed, onward = text.block("failed"), text.block("returned")
    text.fork(text.value(f"icmp ne i32 {status}, 0"), failed, onward)
    text.begin(failed)
    leave(text, lower.knowledge.allocates, failed)
    failed.end = f"ret i32 {status}"
    text.begin(onward)
    parts = []
    for number, register in enumerate(registers(made.result)):
        slot = text.value(f"getelementptr i64, ptr {result}, i64 {number}")
        parts.append(text.value(f"load {register}, ptr {slot}"))
    if rules.nothing(made.result):
        return constant(None)
    value = Value(made.result, tuple(parts))
    if holds_array(made.result):
        adopt(lower, value)
    return value


def _complete(lower: Lowering, function: FunctionType, arguments: list[Value], node: ast.Call) -> list[Value]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = dict(zip(names, arguments, strict=False))
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg not in names or keyword.arg in given:
            lower.refuse(f"the keyword argument {keyword.arg} of {function.__name__}")
        given[keyword.arg] = lower.evaluate(keyword.value)
    defaults = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
    for name in names:
        if name not in given:
            if name not in defaults or not isinstance(defaults[name], bool | int | float):
                lower.refuse(f"a call of {function.__name__} without {name}")
            given[name] = constant(defaults[name])
    if len(arguments) > len(names):
        lower.refuse(f"{len(arguments)} arguments for the {len(names)} of {function.__name__}")
    return [given[name] for name in names]


def scalar(lower: Lowering, value: Value, what: str) -> Scalar:
    """The type of an argument that has to be a scalar."""
    if not isinstance(value.type, Scalar):
        lower.refuse(f"{what} of {value.type.name}")
    return value.type


def floating(lower: Lowering, value: Value, what: str) -> Value:
    """An argument as a float: float32 stays, all else is float64, as `math` takes it."""
    kind = scalar(lower, value, what)
    return lower.convert(value, kind if kind.kind == "f" else FLOAT64)


def suffix(kind: Scalar) -> str:
    """What LLVM appends to the names of its functions."""
    return "f32" if kind == FLOAT32 else "f64"


def _unary(name: str, *, intrinsic: bool) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        if len(arguments) != 1:
            lower.refuse(f"math.{name} of {len(arguments)} arguments")
        value = floating(lower, arguments[0], f"math.{name}")
        kind = value.type
        assert isinstance(kind, Scalar)
        function = f"llvm.{name}.{suffix(kind)}" if intrinsic else name + ("f" if kind == FLOAT32 else "")
        return Value(kind, (lower.text.call(kind.register, function, [(kind.register, value.ir)]),))

    return lowered


def _length(lower: Lowering, arguments: list[Value]) -> Value:
    kind = arguments[0].type if len(arguments) == 1 else None
    if isinstance(kind, Array):
        return shape(arguments[0])[0]
    if isinstance(kind, Tuple):
        return constant(len(kind.items))
    raise lower.refusal(f"len of {', '.join(argument.type.name for argument in arguments)}")


def _float(lower: Lowering, arguments: list[Value]) -> Value:
    if len(arguments) == 1 and arguments[0].known and isinstance(arguments[0].constant, str):
        try:
            return constant(float(arguments[0].constant))
        except ValueError:
            lower.refuse("float of a string that is no number")
    kind = scalar(lower, arguments[0], "float") if len(arguments) == 1 else lower.refuse("float of several arguments")
    if kind == BOOL:
        lower.refuse("float of a bool")
    return lower.convert(arguments[0], FLOAT64 if kind.kind != "f" else kind)


def _int(lower: Lowering, arguments: list[Value]) -> Value:
    kind = scalar(lower, arguments[0], "int") if len(arguments) == 1 else lower.refuse("int of several arguments")
    return lower.convert(arguments[0], kind if kind.is_integer else INT64)


def _bool(lower: Lowering, arguments: list[Value]) -> Value:
    scalar(lower, arguments[0], "bool") if len(arguments) == 1 else lower.refuse("bool of several arguments")
    return lower.convert(arguments[0], BOOL)


def absolute(lower: Lowering, arguments: list[Value]) -> Value:
    """The size of a scalar, in its own type; of a bool, an int8."""
    kind = scalar(lower, arguments[0], "abs") if len(arguments) == 1 else lower.refuse("abs of several arguments")
    text = lower.text
    if kind.kind == "f":
        ir = text.call(kind.register, f"llvm.fabs.{suffix(kind)}", [(kind.register, arguments[0].ir)])
        return Value(kind, (ir,))
    if kind.kind == "b":
        return lower.convert(arguments[0], INT8)
    if kind.kind == "u":
        return arguments[0]
    negative = text.value(f"icmp slt {kind.register} {arguments[0].ir}, 0")
    negated = text.value(f"sub {kind.register} 0, {arguments[0].ir}")
    return Value(
        kind, (text.value(f"select i1 {negative}, {kind.register} {negated}, {kind.register} {arguments[0].ir}"),)
    )


def _pow(lower: Lowering, arguments: list[Value]) -> Value:
    if len(arguments) != 2:
        lower.refuse(f"pow of {len(arguments)} arguments")
    return operation(lower, "pow", *arguments)


def _math_pow(lower: Lowering, arguments: list[Value]) -> Value:
    if len(arguments) != 2:
        lower.refuse(f"math.pow of {len(arguments)} arguments")
    x, y = (floating(lower, argument, "math.pow") for argument in arguments)
    assert isinstance(x.type, Scalar)
    assert isinstance(y.type, Scalar)
    return POWERS["float"](lower, x, y, rules.unified(x.type, y.type))


def _copysign(lower: Lowering, arguments: list[Value]) -> Value:
    if len(arguments) != 2:
        lower.refuse(f"math.copysign of {len(arguments)} arguments")
    x, y = (floating(lower, argument, "math.copysign") for argument in arguments)
    assert isinstance(x.type, Scalar)
    assert isinstance(y.type, Scalar)
    kind = rules.unified(x.type, y.type)
    given = [(kind.register, lower.convert(each, kind).ir) for each in (x, y)]
    return Value(kind, (lower.text.call(kind.register, f"llvm.copysign.{suffix(kind)}", given),))


def _extreme(name: str) -> Builtin:
    def lowered(lower: Lowering, arguments: list[Value]) -> Value:
        if len(arguments) == 1 and isinstance(arguments[0].type, Tuple):
            arguments = items(arguments[0])
        if len(arguments) < 2:
            lower.refuse(f"{name} of one argument")
        best = arguments[0]
        for other in arguments[1:]:
            best = _better(lower, name, best, other)
        return best

    return lowered


def _better(lower: Lowering, name: str, best: Value, other: Value) -> Value:
    """`other` if it is less (more) than `best`, else `best`: so of equals, and beside a nan, the first stays."""
    kind = rules.unified(scalar(lower, best, name), scalar(lower, other, name))
    a, b = lower.convert(best, kind).ir, lower.convert(other, kind).ir
    order = "lt" if name == "min" else "gt"
    if kind.kind == "f":
        takes = lower.text.value(f"fcmp o{order} {kind.register} {b}, {a}")
    else:
        takes = lower.text.value(f"icmp {'s' if kind.kind == 'i' else 'u'}{order} {kind.register} {b}, {a}")
    ir = lower.text.value(f"select i1 {takes}, {kind.register} {b}, {kind.register} {a}")
    return Value(kind, (ir,), positive=best.positive and other.positive)


def raises(lower: Lowering, node: ast.Raise, _: object) -> None:
    """raise SomeError, raise SomeError(constants)."""
    if node.exc is None or node.cause is not None:
        lower.refuse("raise without an exception, or with a cause")
    expression: Any = node.exc
    arguments: list[Value] = []
    if isinstance(expression, ast.Call) and not expression.keywords:
        arguments = [lower.evaluate(argument) for argument in expression.args]
        expression = expression.func
    kind = lower.evaluate(expression)
    known = kind.known and isinstance(kind.constant, type) and issubclass(kind.constant, Exception)
    if not known or not all(argument.known for argument in arguments):
        lower.refuse("raise of what is not an exception class with constants")
    lower.text.jump(lower.error(kind.constant, *(argument.constant for argument in arguments)))


METHODS: dict[str, Callable[[Lowering, Value, list[Value]], Value]] = {}
"""Methods of arrays, by name."""

MAKERS: dict[Any, Callable[[Lowering, list[Value], dict[str, Value]], Value]] = {}
"""What takes keyword arguments too: functions that make arrays; see `arrays`."""

BUILTINS: dict[Any, Builtin] = {
    range: range_of,
    enumerate: enumerate_of,
    zip: zip_of,
    len: _length,
    float: _float,
    int: _int,
    bool: _bool,
    abs: absolute,
    min: _extreme("min"),
    max: _extreme("max"),
    pow: _pow,
    math.copysign: _copysign,
    math.pow: _math_pow,
    **{getattr(math, name): _unary(name, intrinsic=True) for name in INTRINSICS},
    **{getattr(math, name): _unary(name, intrinsic=False) for name in LIBRARY},
}
"""What is lowered in place, by the object that is called."""

EXPRESSIONS[ast.Call] = call
STORES["raise"] = raises
