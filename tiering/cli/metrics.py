"""`tiering metrics LOG`: what a decision log comes to."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tiering import registry, report
from tiering.cli.arguments import add_json
from tiering.errors import printable

if TYPE_CHECKING:
    from tiering.log import Header

HELP = "count what is in a decision log"
_IN_THE_TITLE = ("host", "controller", "parameters")


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    parser.add_argument("log", metavar="LOG", help="a decision log, as `tiering simulate --log` writes")
    parser.add_argument(
        "--overhead", action="store_true", help="put the questions to the controller again and time its answers"
    )
    add_json(parser)


def run(given: Namespace) -> None:
    """Print the numbers, tiers by name."""
    from tiering import log, metrics

    header, records = log.read(given.log)
    numbers = metrics.measure(records, keeps=header.setup.keeps)._asdict()
    names = [tier.name for tier in header.setup.tiers]
    numbers["code_bytes"] = {_name(names, tier): size for tier, size in numbers["code_bytes"].items()}
    document = {"host": header.host, "controller": header.controller, "parameters": header.parameters, **numbers}
    if given.overhead:
        controller = registry.controller(header.controller, header.parameters)
        document["overhead"] = metrics.overhead(controller, header, records)._asdict()
    if given.json:
        report.show_json(document)
    else:
        _show(header, document)


def _name(names: list[str], tier: int) -> str:
    return names[tier] if 0 <= tier < len(names) else f"tier {tier}"


def _show(header: Header, document: dict[str, Any]) -> None:
    from rich.table import Table

    settings = " ".join(f"{name}={value}" for name, value in header.parameters.items())
    table = Table("metric", title=printable(f"{header.controller} ({header.host}) {settings}".rstrip()))
    table.add_column("value", justify="right")
    for name, value in _flat(document):
        table.add_row(printable(name), printable(value))
    report.show_tables(table)


def _flat(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        label = name.replace("_", " ")
        if name in _IN_THE_TITLE:
            continue
        if isinstance(value, dict):
            yield from ((f"{label}: {inner}", _text(item)) for inner, item in value.items())
        else:
            yield label, _text(value)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
