"""What a checkout looks like: packages as listed, files of readable length, nothing of anyone's machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

LONGEST = 500  # lines; a file that needs more is two files
MAPPED = {"controllers": "tiering.controllers", "workloads": "tiering.workloads"}

# Absolute paths that exist on one machine only. A relative `tests/home/` or `~/work/` is nobody's.
MACHINE_PATH = re.compile(r"(?<![\w.~*})>\]-])/(?:root|home|work|tmp|Users|mnt)/\w")
REGISTRIES = [host + ".org" for host in ("pypi", "pythonhosted", "anaconda")] + ["--index" + "-url"]


def texts(files: list[Path]) -> dict[Path, str]:
    found = {}
    for path in files:
        try:
            found[path] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not text
    return found


@pytest.fixture(scope="module")
def setuptools_table(checkout):
    with open(checkout / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["tool"]["setuptools"]


def packages_in(checkout: Path, files: list[Path]) -> set[str]:
    """The packages that the folders make, under the names that they are installed with."""
    made = set()
    for path in files:
        folder = path.relative_to(checkout).parent
        if path.name == "__init__.py" and folder.parts and folder.parts[0] in {"tiering", *MAPPED}:
            made.add(".".join([MAPPED.get(folder.parts[0], folder.parts[0]), *folder.parts[1:]]))
    return made


def test_the_listed_packages_are_the_folders(checkout, project_files, setuptools_table):
    assert setuptools_table["packages"] == sorted(packages_in(checkout, project_files))


def test_the_mapped_folders_are_the_two_we_know(setuptools_table):
    assert setuptools_table["package-dir"] == {name: folder for folder, name in MAPPED.items()}


def test_every_module_lies_in_a_package(checkout, project_files):
    packages = packages_in(checkout, project_files)
    for path in project_files:
        folder = path.relative_to(checkout).parent
        if path.suffix == ".py" and folder.parts and folder.parts[0] in {"tiering", *MAPPED}:
            name = ".".join([MAPPED.get(folder.parts[0], folder.parts[0]), *folder.parts[1:]])
            assert name in packages, f"{path} would not be installed: {name} has no __init__.py"


def test_no_file_is_too_long_to_read(checkout, project_files):
    lengths = {
        str(path.relative_to(checkout)): text.count("\n")
        for path, text in texts(project_files).items()
        if path.suffix == ".py"
    }
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST}


def test_no_file_names_a_machine(checkout, project_files):
    found = {
        str(path.relative_to(checkout)): match.group()
        for path, text in texts(project_files).items()
        if (match := MACHINE_PATH.search(text))
    }
    assert not found


def test_no_file_names_a_package_registry(checkout, project_files):
    found = {
        str(path.relative_to(checkout)): word
        for path, text in texts(project_files).items()
        for word in REGISTRIES
        if word in text
    }
    assert not found


@pytest.mark.parametrize("folder", ["root", "home", "work", "tmp", "Users"])
@pytest.mark.parametrize("before", ["", " ", '"', "=", "file://"])
def test_a_machine_path_would_be_seen(folder, before):
    assert MACHINE_PATH.search(f"{before}/{folder}/ann")


@pytest.mark.parametrize("text", ["tests/home/x", "~/work/x", "./tmp/x", "{root}/work/x", "and/or/home/x"])
def test_a_relative_path_is_no_machine_path(text):
    assert not MACHINE_PATH.search(text)


def test_constraints_pin_whatever_the_project_asks_for(checkout):
    """Every requirement in pyproject.toml has its one version in constraints.txt, and no line is an address."""
    lines = (checkout / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z0-9_-]+==[0-9][0-9a-z.]*", line) for line in lines)
    pinned = {line.partition("==")[0].replace("_", "-") for line in lines}
    with open(checkout / "pyproject.toml", "rb") as file:
        tables = tomllib.load(file)
    asked = [*tables["project"]["dependencies"], *tables["build-system"]["requires"]]
    for extra in tables["project"]["optional-dependencies"].values():
        asked += extra
    names = {re.match(r"[A-Za-z0-9_-]+", requirement).group() for requirement in asked}
    assert names - {"tiering"} <= pinned
