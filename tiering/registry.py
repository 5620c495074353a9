"""Names of controllers and workloads, to objects.

Built-ins come from a static table, because scanning entry points costs 25 ms of every start; everybody else's are
found in the entry point groups `tiering.controllers` and `tiering.workloads`, scanned only when a name is not in
the table or all names are asked for. Nothing in `tiering` imports a controller or a workload by statement.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tiering.errors import InputError, unknown
from tiering.protocol import Controller, parameters

_CONTROLLERS = {
    "never": "tiering.controllers.never:Never",
    "always": "tiering.controllers.always:Always",
    "threshold": "tiering.controllers.threshold:Threshold",
    "pi": "tiering.controllers.pi:Pi",
    "bandit": "tiering.controllers.bandit:Bandit",
    "cost_benefit": "tiering.controllers.cost_benefit:CostBenefit",
    "speculator": "tiering.controllers.speculator:Speculator",
    "hysteresis": "tiering.controllers.hysteresis:Hysteresis",
    "aggressive": "tiering.controllers.presets.aggressive:Aggressive",
    "conservative": "tiering.controllers.presets.conservative:Conservative",
    "oracle": "tiering.controllers.oracle:Oracle",
}
KERNELS = ("gradient_descent", "heavy_ball", "adam", "rmsprop", "sgd_logistic", "lbfgs")
"""Names of the workloads that are real functions; the others exist in the simulator only."""

SYNTHETIC = (
    "thrashing",
    "zipf",
    "deopt_storm",
    "phases",
    "hotness_tail",
    "bursts",
    "markov_phases",
    "megamorphic",
    "compile_spread",
)
"""Names of the workloads that are made up, as traces."""

_WORKLOADS = {
    **{name: f"tiering.workloads.kernels.{name}:WORKLOAD" for name in KERNELS},
    **{name: f"tiering.workloads.generators.{name}:WORKLOAD" for name in SYNTHETIC},
}
BOUNDS = {
    "lb0": "every call at its best speed from the start",
    "lb1": "no queue, all compiles from the start, calls may wait",
    "lb1_osr": "no queue, all compiles from the start, running loops are replaced",
    "lb1_asked": "lb1, no compile before its unit's first call",
    "lb1_osr_asked": "lb1_osr, no compile before its unit's first call",
    "lb2": "calls and the compiles that pay, one after the other",
    "lb_cores": "calls and the compiles that pay, over all cores",
    "lb_queue": "waiting for few compiler threads in the best order",
    "lb_cache": "recompiling as often as Belady's rule misses",
    "lb_exact": "every order of every choice of compiles, calls may wait",
}
"""Names of lower bounds and what each supposes; `tiering.bounds` holds the bounds."""

INSTALL = "this checkout is not installed: type `make test` or `python -m pip install -e .` in its folder"


@dataclass(frozen=True)
class Table:
    """One kind of named thing: the static table and the entry point group behind it."""

    kind: str
    group: str
    static: dict[str, str]

    def names(self) -> list[str]:
        """Every known name, built-ins first, in a fixed order."""
        others = sorted(point.name for point in self._points() if point.name not in self.static)
        return [*self.static, *others]

    def load(self, name: str) -> Any:
        """The object behind a name.

        Raises InputError with the nearest name if there is none, or saying why an entry point cannot be loaded.
        """
        if name in self.static:
            module, attribute = self.static[name].split(":")
            check_installed()
            return getattr(importlib.import_module(module), attribute)
        for point in self._points():
            if point.name == name:
                return self._loaded(point)
        raise unknown(self.kind, name, self.names())

    def _loaded(self, point: EntryPoint) -> Any:
        try:
            return point.load()
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            raise InputError(f"{self.kind} {point.name!r} cannot be loaded from {point.value} ({cause})") from error

    def _points(self) -> list[EntryPoint]:
        return list(entry_points(group=self.group))


CONTROLLERS = Table("controller", "tiering.controllers", _CONTROLLERS)
WORKLOADS = Table("workload", "tiering.workloads", _WORKLOADS)


def kernels() -> list[Any]:
    """Every kernel of the zoo, by family (see `tiering.workloads.kernel`)."""
    check_installed()
    return list(importlib.import_module("tiering.workloads.zoo").kernels())


def programs() -> list[Any]:
    """Every whole program, the short ones first (see `tiering.workloads.program`)."""
    check_installed()
    package = importlib.import_module("tiering.workloads.programs")
    return [package.program(name) for name in package.PROGRAMS]


def controller(name: str, settings: dict[str, Any] | None = None) -> Controller:
    """A new controller with these parameters.

    Raises InputError for an unknown name or parameter, or a value outside its range.
    """
    made = CONTROLLERS.load(name)
    known = {declared.name for declared in parameters(made)}
    for given in settings or {}:
        if given not in known:
            raise unknown("parameter", given, known, f"controller {name!r}")
    result: Controller = made(**(settings or {}))
    return result


def settings_from_text(name: str, assignments: Iterable[str]) -> dict[str, Any]:
    """Turn `["gain=0.5", ...]` into parameters of the controller `name`, typed like their defaults.

    Raises InputError for text without "=", an unknown parameter, or a value of the wrong type.
    """
    declared = _defaults(name)
    settings: dict[str, Any] = {}
    for text in assignments:
        key, value = _split(text)
        if key not in declared:
            raise unknown("parameter", key, declared, f"controller {name!r}")
        settings[key] = _typed(key, value, declared[key])
    return settings


def settings_for_each(
    names: Iterable[str], assignments: Iterable[str], by_name_only: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """The same for several controllers: `gain=0.5` sets every one that has a gain, `pi.gain=0.5` only that one.

    Controllers in `by_name_only` take settings of the second form alone. Raises InputError as `settings_from_text`
    does, and where no controller has the parameter.
    """
    addressed = list(names)
    declared = {name: _defaults(name) for name in [*addressed, *by_name_only]}
    settings: dict[str, dict[str, Any]] = {name: {} for name in declared}
    for text in assignments:
        key, value = _split(text)
        owner, dot, parameter = key.rpartition(".")
        if dot and owner not in declared:
            raise unknown("controller", owner, declared)
        asked = [owner] if dot else addressed
        takers = [name for name in asked if parameter in declared[name]]
        if not takers:
            known = set().union(*(declared[name] for name in asked))
            raise unknown("parameter", parameter, known, f"controller {owner!r}" if dot else "")
        for name in takers:
            settings[name][parameter] = _typed(key, value, declared[name][parameter])
    return settings


def _defaults(name: str) -> dict[str, Any]:
    return {item.name: item.default for item in parameters(CONTROLLERS.load(name))}


def _split(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set {text!r}: must be name=value, as in --set gain=0.5")
    return key.strip(), value.strip()


def _typed(key: str, value: str, default: Any) -> Any:
    kind = type(default)
    if kind is bool and value in ("True", "False"):
        return value == "True"
    if kind not in (int, float):
        return value
    try:
        return kind(value)
    except ValueError:
        noun = "a whole number" if kind is int else "a number"
        raise InputError(f"--set {key}={value}: must be {noun} (default {default!r})") from None


def check_installed() -> None:
    """Raise InputError saying what to type where the folders are there but the mapping of names is not."""
    if importlib.util.find_spec("tiering.controllers") is None:
        raise InputError(INSTALL)
