"""CPython's table of JIT thresholds (issue 126795): one row fitted, another predicted, and a cost curve that is flat.

python -m benchmarks.hotness
"""

from __future__ import annotations

import numpy as np
import pytest
from tiering.workloads import cpython
from tiering.workloads.generators import hotness_tail

from benchmarks import hotness
from tiering.sim.costs import CALL_SECONDS

THRESHOLDS = (64, 256, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
CREATED = (-8.0, -22.0, -38.6, -44.9, -52.2, -59.2, -65.2, -73.1, -79.7)
UOPS = (0.2, -1.3, -1.5, -3.8, -3.1, -3.1, -4.7, -7.1, -9.2)
PREDICTED = (-0.03, -0.13, -0.46, -0.84, -1.50, -2.62, -4.48, -7.43, -11.93)


@pytest.fixture(scope="module")
def simulated():
    return hotness.curve()


@pytest.fixture(scope="module")
def program():
    return hotness.program()


def test_the_published_rows_are_these():
    assert (cpython.THRESHOLDS, cpython.TRACES_CREATED, cpython.UOPS_EXECUTED) == (THRESHOLDS, CREATED, UOPS)


def test_the_traces_created_are_met_within_four_points():
    row = hotness_tail.created(hotness.tail().counts(500), THRESHOLDS)
    assert row == pytest.approx(CREATED, abs=4.0)


def test_the_uops_executed_are_predicted_within_three_points():
    row = hotness.predicted()
    assert row == pytest.approx(PREDICTED, abs=0.01)
    assert np.abs(row - UOPS).max() < 3.0


def test_the_row_that_is_predicted_plays_no_part_in_the_fit(monkeypatch):
    law = hotness.tail()
    monkeypatch.setattr(cpython, "UOPS_EXECUTED", (0.0,) * 9)
    monkeypatch.setattr(cpython, "SPEEDUP", (0.0,) * 9)
    assert hotness.tail() == law


def test_the_workload_that_ships_has_the_fitted_law():
    law = hotness.tail()
    for size in hotness_tail.WORKLOAD.sizes.values():
        assert (size["shape"], size["scale"]) == (pytest.approx(law.shape, abs=5e-5), pytest.approx(law.scale, abs=0.5))
    row = hotness_tail.executed(np.rint(hotness_tail.Tail(0.2456, 5146).counts(500)), THRESHOLDS)
    assert np.abs(row - UOPS).max() < 3.0


@pytest.mark.parametrize(("units", "worst"), [(200, 3.42), (2000, 2.998), (100_000, 3.018)])
def test_another_number_of_units_deviates_as_the_header_says(units, worst):
    row = hotness_tail.executed(hotness.tail().counts(units), THRESHOLDS)
    assert np.abs(row - UOPS).max() == pytest.approx(worst, abs=0.005)


def test_the_program_makes_the_counts_of_the_law(program):
    counts = hotness.tail().counts(500)
    assert [group.times for group in program.groups] == [
        pytest.approx(counts[g.pattern[0].unit], abs=0.5) for g in program.groups
    ]
    assert len(program.groups) == 500


def test_the_machine_meets_the_published_speed_ups():
    """Least squares over published rows within 0.35 points; simulated with the fitted counts within 0.8."""
    rows = -np.array([CREATED, UOPS]).T
    compiling, saving = hotness.costs()
    saved = rows @ [compiling, -saving]
    assert 100.0 * (1.0 / (1.0 - saved / 100.0) - 1.0) == pytest.approx(cpython.SPEEDUP, abs=0.36)
    seconds = hotness.curve(counts=(16, *THRESHOLDS))
    faster = [100.0 * (seconds[16] / seconds[count] - 1.0) for count in THRESHOLDS]
    assert faster == pytest.approx(cpython.SPEEDUP, abs=0.8)


def test_the_cost_curve_is_flat_within_two_percent(simulated):
    assert tuple(simulated) == (1024, 2048, 4096, 8192, 16384, 32768, 65536)
    assert hotness.width(simulated) < 0.02


def test_simulated_seconds_are_those_of_the_sum(simulated, program):
    """Counts up to the threshold interpreted, the others in traces, a compile for each unit that gets there."""
    jit = hotness.machine().tiers[1]
    counts = np.array([group.times for group in program.groups], dtype=float)
    for threshold, seconds in simulated.items():
        interpreted = np.minimum(counts, threshold) + np.maximum(counts - threshold, 0.0) / jit.speed
        compiled = np.count_nonzero(counts >= threshold) * jit.compile_seconds
        assert seconds == pytest.approx(interpreted.sum() * CALL_SECONDS + compiled, rel=1e-5)


@pytest.mark.parametrize(("speed", "flat"), [(1.05, True), (1.1, True), (1.3, True), (1.5, False)])
def test_flatness_does_not_hang_on_the_speed_of_the_traces(speed, flat):
    assert (hotness.width(hotness.curve(speed)) < 0.02) is flat


def test_the_benchmark_holds_its_bars():
    metrics = {metric.metric: metric for metric in hotness.measure(quick=True)}
    assert metrics["uops_largest_deviation"].holds
    assert metrics["cost_curve_width"].holds
    assert len(metrics) == 9 + 1 + 7 + 1
