"""The checkout as people meet it before they have installed it: each wrong turn names the right one."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest


@pytest.mark.parametrize("folder", ["controllers", "workloads"])
def test_a_mapped_folder_refuses_its_folder_name(python, pristine_copy, folder):
    outcome = python("-c", f"import {folder}", cwd=pristine_copy)
    assert outcome.returncode == 1
    assert outcome.stderr.splitlines()[-1].startswith("ImportError: ")
    assert f"tiering.{folder}" in outcome.stderr.splitlines()[-1]


# `-S` leaves out site-packages. Given back as a plain folder it brings our dependencies, but its .pth
# files, and with them an editable install, stay asleep.
@pytest.mark.parametrize(
    "dependencies", [None, Path(sysconfig.get_path("purelib"))], ids=["bare", "with our dependencies"]
)
def test_a_checkout_that_was_never_installed_says_what_to_type(python, pristine_copy, dependencies):
    outcome = python("-S", "-m", "tiering", "list", cwd=pristine_copy, path=dependencies)
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    (line,) = outcome.stderr.splitlines()
    assert "pip install -e ." in line
