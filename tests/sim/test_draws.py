"""Random draws: the same for ever, one stream per site, gaps instead of coins, and the laws that they are to follow.

Frequencies are held within four standard errors of what the law says; with fixed seeds a test passes always or never.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist, mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering.sim.draws import NEVER, Phases, Rate, Records, failures, geometric, normal, stream, uniform
from tiering.speculation import best_profile, expected_records
from tiering.trace import RECORD

SEEDS = 4000
PINNED = {
    "rate": [11, 96, 102, 521, 531, 807],
    "records": [1, 2, 5, 7, 24, 33, 102, 160, 1455, 2109, 2164, 4459, 65649, 84663, 304680],
    "phases": [104, 123, 126, 136],
}


def failing(process, calls):
    """Indices below `calls` that fail, asked for one after another."""
    found = []
    at = process.next(0)
    while at < calls:
        found.append(at)
        at = process.next(at + 1)
    return found


def close(hits, trials, probability):
    error = math.sqrt(probability * (1.0 - probability) / trials)
    return abs(hits / trials - probability) <= 4.0 * error


def test_a_stream_is_the_same_for_ever():
    """The bits are NumPy's promise, the numbers made of them ours: these may change with no release."""
    assert stream(0, "guard", "f").random_raw() == 7201594679108559825
    assert failing(Rate(0, "f", 0.01), 900) == PINNED["rate"]
    assert failing(Records(0, "f"), 10**6) == PINNED["records"]
    assert failing(Phases(0, "f", ((0, 0.0), (100, 0.1))), 150) == PINNED["phases"]


@pytest.mark.parametrize("other", [(1, "guard", "f"), (0, "phase", "f"), (0, "guard", "g")])
def test_seed_component_and_site_each_give_another_stream(other):
    assert stream(*other).random_raw() != stream(0, "guard", "f").random_raw()


def test_uniform_numbers_are_below_one():
    bits = stream(0, "test", "uniform")
    drawn = [uniform(bits) for _ in range(10_000)]
    assert 0.0 <= min(drawn) < 0.001
    assert 0.999 < max(drawn) < 1.0


def test_normal_numbers_are_normal():
    bits = stream(0, "test", "normal")
    drawn = [normal(bits) for _ in range(20_000)]
    assert abs(mean(drawn)) < 4 / math.sqrt(len(drawn))
    assert abs(stdev(drawn) - 1.0) < 4 / math.sqrt(2 * len(drawn))
    for limit in (-1.5, -0.5, 0.3, 1.0, 2.0):
        assert close(sum(value < limit for value in drawn), len(drawn), NormalDist().cdf(limit))


@pytest.mark.parametrize(("share", "trials"), [(0.0, 1), (0.49, 1), (0.51, 2), (0.74, 2), (0.76, 3)])
def test_a_fair_coin_succeeds_in_the_first_trial_half_the_time(share, trials):
    assert geometric(share, 0.5) == trials


def test_each_description_has_its_process():
    made = [failures(1, "f", process) for process in (0.25, RECORD, ((0, 0.1),))]
    assert [type(process) for process in made] == [Rate, Records, Phases]
    assert failing(made[0], 200) == failing(Rate(1, "f", 0.25), 200)


processes = st.one_of(
    st.sampled_from([0.0, 1e-3, 0.02, 0.3, 0.9, 1.0]),
    st.just(RECORD),
    st.lists(st.tuples(st.integers(1, 400), st.sampled_from([0.0, 0.01, 0.5, 1.0])), max_size=4).map(
        lambda later: tuple(sorted({0: 0.02, **dict(later)}.items()))
    ),
)


@given(processes, st.integers(0, 2**63 - 1), st.lists(st.integers(0, 300), max_size=20))
def test_skipping_finds_what_stepping_finds(process, seed, skips):
    """Which calls fail is a property of the call, whichever of them were asked about."""
    stepping = failures(seed, "f", process)
    fails = {index for index in range(600) if stepping.next(index) == index}
    skipping, at = failures(seed, "f", process), 0
    for skip in skips:
        at += skip
        found = skipping.next(at)
        assert found == min((index for index in fails if index >= at), default=found)
        assert found >= at
        if at >= 600:
            break
        assert found in fails or found >= 600


@given(processes, st.integers(0, 99))
def test_asking_twice_changes_nothing(process, seed):
    made = failures(seed, "f", process)
    for at in (0, 7, 7, 300):
        assert made.next(at) == made.next(at)


def test_certain_failure_fails_every_call():
    assert failing(Rate(7, "f", 1.0), 4) == [0, 1, 2, 3]


