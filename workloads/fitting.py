"""What the fits of generators read off a program: counts, first calls, windows, phases, calm and burst.

A program is whatever has the fields of `tiering.trace.Program`: `units`, and `groups` that are patterns (`pattern`,
`times`) or mixes (`calls`, `weights`, `times`). Groups are never unrolled, so a program of 1e9 calls costs what its
file holds. A mix has no order: it counts as its expected calls, evenly spread. Groups of several threads are taken in
the order of the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .generator import Floats

_CELLS = 4_000_000
"""Windows times units that are held at once."""

_SAME = 0.5
"""Cosine between two windows from which on they show the same phase; a window half old, half new is 0.7 from both."""

_STEADY = 3
"""Windows that the median stay in a phase must have, or windows are too short to show whole patterns."""


_APART = 1.5
"""Ratio of two rates below which they are one."""


class Block(NamedTuple):
    """A group in numbers: unit and counts (1 + backedges) of each call, its weight per round, rounds; drawn: a mix."""

    units: npt.NDArray[np.int64]
    counts: Floats
    weights: Floats
    times: int
    drawn: bool

    def length(self) -> int:
        """Calls."""
        return self.times * (1 if self.drawn else len(self.units))


def blocks(program: Any) -> Iterator[Block]:
    """The groups of a program that make calls."""
    for group in program.groups:
        drawn = not hasattr(group, "pattern")
        calls = group.calls if drawn else group.pattern
        units = np.fromiter((call.unit for call in calls), np.int64, len(calls))
        counts = np.fromiter((1.0 + call.backedges for call in calls), np.float64, len(calls))
        weights = np.asarray(group.weights, np.float64) / math.fsum(group.weights) if drawn else np.ones(len(calls))
        if group.times:
            yield Block(units, counts, weights, group.times, drawn)


def unit_totals(program: Any) -> tuple[Floats, Floats]:
    """Calls, and counts (calls and backedges), of every unit."""
    calls, counts = np.zeros(len(program.units)), np.zeros(len(program.units))
    for block in blocks(program):
        np.add.at(calls, block.units, block.weights * block.times)
        np.add.at(counts, block.units, block.weights * block.counts * block.times)
    return calls, counts


def first_calls(program: Any) -> tuple[Floats, int]:
    """When units are called first, in calls since the start, ascending; and how many calls there are."""
    first: dict[int, float] = {}
    begun = 0
    for block in blocks(program):
        seen, places = np.unique(block.units, return_index=True)
        for unit, place in zip(seen.tolist(), places.tolist(), strict=True):
            if unit not in first:
                weight = float(block.weights[place])
                waits = min(block.times, 1.0 / weight if weight else math.inf) if block.drawn else place
                first[unit] = begun + waits
        begun += block.length()
    return np.sort(np.fromiter(first.values(), np.float64, len(first))), begun


def windows(program: Any, count: int) -> Floats:
    """Calls per window and unit, the program cut into about `count` windows of equally many calls."""
    listed = list(blocks(program))
    total = sum(block.length() for block in listed)
    step = max(1, total // count)
    table = np.zeros((max(1, total // step), len(program.units)))
    begun = 0
    for block in listed:
        end = begun + block.length()
        for number in range(begun // step, (end - 1) // step + 1):
            low, high = max(begun, number * step), min(end, (number + 1) * step)
            if number < len(table):
                _add(table[number], block, low - begun, high - begun)
        begun = end
    return table


def _add(row: Floats, block: Block, low: int, high: int) -> None:
    if block.drawn:
        np.add.at(row, block.units, block.weights * (high - low))
        return
    length = len(block.units)
    rounds, rest = divmod(high - low, length)
    if rounds:
        np.add.at(row, block.units, float(rounds))
    begun = low % length
    np.add.at(row, block.units[begun : begun + rest], 1.0)
    np.add.at(row, block.units[: max(0, begun + rest - length)], 1.0)


class Phases(NamedTuple):
    """`number` of phases that recur, stays in one of them, units of one phase (those of all left out), calls in all."""

    number: int
    stays: int
    units: float
    calls: int


def phases(program: Any) -> Phases:
    """Phases of a program: windows of similar calls.

    A unit counts the less, the more windows it is called in (by the logarithm of their share, as words do that stand in
    every text), so that a library shared by all phases does not make them one. Windows go to the first phase that they
    resemble and else found their own. Their number is the largest of 2000, 1000, ... 125 that shows phases and not
    parts of a pattern: most stays are longer than 3 windows.
    """
    calls, _ = unit_totals(program)
    for count in (2000, 1000, 500, 250, 125):
        table = windows(program, max(2, min(count, _CELLS // max(1, len(program.units)))))
        labels = _labels(table)
        changes = np.flatnonzero(np.diff(labels))
        stays = np.diff(np.concatenate([[-1], changes, [len(labels) - 1]]))
        if np.median(stays) > _STEADY:
            break
    found = int(labels.max()) + 1
    own = int(np.count_nonzero((calls > 0) & (_rarity(table) > 0)))
    units = own / found if found > 1 else float(np.count_nonzero(calls))
    return Phases(found, len(stays), units, round(float(calls.sum())))


def _rarity(table: Floats) -> Floats:
    seen = np.maximum(1, np.count_nonzero(table, axis=0))
    return np.asarray(np.log(len(table) / seen), dtype=np.float64)


def _labels(table: Floats) -> npt.NDArray[np.int64]:
    weighted = table * _rarity(table)
    norms = np.linalg.norm(weighted, axis=1)
    if not norms.all():
        return np.zeros(len(table), np.int64)
    weighted /= norms[:, None]
    leaders: list[Floats] = []
    labels = np.zeros(len(table), np.int64)
    for number, row in enumerate(weighted):
        likeness = [float(row @ leader) for leader in leaders]
        best = int(np.argmax(likeness)) if likeness else 0
        if not likeness or likeness[best] < _SAME:
            best = len(leaders)
            leaders.append(row)
        labels[number] = best
    return labels


class TwoStates(NamedTuple):
    """A Poisson process whose rate changes between two values, per window: rates, and rates of leaving each."""

    calm: float
    bursty: float
    leaves_calm: float
    leaves_bursty: float


def two_states(counts: Floats, rounds: int = 200) -> TwoStates | None:
    """The two-state process that explains these counts per window best; None where there is but one rate.

    Expectation and maximization over a hidden Markov chain of two Poisson rates (L. Baum and others 1970), started from
    the windows above and below their mean. The chain's chances are those of a process in continuous time seen once a
    window.
    """
    mean = float(counts.mean())
    high, low = counts[counts > mean], counts[counts <= mean]
    if not len(high) or not len(low) or mean <= 0.0:
        return None
    rates = np.array([max(float(low.mean()), 1e-9), float(high.mean())])
    stay = np.array([0.9, 0.9])
    for _ in range(rounds):
        weights, moves = _expected(counts, rates, stay)
        before = np.concatenate([rates, stay])
        rates = np.maximum((weights * counts[:, None]).sum(axis=0) / weights.sum(axis=0), 1e-9)
        stay = np.clip(np.diag(moves) / np.maximum(moves.sum(axis=1), 1e-12), 1e-6, 1.0 - 1e-6)
        if np.allclose(before, np.concatenate([rates, stay]), rtol=1e-4, atol=1e-9):
            break
    both = float(stay.sum()) - 1.0
    if both <= 0.0 or rates[1] < _APART * rates[0]:
        return None
    leaving = -math.log(both) / (1.0 - both) * (1.0 - stay)
    return TwoStates(float(rates[0]), float(rates[1]), float(leaving[0]), float(leaving[1]))


def _expected(counts: Floats, rates: Floats, stay: Floats) -> tuple[Floats, Floats]:
    """Chances of each state in each window, and expected moves between them: forward, then backward.

    In plain floats: NumPy takes ten times as long for vectors of two.
    """
    logs = counts[:, None] * np.log(rates) - rates
    seen = np.exp(logs - logs.max(axis=1, keepdims=True))
    chances: list[list[float]] = seen.tolist()
    calm, bursty = stay.tolist()
    forward, backward = [], [(1.0, 1.0)]
    one, two = 0.5, 0.5
    for first, second in chances:
        into, onto = (one * calm + two * (1.0 - bursty)) * first, (one * (1.0 - calm) + two * bursty) * second
        one, two = into / (into + onto), onto / (into + onto)
        forward.append((one, two))
    one = two = 1.0
    for first, second in reversed(chances[1:]):
        first, second = first * one, second * two
        into, onto = calm * first + (1.0 - calm) * second, (1.0 - bursty) * first + bursty * second
        one, two = into / (into + onto), onto / (into + onto)
        backward.append((one, two))
    before, after = np.array(forward), np.array(backward[::-1])
    weights = before * after
    weights /= weights.sum(axis=1, keepdims=True)
    chain = np.array([[calm, 1.0 - calm], [1.0 - bursty, bursty]])
    joint = before[:-1, :, None] * chain * (seen[1:] * after[1:])[:, None, :]
    joint /= joint.sum(axis=(1, 2), keepdims=True)
    return weights, joint.sum(axis=0)


def maximum(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one hump between `low` and `high` is largest, to a millionth of the interval."""
    while high - low > 1e-9 * max(1.0, abs(high)):
        third = (high - low) / 3.0
        if function(low + third) < function(high - third):
            low += third
        else:
            high -= third
    return (low + high) / 2.0
