"""The calls of a program: patterns as they stand, mixes drawn exactly by weight and alike in NumPy and in Python."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering.profile import Profile, TierCosts
from tiering.sim import source
from tiering.sim.costs import Costs
from tiering.sim.draws import stream
from tiering.sim.source import BLOCK, alias_table, blocks, calls, counts, draw, futures
from tiering.trace import Call, Group, Mix, Program, Unit

LADDER = Profile(
    (
        TierCosts("interpreter", 1.0),
        TierCosts("middle", 10.0, compile_seconds=0.5, compile_seconds_per_size=0.01),
        TierCosts("top", 40.0, compile_seconds=1.0, speculative=True),
    ),
    backedge_seconds=1e-6,
)
F, G = Unit("f", 1), Unit("g", 1)
FEW = (Call(0, 1), Call(0, 2), Call(1))

weights = st.lists(
    st.sampled_from([0.0, 1.0, 1e-9, 1e9, 0.1]) | st.floats(0.0, 1e9, allow_subnormal=True), min_size=1, max_size=40
).filter(lambda weights: sum(weights) > 0.0)


def program_of(*groups, units=(F, G)):
    return Program("some", units, groups)


def probabilities(limits, others):
    """Of each entry, exactly, for a perfect choice of the column."""
    found = [Fraction(0)] * len(limits)
    for column, (limit, other) in enumerate(zip(limits.tolist(), others.tolist(), strict=True)):
        own = Fraction(limit, 1 << 32)
        found[column] += own
        found[other] += 1 - own
    return [share / len(limits) for share in found]


@given(weights)
def test_an_alias_table_holds_each_probability_to_32_bits(weights):
    total = sum(map(Fraction, weights))
    found = probabilities(*alias_table(tuple(weights)))
    assert sum(found) == 1
    for share, weight in zip(found, weights, strict=True):
        assert abs(share - Fraction(weight) / total) <= Fraction(1, 1 << 32)


@given(weights)
def test_what_weighs_nothing_is_never_drawn(weights):
    found = probabilities(*alias_table(tuple(weights)))
    assert all(share == 0 for share, weight in zip(found, weights, strict=True) if weight == 0.0)


def test_a_table_by_hand():
    """Weights 3 and 1: the second column stands for itself half of the time and else for the first entry."""
    limits, others = alias_table((3.0, 1.0))
    assert limits.tolist() == [1 << 32, 1 << 31]
    assert others.tolist() == [0, 0]


@pytest.mark.parametrize("entries", [1, 3, 1000, 10_000])
def test_columns_are_chosen_alike_within_one_in_two_to_the_32(entries):
    """Column c is chosen by the upper halves from ceil(c 2^32 / n) on: none has one more or less than 2^32 / n."""
    edges = [-(-column * (1 << 32) // entries) for column in range(entries + 1)]
    for column in {0, 1, entries // 2, entries - 1} & set(range(entries)):
        first, last = edges[column], edges[column + 1] - 1
        raw = np.array([first << 32, last << 32], np.uint64)
        whole = np.full(entries, 1 << 32, np.uint64), np.arange(entries)
        assert draw(raw, *whole).tolist() == [column, column]
        assert abs(Fraction(last - first + 1) - Fraction(1 << 32, entries)) < 1


def draw_plainly(raw, limits, others):
    """The same in Python's own integers."""
    column = ((raw >> 32) * len(limits)) >> 32
    return column if raw & 0xFFFFFFFF < limits[column] else others[column]


