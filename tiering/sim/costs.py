"""What everything costs, in whole picoseconds.

Simulated time is an integer, because 100,000 additions of 1.1e-7 and one product differ, and then a simulation that
steps and one that jumps would disagree about which of two things came first. A picosecond is a thousandth of the
shortest thing that anybody measures, and Python's integers do not overflow. Every float cost becomes an integer exactly
once, here, by rounding; after that there is only integer arithmetic, for the simulator and the bounds alike.

A call's cost in a tier is the first of these that is known: the unit's stated seconds in that tier; its seconds in
the nearest tier that it does state (of two equally near, the lower), scaled by the ratio of the tiers' prior speeds;
the machine's seconds per interpreted iteration, scaled likewise. Each is multiplied by the call's work.
"""

from __future__ import annotations

from typing import NamedTuple

from tiering.errors import unknown
from tiering.profile import Profile
from tiering.protocol import UnitFuture
from tiering.sim.draws import guard_failures
from tiering.trace import Call, Program, Unit

PICO = 10**12
"""Picoseconds in a second."""

CALL_SECONDS = 1e-7
"""Seconds of an interpreted call without iterations, where nobody measured it: about what CPython needs to call."""


def picoseconds(seconds: float) -> int:
    """Seconds as whole picoseconds, rounded to the nearest."""
    return round(seconds * PICO)


class Code(NamedTuple):
    """One unit in one tier: picoseconds to compile, bytes (None: not known)."""

    compile: int
    bytes: int | None


class Costs:
    """The costs of one program on one machine, by index of unit and tier.

    Raises InputError if a unit states a cost for a tier that the profile does not have.
    """

    def __init__(self, program: Program, profile: Profile) -> None:
        _check_tier_names(program, profile)
        self.profile = profile
        self.units = program.units
        self.speculative = tuple(tier.speculative for tier in profile.tiers)
        self.install = tuple(picoseconds(tier.install_seconds) for tier in profile.tiers)
        self.deopt = picoseconds(profile.deopt_seconds)
        self.ready = picoseconds(profile.ready_seconds)
        self.code = tuple(_code(unit, profile) for unit in program.units)
        self._seconds = [_stated_seconds(unit, profile) for unit in program.units]
        self._calls: dict[Call, tuple[int, ...]] = {}

    def call(self, call: Call) -> tuple[int, ...]:
        """Picoseconds of this call, per tier."""
        known = self._calls.get(call)
        if known is None:
            known = self._calls[call] = tuple(picoseconds(s * call.work) for s in self._per_tier(call))
        return known

    def _per_tier(self, call: Call) -> tuple[float, ...]:
        stated = self._seconds[call.unit]
        if stated is not None:
            return stated
        interpreted = call.backedges * self.profile.backedge_seconds + CALL_SECONDS
        return tuple(interpreted / tier.speed for tier in self.profile.tiers)


def futures(program: Program, profile: Profile, seed: int = 0) -> tuple[UnitFuture, ...]:
    """What a clairvoyant controller is told: of every unit, what its calls and compiles will cost.

    Seconds per call are the mean over the unit's calls; guard failures are those that a run with `seed` will have
    if all of the unit's calls are in speculative code. Raises InputError as `Costs` does.
    """
    costs = Costs(program, profile)
    counts = program.counts()
    totals = [[0] * len(profile.tiers) for _ in program.units]
    for group in program.groups:
        for call in group.pattern:
            for tier, cost in enumerate(costs.call(call)):
                totals[call.unit][tier] += cost * group.times
    told = []
    for index, unit in enumerate(program.units):
        total = totals[index] if counts[index] else costs.call(Call(index))
        calls = counts[index]
        per_call = tuple(cost / (calls or 1) / PICO for cost in total)
        compiles = tuple(code.compile / PICO for code in costs.code[index])
        failures = _failures_before(calls, unit, seed)
        told.append(UnitFuture(unit.name, calls, per_call, compiles, failures))
    return tuple(told)


def _failures_before(calls: int, unit: Unit, seed: int) -> int:
    failures = 0
    for index in guard_failures(seed, unit.name, unit.guard_failure):
        if index >= calls:
            break
        failures += 1
    return failures


def _stated_seconds(unit: Unit, profile: Profile) -> tuple[float, ...] | None:
    tiers = profile.tiers
    stated = [index for index, tier in enumerate(tiers) if tier.name in unit.seconds]
    if not stated:
        return None
    seconds = []
    for index, tier in enumerate(tiers):
        nearest = min(stated, key=lambda other: (abs(other - index), other))
        known = unit.seconds[tiers[nearest].name]
        seconds.append(known if nearest == index else known * tiers[nearest].speed / tier.speed)
    return tuple(seconds)


def _code(unit: Unit, profile: Profile) -> tuple[Code, ...]:
    made = [Code(0, 0)]
    for tier in profile.tiers[1:]:
        prior = tier.compile_seconds + tier.compile_seconds_per_size * unit.size
        size = unit.code_bytes.get(tier.name)
        if size is None and tier.code_bytes_per_size:
            size = round(tier.code_bytes_per_size * unit.size)
        made.append(Code(picoseconds(unit.compile_seconds.get(tier.name, prior)), size))
    return tuple(made)


def _check_tier_names(program: Program, profile: Profile) -> None:
    known = {tier.name for tier in profile.tiers}
    for unit in program.units:
        for stated in (unit.seconds, unit.compile_seconds, unit.code_bytes):
            for name in stated:
                if name not in known:
                    raise unknown("tier", name, known, f"unit {unit.name!r}")
