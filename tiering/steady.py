"""Has a run reached a steady state, and when? Two published procedures over a series of seconds per iteration.

- `barrett`: Barrett, Bolz-Tereick, Killick, Mount, Tratt, "Virtual Machine Warmup Blows Hot and Cold" (OOPSLA 2017).
  Outliers against a sliding window, PELT with penalty 15 ln n, segments equivalent to the last one by mean and
  variance, four classes. Their series: 2000 iterations of about a second.
- `traini`: Traini, Cortellessa, Di Pompeo, Tucci, "Towards effective assessment of steady state performance in Java
  software" (Empirical Software Engineering 28, 2023). A wider rule for outliers, the penalty chosen by CROPS and a
  knee, segments compared by the bootstrapped ratio of their means, two classes. Their series: 3000 iterations of 0.1 s.

Where text and published code disagree, the text was followed and the difference is named below. A series that is
shorter than theirs keeps their proportions: the part at the end in which nothing may change any more is 500
iterations, or a quarter (Barrett) or a sixth (Traini) of a shorter series, as 500 is of theirs.

Differences from the code of Barrett et al. (`warmup_stats`): their code exempts the first half window from being
outliers, their text the first 200 iterations; their time to steady state leaves out the last unsteady iteration. They
compare a variance (in square seconds) with seconds; that is kept, but depends on the unit, so `unit` says which time
counts as one second. From Traini et al.: their start of the steady state is the last unsteady iteration, here it is
the first steady one. A property of their rule for outliers, not of this code: where the level jumps, the first and
last two values of a window can be outliers, so a jump may be found up to two iterations early.

Rejected: the coefficient-of-variation rule of Georges et al. (OOPSLA 2007), which calls most of the runs steady that
never are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from tiering.changepoints import as_series, crops, knee, pelt
from tiering.errors import InputError, unknown

WINDOW = 200
"""Iterations in the sliding window of both rules for outliers."""

TAIL = 500
"""Iterations at the end of a series in which nothing may change in a steady state."""

FLAT, WARMUP, SLOWDOWN, UNSTEADY, STEADY = "flat", "warmup", "slowdown", "no steady state", "steady state"
_BOOTSTRAP_CHUNK = 1 << 20


class Segment(NamedTuple):
    """Iterations `start` to `end` (exclusive), and mean (s) and variance (s^2) of those that are no outliers."""

    start: int
    end: int
    mean: float
    variance: float


class Steady(NamedTuple):
    """What a procedure says about one series.

    `start` is the first iteration of the steady state, `seconds` the time until then, `iteration_seconds` the mean
    of the iterations from there on; None without a steady state. `changes` are the first iterations of all segments
    but the first, `outliers` the number of iterations that were set aside, `penalty` that of PELT.
    """

    procedure: str
    classification: str
    start: int | None
    seconds: float | None
    iteration_seconds: float | None
    changes: tuple[int, ...]
    outliers: int
    penalty: float


def barrett(series: ArrayLike, *, delta: float = 0.001, unit: float = 1.0, tail: int | None = None) -> Steady:
    """Classify seconds per iteration as flat, warmup, slowdown or no steady state (Barrett et al. 2017).

    `delta` is the difference that does not matter, in units of `unit` seconds. Raises InputError for a series that
    is empty, not one-dimensional or not finite, and a `unit` that is not above 0.
    """
    values = as_series(series)
    if not 0 < unit < math.inf:
        raise InputError(f"unit {unit!r}: must be seconds above 0")
    kept = np.flatnonzero(~barrett_outliers(values))
    penalty = 15.0 * math.log(len(kept))
    bounds = _in_original(pelt(values[kept], penalty).changes, kept)
    segments = _segments(values / unit, kept, bounds)
    quiet = min(TAIL, len(values) // 4) if tail is None else tail
    classification = classify(segments, delta=delta, tail=quiet)
    start = None if classification == UNSTEADY else _first_equivalent(segments, delta)
    return _verdict("barrett", classification, start, values, kept, bounds, penalty)


def classify(segments: Sequence[Segment], *, delta: float = 0.001, tail: int = TAIL) -> str:
    """The class of a series that was cut into segments: the rule of Barrett et al. (2017), section 4.

    A segment is equivalent to the last one if mean +- variance meets the last mean +- max(variance, delta). One that
    is not and reaches into the last `tail` iterations leaves no steady state; else one that was faster makes it a
    slowdown; else there were slower ones (warmup) or none (flat).
    """
    last = segments[-1].end - 1
    found = FLAT
    for segment in reversed(segments[:-1]):
        if _equivalent(segment, segments[-1], delta):
            continue
        if segment.end - 1 > last + 1 - tail:
            return UNSTEADY
        if segment.mean < segments[-1].mean:
            return SLOWDOWN
        found = WARMUP
    return found


def barrett_group(classes: Iterable[str]) -> str:
    """Several runs of one program: consistent, good inconsistent (flat and warmup mixed) or bad inconsistent.

    Raises InputError for a class that `barrett` does not give, or none at all.
    """
    found = _known(classes, (FLAT, WARMUP, SLOWDOWN, UNSTEADY))
    if len(found) == 1:
        return "consistent"
    return "good inconsistent" if found == {FLAT, WARMUP} else "bad inconsistent"


def barrett_outliers(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which iterations lie outside median +- 3 (P90 - P10) of the window around them; never the first 200.

    The window of an iteration is the 100 before it, itself and the 99 after it, cut off at the end of the series.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    half = WINDOW // 2
    for index in range(WINDOW, len(values)):
        low, middle, high = np.percentile(values[index - half : index + half], (10, 50, 90))
        found[index] = abs(values[index] - middle) > 3 * (high - low)
    return found


def traini(
    series: ArrayLike,
    *,
    operations: int | None = None,
    effect: float = 0.05,
    resamples: int = 10_000,
    tail: int | None = None,
    seed: int = 0,
) -> Steady:
    """Say whether and when seconds per iteration become steady (Traini et al. 2023).

    `operations` is the number of operations in an iteration, of which each value is the mean; None takes as many as
    fit into their iterations of 0.1 s. Two segments differ if the 95 % bootstrap interval of the ratio of their means
    lies beyond `effect`. Raises InputError as `barrett` does.
    """
    values = as_series(series)
    kept = np.flatnonzero(~traini_outliers(values, operations))
    penalty, changes = _by_knee(values[kept])
    bounds = _in_original(changes, kept)
    start = _steady_from(values, bounds, effect, resamples, np.random.Generator(np.random.PCG64(seed)))
    quiet = min(TAIL, len(values) // 6) if tail is None else tail
    steady = start <= len(values) - quiet
    everything = np.arange(len(values))
    made = _verdict(
        "traini", STEADY if steady else UNSTEADY, start if steady else None, values, everything, bounds, penalty
    )
    return made._replace(outliers=len(values) - len(kept))


def traini_group(classes: Iterable[str]) -> str:
    """Several runs of one program: steady state, no steady state, or inconsistent. Raises InputError as above."""
    found = _known(classes, (STEADY, UNSTEADY))
    return found.pop() if len(found) == 1 else "inconsistent"


def traini_outliers(values: NDArray[np.float64], operations: int | None = None) -> NDArray[np.bool_]:
    """Which iterations lie outside median +- 3 (P99 - P1) of any window of 200 that holds them.

    The first 200 / ln(1 + operations) are in no window: the shorter an iteration, the longer warm-up may last in them.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    mean = float(values.mean())
    fitting = math.ceil(0.1 / mean) if mean > 0 else 1
    skip = math.ceil(WINDOW / math.log1p(operations or fitting))
    if len(values) - skip < WINDOW:
        return found
    windows = sliding_window_view(values[skip:], WINDOW)
    low, middle, high = np.quantile(windows, (0.01, 0.5, 0.99), axis=1)
    above = _around(middle + 3 * (high - low), np.inf).min(axis=1)
    below = _around(middle - 3 * (high - low), -np.inf).max(axis=1)
    found[skip:] = (values[skip:] > above) | (values[skip:] < below)
    return found


