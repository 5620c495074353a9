"""What makes a machine profile nonsense, rule by rule; each complaint names field, value and rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tiering.trace_parser import shown

if TYPE_CHECKING:
    from tiering.profile import Machine, Profile

LEAST_SPEED = 1e-6
_CODEGEN_SHARES = ("spill_reduction", "light_compile")
PRIORITIES = ("submission", "dequeue")
EVICTIONS = ("none", "lru", "hotness", "flush", "controller")
GUARD_FAILURES = ("discard", "keep")

_TIER_COSTS = ("compile_seconds", "compile_seconds_per_size", "install_seconds", "code_bytes_per_size", "profiling")
_NOT_INTERPRETED = (
    "compile_seconds",
    "compile_seconds_per_size",
    "install_seconds",
    "compile_spread",
    "compile_failure",
)


def broken_rule(profile: Profile) -> str | None:
    """The first rule that this profile breaks, or None."""
    return next(_broken(profile), None)


def _broken(profile: Profile) -> Iterator[str]:
    yield from _shape(profile)
    yield from _tiers(profile)
    yield from _machine(profile)
    for name in ("ready_seconds", "deopt_seconds", "backedge_seconds"):
        yield from _cost(name, getattr(profile, name))
    for name, value in profile.codegen._asdict().items():
        yield from _cost(f"codegen {name}", value, 1.0 if name in _CODEGEN_SHARES else 1e9)
    names = [tier.name for tier in profile.tiers]
    for key, unit in profile.units.items():
        for field, stated in unit._asdict().items():
            for tier_name, cost in stated.items():
                if tier_name not in names:
                    yield f"{field} of unit {key!r} names tier {tier_name!r}; there is {', '.join(names)}"
                yield from _cost(f"{field} of unit {key!r} in {tier_name}", cost)
                if field == "code_bytes" and cost != int(cost):
                    yield f"{field} of unit {key!r} in {tier_name} is {cost!r}: must be a whole number"


def _shape(profile: Profile) -> Iterator[str]:
    if not 2 <= len(profile.tiers) <= 16:
        yield f"tiers holds {len(profile.tiers)} entries: must be 2 to 16, the first one the interpreter"
    names = [tier.name for tier in profile.tiers]
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name:
            yield f"name of tier {number} is {name!r}: must be a non-empty text"
    if len(set(names)) < len(names):
        yield f"tiers are named {names}: names must differ"
    if profile.tiers[0].speed != 1.0:
        yield f"speed of tier 0 is {profile.tiers[0].speed!r}: must be 1.0, other speeds are relative to it"
    if not isinstance(profile.source, str):
        yield f"source is {profile.source!r}: must be text"
    if not isinstance(profile.background, bool):
        yield f"background is {profile.background!r}: must be true or false"
    yield from _whole("compiler_threads", profile.compiler_threads, 1, 1024)


def _tiers(profile: Profile) -> Iterator[str]:
    for tier in profile.tiers:
        if not _is_cost(tier.speed) or tier.speed < LEAST_SPEED:
            yield f"speed of tier {tier.name!r} is {tier.speed!r}: must be a number from 1e-6 to 1e9"
        for name in _TIER_COSTS:
            yield from _cost(f"{name} of tier {tier.name!r}", getattr(tier, name))
        for name in ("speculative", "osr"):
            if not isinstance(getattr(tier, name), bool):
                yield f"{name} of tier {tier.name!r} is {getattr(tier, name)!r}: must be true or false"
        yield from _cost(f"compile_spread of tier {tier.name!r}", tier.compile_spread, 5.0)
        yield from _cost(f"compile_failure of tier {tier.name!r}", tier.compile_failure, 1.0)
    first = profile.tiers[0]
    if first.speculative:
        yield f"speculative of tier {first.name!r} is true: tier 0 is where failed guards end, so it has none"
    for name in _NOT_INTERPRETED:
        if getattr(first, name):
            yield f"{name} of tier {first.name!r} is {getattr(first, name)!r}: must be 0, tier 0 is not compiled"


def _machine(profile: Profile) -> Iterator[str]:
    machine = profile.machine
    yield from _pools(profile)
    if machine.cores is not None:
        yield from _whole("machine cores", machine.cores, 1, 4096)
    if machine.queue_capacity is not None:
        yield from _whole("machine queue_capacity", machine.queue_capacity, 1, 10**9)
    yield from _whole("machine retry_counts", machine.retry_counts, 1, 10**15)
    yield from _choices(machine)
    if machine.code_capacity_bytes is not None:
        yield from _whole("machine code_capacity_bytes", machine.code_capacity_bytes, 1, 10**15)
    elif machine.eviction != "none":
        yield f"machine eviction is {machine.eviction!r}: needs a code_capacity_bytes"
    for name in ("stale_seconds", "decay_seconds"):
        value = getattr(machine, name)
        if value is not None:
            yield from _cost(f"machine {name}", value)
            if not value >= 1e-9:
                yield f"machine {name} is {value!r}: must be at least 1e-9"
    yield from _cost("machine osr_seconds", machine.osr_seconds)
    if not profile.background and (machine.pools or machine.cores not in (None, 1)):
        yield "background is false: a compile stops the program, so pools and more than one of cores make no sense"


def _choices(machine: Machine) -> Iterator[str]:
    for name, known in (("priorities", PRIORITIES), ("eviction", EVICTIONS), ("guard_failure", GUARD_FAILURES)):
        if getattr(machine, name) not in known:
            yield f"machine {name} is {getattr(machine, name)!r}: must be one of {', '.join(known)}"


def _pools(profile: Profile) -> Iterator[str]:
    compiled = [tier.name for tier in profile.tiers[1:]]
    served: list[str] = []
    for number, pool in enumerate(profile.machine.pools):
        yield from _whole(f"threads of pool {number}", pool.threads, 1, 1024)
        for name in pool.tiers:
            if name not in compiled:
                yield f"pool {number} serves tier {name!r}: must be one of {', '.join(compiled)}"
        served += pool.tiers or compiled
    if profile.machine.pools and sorted(served) != sorted(compiled):
        yield f"pools serve {', '.join(served)}: must serve each of {', '.join(compiled)} exactly once"


def _whole(name: str, value: Any, low: int, high: int) -> Iterator[str]:
    if type(value) is not int or not low <= value <= high:
        yield f"{name} is {value!r}: must be a whole number from {low} to {shown(high)}"


def _cost(name: str, value: Any, high: float = 1e9) -> Iterator[str]:
    if not _is_cost(value) or value > high:
        yield f"{name} is {value!r}: must be a number from 0 to {shown(high)}"


def _is_cost(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= 1e9
