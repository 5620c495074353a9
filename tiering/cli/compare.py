"""`tiering compare WORKLOAD --controllers A,B,...`: several controllers, an oracle and a bound, on one workload."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tiering import profile as profiles
from tiering import registry, report
from tiering.cli.arguments import add_simulation_arguments
from tiering.errors import InputError

HELP = "compare controllers on one workload, beside an oracle and a lower bound"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    add_simulation_arguments(parser)
    parser.add_argument("--controllers", metavar="A,B,...", required=True, help="names, separated by commas")


def run(given: Namespace) -> None:
    """Simulate and print one row per controller, then the oracle's and the bound's."""
    from tiering.experiment import compare

    names = [name.strip() for name in given.controllers.split(",") if name.strip()]
    if not names:
        raise InputError(f"--controllers {given.controllers!r}: must be names separated by commas; see `tiering list`")
    settings = registry.settings_for_each(names, given.settings, by_name_only=["oracle"])
    profile = read_profile(given.profile)
    with report.progress("simulating", len(names) + 2, quiet=given.json) as step:
        rows = compare(
            given.workload,
            names,
            settings=settings,
            seed=given.seed,
            size=given.size,
            profile=profile,
            progress=step,
        )
    report.show_rows(rows, profile, as_json=given.json)


def read_profile(path: str | None) -> profiles.Profile:
    """The machine profile behind `--profile`."""
    return profiles.reference() if path is None else profiles.read(path)
