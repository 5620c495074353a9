"""`tiering record SCRIPT [ARGS]`: run a Python program and keep its calls as a trace."""

from __future__ import annotations

import os
import sys
import traceback
from argparse import REMAINDER, Namespace
from pathlib import Path
from typing import Any

from tiering.errors import InputError

HELP = "run a Python script and record its calls as a trace"


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    parser.ends_at_positional = True
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
    from tiering import trace
    from tiering.recorded import record

    if not Path(given.script).is_file():
        raise InputError(f"{given.script}: no such file; give the path of a Python script")
    out = given.out or f"{Path(given.script).stem}.parquet"
    trace.check_place(out)
    place = os.path.abspath(out)
    try:
        made = record(given.script, given.arguments, include=tuple(given.include), times=given.times)
    except (InputError, SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - the script's own, before its first call
        _show(error, given.script)
        sys.exit(1)
    _open_streams()
    trace.write(made.program, place)
    share = made.recording_seconds / made.seconds if made.seconds else 0.0
    more = "the first " if made.more else ""
    print(
        f"{out}: {more}{made.calls} calls of {len(made.program.units)} functions in {made.seconds:.2f} s, of which "
        f"recording took about {made.recording_seconds:.2f} s ({share:.0%})",
        file=sys.stderr,
    )
    if made.lost:
        print(
            f"{out}: calls are missing: there were more than 64 threads at once, or the script set a profiler of its "
            "own, or a signal handler raised",
            file=sys.stderr,
        )
    if isinstance(made.error, SystemExit | KeyboardInterrupt):
        raise made.error
    if made.error is not None:
        _show(made.error, given.script)
        sys.exit(1)


def _open_streams() -> None:
    """A script may have closed them; what is said from here on is then said to nobody."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


def _show(error: BaseException, script: str) -> None:
    """The traceback as `python SCRIPT` shows it: from the script on."""
    own = os.path.abspath(script)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != own:
        trace = trace.tb_next
    traceback.print_exception(error.with_traceback(trace or error.__traceback__))
