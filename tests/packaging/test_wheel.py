"""What the wheel holds: one import name, everything under it, and nothing that only we need."""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath

import pytest

MAPPED = {"controllers": "tiering/controllers", "workloads": "tiering/workloads"}
SHIPPED = {".py", ".json", ".typed"}


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_only_import_name_is_tiering(names):
    tops = {PurePosixPath(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tiering"}


def test_every_module_and_table_of_the_three_folders_is_in_it(names, checkout, project_files):
    expected = set()
    for path in project_files:
        first, *rest = path.relative_to(checkout).parts
        if first in {"tiering", *MAPPED} and path.suffix in SHIPPED:
            expected.add("/".join([MAPPED.get(first, first), *rest]))
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_it_says_that_it_is_typed(names):
    assert "tiering/py.typed" in names


def test_the_command_is_called_tiering(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (listing,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        assert archive.read(listing).decode().split("\n")[:2] == [
            "[console_scripts]",
            "tiering = tiering.cli.main:main",
        ]


def test_its_version_is_the_one_that_the_package_tells(wheel, installed, python, tmp_path):
    told = python("-c", "import tiering; print(tiering.__version__)", cwd=tmp_path, path=installed)
    assert wheel.name == f"tiering-{told.stdout.strip()}-py3-none-any.whl"
