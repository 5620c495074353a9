"""Paired differences and ratios: values by hand, intervals whose ends are known, coverage that is what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import statistics
from tiering.errors import InputError
from tiering.statistics import Estimate, geometric_mean_of_ratios, holm, paired, sign_flip

SECONDS = st.floats(0.001, 1000.0)


def test_two_pairs_by_hand():
    """Resampling two pairs gives (2, 4) twice, (6, 4) twice, or both; so few that the interval is all of it."""
    found = paired([2.0, 6.0], [4.0, 4.0])
    assert found.difference == Estimate(0.0, -2.0, 2.0)
    assert found.ratio == Estimate(1.0, 0.5, 1.5)


def test_pairs_are_resampled_whole():
    """Luck that both share cancels: one second more in each pair is one second, however the pairs differ."""
    found = paired([11.0, 101.0, 1001.0, 2.0, 8.0], [10.0, 100.0, 1000.0, 1.0, 7.0])
    assert found.difference == Estimate(1.0, 1.0, 1.0)
    assert found.ratio.low < found.ratio.value < found.ratio.high < 2.0


def test_what_does_not_vary_gets_a_point_and_no_rounding():
    found = paired([0.1] * 10, [0.3] * 10)
    assert found.difference == Estimate(0.1 - 0.3, 0.1 - 0.3, 0.1 - 0.3)
    assert found.ratio == Estimate(0.1 / 0.3, 0.1 / 0.3, 0.1 / 0.3)


def test_one_pair_has_no_interval():
    assert paired([3.0], [2.0]) == (Estimate(1.0, None, None), Estimate(1.5, None, None))


@pytest.mark.parametrize("theirs", [[0.0], [0.0, 1.0, 1.0]])
def test_nothing_is_divided_by_zero(theirs):
    assert paired([1.0] * len(theirs), theirs).ratio is None


def test_an_interval_covers_what_it_says():
    """95 % of a thousand intervals from ten normal values hold the true mean; plain percentiles hold it in 90 %."""
    draws = np.random.Generator(np.random.PCG64(1)).normal(5.0, 1.0, (1000, 10))
    intervals = [paired(values, [0.0] * 10, resamples=1000, seed=number) for number, values in enumerate(draws)]
    covered = sum(low <= 5.0 <= high for (_, low, high), _ in intervals)
    assert 0.935 < covered / 1000 < 0.97


def test_more_confidence_is_a_wider_interval():
    ours, theirs = [1.0, 3.0, 2.0, 7.0, 5.0, 6.0, 4.0, 9.0], [2.0] * 8
    narrow, wide = (paired(ours, theirs, confidence=share).difference for share in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.value == wide.value < narrow.high < wide.high


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=2, max_size=12))
def test_an_interval_lies_within_the_pairs_and_is_the_same_again(pairs):
    ours, theirs = zip(*pairs, strict=True)
    found = paired(ours, theirs, resamples=200)
    assert found == paired(ours, theirs, resamples=200)
    gaps = [mine - other for mine, other in pairs]
    ratios = [mine / other for mine, other in pairs]
    slack = 1e-9 * max(map(abs, (*ours, *theirs)))
    assert min(gaps) - slack <= found.difference.low <= found.difference.high <= max(gaps) + slack
    assert min(ratios) * (1 - 1e-9) - slack <= found.ratio.low <= found.ratio.high <= max(ratios) * (1 + 1e-9) + slack


def test_memory_is_bounded_without_changing_a_bit(monkeypatch):
    ours, theirs = [1.0, 3.0, 2.5, 7.0, 5.5, 6.0] * 3, [2.0, 2.5, 2.0, 3.0, 1.0, 4.0] * 3
    gaps = [mine - other for mine, other in zip(ours, theirs, strict=True)]
    whole = paired(ours, theirs), sign_flip(gaps)
    monkeypatch.setattr(statistics, "_AT_ONCE", 100)
    assert (paired(ours, theirs), sign_flip(gaps)) == whole


@pytest.mark.parametrize(
    ("share", "freedom", "expected"),
    [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 9, 2.262), (0.99, 30, 2.750), (0.8, 4, 1.533), (0.95, 9999, 1.960)],
)
def test_students_quantiles_are_those_of_the_printed_tables(share, freedom, expected):
    assert statistics._student_quantile(share, freedom) == pytest.approx(expected, abs=6e-4)


def test_ends_are_cut_off_further_out_for_few_values():
    """Ten values: Student's 2.262 times the root of 10/9 is 2.384, beyond which a normal tail holds 0.86 %."""
    assert statistics._expanded_tail(10, 0.025) == pytest.approx(0.00855, abs=2e-5)
    assert statistics._expanded_tail(10_000, 0.025) == pytest.approx(0.025, abs=2e-5)


