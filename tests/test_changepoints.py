"""PELT against every segmentation there is and against another implementation; CROPS against PELT; knees by hand."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering.changepoints import LEAST, RESOLUTION, Segmentation, crops, knee, pelt
from tiering.errors import InputError

LEVELS = st.lists(st.sampled_from([1.0, 1.1, 2.0, 5.0]), min_size=2, max_size=9)
NUMBERS = st.lists(st.floats(0.5, 10.0), min_size=2, max_size=9)
PENALTY = st.floats(0.1, 60.0)


def likelihood_cost(series, changes) -> float:
    """Minus twice the normal log-likelihood of the segments, less what no segmentation changes."""
    values = np.array(series) / np.median(np.abs(series))
    total = 0.0
    for start, end in pairwise([0, *changes, len(values)]):
        part = values[start:end]
        variance = max(float(((part - part.mean()) ** 2).mean()), RESOLUTION**2)
        total += len(part) * (math.log(variance) + float(((part - part.mean()) ** 2).mean()) / variance)
    return total


def every_segmentation(n: int):
    for count in range(n):
        for changes in combinations(range(1, n), count):
            if all(end - start >= LEAST for start, end in pairwise([0, *changes, n])):
                yield changes


@given(st.one_of(LEVELS, NUMBERS), PENALTY)
def test_no_segmentation_is_better(series, penalty):
    found = pelt(series, penalty)
    best = min(likelihood_cost(series, changes) + penalty * len(changes) for changes in every_segmentation(len(series)))
    assert found.cost == pytest.approx(likelihood_cost(series, found.changes), abs=1e-6)
    assert found.cost + penalty * len(found.changes) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(("first", "second"), [((2.0, 0.1), (1.0, 0.1)), ((1.0, 0.3), (1.0, 0.02))])
def test_a_change_of_mean_or_of_variance_is_found(first, second):
    random = np.random.Generator(np.random.PCG64(1))
    series = np.concatenate([random.normal(*first, 80), random.normal(*second, 120)])
    (change,) = pelt(series, 15 * math.log(200)).changes
    assert abs(change - 80) <= 2


def test_a_fast_ending_keeps_its_variance_after_a_slow_beginning():
    """Sums of squares from the start would have lost it: 1e6 squared leaves nothing of 1e-6 squared in a float."""
    random = np.random.Generator(np.random.PCG64(2))
    tail = np.concatenate([random.normal(1.0, 1e-3, 200), random.normal(1.0, 1e-5, 200)])
    changes = pelt(np.concatenate([random.normal(1e6, 1e4, 50), tail]), 15 * math.log(450)).changes
    assert 50 in changes
    assert any(abs(change - 250) <= 2 for change in changes)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_unit_of_time_changes_nothing(scale):
    random = np.random.Generator(np.random.PCG64(3))
    series = np.concatenate([random.normal(3, 0.1, 40), random.normal(2, 0.1, 60)])
    assert pelt(series * scale, 60.0).changes == pelt(series, 60.0).changes == (40,)


def test_differences_below_the_resolution_are_no_change():
    assert pelt([1.0] * 50 + [1.0 + 1e-8] * 50, 5.0).changes == ()
    assert pelt([1.0] * 50 + [1.0 + 1e-4] * 50, 5.0).changes == (50,)


@pytest.mark.parametrize("series", [[1.0], [1.0, 2.0], [0.0] * 9, [7.0] * 9])
def test_nothing_can_change_in_a_series_that_is_short_or_constant(series):
    assert pelt(series, 1.0).changes == ()


def test_another_implementation_finds_the_same_segments():
    """For small penalties its pruning loses some: it forgets that a new segment needs two values."""
    base = pytest.importorskip("ruptures.base")
    detection = pytest.importorskip("ruptures.detection")

    class Normal(base.BaseCost):
        model = ""
        min_size = LEAST

        def fit(self, signal):
            self.signal = signal.reshape(-1, 1)
            return self

        def error(self, start, end):
            return (end - start) * math.log(self.signal[start:end].var())

    random = np.random.Generator(np.random.PCG64(4))
    parts = [(2.0, 0.2, 60), (1.5, 0.05, 30), (1.5, 0.3, 50), (1.0, 0.1, 110)]
    series = np.concatenate([random.normal(*part) for part in parts])
    search = detection.Pelt(custom_cost=Normal(), min_size=LEAST, jump=1).fit(series)
    for penalty in (10.0, 20.0, 60.0, 500.0):
        assert list(pelt(series, penalty).changes) == search.predict(penalty)[:-1]
    ours, theirs = pelt(series, 4.0), search.predict(4.0)[:-1]
    assert ours.cost + 4.0 * len(ours.changes) <= likelihood_cost(series, theirs) + 4.0 * len(theirs)


@given(st.lists(st.floats(0.5, 10.0), min_size=4, max_size=14))
def test_crops_knows_the_best_segmentation_for_every_penalty(series):
    found = crops(series, 0.5, 50.0)
    begins = [one.penalty for one in found]
    assert begins[0] == 0.5
    assert begins == sorted(begins)
    counts = [len(one.changes) for one in found]
    assert counts == sorted(set(counts), reverse=True)
    for penalty in (0.5, 0.7, 1.0, 3.0, 10.0, 30.0, 50.0):
        chosen = [one for one in found if one.penalty <= penalty][-1]
        best = pelt(series, penalty)
        total = [one.cost + penalty * len(one.changes) for one in (chosen, best)]
        assert total[0] == pytest.approx(total[1], abs=1e-6)


def at(penalty: float, changes: int) -> Segmentation:
    return Segmentation(tuple(range(1, changes + 1)), 0.0, penalty)


def test_a_knee_by_hand():
    """Penalties 0, 1, 2, 10 and 10, 4, 1, 0 changes: 1 - x - y is 0, 0.5, 0.7, 0, so the knee is at 2."""
    assert knee([at(0.0, 10), at(1.0, 4), at(2.0, 1), at(10.0, 0)]) == at(2.0, 1)


def test_of_two_knees_the_one_with_the_larger_penalty_is_taken():
    """1 - x - y is 0, 0.6, 0.01, 0.2, 0 over the penalties: walked from the largest, 0.2 comes first."""
    two = [at(0.0, 100), at(1.0, 30), at(7.0, 29), at(7.5, 5), at(10.0, 0)]
    assert knee(two, sensitivity=0.1) == at(7.5, 5)


@pytest.mark.parametrize("points", [[], [at(1.0, 3)], [at(1.0, 3), at(2.0, 0)], [at(0.0, 2), at(1.0, 1), at(2.0, 0)]])
def test_a_line_has_no_knee(points):
    assert knee(points) is None


@pytest.mark.parametrize("series", [[], [[1.0, 2.0]], 5.0, [1.0, float("inf")], ["fast"], [1.0, None]])
def test_what_is_no_series_is_refused(series):
    with pytest.raises(InputError, match="series"):
        pelt(series, 1.0)


@pytest.mark.parametrize("penalty", [-1.0, float("nan"), float("inf")])
def test_what_is_no_penalty_is_refused(penalty):
    with pytest.raises(InputError, match="penalty"):
        pelt([1.0, 2.0], penalty)


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (1.0, 1.0), (-1.0, 1.0), (1.0, float("inf"))])
def test_what_is_no_range_of_penalties_is_refused(low, high):
    with pytest.raises(InputError, match="penalties"):
        crops([1.0, 2.0], low, high)
