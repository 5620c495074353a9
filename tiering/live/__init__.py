"""The live host: controllers over real Python functions, compiled by Numba in worker processes.

Loaded on first use, because it imports Numba; a worker process imports this package without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiering.live.decorator import configure, jit, shutdown, status
    from tiering.live.trials import trial

_HOME = {
    "configure": "tiering.live.decorator",
    "jit": "tiering.live.decorator",
    "shutdown": "tiering.live.decorator",
    "status": "tiering.live.decorator",
    "trial": "tiering.live.trials",
}

__all__ = ["configure", "jit", "shutdown", "status", "trial"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tiering.live' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
