"""`tiering trace info|head|convert|validate|fit FILE`: look at a workload trace, check it, convert it, imitate it."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiering import report
from tiering.cli.arguments import Parser, add_json, whole_number
from tiering.errors import InputError, printable, unknown

if TYPE_CHECKING:
    from tiering.trace_summary import Summary

HELP = "look at a workload trace, check it, convert it between JSON lines and Parquet, or fit made-up workloads to it"

_LINES = 10
_CALLS = 20
"""Calls that `head` shows of a group: a recorded pattern may have millions."""


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)
    info = _action(actions, "info", _info, "say what is in a trace")
    add_json(info)
    head = _action(actions, "head", _head, "print its first lines as JSON lines")
    lines = whole_number("--lines", 1, 1_000_000, _LINES)
    head.add_argument("--lines", "-n", metavar="N", type=lines, default=_LINES, help=f"so many lines ({_LINES})")
    convert = _action(actions, "convert", _convert, "write it in the form that the suffix says")
    convert.add_argument("out", metavar="OUT", help="where to write it: .jsonl or .parquet")
    convert.add_argument(
        "--feedback", action="store_true", help="also state the bets that the recorded types and indices support"
    )
    _action(actions, "validate", _validate, "say ok, or what is wrong with it")
    fit = _action(actions, "fit", _fit, "fit the made-up workloads to it: arguments with which they resemble it")
    fit.add_argument("--twin", metavar="NAME", help="write the fitted workload of this name, as a trace, to --out")
    fit.add_argument("--out", metavar="OUT", help="where to write it: .jsonl or .parquet")
    add_json(fit)


def run(given: Namespace) -> None:
    """Do what was asked for."""
    given.act(given)


def _action(actions: Any, name: str, act: Any, what: str) -> Any:
    made = actions.add_parser(name, help=what, description=what)
    made.add_argument("file", metavar="FILE", help="a trace: JSON lines or Parquet, which its content tells")
    made.set_defaults(act=act)
    return made


def _info(given: Namespace) -> None:
    from tiering import trace
    from tiering.trace_summary import summarize

    found = summarize(trace.read(given.file))
    if given.json:
        report.show_json({"file": given.file, "bytes": Path(given.file).stat().st_size, **found._asdict()})
    else:
        _show(found)


def _head(given: Namespace) -> None:
    from tiering import trace, trace_text

    for line in trace_text.head(trace.read(given.file), given.lines, _CALLS):
        print(line, end="")


def _convert(given: Namespace) -> None:
    from tiering import trace
    from tiering.feedback import with_feedback

    trace.check_place(given.out)
    program = trace.read(given.file)
    if given.feedback:
        told = with_feedback(program)
        if told == program:
            raise InputError(f"{given.file}: no call has types or a max_index, so there are no bets to be made of them")
        program = told
    trace.write(program, given.out)
    print(f"{given.out}: {_ok(program)}")


def _validate(given: Namespace) -> None:
    from tiering import trace

    print(f"{given.file}: ok, {_ok(trace.read(given.file))}")


def _fit(given: Namespace) -> None:
    from tiering import registry, trace

    if (given.twin is None) != (given.out is None):
        raise InputError("--twin and --out go together: which workload to write, and where")
    if given.twin is not None and given.twin not in registry.SYNTHETIC:
        raise unknown("made-up workload", given.twin, registry.SYNTHETIC)
    program = trace.read(given.file)
    if given.twin is not None:
        _write_twin(program, given)
        return
    fits = {name: registry.WORKLOADS.load(name).fit(program) for name in registry.SYNTHETIC}
    found = {name: arguments for name, arguments in fits.items() if arguments is not None}
    if given.json:
        report.show_json({"file": given.file, "hash": trace.digest(program), "fits": found})
    for name, arguments in found.items() if not given.json else ():
        print(name, *(f"{argument}={value:g}" for argument, value in arguments.items()))
    if not found and not given.json:
        print(f"{given.file}: shows too little of what the made-up workloads are made for")


def _write_twin(program: Any, given: Namespace) -> None:
    from tiering import registry, trace
    from tiering.trace_parser import Parser as TraceParser

    trace.check_place(given.out)
    workload = registry.WORKLOADS.load(given.twin)
    arguments = workload.fit(program)
    if arguments is None:
        raise InputError(f"{given.file}: shows too little of what {given.twin} is made for; see `tiering trace fit`")
    lines = "\n".join(map(json.dumps, workload.lines(**arguments)))
    twin = TraceParser(given.twin).parse(lines)
    trace.write(twin, given.out)
    print(f"{given.out}: {_ok(twin)}")


def _ok(program: Any) -> str:
    from tiering import trace

    return f"{program.total()} calls of {len(program.units)} units, hash {trace.digest(program)}"


def _show(found: Summary) -> None:
    from rich.table import Table

    table = Table("trace", printable(found.name))
    facts = found._asdict()
    del facts["name"]
    for name, value in facts.items():
        label = name.replace("_", " ")
        if name == "sizes":
            table.add_row("sizes in bytecodes", ", ".join(f"{what} {size:g}" for what, size in value.items()))
        elif name == "stated":
            for cost, tiers in value.items():
                known = ", ".join(f"{tier} in {units} of {found.units} units" for tier, units in tiers.items())
                table.add_row(cost.replace("_", " "), printable(known or "not known"))
        elif name == "provenance":
            for fact, text in value.items():
                table.add_row(printable(fact), printable(text))
        else:
            table.add_row(label, printable(f"{value:.0%}" if isinstance(value, float) else str(value)))
    report.show_tables(table)
