"""`tiering warmup WORKLOAD --controller NAME`: when does the program become steady, and what did warming up cost.

The calls of the program's first thread are cut into equal shares, the iterations; their simulated times go through the
two published change-point procedures (`tiering.steady`).
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tiering import registry, report
from tiering.cli.arguments import add_simulation_arguments, whole_number
from tiering.cli.compare import machine_of

HELP = "find out when a simulated program reaches its steady state"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    add_simulation_arguments(parser)
    parser.add_argument("--controller", metavar="NAME", required=True, help="see `tiering list`")
    iterations = whole_number("--iterations", 8, 5000, 2000)
    parser.add_argument(
        "--iterations", metavar="N", type=iterations, default=2000, help="about so many shares of the calls (2000)"
    )


def run(given: Namespace) -> None:
    """Simulate, and print what both procedures say."""
    from tiering.warmup import warm_up

    found = warm_up(
        given.workload,
        given.controller,
        iterations=given.iterations,
        settings=registry.settings_from_text(given.controller, given.settings),
        seed=given.seed,
        size=given.size,
        profile=machine_of(given),
        threads=given.threads,
    )
    if given.json:
        report.show_json(found.as_json())
    else:
        report.show_warm_up(found)
