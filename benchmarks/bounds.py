"""How near the bounds are to the optimum, and how near the constructed schedules.

The setting is the one in which compile schedules are studied: 1 to 3 units, 2 to 9 calls, 1 or 2 tiers above the
interpreter, one compiler thread, costs of the order of compile times, compiles from the start. The optimum is the best
of every order of every choice of compiles, each call in the fastest version that is ready. One repeat is 400 programs.

`..._asked_vs_best` has the simulator's rule, that a compile waits for its unit's first call. There is no optimum to be
had cheaply there, so bounds are held against the best of Smith's order, IAR and the simulated clairvoyant controller.
"""

from __future__ import annotations

import random
from collections import defaultdict

from benchmarks.harness import Metric, main, measured
from tiering import bounds, registry
from tiering.profile import Profile, TierCosts
from tiering.sim import Simulation
from tiering.trace import Call, Group, Program, Unit

PROGRAMS = 400
BAR = 0.85
AGAINST_OPTIMUM = ("lb0", "lb1_osr", "lb1", "lb_exact")
ASKED = ("lb1_asked", "lb_queue")


def measure(quick: bool) -> list[Metric]:
    """Mean of bound over optimum, of schedule over optimum, and of bound over the best that was reached."""
    found: dict[str, list[float]] = defaultdict(list)
    for repeat in range(2 if quick else 10):
        shares = _shares(random.Random(repeat))
        for name, values in shares.items():
            found[name].append(sum(values) / len(values))
    metrics = []
    for name in AGAINST_OPTIMUM:
        bar = (">=", BAR) if name == "lb1" else None
        metrics.append(measured(f"{name}_vs_optimum", found[name], "share", "the best schedule", bar=bar))
    for name in bounds.SCHEDULES:
        metrics.append(measured(f"{name}_vs_optimum", found[name], "ratio", "the best schedule"))
    for name in ASKED:
        metrics.append(measured(f"{name}_vs_best", found[f"{name} reached"], "share", "the best that was reached"))
    return metrics


def _shares(draw: random.Random) -> dict[str, list[float]]:
    shares: dict[str, list[float]] = defaultdict(list)
    while len(shares["lb1"]) < PROGRAMS:
        program, profile = _instance(draw)
        optimum = bounds.exact(program, profile, waiting=False).seconds
        if not optimum:
            continue
        known = bounds.all_valid(program, profile)
        for name in AGAINST_OPTIMUM:
            shares[name].append(known[name] / optimum)
        for name, construct in bounds.SCHEDULES.items():
            shares[name].append(construct(program, profile, at_first_call=False).seconds / optimum)
        best = _best_reached(program, profile)
        for name in ASKED:
            shares[f"{name} reached"].append(known[name] / best)
    return shares


def _best_reached(program: Program, profile: Profile) -> float:
    oracle = Simulation(program, profile, registry.controller("oracle"), future=True).run().total_seconds
    return min(oracle, *(construct(program, profile).seconds for construct in bounds.SCHEDULES.values()))


def _instance(draw: random.Random) -> tuple[Program, Profile]:
    names = [f"tier {number}" for number in range(1 + draw.choice((1, 2)))]
    units = []
    for number in range(draw.randint(1, 3)):
        seconds = sorted((draw.randint(0, 20) / 2 for _ in names), reverse=True)
        compiles = {name: draw.randint(0, 20) / 2 for name in names[1:]}
        units.append(Unit(f"u{number}", 1, dict(zip(names, seconds, strict=True)), compiles))
    calls = tuple(Group((Call(draw.randrange(len(units))),), 1) for _ in range(draw.randint(2, 9)))
    profile = Profile(tuple(TierCosts(name, 1.0 + number) for number, name in enumerate(names)))
    return Program("tiny", tuple(units), calls), profile


if __name__ == "__main__":
    main(measure)
