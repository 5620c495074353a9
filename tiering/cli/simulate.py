"""`tiering simulate WORKLOAD --controller NAME`: one workload under one controller."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tiering import registry, report
from tiering.cli.arguments import add_simulation_arguments
from tiering.cli.compare import machine_of

HELP = "simulate one workload under one controller"
REAL = "note: compiled for real: tiers are the interpreter and optimized (Numba), times differ from run to run"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    add_simulation_arguments(parser)
    parser.add_argument("--controller", metavar="NAME", required=True, help="see `tiering list`")
    parser.add_argument(
        "--compiler",
        choices=("model", "real"),
        default="model",
        help="where compile times come from: the profile (default), or Numba, which then really compiles",
    )
    parser.add_argument("--log", metavar="FILE", help="write the decision log, one JSON document per line")


def run(given: Namespace) -> None:
    """Simulate and print one row."""
    from tiering.experiment import simulate

    settings = registry.settings_from_text(given.controller, given.settings)
    profile = machine_of(given)
    with report.progress("simulating", 1, quiet=given.json) as step:
        row = simulate(
            given.workload,
            given.controller,
            settings=settings,
            seed=given.seed,
            size=given.size,
            profile=profile,
            threads=given.threads,
            compiler=given.compiler,
            log=given.log,
        )
        step(row)
    report.show_rows([row], profile, as_json=given.json)
    if given.compiler == "real" and not given.json:
        print(REAL)