def _around(bound: NDArray[np.float64], beyond: float) -> NDArray[np.float64]:
    """Per value, the bounds of all windows that hold it, shape (values, WINDOW)."""
    return sliding_window_view(np.pad(bound, WINDOW - 1, constant_values=beyond), WINDOW)


def _by_knee(values: NDArray[np.float64]) -> tuple[float, tuple[int, ...]]:
    log = math.log(len(values))
    if log == 0:
        return 0.0, ()
    range_of = crops(values, 4 * log, 1e5 * log)
    chosen = range_of[0] if len(range_of) < 2 else knee(range_of) or pelt(values, 15 * log)
    return chosen.penalty, chosen.changes


def _steady_from(
    values: NDArray[np.float64],
    bounds: Sequence[int],
    effect: float,
    resamples: int,
    random: np.random.Generator,
) -> int:
    """The first iteration after the last segment that differs from the final one; 0 if none does."""
    edges = [0, *bounds, len(values)]
    last = _resampled_means(values[edges[-2] :], resamples, random)
    for start, end in reversed(list(pairwise(edges[:-1]))):
        other = _resampled_means(values[start:end], resamples, random)
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = np.quantile(np.nan_to_num(last / other, nan=1.0), (0.025, 0.975))
        if high <= 1 - effect or low >= 1 + effect:
            return end
    return 0


