"""`tiering record SCRIPT [ARGS]`: run a Python program and keep its calls as a trace."""

from __future__ import annotations

import sys
import traceback
from argparse import REMAINDER, Namespace
from typing import Any

HELP = "run a Python script and record its calls as a trace"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "--out", "-o", metavar="FILE", help="the trace: .parquet or .jsonl (default: the script's name, .parquet)"
    )
    parser.add_argument(
        "--include",
        metavar="PACKAGE",
        action="append",
        default=[],
        help="record this installed package or module too, not only the program's own functions",
    )
    parser.add_argument(
        "--times",
        choices=("each", "mean"),
        default="each",
        help="keep each call's own time (default), or the mean of its function, which makes files much smaller",
    )
    parser.add_argument("script", metavar="SCRIPT", help="a Python file")
    parser.add_argument("arguments", metavar="ARGS", nargs=REMAINDER, help="its arguments")


def run(given: Namespace) -> None:
    """Run, record, write, and say on stderr what it came to; stdout belongs to the script."""
    from pathlib import Path

    from tiering import trace
    from tiering.recorded import record

    out = given.out or f"{Path(given.script).stem}.parquet"
    trace.check_place(out)
    made = record(given.script, given.arguments, include=tuple(given.include), times=given.times)
    trace.write(made.program, out)
    share = made.recording_seconds / made.seconds if made.seconds else 0.0
    more = "the first " if made.more else ""
    print(
        f"{out}: {more}{made.calls} calls of {len(made.program.units)} functions in {made.seconds:.2f} s, of which "
        f"recording took about {made.recording_seconds:.2f} s ({share:.0%})",
        file=sys.stderr,
    )
    if isinstance(made.error, SystemExit):
        raise made.error
    if made.error is not None:
        traceback.print_exception(made.error)
        sys.exit(1)
