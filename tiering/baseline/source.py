"""A Python function as a syntax tree, with everything that its names can mean while compiling.

The tree is made once per function, when that is first asked for, and holds the function alone: decorators, annotations
and defaults are left out. Names that are not local mean what they mean now: closures and globals are constants, as they
are to Numba.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from tiering.baseline.liveness import Liveness


class Refused(Exception):
    """What the subset does not hold. `what` names it and `line` is the line of the source, 0 where there is none."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {what}" if line else what)
        self.what = what
        self.line = line


class Source(NamedTuple):
    """A function that may be compiled: its parameters, its statements, and who reads which variable when."""

    name: str
    parameters: tuple[str, ...]
    body: list[ast.stmt]
    live: Liveness
    function: Any

    def outside(self, name: str) -> Any:
        """What a name means that is no local variable. Raises KeyError if it means nothing."""
        function: Any = self.function  # a field that is a function is taken for a method
        if name in function.__code__.co_freevars:
            return function.__closure__[function.__code__.co_freevars.index(name)].cell_contents
        if name in function.__globals__:
            return function.__globals__[name]
        return vars(builtins)[name]


_KNOWN: WeakKeyDictionary[CodeType, Source] = WeakKeyDictionary()
"""Trees by code object, for as long as that lives; they do not hold the function."""


def source(function: Callable[..., Any]) -> Source:
    """The syntax tree of a plain function. Raises Refused where there is none or its head is outside the subset."""
    if not isinstance(function, FunctionType):
        raise Refused(f"{type(function).__name__} is no plain function")
    known = _KNOWN.get(function.__code__)
    if known is None:
        known = _KNOWN[function.__code__] = _parsed(function)._replace(function=None)
    return known._replace(function=function)


def _parsed(function: FunctionType) -> Source:
    code = function.__code__
    if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise Refused("generators and coroutines")
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS) or code.co_kwonlyargcount:
        raise Refused("*args, **kwargs and keyword-only parameters")
    if code.co_cellvars:
        raise Refused(f"inner functions (they share {', '.join(code.co_cellvars)})")
    try:
        lines, first = inspect.getsourcelines(code)
    except (OSError, TypeError):
        raise Refused("no source: neither a file nor text that could be read") from None
    try:
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except SyntaxError:
        raise Refused("no source of its own: it stands within an expression") from None
    definition = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(definition, ast.FunctionDef) or definition.name != code.co_name:
        raise Refused("no source of its own: it stands within an expression")
    ast.increment_lineno(definition, first - 1)
    parameters = code.co_varnames[: code.co_argcount]
    return Source(code.co_name, parameters, definition.body, Liveness(definition.body), function)
