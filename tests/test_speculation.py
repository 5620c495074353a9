"""What bets are worth, by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import speculation
from tiering.errors import InputError
from tiering.speculation import entropy, type_feedback
from tiering.trace import RECORD, Site, Speculation, Unit

counts = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("distribution", "bits"),
    [
        ([1.0], 0.0),
        ([0.5, 0.5], 1.0),
        ([0.25] * 4, 2.0),
        ([7, 7, 7, 7], 2.0),
        ([0.5, 0.25, 0.25], 1.5),
        ([3.0, 0.0], 0.0),
        ([0.9, 0.1], 0.4689955935892812),
    ],
)
def test_entropy_by_hand(distribution, bits):
    assert entropy(distribution) == pytest.approx(bits, abs=1e-12)


@given(counts)
def test_entropy_lies_between_one_type_and_all_alike(distribution):
    assert -1e-12 <= entropy(distribution) <= math.log2(len(distribution)) + 1e-9


@given(counts, st.randoms(use_true_random=False))
def test_entropy_knows_no_order(distribution, shuffler):
    other = distribution[:]
    shuffler.shuffle(other)
    assert entropy(other) == entropy(distribution)


@pytest.mark.parametrize("distribution", [[], [0.0], [0.5, -0.1], [float("nan")], [float("inf")]])
def test_what_is_no_distribution_is_refused(distribution):
    with pytest.raises(InputError, match=r"distribution is \[.*\]: must be numbers from 0 on, at least one above 0"):
        entropy(distribution)


def test_the_alternatives_of_a_site_by_hand():
    """Shares 0.5, 0.3, 0.2: the second comparison is reached by half of the calls, the third by a fifth."""
    mono, two, three = type_feedback([2, 5, 3], gain=0.4, guard_cost=0.01)
    assert mono == ("types", 0.4, pytest.approx(0.01), pytest.approx(0.5), 0)
    assert two == ("types", 0.4, pytest.approx(0.015), pytest.approx(0.2), 0)
    assert three == ("types", 0.4, pytest.approx(0.017), 0.0, 0)


def test_a_site_of_one_type_has_one_alternative_which_never_fails():
    assert type_feedback([17], 0.4, 0.01) == (Speculation("types", 0.4, 0.01, 0.0, 0),)


def test_no_cache_tells_more_than_four_types_apart():
    bets = type_feedback([1] * 10, 0.4, 0.01)
    assert [bet.failures for bet in bets] == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert [bet.guard_cost for bet in bets] == pytest.approx([0.01, 0.019, 0.027, 0.034])


@given(counts)
def test_more_ways_fail_less_and_cost_no_less(distribution):
    bets = type_feedback(distribution, 0.3, 0.01)
    assert len(bets) == min(4, len(distribution))
    for narrow, wide in pairwise(bets):
        assert wide.failures <= narrow.failures
        assert wide.guard_cost >= narrow.guard_cost - 1e-12
    assert all(0.0 <= bet.failures < 1.0 for bet in bets)


def test_two_sites_of_one_entropy_can_differ_in_what_a_cache_catches():
    """Why entropy does not decide."""
    spread = [0.7] + [0.3 / 8] * 8
    entropies = [entropy([share, (1 - share) / 2, (1 - share) / 2]) for share in (1 / 3, 0.4, 0.5)]
    assert entropies == sorted(entropies, reverse=True)
    assert entropy(spread) > entropy([0.25] * 4) - 0.3
    assert type_feedback(spread, 0.3, 0.0)[0].failures == pytest.approx(0.3)
    assert type_feedback([0.25] * 4, 0.3, 0.0)[0].failures == pytest.approx(0.75)


@pytest.mark.parametrize(("speedup", "share"), [(1.0, 0.0), (2.0, 0.5), (4.0, 0.75)])
def test_gain_is_the_share_of_time_that_goes(speedup, share):
    assert speculation.gain(speedup) == share


@pytest.mark.parametrize("speedup", [0.9, 0.0, -1.0, float("nan")])
def test_a_speedup_below_one_is_no_gain(speedup):
    with pytest.raises(InputError, match=r"speedup is .*: must be at least 1"):
        speculation.gain(speedup)


def test_default_gains_are_the_measured_speedups():
    assert speculation.zero_division().gain == pytest.approx(speculation.gain(2.14), abs=0.005)
    assert speculation.bounds_check().gain == pytest.approx(speculation.gain(1.61), abs=0.005)
    assert speculation.constant().gain == pytest.approx(speculation.gain(2.2), abs=0.005)
    assert speculation.overflow().gain == pytest.approx(speculation.gain(1.1), abs=0.005)
    guarded = speculation.bounds_check()
    assert 1.0 - guarded.gain + guarded.guard_cost == pytest.approx(1 / 1.18, abs=0.005)


def test_constructors_make_the_kinds_that_a_trace_knows():
    makers = (speculation.bounds_check, speculation.constant, speculation.branch, speculation.zero_division)
    made = [maker(0.2, 0.01) for maker in (*makers, speculation.overflow)]
    assert [bet.kind for bet in made] == ["bounds", "constant", "branch", "zero_division", "overflow"]
    assert {bet[1:3] for bet in made} == {(0.2, 0.01)}
    assert [bet.failures for bet in made] == [RECORD, 0.0, 0.0, 0.0, 0.0]
    assert speculation.branch(failures=((0, 0.0), (50, 0.5))).failures == ((0, 0.0), (50, 0.5))


def test_stability_is_weighted_by_calls():
    unit = Unit("f", 1, sites=(Site("g", 3.0, 1.0), Site("h", 1.0, 0.6)))
    assert speculation.call_graph_stability(unit) == pytest.approx(0.9)


@pytest.mark.parametrize("sites", [(), (Site("g", 0.0, 0.5),)])
def test_who_calls_nobody_is_stable(sites):
    assert speculation.call_graph_stability(Unit("f", 1, sites=sites)) == 1.0


@pytest.mark.parametrize(("failure", "pays"), [(0.0, True), (0.009, True), (0.01, False), (0.011, False), (1.0, False)])
def test_a_bet_pays_below_saving_over_loss(failure, pays):
    assert speculation.bet_pays(failure, saving=1.0, loss=100.0) is pays


def test_a_bet_that_saves_nothing_never_pays():
    assert not speculation.bet_pays(0.0, 0.0, 1.0)


def test_expected_records_by_hand():
    assert speculation.expected_records(1, 4) == pytest.approx(1 / 2 + 1 / 3 + 1 / 4)
    assert speculation.expected_records(7, 7) == 0.0


@pytest.mark.parametrize("calls", [257, 1000, 20_000])
def test_harmonic_numbers_are_exact_beyond_those_that_are_added_up(calls):
    exact = math.fsum(1.0 / k for k in range(3, calls + 1))
    assert speculation.expected_records(2, calls) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(("profiled", "calls"), [(0, 5), (6, 5)])
def test_records_need_a_first_call(profiled, calls):
    with pytest.raises(InputError, match="must be from 1 to the number of calls, 5"):
        speculation.expected_records(profiled, calls)


@pytest.mark.parametrize("calls", [100, 100_000])
def test_the_best_profile_is_the_same_however_long_the_program(calls):
    """Of two neighbours that cost the same (the 20th call loses as much as it saves), either will do."""
    saving, loss = 1.0, 20.0
    assert speculation.best_profile(saving, loss) == 20.0
    costs = {k: k * saving + loss * speculation.expected_records(k, calls) for k in range(1, 100)}
    best = min(costs.values())
    assert [k for k, cost in costs.items() if cost < best + 1e-9] == [19, 20]


def test_without_a_saving_no_profile_is_long_enough():
    with pytest.raises(InputError, match="must be above 0"):
        speculation.best_profile(0.0, 1.0)
