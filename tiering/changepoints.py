"""Where a series changes: PELT for mean and variance, CROPS over a range of penalties, and the knee between them.

- PELT: Killick, Fearnhead, Eckley, "Optimal detection of changepoints with a linear computational cost" (JASA 2012).
- CROPS: Haynes, Eckley, Fearnhead, "Computationally efficient changepoint detection for a range of penalties" (Journal
  of Computational and Graphical Statistics 2017).
- Kneedle: Satopaa, Albrecht, Irwin, Raghavan, "Finding a 'kneedle' in a haystack" (ICDCS workshops 2011).

The cost of a segment is minus twice its normal log-likelihood, as in the R package `changepoint` (`cpt.meanvar`), which
both published procedures of `tiering.steady` call: m (ln variance + 1) here, and ln 2 pi more per value there, which
no segmentation can save. Two things differ. R replaces a variance that is not positive by 1e-11, whatever the unit of
the series; here no standard deviation counts as less than 1e-6 of the series' median, since a simulated series repeats
itself exactly and the last bits of its sums are no change of speed. And a pruned candidate lives on until the change
that beat it can be used, which keeps the result exact with segments of at least two values.

Rejected: the library `ruptures`. A test compares the two, but its PELT copies a dictionary per candidate: 1.5 to 5
seconds for 2000 to 3000 values, against 0.1 here, and CROPS asks tens of times. Its `jump`, which mends that, finds
changes at multiples of five only; its `CostNormal` adds 1e-6 to each variance, which drowns a series of milliseconds;
and its pruning is not exact for small penalties and segments of at least two values. Rejected too: sums of squares from
the start of the series, which lose the variance of a fast ending after a slow beginning; each candidate carries its own
running mean and sum of squares.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiering.errors import InputError

RESOLUTION = 1e-6
"""The least standard deviation that counts, as a share of the series' median: finer than any clock measures."""

LEAST = 2
"""Values per segment at least, as in `cpt.meanvar`: one value has no variance."""


class Segmentation(NamedTuple):
    """The best segmentation for a penalty. `changes` are the indices at which a new segment begins.

    `cost` is without penalties. In what `crops` returns, `penalty` is the smallest one for which it is the best.
    """

    changes: tuple[int, ...]
    cost: float
    penalty: float


