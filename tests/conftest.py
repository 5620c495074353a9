"""What every test may lean on: repeatable examples, and the project as its users get it.

Two folders of the checkout have other names once installed (`controllers/` is `tiering.controllers`),
so type checkers and import linters see the truth only in an unpacked wheel. It is built once per run,
from a copy, so that a test run leaves no `build/` behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A failure today is the same failure tomorrow: examples are derived from the test, and no clock decides.
# The nightly run is the one that goes looking for new examples.
_no_clock = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("everyday", derandomize=True, **_no_clock)
settings.register_profile("nightly", derandomize=False, max_examples=2000, print_blob=True, **_no_clock)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))

_NOT_OURS = {".git", ".venv", "build", "dist", "out"}


def _listed_by_git(root: Path) -> list[Path] | None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, or an archive without history
    return [root / name for name in listing.split("\0") if name]


def _listed_by_walking(root: Path) -> list[Path]:
    inside = (path.relative_to(root) for path in root.rglob("*"))
    return [
        root / path
        for path in inside
        if path.parts[0] not in _NOT_OURS
        and not any(part == "__pycache__" or part.endswith((".egg-info", "_cache")) for part in path.parts)
    ]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project_files(checkout: Path) -> list[Path]:
    """Every file that is, or on the next commit would be, part of the project."""
    listed = _listed_by_git(checkout)
    found = _listed_by_walking(checkout) if listed is None else listed
    files = sorted(path for path in found if path.is_file())
    assert checkout / "pyproject.toml" in files
    return files


@pytest.fixture(scope="session")
def pristine_copy(checkout: Path, project_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout that nobody ever installed. Read it, or copy it again; do not change it."""
    copy = tmp_path_factory.mktemp("pristine") / "tiering-checkout"
    for path in project_files:
        target = copy / path.relative_to(checkout)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return copy


@pytest.fixture(scope="session")
def wheel(pristine_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it would be published."""
    source = tmp_path_factory.mktemp("source") / "tiering"
    shutil.copytree(pristine_copy, source)  # building writes into its source
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def unpacked_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `tiering/` under its installed names. Read it; to change it, copy it."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder
