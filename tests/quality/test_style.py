"""ruff, as configured in pyproject.toml: `make format` mends most of what these two find."""

from __future__ import annotations

import pytest

CHECK = ["check", "--no-cache", "--quiet", "--output-format=concise"]
FORMAT = ["format", "--no-cache", "--check"]


@pytest.mark.parametrize("arguments", [CHECK, FORMAT], ids=["lint", "layout"])
def test_the_project_has_one_style(tool, checkout, arguments):
    outcome = tool("ruff", *arguments, ".", cwd=checkout)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "source"),
    [(CHECK, "import os\n"), (FORMAT, "x = {  1:2 }\n")],
    ids=["lint", "layout"],
)
def test_a_careless_file_is_found(tool, checkout, tmp_path, arguments, source):
    (tmp_path / "careless.py").write_text(source, encoding="utf-8")
    config = f"--config={checkout / 'pyproject.toml'}"
    outcome = tool("ruff", *arguments, config, "careless.py", cwd=tmp_path)
    assert outcome.returncode == 1, outcome.stdout
    assert "careless.py" in outcome.stdout
