"""What everything costs, in whole picoseconds.

Simulated time is an integer, because 100,000 additions of 1.1e-7 and one product differ, and then a simulation that
steps and one that jumps would disagree about which of two things came first. A picosecond is a thousandth of the
shortest thing that anybody measures. Every float cost becomes an integer exactly once, here, by rounding; after that
there is only integer arithmetic, for the simulator and the bounds alike.

A call's cost in a tier is the first of these that is known: the unit's stated seconds in that tier; its seconds in
the nearest tier that it does state (of two equally near, the lower), scaled by the ratio of the tiers' prior speeds;
the machine's seconds per interpreted iteration, scaled likewise. Each is multiplied by the call's work. Profiling
slows a tier's prior speed; seconds that a unit states were measured with it.

Compile times spread log-normally around their priors, with the prior as the mean; the draw belongs to unit and tier,
so every policy meets the same. Compile times that a unit states were measured and do not spread.

What a plan changes (bets, registers, inlining) is in `tiering.sim.versions`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tiering.errors import InputError, unknown
from tiering.profile import Profile
from tiering.sim.draws import normal, stream, uniform
from tiering.trace import Call, Group, Program, Unit

PICO = 10**12
"""Picoseconds in a second."""

LONGEST = 1 << 60
"""Picoseconds. No single call, stall or compile may take longer (13 days), so that sums fit into 64 bits."""

CALL_SECONDS = 1e-7
"""Seconds of an interpreted call without iterations, where nobody measured it: about what CPython needs to call."""


def picoseconds(seconds: float) -> int:
    """Seconds as whole picoseconds, rounded to the nearest."""
    return round(seconds * PICO)


class Code(NamedTuple):
    """One unit in one tier, compiled plainly: picoseconds to compile, bytes (None: not known), whether it fails."""

    compile: int
    bytes: int | None
    fails: bool = False


class Costs:
    """The costs of one program on one machine, by index of unit and tier.

    `calls` holds the program's different calls; an index into it is a call id, and `ids` finds it. Raises
    InputError if a unit states a cost for a tier that the profile does not have, or anything takes `LONGEST`.
    """

    def __init__(self, program: Program, profile: Profile, seed: int = 0) -> None:
        _check_tier_names(program, profile)
        self.profile = profile
        self.units = program.units
        self.index = {unit.name: number for number, unit in enumerate(program.units)}
        self.speculative = tuple(tier.speculative for tier in profile.tiers)
        self.install = tuple(_bounded("install_seconds", tier.install_seconds) for tier in profile.tiers)
        self.deopt = _bounded("deopt_seconds", profile.deopt_seconds)
        self.ready = _bounded("ready_seconds", profile.ready_seconds)
        self.osr = _bounded("osr_seconds", profile.machine.osr_seconds)
        self.code = tuple(_code(unit, profile, seed) for unit in program.units)
        self.calls: list[Call] = []
        self.ids: dict[Call, int] = {}
        for group in program.groups:
            for call in group.pattern if isinstance(group, Group) else group.calls:
                if call not in self.ids:
                    self.ids[call] = len(self.calls)
                    self.calls.append(call)
        self._speeds = tuple(tier.speed / (1.0 + tier.profiling) for tier in profile.tiers)
        self._seconds = [_stated_seconds(unit, profile, self._speeds) for unit in program.units]
        self._known: dict[Call, tuple[int, ...]] = {}

    def call(self, call: Call) -> tuple[int, ...]:
        """Picoseconds of this call, per tier, in code that was compiled plainly."""
        known = self._known.get(call)
        if known is None:
            what = f"a call of unit {self.units[call.unit].name!r}"
            known = self._known[call] = tuple(_bounded(what, seconds) for seconds in self.seconds(call))
        return known

    def seconds(self, call: Call) -> tuple[float, ...]:
        """The same in seconds, before rounding."""
        stated = self._seconds[call.unit]
        if stated is None:
            interpreted = call.backedges * self.profile.backedge_seconds + CALL_SECONDS
            stated = tuple(interpreted * self._speeds[0] / speed for speed in self._speeds)
        return tuple(seconds * call.work for seconds in stated)


def _bounded(what: str, seconds: float) -> int:
    if not seconds * PICO < LONGEST:
        raise InputError(f"{what} takes {seconds:g} s: must be below {LONGEST / PICO:.0f} s in a simulation")
    return picoseconds(seconds)


def _stated_seconds(unit: Unit, profile: Profile, speeds: tuple[float, ...]) -> tuple[float, ...] | None:
    tiers = profile.tiers
    stated = [index for index, tier in enumerate(tiers) if tier.name in unit.seconds]
    if not stated:
        return None
    seconds = []
    for index in range(len(tiers)):
        nearest = min(stated, key=lambda other: (abs(other - index), other))
        known = unit.seconds[tiers[nearest].name]
        seconds.append(known if nearest == index else known * speeds[nearest] / speeds[index])
    return tuple(seconds)


def _code(unit: Unit, profile: Profile, seed: int) -> tuple[Code, ...]:
    made = [Code(0, 0)]
    for tier in profile.tiers[1:]:
        site = f"{unit.name}\0{tier.name}"
        seconds = unit.compile_seconds.get(tier.name)
        if seconds is None:
            seconds = tier.compile_seconds + tier.compile_seconds_per_size * unit.size
            if tier.compile_spread:
                spread = tier.compile_spread
                seconds *= math.exp(spread * normal(stream(seed, "compile", site)) - spread * spread / 2.0)
        size = unit.code_bytes.get(tier.name)
        if size is None and tier.code_bytes_per_size:
            size = round(tier.code_bytes_per_size * unit.size)
        fails = tier.compile_failure > 0.0 and uniform(stream(seed, "failure", site)) < tier.compile_failure
        made.append(Code(_bounded(f"compiling unit {unit.name!r}", seconds), size, fails))
    return tuple(made)


def _check_tier_names(program: Program, profile: Profile) -> None:
    known = {tier.name for tier in profile.tiers}
    for unit in program.units:
        for stated in (unit.seconds, unit.compile_seconds, unit.code_bytes):
            for name in stated:
                if name not in known:
                    raise unknown("tier", name, known, f"unit {unit.name!r}")
