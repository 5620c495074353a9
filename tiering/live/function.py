"""A tiered function: Numba's dispatcher, the units behind it, and `fn.tiering`, which shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from tiering.live import private
from tiering.live.convert import interpreter
from tiering.live.unit import OPTIMIZED, LiveUnit

if TYPE_CHECKING:
    from tiering.live.runtime import Group

Interpret = Literal["always", "never"]
TIER_NAMES = ("interpreter", "optimized")
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_TYPED_BY_CLASS = frozenset({float, bool, complex, np.float64, np.float32, np.int64, np.int32, np.bool_})


class Status(NamedTuple):
    """One unit, now. `calls` counts interpreted calls only (compiled ones bypass Python); times in seconds.

    `tier` is None while a function that CPython must not run has no code yet. `reasons` counts the controller's
    reasons; `where` tells in which process the code was made and why.
    """

    unit: str
    tier: str | None
    pending: bool
    calls: int
    seconds: float
    deopts: int
    failures: int
    waited_seconds: float
    compile_seconds: float
    install_seconds: float
    code_bytes: int
    controller: str
    reason: str
    reasons: dict[str, int]
    where: str
    error: str


class TieredFunction:
    """What stands behind one decorated function."""

    def __init__(
        self, dispatcher: Any, options: private.Options, interpret: Interpret, group: Group, cache: bool
    ) -> None:
        self.dispatcher = dispatcher
        self.interpret = interpret
        self.group = group
        self.interpreter = interpreter(dispatcher.py_func)
        self.in_place = _why_in_place(options, cache)
        self.units: dict[private.Key, LiveUnit] = {}
        self._by_shape: dict[Any, LiveUnit] = {}
        self._showing = threading.RLock()

    def enter(self, args: private.Args) -> Callable[..., Any]:
        """Numba's table has no code for these folded arguments: what is it to call?"""
        shape = shape_of(args)
        unit = self._by_shape.get(shape)
        if unit is None:
            key = private.key_of(self.dispatcher, args)
            if not private.is_typed(key):
                entry: Callable[..., Any] = self.dispatcher.compile_in_place(args)
                return entry
            unit = self.units.get(key) or self._make(key)
            if shape is not None:
                self._by_shape[shape] = unit
        return unit.enter(args) if self.group.runtime.open else unit.without_controller(args)

    def link(self, code: private.Code, key: private.Key, *, wait: bool) -> bool:
        """Link code into this process; False if Numba's compiler lock is taken. Raises private.Refused."""
        with private.compiler_lock(wait) as free:
            if not free:
                return False
            private.install(self.dispatcher, code, key)
            return True

    def refresh_table(self) -> None:
        """Make Numba's table show the code of exactly those units that are visible."""
        with self._showing:
            private.show_all_but(self.dispatcher, {key for key, unit in list(self.units.items()) if not unit.visible})

    def forget_parent(self) -> None:
        """In a forked child: locks may be held by threads that are not here."""
        self._showing = threading.RLock()
        for unit in list(self.units.values()):
            unit.forget_parent()

    def _make(self, key: private.Key) -> LiveUnit:
        with self.group.runtime.making:
            unit = self.units.get(key)
            if unit is not None:
                return unit
            unit = LiveUnit(self, key, self.group.name_for(self.dispatcher.py_func, key), self.group)
            self.group.adopt(unit)
            self.units[key] = unit
        unit.group.first(unit)
        return unit


class FunctionStatus:
    """`fn.tiering`: the units of one function. Iterate for `Status` rows, print for a table."""

    def __init__(self, function: TieredFunction | None, note: str = "") -> None:
        self._function = function
        self.note = note

    @property
    def units(self) -> tuple[Status, ...]:
        """One row per tuple of argument types that was called so far."""
        if self._function is None:
            return ()
        return tuple(status_of(unit) for unit in list(self._function.units.values()))

    @property
    def tier(self) -> str | None:
        """The lowest tier that any unit is in; None before the first call, or while none has code."""
        tiers = [unit.tier for unit in self.units]
        return min(tiers, key=_rank) if tiers else None

    @property
    def calls(self) -> int:
        """Interpreted calls of all units."""
        return sum(unit.calls for unit in self.units)

    @property
    def reasons(self) -> dict[str, int]:
        """The controller's reasons, counted over all units."""
        total: dict[str, int] = {}
        for unit in self.units:
            for reason, count in unit.reasons.items():
                total[reason] = total.get(reason, 0) + count
        return total

    def explain(self) -> str:
        """The same for reading: one line per unit."""
        if self.note:
            return self.note
        if self._function is not None and not self.units and self._function.dispatcher.signatures:
            return "compiled as a part of another function"
        return "\n".join(_line(unit) for unit in self.units) or "not called yet"

    def __iter__(self) -> Any:
        return iter(self.units)

    def __repr__(self) -> str:
        return self.explain()


def shape_of(args: private.Args) -> tuple[Any, ...] | None:
    """What decides the Numba types of common arguments, thirty times cheaper than asking Numba; None for others.

    Numba types an array by dtype, dimensions, layout, alignment and writeability (the last three are its flags), a
    number by its class, except that a Python int beyond 64 bits signed has another type.
    """
    parts: list[Any] = []
    for arg in args:
        kind = type(arg)
        if kind is np.ndarray:
            parts.append((arg.dtype, arg.ndim, arg.flags.num))
        elif kind in _TYPED_BY_CLASS or (kind is int and _LOWEST <= arg <= _HIGHEST):
            parts.append(kind)
        else:
            return None
    return tuple(parts)


def status_of(unit: LiveUnit) -> Status:
    """What is known about a unit right now."""
    state = unit.state
    running = OPTIMIZED if unit.visible else (state.tier if unit.interpreted else None)
    return Status(
        unit=state.name,
        tier=None if running is None else TIER_NAMES[running],
        pending=state.pending is not None,
        calls=state.invocations,
        seconds=unit.observed_seconds(),
        deopts=state.deopts,
        failures=state.failures,
        waited_seconds=unit.waited_seconds,
        compile_seconds=unit.compile_seconds,
        install_seconds=unit.install_seconds,
        code_bytes=unit.code_bytes,
        controller=type(unit.group.manager.controller).__name__,
        reason=state.last_reason,
        reasons=dict(state.reasons),
        where=unit.where,
        error=unit.hopeless or "",
    )


def _line(unit: Status) -> str:
    compiled = f", compiled {unit.where} in {unit.compile_seconds * 1e3:.0f} ms" if unit.where else ""
    calls = f"{unit.calls} interpreted calls ({unit.seconds * 1e3:.1f} ms)"
    tier = (unit.tier or "no code yet") + (", compile pending" if unit.pending else "")
    failed = f"; cannot be compiled: {unit.error}" if unit.error else ""
    return f"{unit.unit}: {tier}, {calls}{compiled}; {unit.controller}: {unit.reason or '-'}{failed}"


def _rank(tier: str | None) -> int:
    return -1 if tier is None else TIER_NAMES.index(tier)


def _why_in_place(options: private.Options, cache: bool) -> str | None:
    if cache:
        return "cache=True is Numba's own cache"
    if not private.stock_pipeline(options):
        return "it has a pipeline class of its own"
    return None
