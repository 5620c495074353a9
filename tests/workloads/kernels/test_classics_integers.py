"""Integer kernels against published numbers, and sequences against alignments done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiering.workloads.kernels.classics.primes import fermat_test, lehmer, power_modulo, sieve
from tiering.workloads.kernels.classics.residues import digit_sums, hash_buckets, mixed, residue_table
from tiering.workloads.kernels.classics.sequences import edit_distance, smith_waterman


def letters(word: str) -> np.ndarray:
    return np.array([ord(letter) for letter in word], np.int64)


def test_the_minimal_standard_generator_passes_the_test_of_its_authors() -> None:
    assert lehmer(1, 16807, 2**31 - 1, 10_000) == 1043618065


def test_the_generator_returns_to_its_seed_after_its_period() -> None:
    assert lehmer(3, 3, 7, 6) == 3
    assert len({lehmer(1, 3, 7, steps) for steps in range(6)}) == 6


@pytest.mark.parametrize(("limit", "primes"), [(2, 0), (3, 1), (100, 25), (1000, 168), (10_000, 1229)])
def test_the_sieve_counts_the_primes(limit: int, primes: int) -> None:
    assert sieve(np.zeros(limit, np.bool_), limit) == primes


@pytest.mark.parametrize(("base", "exponent", "modulus"), [(2, 560, 561), (3, 0, 7), (10**9, 10**9, 2**31 - 1)])
def test_modular_powers_are_pythons(base: int, exponent: int, modulus: int) -> None:
    assert power_modulo(base, exponent, modulus) == pow(base, exponent, modulus)


def test_a_carmichael_number_deceives_every_base_without_a_common_factor() -> None:
    totient = sum(math.gcd(base, 561) == 1 for base in range(1, 562))
    assert fermat_test(1, 561, 560, 561) == totient == 320


def test_a_prime_passes_for_all_bases_and_most_composites_for_few() -> None:
    assert fermat_test(1, 562, 562, 563) == 562
    assert fermat_test(1, 559, 558, 559) < 60


def test_remainders_of_a_hundred_numbers_by_seven() -> None:
    sums = np.zeros(7, np.int64)
    residue_table(100, 7, sums)
    assert sums.tolist() == [sum(range(r, 100, 7)) for r in range(7)]


@pytest.mark.parametrize(("base", "total"), [(2, 8), (8, 17), (10, 12), (16, 30)])
def test_digits_of_255_in_several_bases(base: int, total: int) -> None:
    sums = np.zeros(2, np.int64)
    digit_sums(np.array([255, 0]), base, sums)
    assert sums.tolist() == [total, 0]


def test_no_two_of_many_keys_have_the_same_hash() -> None:
    keys = [*range(20000), *range(2**32 - 20000, 2**32)]
    hashes = [mixed(key) for key in keys]
    assert len(set(hashes)) == len(keys)
    assert 0 <= min(hashes) <= max(hashes) < 2**32


def test_neighbouring_keys_spread_evenly_over_buckets() -> None:
    chosen = np.zeros(64 * 1000, np.int64)
    hash_buckets(np.arange(64 * 1000), 64, chosen)
    counts = np.bincount(chosen, minlength=64)
    chi_square = float(((counts - 1000.0) ** 2 / 1000.0).sum())
    assert 30.0 < chi_square < 110.0  # 63 degrees of freedom: all but one in a thousand


def test_one_flipped_bit_of_a_key_flips_half_of_the_hash() -> None:
    flips = [bin(mixed(key) ^ mixed(key ^ (1 << bit))).count("1") for key in range(200) for bit in range(31)]
    assert sum(flips) / len(flips) == pytest.approx(16.0, abs=0.2)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("kitten", "sitting", 3), ("saturday", "sunday", 3), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0)],
)
def test_edit_distances_of_the_textbook(one: str, other: str, distance: int) -> None:
    assert edit_distance(letters(one), letters(other), np.zeros(len(other) + 1, np.int64)) == distance


def test_edit_distance_is_the_same_both_ways() -> None:
    random = np.random.default_rng(3)
    one, other = random.integers(0, 3, 40), random.integers(0, 3, 55)
    there = edit_distance(one, other, np.zeros(56, np.int64))
    assert there == edit_distance(other, one, np.zeros(41, np.int64))
    assert 15 <= there <= 55


def test_the_alignment_of_the_textbook_scores_13() -> None:
    """GTT-AC of TGTTACGG with GTTGAC of GGTTGACTA: five matches of 3 and a gap of 2."""
    codes = {letter: code for code, letter in enumerate("ACGT")}
    one, other = (np.array([codes[letter] for letter in word]) for word in ("TGTTACGG", "GGTTGACTA"))
    scores = np.where(np.eye(4, dtype=bool), 3, -3)
    assert smith_waterman(one, other, scores, 2, np.zeros(10, np.int64)) == 13


def test_sequences_without_a_common_letter_have_nothing_to_align() -> None:
    scores = np.where(np.eye(2, dtype=bool), 3, -3)
    assert smith_waterman(np.zeros(5, np.int64), np.ones(6, np.int64), scores, 2, np.zeros(7, np.int64)) == 0
