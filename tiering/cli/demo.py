"""`tiering demo`: six real optimizer loops, auto-tiered live and predicted by the simulator."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tiering import report
from tiering.cli.arguments import add_json

HELP = "auto-tier six real loops live, predict the same in the simulator, print both"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    parser.add_argument("--size", default="medium", help="size of the loops: small, medium or large")
    where = "where to write the measured machine profile (default out/machine-profile.json)"
    parser.add_argument("--profile", metavar="FILE", help=where)
    add_json(parser)


def run(given: Namespace) -> None:
    """Measure, predict, print."""
    from tiering import demo

    with report.progress("measuring", demo.steps(), quiet=given.json) as step:
        result = demo.run(size=given.size, profile_path=given.profile, progress=step)
    demo.show(result, as_json=given.json)
