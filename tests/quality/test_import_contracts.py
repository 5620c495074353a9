"""Who may import whom. The contracts stand in pyproject.toml; here they are made to bite."""

from __future__ import annotations

import pytest


@pytest.fixture
def lint_imports(tool, checkout):
    def run(folder):
        config = str(checkout / "pyproject.toml")
        return tool("lint-imports", "--no-cache", "--no-logo", "--config", config, cwd=folder)

    return run


def test_the_wheel_keeps_every_contract(lint_imports, unpacked_wheel):
    outcome = lint_imports(unpacked_wheel)
    assert outcome.returncode == 0, outcome.stdout
    assert " 0 broken" in outcome.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("tiering.controllers.planted", "import simpy"),
        ("tiering.controllers.planted", "import numba"),
        ("tiering.controllers.planted", "import tiering.sim"),
        ("tiering.controllers.planted", "import tiering"),
        ("tiering.controllers.planted", "import tiering.errors"),
        ("tiering.controllers.planted", "import tiering.workloads"),
        ("tiering.workloads.planted", "from tiering import manager"),
        ("tiering.live.planted", "import tiering.sim"),
        ("tiering.live.planted", "import simpy"),
        ("tiering.live.planted", "import llvmlite.ir"),
        ("tiering.sim.planted", "import tiering.live"),
        ("tiering.sim.planted", "import numba"),
        ("tiering.sim.planted", "import tiering.cli"),
        ("tiering.cli.planted", "import pyarrow"),
        ("tiering.cli.planted", "import tiering.controllers"),
        ("tiering.cli.planted", "def late():\n    from tiering.workloads import kernels"),
        ("tiering.newcomer", "word = 'in no layer'"),
    ],
)
def test_a_planted_import_breaks_a_contract(lint_imports, plant, module, line):
    outcome = lint_imports(plant(module, line + "\n"))
    assert outcome.returncode == 1, outcome.stdout
    assert module in outcome.stdout
