"""Intervals and tests for paired measurements, by resampling, the same bits on every run.

A policy's gain is reported as an effect size with an interval, not as a test alone: a difference and a ratio of means,
with bootstrap intervals (Efron, Annals of Statistics 7, 1979; the ratio as in Kalibera and Jones, "Rigorous
benchmarking in reasonable time", ISMM 2013). Pairs are resampled whole, so that the luck which both sides share stays
shared. Over several workloads it is the geometric mean of the ratios, resampled from the top: workloads first, then
pairs within each draw of a workload (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, 3.8).

Plain percentile intervals are too narrow for few pairs: 95 % intervals of ten normal values cover about 90 %. So the
percentiles are taken further out, by the factor that makes the width right for a mean of normal values (the "expanded
percentile" of Hesterberg, The American Statistician 69, 2015). The rejected: BCa, which mends skewness and not
this; bootstrap-t, which divides by a spread that is zero in many resamples of few pairs. Where the percentiles lie
beyond what resampling can reach (four pairs or fewer at 95 %) the interval is its whole range, and still too narrow.

The test is the sign flip: if a policy made no difference, each difference could as well have had the other sign
(Fisher, "The Design of Experiments", 1935). All 2^n flips are counted where they are not more than the resamples, else
that many are drawn and the observed one is counted among them (Phipson and Smyth, 2010). Holm's correction
(Scandinavian Journal of Statistics 6, 1979) makes many tests as strict as one.

Draws are raw bits of PCG64, which NumPy keeps for ever, scaled here. Equal lengths and seeds give equal resamples, so
one more policy in a study changes no other's interval. Means are taken around the first value: of equal values the
mean is that value and no rounding of it, and what does not vary gets an interval that is a point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tiering.errors import InputError

RESAMPLES = 10_000
"""Resamples of an interval: its ends then move by about 1 % of its width from one seed to another."""

_AT_ONCE = 1 << 20
"""Values that are resampled in one go; bounds the memory, changes no result."""

_Values: TypeAlias = NDArray[np.float64]


class Estimate(NamedTuple):
    """A value and its interval; `low` and `high` are None where one value alone says nothing about its spread."""

    value: float
    low: float | None
    high: float | None


class Paired(NamedTuple):
    """Of two paired samples: the mean difference, and the ratio of means (None where a denominator is zero)."""

    difference: Estimate
    ratio: Estimate | None


def check(confidence: float, resamples: int) -> None:
    """Raise InputError for a confidence or a number of resamples that `paired` would refuse."""
    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence {confidence!r}: must lie between 0 and 1, as 0.95 does")
    if type(resamples) is not int or not 100 <= resamples <= 1_000_000:
        raise InputError(f"resamples {resamples!r}: must be a whole number from 100 to 1000000 (default {RESAMPLES})")


def paired(
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Paired:
    """Compare two samples whose n-th values belong together: ours - theirs, and ours / theirs.

    Raises InputError for samples of unequal length or none, a `confidence` not between 0 and 1, and `resamples` that
    are not a whole number from 100 to 1,000,000.
    """
    check(confidence, resamples)
    pairs = _pairs(ours, theirs)
    count = len(pairs)
    columns = np.column_stack([pairs[:, 0] - pairs[:, 1], pairs])
    difference, mean, other = (float(value) for value in _mean(columns))
    divisible = bool((pairs[:, 1] > 0.0).all())
    if count == 1:
        ratio = Estimate(mean / other, None, None) if divisible else None
        return Paired(Estimate(difference, None, None), ratio)
    means = _resampled_means(columns, np.random.PCG64(seed), resamples)
    spread = _interval(means[:, 0], count, confidence)
    if not divisible:
        return Paired(Estimate(difference, *spread), None)
    quotients = _interval(means[:, 1] / means[:, 2], count, confidence)
    return Paired(Estimate(difference, *spread), Estimate(mean / other, *quotients))


def geometric_mean_of_ratios(
    samples: Sequence[tuple[Sequence[float], Sequence[float]]],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate | None:
    """The geometric mean over workloads of the ratios of means, each workload as (ours, theirs).

    The interval is of another draw of workloads and of pairs within them; for a single workload it is that of
    `paired`. None where a value is not above zero. Raises InputError as `paired` does, and for no workload.
    """
    if not samples:
        raise InputError("a geometric mean of no workloads: give at least one")
    if len(samples) == 1:
        return paired(*samples[0], confidence=confidence, resamples=resamples, seed=seed).ratio
    check(confidence, resamples)
    workloads = [_pairs(*sample) for sample in samples]
    if not all(bool((pairs > 0.0).all()) for pairs in workloads):
        return None
    value = math.exp(math.fsum(_log_ratio(_mean(pairs)[None, :])[0] for pairs in workloads) / len(workloads))
    bits = np.random.PCG64(seed)
    logs = np.zeros(resamples)
    for _ in workloads:
        drawn = _indices(bits, resamples, len(workloads))
        for number, pairs in enumerate(workloads):
            here = drawn == number
            logs[here] += _log_ratio(_resampled_means(pairs, bits, int(here.sum())))
    return Estimate(value, *_interval(np.exp(logs / len(workloads)), len(workloads), confidence))


def sign_flip(differences: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """The two-sided p value of a mean difference of zero: the share of sign flips that give a mean as far from it.

    Exact for up to log2(`resamples`) differences, and never below 2 / 2^n. Raises InputError as `paired` does.
    """
    check(0.5, resamples)
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        raise InputError("a test of no differences: give at least one")
    count = len(values)
    exact = 1 << count if count < 60 and 1 << count <= resamples else None
    reached = abs(float(values.sum())) * (1 - 1e-12)
    far = 0
    for signs in _every_sign(count) if exact else _drawn_signs(count, resamples, seed):
        far += int((np.abs((signs * values).sum(axis=1)) >= reached).sum())
    return far / exact if exact else (far + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values, corrected so that all of them together err no more often than one alone, in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def _pairs(ours: Sequence[float], theirs: Sequence[float]) -> _Values:
    if len(ours) != len(theirs) or not len(ours):
        raise InputError(f"paired samples of {len(ours)} and {len(theirs)} values: must be equally many, at least one")
    return np.column_stack([np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)])


def _mean(columns: _Values) -> _Values:
    means: _Values = columns[0] + (columns - columns[0]).mean(axis=0)
    return means


def _log_ratio(means: _Values) -> _Values:
    logs: _Values = np.log(means[:, 0] / means[:, 1])
    return logs


def _indices(bits: np.random.PCG64, amount: int, below: int) -> NDArray[np.int64]:
    """`amount` numbers from 0 to `below` - 1, from the top 32 bits of a draw each; the bias is `below` / 2^32."""
    raw = np.asarray(bits.random_raw(amount), dtype=np.uint64)
    scaled: NDArray[np.int64] = (((raw >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32)).astype(np.int64)
    return scaled


def _resampled_means(columns: _Values, bits: np.random.PCG64, resamples: int) -> _Values:
    """Means of `resamples` draws of as many rows as there are, with replacement: one row of means per draw."""
    count = len(columns)
    around = columns - columns[0]
    made = [np.empty((0, columns.shape[1]))]
    for size in _chunks(resamples, columns.size):
        rows = _indices(bits, size * count, count).reshape(size, count)
        made.append(columns[0] + around[rows].mean(axis=1))
    return np.concatenate(made)


def _chunks(total: int, width: int) -> Iterator[int]:
    step = max(1, _AT_ONCE // width)
    yield from (min(step, total - begun) for begun in range(0, total, step))


def _interval(draws: _Values, count: int, confidence: float) -> tuple[float, float]:
    tail = _expanded_tail(count, (1 - confidence) / 2)
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


@lru_cache
def _expanded_tail(count: int, tail: float) -> float:
    """The share to cut off at each end of a bootstrap distribution of `count` values, for a share of `tail`."""
    distance = math.sqrt(count / (count - 1)) * _student_quantile(1 - 2 * tail, count - 1)
    return math.erfc(distance / math.sqrt(2)) / 2


def _student_quantile(inside: float, freedom: int) -> float:
    """The t of which Student's distribution holds the share `inside` between -t and t, by halving an angle."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if _student_share(middle, freedom) < inside:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _student_share(angle: float, freedom: int) -> float:
    """Student's share between -t and t, where t = sqrt(freedom) tan(angle) (Abramowitz and Stegun, 26.7.3-4)."""
    odd = freedom % 2
    square = math.cos(angle) ** 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for step in range(2 + odd, freedom + 1, 2):
        total += term
        term *= square * (step - 1) / step
    inside = math.sin(angle) * total
    return (angle + inside) * 2 / math.pi if odd else inside


def _every_sign(count: int) -> Iterator[_Values]:
    ways = np.arange(1 << count)[:, None]
    yield _as_signs((ways >> np.arange(count)) & 1)


def _drawn_signs(count: int, amount: int, seed: int) -> Iterator[_Values]:
    bits = np.random.PCG64(seed)
    for size in _chunks(amount, count):
        yield _as_signs(_indices(bits, size * count, 2).reshape(size, count))


def _as_signs(bits: NDArray[np.int64]) -> _Values:
    return np.asarray(2 * bits - 1, dtype=np.float64)
