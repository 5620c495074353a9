"""What a plan is worth: one compile of one unit to one tier, with its bets, its registers and what it inlines.

    seconds of a call = work * (plain seconds * product(1 - gain) + plain seconds * sum(guard costs) - saved calls)
                        + iterations * spills

Bets count in speculative tiers only. Gains multiply, because each bet saves its share of what the others left. Bets of
one site are alternatives (inline caches of one way, two ways ...): of those that a plan takes, the last one counts.

Registers. The heavy allocator (a linear scan with all its passes, or graph colouring) is what `seconds` were measured
with. Of a unit whose pressure is not stated nothing is known of either, and the plan's choice changes nothing. Of any
other the light one compiles in `light_compile` of the time and spills: each iteration is longer by
`spill_seconds * spill_reduction * max(0, live values - registers)`. So the heavy one is worth its time iff

    uses * spill cost * reduction * pressure excess > extra compile time

Inlining. Sites are taken while the sum of their callees' sizes fits into the plan's budget, those with the most calls
per size first. Each saves `call_seconds` per call and adds the callee's size to compile time and code. A unit is not
inlined into itself. A site whose callee is not always the same is inlined behind a guard, in speculative tiers only; it
fails in a call of the unit with chance `1 - stability**calls`, or `calls * (1 - stability)` if it is reached by some
calls only. Code that has inlined a unit falls with it when that unit is deoptimized (lazy deoptimization).

Bets and sites are added up in the order of their numbers, so that no plan beats `least_call` by a rounding.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tiering.protocol import PLAIN, Plan
from tiering.sim.costs import LONGEST, PICO, Costs
from tiering.sim.draws import Process, failures
from tiering.trace import Call, Site, Unit

WHOLE_UNIT = -1
"""Id of the guard behind `Unit.guard_failure`, which is no bet of a plan. Guards of inlined sites follow the bets."""


class Version(NamedTuple):
    """What a compile makes: picoseconds, bytes (None: not known), whether it fails, and how its calls cost.

    `factor` multiplies the plain seconds of a call, `per_iteration` and `saved` are seconds per iteration and per call
    of work 1.0; `measured` seconds per call of work 1.0 replace the plain ones. `guards` are ids of what can fail,
    `inlined` indices of units.
    """

    compile: int
    bytes: int | None
    fails: bool = False
    factor: float = 1.0
    per_iteration: float = 0.0
    saved: float = 0.0
    guards: tuple[int, ...] = ()
    inlined: tuple[int, ...] = ()
    measured: float | None = None
    message: str = "the compiler refused"

    @property
    def is_plain(self) -> bool:
        """Whether its calls cost what the unit's calls in this tier usually cost."""
        return self.factor == 1.0 and not self.per_iteration and not self.saved and self.measured is None


def version(costs: Costs, unit: int, tier: int, plan: Plan) -> Version:
    """What compiling this unit to this tier by this plan will make."""
    code, described = costs.code[unit], costs.units[unit]
    if plan is PLAIN and not described.guard_failure:
        return Version(*code[tier])
    speculative = costs.speculative[tier]
    factor, guards = 1.0, [WHOLE_UNIT] if speculative and described.guard_failure else []
    if speculative and plan.bets:
        numbers = _alternatives(described, plan)
        taken = [described.speculations[number] for number in numbers]
        for bet in taken:
            factor *= 1.0 - bet.gain
        factor += sum(bet.guard_cost for bet in taken)
        guards += numbers
    sites = _inlined_sites(costs, unit, plan.inlining, speculative) if plan.inlining else []
    guards += [len(described.speculations) + site for site in sites if described.sites[site].stability < 1.0]
    callees = tuple(costs.index[described.sites[site].callee] for site in sites)
    return Version(
        *_grown(costs, unit, tier, plan, sum(costs.units[callee].size for callee in callees)),
        code[tier].fails,
        factor,
        _spills(costs, unit) if plan.registers == "light" else 0.0,
        sum(described.sites[site].calls for site in sites) * costs.profile.codegen.call_seconds,
        tuple(guards),
        callees,
    )


def call_picoseconds(costs: Costs, call: Call, tier: int, made: Version) -> int:
    """Picoseconds of one call in code of this version."""
    if made.is_plain:
        return costs.call(call)[tier]
    plain = costs.seconds(call)[tier] if made.measured is None else made.measured * call.work
    seconds = plain * made.factor - made.saved * call.work
    return round(min(LONGEST - 1.0, PICO * (max(0.0, seconds) + made.per_iteration * (call.backedges + 1))))


