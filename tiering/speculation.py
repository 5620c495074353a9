"""What bets are worth: entropy of type feedback, bets with measured gains, and when a bet pays.

Gains and guard costs are shares of a call's time without the bet, as in `trace.Speculation`: a bet that makes code s
times as fast gains 1 - 1/s. The defaults are speed-ups measured on small numeric kernels (10,000 elements, in the
cache) compiled by LLVM 22 at O3 on a shared 2-core x86-64 machine; where a default was not measured, its sentence says
so. What measured as worthless has no constructor here: bounds checks of affine loops (LLVM hoists them, 1.00 to 1.06
times), folded learning rates of an optimizer step (1.00).

Entropy orders sites (all calls of one type: 0 bits; four types alike: 2) but decides nothing: what a k-way inline cache
catches is the sum of the k largest shares (U. Holzle, C. Chambers and D. Ungar, ECOOP 1991), and two sites of equal
entropy can differ in it.

A bet that fails with probability p per call, saves s seconds in each call and loses D seconds at each failure
(deoptimization, slower code until the next compile, that compile) pays iff p < s / D. One on the largest index seen
fails ever more rarely, the n-th call with chance 1/n (A. Renyi, 1962), so it pays from D / s calls on, however many
calls are still to come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from tiering.errors import InputError
from tiering.trace import RECORD, Failures, Speculation, Unit

TYPE_ENTROPY = "type_entropy"
"""Name of the feature that holds a unit's `entropy`, in bits."""

CALL_GRAPH_STABILITY = "call_graph_stability"
"""Name of the feature that holds a unit's `call_graph_stability`."""

MOST_WAYS = 4
"""Types that an inline cache tells apart before its site counts as megamorphic; V8 gives up at the same number."""

_EULER = 0.5772156649015329
_SUMMED = 256


def gain(speedup: float) -> float:
    """The share of a call's time that is gained when code runs `speedup` times as fast.

    Raises InputError below 1.
    """
    if not speedup >= 1.0:
        raise InputError(f"speedup is {speedup!r}: must be at least 1, or the bet gains nothing")
    return 1.0 - 1.0 / speedup


def entropy(distribution: Iterable[float]) -> float:
    """Entropy in bits of the types seen at a site, given as shares or counts.

    Raises InputError if one is negative or all are zero.
    """
    return sum(-share * math.log2(share) for share in _shares(distribution)) + 0.0


def type_feedback(
    distribution: Iterable[float], gain: float, guard_cost: float, site: int = 0
) -> tuple[Speculation, ...]:
    """The alternatives of one type feedback site: inline caches of one way, two ways and so on.

    `distribution` holds shares or counts per type; there are at most `MOST_WAYS` alternatives, and no more than
    types. They are alternatives of the same `site`, a number that tells them from the unit's other sites: the widest
    that a plan takes counts, and to take none is megamorphic dispatch. Each gains `gain`; the ways are compared from
    the most frequent on, and each comparison costs `guard_cost`. A k-way cache fails
    with the share of all types but the k most frequent. Raises InputError as `entropy` does.
    """
    shares = _shares(distribution)
    bets, caught, compared = [], 0.0, 0.0
    for way, share in enumerate(shares[:MOST_WAYS], start=1):
        caught += share
        compared += way * share
        missed = 0.0 if way == len(shares) else max(0.0, 1.0 - caught)
        bets.append(Speculation("types", gain, guard_cost * (compared + way * missed), missed, site))
    return tuple(bets)


def bounds_check(gain: float = 0.38, guard_cost: float = 0.23, failures: Failures = RECORD) -> Speculation:
    """No bounds checks of indirect indices, behind a guard on the largest index seen.

    A gather sum runs 1.61 times as fast without checks (gain 0.38) and 1.18 times with a guard that finds the
    largest index first (1/1.18 - 1/1.61 = 0.23).
    """
    return Speculation("bounds", gain, guard_cost, failures)


def constant(gain: float = 0.55, guard_cost: float = 0.001, failures: Failures = 0.0) -> Speculation:
    """An observed inner trip count, shape, divisor or exponent folded.

    2.2 times (gain 0.55) is the least of five matrix sizes, 8.1 the most; a Horner scheme of degree 4 reaches 19, a
    constant divisor 1.4. The guard is a comparison per call: 0.001 is assumed.
    """
    return Speculation("constant", gain, guard_cost, failures)


def branch(gain: float = 0.05, guard_cost: float = 0.0, failures: Failures = 0.0) -> Speculation:
    """A branch that was never taken is left out. Not measured: 0.05 is assumed; the branch's own test is the guard."""
    return Speculation("branch", gain, guard_cost, failures)


def zero_division(gain: float = 0.53, guard_cost: float = 0.001, failures: Failures = 0.0) -> Speculation:
    """No checks for zero divisors, behind a guard on the values that the divisors come from.

    An Adam step runs 2.14 times as fast (gain 0.53), kernels without divisions in their loop 1.0. The guard is a
    few comparisons per call: 0.001 is assumed.
    """
    return Speculation("zero_division", gain, guard_cost, failures)


def overflow(gain: float = 0.09, guard_cost: float = 0.0, failures: Failures = 0.0) -> Speculation:
    """No overflow checks of 64-bit integers.

    The checks cost a factor of 1.0 to 1.23 at O3, 4.1 where they prevent vector code; 1.1 (gain 0.09) lies
    between. What proves the range is assumed to cost nothing.
    """
    return Speculation("overflow", gain, guard_cost, failures)


def call_graph_stability(unit: Unit) -> float:
    """How often the calls that a unit makes go where they usually go: stability of its sites, weighted by calls.

    1.0 for a unit that calls nobody.
    """
    calls = sum(site.calls for site in unit.sites)
    return sum(site.calls * site.stability for site in unit.sites) / calls if calls else 1.0


def bet_pays(failure: float, saving: float, loss: float) -> bool:
    """Whether p < s / D: `failure` per call, `saving` in seconds per call, `loss` in seconds per failure."""
    return failure * loss < saving


def best_profile(saving: float, loss: float) -> float:
    """Calls to profile before betting on the largest index: D / s, independent of how many calls follow.

    Each call without the bet loses `saving` seconds; the failure that the n-th call brings costs `loss / n`.
    Raises InputError if nothing is saved.
    """
    if not saving > 0.0:
        raise InputError(f"saving is {saving!r}: must be above 0, or no profile is long enough")
    return loss / saving


def expected_records(profiled: int, calls: int) -> float:
    """Expected failures of a bet on the largest index up to call `calls`, taken after `profiled` calls: H_N - H_k.

    Raises InputError unless 1 <= profiled <= calls: the first call is what teaches the first maximum.
    """
    if not 1 <= profiled <= calls:
        raise InputError(f"profiled is {profiled}: must be from 1 to the number of calls, {calls}")
    return _harmonic(calls) - _harmonic(profiled)


def _shares(distribution: Iterable[float]) -> list[float]:
    counts = sorted(distribution, reverse=True)
    if not counts or not all(0.0 <= count < math.inf for count in counts) or not sum(counts) > 0.0:
        raise InputError(f"distribution is {str(counts)[:60]}: must be numbers from 0 on, at least one above 0")
    total = math.fsum(counts)
    return [count / total for count in counts if count > 0.0]


def _harmonic(n: int) -> float:
    if n <= _SUMMED:
        return math.fsum(1.0 / k for k in range(1, n + 1))
    return math.log(n) + _EULER + 1.0 / (2 * n) - 1.0 / (12 * n**2) + 1.0 / (120 * n**4)
