"""A function and all that it calls as one LLVM module, as text.

Each pair of a function and the types of its arguments is lowered once. A function whose loops turn out to widen a
variable is lowered again with that knowledge; as types only ever widen, that ends.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

from tiering.baseline import arrays, expressions, functions, indexing, loops, powers, scalars, slices
from tiering.baseline.lowering import Again, Knowledge, Lowering, Raised
from tiering.baseline.memory import RUNTIME
from tiering.baseline.source import Refused, source
from tiering.baseline.types import Type

MOST_ATTEMPTS = 100


class Made(NamedTuple):
    """A lowered function: its name in the module, its result, its text."""

    symbol: str
    result: Type
    text: str


class Lowered(NamedTuple):
    """A module: `symbol` takes slots for the result and the parts of the arguments, and returns a status.

    Status n > 0 stands for `raised[n - 1]`. `lines` is the length of the text.
    """

    symbol: str
    text: str
    result: Type
    raised: list[Raised]
    lines: int


class Functions:
    """The functions of one module."""

    def __init__(self) -> None:
        self.raised: list[Raised] = []
        self.declarations: dict[str, str] = {}
        self._made: dict[tuple[Callable[..., Any], tuple[Type, ...]], Made | None] = {}

    def request(self, function: Callable[..., Any], arguments: tuple[Type, ...]) -> Made:
        """A function for arguments of these types. Raises Refused."""
        key = function, arguments
        if key in self._made:
            made = self._made[key]
            if made is None:
                raise Refused(f"{function.__name__} calls itself")
            return made
        self._made[key] = None
        made = self._made[key] = self._lower(function, arguments, f"f{len(self._made) - 1}.{function.__name__}")
        return made

    def text(self) -> str:
        """The module."""
        bodies = [made.text for made in self._made.values() if made is not None]
        runtime = [RUNTIME] if any(name.startswith("tiering.") for name in self.declarations) else []
        declared = [line for name, line in self.declarations.items() if not name.startswith("tiering.")]
        return "\n".join([*runtime, *declared, *bodies])

    def _lower(self, function: Callable[..., Any], arguments: tuple[Type, ...], symbol: str) -> Made:
        parsed = source(function)
        knowledge = Knowledge(self.raised)
        for _ in range(MOST_ATTEMPTS):
            lowering = Lowering(parsed, arguments, knowledge, self)
            try:
                result = lowering.lower()
            except Again:
                continue
            self.declarations |= lowering.text.declarations
            linkage = "" if symbol.startswith("f0.") else "internal "
            head = f'define {linkage}i32 @"{symbol}"(ptr noalias %result'
            parameters = "".join(f", {parameter}" for parameter in lowering.parameters)
            return Made(f'"{symbol}"', result, f"{head}{parameters}) {{\n{lowering.text.body()}\n}}")
        raise Refused(f"{function.__name__} is not typed after {MOST_ATTEMPTS} attempts")


def lower(function: Callable[..., Any], arguments: tuple[Type, ...]) -> Lowered:
    """A function for arguments of these types as a module. Raises Refused, naming what is outside the subset."""
    made_of = Functions()
    if not isinstance(function, FunctionType):
        raise Refused(f"{type(function).__name__} is no plain function")
    made = made_of.request(function, arguments)
    text = made_of.text()
    return Lowered(made.symbol.strip('"'), text, made.result, made_of.raised, text.count("\n") + 1)


_TABLES = (arrays, expressions, functions, indexing, loops, powers, scalars, slices)
"""Imported for what they put into the tables of `lowering`."""
