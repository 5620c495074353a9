"""The arithmetic of the benchmarks, and that each of them says what it promises, in the promised form."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.harness import Metric, geometric_mean, measured

FIELDS = ["metric", "value", "unit", "low", "high", "against", "bar", "holds"]


def test_a_figure_is_the_median_with_an_interval_around_it():
    found = measured("x_vs_y", [1.0, 5.0, 2.0, 3.0, 4.0], "ratio", "y")
    assert found.value == 3.0
    assert 1.0 <= found.low <= 3.0 <= found.high <= 5.0
    assert (found.bar, found.holds) == (None, None)


@pytest.mark.parametrize(
    ("bar", "holds"), [(("<=", 2.0), True), (("<=", 1.9), False), ((">=", 2.0), True), ((">=", 2.1), False)]
)
def test_a_bar_is_held_against_the_median(bar, holds):
    assert measured("x", [1.0, 2.0, 9.0], "ratio", "y", bar=bar).holds is holds


def test_the_mean_of_ratios_is_geometric():
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_identical_samples_have_no_spread():
    assert measured("x", [2.0] * 5, "s", "y")[:5] == ("x", 2.0, "s", 2.0, 2.0)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("harness", {"same_vs_same"}),
        ("dispatch", {"dispatch_vs_njit"}),
        ("stall", {"main_speed_while_compiling", "longest_stall_ms"}),
        ("prediction", {"prediction_error", "total_vs_njit", "stall_vs_njit"}),
        ("simulator", {"ns_per_invocation", "us_per_decision", "invocations_per_second", "step_speed_vs_simpy"}),
        ("bounds", {"lb1_vs_optimum"}),
        ("registers", {"registers_break_even_error"}),
        ("validation", {"queue_wait_mm3"}),
        ("natural_bets", {"natural_speed_vs_njit"}),
        ("hotness", {"uops_largest_deviation"}),
        ("kernels", {"njit_speed_vs_cpython"}),
        ("programs", {"in_declared_length"}),
    ],
)
def test_a_benchmark_prints_one_json_list_of_its_metrics(checkout, name, promised):
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", "--quick"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    assert all(list(row) == FIELDS for row in rows)
    assert promised <= {row["metric"] for row in rows}
    assert all(Metric(**row).low <= row["value"] <= row["high"] for row in rows)
