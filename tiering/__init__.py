"""Adaptive JIT tiering: one controller object decides in a simulation and over real compiled loops.

    import tiering

    @tiering.jit(interpret="always")      # a drop-in for numba.njit that compiles in the background
    def step(w, g, rate): ...

    tiering.compare("adam", ["threshold", "cost_benefit"])      # the same controllers, simulated, beside an oracle

Importing this package is cheap: every name below is loaded when it is first used, so that a program which only
simulates never imports Numba, and one which only decorates never imports SimPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tiering.errors import IllegalDecision, InputError, NeedsFuture
    from tiering.experiment import compare, simulate, study
    from tiering.live import configure, jit, shutdown, status
    from tiering.protocol import (
        FOREVER,
        Bet,
        Compiled,
        CompileFailed,
        Controller,
        Decision,
        Deoptimized,
        Dropped,
        Event,
        Evicted,
        Plan,
        Sampled,
        Setup,
        Tier,
        View,
        compile,
        deoptimize,
        evict,
        parameter,
        pin,
        stay,
    )

_HOMES = {
    "tiering.errors": ("IllegalDecision", "InputError", "NeedsFuture"),
    "tiering.experiment": ("compare", "simulate", "study"),
    "tiering.live": ("configure", "jit", "shutdown", "status"),
    "tiering.protocol": (
        "FOREVER",
        "Bet",
        "CompileFailed",
        "Compiled",
        "Controller",
        "Decision",
        "Deoptimized",
        "Dropped",
        "Event",
        "Evicted",
        "Plan",
        "Sampled",
        "Setup",
        "Tier",
        "View",
        "compile",
        "deoptimize",
        "evict",
        "parameter",
        "pin",
        "stay",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "FOREVER",
    "Bet",
    "CompileFailed",
    "Compiled",
    "Controller",
    "Decision",
    "Deoptimized",
    "Dropped",
    "Event",
    "Evicted",
    "IllegalDecision",
    "InputError",
    "NeedsFuture",
    "Plan",
    "Sampled",
    "Setup",
    "Tier",
    "View",
    "__version__",
    "compare",
    "compile",
    "configure",
    "deoptimize",
    "evict",
    "jit",
    "parameter",
    "pin",
    "shutdown",
    "simulate",
    "status",
    "stay",
    "study",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'tiering' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
