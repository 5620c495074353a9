"""`tiering VERB ...`: exit code 0, or 2 with one line on stderr where the input breaks a rule."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

from tiering import __version__, registry
from tiering.cli.arguments import Parser
from tiering.errors import InputError, printable

VERBS = ("list", "simulate", "compare", "warmup", "metrics", "timeline", "trace", "record", "demo")
_FILES = {"list": "listing"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line and end the process with its exit code."""
    if sys.stdout is None or sys.stderr is None:  # closed by who started us: nobody reads, nothing is wrong
        sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that this terminal cannot show is no defect
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. A defect of ours keeps its traceback."""
    try:
        registry.check_installed()
        given = _parser().parse_args(arguments)
        given.run(given)
        sys.stdout.flush()
    except InputError as error:
        print(f"tiering: {printable(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a reader that went away: nobody's input and no defect
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            print(f"tiering: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tiering: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> Parser:
    parser = Parser(prog="tiering", description="Simulate and compare tiering controllers, and see them live.")
    parser.add_argument("--version", action="version", version=f"tiering {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    for verb in VERBS:
        module = importlib.import_module(f"tiering.cli.{_FILES.get(verb, verb)}")
        made = verbs.add_parser(verb, help=module.HELP, description=module.HELP)
        module.add_arguments(made)
        made.set_defaults(run=module.run)
    return parser
