"""What results stand beside: lower bounds that nobody can beat, and schedules that know the future.

A reference has a name, and is asked for by name. Some hold for every machine and some only where queues are short or
code is not evicted; one that does not hold is refused with its reason, never left out silently. By default there is
one bound, the waiting bound LB1 or, where running loops are replaced, its form for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tiering.bounds import BOUNDS, SCHEDULES, all_valid
from tiering.bounds.schedules import refusal
from tiering.errors import unknown
from tiering.profile import Profile
from tiering.trace import Program

ALL = "all"
BOUND = "bound"
SCHEDULE = "schedule"
LB1 = "lb1"
LB1_OSR = "lb1_osr"
NAMES = (*BOUNDS, *SCHEDULES)


class Reference(NamedTuple):
    """A name, its kind ("bound": nobody can need less; "schedule": can be reached) and its seconds."""

    name: str
    kind: str
    seconds: float


def references(wanted: bool | Iterable[str], program: Program, profile: Profile, seed: int) -> list[Reference]:
    """The references asked for: True for the default, names, or "all" for every one that is valid here.

    Raises InputError for an unknown name and for a reference that is not valid for this program on this machine.
    """
    if wanted is False:
        return []
    if wanted is True:
        name = LB1 if BOUNDS[LB1].valid(program, profile, seed) is None else LB1_OSR
        return [Reference(name, BOUND, BOUNDS[name].seconds(program, profile, seed))]
    names = list(dict.fromkeys(wanted))
    if ALL in names:
        found = [Reference(name, BOUND, seconds) for name, seconds in all_valid(program, profile, seed).items()]
        schedules = SCHEDULES if refusal(program, profile, seed) is None else {}
        return found + [_schedule(name, program, profile, seed) for name in schedules]
    for name in names:
        if name not in NAMES:
            raise unknown("bound", name, (*NAMES, ALL))
    return [
        _schedule(name, program, profile, seed)
        if name in SCHEDULES
        else Reference(name, BOUND, BOUNDS[name].seconds(program, profile, seed))
        for name in names
    ]


def measured_from(known: list[Reference]) -> float | None:
    """The seconds that regret is measured from: lb1, or the largest bound where lb1 is not among them."""
    bounds = {reference.name: reference.seconds for reference in known if reference.kind == BOUND}
    return bounds.get(LB1, max(bounds.values(), default=None))


def regrets(seconds: float, known: list[Reference]) -> dict[str, float]:
    """total / bound - 1 against every bound that is above zero."""
    return {item.name: seconds / item.seconds - 1 for item in known if item.kind == BOUND and item.seconds}


def _schedule(name: str, program: Program, profile: Profile, seed: int) -> Reference:
    return Reference(name, SCHEDULE, SCHEDULES[name](program, profile, seed).seconds)
