"""Sites that meet many types: bets on one of them that no inline cache saves, beside bets that all but never fail.

Each unit has one site of type feedback. Its n-th most frequent type has a share in proportion to n**-z, with z chosen
so that the entropy in bits is the given one; the bets of the site are inline caches of one way to four (U. Holzle, C.
Chambers and D. Ungar, ECOOP 1991), of which the k-way one fails with the share of all types but k. Calls are drawn by
the same shares and carry their types, as a recording of the program would.

Failure rates are measured ones: in CPython's JIT on the benchmark docutils (published statistics of the
faster-cpython team, commit bba66e4) 67.6 % of the guards on a type's version failed (164.1 of 242.8 million), 10.7 % of
those on a false branch, 1.3 % of those on an attribute's values, and 6 in a million of those on stack space. Sites are
all but sure or all but hopeless, with little between. Eight types at 2.73 bits are the first of these: their most
frequent type has 32.4 % of the calls. That there are eight is assumed, as are all gains.

Fitted to a recording with types: its units with types, their calls, the most types that a unit met, and the mean
entropy by calls. A unit's types that were seen few times make the entropy too small, by about (types - 1) / (2 ln 2
calls) bits (G. Miller 1955), which is nothing from a thousand calls per unit on.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np

from ..fitting import blocks, maximum
from ..generator import SIZES, Arguments, Floats, Line, Synthetic, check

_WAYS = 4
_STEEPEST = 60.0
_FALSE_BRANCH, _ATTRIBUTE, _STACK = 0.107, 0.013, 6e-6
_OTHERS = (
    {"kind": "branch", "gain": 0.05, "guard_cost": 0.001, "failures": _FALSE_BRANCH},
    {"kind": "constant", "gain": 0.1, "guard_cost": 0.001, "failures": _ATTRIBUTE},
    {"kind": "overflow", "gain": 0.09, "guard_cost": 0.001, "failures": _STACK},
)


def shares(types: int, entropy: float) -> Floats:
    """Shares of so many types, descending, in proportion to n**-z, of this entropy in bits.

    Raises InputError for an entropy that so many types cannot have, which is from 0 to log2(types).
    """
    check("megamorphic", types=(types, 1, 1000))
    check(f"megamorphic with {types:g} types", entropy=(entropy, 0.0, math.log2(types) + 1e-9))
    numbers = np.arange(1, int(types) + 1, dtype=np.float64)

    def law(z: float) -> Floats:
        made = numbers**-z
        return np.asarray(made / made.sum(), dtype=np.float64)

    return law(maximum(lambda z: -abs(bits(law(z)) - entropy), 0.0, _STEEPEST))


def bits(weights: Floats) -> float:
    """Entropy in bits of shares or counts."""
    some = weights[weights > 0] / weights.sum()
    return float(-(some * np.log2(some)).sum()) + 0.0


def lines(units: int, calls: int, types: int, entropy: float) -> list[Line]:
    """`calls` calls of `units` units, drawn evenly, with `types` types of this `entropy` (bits) at each unit's site.

    The knob is `entropy`: 0 is a site of one type, log2(types) one where all are alike. Raises InputError as `shares`
    does.
    """
    mix = shares(types, entropy)
    bets = [*_caches(mix), *_OTHERS]
    features = {"type_entropy": bits(mix)}
    made: list[Line] = [
        {"unit": f"site{n}", "size": SIZES[n % len(SIZES)], "speculations": bets, "features": features}
        for n in range(int(units))
    ]
    entries = [[f"site{n}", 30, 1.0, f"type{way}"] for n in range(int(units)) for way in range(len(mix))]
    return [*made, {"times": int(calls), "draw": entries, "weights": mix.tolist() * int(units)}]


def _caches(mix: Floats, gain: float = 0.3, guard: float = 0.01) -> list[Line]:
    bets: list[Line] = []
    caught = compared = 0.0
    for way, share in enumerate(mix[:_WAYS].tolist(), start=1):
        caught, compared = caught + share, compared + way * share
        missed = 0.0 if way == len(mix) else max(0.0, 1.0 - caught)
        cost = guard * (compared + way * missed)
        bets.append({"kind": "types", "gain": gain, "guard_cost": cost, "failures": missed, "site": 0})
    return bets


def fit(program: Any) -> Arguments | None:
    """Units with types, their calls, the most types of one, and the mean entropy by calls; None without any types."""
    seen: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for group, block in zip((group for group in program.groups if group.times), blocks(program), strict=True):
        calls = group.calls if block.drawn else group.pattern
        for call, weight in zip(calls, block.weights.tolist(), strict=True):
            if call.types is not None:
                seen[call.unit][call.types] += weight * block.times
    tables = [np.fromiter(table.values(), np.float64) for table in seen.values() if sum(table.values()) > 0]
    if not tables:
        return None
    made = sum(float(table.sum()) for table in tables)
    mean = sum(float(table.sum()) * bits(table) for table in tables) / made
    types = max(int(np.count_nonzero(table)) for table in tables)
    return {"units": len(tables), "calls": round(made), "types": types, "entropy": mean}


WORKLOAD = Synthetic(
    name="megamorphic",
    summary="sites that meet eight types, with measured failure rates of guards",
    phenomenon="some bets are hopeless from the start, others of the same unit all but sure",
    knob="entropy",
    sizes={
        "small": {"units": 10, "calls": 200_000, "types": 8, "entropy": 2.73},
        "medium": {"units": 40, "calls": 4_000_000, "types": 8, "entropy": 2.73},
        "large": {"units": 200, "calls": 100_000_000, "types": 8, "entropy": 2.73},
    },
    generate=lines,
    fit=fit,
)
