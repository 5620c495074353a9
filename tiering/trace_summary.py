"""What is in a trace, counted: for `tiering trace info`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tiering.trace import Call, Group, Mix, Program, digest

_SHARES = {"p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9}


class Summary(NamedTuple):
    """Numbers of a program. `_asdict()` goes to JSON as it is.

    `backedges` are expected ones where calls are drawn. `sizes` are in bytecodes: least, most, mean and percentiles
    (nearest rank) over units. `stated` says for each kind of cost how many units state it, by tier; an empty one is
    not known. `typed_calls` and `indexed_calls` are the shares of different calls whose types or largest index were
    recorded.
    """

    name: str
    source: str
    provenance: dict[str, str]
    hash: str
    units: int
    groups: int
    mixes: int
    threads: int
    calls: int
    different_calls: int
    backedges: int
    sizes: dict[str, float]
    stated: dict[str, dict[str, int]]
    speculations: int
    sites: int
    typed_calls: float
    indexed_calls: float


def summarize(program: Program) -> Summary:
    """Count what is in a program. Raises InputError as `tiering.trace.digest` does."""
    backedges = 0.0
    different: set[Call] = set()
    for group in program.groups:
        for call, times in made(group):
            different.add(call)
            backedges += call.backedges * times
    known = len(different) or 1
    units = program.units
    return Summary(
        program.name,
        program.source,
        program.provenance,
        digest(program),
        len(units),
        len(program.groups),
        sum(isinstance(group, Mix) for group in program.groups),
        program.threads(),
        program.total(),
        len(different),
        round(backedges),
        _spread([unit.size for unit in units]),
        {
            "seconds": dict(Counter(tier for unit in units for tier in unit.seconds)),
            "compile_seconds": dict(Counter(tier for unit in units for tier in unit.compile_seconds)),
            "code_bytes": dict(Counter(tier for unit in units for tier in unit.code_bytes)),
        },
        sum(len(unit.speculations) for unit in units),
        sum(len(unit.sites) for unit in units),
        sum(call.types is not None for call in different) / known,
        sum(call.max_index is not None for call in different) / known,
    )


def made(group: Group | Mix) -> Iterator[tuple[Call, float]]:
    """Different calls of a group, in the order of their first ones, and how often each is made; expected, in a mix."""
    if isinstance(group, Group):
        for call, times in Counter(group.pattern).items():
            yield call, times * group.times
    else:
        total = sum(group.weights)
        for call, weight in zip(group.calls, group.weights, strict=True):
            yield call, group.times * weight / total


def _spread(sizes: Sequence[int]) -> dict[str, float]:
    if not sizes:
        return {}
    ordered = sorted(sizes)
    ranks = {name: ordered[max(0, -int(-share * len(ordered) // 1) - 1)] for name, share in _SHARES.items()}
    return {"least": ordered[0], **ranks, "most": ordered[-1], "mean": sum(ordered) / len(ordered)}
