"""Fits: what a generator was given comes back from its trace, within the error that its header states."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiering.workloads import fitting, synthetic
from tiering.workloads.generators import hotness_tail
from tiering.workloads.synthetic import GENERATORS

from tiering.errors import InputError
from tiering.trace import Call, Group, Mix, Program, Unit
from tiering.trace_parser import Parser


def program_of(lines):
    return Parser("made up").parse("\n".join(map(json.dumps, lines)))


def fitted(name, **arguments):
    """The fit of a generator's own trace, and that of the trace which the fit makes."""
    made = GENERATORS[name]
    found = made.fit(program_of(made.lines(**arguments)))
    return found, made.fit(program_of(made.lines(**found)))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("thrashing", {"rounds": 30, "calls": 17}),
        ("deopt_storm", {"units": 3, "calls": 70_000, "turn": 2000, "failing": 0.2}),
        ("phases", {"phases": 5, "units": 7, "calls": 1000}),
    ],
)
def test_what_is_exact_comes_back_exactly(name, arguments):
    found, again = fitted(name, **arguments)
    assert found == pytest.approx(arguments)
    assert again == pytest.approx(arguments)


@settings(max_examples=20)
@given(st.integers(3, 300), st.floats(0.0, 3.0))
def test_the_exponent_of_zipf_comes_back(units, exponent):
    found, _ = fitted("zipf", units=units, calls=10_000, exponent=exponent)
    assert found == {"units": units, "calls": 10_000, "exponent": pytest.approx(exponent, abs=1e-3)}


@pytest.mark.parametrize("units", [100, 500])
@pytest.mark.parametrize(("shape", "scale"), [(0.2456, 5146), (0.35, 20_000), (0.5, 500)])
def test_a_tail_comes_back(units, shape, scale):
    for found in fitted("hotness_tail", units=units, shape=shape, scale=scale, rounds=2):
        assert found["units"] == pytest.approx(units, abs=1 + units / 50)
        assert found["shape"] == pytest.approx(shape, rel=0.03)
        assert found["scale"] == pytest.approx(scale, rel=0.08)


@settings(max_examples=30)
@given(st.floats(0.15, 1.5), st.floats(100.0, 1e5))
def test_a_law_comes_back_from_its_own_table(shape, scale):
    thresholds = np.array([64.0, 256.0, 1024.0, 4096.0])
    law = hotness_tail.Tail(shape, scale)
    shares = law.survival(thresholds)
    if shares.min() > 1e-9 and shares.max() < 1.0 - 1e-9:
        found = hotness_tail.from_table(thresholds, shares)
        assert found.survival(thresholds) == pytest.approx(shares, rel=1e-4)


def test_a_table_that_is_none_is_refused():
    for thresholds, shares in [((64,), (0.5,)), ((64, 16), (0.5, 0.4)), ((64, 128), (1.0, 0.5)), ((64, 128), (0.5, 0))]:
        with pytest.raises(InputError, match="two thresholds above 16, with shares above 0 and below 1"):
            hotness_tail.from_table(thresholds, shares)


@pytest.mark.parametrize("seed", range(3))
def test_phases_without_memory_come_back(seed):
    asked = {"phases": 5, "units": 8, "calls": 20_000_000, "dwell": 100_000}
    found, _ = fitted("markov_phases", **asked, seed=seed)
    assert (found["phases"], found["units"]) == (5, 8)
    assert found["calls"] == pytest.approx(asked["calls"], rel=1e-4)
    assert found["dwell"] == pytest.approx(asked["dwell"], rel=0.2)


@pytest.mark.parametrize("seed", range(2))
def test_bursts_come_back(seed):
    asked = {"calm": 10.0, "bursty": 200.0, "calm_dwell": 900_000, "bursty_dwell": 100_000, "heat": 1000}
    found, _ = fitted("bursts", **asked, calls=100_000_000, seed=seed)
    for name in ("calm", "bursty"):
        assert found[name] == pytest.approx(asked[name], rel=0.3)
    for name in ("calm_dwell", "bursty_dwell"):
        assert found[name] == pytest.approx(asked[name], rel=0.45)
    assert found["heat"] == 1000


