"""Life histories: closed forms of constant lives, all or nothing without a curve, and Cohen's annual plant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from tiering.workloads.kernels.science import annual_plant as plants
from tiering.workloads.kernels.science import life_history as lives


def solved(fecundity: Any, survival: Any, exponent: int) -> tuple[Any, float]:
    efforts, growth = np.full((1, len(fecundity)), 0.5), np.zeros(1)
    lives.life_history(fecundity[None], survival[None], exponent, efforts, growth, 60, 50)
    return efforts[0], float(growth[0])


@pytest.mark.parametrize(("born", "kept"), [(0.3, 0.8), (0.6, 0.7), (1.0, 0.9)])
def test_a_life_that_never_ages_has_the_effort_and_growth_worked_by_hand(born: float, kept: float) -> None:
    efforts, growth = solved(np.full(150, born), np.full(150, kept), 2)
    assert efforts[0] == pytest.approx(born / (2.0 * kept), abs=1e-6)
    assert growth == pytest.approx(kept + born * born / (4.0 * kept), abs=1e-5)


def test_at_the_last_age_all_goes_to_offspring() -> None:
    fecundity, survival, exponent, *_ = lives.inputs({"species": 1, "ages": 9}, 1)
    assert solved(fecundity[0], survival[0], exponent)[0][-1] == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_without_a_curve_effort_is_all_or_nothing(seed: int) -> None:
    fecundity, survival, *_ = lives.inputs({"species": 1, "ages": 8}, seed)
    efforts, _ = solved(fecundity[0], survival[0], 1)
    assert set(efforts.tolist()) <= {0.0, 1.0}


def test_semelparity_waits_for_the_age_at_which_one_brood_grows_fastest() -> None:
    fecundity, survival = np.array([0.1, 0.5, 6.0, 6.5]), np.full(4, 0.9)
    efforts, growth = solved(fecundity, survival, 1)
    broods = [(fecundity[x] * 0.9**x) ** (1.0 / (x + 1)) for x in range(4)]
    assert growth == pytest.approx(max(broods), abs=1e-9)
    assert efforts[: int(np.argmax(broods)) + 1].tolist() == [0.0, 0.0, 1.0]


def test_growth_is_the_root_that_scipy_finds() -> None:
    fecundity, survival, exponent, efforts, *_ = lives.inputs({"species": 1, "ages": 7}, 2)

    def lotka(rate: float) -> float:
        alive = np.cumprod(np.concatenate([[1.0], survival[0, :-1] * (1.0 - 0.5**exponent)]))
        return float(np.sum(alive * fecundity[0] * 0.5 * rate ** -np.arange(1.0, 8.0)) - 1.0)

    found = lives.growth_rate(fecundity[0], survival[0], efforts[0], exponent, 1.0)
    assert found == pytest.approx(brentq(lotka, 0.1, 5.0, xtol=1e-14), abs=1e-12)


@pytest.mark.parametrize("guess", [0.2, 0.9, 1.1, 5.0])
def test_newtons_method_finds_growth_from_any_guess(guess: float) -> None:
    found = lives.growth_rate(np.array([0.0, 2.0]), np.array([0.5, 0.5]), np.array([0.0, 1.0]), 2, guess)
    assert found == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_scipy_finds_no_faster_life(seed: int) -> None:
    fecundity, survival, exponent, *_ = lives.inputs({"species": 1, "ages": 6}, seed)

    def slow(efforts: Any) -> float:
        return -lives.leading(lives.leslie(fecundity[0], survival[0], efforts, exponent))[0]

    efforts, growth = solved(fecundity[0], survival[0], exponent)
    theirs = minimize(slow, np.full(6, 0.6), bounds=[(0.0, 1.0)] * 6, method="L-BFGS-B")
    assert growth >= -theirs.fun - 1e-9
    assert efforts == pytest.approx(theirs.x, abs=1e-3)


def test_golden_section_finds_the_effort_worked_by_hand() -> None:
    assert lives.best_effort(1.2, 1.0, 2, 1.0, 60) == pytest.approx(0.6, abs=1e-7)
    assert lives.best_effort(3.0, 1.0, 2, 1.0, 60) == 1.0
    assert lives.best_effort(0.4, 1.0, 1, 1.0, 60) == 0.0
    assert lives.power(0.5, 3) == 0.125


@pytest.mark.parametrize("rate", [0.11, 0.17, 0.35])
def test_without_deaths_a_plant_switches_to_seeds_one_over_its_growth_before_the_end(rate: float) -> None:
    values, policy = np.zeros((31, 12)), np.zeros((30, 12), np.int64)
    plants.annual_plant(np.array([0.0, 0.5, 1.0]), rate, 1.0, 1.0, 0.5, values, policy)
    left = math.floor(1.0 / rate) + 1
    assert np.all(policy[: 30 - left] == 2)
    assert np.all(policy[30 - left :] == 0)
    assert values[0, 0] == pytest.approx((1.0 + rate) ** (30 - left) * rate * left, rel=1e-12)


def test_where_death_is_likely_a_plant_never_grows() -> None:
    values, policy = np.zeros((21, 5)), np.zeros((20, 5), np.int64)
    plants.annual_plant(np.array([0.0, 1.0]), 0.2, 0.6, 1.0, 1.0, values, policy)
    assert not policy.any()
    assert values[0, 0] == pytest.approx(0.2 * (1.0 - 0.6**20) / 0.4, rel=1e-12)


def test_values_between_and_beyond_the_grid_lie_on_straight_lines() -> None:
    values = np.array([1.0, 3.0, 4.0])
    assert [plants.interpolated(values, place) for place in (0.0, 0.5, 1.25, 2.0, 4.0)] == [1.0, 2.0, 3.25, 4.0, 6.0]
