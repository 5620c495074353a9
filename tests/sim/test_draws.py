"""Random draws: the same for ever, one stream per site, gaps instead of coins."""

from __future__ import annotations

from itertools import islice, takewhile

import pytest

from tiering.sim.draws import NEVER, geometric, guard_failures, stream, uniform


def test_a_stream_is_the_same_for_ever():
    """The bits are NumPy's promise, the numbers made of them ours: these may change with no release."""
    assert stream(0, "guard", "f").random_raw() == 7201594679108559825
    assert list(islice(guard_failures(0, "f", 0.01), 5)) == [49, 341, 354, 499, 587]


@pytest.mark.parametrize("other", [(1, "guard", "f"), (0, "phase", "f"), (0, "guard", "g")])
def test_seed_component_and_site_each_give_another_stream(other):
    assert stream(*other).random_raw() != stream(0, "guard", "f").random_raw()


def test_uniform_numbers_are_below_one():
    bits = stream(0, "test", "uniform")
    drawn = [uniform(bits) for _ in range(10_000)]
    assert 0.0 <= min(drawn) < 0.001
    assert 0.999 < max(drawn) < 1.0


@pytest.mark.parametrize(("share", "trials"), [(0.0, 1), (0.49, 1), (0.51, 2), (0.74, 2), (0.76, 3)])
def test_a_fair_coin_succeeds_in_the_first_trial_half_the_time(share, trials):
    assert geometric(share, 0.5) == trials


def test_certain_failure_fails_every_call():
    assert list(islice(guard_failures(7, "f", 1.0), 4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("probability", [0.0, 5e-324, 1e-300])
def test_failures_that_are_all_but_impossible_never_come(probability):
    assert next(guard_failures(7, "f", probability)) >= NEVER


def test_failures_come_as_often_as_the_probability_says():
    calls = 1_000_000
    failures = list(takewhile(lambda index: index < calls, guard_failures(7, "f", 0.01)))
    assert failures == sorted(set(failures))
    assert abs(len(failures) - 10_000) < 400
