"""Lower bounds that no policy can beat, optima of tiny instances, and schedules that come close to optima.

    bounds.all_valid(program, profile, seed)             every bound that holds here, by name, in seconds
    bounds.bound("lb1").seconds(program, profile, seed)  one of them; InputError with the reason where it does not hold
    bounds.exact(program, profile)                       the best of all schedules of a tiny program
    bounds.SCHEDULES["smith"](program, profile)          a schedule that knows the future and can be reached
    bounds.belady(accesses, size)                        the most hits of a cache

They hold for the simulator's costs; compiles that are really run (`Simulation(compile=...)`) cost what they cost.
"""

from __future__ import annotations

from tiering.bounds.cache import Accesses, belady
from tiering.bounds.schedules import SCHEDULES, Schedule, evaluate, iar, smith_order
from tiering.bounds.search import Optimum, exact
from tiering.bounds.table import BOUNDS, Bound, all_valid, all_valid_picoseconds, bound, highest

__all__ = [
    "BOUNDS",
    "SCHEDULES",
    "Accesses",
    "Bound",
    "Optimum",
    "Schedule",
    "all_valid",
    "all_valid_picoseconds",
    "belady",
    "bound",
    "evaluate",
    "exact",
    "highest",
    "iar",
    "smith_order",
]
