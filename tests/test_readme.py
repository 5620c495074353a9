"""What README and docs say can be typed: programs run, command lines parse, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tiering.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "README.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:tiering|controllers|workloads|tests|benchmarks|docs|examples)/[\w./]*)`")
NOT_RUN = "<!-- not run -->"


NEEDS_FILES = {"demo", "my-trace.jsonl", "my_script.py", "four-threads.json"}
"""Words of command lines that are only parsed."""


class Block(NamedTuple):
    """A fenced block: where it stands, its language, its text, whether it is exempt."""

    where: str
    language: str
    text: str
    exempt: bool


def split(page):
    """The page's blocks, and the lines outside of them."""
    found, prose, inside = [], [], None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if inside is None and line.startswith("```"):
            before = [text for text in prose if text.strip()]
            inside = Block(f"{page.name}:{number}", line[3:].strip(), "", before[-1:] == [NOT_RUN])
        elif inside is None:
            prose.append(line)
        elif line == "```":
            found.append(inside)
            inside = None
        else:
            inside = inside._replace(text=f"{inside.text}{line}\n")
    assert inside is None, f"{inside.where} is not closed"
    return found, prose


ALL = [block for page in PAGES for block in split(page)[0]]
PROGRAMS = [block for block in ALL if block.language == "python" and not block.exempt]
COMMANDS = [
    (f"{block.where} {line.strip()}", line.partition("#")[0])
    for block in ALL
    if not block.language
    for line in block.text.splitlines()
    if line.startswith("tiering ")
]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = [line.lstrip("#") for line in split(page)[1] if re.match(r"#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_there_is_something_to_check():
    assert len(PROGRAMS) >= 5
    assert len(COMMANDS) >= 5
    assert sum(block.exempt for block in ALL) <= 2


@pytest.mark.parametrize("block", PROGRAMS, ids=[block.where for block in PROGRAMS])
def test_a_program_runs(block, tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    script = tmp_path_factory.mktemp("script") / "program.py"
    script.write_text(block.text, encoding="utf-8")
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", [line for _, line in COMMANDS], ids=[where for where, _ in COMMANDS])
def test_a_command_line_is_understood(line):
    words = shlex.split(line)[1:]
    given = main._parser().parse_args(words)
    assert given.run.__module__.startswith("tiering.cli.")


@pytest.mark.parametrize(
    "line",
    [line for _, line in COMMANDS if not NEEDS_FILES & set(line.split())],
)
def test_a_command_line_that_needs_no_file_runs(line, checkout, tmp_path, monkeypatch, capsys):
    (tmp_path / "examples").symlink_to(checkout / "examples")
    monkeypatch.chdir(tmp_path)
    if "adam.log" in line and "--log" not in line:
        main.run(["simulate", "adam", "--controller", "pi", "--log", "adam.log"])
        capsys.readouterr()
    if "calls.parquet" in line and "record" not in line:
        main.run(["record", "--out", "calls.parquet", "examples/write_a_controller.py"])
        capsys.readouterr()
    assert main.run(shlex.split(line)[1:]) == 0
    said = capsys.readouterr().err
    assert said == "" or (said.startswith("calls.parquet: ") and "record" in line)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(other), f"{page.name} links to {target}"


def test_paths_named_in_the_pages_exist():
    for page in PAGES:
        for path in PATH.findall(page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_the_readme_and_the_design_page_are_linked_with_every_other_page():
    linked = {link.partition("#")[0] for link in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert linked >= {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
