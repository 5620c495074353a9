"""Many units called independently, by Zipf's law: few are hot, and which call comes next says nothing about the one
after it.

The exponent 1 is the custom of caching studies and measured on no program; `hotness_tail` has the measured law. Fitted
to a recording it takes the exponent under which the ranks of its units are likeliest (a maximum of the likelihood, not
a straight line through logarithms of ranks, which trusts the rare units most).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..fitting import maximum, unit_totals
from ..generator import LOOPS, SIZES, Arguments, Line, Synthetic, check


def lines(units: int, calls: int, exponent: float = 1.0) -> list[Line]:
    """`calls` calls drawn one by one over `units` units, the n-th with weight n**-exponent. The knob is `units`.

    Raises InputError for arguments outside their ranges.
    """
    check("zipf", units=(units, 1, 1_000_000), calls=(calls, 1, 1e15), exponent=(exponent, 0, 100))
    units = int(units)
    made: list[Line] = [{"unit": f"u{n}", "size": SIZES[n % len(SIZES)]} for n in range(units)]
    entries = [[f"u{n}", LOOPS[n % len(LOOPS)]] for n in range(units)]
    return [*made, {"times": int(calls), "draw": entries, "weights": [1.0 / (n + 1) ** exponent for n in range(units)]}]


def fit(program: Any) -> Arguments | None:
    """Units that are called at all, calls, and the likeliest exponent; None for fewer than three units."""
    calls, _ = unit_totals(program)
    ranked = -np.sort(-calls[calls > 0])
    if len(ranked) < 3:
        return None
    logs = np.log(np.arange(1, len(ranked) + 1))
    mean = float(ranked @ logs / ranked.sum())
    exponent = maximum(lambda z: -z * mean - float(np.log(np.exp(-z * logs).sum())), 0.0, 10.0)
    return {"units": len(ranked), "calls": round(float(calls.sum())), "exponent": exponent}


WORKLOAD = Synthetic(
    name="zipf",
    summary="10,000 units called independently, by Zipf's law",
    phenomenon="few of very many units are worth anything, and nothing but counting tells which",
    knob="units",
    sizes={
        "small": {"units": 10_000, "calls": 100_000},
        "medium": {"units": 10_000, "calls": 10_000_000},
        "large": {"units": 10_000, "calls": 1_000_000_000},
    },
    generate=lines,
    fit=fit,
)