def _resampled_means(values: NDArray[np.float64], resamples: int, random: np.random.Generator) -> NDArray[np.float64]:
    size = len(values)
    rows = max(_BOOTSTRAP_CHUNK // size, 1)
    chunks = [min(rows, resamples - done) for done in range(0, resamples, rows)]
    means: NDArray[np.float64] = np.concatenate(
        [values[random.integers(0, size, (chunk, size))].mean(axis=1) for chunk in chunks]
    )
    return means


def _in_original(changes: Sequence[int], kept: NDArray[np.int64]) -> tuple[int, ...]:
    """Changes counted without outliers, counted with them: an outlier between two segments goes to the later one."""
    return tuple(int(kept[change - 1]) + 1 for change in changes)


def _segments(values: NDArray[np.float64], kept: NDArray[np.int64], bounds: Sequence[int]) -> list[Segment]:
    edges = [0, *bounds, len(values)]
    made = []
    for start, end in pairwise(edges):
        part = values[kept[(kept >= start) & (kept < end)]]
        made.append(Segment(start, end, float(part.mean()), float(part.var())))
    return made


def _equivalent(segment: Segment, last: Segment, delta: float) -> bool:
    width = max(last.variance, delta)
    return segment.mean + segment.variance >= last.mean - width and segment.mean - segment.variance <= last.mean + width


def _first_equivalent(segments: Sequence[Segment], delta: float) -> int:
    start = segments[-1].start
    for segment in reversed(segments[:-1]):
        if not _equivalent(segment, segments[-1], delta):
            break
        start = segment.start
    return start


def _verdict(
    procedure: str,
    classification: str,
    start: int | None,
    values: NDArray[np.float64],
    kept: NDArray[np.int64],
    bounds: tuple[int, ...],
    penalty: float,
) -> Steady:
    outliers = len(values) - len(kept)
    if start is None:
        return Steady(procedure, classification, None, None, None, bounds, outliers, penalty)
    until, steady = math.fsum(values[:start]), float(values[kept[kept >= start]].mean())
    return Steady(procedure, classification, start, until, steady, bounds, outliers, penalty)


def _known(classes: Iterable[str], known: Sequence[str]) -> set[str]:
    found = set(classes)
    if not found:
        raise InputError("no classes were given: a group needs at least one run")
    for stray in sorted(found - set(known)):
        raise unknown("class", stray, known)
    return found
