"""What is counted about one unit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tiering.counters import UnitState
from tiering.protocol import FOREVER


def test_a_budget_is_spent_by_invocations_and_backedges_alike():
    unit = UnitState("f", budget=5)
    assert not unit.spend(1, 3)
    assert unit.spend(1, 0)
    assert (unit.invocations, unit.backedges, unit.budget) == (2, 3, 0)


def test_a_budget_for_ever_is_not_spent_by_any_program():
    assert not UnitState("f", budget=FOREVER).spend(10**15, 10**15)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))), st.integers(1, 99))
def test_jumping_over_counts_is_the_same_as_stepping(counts, budget):
    stepped, jumped = UnitState("f", budget=budget), UnitState("f", budget=budget)
    for invocations, backedges in counts:
        stepped.spend(invocations, backedges)
    jumped.spend(sum(i for i, _ in counts), sum(b for _, b in counts))
    assert stepped == jumped


def test_a_reset_forgets_counts_and_observed_time():
    unit = UnitState("f", invocations=3, backedges=4, seconds=5.0, deopts=1)
    unit.reset()
    assert (unit.invocations, unit.backedges, unit.seconds, unit.deopts) == (0, 0, 0.0, 1)


def test_time_that_is_not_observed_stays_unknown():
    unit = UnitState("f")
    unit.reset()
    assert unit.seconds is None


def test_the_best_tier_is_the_highest_installed_one_up_to_a_limit():
    unit = UnitState("f", lowest=1, installed={2, 3})
    assert [unit.best_installed(limit) for limit in (4, 3, 2, 1)] == [3, 3, 2, 1]
