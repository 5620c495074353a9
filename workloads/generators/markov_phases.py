"""Phases that follow each other at random: exponential stays, then any other phase, all alike.

A policy that has learnt how long phases last, or which comes next, has learnt nothing here, since both are without
memory. No measured lengths of phases were found, so the law is assumed. How many there are is borrowed from running
benchmarks: processes of 3000 iterations of a tenth of a second have 5 change points at the median and 16 at the 90th
percentile (counted from the data of L. Traini and others, *Towards effective assessment of steady state performance in
Java software*, Empirical Software Engineering 28, 2023). The sizes are restless ones of 16 stays.

Fitted to a recording: windows of similar calls are one phase (`fitting.phases`). The twin of 200 stays returns the
number of phases exactly and the mean stay within 20 %, most of which is the luck of so many exponential draws.
"""

from __future__ import annotations

import math
from typing import Any

from ..fitting import phases as found_phases
from ..generator import LOOPS, SIZES, Arguments, Line, Synthetic, check, uniforms


def lines(phases: int, units: int, calls: int, dwell: float, seed: int = 0) -> list[Line]:
    """`calls` calls by `phases` sets of `units` units, each hot for stays of `dwell` calls on average.

    A library unit is hot in all of them. The knob is `dwell`: short stays never let a compile pay. Raises InputError
    for fewer than one phase or unit, or a stay below one call.
    """
    check("markov_phases", phases=(phases, 1, 1e5), units=(units, 1, 1e6), dwell=(dwell, 1, 1e15))
    phases, units = int(phases), int(units)
    made: list[Line] = [{"unit": "library", "size": 60}]
    patterns = []
    for phase in range(phases):
        names = [f"phase{phase}.{n}" for n in range(units)]
        made += [{"unit": name, "size": SIZES[n % len(SIZES)]} for n, name in enumerate(names)]
        patterns.append([["library", 20], *([name, LOOPS[n % len(LOOPS)]] for n, name in enumerate(names))])
    return [*made, *_stays(patterns, int(calls), dwell, int(seed))]


def _stays(patterns: list[Any], calls: int, dwell: float, seed: int) -> list[Line]:
    groups: list[Line] = []
    phase = left = 0
    left = calls
    while left > 0:
        stay, jump = uniforms(seed, len(groups), 2).tolist()
        length = len(patterns[phase])
        wanted = min(-dwell * math.log(stay), left) if len(patterns) > 1 else left
        times = max(1, round(wanted / length))
        groups.append({"times": times, "calls": patterns[phase]})
        left -= times * length
        phase = (phase + 1 + int(jump * (len(patterns) - 1))) % len(patterns)
    return groups


def fit(program: Any) -> Arguments | None:
    """Phases, units of each, calls, and the mean stay in calls; None for one phase."""
    found = found_phases(program)
    if found.number < 2:
        return None
    units = max(1, round(found.units))
    return {"phases": found.number, "units": units, "calls": found.calls, "dwell": found.calls / found.stays}


WORKLOAD = Synthetic(
    name="markov_phases",
    summary="sets of hot units that follow each other at random, after exponential stays",
    phenomenon="what is hot changes, and no past stay says when",
    knob="dwell",
    sizes={
        "small": {"phases": 4, "units": 10, "calls": 1_600_000, "dwell": 100_000},
        "medium": {"phases": 8, "units": 20, "calls": 16_000_000, "dwell": 1_000_000},
        "large": {"phases": 8, "units": 40, "calls": 320_000_000, "dwell": 20_000_000},
    },
    generate=lines,
    fit=fit,
)
