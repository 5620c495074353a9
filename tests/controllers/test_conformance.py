"""Every built-in controller keeps every law, in both hosts."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tiering.errors import InputError
from tiering.protocol import parameters
from tiering.registry import CONTROLLERS
from tiering.testing import check_controller

BUILT_IN = sorted(CONTROLLERS.static)


@pytest.mark.parametrize("name", BUILT_IN)
def test_it_keeps_every_law_in_the_simulator(name):
    report = check_controller(CONTROLLERS.load(name), hosts=("simulator",))
    assert report.skipped == ()


@pytest.mark.parametrize("name", BUILT_IN)
def test_it_keeps_every_law_over_real_compiles(name):
    report = check_controller(CONTROLLERS.load(name), hosts=("live",))
    assert "live" in [*report.checked, *(law for law, _ in report.skipped)]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_parameter_has_a_sentence_and_refuses_what_is_out_of_range(name):
    kind = CONTROLLERS.load(name)
    for declared in parameters(kind):
        assert declared.doc
        assert declared.choices or declared.low is not None
        wrong = "neither" if declared.choices else declared.low - 1
        with pytest.raises(InputError, match=rf"{declared.name}=.*must be .* \(default"):
            kind(**{declared.name: wrong})


def test_the_folder_refuses_to_be_imported_under_its_own_name(checkout):
    path = checkout / "controllers" / "__init__.py"
    spec = importlib.util.spec_from_file_location("controllers", path)
    with pytest.raises(ImportError, match=r"is the package tiering\.controllers"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert "controllers" not in sys.modules
