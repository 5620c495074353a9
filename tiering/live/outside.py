"""What a function reads from modules, so that a worker can tell whether it would read the same.

A function travels by value, the globals that it names with it. But a module among them travels by its name and is
imported anew in the worker, where an attribute that this program has set since, or that is drawn at import, has
another value; and Numba freezes what it reads. So the parent notes a digest of every plain value that a function
can reach through modules, and a worker that finds another one refuses; the function is then compiled in place.

Which attributes a function reads is not decided but bounded: every name in its code that an attribute of the module
bears. Reading too much costs a comparison, at worst a compile in place.
"""

from __future__ import annotations

import enum
import hashlib
import importlib
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

Facts = dict[tuple[str, str], Any]
LARGE_BYTES = 1 << 20
_AS_IS = (bool, int, str, bytes, type(None))
_DEPTH = 4


def facts_for(function: Any) -> Facts:
    """Digests of what `function`, and every compiled function that it names, reads from modules."""
    facts: Facts = {}
    _visit(function, facts, set(), travels=True)
    return facts


def first_difference(facts: Facts) -> str | None:
    """In a worker: the first of these values that is another one here, by its name, or None."""
    for (module, name), expected in facts.items():
        here = getattr(importlib.import_module(module), name, None)
        if digest(here) != expected:
            return f"{module}.{name}"
    return None


def digest(value: Any) -> Any:
    """Something equal for equal plain values (to the bit and by type), or None for a value that is not plain."""
    kind = type(value)
    if kind in _AS_IS:
        return kind.__name__, value
    if kind is float or kind is complex:
        return kind.__name__, repr(value)
    if isinstance(value, enum.Enum):
        return kind.__qualname__, value.name, digest(value.value)
    if isinstance(value, tuple):
        return kind.__qualname__, tuple(digest(item) for item in value)
    if isinstance(value, np.generic | np.ndarray) and not value.dtype.hasobject:
        if value.nbytes > LARGE_BYTES:
            return "large"
        return value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).hexdigest()
    return None


def _visit(function: Any, facts: Facts, seen: set[int], *, travels: bool) -> None:
    """`travels` tells whether the function's own globals go with it; else the worker imports them too."""
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    names = set(_names(function.__code__))
    reached = {name: function.__globals__[name] for name in names if name in function.__globals__}
    if not travels:
        for name, value in reached.items():
            _note(function.__module__, name, value, facts)
    for value in [*reached.values(), *_cells(function)]:
        if isinstance(value, ModuleType):
            _attributes(value, names, facts, seen, _DEPTH)
        else:
            _visit(getattr(value, "py_func", None), facts, seen, travels=travels)


def _attributes(module: ModuleType, names: set[str], facts: Facts, seen: set[int], depth: int) -> None:
    for name in names:
        value = vars(module).get(name)
        if isinstance(value, ModuleType):
            if depth:
                _attributes(value, names, facts, seen, depth - 1)
            continue
        _note(module.__name__, name, value, facts)
        _visit(getattr(value, "py_func", None), facts, seen, travels=False)


def _note(module: str, name: str, value: Any, facts: Facts) -> None:
    found = digest(value)
    if found is not None and value is not None:
        facts[module, name] = found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _cells(function: FunctionType) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:
            continue
    return found
