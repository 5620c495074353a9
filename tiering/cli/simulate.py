"""`tiering simulate WORKLOAD --controller NAME`: one workload under one controller."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tiering import registry, report
from tiering.cli.arguments import add_simulation_arguments
from tiering.cli.compare import read_profile

HELP = "simulate one workload under one controller"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    add_simulation_arguments(parser)
    parser.add_argument("--controller", metavar="NAME", required=True, help="see `tiering list`")
    parser.add_argument("--log", metavar="FILE", help="write the decision log, one JSON document per line")


def run(given: Namespace) -> None:
    """Simulate and print one row."""
    from tiering.experiment import simulate

    settings = registry.settings_from_text(given.controller, given.settings)
    profile = read_profile(given.profile)
    with report.progress("simulating", 1, quiet=given.json) as step:
        row = simulate(
            given.workload,
            given.controller,
            settings=settings,
            seed=given.seed,
            size=given.size,
            profile=profile,
            log=given.log,
        )
        step(row)
    report.show_rows([row], profile, as_json=given.json)