def test_a_geometric_mean_by_hand():
    """Half and double cancel; two workloads can be drawn as one of them twice, and so few give the whole range."""
    found = geometric_mean_of_ratios([([1.0, 1.0], [2.0, 2.0]), ([4.0, 4.0], [2.0, 2.0])])
    assert found == (pytest.approx(1.0), pytest.approx(0.5), pytest.approx(2.0))


def test_workloads_are_resampled_too():
    """Twelve workloads whose seeds are all alike: what is uncertain is which workloads there could have been."""
    samples = [([ratio] * 3, [1.0] * 3) for ratio in (0.5, 2.0) * 6]
    found = geometric_mean_of_ratios(samples)
    assert found.value == pytest.approx(1.0)
    assert 0.5 < found.low < 0.75
    assert 1.33 < found.high < 2.0


def test_seeds_are_resampled_within_workloads():
    """Twelve workloads with the same three pairs each: what is uncertain is the seeds."""
    found = geometric_mean_of_ratios([([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])] * 12)
    assert found.value == pytest.approx(1.0)
    assert 0.7 < found.low < 0.95 < 1.05 < found.high < 1.4


def test_the_geometric_mean_of_one_workload_is_its_ratio():
    sample = [1.0, 3.0, 2.0], [2.0, 2.0, 3.0]
    assert geometric_mean_of_ratios([sample]) == paired(*sample).ratio


def test_there_is_no_geometric_mean_with_a_zero():
    assert geometric_mean_of_ratios([([0.0], [1.0]), ([1.0], [1.0])]) is None


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ((1.0, 2.0, 3.0), 2 / 8),
        ((3.0, 1.0, -1.0), 6 / 8),
        ((1.0, -1.0), 1.0),
        ((0.0, 0.0), 1.0),
        ((0.1,) * 10, 2 / 1024),
    ],
)
def test_sign_flips_counted_by_hand(differences, p):
    assert sign_flip(differences) == p


def test_many_sign_flips_are_drawn_and_agree_with_counting_all():
    differences = [1.0, -0.5, 2.0, 0.3, -1.2, 0.8, 1.5, -0.1, 0.4, -0.9, 1.1, 0.6]
    exact, sampled = sign_flip(differences, resamples=4096), sign_flip(differences, resamples=4095)
    assert exact == round(exact * 4096) / 4096
    assert sampled != exact
    assert sampled == pytest.approx(exact, abs=4 * math.sqrt(exact / 4095))


def test_a_drawn_p_is_never_zero():
    assert sign_flip([1.0] * 100, resamples=999) == 1 / 1000


def test_holms_correction_by_hand():
    """Sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1, and never less than the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02]
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: paired([1.0], [1.0, 2.0]), "paired samples of 1 and 2 values: must be equally many"),
        (lambda: paired([], []), "at least one"),
        (lambda: paired([1.0], [1.0], confidence=95), "confidence 95: must lie between 0 and 1, as 0.95 does"),
        (lambda: paired([1.0], [1.0], confidence=math.nan), "confidence nan"),
        (lambda: paired([1.0], [1.0], resamples=99), "resamples 99: must be a whole number from 100 to 1000000"),
        (lambda: paired([1.0], [1.0], resamples=1e4), "resamples 10000.0"),
        (lambda: geometric_mean_of_ratios([]), "no workloads: give at least one"),
        (lambda: sign_flip([]), "no differences: give at least one"),
    ],
)
def test_what_cannot_be_computed_is_refused(call, line):
    with pytest.raises(InputError, match=line):
        call()
