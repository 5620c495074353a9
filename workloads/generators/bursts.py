"""New hot units arrive calmly, or in bursts: a Poisson process whose rate changes between two values.

The program's clock is its calls. In the calm state units come at one rate per call, in the bursty state at a higher
one; stays in either are exponential (a Markov-modulated Poisson process of two states; W. Fischer and K.
Meier-Hellstern, *The Markov-modulated Poisson process (MMPP) cookbook*, Performance Evaluation 18, 1993). A unit that
has come is called `heat` times, in turn with all others that are not yet through, and never again. So a burst brings
many units to every threshold at about the same time, and the compile queue is long just then.

Burstiness at the level of calls is measured nowhere that was found. The defaults are assumed: 20 times the calm rate
for a tenth of the time. `heat` is half of what the middle one of those units has that reach 4096 in `hotness_tail`, so
that on average less comes than goes. On a machine with compiler threads to spare nothing is seen of a burst.

Fitted to a recording, the first calls of units are the arrivals; rates and stays are the likeliest of a hidden Markov
chain over windows (`fitting.two_states`). Twins with 100 bursts return rates within 30 % and stays within 45 %. Bursty
stays lean to the long side, since a burst without arrivals is none that could be seen. With ten bursts a stay may be
off by a factor of 2.5, which is mostly the luck of ten exponential draws.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from tiering.protocol import InputError

from ..fitting import first_calls, two_states, unit_totals
from ..generator import SIZES, Arguments, Line, Synthetic, check, uniforms

_FEWEST = 20
_WINDOWS = 1000, 8000
"""Fewest and most windows of a fit, which wants a few for each arrival."""

_BURSTS = 2.0
_MOST = 100_000


def lines(
    calls: int, calm: float, bursty: float, calm_dwell: float, bursty_dwell: float, heat: int, seed: int = 0
) -> list[Line]:
    """A unit `main` in all of `calls` calls, and others that come at rates `calm` and `bursty` per million calls.

    Stays are `calm_dwell` and `bursty_dwell` calls on average; each unit is called `heat` times. Arrivals end with
    `calls`; whoever has come then is called to the end. The knob is `bursty`. Raises InputError for arguments
    outside their ranges, and for rates that make more than 100,000 units.
    """
    check("bursts", calls=(calls, 1, 1e12), calm=(calm, 0, 1e6), bursty=(bursty, 0, 1e6), heat=(heat, 1, 1e12))
    check("bursts", calm_dwell=(calm_dwell, 1, 1e12), bursty_dwell=(bursty_dwell, 1, 1e12))
    if calls * max(calm, bursty) > _MOST * 1e6:
        raise InputError(f"bursts: {calls * max(calm, bursty) / 1e6:g} units may come: must be at most {_MOST}")
    arrivals = _arrivals(calls, (calm, bursty), (calm_dwell, bursty_dwell), int(seed))
    names = [f"new{n}" for n in range(len(arrivals))]
    made: list[Line] = [{"unit": "main", "size": 60}]
    made += [{"unit": name, "size": SIZES[n % len(SIZES)]} for n, name in enumerate(names)]
    return [*made, *_schedule(names, arrivals, int(calls), int(heat))]


def _arrivals(calls: float, rates: tuple[float, float], dwells: tuple[float, float], seed: int) -> list[float]:
    found: list[float] = []
    now, state, stay = 0.0, 0, 0
    while now < calls:
        ends = min(calls, now - dwells[state] * math.log(uniforms(seed, 2 * stay, 1)[0]))
        expected = (ends - now) * rates[state] / 1e6
        gaps = -np.log(uniforms(seed, 2 * stay + 1, int(expected + 10.0 * math.sqrt(expected) + 40.0)))
        places = now + np.cumsum(gaps) * 1e6 / rates[state] if rates[state] else np.empty(0)
        found += places[places < ends].tolist()
        now, state, stay = ends, 1 - state, stay + 1
    return found


def _schedule(names: list[str], arrivals: list[float], calls: int, heat: int) -> list[Line]:
    """Rounds of one call of `main` and of every unit that is not through, from one change of their set to the next."""
    groups: list[Line] = []
    live: deque[tuple[str, int]] = deque()
    now = rounds = come = 0
    while now < calls or live:
        while come < len(names) and arrivals[come] <= now:
            live.append((names[come], rounds + heat))
            come += 1
        pattern = [["main", 10], *([name, 10] for name, _ in live)]
        until = arrivals[come] if come < len(names) else calls
        times = max(1, math.ceil((until - now) / len(pattern)))
        if live:
            left = live[0][1] - rounds
            times = min(times, left) if now < until else left
        groups.append({"times": times, "calls": pattern})
        rounds, now = rounds + times, now + times * len(pattern)
        while live and live[0][1] <= rounds:
            live.popleft()
    return groups


def fit(program: Any) -> Arguments | None:
    """Rates per million calls, stays in calls, calls in all, and the median calls of units that come.

    None below 20 units, and where their arrivals show one rate or fewer than two bursts. The unit with the most calls
    counts as `main`.
    """
    arrivals, calls = first_calls(program)
    arrivals = arrivals[arrivals > arrivals[0]] if len(arrivals) else arrivals
    if len(arrivals) < _FEWEST or calls < _WINDOWS[0]:
        return None
    bins = int(np.clip(4 * len(arrivals), *_WINDOWS))
    window = calls / bins
    found = two_states(np.histogram(arrivals, bins=bins, range=(0, calls))[0].astype(np.float64))
    if found is None or bins < _BURSTS * (1.0 / found.leaves_calm + 1.0 / found.leaves_bursty):
        return None
    heats = np.sort(unit_totals(program)[0])[:-1]
    return {
        "calls": calls,
        "calm": found.calm / window * 1e6,
        "bursty": found.bursty / window * 1e6,
        "calm_dwell": window / found.leaves_calm,
        "bursty_dwell": window / found.leaves_bursty,
        "heat": max(1, round(float(np.median(heats[heats > 0])))),
    }


_RATES = {"calm": 10.0, "bursty": 200.0, "heat": 20_000}
WORKLOAD = Synthetic(
    name="bursts",
    summary="hot units that arrive calmly or in bursts, by a two-state process",
    phenomenon="the compile queue is empty for long, and then everything is hot at once",
    knob="bursty",
    sizes={
        "small": {"calls": 3_000_000, "calm_dwell": 450_000, "bursty_dwell": 50_000, **_RATES},
        "medium": {"calls": 30_000_000, "calm_dwell": 900_000, "bursty_dwell": 100_000, **_RATES},
        "large": {
            "calls": 300_000_000,
            "calm": 1.0,
            "bursty": 20.0,
            "calm_dwell": 9_000_000,
            "bursty_dwell": 1_000_000,
            "heat": 200_000,
        },
    },
    generate=lines,
    fit=fit,
)
