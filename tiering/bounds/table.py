"""The bounds by name: each with its statement, what it refuses, and its picoseconds.

A bound is asked by name and answers for one program, machine and seed, since compile times and drawn calls belong to
the seed. Bounds that share a program share its costs and counts, so asking all of them counts the calls once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from tiering import registry
from tiering.bounds import cache, features, queueing, search, walk, work
from tiering.bounds.least import Least
from tiering.errors import InputError, unknown
from tiering.profile import Profile
from tiering.sim.costs import PICO
from tiering.trace import Program

Reason: TypeAlias = Callable[[Least], str | None]


class Bound(NamedTuple):
    """A lower bound. `statement` says in one line what no policy can do better than."""

    name: str
    statement: str
    reasons: tuple[Reason, ...]
    least: Callable[[Least], int]

    def valid(self, program: Program, profile: Profile, seed: int = 0) -> str | None:
        """None, or why this is no bound here: the feature of the machine or the program, and what to take instead."""
        return self.refusal(Least(program, profile, seed))

    def refusal(self, least: Least) -> str | None:
        """As `valid`, for costs that are known."""
        return next((reason for ask in self.reasons if (reason := ask(least))), None)

    def picoseconds(self, program: Program, profile: Profile, seed: int = 0) -> int:
        """The bound in whole picoseconds, comparable with the ledger of a simulation.

        Raises InputError where it is not valid, and as `Costs` does.
        """
        return self.of(Least(program, profile, seed))

    def seconds(self, program: Program, profile: Profile, seed: int = 0) -> float:
        """As `picoseconds`, in seconds."""
        return self.picoseconds(program, profile, seed) / PICO

    def of(self, least: Least) -> int:
        """As `picoseconds`, for costs that are known."""
        reason = self.refusal(least)
        if reason:
            raise InputError(f"{self.name} is no bound for {least.program.name!r} on this machine: {reason}")
        return self.least(least)


_QUEUE = (features.replaces_loops, features.stalls, features.slower_tiers)
_CACHE = (features.replaces_loops, features.several_threads, features.overlaps, cache.refusal)

_HOW: dict[str, tuple[tuple[Reason, ...], Callable[[Least], int]]] = {
    "lb0": ((), walk.lb0),
    "lb1": ((features.replaces_loops,), walk.lb1),
    "lb1_osr": ((), walk.lb1_osr),
    "lb1_asked": ((features.replaces_loops,), walk.lb1_asked),
    "lb1_osr_asked": ((), walk.lb1_osr_asked),
    "lb2": ((features.overlaps,), work.lb2),
    "lb_cores": ((features.shares_no_cores,), work.lb_cores),
    "lb_queue": (_QUEUE, queueing.lb_queue),
    "lb_cache": (_CACHE, cache.lb_cache),
    "lb_exact": (search.REASONS, search.lb_exact),
}
BOUNDS = {name: Bound(name, statement, *_HOW[name]) for name, statement in registry.BOUNDS.items()}
"""All bounds, from the plainest on."""


def bound(name: str) -> Bound:
    """A bound by name. Raises InputError with the nearest name if there is none."""
    if name not in BOUNDS:
        raise unknown("bound", name, BOUNDS)
    return BOUNDS[name]


def all_valid(program: Program, profile: Profile, seed: int = 0) -> dict[str, float]:
    """Seconds of every bound that is valid for this program on this machine, by name. Raises as `Costs` does."""
    return {name: least / PICO for name, least in all_valid_picoseconds(program, profile, seed).items()}


def all_valid_picoseconds(program: Program, profile: Profile, seed: int = 0) -> dict[str, int]:
    """As `all_valid`, in whole picoseconds."""
    known = Least(program, profile, seed)
    return {name: bound.least(known) for name, bound in BOUNDS.items() if bound.refusal(known) is None}


def highest(program: Program, profile: Profile, seed: int = 0) -> tuple[str, float]:
    """The best bound that is valid here: its name and its seconds; of equal ones the plainest."""
    found = all_valid(program, profile, seed)
    name = max(found, key=lambda name: found[name])
    return name, found[name]
