"""Every example prints what stands in the text beside it, from any folder, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_example_prints_what_it_says(script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (FOLDER / script).with_suffix(".txt").read_text(encoding="utf-8")
    assert not list(tmp_path.iterdir())


def test_every_example_is_introduced_and_has_its_output():
    introduced = (FOLDER / "README.md").read_text(encoding="utf-8")
    for script in SCRIPTS:
        assert f"`{script}`" in introduced
        assert (FOLDER / script).with_suffix(".txt").is_file()
    assert len(list(FOLDER.glob("*.txt"))) == len(SCRIPTS)
