"""An argument parser whose complaints are one line: what was given, the rule, the way out."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn

from tiering.errors import InputError, unknown


class Parser(argparse.ArgumentParser):
    """argparse, but an error is an InputError instead of usage text and an exit from the depths."""

    def error(self, message: str) -> NoReturn:
        choice = re.match(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            known = [name.strip(" '") for name in choice[3].split(",")]
            raise unknown("command" if choice[1] == "VERB" else choice[1], choice[2], known)
        own = re.match(r"argument \S+: (--\S+ '.*': must be .*)", message)
        if own:
            raise InputError(own[1])
        stray = re.match(r"unrecognized arguments: (\S+)", message)
        if stray and stray[1].startswith("-"):
            raise unknown("option", stray[1], self._known_options())
        raise InputError(f"{message}; see `{self.prog} --help`")

    def _known_options(self) -> list[str]:
        options = {option for action in self._actions for option in action.option_strings}
        for action in self._actions:
            for parser in getattr(action, "choices", None) or ():
                chosen = action.choices[parser] if isinstance(action.choices, dict) else None
                if isinstance(chosen, Parser):
                    options.update(chosen._known_options())
        return sorted(option for option in options if option.startswith("--"))


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
