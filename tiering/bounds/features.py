"""What a bound asks of a machine and a program before it may be used: each answer is None, or the reason against it.

A reason names the feature and a way out, so that a refusal can be shown as it is.
"""

from __future__ import annotations

from tiering.bounds.least import Least
from tiering.protocol import Plan
from tiering.sim.versions import Version, call_picoseconds, version


def replaces_loops(least: Least) -> str | None:
    """Calls must end in the tier in which they began."""
    for tier in least.profile.tiers[1:]:
        if tier.osr:
            return f"tier {tier.name!r} replaces running loops (osr): take lb1_osr or lb1_osr_asked"
    return None


def overlaps(least: Least) -> str | None:
    """Compiling must take time from the program: one core, or one thread that stands still for one compiler thread."""
    profile = least.profile
    if profile.machine.cores == 1:
        return None
    if profile.background:
        return "compiles run beside the program (background, cores not 1): take lb_cores, lb_queue or an lb1"
    if least.servers > 1:
        return f"{least.servers} compiler threads can work at once (cores not 1): take an lb1"
    if least.threads > 1:
        return f"{least.threads} threads work at once (cores not 1): take an lb1"
    return None


def shares_no_cores(least: Least) -> str | None:
    """There must be a number of cores to share."""
    return None if least.profile.machine.cores else "the machine bounds no cores: take lb_queue or an lb1"


def several_threads(least: Least) -> str | None:
    """The calls must have one order."""
    return f"the program has {least.threads} threads: take a bound for several" if least.threads > 1 else None


def stalls(least: Least) -> str | None:
    """Nothing may cost the program time but its calls in their tiers."""
    profile, costs = least.profile, least.costs
    if not profile.background:
        return "compiles stop the program (background false): take lb2 or an lb1"
    cores = profile.machine.cores
    if cores is not None and cores < least.threads + least.servers:
        wanted = f"{least.threads} threads and {least.servers} compiler threads"
        return f"{wanted} share {cores} cores: take lb_cores (lb2 for one core) or an lb1"
    for tier, install in zip(profile.tiers, costs.install, strict=True):
        if install:
            return f"loading code of tier {tier.name!r} stalls the program (install_seconds): take an lb1"
    if costs.deopt and (any(costs.speculative) or any(unit.sites for unit in costs.units)):
        return "deoptimizing stalls the program (deopt_seconds): take an lb1"
    return None


def slower_tiers(least: Least) -> str | None:
    """No version that any plan can make may be slower than the interpreter."""
    costs = least.costs
    for number, call in enumerate(costs.calls):
        unit = costs.units[call.unit]
        spills = version(costs, call.unit, 1, Plan(registers="light")).per_iteration
        guards = sum(bet.guard_cost for bet in unit.speculations)
        for tier in range(1, least.tiers):
            factor = 1.0 + guards if costs.speculative[tier] else 1.0
            slowest = call_picoseconds(costs, call, tier, Version(0, None, factor=factor, per_iteration=spills))
            if factor > 1.0 or spills:
                slowest += 1 + (slowest >> 50)
            if slowest > least.calls[number][0]:
                name = least.profile.tiers[tier].name
                return f"unit {unit.name!r} can be slower in tier {name!r} than interpreted: take an lb1"
    return None