def as_series(series: ArrayLike) -> NDArray[np.float64]:
    """The series as an array of floats, shape (n,). Raises InputError unless it has finite values and one dimension."""
    try:
        values = np.asarray(series, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("series: must be numbers, one per iteration") from None
    if values.ndim != 1 or not len(values):
        raise InputError(f"series of shape {values.shape}: must have one dimension and at least one value")
    if not np.isfinite(values).all():
        raise InputError(f"series[{int(np.argmin(np.isfinite(values)))}] is not finite: leave such iterations out")
    return values


def pelt(series: ArrayLike, penalty: float) -> Segmentation:
    """The segmentation of least cost plus `penalty` per change, exactly. Takes O(n) steps of at most n operations.

    Raises InputError for a series as `as_series` does, and for a penalty that is not a number from 0.
    """
    values = as_series(series)
    if not 0 <= penalty < math.inf:
        raise InputError(f"penalty {penalty!r}: must be a number, at least 0")
    return _pelt(values / _scale(values), penalty)


def crops(series: ArrayLike, low: float, high: float) -> list[Segmentation]:
    """Every segmentation that is the best for some penalty from `low` to `high`, by rising penalty.

    Raises InputError as `pelt` does, and unless low < high.
    """
    values = as_series(series)
    if not 0 <= low < high < math.inf:
        raise InputError(f"penalties from {low!r} to {high!r}: must be numbers from 0 that rise")
    values = values / _scale(values)
    most, fewest = _pelt(values, low), _pelt(values, high)
    found = {len(most.changes): most, len(fewest.changes): fewest}
    between = [(most, fewest)]
    while between:
        more, fewer = between.pop()
        if len(more.changes) - len(fewer.changes) > 1:
            middle = _pelt(values, _crossing(more, fewer))
            if len(fewer.changes) < len(middle.changes) < len(more.changes):
                found[len(middle.changes)] = middle
                between += [(more, middle), (middle, fewer)]
    best = [found[count] for count in sorted(found, reverse=True)]
    begins = [low, *(_crossing(more, fewer) for more, fewer in pairwise(best))]
    return [one._replace(penalty=begin) for one, begin in zip(best, begins, strict=True)]


def knee(segmentations: list[Segmentation], sensitivity: float = 1.0) -> Segmentation | None:
    """The segmentation at the knee of the number of changes over the penalty (Kneedle, convex and falling), or None.

    The curve is walked from the largest penalty down and the first knee is taken, as in the replication package of
    Traini et al.; nothing is smoothed.
    """
    if len(segmentations) < 2:
        return None
    falling = segmentations[::-1]
    x = _unit_range(np.array([one.penalty for one in falling]))
    y = _unit_range(np.array([float(len(one.changes)) for one in falling]))
    above = 1.0 - y - x
    step = sensitivity * float(np.abs(np.diff(x).mean()))
    knee_at, threshold = None, -math.inf
    for here in range(len(above) - 1):
        around = above[max(here - 1, 0) : here + 2]
        if above[here] == around.max():
            knee_at, threshold = here, float(above[here]) - step
        elif above[here] == around.min():
            threshold = 0.0
        if knee_at is not None and above[here + 1] < threshold:
            return falling[knee_at]
    return None


def _pelt(values: NDArray[np.float64], penalty: float) -> Segmentation:
    n = len(values)
    best, back = np.full(n + 1, math.inf), np.zeros(n + 1, dtype=np.int64)
    best[0] = -penalty
    starts, until = np.zeros(n, dtype=np.int64), np.full(n, n + 1, dtype=np.int64)
    means, squares = np.zeros(n), np.zeros(n)
    alive = 0
    for end in range(1, n + 1):
        alive = _drop(until[:alive] > end, starts, until, means, squares)
        starts[alive], until[alive], means[alive], squares[alive] = end - 1, n + 1, 0.0, 0.0
        alive += 1
        _extend(values[end - 1], end - starts[:alive], means[:alive], squares[:alive])
        ready = int(np.searchsorted(starts[:alive], end - LEAST, side="right"))
        if not ready:
            continue
        total = best[starts[:ready]] + _cost(squares[:ready], end - starts[:ready])
        least = int(total.argmin())
        best[end], back[end] = total[least] + penalty, starts[least]
        beaten = total > best[end]
        until[:ready][beaten] = np.minimum(until[:ready][beaten], end + LEAST)
    if n < LEAST:
        return Segmentation((), 0.0, penalty)
    changes = _changes(back)
    return Segmentation(changes, float(best[n]) - penalty * len(changes), penalty)


def _drop(keep: NDArray[np.bool_], *columns: NDArray[np.int64] | NDArray[np.float64]) -> int:
    alive = int(np.count_nonzero(keep))
    if alive < len(keep):
        for column in columns:
            column[:alive] = column[: len(keep)][keep]
    return alive


def _extend(
    value: np.float64, sizes: NDArray[np.int64], means: NDArray[np.float64], squares: NDArray[np.float64]
) -> None:
    off = value - means
    means += off / sizes
    squares += off * (value - means)


def _cost(squares: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    variance = squares / sizes
    counted = np.maximum(variance, RESOLUTION**2)
    return sizes * (np.log(counted) + variance / counted)


def _changes(back: NDArray[np.int64]) -> tuple[int, ...]:
    found = []
    change = int(back[-1])
    while change > 0:
        found.append(change)
        change = int(back[change])
    return tuple(reversed(found))


def _crossing(more: Segmentation, fewer: Segmentation) -> float:
    return (fewer.cost - more.cost) / (len(more.changes) - len(fewer.changes))


def _scale(values: NDArray[np.float64]) -> float:
    return float(np.median(np.abs(values))) or float(np.abs(values).max()) or 1.0


def _unit_range(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low)
