"""The live host as its users meet it: in this process with warm workers, and as programs of their own."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tiering
from tiering.live.runtime import RUNTIME

from .support import PATIENCE, Ended, run


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Ended]:
    """Run a text as a script in a folder of its own."""

    def start(source: str, *arguments: str, **options: Any) -> Ended:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return run(path, *arguments, cwd=tmp_path, **options)

    return start


@pytest.fixture(scope="session")
def _live() -> Iterator[None]:
    tiering.configure(workers=2)
    yield
    tiering.shutdown()


@pytest.fixture
def warm(_live: None) -> Iterator[None]:
    """Workers that wait for work, and the default configuration before and after."""
    _default()
    assert RUNTIME.pool is not None
    assert RUNTIME.pool.ready.wait(PATIENCE)
    yield
    _default()


def _default() -> None:
    RUNTIME.code_bytes = None
    RUNTIME._log_path = None
    tiering.configure(controller="cost_benefit", workers=2)
