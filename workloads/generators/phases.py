"""One set of hot units after the other, around twice: a program that is never at rest for long, but comes back.

Regular on purpose, so that it can be recomputed in the head; `markov_phases` is the irregular form. Fitted to a
recording it takes the number of its phases, their units, and the mean stay in one.
"""

from __future__ import annotations

from typing import Any

from ..fitting import phases as found_phases
from ..generator import LOOPS, SIZES, Arguments, Line, Synthetic, check


def lines(phases: int, units: int, calls: int) -> list[Line]:
    """`phases` sets of `units` units, hot one set after the other, round twice; one library unit is hot in all of them.

    The knob is `phases`: one is a steady program, many never let a policy come to rest. Raises InputError for
    arguments outside their ranges.
    """
    check("phases", phases=(phases, 1, 10_000), units=(units, 1, 10_000), calls=(calls, 1, 1e12))
    made: list[Line] = [{"unit": "library", "size": 60}]
    groups: list[Line] = []
    for phase in range(int(phases)):
        names = [f"phase{phase}.{n}" for n in range(int(units))]
        made += [{"unit": name, "size": SIZES[n % len(SIZES)]} for n, name in enumerate(names)]
        pattern = [["library", 20], *([name, LOOPS[n % len(LOOPS)]] for n, name in enumerate(names))]
        groups.append({"times": int(calls), "calls": pattern})
    return [*made, *groups, *groups]


def fit(program: Any) -> Arguments | None:
    """Phases, units of each, and `calls`: the mean stay in calls over the units that make them; None for one phase."""
    found = found_phases(program)
    if found.number < 2:
        return None
    units = max(1, round(found.units))
    return {"phases": found.number, "units": units, "calls": max(1, round(found.calls / found.stays / (units + 1)))}


WORKLOAD = Synthetic(
    name="phases",
    summary="one set of hot units after the other, around twice",
    phenomenon="what was hot is no more, and will be again",
    knob="phases",
    sizes={
        "small": {"phases": 4, "units": 10, "calls": 5000},
        "medium": {"phases": 8, "units": 20, "calls": 50_000},
        "large": {"phases": 8, "units": 40, "calls": 500_000},
    },
    generate=lines,
    fit=fit,
)
