"""Light or heavy register allocation: the fit against the table, the shipped numbers against the fit."""

from __future__ import annotations

import math
from statistics import NormalDist, median, stdev

import pytest

from tiering import profile
from tiering.errors import InputError
from tiering.profile import Codegen
from tiering.sim import registers
from tiering.sim.registers import Measured

FITTED = registers.fit(registers.table())


def rows_of(codegen, pressures):
    """A table without errors, as `codegen` would make it."""
    return tuple(
        Measured(
            "made",
            pressure,
            light_compile=codegen.light_compile * 0.01 * pressure,
            light_spills=100 * pressure,
            light_seconds=1e-9 * pressure + registers.saved_seconds(codegen, pressure),
            heavy_compile=0.01 * pressure,
            heavy_spills=round(100 * (1 - codegen.spill_reduction)) * pressure,
            heavy_seconds=1e-9 * pressure,
            break_even=None,
        )
        for pressure in pressures
    )


def test_the_fit_finds_the_model_that_made_the_table():
    made = Codegen(5.0, 2e-9, 0.75, 0.6)
    found = registers.fit(rows_of(made, (6, 10, 20, 60)))
    assert found == pytest.approx(made)


def test_the_table_is_the_measured_one():
    rows = registers.table()
    assert [(row.kernel, row.pressure) for row in rows] == [
        *(("poly", p) for p in (4, 8, 16, 24, 32, 40, 56)),
        *(("ints", p) for p in (8, 24, 56)),
    ]
    assert rows[2][1:] == pytest.approx((16, 3.6e-3, 84, 12.5e-9, 5.2e-3, 10, 5.9e-9, 250_000))


def test_the_fit_is_least_in_relative_squares():
    """Neither number of the line can be moved by one in a hundred without a larger error."""
    rows = registers.table()

    def error(codegen):
        saved = [row.light_seconds - row.heavy_seconds for row in rows]
        model = [registers.saved_seconds(codegen, row.pressure) for row in rows]
        return sum((m / s - 1.0) ** 2 for m, s in zip(model, saved, strict=True))

    least = error(FITTED)
    for factor in (0.99, 1.01):
        assert error(FITTED._replace(registers=FITTED.registers * factor)) > least
        assert error(FITTED._replace(spill_seconds=FITTED.spill_seconds * factor)) > least


def test_the_reference_profile_holds_the_fit_to_two_digits():
    shipped = profile.reference().codegen
    assert shipped[:4] == tuple(float(f"{value:.2g}") for value in FITTED[:4]) == (0.81, 7.3e-10, 0.66, 0.67)
    assert profile.named("speculator").codegen == profile.named("conservative").codegen == shipped


@pytest.mark.parametrize("row", registers.table(), ids=lambda row: f"{row.kernel} {row.pressure}")
def test_break_even_iterations_are_the_measured_ones(row):
    """Against the quotient of the row's own figures exactly, against the published one within its rounding."""
    extra, saved = row.heavy_compile - row.light_compile, row.light_seconds - row.heavy_seconds
    if row.break_even is not None:
        assert extra / saved == pytest.approx(row.break_even, rel=0.04)
    modelled = registers.break_even(
        FITTED.spill_seconds,
        FITTED.spill_reduction,
        row.pressure - FITTED.registers,
        row.heavy_compile * (1.0 - FITTED.light_compile),
    )
    factor = 1.3 if row.pressure >= 16 else 1.6
    assert 1 / factor < modelled / (extra / saved) < factor


def test_heavy_pays_by_hand():
    """0.5 ns times 0.6 times 10 is 3 ns an iteration; 3 ms are earned by a million of them."""
    facts = {"spill_seconds": 0.5e-9, "reduction": 0.6, "excess": 10.0, "extra_compile_seconds": 3e-3}
    assert registers.break_even(**facts) == pytest.approx(1e6)
    assert not registers.heavy_pays(999_000, **facts)
    assert registers.heavy_pays(1_001_000, **facts)


@pytest.mark.parametrize("excess", [0.0, -3.0])
def test_without_pressure_heavy_never_pays(excess):
    assert registers.break_even(1e-9, 1.0, excess, 1e-3) == math.inf
    assert not registers.heavy_pays(10**15, 1e-9, 1.0, excess, 1e-3)


def test_below_the_first_register_nothing_is_saved():
    assert registers.saved_seconds(Codegen(16.0, 1e-9), 12.0) == 0.0
    assert registers.saved_seconds(Codegen(16.0, 1e-9), 18.0) == pytest.approx(2e-9)


def test_rows_that_cannot_be_fitted_are_refused():
    rows = registers.table()
    slower = rows[1]._replace(heavy_seconds=1.0)
    for bad in (rows[:1], (rows[0], rows[0]), (rows[0], slower)):
        with pytest.raises(InputError, match="needs two pressures or more"):
            registers.fit(bad)


def test_estimates_spread_as_stated_and_are_right_in_the_middle():
    drawn = [math.log(registers.estimate(20.0, 0.0, 5, f"unit {n}") / 20.0) for n in range(4000)]
    error = registers.SIGMA / math.sqrt(len(drawn))
    assert abs(median(drawn)) < 4 * 1.2533 * error
    assert abs(stdev(drawn) - registers.SIGMA) < 4 * error / math.sqrt(2)
    within = sum(abs(value) < registers.SIGMA for value in drawn) / len(drawn)
    expected = NormalDist().cdf(1) - NormalDist().cdf(-1)
    assert abs(within - expected) < 4 * math.sqrt(expected * (1 - expected) / len(drawn))


def test_an_estimate_sharpens_from_its_own_side():
    """After SCALE profiled calls the logarithm's error is 1/sqrt(2) of what it was, after 99 SCALE a tenth."""
    errors = [math.log(registers.estimate(8.0, calls, 1, "f") / 8.0) for calls in (0, 100, 9900)]
    assert errors[0] != 0.0
    assert errors[1] == pytest.approx(errors[0] / math.sqrt(2))
    assert errors[2] == pytest.approx(errors[0] / 10)


def test_each_seed_and_unit_has_its_own_error_and_keeps_it():
    known = {registers.estimate(8.0, 0, seed, unit) for seed in (0, 1) for unit in ("f", "g")}
    assert len(known) == 4
    assert registers.estimate(8.0, 0, 0, "f") == registers.estimate(8.0, 0, 0, "f")
