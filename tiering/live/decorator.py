"""`tiering.jit`: a drop-in for `numba.njit` whose compiles happen in the background, when a controller says so.

Numba's own decorator checks and interprets the options; the function that comes out differs from njit's in four
points only: bounds are checked unless the caller says otherwise, compiles run in a worker process, CPython may run
the function meanwhile if the caller declared that safe (`interpret="always"`), and `fn.tiering` shows all of it.

CPython and compiled code disagree silently in many cases (overflow, division by zero in arrays, float32 mixtures,
random numbers), so nothing is interpreted by default: the first call waits for its code, as with njit.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiering.live.pool import default_workers, prestart
from tiering.live.worker import ENVIRONMENT

if ENVIRONMENT not in os.environ and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0") and default_workers():
    prestart()

import numba

from tiering import profile as profiles
from tiering import registry
from tiering.errors import InputError
from tiering.files import check_writable
from tiering.live import private
from tiering.live.function import FunctionStatus, Interpret, Status, TieredFunction, status_of
from tiering.live.runtime import RUNTIME, check_whole
from tiering.protocol import Controller

_logger = logging.getLogger("tiering")
_said: set[str] = set()


def jit(
    signature_or_function: Any = None,
    *,
    interpret: Interpret = "never",
    controller: Controller | str | None = None,
    **options: Any,
) -> Any:
    """Compile a function as `numba.njit` does, in the background where possible. Both decorator forms work.

    `interpret="always"` declares that CPython and compiled code agree on this function, so that CPython runs it
    until its controller asks for code. `controller` (a name or an object) gives the function its own; else it
    shares the process-wide one. All other options are njit's; `boundscheck` is True unless given.

    Raises InputError for an unknown controller or another value of `interpret`, and what `numba.njit` raises.
    """
    if interpret not in ("always", "never"):
        raise InputError(f"interpret={interpret!r}: must be 'always' (CPython may run it) or 'never'")
    chosen = _chosen(controller)
    options.setdefault("boundscheck", True)
    given = private.signatures(signature_or_function)

    def decorate(function: Callable[..., Any]) -> Any:
        return _tiered(function, given, interpret, chosen, options)

    if signature_or_function is None or given:
        return decorate
    return decorate(signature_or_function)


def configure(
    *,
    controller: Controller | str | None = None,
    workers: int | None = None,
    code_bytes: int | None = None,
    log: str | Path | None = None,
    profile: str | Path | None = None,
) -> None:
    """Set the process-wide controller (a name or an object), the number of compile workers (0: compile in place),
    the size of the code cache in bytes, a file for the decision log, which `shutdown` writes, and a machine profile
    whose measured costs are the priors that controllers are told.

    What is not given stays as it is. After `shutdown` it starts the runtime anew. Raises InputError for an unknown
    controller, a negative number, a damaged profile, or a controller that this host cannot satisfy.
    """
    if workers is not None:
        check_whole("workers", workers, 0)
    if code_bytes is not None:
        check_whole("code_bytes", code_bytes, 1)
    chosen = _chosen(controller)
    if log is not None:
        check_writable(log)
    costs = None if profile is None else profiles.read(profile)
    if _plain_reason() is None:
        RUNTIME.configure(chosen, workers, code_bytes, log, costs)
        RUNTIME.start()


def status() -> list[Status]:
    """One row per function and tuple of argument types called so far, by name."""
    with RUNTIME.making:
        functions = list(RUNTIME.functions)
    rows = [status_of(unit) for function in functions for unit in list(function.units.values())]
    return sorted(rows, key=lambda row: row.unit)


def shutdown() -> None:
    """End workers and threads, and write the decision log if one was asked for.

    Tiered functions go on as plain njit.
    """
    RUNTIME.close()


def _chosen(controller: Controller | str | None) -> Controller | None:
    if isinstance(controller, str):
        return registry.controller(controller)
    missing = [name for name in ("start", "decide", "record", "reasons") if not hasattr(controller, name)]
    if controller is not None and (missing or isinstance(controller, type)):
        raise InputError(f"controller={controller!r}: must be a name, or an object with start, decide, record, reasons")
    return controller


def _tiered(
    function: Callable[..., Any],
    given: list[Any],
    interpret: Interpret,
    controller: Controller | None,
    options: dict[str, Any],
) -> Any:
    cache = bool(options.get("cache", False))
    plain = numba.njit(**options)(function)
    if not private.is_dispatcher(plain):
        return plain
    reason = _plain_reason()
    if reason is not None:
        _compile_now(plain, given, cache)
        plain.tiering = FunctionStatus(None, f"plain njit: {reason}")
        return plain
    parts = private.options_of(plain)
    made = private.TieredDispatcher(parts.py_func, parts.locals, parts.targetoptions, parts.pipeline_class)
    _compile_now(made, given, cache)
    if given:
        made.tiering = FunctionStatus(None, "compiled at decoration, as its signatures demand")
        return made
    RUNTIME.start()
    with RUNTIME.making:
        tiered = TieredFunction(made, parts, interpret, RUNTIME.group_of(controller), cache)
        RUNTIME.functions.add(tiered)
    made.enter = tiered.enter
    made.tiering = FunctionStatus(tiered)
    return made


def _compile_now(dispatcher: Any, given: list[Any], cache: bool) -> None:
    if cache:
        dispatcher.enable_caching()
    for signature in given:
        dispatcher.compile(signature)
    if given:
        dispatcher.disable_compile()


def _plain_reason() -> str | None:
    if ENVIRONMENT in os.environ:
        return "this is a compile worker"
    reason = private.why_not()
    if reason is not None and reason not in _said:
        _said.add(reason)
        _logger.warning("plain njit everywhere: %s", reason)
    return reason


if _plain_reason() is None:
    private.prepare()
    atexit.register(shutdown)
