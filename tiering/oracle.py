"""The plainest bounds as functions, and what a clairvoyant controller is told. All bounds are in `tiering.bounds`."""

from __future__ import annotations

from tiering.bounds import BOUNDS
from tiering.profile import Profile
from tiering.sim import futures
from tiering.trace import Program

__all__ = ["futures", "lb0", "lb0_picoseconds", "lb1", "lb1_picoseconds"]


def lb0(program: Program, profile: Profile, seed: int = 0) -> float:
    """Seconds of the program with every call in its fastest tier from the start. Raises InputError as `Costs` does."""
    return BOUNDS["lb0"].seconds(program, profile, seed)


def lb0_picoseconds(program: Program, profile: Profile, seed: int = 0) -> int:
    """`lb0` in whole picoseconds."""
    return BOUNDS["lb0"].picoseconds(program, profile, seed)


def lb1(program: Program, profile: Profile, seed: int = 0) -> float:
    """Seconds that this program needs at least on this machine, under any policy.

    Raises InputError for a machine that replaces running loops (take `lb1_osr` there), and as `Costs` does.
    """
    return BOUNDS["lb1"].seconds(program, profile, seed)


def lb1_picoseconds(program: Program, profile: Profile, seed: int = 0) -> int:
    """`lb1` in whole picoseconds."""
    return BOUNDS["lb1"].picoseconds(program, profile, seed)
