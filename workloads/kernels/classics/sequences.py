"""Alignment of sequences: dynamic programming, in which every cell waits for its left neighbour.

Edit distance (R. Wagner and M. Fischer, Journal of the ACM 21, 1974) in two rows, and local alignment (T. Smith and M.
Waterman, Journal of Molecular Biology 147, 1981) with scores from a substitution table. Sequences are arrays of
integers. The chain of minima and maxima along a row sets the pace, and no bet makes it shorter. On the table, which the
letters of the other sequence address, the bet on the largest index loses: with its checks dropped, the loop measured
a fifth slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Indices


def edit_distance(one: Indices, other: Indices, row: Indices) -> int:
    """How many letters must be inserted, deleted or replaced between `one`, (m,), and `other`, (n,).

    `row`, of shape (n + 1,), is left with the distances of the whole of `one` to each beginning of `other`.
    """
    for j in range(len(row)):
        row[j] = j
    for i in range(len(one)):
        letter = int(one[i])
        diagonal = i
        row[0] = i + 1
        for j in range(len(other)):
            replaced = diagonal
            if int(other[j]) != letter:
                replaced += 1
            diagonal = int(row[j + 1])
            row[j + 1] = min(replaced, diagonal + 1, int(row[j]) + 1)
    return int(row[len(other)])


def edit_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random sequence of four letters and a copy of which every tenth letter, on average, was drawn anew."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    one = random.integers(0, 4, n)
    other = np.where(random.uniform(size=n) < 0.1, random.integers(0, 4, n), one)
    return one, np.roll(other, 3), np.zeros(n + 1, np.int64)


def edit_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The same recurrence by whole rows: what a row costs without insertions, then with any number of them."""
    one, other, _ = before
    places = np.arange(len(other) + 1)
    row = places.copy()
    for i, letter in enumerate(one.tolist()):
        above = np.minimum(row[1:] + 1, row[:-1] + (other != letter))
        row = np.minimum.accumulate(np.concatenate([[i + 1], above]) - places) + places
    return [
        Check("distance", result, int(row[-1]), 0.0, "row by row, insertions as a running minimum"),
        Check("last row", after[2], row, 0.0, "row by row, insertions as a running minimum"),
    ]


def smith_waterman(one: Indices, other: Indices, scores: Indices, gap: int, row: Indices) -> int:
    """The best score of any alignment of a piece of `one`, (m,), with a piece of `other`, (n,).

    `scores`, (letters, letters), is the substitution table, `gap` the cost of each letter left out; `row`, (n + 1,), is
    left with the best scores of alignments that end at the end of `one` and at each place of `other`.
    """
    for j in range(len(row)):
        row[j] = 0
    best = 0
    for i in range(len(one)):
        letter = int(one[i])
        diagonal = 0
        for j in range(len(other)):
            score = max(diagonal + int(scores[letter, int(other[j])]), 0)
            diagonal = int(row[j + 1])
            score = max(score, diagonal - gap, int(row[j]) - gap)
            row[j + 1] = score
            best = max(best, score)
    return best


def waterman_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Two random sequences of four letters that share a piece; a match scores 3, a mismatch -3, a gap costs 2."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    one, other = random.integers(0, 4, (2, n))
    other[n // 3 : n // 2] = one[n // 4 : n // 4 + n // 2 - n // 3]
    scores = np.where(np.eye(4, dtype=bool), 3, -3)
    return one, np.ascontiguousarray(other), scores, 2, np.zeros(n + 1, np.int64)


def waterman_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """The same recurrence by whole rows: scores without gaps in the row, then with any number of them."""
    one, other, scores, gap, _ = before
    slope = gap * np.arange(len(other) + 1)
    row = np.zeros(len(other) + 1, np.int64)
    best = 0
    for letter in one.tolist():
        fresh = np.maximum(np.maximum(row[:-1] + scores[letter, other], row[1:] - gap), 0)
        row = np.maximum.accumulate(np.concatenate([[0], fresh]) + slope) - slope
        best = max(best, int(row.max()))
    return [
        Check("best score", result, best, 0.0, "row by row, gaps as a running maximum"),
        Check("last row", after[4], row, 0.0, "row by row, gaps as a running maximum"),
    ]


KERNELS = (
    Kernel(
        name="edit_distance",
        family="classics",
        summary="Levenshtein distance in two rows: a chain of minima, so no bet pays",
        units=(Unit(edit_distance, ("places", "letters of one", "letters of the other")),),
        signature="int64(int64[::1], int64[::1], int64[::1])",
        sizes={"small": {"n": 130}, "medium": {"n": 1000}, "large": {"n": 3000}},
        inputs=edit_inputs,
        checks=edit_checks,
        bets={},
    ),
    Kernel(
        name="smith_waterman",
        family="classics",
        summary="local alignment with a substitution table: a gather on which the bet on its index loses",
        units=(Unit(smith_waterman, ("places", "letters of one", "letters of the other")),),
        signature="int64(int64[::1], int64[::1], int64[:, ::1], int64, int64[::1])",
        sizes={"small": {"n": 120}, "medium": {"n": 1000}, "large": {"n": 3000}},
        inputs=waterman_inputs,
        checks=waterman_checks,
        bets={},
    ),
)
