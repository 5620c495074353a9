"""mypy, strict, on what users install. `py.typed` promises them that our annotations are true."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def mypy(tool, checkout, tmp_path_factory):
    cache = tmp_path_factory.mktemp("mypy")  # shared within the run: numpy's stubs take a while

    def run(folder):
        options = ["--strict", "--config-file", str(checkout / "pyproject.toml"), "--cache-dir", str(cache)]
        return tool("mypy", *options, "-p", "tiering", cwd=folder)

    return run


def test_the_wheel_is_typed(mypy, unpacked_wheel):
    outcome = mypy(unpacked_wheel)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("package", ["tiering", "tiering.controllers", "tiering.workloads.kernels"])
def test_a_planted_type_error_is_found(mypy, plant, package):
    planted = plant(f"{package}.planted", 'count: int = "three"\n')
    outcome = mypy(planted)
    assert outcome.returncode == 1, outcome.stdout
    assert "planted.py:1: error: Incompatible types in assignment" in outcome.stdout


def test_a_user_who_checks_types_sees_the_names_that_we_offer(mypy, plant):
    program = (
        "import tiering\n"
        "from tiering import Controller, Decision, View, compare, jit\n\n"
        "def decide(view: View) -> Decision:\n"
        "    return tiering.stay(budget=view.invocations, reason='waiting')\n\n"
        "chosen: type[Controller]\n"
        "use = (jit, compare)\n"
    )
    outcome = mypy(plant("tiering.cli.planted", program))
    assert "source files" in outcome.stdout, outcome.stdout  # it ran
    assert "planted.py" not in outcome.stdout, outcome.stdout
