"""Two loops that are hot in turns, in a code cache with room for one.

The smallest program on which evicting is worse than doing without: whoever compiles at each turn makes, loses and makes
again. Not measured anywhere; the machine's code cache is the point, not the numbers.

Fitted to a recording it takes the two units with the most counts, and how long one of them goes on before the other's
turn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..fitting import blocks, unit_totals
from ..generator import Arguments, Line, Synthetic, check

_SHORTEST = 10


def lines(rounds: int, calls: int) -> list[Line]:
    """Two equal loops that are hot in turns, `calls` calls of 1000 iterations each, `rounds` times over.

    The knob is `calls`: short turns make it a mistake to compile at each of them, long ones pay for it. Raises
    InputError for arguments outside their ranges.
    """
    check("thrashing", rounds=(rounds, 1, 1e12), calls=(calls, 1, 1_000_000))
    units = [{"unit": name, "size": 100} for name in ("ping", "pong")]
    turns = [[name, 1000] for name in ("ping", "pong") for _ in range(int(calls))]
    return [*units, {"times": int(rounds), "calls": turns}]


def fit(program: Any) -> Arguments | None:
    """Turns of the two hottest units, other units' calls left out; None for turns under ten calls."""
    _, counts = unit_totals(program)
    if np.count_nonzero(counts) < 2:
        return None
    pair = np.argsort(-counts, kind="stable")[:2]
    made = turns = 0.0
    last = -1
    for block in blocks(program):
        mine = np.isin(block.units, pair)
        units, weights = block.units[mine], block.weights[mine]
        if not len(units):
            continue
        made += float(weights.sum()) * block.times
        if block.drawn:
            share = float(weights[units == pair[0]].sum()) / float(weights.sum())
            turns += 2.0 * share * (1.0 - share) * float(weights.sum()) * block.times
            last = -1
        else:
            inner, wraps = int(np.count_nonzero(np.diff(units))), int(units[0] != units[-1])
            turns += inner * block.times + wraps * (block.times - 1) + int(units[0] != last)
            last = int(units[-1])
    if turns < 2.0 or made / turns < _SHORTEST:
        return None
    return {"rounds": max(1, round(turns / 2.0)), "calls": round(made / turns)}


WORKLOAD = Synthetic(
    name="thrashing",
    summary="two loops, hot in turns, in a code cache with room for one",
    phenomenon="code that is made, lost and made again",
    knob="calls",
    sizes={
        "small": {"rounds": 100, "calls": 400},
        "medium": {"rounds": 1000, "calls": 400},
        "large": {"rounds": 10_000, "calls": 400},
    },
    generate=lines,
    fit=fit,
    machine={"cores": 1, "code_capacity_bytes": 10_000, "eviction": "lru"},
)