@settings(max_examples=20)
@given(st.integers(2, 20), st.floats(0.05, 0.99))
def test_entropy_of_types_comes_back(types, share):
    entropy = share * math.log2(types)
    found, _ = fitted("megamorphic", units=3, calls=1000, types=types, entropy=entropy)
    assert found == {"units": 3, "calls": 1000, "types": types, "entropy": pytest.approx(entropy, abs=1e-4)}


def test_spread_of_compile_times_comes_back():
    asked = {"units": 500, "calls": 100, "spread": 0.7, "bytecodes": 200.0, "size_spread": 1.5, "optimized": 1e-4}
    found, _ = fitted("compile_spread", **asked)
    assert {name: found[name] for name in asked} == {name: pytest.approx(asked[name], rel=0.02) for name in asked}
    silent = program_of(GENERATORS["zipf"].lines(units=50, calls=10))
    assert set(GENERATORS["compile_spread"].fit(silent)) == {"units", "calls", "bytecodes", "size_spread"}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_program_that_shows_nothing_of_a_phenomenon_is_not_fitted(name):
    assert GENERATORS[name].fit(Program("one", (Unit("f", 10),), (Group((Call(0),), 5),))) is None


def test_all_that_a_program_shows_is_fitted_and_makes_twins():
    found = synthetic.fit(program_of(GENERATORS["phases"].lines()))
    assert {"phases", "markov_phases", "zipf"} <= set(found)
    assert not {"megamorphic", "deopt_storm"} & set(found)
    for name, arguments in found.items():
        assert program_of(GENERATORS[name].lines(**arguments)).total() > 0


MIXED = Program(
    "mixed",
    (Unit("f", 1), Unit("g", 1), Unit("never", 1)),
    (Group((Call(0, 4), Call(0), Call(1)), 3), Mix((Call(1), Call(0)), (3.0, 1.0), 8), Group((Call(2),), 0)),
)


def test_counts_by_hand():
    """f: 3 times 5 + 1 counts, then a quarter of 8; g: 3, then three quarters of 8."""
    calls, counts = fitting.unit_totals(MIXED)
    assert (calls.tolist(), counts.tolist()) == ([8.0, 9.0, 0.0], [20.0, 9.0, 0.0])


def test_windows_cut_patterns_and_mixes_where_they_must():
    """17 calls, four each: ffgf fgff g..., the mix evenly spread, the last incomplete window left out."""
    assert fitting.windows(MIXED, 4).tolist() == [[3.0, 1.0, 0.0], [3.0, 1.0, 0.0], [0.75, 3.25, 0.0], [1.0, 3.0, 0.0]]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(0, 9)), max_size=6))
def test_windows_are_those_of_the_calls_written_out(groups):
    units = tuple(Unit(name, 1) for name in "abcd")
    program = Program("any", units, tuple(Group(tuple(map(Call, pattern)), times) for pattern, times in groups))
    written = [unit for pattern, times in groups for _ in range(times) for unit in pattern]
    step = max(1, len(written) // 3)
    expected = [[written[i : i + step].count(unit) for unit in range(4)] for i in range(0, len(written), step)]
    assert fitting.windows(program, 3).tolist() == expected[: max(1, len(written) // step)] or not written
    first = sorted(written.index(unit) for unit in set(written))
    assert fitting.first_calls(program)[0].tolist() == first
    assert fitting.first_calls(program)[1] == len(written)


def test_a_process_of_one_rate_has_no_second_state():
    assert fitting.two_states(np.zeros(100)) is None
    assert fitting.two_states(np.full(100, 3.0)) is None


def test_two_states_by_hand():
    """Twenty blocks of 10 windows, empty and with 20 in turn: rates 0 and 20, left after 10 windows on average."""
    found = fitting.two_states(np.tile(np.repeat([0.0, 20.0], 10), 20))
    assert found.calm < 1e-6
    assert found.bursty == pytest.approx(20.0)
    assert 1.0 / found.leaves_calm == pytest.approx(10.0, rel=0.15)
    assert 1.0 / found.leaves_bursty == pytest.approx(10.0, rel=0.15)
