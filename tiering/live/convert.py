"""Making an interpreted call look like a compiled one to its caller: arguments in, result out.

Numba's C dispatcher hands over folded arguments: a default that the caller left out arrives as a marker object, and
`*args` as one tuple. Compiled code returns Python numbers where NumPy scalars were computed. Both are undone here,
so that a caller cannot see from the type of a result which tier ran.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tiering.live import private

_AS_IS = frozenset({float, int, bool, complex, str, bytes, type(None), np.ndarray})


def interpreter(function: Callable[..., Any]) -> Callable[..., Any]:
    """A callable that takes folded arguments and runs `function` in CPython."""
    parameters = list(inspect.signature(function).parameters.values())
    kinds = [item.kind for item in parameters]
    has_defaults = any(item.default is not inspect.Parameter.empty for item in parameters)
    plain = inspect.Parameter.VAR_POSITIONAL not in kinds and inspect.Parameter.KEYWORD_ONLY not in kinds
    if plain and not has_defaults:
        return function

    def unfolded(*folded: Any) -> Any:
        args: list[Any] = []
        named: dict[str, Any] = {}
        for item, given in zip(parameters, folded, strict=True):
            value = given.value if private.is_omitted(given) else given
            if item.kind is inspect.Parameter.VAR_POSITIONAL:
                args.extend(value)
            elif item.kind is inspect.Parameter.KEYWORD_ONLY:
                named[item.name] = value
            else:
                args.append(value)
        return function(*args, **named)

    return unfolded


def as_compiled(result: Any) -> Any:
    """The result as compiled code would return it: NumPy scalars become Python's, inside tuples too."""
    kind = type(result)
    if kind in _AS_IS:
        return result
    if isinstance(result, np.generic):
        return result.item() if result.dtype.kind in "biufcUS" else result
    if kind is tuple:
        return tuple(as_compiled(item) for item in result)
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return kind._make(as_compiled(item) for item in result)
    return result
