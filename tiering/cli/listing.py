"""`tiering list`: what there is to simulate, and with what."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tiering import report
from tiering.cli.arguments import add_json

HELP = "list workloads and controllers with their parameters"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "--kernels", action="store_true", help="list the kernels of the zoo and the whole programs instead"
    )
    add_json(parser)


def run(given: Namespace) -> None:
    """Print the catalogue."""
    if given.kernels:
        report.show_zoo(as_json=given.json)
    else:
        report.show_catalogue(as_json=given.json)
