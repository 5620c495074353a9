"""Shuts a controller's methods off from clocks, entropy, files, networks, threads and processes while they run.

Two nets. Functions that raise no audit event (clocks, random numbers) are replaced by one that raises; in their own
modules and, because `from time import time` keeps the original, in every module of the controller's own packages.
Everything else is caught by an audit hook, which sees what C code does too. A hook can never be removed, so there is
one, which listens only while a controller runs. Both refuse the controller's own thread and serve all others, among
them the live host's. What was caught is kept as well as raised: a controller that swallows the exception is still
found out.

Opening a file to import a module late counts as opening a file: a first question must not wait for a disk.
"""

from __future__ import annotations

import _thread
import datetime
import os
import random
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")
_EVENTS = ("open", "socket.", "subprocess.", "os.", "shutil.", "tempfile.", "ctypes.")

_listening_to: int | None = None
_caught: list[str] = []
_installed = False


class Broken(Exception):
    """A controller reached outside; the text says for what."""


def _caught_at(what: str) -> NoReturn:
    _caught.append(what)
    raise Broken(what)


def _elsewhere() -> bool:
    return threading.get_ident() != _listening_to


def _forbidden(name: str, original: Any) -> Any:
    """A stand-in for `original` that refuses the thread that is shut off and serves all others."""

    def refuse(*arguments: Any, **named: Any) -> Any:
        return original(*arguments, **named) if _elsewhere() else _caught_at(f"called {name}")

    return refuse


class _NoNow(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return super().now(tz) if _elsewhere() else _caught_at("called datetime.now")

    @classmethod
    def today(cls) -> Any:
        return super().today() if _elsewhere() else _caught_at("called datetime.now")

    @classmethod
    def utcnow(cls) -> Any:
        return super().utcnow() if _elsewhere() else _caught_at("called datetime.now")


class _NoToday(datetime.date):
    @classmethod
    def today(cls) -> Any:
        return super().today() if _elsewhere() else _caught_at("called date.today")


def _replacements() -> list[tuple[ModuleType, str, Any]]:
    clocks = [name for name in dir(time) if name.removesuffix("_ns") in _CLOCKS] + ["sleep"]
    found = [_replaced(time, name, f"time.{name}") for name in clocks]
    found += [_replaced(random, name, f"random.{name}") for name in _bound_to(random, random.Random)]
    found += [_replaced(os, "times", "os.times"), _replaced(resource, "getrusage", "resource.getrusage")]
    found += [_replaced(os, "urandom", "os.urandom"), _replaced(random, "_urandom", "os.urandom")]
    found += [(datetime, "datetime", _NoNow), (datetime, "date", _NoToday)]
    for module in (_thread, threading):
        starts = [name for name in vars(module) if name.lstrip("_").startswith("start_")]
        found += [_replaced(module, name, "threading.Thread.start") for name in starts]
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        names = _bound_to(numpy, numpy.RandomState)
        found += [_replaced(numpy, name, f"numpy.random.{name}") for name in names]
        found.append((numpy, "default_rng", _seeded_only(numpy.default_rng)))
    return found


def _replaced(module: ModuleType, attribute: str, name: str) -> tuple[ModuleType, str, Any]:
    return module, attribute, _forbidden(name, getattr(module, attribute))


def _bound_to(module: ModuleType, kind: type) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(getattr(value, "__self__", None), kind)]


def _seeded_only(default_rng: Any) -> Any:
    def refuse_entropy(seed: Any = None) -> Any:
        if seed is None and not _elsewhere():
            _caught_at("called numpy.random.default_rng without a seed")
        return default_rng(seed)

    return refuse_entropy


def _kept_by_name(controller: Any, replaced: list[tuple[ModuleType, str, Any]]) -> list[tuple[ModuleType, str, Any]]:
    originals = {id(vars(module)[name]): value for module, name, value in replaced}
    homes = {kind.__module__ for kind in type(controller).__mro__} - {"builtins", "typing", "abc"}
    families = {family for home in homes for family in _families(home)}
    found = []
    for name, module in list(sys.modules.items()):
        if name in homes or any(name.startswith(family + ".") for family in families):
            kept = [key for key, value in list(vars(module).items()) if id(value) in originals]
            found += [(module, key, originals[id(vars(module)[key])]) for key in kept]
    return found


def _families(home: str) -> list[str]:
    """The package of a module and those around it, but for a whole distribution around a package within it."""
    parts = home.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1) if length > 1 or len(parts) < 3] or [
        home
    ]


_plans: dict[type, list[tuple[ModuleType, str, Any, Any]]] = {}


def _plan(controller: Any) -> list[tuple[ModuleType, str, Any, Any]]:
    kind = type(controller)
    if kind not in _plans:
        replaced = _replacements()
        replaced += _kept_by_name(controller, replaced)
        _plans[kind] = [(module, name, vars(module)[name], value) for module, name, value in replaced]
    return _plans[kind]


@contextmanager
def sealed_off(controller: Any) -> Iterator[None]:
    """Within this block, and in this thread, reaching outside raises Broken; afterwards all is as before."""
    global _listening_to
    plan = _plan(controller)
    _install()
    _caught.clear()
    _listening_to = threading.get_ident()
    for module, name, _, value in plan:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, original, _ in plan:
            setattr(module, name, original)
        _listening_to = None
    if _caught:
        raise Broken(_caught[0])


def _install() -> None:
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening_to is not None and event.startswith(_EVENTS) and threading.get_ident() == _listening_to:
        _caught_at(f"did {event} {arguments[:1]}")
