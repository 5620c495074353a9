"""The calls of a program, as blocks of call ids.

A pattern is one block, repeated; a mix is many blocks of drawn ids, each used once. Both the simulator and the bounds
go through these blocks, so they see the same calls, and a billion drawn calls never exist at once.

A mix is drawn by the alias method (A. Walker, 1977; M. Vose, 1991): one raw 64-bit draw per call, its upper half
choosing a column of the table and its lower half between the two entries of that column. Integer arithmetic only, so
the same draws come out of NumPy and out of compiled code.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiering.protocol import UnitFuture
from tiering.sim.costs import PICO, Costs
from tiering.sim.draws import stream
from tiering.sim.kernel import compiled_pick
from tiering.sim.versions import WHOLE_UNIT, guard
from tiering.trace import Call, Group, Mix, Program

Ids = NDArray[np.int32]

BLOCK = 1 << 16
"""Drawn calls at a time: 256 KiB of ids, and few enough that drawing them is no event."""

COMPILED = 200_000
"""So many calls, and compiled loops repay importing Numba."""

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_MOST_FAILURES = 10_000
_SCALE = 80


class Block(NamedTuple):
    """Call ids in order, to be run `times` times over. `begins` says that it is the first of its group."""

    ids: Ids
    times: int
    begins: bool = True


def blocks(program: Program, costs: Costs, seed: int, thread: int = 0) -> Iterator[Block]:
    """The calls of one thread, in order."""
    for number, group in enumerate(program.groups):
        if group.thread != thread or group.times == 0:
            continue
        if isinstance(group, Group):
            yield Block(np.array([costs.ids[call] for call in group.pattern], np.int32), group.times)
        else:
            yield from _drawn(group, costs, seed, number)


def calls(program: Program, seed: int = 0, thread: int = 0) -> Iterator[Call]:
    """Every call of one thread, one by one: for tests and small programs."""
    from tiering.profile import Profile, TierCosts

    names = {name for unit in program.units for name in (*unit.seconds, *unit.compile_seconds, *unit.code_bytes)}
    costs = Costs(program, Profile(tuple(TierCosts(name, 1.0) for name in sorted(names))))
    for block in blocks(program, costs, seed, thread):
        for _ in range(block.times):
            for number in block.ids.tolist():
                yield costs.calls[number]


def counts(program: Program, costs: Costs, seed: int = 0) -> list[int]:
    """How often each call id is called, by all threads."""
    total = [0] * len(costs.calls)
    for thread in range(program.threads()):
        for block in blocks(program, costs, seed, thread):
            found = np.bincount(block.ids, minlength=len(total))
            for number in np.flatnonzero(found).tolist():
                total[number] += int(found[number]) * block.times
    return total


def futures(program: Program, costs: Costs, seed: int = 0) -> tuple[UnitFuture, ...]:
    """What a clairvoyant controller is told: of every unit, what its calls and compiles will cost.

    Seconds per call are the mean over the unit's calls; guard failures are those that a run with `seed` will have
    if all of the unit's calls are in speculative code without bets (of more than 10,000, the expected number).
    """
    tiers = len(costs.profile.tiers)
    totals = [[0] * tiers for _ in costs.units]
    made = [0] * len(costs.units)
    for call, times in zip(costs.calls, counts(program, costs, seed), strict=True):
        made[call.unit] += times
        for tier, cost in enumerate(costs.call(call)):
            totals[call.unit][tier] += cost * times
    told = []
    for index, unit in enumerate(costs.units):
        total = totals[index] if made[index] else list(costs.call(Call(index)))
        per_call = tuple(cost / (made[index] or 1) / PICO for cost in total)
        compiles = tuple(code.compile / PICO for code in costs.code[index])
        told.append(UnitFuture(unit.name, made[index], per_call, compiles, _failures(costs, index, made[index], seed)))
    return tuple(told)


def _failures(costs: Costs, unit: int, calls: int, seed: int) -> int:
    probability = costs.units[unit].guard_failure
    if probability * calls > _MOST_FAILURES:
        return round(probability * calls)
    process = guard(costs, unit, WHOLE_UNIT, seed)
    found, at = 0, process.next(0)
    while at < calls:
        found, at = found + 1, process.next(at + 1)
    return found


def _drawn(mix: Mix, costs: Costs, seed: int, number: int) -> Iterator[Block]:
    ids = np.array([costs.ids[call] for call in mix.calls], np.int32)
    limits, others = alias_table(mix.weights)
    bits = stream(seed, "calls", str(number))
    left = mix.times
    while left:
        length = min(left, BLOCK)
        raw = bits.random_raw(length)
        if mix.times < COMPILED:
            yield Block(ids[draw(raw, limits, others)], 1, left == mix.times)
        else:
            picked = np.empty(length, np.int32)
            columns = np.uint64(len(ids))
            compiled_pick()(raw, limits, others, ids, columns, _HALF, _LOW, picked)
            yield Block(picked, 1, left == mix.times)
        left -= length


def draw(raw: Any, limits: NDArray[np.uint64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Entries of an alias table, one for each raw 64-bit draw."""
    columns = ((raw >> _HALF) * np.uint64(len(limits)) >> _HALF).astype(np.int64)
    own = (raw & _LOW) < limits[columns]
    drawn: NDArray[np.int64] = np.where(own, columns, others[columns])
    return drawn


@lru_cache(maxsize=4)
def alias_table(weights: tuple[float, ...]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Per column: below which 32-bit number it stands for itself, and for which entry otherwise.

    Exact in whole numbers before the one rounding to 32 bits; weights are not negative and not all zero. The last
    tables are kept, since many runs of one program need the same one; nobody writes into them.
    """
    ratios = [float(weight).as_integer_ratio() for weight in weights]
    common = max(denominator for _, denominator in ratios)
    exact = [numerator * (common // denominator) for numerator, denominator in ratios]
    total = sum(exact)
    scale = 1 << _SCALE
    shares = [weight * len(exact) * scale // total for weight in exact]
    limits, others = [1 << 32] * len(shares), list(range(len(shares)))
    small = [index for index, share in enumerate(shares) if share < scale]
    large = [index for index, share in enumerate(shares) if share >= scale]
    while small and large:
        index, donor = small.pop(), large[-1]
        limits[index] = shares[index] >> _SCALE - 32
        others[index] = donor
        shares[donor] -= scale - shares[index]
        if shares[donor] < scale:
            small.append(large.pop())
    return np.array(limits, np.uint64), np.array(others, np.int64)
