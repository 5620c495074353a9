"""Workloads made into programs: what the simulator runs, from a name, an object or a trace file.

A named workload brings functions and a schedule of calls; what its calls cost is taken from a machine profile. Costs
that were measured at one size serve the others too, scaled by loop iterations per call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tiering import profile as profiles
from tiering import registry, trace
from tiering.errors import unknown
from tiering.profile import Profile, UnitCosts
from tiering.sim.costs import CALL_SECONDS
from tiering.trace import Call, Group, Mix, Program, Unit
from tiering.trace_parser import Parser, check


def program(workload: Any, size: str = "medium", profile: Profile | None = None, seed: int = 0) -> Program:
    """The program of a workload: a Program as it is, a trace file by its path, or a workload by name or as an object.

    `profile` (the reference by default) lends a named workload the costs that were measured for its functions. Its
    calls are the same for every `seed`. Raises InputError for an unknown name or size, or a damaged file.
    """
    if isinstance(workload, Program):
        check(workload)
        return workload
    if isinstance(workload, Path) or (isinstance(workload, str) and _is_file(workload)):
        return trace.read(workload)
    found = registry.WORKLOADS.load(workload) if isinstance(workload, str) else workload
    if size not in found.sizes:
        raise unknown("size", size, found.sizes, f"workload {found.name!r}")
    if hasattr(found, "lines"):
        return Parser(found.name).parse("\n".join(map(json.dumps, found.lines(size))))
    return _from_schedule(found, size, profile or profiles.reference())


def machine_for(workload: Any, profile: Profile | str | Path | None = None, changes: Sequence[str] = ()) -> Profile:
    """The machine to simulate on: a profile, one by name or file, or by default the reference, suited to the workload.

    A synthetic workload may name fields of the machine on which it shows what it is for. `changes` are as in
    `profile.with_machine`. Raises InputError as that and `profile.read` do.
    """
    if isinstance(profile, str | Path):
        profile = profiles.read(profile)
    if profile is None:
        profile = profiles.reference()
        found = registry.WORKLOADS.load(workload) if isinstance(workload, str) and not _is_file(workload) else workload
        suited = getattr(found, "machine", None) or {}
        if suited:
            shown = ", ".join(f"{name}={value}" for name, value in suited.items())
            source = f"{profile.source} Suited to {found.name}: {shown}.".strip()
            profile = profile._replace(machine=profile.machine._replace(**suited), source=source)
    return profiles.with_machine(profile, [changes] if isinstance(changes, str) else list(changes))


def drawn(program: Program, profile: Profile) -> tuple[str, ...]:
    """What the seed decides when this program runs on this machine, in words; empty if all seeds are alike.

    A controller may draw as well; that is not known here.
    """
    bets = any(tier.speculative for tier in profile.tiers)
    guards = any(unit.guard_failure or any(bet.failures for bet in unit.speculations) for unit in program.units)
    sources = {
        "mixes of calls": any(isinstance(group, Mix) and len(group.calls) > 1 for group in program.groups),
        "guard failures": bets and guards,
        "compile times": any(tier.compile_spread for tier in profile.tiers),
        "failed compiles": any(tier.compile_failure for tier in profile.tiers),
    }
    return tuple(name for name, given in sources.items() if given)


def _is_file(text: str) -> bool:
    """Whether text is meant as a path: it looks like one, or there is a file and no workload of that name."""
    if text.endswith(trace.SUFFIXES) or "/" in text or text in (".", ".."):
        return True
    with suppress(OSError):
        return text not in registry.WORKLOADS.static and Path(text).is_file()
    return False


def _from_schedule(workload: Any, size: str, machine: Profile) -> Program:
    schedule = workload.schedule(workload.sizes[size])
    means = _mean_backedges(workload, size)
    units = []
    for function in workload.functions:
        name = function.__name__
        costs = _measured(workload, size, name, machine)
        guess = {machine.tiers[0].name: means[name] * machine.backedge_seconds + CALL_SECONDS}
        bytecodes = len(function.__code__.co_code) // 2
        units.append(Unit(name, bytecodes, costs.seconds or guess, costs.compile_seconds, costs.code_bytes))
    index = {function.__name__: number for number, function in enumerate(workload.functions)}

    def traced(call: Any) -> Call:
        mean = means[call.function]
        return Call(index[call.function], call.backedges, call.backedges / mean if mean else 1.0)

    groups = tuple(Group(tuple(traced(call) for call in repeat.pattern), repeat.times) for repeat in schedule)
    return Program(workload.name, tuple(units), groups, f"workload {workload.name}, size {size}")


def _mean_backedges(workload: Any, size: str) -> dict[str, float]:
    """Loop iterations of a mean call of each function."""
    iterations = {function.__name__: 0 for function in workload.functions}
    calls = dict(iterations)
    for repeat in workload.schedule(workload.sizes[size]):
        for call in repeat.pattern:
            iterations[call.function] += call.backedges * repeat.times
            calls[call.function] += repeat.times
    return {name: iterations[name] / max(calls[name], 1) for name in calls}


def _measured(workload: Any, size: str, name: str, machine: Profile) -> UnitCosts:
    """What the profile holds about a function: at this size, else at another one, scaled by iterations per call."""
    for other in (size, *workload.sizes):
        costs = machine.units.get(f"{workload.name}/{other}/{name}")
        if costs is not None:
            here, there = _mean_backedges(workload, size)[name], _mean_backedges(workload, other)[name]
            scale = here / there if here and there else 1.0
            return costs._replace(seconds={tier: seconds * scale for tier, seconds in costs.seconds.items()})
    return UnitCosts()
