"""What cannot be simulated, found before anything is: nonsense, and what would not fit into 64 bits or an afternoon."""

from __future__ import annotations

from tiering import trace_parser
from tiering.errors import InputError
from tiering.profile import Profile, broken_rule
from tiering.sim.costs import Costs
from tiering.trace import Mix, Program

MAX_CALLS = 10**10
"""A simulation of more calls than this takes hours; it is refused rather than begun."""

MAX_COUNTS = 1 << 60
"""Invocations and backedges that one program may have, so that counters fit into 64 bits."""


def check(program: Program, profile: Profile) -> None:
    """Raises InputError for a profile or a program that breaks a rule, and for one that is too long."""
    broken = broken_rule(profile)
    if broken:
        raise InputError(f"machine profile: {broken}")
    trace_parser.check(program)
    calls = program.total()
    if calls > MAX_CALLS:
        raise InputError(f"{program.name}: makes {calls} calls; up to {MAX_CALLS} can be simulated")
    counts = 0
    for group in program.groups:
        if isinstance(group, Mix):
            counts += group.times * (1 + max(call.backedges for call in group.calls))
        else:
            counts += group.times * sum(1 + call.backedges for call in group.pattern)
    if counts > MAX_COUNTS:
        raise InputError(f"{program.name}: has {counts} invocations and backedges; up to 2^60 can be simulated")


def check_code_cache(costs: Costs) -> None:
    """Raises InputError for a code cache in which a unit has no room, whichever tier it is compiled to."""
    capacity = costs.profile.machine.code_capacity_bytes
    if capacity is None:
        return
    for unit, code in zip(costs.units, costs.code, strict=True):
        least = min(made.bytes or 0 for made in code[1:])
        if least > capacity:
            raise InputError(
                f"machine code_capacity_bytes is {capacity}: unit {unit.name!r} needs {least} bytes of code in any "
                "tier, so it must be at least that"
            )