@given(weights, st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_numpy_draws_what_python_draws(weights, raw):
    limits, others = alias_table(tuple(weights))
    drawn = draw(np.array(raw, np.uint64), limits, others).tolist()
    assert drawn == [draw_plainly(bits, limits.tolist(), others.tolist()) for bits in raw]


def test_a_mix_is_one_raw_draw_a_call_however_it_is_cut(monkeypatch):
    mix = Mix(FEW, (5.0, 1.0, 2.0), 1000)
    drawn = list(calls(program_of(mix), seed=4))
    limits, others = (table.tolist() for table in alias_table(mix.weights))
    bits = stream(4, "calls", "0")
    assert drawn == [FEW[draw_plainly(int(bits.random_raw()), limits, others)] for _ in range(1000)]
    monkeypatch.setattr(source, "BLOCK", 7)
    assert list(calls(program_of(mix), seed=4)) == drawn


def test_a_mix_follows_its_weights():
    mix, trials = Mix(FEW, (5.0, 1.0, 2.0), 200_000), 200_000
    found = Counter(calls(program_of(mix), seed=1))
    for call, share in zip(FEW, (5 / 8, 1 / 8, 2 / 8), strict=True):
        assert abs(found[call] / trials - share) <= 4 * math.sqrt(share * (1 - share) / trials)


def test_drawn_calls_are_independent():
    """Pairs of neighbours are as frequent as the product says."""
    drawn = list(calls(program_of(Mix(FEW[:2], (3.0, 1.0), 100_000)), seed=2))
    pairs = Counter(pairwise(drawn))
    for pair, share in (((FEW[0], FEW[0]), 9 / 16), ((FEW[0], FEW[1]), 3 / 16), ((FEW[1], FEW[1]), 1 / 16)):
        assert abs(pairs[pair] / 99_999 - share) <= 4 * math.sqrt(share / 99_999)


def test_each_seed_and_group_draws_anew():
    mix = Mix(FEW, (1.0, 1.0, 1.0), 50)
    first, second = (list(calls(program_of(mix, mix), seed=0))[n * 50 : n * 50 + 50] for n in (0, 1))
    assert first != second
    assert list(calls(program_of(mix), seed=0)) == first != list(calls(program_of(mix), seed=1))


def test_a_pattern_is_one_block_and_a_mix_is_many():
    long = Mix(FEW, (1.0, 1.0, 1.0), 2 * BLOCK + 5)
    program = program_of(Group((Call(0), Call(1), Call(0)), 10**15), Group((Call(1),), 0), long)
    found = [(len(block.ids), block.times) for block in blocks(program, Costs(program, LADDER), 0)]
    assert found == [(3, 10**15), (BLOCK, 1), (BLOCK, 1), (5, 1)]


def test_threads_have_their_own_groups_in_order():
    program = program_of(
        Group((Call(0),), 2), Group((Call(1, 9),), 1, 1), Group((Call(1),), 1), Mix(FEW, (0, 0, 1), 2, 1)
    )
    assert list(calls(program)) == [Call(0), Call(0), Call(1)]
    assert list(calls(program, thread=1)) == [Call(1, 9), Call(1), Call(1)]
    assert list(calls(program, thread=2)) == []


@given(st.integers(0, 5), st.integers(0, 2000), st.integers(0, 3))
def test_counts_are_those_of_the_calls(times, drawn, seed):
    program = program_of(Group((Call(0), Call(1), Call(0)), times), Mix(FEW, (5.0, 1.0, 2.0), drawn, 1))
    costs = Costs(program, LADDER)
    stepped = Counter(call for thread in (0, 1) for call in calls(program, seed, thread))
    assert counts(program, costs, seed) == [stepped[call] for call in costs.calls]
    assert sum(stepped.values()) == program.total()


def told(program, seed=0):
    return futures(program, Costs(program, LADDER, seed), seed)


def test_the_future_holds_means_over_a_units_calls():
    units = (Unit("f", 100, {"interpreter": 1.0}, guard_failure=1.0), Unit("g", 0))
    known, unused = told(program_of(Group((Call(0, 0, 1.0), Call(0, 0, 2.0)), 5), units=units))
    assert known == ("f", 10, (1.5, 0.15, 0.0375), (0.0, 1.5, 1.0), 10)
    assert unused == ("g", 0, (1e-7, 1e-8, 2.5e-9), (0.0, 0.5, 1.0), 0)


def test_the_future_counts_the_failures_that_come():
    unit = Unit("f", 1, guard_failure=0.01)
    program = program_of(Group((Call(0),), 5000), units=(unit,))
    known = [told(program, seed)[0].guard_failures for seed in range(5)]
    assert all(abs(failures - 50) <= 4 * math.sqrt(50) for failures in known)
    assert len(set(known)) > 1


def test_of_too_many_failures_the_future_holds_the_expected_number():
    program = program_of(Group((Call(0),), 10**12), units=(Unit("f", 1, guard_failure=0.25),))
    assert told(program)[0].guard_failures == 25 * 10**10


def test_the_future_of_a_mix_is_that_of_its_draws():
    program = program_of(Mix((Call(0, 0, 1.0), Call(0, 0, 3.0)), (1.0, 1.0), 4000), units=(Unit("f", 1, {"top": 1.0}),))
    drawn = list(calls(program, seed=8))
    known = told(program, seed=8)[0]
    assert known.calls == 4000
    assert known.call_seconds[2] == pytest.approx(sum(call.work for call in drawn) / 4000)
