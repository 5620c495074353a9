"""What is in a trace, counted by hand."""

from __future__ import annotations

from tiering.trace import Call, Group, Mix, Program, Site, Speculation, Unit, digest
from tiering.trace_summary import summarize

UNITS = (
    Unit("f", 10, {"interpreter": 1.0, "fast": 0.5}, {"fast": 2.0}, speculations=(Speculation("types", 0.5),)),
    Unit("g", 30, {"interpreter": 1.0}, sites=(Site("f"), Site("g"))),
    Unit("h", 20),
)
GROUPS = (
    Group((Call(0, 5), Call(0, 5), Call(1, 7, 1.0, "int64", 3)), 10),
    Mix((Call(1), Call(2, 100)), (3.0, 1.0), 8, 2),
)
PROGRAM = Program("by hand", UNITS, GROUPS, "made up", {"python": "3.13"})


def test_a_summary_by_hand():
    """Backedges: ten rounds of 5 + 5 + 7, and a quarter of eight drawn calls with 100."""
    found = summarize(PROGRAM)
    assert found._asdict() == {
        "name": "by hand",
        "source": "made up",
        "provenance": {"python": "3.13"},
        "hash": digest(PROGRAM),
        "units": 3,
        "groups": 2,
        "mixes": 1,
        "threads": 3,
        "calls": 38,
        "different_calls": 4,
        "backedges": 370,
        "sizes": {"least": 10, "p25": 10, "p50": 20, "p75": 30, "p90": 30, "most": 30, "mean": 20.0},
        "stated": {"seconds": {"interpreter": 2, "fast": 1}, "compile_seconds": {"fast": 1}, "code_bytes": {}},
        "speculations": 1,
        "sites": 2,
        "typed_calls": 0.25,
        "indexed_calls": 0.25,
    }


def test_percentiles_are_nearest_ranks():
    units = tuple(Unit(f"u{size}", size) for size in range(1, 11))
    sizes = summarize(Program("ten", units, (Group((Call(0),), 1),))).sizes
    assert sizes == {"least": 1, "p25": 3, "p50": 5, "p75": 8, "p90": 9, "most": 10, "mean": 5.5}


def test_a_program_without_units_or_calls_has_a_summary_too():
    found = summarize(Program("nothing", (), ()))
    assert (found.calls, found.sizes, found.typed_calls) == (0, {}, 0.0)
