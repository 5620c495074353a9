"""Tools run as a person would run them, and a way to break the rules on purpose.

Every rule here is tested twice: the project keeps it, and a copy that breaks it is caught. A check that
has never failed may be checking nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def plant(unpacked_wheel: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """A copy of the unpacked wheel with one module added."""

    def add(module: str, source: str) -> Path:
        copy = tmp_path / "planted"
        shutil.copytree(unpacked_wheel, copy)
        path = copy / (module.replace(".", "/") + ".py")
        assert path.parent.is_dir(), f"{module} has no package to be planted in"
        assert not path.exists(), f"{module} would overwrite a module of ours"
        path.write_text(source, encoding="utf-8")
        return copy

    return add


@pytest.fixture(scope="session")
def tool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a console tool of this environment; both streams come back as one text."""

    def run(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / name), *arguments]
        return subprocess.run(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    return run