@pytest.mark.parametrize("probability", [0.0, 5e-324, 1e-300])
def test_failures_that_are_all_but_impossible_never_come(probability):
    assert Rate(7, "f", probability).next(0) >= NEVER


@pytest.mark.parametrize(("probability", "calls"), [(1e-4, 10**8), (0.01, 10**6), (0.3, 30_000), (0.97, 20_000)])
def test_failures_come_as_often_as_the_probability_says(probability, calls):
    assert close(len(failing(Rate(7, "f", probability), calls)), calls, probability)


def test_gaps_between_failures_are_geometric_across_blocks_too():
    """P(gap > k) = (1 - p)^k, and a gap says nothing about the next."""
    found = failing(Rate(3, "f", 0.05), 400_000)
    gaps = [later - earlier for earlier, later in pairwise(found)]
    for k in (1, 5, 20, 60):
        assert close(sum(gap > k for gap in gaps), len(gaps), 0.95**k)
    both = sum(first > 13 and second > 13 for first, second in pairwise(gaps))
    assert close(both, len(gaps) - 1, 0.95**26)


@pytest.mark.parametrize("index", [0, 1, 79, 80, 81, 799])
def test_each_call_fails_with_the_same_chance_wherever_blocks_end(index):
    hits = sum(Rate(seed, "f", 0.1).next(index) == index for seed in range(SEEDS))
    assert close(hits, SEEDS, 0.1)


def test_a_unit_that_comes_late_skips_a_hundred_million_calls_at_once():
    """Finding the next failure draws one block and not the ten million failures before it."""
    process = Rate(7, "f", 0.1)
    drawn = []
    draw = process._draw
    process._draw = lambda block: drawn.append(block) or draw(block)
    assert 10**8 <= process.next(10**8) < 10**8 + 300
    assert len(drawn) <= 4


@pytest.mark.parametrize("n", [2, 3, 10, 100, 1000])
def test_the_nth_call_breaks_the_record_with_chance_one_in_n(n):
    hits = sum(Records(seed, "f").next(n - 1) == n - 1 for seed in range(SEEDS))
    assert close(hits, SEEDS, 1.0 / n)


def test_records_at_two_calls_are_independent():
    hits = 0
    for seed in range(SEEDS):
        process = Records(seed, "f")
        hits += process.next(1) == 1 and process.next(2) == 2
    assert close(hits, SEEDS, 1 / 6)


def test_the_first_call_teaches_the_first_maximum_and_does_not_fail():
    assert all(Records(seed, "f").next(0) > 0 for seed in range(200))


@pytest.mark.parametrize(("profiled", "calls"), [(1, 1000), (20, 1000), (100, 100_000)])
def test_failures_after_a_profile_are_a_difference_of_harmonic_numbers(profiled, calls):
    """Their variance is sum(1/n - 1/n^2), less than the mean."""
    counted = []
    for seed in range(SEEDS):
        process = Records(seed, "f")
        at, count = process.next(profiled), 0
        while at < calls:
            at, count = process.next(at + 1), count + 1
        counted.append(count)
    expected = expected_records(profiled, calls)
    assert abs(mean(counted) - expected) <= 4.0 * math.sqrt(expected / SEEDS)


def test_profiling_for_loss_over_saving_calls_costs_least():
    """Waiting k calls costs k savings, each later record one loss: more at a quarter and at fourfold of D / s."""
    saving, loss, calls = 1.0, 40.0, 20_000
    best = best_profile(saving, loss)
    runs = [failing(Records(seed, "f"), calls) for seed in range(SEEDS)]

    def costs(k):
        return [k * saving + loss * sum(index >= k for index in run) for run in runs]

    at_best = costs(best)
    for k in (best / 4, best * 4):
        more = [other - own for other, own in zip(costs(k), at_best, strict=True)]
        assert mean(more) > 4.0 * stdev(more) / math.sqrt(SEEDS)


def test_phases_fail_as_often_as_each_says():
    phases = ((0, 0.0), (50_000, 0.2), (60_000, 0.01), (160_000, 1.0))
    found = failing(Phases(3, "f", phases), 160_010)
    assert not [index for index in found if index < 50_000]
    assert close(sum(50_000 <= index < 60_000 for index in found), 10_000, 0.2)
    assert close(sum(60_000 <= index < 160_000 for index in found), 100_000, 0.01)
    assert found[-10:] == list(range(160_000, 160_010))


def test_phases_that_end_well_never_fail_again():
    process = Phases(3, "f", ((0, 1.0), (5, 0.0)))
    assert failing(process, 100) == [0, 1, 2, 3, 4]
    assert process.next(5) == NEVER
