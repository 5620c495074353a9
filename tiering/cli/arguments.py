"""An argument parser whose complaints are one line: what was given, the rule, the way out."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tiering.errors import InputError, unknown
from tiering.trace_parser import MAX_THREADS


class Parser(argparse.ArgumentParser):
    """argparse, but an error is an InputError instead of usage text and an exit from the depths.

    With `ends_at_positional` what follows the first positional argument belongs to somebody else.
    """

    ends_at_positional = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse. A misspelt option is named before anything that its absence makes missing."""
        self._check_options([] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise InputError for whatever argparse complains about."""
        choice = re.match(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            known = [name.strip(" '") for name in choice[3].split(",")]
            raise unknown({"VERB": "command", "ACTION": "action"}.get(choice[1], choice[1]), choice[2], known)
        own = re.match(r"argument \S+: (--\S+ '.*': must be .*)", message)
        if own:
            raise InputError(own[1])
        raise InputError(f"{message}; see `{self.prog} --help`")

    def _check_options(self, args: Sequence[str]) -> None:
        known = [option for action in self._actions for option in action.option_strings]
        values = {args[place + 1] for place, arg in enumerate(args[:-1]) if arg in known}
        for arg in args:
            if arg == "--" or (self._subparsers and not arg.startswith("-")):
                return
            if self.ends_at_positional and not arg.startswith("-") and arg not in values:
                return
            name = arg.partition("=")[0]
            if re.match(r"--?[A-Za-z]", name) and not any(option.startswith(name) for option in known):
                raise unknown("option", name, [option for option in known if option.startswith("--")])


def whole_number(name: str, low: int, high: int, default: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `low` to `high`, with a complaint in one line."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{name} {text!r}: must be a whole number from {low} to {high} (default {default})"
            )
        return value

    return convert


def add_simulation_arguments(parser: Any) -> None:
    """What every verb that simulates takes."""
    parser.add_argument("workload", metavar="WORKLOAD", help="a workload's name (see `tiering list`) or a trace file")
    seed = whole_number("--seed", 0, 2**63 - 1, 0)
    parser.add_argument("--seed", type=seed, default=0, help="seed of everything that is drawn (default 0)")
    parser.add_argument("--size", default="medium", help="size of a named workload: small, medium or large")
    parser.add_argument("--profile", metavar="FILE", help="machine profile (default: the one that ships with tiering)")
    parser.add_argument(
        "--machine",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="set a field of the machine, as cores=2; may be given several times",
    )
    threads = whole_number("--threads", 1, MAX_THREADS, 1)
    parser.add_argument("--threads", metavar="N", type=threads, default=1, help="run the workload in N threads at once")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="set a controller's parameter; may be given several times",
    )
    add_json(parser)


def add_json(parser: Any) -> None:
    """The flag that every verb takes."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout and nothing else")
