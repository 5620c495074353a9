"""Bets that hold, then fail, then hold again.

Measured guards are either all but sure or all but hopeless (see `megamorphic`), so a bet that changes from one kind to
the other is what a policy has to learn twice. That they change, and how often, is assumed; the failing share of 0.3
lies between the rare and the hopeless ones, so that giving up and going on both cost something.

Fitted to a program whose units state failures in phases (as a hand-written trace, or another generator's). A recording
states none: what its types show is fitted by `megamorphic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from ..fitting import unit_totals
from ..generator import SIZES, Arguments, Line, Synthetic, check

_PHASES = 1000


def lines(units: int, calls: int, turn: int, failing: float = 0.3) -> list[Line]:
    """`units` loops whose bets hold for `turn` calls each, then fail in a share of the calls for as long, and so on.

    A second bet of each unit always holds, so giving up all bets gives something away. The knob is `turn`. Raises
    InputError for turns below one call, and a share that is none.
    """
    check("deopt_storm", turn=(turn, 1, 1e15), failing=(failing, 0.0, 1.0))
    units, calls, turn = int(units), int(calls), int(turn)
    phases = [[number * turn, 0.0 if number % 2 == 0 else failing] for number in range(_turns(calls, turn))]
    bets = [
        {"kind": "types", "gain": 0.3, "guard_cost": 0.01, "failures": phases},
        {"kind": "bounds", "gain": 0.1, "guard_cost": 0.01, "failures": 0.0},
    ]
    made: list[Line] = [{"unit": f"loop{n}", "size": SIZES[n % len(SIZES)], "speculations": bets} for n in range(units)]
    return [*made, {"times": calls, "calls": [[f"loop{n}", 200] for n in range(units)]}]


def fit(program: Any) -> Arguments | None:
    """Units with phases of failures, their mean calls, mean turn and mean failing share; None where none has any."""
    calls, _ = unit_totals(program)
    mine: list[float] = []
    turns: list[int] = []
    shares: list[float] = []
    for unit, made in zip(program.units, calls.tolist(), strict=True):
        stated = list(_phases(unit))
        if stated:
            mine.append(made)
        for phases in stated:
            turns += [later - sooner for (sooner, _), (later, _) in pairwise(phases)]
            shares += [share for _, share in phases if share > 0.0]
    if not turns or not shares or not sum(mine):
        return None
    turn, failing = round(float(np.mean(turns))), float(np.mean(shares))
    return {"units": len(mine), "calls": round(float(np.mean(mine))), "turn": turn, "failing": failing}


def _phases(unit: Any) -> Iterator[Any]:
    return (bet.failures for bet in unit.speculations if isinstance(bet.failures, tuple) and len(bet.failures) > 1)


def _turns(calls: int, turn: int) -> int:
    return max(1, min(_PHASES, calls // turn))


WORKLOAD = Synthetic(
    name="deopt_storm",
    summary="bets that hold, then fail, then hold again",
    phenomenon="what was learnt about a bet becomes wrong, again and again",
    knob="turn",
    sizes={
        "small": {"units": 4, "calls": 3_000_000, "turn": 500_000},
        "medium": {"units": 8, "calls": 10_000_000, "turn": 1_000_000},
        "large": {"units": 8, "calls": 100_000_000, "turn": 1_000_000},
    },
    generate=lines,
    fit=fit,
)
