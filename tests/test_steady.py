"""Series whose class is plain to see, and the rules of both procedures one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiering.errors import InputError
from tiering.steady import (
    FLAT,
    SLOWDOWN,
    STEADY,
    UNSTEADY,
    WARMUP,
    Segment,
    barrett,
    barrett_group,
    barrett_outliers,
    classify,
    traini,
    traini_group,
    traini_outliers,
)


def noisy(*parts: tuple[int, float], spread: float = 0.01, seed: int = 5) -> np.ndarray:
    random = np.random.Generator(np.random.PCG64(seed))
    return np.concatenate([random.normal(level, spread * level, length) for length, level in parts])


@pytest.mark.parametrize(
    ("parts", "classification", "start"),
    [
        ([(800, 1.0)], FLAT, 0),
        ([(100, 3.0), (700, 1.0)], WARMUP, 100),
        ([(50, 5.0), (50, 3.0), (700, 1.0)], WARMUP, 100),
        ([(100, 1.0), (700, 2.0)], SLOWDOWN, 100),
        ([(100, 3.0), (200, 1.0), (500, 2.0)], SLOWDOWN, 300),
        ([(700, 1.0), (100, 2.0)], UNSTEADY, None),
        ([(700, 2.0), (100, 1.0)], UNSTEADY, None),
        ([(300, 1.0), (100, 3.0), (400, 1.0)], WARMUP, 400),
    ],
)
def test_the_four_classes(parts, classification, start):
    found = barrett(noisy(*parts))
    assert (found.procedure, found.classification) == ("barrett", classification)
    if start is None:
        assert (found.start, found.seconds, found.iteration_seconds) == (None, None, None)
    else:
        assert found.start == pytest.approx(start, abs=2)
        assert found.seconds == pytest.approx(math.fsum(noisy(*parts)[: found.start]))
        assert found.iteration_seconds == pytest.approx(parts[-1][1], rel=0.01)


@pytest.mark.parametrize(
    ("parts", "start"),
    [
        ([(800, 1.0)], 0),
        ([(300, 3.0), (700, 1.0)], 300),
        ([(300, 1.0), (700, 2.0)], 300),
        ([(300, 1.03), (700, 1.0)], 0),
        ([(900, 1.0), (100, 2.0)], None),
    ],
)
def test_steady_or_not(parts, start):
    """Three per cent are no difference. The rule for outliers may take up to two iterations of a jump."""
    found = traini(noisy(*parts, spread=0.002))
    assert found.classification == (UNSTEADY if start is None else STEADY)
    assert found.start is None if start is None else found.start == pytest.approx(start, abs=2)


def test_a_simulated_series_without_noise_is_classified_too():
    series = [4.0] * 40 + [2.0] * 60 + [1.0] * 300
    assert barrett(series).changes == (40, 100)
    assert (barrett(series).start, barrett(series).seconds) == (100, 280.0)
    assert (traini(series).start, traini(series).seconds) == (100, 280.0)


@pytest.mark.parametrize("series", [[1.0], [1.0, 9.0], [0.0] * 50, [1e-9] * 50])
def test_a_series_that_is_short_or_constant_is_flat_and_steady(series):
    assert (barrett(series).classification, barrett(series).start) == (FLAT, 0)
    assert (traini(series).classification, traini(series).start) == (STEADY, 0)


def cut(*segments: tuple[int, float, float]) -> list[Segment]:
    """Segments from (length, mean, variance)."""
    made: list[Segment] = []
    for length, mean, variance in segments:
        start = made[-1].end if made else 0
        made.append(Segment(start, start + length, mean, variance))
    return made


@pytest.mark.parametrize(
    ("segments", "classification"),
    [
        ([(2000, 1.0, 0.0)], FLAT),
        ([(100, 1.0005, 0.0), (1900, 1.0, 0.0)], FLAT),  # within delta
        ([(100, 1.002, 0.0), (1900, 1.0, 0.0)], WARMUP),  # beyond delta
        ([(100, 1.002, 0.0015), (1900, 1.0, 0.0)], FLAT),  # its own variance reaches
        ([(100, 1.05, 0.0), (1900, 1.0, 0.06)], FLAT),  # the last one's variance reaches
        ([(100, 0.998, 0.0), (1900, 1.0, 0.0)], SLOWDOWN),
        ([(100, 2.0, 0.0), (100, 0.5, 0.0), (1800, 1.0, 0.0)], SLOWDOWN),  # the faster one decides
        ([(100, 0.5, 0.0), (100, 2.0, 0.0), (1800, 1.0, 0.0)], SLOWDOWN),
        ([(1501, 2.0, 0.0), (499, 1.0, 0.0)], WARMUP),  # ends with iteration 1500, which may still change
        ([(1502, 2.0, 0.0), (498, 1.0, 0.0)], UNSTEADY),
        ([(1502, 0.5, 0.0), (498, 1.0, 0.0)], UNSTEADY),
        ([(1502, 1.0, 0.0), (498, 1.0, 0.0)], FLAT),  # an equivalent one may
        ([(1000, 2.0, 0.0), (800, 1.0, 0.0), (200, 1.0, 0.0)], WARMUP),
    ],
)
def test_the_rules_of_the_classes(segments, classification):
    assert classify(cut(*segments)) == classification


@pytest.mark.parametrize(
    ("classes", "group"),
    [
        ([FLAT] * 3, "consistent"),
        ([UNSTEADY] * 3, "consistent"),
        ([FLAT, WARMUP], "good inconsistent"),
        ([FLAT, SLOWDOWN], "bad inconsistent"),
        ([WARMUP, UNSTEADY], "bad inconsistent"),
        ([FLAT, WARMUP, SLOWDOWN], "bad inconsistent"),
    ],
)
def test_the_group_rule_of_barrett(classes, group):
    assert barrett_group(classes) == group


@pytest.mark.parametrize(
    ("classes", "group"), [([STEADY] * 2, STEADY), ([UNSTEADY] * 2, UNSTEADY), ([STEADY, UNSTEADY], "inconsistent")]
)
def test_the_group_rule_of_traini(classes, group):
    assert traini_group(classes) == group


@pytest.mark.parametrize("group", [barrett_group, traini_group])
def test_a_group_of_nothing_or_of_unknown_classes_is_refused(group):
    with pytest.raises(InputError, match="at least one run"):
        group([])
    with pytest.raises(InputError, match="'unsteady'"):
        group([UNSTEADY, "unsteady"])


def test_a_spike_is_an_outlier_unless_it_is_among_the_first():
    series = np.tile([1.0, 1.1], 300)
    series[[50, 199, 200, 450, 599]] = 9.0
    assert np.flatnonzero(barrett_outliers(series)).tolist() == [200, 450, 599]
    assert barrett(series).outliers == 3
    assert barrett(series).classification == FLAT


def test_a_spike_of_traini_is_an_outlier_behind_a_start_that_depends_on_the_operations():
    series = np.tile([1.0, 1.1], 300)
    series[[50, 450]] = 9.0
    assert np.flatnonzero(traini_outliers(series)).tolist() == [450]  # the first 200 / ln 2 = 289 are exempt
    assert np.flatnonzero(traini_outliers(series, operations=1000)).tolist() == [50, 450]  # the first 29
    assert np.flatnonzero(traini_outliers(series * 1e-4)).tolist() == [50, 450]  # about 930 fit into 0.1 s


def by_the_definition(series: np.ndarray, skip: int) -> list[int]:
    found = set()
    for start in range(skip, len(series) - 199):
        window = series[start : start + 200]
        low, high = np.quantile(window, 0.01), np.quantile(window, 0.99)
        for index in range(start, start + 200):
            if abs(series[index] - np.median(window)) > 3 * (high - low):
                found.add(index)
    return sorted(found)


@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_the_outliers_of_traini_are_those_of_any_window(seed):
    series = noisy((230, 1.0), spread=0.1, seed=seed)
    series[np.random.Generator(np.random.PCG64(seed)).integers(0, 230, 3)] *= 4
    assert np.flatnonzero(traini_outliers(series, operations=10**6)).tolist() == by_the_definition(series, 15)


def test_an_outlier_between_two_segments_is_counted_with_the_later_one():
    series = np.concatenate([np.tile([2.0, 2.2], 150), np.tile([1.0, 1.1], 250)])
    series[320] = 50.0
    found = barrett(series)
    assert found.outliers >= 1
    assert found.changes == (300,)


def test_what_counts_as_a_second_decides_what_counts_as_equal():
    series = noisy((100, 3e-6), (700, 1e-6))
    assert barrett(series).classification == FLAT  # two microseconds are below their millisecond
    assert barrett(series, unit=1e-6).classification == WARMUP
    assert barrett(noisy((100, 3.0), (700, 1.0)), delta=5.0).classification == FLAT


def test_the_tail_can_be_given():
    series = noisy((700, 2.0), (100, 1.0))
    assert barrett(series, tail=50).classification == WARMUP
    assert traini(series, tail=50).start == pytest.approx(700, abs=2)


def test_the_same_seed_gives_the_same_verdict():
    series = noisy((400, 1.06), (600, 1.0), spread=0.05)
    assert traini(series, seed=3) == traini(series, seed=3)


@pytest.mark.parametrize("procedure", [barrett, traini])
@pytest.mark.parametrize("series", [[], [[1.0]], [1.0, math.nan]])
def test_what_is_no_series_is_refused(procedure, series):
    with pytest.raises(InputError, match="series"):
        procedure(series)


@pytest.mark.parametrize("unit", [0.0, -1.0, math.inf, math.nan])
def test_a_unit_that_is_none_is_refused(unit):
    with pytest.raises(InputError, match="unit"):
        barrett([1.0], unit=unit)
