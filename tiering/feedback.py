"""Bets from what a recording saw: types of arguments and largest indices become things that a policy can bet on.

A recorder writes down what each call was given (`Call.types`, `Call.max_index`). A simulator needs something else:
which bets a unit offers, and how often they would fail. `with_feedback` makes the one of the other, in a program of its
own with a hash of its own, so that what is simulated is always what stands in a file.

*Types.* Every unit whose types are known gets the feature `type_entropy`, and the inline caches of one way, two ways
and so on as alternatives of one site: a k-way cache fails with the share of all types but the k most frequent. Order is
left out: a unit that changes its types once, in the middle, looks like one that mixes both. Rejected: phases of the
failures for each stretch of a recording, because a cache that has failed learns the new type, which phases cannot say.

*Bounds.* A bet on the largest index fails when a call exceeds all before it. How often that happened is counted. Never:
the bet holds. At most as often as n independent draws would (their expected number is H(n) - 1, A. Renyi 1962): such
records, which grow rarer. More often, as in a loop over growing arrays: the counted share of calls. In a mix the
largest indices come in no order; a value of weight w is a record with chance w / (w + weight of all greater ones).

What a unit states itself is left as it is.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from tiering.speculation import TYPE_ENTROPY, bounds_check, entropy, expected_records, type_feedback
from tiering.trace import RECORD, Failures, Mix, Program, Speculation, Unit
from tiering.trace_summary import made

TYPE_GAIN = 0.3
TYPE_GUARD = 0.01
"""Shares of a call's time that specialised code saves, and that one comparison of types costs. Assumed: they depend on
how dynamic the code was, and `with_feedback` takes others."""


class _Seen(NamedTuple):
    types: dict[str, float]
    indexed: list[float]
    """Calls whose largest index is known, and how many of them exceeded all before them, the first included."""


def with_feedback(program: Program, gain: float = TYPE_GAIN, guard_cost: float = TYPE_GUARD) -> Program:
    """The program with the feature and the bets that its recorded calls support, for units that state none themselves.

    `gain` and `guard_cost` are those of bets on types (see `tiering.speculation.type_feedback`); bets on the largest
    index have the measured ones of `bounds_check`. A program without recorded types and indices comes back equal.
    """
    seen = _look(program)
    units = tuple(_told(unit, seen[number], gain, guard_cost) for number, unit in enumerate(program.units))
    return program._replace(units=units)


def _look(program: Program) -> list[_Seen]:
    seen = [_Seen(defaultdict(float), [0.0, 0.0]) for _ in program.units]
    largest: dict[int, int] = {}
    for group in program.groups:
        drawn: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        for call, times in made(group):
            if call.types is not None and times:
                seen[call.unit].types[call.types] += times
            if call.max_index is None or not times:
                continue
            seen[call.unit].indexed[0] += times
            if isinstance(group, Mix):
                drawn[call.unit][call.max_index] += times
            elif call.max_index > largest.get(call.unit, -1):
                largest[call.unit] = call.max_index
                seen[call.unit].indexed[1] += 1
        for unit, weights in drawn.items():
            seen[unit].indexed[1] += _records(weights, largest.get(unit, -1))
            largest[unit] = max(largest.get(unit, -1), *weights)
    return seen


def _records(weights: dict[int, float], largest: int) -> float:
    """Expected values of a mix that exceed `largest` and all that were drawn before them."""
    found = above = 0.0
    for index in sorted(weights, reverse=True):
        if index <= largest:
            break
        above += weights[index]
        found += weights[index] / above
    return found


def _told(unit: Unit, seen: _Seen, gain: float, guard_cost: float) -> Unit:
    kinds = {bet.kind for bet in unit.speculations}
    bets: tuple[Speculation, ...] = ()
    features = dict(unit.features)
    if seen.types:
        features.setdefault(TYPE_ENTROPY, entropy(seen.types.values()))
        if "types" not in kinds:
            site = 1 + max((bet.site for bet in unit.speculations if bet.site is not None), default=-1)
            bets = type_feedback(seen.types.values(), gain, guard_cost, site)
    if seen.indexed[0] and "bounds" not in kinds:
        bets = (*bets, bounds_check(failures=_failures(*seen.indexed)))
    return unit._replace(speculations=(*unit.speculations, *bets), features=features)


def _failures(calls: float, records: float) -> Failures:
    later = records - 1.0
    if later <= 0.0:
        return 0.0
    many = max(1, round(calls))
    return RECORD if later <= expected_records(1, many) else min(1.0, later / max(1.0, calls - 1.0))
