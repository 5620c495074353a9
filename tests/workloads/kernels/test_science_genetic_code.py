"""The genetic code against the published numbers, and the best code there is."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.optimize import quadratic_assignment
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.science import genetic_code

BLOCKS, CHANGES, PROPERTIES = (
    genetic_code.standard_blocks(),
    genetic_code.single_changes(),
    genetic_code.polar_requirements(),
)


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def random_codes(count: int, seed: int = 5) -> Any:
    codes = np.tile(np.arange(20), (count, 1))
    codes[1:] = np.random.Generator(np.random.PCG64(seed)).permuted(codes[1:], axis=1)
    return codes


def at(*positions: int) -> Any:
    weights = np.zeros((64, 9))
    for position in positions:
        weights[:, 3 * position : 3 * position + 3] = 1.0
    return weights


def by_kind() -> Any:
    """The weights of Freeland and Hurst: transitions and transversions, first, second and third base."""
    weights = np.zeros((64, 9))
    codons = np.arange(64)
    for k in range(9):
        place = (16, 4, 1)[k // 3]
        pair = {0: "TC", 1: "TC", 2: "AG", 3: "AG"}
        before, after = codons // place % 4, CHANGES[:, k] // place % 4
        transition = np.array([pair[b] == pair[a] for b, a in zip(before, after, strict=True)])
        weights[:, k] = np.where(transition, (1.0, 0.5, 1.0)[k // 3], (0.5, 0.1, 1.0)[k // 3])
    return weights


def test_the_table_is_the_standard_code() -> None:
    assert len(genetic_code.STANDARD_CODE) == 64
    assert [genetic_code.STANDARD_CODE.count(letter) for letter in "LSR*MW"] == [6, 6, 6, 3, 1, 1]
    assert genetic_code.STANDARD_CODE[2 * 16 + 0 * 4 + 3] == "M"
    assert genetic_code.STANDARD_CODE[0 * 16 + 3 * 4 + 3] == "W"


def test_every_codon_has_nine_others_one_base_away() -> None:
    for codon in range(64):
        others = {int(other) for other in CHANGES[codon]}
        assert len(others) == 9
        for other in others:
            assert sum(codon // place % 4 != other // place % 4 for place in (16, 4, 1)) == 1


@pytest.mark.parametrize(("positions", "published"), [((0, 1, 2), 5.19), ((0,), 4.88), ((1,), 10.56), ((2,), 0.14)])
def test_the_error_of_the_standard_code_is_the_published_one(positions: tuple[int, ...], published: float) -> None:
    found = genetic_code.code_error(BLOCKS, CHANGES, at(*positions), PROPERTIES, np.arange(20))
    assert found == pytest.approx(published, abs=0.005)


def test_random_codes_have_the_published_mean_and_spread() -> None:
    pairs = genetic_code.pair_weights(BLOCKS, CHANGES, at(0, 1, 2))
    assert genetic_code.mean_error(pairs, PROPERTIES) == pytest.approx(9.41, abs=0.005)
    errors = np.zeros(20000)
    compiled("code_errors")(BLOCKS, CHANGES, at(0, 1, 2), PROPERTIES, random_codes(20000), errors)
    assert errors[1:].std() == pytest.approx(1.51, abs=0.03)
    assert errors[1:].mean() == pytest.approx(9.41, abs=0.05)


def test_about_one_random_code_in_ten_thousand_is_better() -> None:
    better = compiled("code_errors")(BLOCKS, CHANGES, at(0, 1, 2), PROPERTIES, random_codes(100000), np.zeros(100000))
    assert 3 <= better <= 30


def test_with_changes_weighed_by_how_often_they_happen_a_few_codes_in_a_million_are_better() -> None:
    weights = by_kind()
    assert weights.sum() == pytest.approx(64 * (1.0 + 2 * 0.5 + 0.5 + 2 * 0.1 + 3 * 1.0))
    better = sum(
        compiled("code_errors")(BLOCKS, CHANGES, weights, PROPERTIES, random_codes(100000, seed), np.zeros(100000))
        for seed in range(5)
    )
    assert better <= 6


def test_a_property_that_all_share_cannot_change() -> None:
    assert genetic_code.code_error(BLOCKS, CHANGES, at(0, 1, 2), np.full(20, 7.0), np.arange(20)) == 0.0


def test_the_gain_of_an_exchange_is_what_the_error_falls_by() -> None:
    pairs, values, _ = genetic_code.inputs_descent({"codes": 1}, 3)
    symmetric = 0.5 * (pairs + pairs.T)
    for a, b in ((0, 1), (7, 19), (12, 3)):
        swapped = values.copy()
        swapped[0, [a, b]] = swapped[0, [b, a]]
        fall = genetic_code.quadratic(pairs, values) - genetic_code.quadratic(pairs, swapped)
        assert 2.0 * genetic_code.exchange_gain(symmetric, values[0], a, b) == pytest.approx(fall[0], abs=1e-12)


def test_descent_from_many_codes_finds_the_best_code_and_nothing_below() -> None:
    given = genetic_code.inputs_descent({"codes": 300}, 1)
    compiled("code_descent")(*given)
    assert given[2].min() == pytest.approx(3.489, abs=5e-4)
    assert np.sum(given[2] < given[2].min() + 1e-9) >= 2


def test_scipys_search_finds_no_better_code() -> None:
    pairs, values, errors = genetic_code.inputs_descent({"codes": 300}, 2)
    compiled("code_descent")(pairs, values, errors)
    squares = (PROPERTIES[:, None] - PROPERTIES) ** 2
    for seed in range(3):
        found = quadratic_assignment(pairs, squares, method="2opt", options={"rng": np.random.default_rng(seed)})
        assert found.fun > errors.min() - 1e-9