def least_call(costs: Costs, call: Call) -> tuple[int, ...]:
    """Picoseconds of a call per tier, by whichever plan: no version of that tier is faster. For bounds."""
    least = []
    for tier, plain in enumerate(costs.call(call)):
        best = _everything(costs, call.unit, tier) if tier else None
        least.append(plain if best is None else min(plain, call_picoseconds(costs, call, tier, best)))
    return tuple(least)


def least_compile(costs: Costs, unit: int) -> tuple[int, ...]:
    """Picoseconds to compile a unit per tier, by whichever plan: none takes less. For bounds."""
    share = _light_share(costs, unit)
    if share == 1.0:
        return tuple(code.compile for code in costs.code[unit])
    return tuple(min(code.compile, math.floor(code.compile * share)) for code in costs.code[unit])


def guard(costs: Costs, unit: int, number: int, seed: int) -> Process:
    """When a guard of a unit fails; `number` as in `Version.guards`."""
    described = costs.units[unit]
    if number == WHOLE_UNIT:
        return failures(seed, described.name, described.guard_failure)
    bets = described.speculations
    site = f"{described.name}\0{number}"
    if number < len(bets):
        return failures(seed, site, bets[number].failures)
    called = described.sites[number - len(bets)]
    return failures(seed, site, _unusual(called))


def _alternatives(described: Unit, plan: Plan) -> list[int]:
    """The bets that count, in order: of those of one site the last, which is the widest of an inline cache."""
    last: dict[int, int] = {}
    for number in sorted(plan.bets):
        site = described.speculations[number].site
        last[-1 - number if site is None else site] = number
    return sorted(last.values())


def _unusual(site: Site) -> float:
    if site.calls <= 1.0:
        return site.calls * (1.0 - site.stability)
    return 1.0 - float(site.stability**site.calls)


def _everything(costs: Costs, unit: int, tier: int) -> Version | None:
    described = costs.units[unit]
    speculative = costs.speculative[tier]
    factor = 1.0
    for bet in described.speculations if speculative else ():
        factor *= 1.0 - bet.gain
    calls = sum(site.calls for site in described.sites if speculative or site.stability >= 1.0)
    saved = calls * costs.profile.codegen.call_seconds
    return Version(0, None, factor=factor, saved=saved) if factor < 1.0 or saved else None


def _inlined_sites(costs: Costs, unit: int, budget: int, speculative: bool) -> list[int]:
    sites = costs.units[unit].sites

    def size(number: int) -> int:
        return costs.units[costs.index[sites[number].callee]].size

    own = costs.units[unit].name
    able = [n for n, site in enumerate(sites) if site.callee != own and (speculative or site.stability >= 1.0)]
    able.sort(key=lambda number: (-sites[number].calls / max(1, size(number)), number))
    taken: list[int] = []
    for number in able:
        if size(number) <= budget:
            budget -= size(number)
            taken.append(number)
    return sorted(taken)


def _grown(costs: Costs, unit: int, tier: int, plan: Plan, inlined: int) -> tuple[int, int | None]:
    code, described = costs.code[unit][tier], costs.units[unit]
    growth = 1.0
    if inlined:
        growth += inlined * costs.profile.codegen.inlined_size / max(1, described.size)
    share = _light_share(costs, unit) if plan.registers == "light" else 1.0
    if growth == share == 1.0:
        return code.compile, code.bytes
    prior = costs.profile.tiers[tier]
    fixed = prior.compile_seconds
    sized = prior.compile_seconds_per_size * described.size
    stretch = growth
    if prior.name not in described.compile_seconds and fixed + sized > 0.0:
        stretch = (fixed + sized * growth) / (fixed + sized)
    picoseconds = min(LONGEST - 1, round(code.compile * share * stretch))
    return picoseconds, None if code.bytes is None else round(code.bytes * growth)


def _light_share(costs: Costs, unit: int) -> float:
    """The light allocator's share of the heavy one's compile time; 1 where a unit's pressure is not known."""
    return costs.profile.codegen.light_compile if costs.units[unit].registers is not None else 1.0


def _spills(costs: Costs, unit: int) -> float:
    codegen = costs.profile.codegen
    excess = max(0.0, (costs.units[unit].registers or 0.0) - codegen.registers)
    return codegen.spill_seconds * codegen.spill_reduction * excess
