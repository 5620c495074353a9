"""Compile times that a unit's size does not tell: log-normal around it, over sizes with a heavy right tail.

A compile of s bytecodes takes s times the compiler's seconds per bytecode times a log-normal factor of mean 1, whose
logarithm has a standard deviation of 1.2: that of 1466 compiles of a Java compiler. Seconds per bytecode are HotSpot's
(a published CITime dump of graal.js on Octane raytrace): 430,771 bytes per second in C1 and 110,109 in C2. They are
stated for the tiers `baseline` and `optimized`, which all profiles that ship have; the tier `speculative` keeps the
profile's own law. So this is the one generator that states seconds, and it shows most on the profile `speculator`,
whose speeds are of the same engine; a profile that names its tiers otherwise refuses it.

Sizes are log-normal too, with a mean of 93 bytecodes (dumps have 71 to 115 per method that C1 gets). That their tail is
heavy is reported without figures; the same spread of 1.2 is assumed, which gives a median of 45 and, among 1000, a
largest of 2400. Size and factor go with nothing, as sizes and calls do.

Fitted to a program that states compile times, spread and seconds per bytecode are the mean and the standard deviation
of logarithms; middles instead of draws make both return within a hundredth at 500 units.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..fitting import unit_totals
from ..generator import LOOPS, Arguments, Floats, Line, Synthetic, check, log_normal, scattered

_TIERS = ("baseline", "optimized")


def lines(
    units: int,
    calls: int,
    spread: float = 1.2,
    bytecodes: float = 93.0,
    size_spread: float = 1.2,
    baseline: float = 1 / 430_771,
    optimized: float = 1 / 110_109,
) -> list[Line]:
    """`calls` calls drawn over `units` units by Zipf's law; the factors of their compile times have this `spread`.

    `spread` and `size_spread` are standard deviations of natural logarithms, `bytecodes` is the mean size, `baseline`
    and `optimized` are seconds per bytecode. The knob is `spread`. Raises InputError for arguments outside their
    ranges.
    """
    check("compile_spread", units=(units, 1, 1e6), spread=(spread, 0, 5), size_spread=(size_spread, 0, 5))
    check("compile_spread", bytecodes=(bytecodes, 1, 1e6), baseline=(baseline, 0, 1e3), optimized=(optimized, 0, 1e3))
    units = int(units)
    sizes = np.maximum(1, np.rint(log_normal(units, bytecodes, size_spread)))[scattered(units)]
    factors = log_normal(units, 1.0, spread)[scattered(units)[scattered(units)]]
    made: list[Line] = []
    for n, (size, factor) in enumerate(zip(sizes.tolist(), factors.tolist(), strict=True)):
        seconds = {"baseline": baseline * size * factor, "optimized": optimized * size * factor}
        made.append({"unit": f"u{n}", "size": int(size), "compile_seconds": seconds})
    entries = [[f"u{n}", LOOPS[n % len(LOOPS)]] for n in range(units)]
    return [*made, {"times": int(calls), "draw": entries, "weights": [1.0 / (n + 1) for n in range(units)]}]


def fit(program: Any) -> Arguments | None:
    """Units, calls, and the laws of sizes and of compile times; without the latter where none is stated.

    Where one of the two tiers is not stated, its seconds per bytecode are left at their default. None below three
    units.
    """
    units = [unit for unit in program.units if unit.size > 0]
    if len(units) < 3:
        return None
    sizes = np.array([unit.size for unit in units], dtype=np.float64)
    found: Arguments = {"units": len(units), "calls": round(float(unit_totals(program)[0].sum()))}
    found |= {"bytecodes": float(sizes.mean()), "size_spread": float(np.log(sizes).std())}
    spreads: list[float] = []
    for tier in _TIERS:
        rates = np.array([unit.compile_seconds.get(tier, 0.0) / unit.size for unit in units], dtype=np.float64)
        rates = rates[rates > 0]
        if len(rates) >= 3:
            found[tier] = _scale(rates)
            spreads.append(float(np.log(rates).std()))
    return {**found, "spread": float(np.mean(spreads))} if spreads else found


def _scale(rates: Floats) -> float:
    """The mean of a log-normal law from its logarithms, which one long compile does not carry away."""
    logs = np.log(rates)
    return float(np.exp(logs.mean() + logs.var() / 2.0))


WORKLOAD = Synthetic(
    name="compile_spread",
    summary="compile times spread around what size says, over sizes with a heavy tail",
    phenomenon="a compile takes far longer than its unit's size says, and all that wait behind it wait as well",
    knob="spread",
    sizes={
        "small": {"units": 100, "calls": 200_000},
        "medium": {"units": 1000, "calls": 5_000_000},
        "large": {"units": 5000, "calls": 200_000_000},
    },
    generate=lines,
    fit=fit,
)
