"""`tiering timeline LOG --out FILE`: a decision log as a picture that Perfetto draws."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tiering import report
from tiering.cli.arguments import add_json, whole_number
from tiering.files import check_writable

HELP = "turn a decision log into a timeline for Perfetto or chrome://tracing"
_ROWS = 200


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    parser.add_argument("log", metavar="LOG", help="a decision log, as `tiering simulate --log` writes")
    parser.add_argument("--out", metavar="FILE", required=True, help="where to write the timeline (JSON)")
    rows = whole_number("--rows", 1, 100_000, _ROWS)
    parser.add_argument("--rows", type=rows, default=_ROWS, help=f"units with a row of their own (default {_ROWS})")
    parser.add_argument("--decisions", action="store_true", help="also mark every decision with its reason")
    add_json(parser)


def run(given: Namespace) -> None:
    """Write the timeline and say what is in it."""
    from tiering import log, timeline

    check_writable(given.out)
    header, records = log.read(given.log)
    made = timeline.document(header, records, rows=given.rows, decisions=given.decisions)
    timeline.write(given.out, made)
    facts = {"file": given.out, "events": len(made["traceEvents"]), **made["otherData"]}
    if given.json:
        report.show_json(facts)
        return
    note = f" ({facts['note']})" if facts["note"] else ""
    print(f"{given.out}: {facts['events']} events of {facts['units']} units{note}; open it in ui.perfetto.dev")
