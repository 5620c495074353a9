"""How much a wrong base changes a protein: the genetic code against random codes, and codes made to be good.

Haig and Hurst (Journal of Molecular Evolution 33, 1991, 412) take the mean square change of an amino acid's property
over all single-base changes of all codons, those to and from stops left out. With Woese's polar requirement it is 5.19
for the standard code. A random code keeps the blocks of codons and deals the twenty amino acids to them anew; then the
mean is 9.41, the standard deviation 1.51, and about one code in ten thousand is better than the real one. Freeland and
Hurst (ibid. 47, 1998, 238) weigh changes by how often they happen, which leaves about one in a million.

`code_errors` is that comparison: gathers, nothing else. A code is good where blocks that are one base apart have
similar amino acids, which makes the best code the solution of a quadratic assignment problem; `code_descent` exchanges
the two amino acids that gain most, until none do. Goldman (ibid. 37, 1993, 662) found a code by exchanges, and Buhrman
et al. (arXiv:0909.1442) showed with the quadratic assignment problem that none is better; its error is 3.489.

The checks write the error as a quadratic form over pairs of blocks. Its mean over all codes is exact: the share of
changes that leave the block, times twice the variance of the property.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices

AMINO_ACIDS = "FLSYCWPHQRIMTNKVADEG"
STANDARD_CODE = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
"""Codons in the order of the bases T, C, A, G, the third base fastest; stops are stars."""

POLAR_REQUIREMENT = {
    "A": 7.0, "R": 9.1, "N": 10.0, "D": 13.0, "C": 4.8, "Q": 8.6, "E": 12.5, "G": 7.9, "H": 8.4, "I": 4.9,
    "L": 4.9, "K": 10.1, "M": 5.3, "F": 5.0, "P": 6.6, "S": 7.5, "T": 6.6, "W": 5.2, "Y": 5.4, "V": 5.6,
}  # fmt: skip
"""Woese et al., Cold Spring Harbor Symposia on Quantitative Biology 31, 1966, 723."""


def code_error(blocks: Indices, neighbours: Indices, weights: Floats, properties: Floats, code: Indices) -> float:
    """Return the mean square change of a property over weighted single-base changes.

    `blocks`, shape (64,), is the block of each codon, negative for stops; `neighbours`, shape (64, 9), the codons that
    are one base away, with `weights` of the same shape; `code`, shape (blocks,), the amino acid of each block and
    `properties`, shape (amino acids,), the property of each. ZeroDivisionError where no change has a weight.
    """
    total = 0.0
    count = 0.0
    for codon in range(len(blocks)):
        block = int(blocks[codon])
        if block >= 0:
            own = float(properties[int(code[block])])
            for k in range(neighbours.shape[1]):
                other = int(blocks[int(neighbours[codon, k])])
                if other >= 0:
                    change = float(properties[int(code[other])]) - own
                    weight = float(weights[codon, k])
                    total += weight * change * change
                    count += weight
    return total / count


def code_errors(
    blocks: Indices, neighbours: Indices, weights: Floats, properties: Floats, codes: Indices, errors: Floats
) -> int:
    """Write the error of each row of `codes`, shape (codes, blocks), into `errors`; count those below the first.

    The other arrays are those of `code_error`.
    """
    better = 0
    for c in range(len(codes)):
        error = code_error(blocks, neighbours, weights, properties, codes[c])
        errors[c] = error
        if error < float(errors[0]):
            better += 1
    return better


def exchange_gain(couplings: Floats, values: Floats, a: int, b: int) -> float:
    """Return by how much the sum over pairs of blocks falls when blocks `a` and `b` exchange their `values`.

    `couplings`, shape (n, n), is symmetric, `values` has shape (n,); the sum is of couplings times squared differences.
    """
    here = float(values[a])
    there = float(values[b])
    gain = 0.0
    for c in range(len(values)):
        if c != a and c != b:
            other = float(values[c])
            from_here = here - other
            from_there = there - other
            difference = float(couplings[a, c]) - float(couplings[b, c])
            gain += difference * (from_here * from_here - from_there * from_there)
    return gain


def code_descent(couplings: Floats, values: Floats, errors: Floats) -> int:
    """Improve each row of `values`, shape (codes, n), in place by the best exchange of two until none gains.

    `couplings`, shape (n, n), is symmetric and holds the weight of each pair of blocks; its sum is 1. Write the
    mean square change of each code, at the end, into `errors`; return the number of exchanges.
    """
    exchanges = 0
    n = len(couplings)
    for s in range(len(values)):
        row = values[s]
        while True:
            best = 1e-9
            first = -1
            second = -1
            for a in range(n):
                for b in range(a):
                    gain = exchange_gain(couplings, row, a, b)
                    if gain > best:
                        best = gain
                        first = a
                        second = b
            if first < 0:
                break
            held = float(row[first])
            row[first] = float(row[second])
            row[second] = held
            exchanges += 1
        error = 0.0
        for a in range(n):
            for b in range(n):
                change = float(row[a]) - float(row[b])
                error += float(couplings[a, b]) * change * change
        errors[s] = error
    return exchanges


def standard_blocks() -> Indices:
    """The block of each codon of the standard code: the place of its amino acid in `AMINO_ACIDS`, or -1."""
    return np.array([AMINO_ACIDS.find(letter) for letter in STANDARD_CODE], np.int64)


def single_changes() -> Indices:
    """The nine codons that are one base away from each, three for the first base, the second, the third."""
    codons = np.arange(64)[:, None]
    changed = [
        codons + ((codons // place + turn) % 4 - codons // place % 4) * place
        for place in (16, 4, 1)
        for turn in (1, 2, 3)
    ]
    return np.concatenate(changed, axis=1).astype(np.int64)


def polar_requirements() -> Floats:
    """The property of each of `AMINO_ACIDS`."""
    return np.array([POLAR_REQUIREMENT[letter] for letter in AMINO_ACIDS])


def pair_weights(blocks: Indices, neighbours: Indices, weights: Floats) -> Floats:
    """The share of each pair of blocks in all changes, shape (20, 20), the changes within a block on the diagonal."""
    pairs = np.zeros((21, 21))
    np.add.at(pairs, (blocks[:, None], blocks[neighbours]), weights)
    return np.ascontiguousarray(pairs[:20, :20] / pairs[:20, :20].sum())


def quadratic(pairs: Floats, values: Floats) -> Floats:
    """The mean square change for each row of `values`, shape (codes, 20), as a quadratic form."""
    symmetric = 0.5 * (pairs + pairs.T)
    return np.asarray(2.0 * (values**2 @ symmetric.sum(axis=1) - np.einsum("ca,ab,cb->c", values, symmetric, values)))


def mean_error(pairs: Floats, properties: Floats) -> float:
    """The mean square change averaged over all ways to deal the properties to the blocks, exactly."""
    return float((1.0 - np.trace(pairs)) * 2.0 * np.var(properties, ddof=1))


def inputs_errors(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The standard code and random ones, `codes` in all; all changes weigh the same."""
    random = np.random.Generator(np.random.PCG64(seed))
    codes = np.tile(np.arange(20), (size["codes"], 1))
    codes[1:] = random.permuted(codes[1:], axis=1)
    changes = single_changes()
    weights = np.ones(changes.shape)
    return standard_blocks(), changes, weights, polar_requirements(), codes, np.zeros(size["codes"])


def inputs_descent(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """As many random `codes` to begin with."""
    random = np.random.Generator(np.random.PCG64(seed))
    changes = single_changes()
    pairs = pair_weights(standard_blocks(), changes, np.ones(changes.shape))
    values = random.permuted(np.tile(polar_requirements(), (size["codes"], 1)), axis=1)
    return pairs, values, np.zeros(size["codes"])


def checks_errors(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Every error as a quadratic form; the standard code's as published; the mean as theory has it."""
    blocks, changes, weights, properties, codes, _ = before
    pairs = pair_weights(blocks, changes, weights)
    expected = quadratic(pairs, properties[codes])
    deviation = 1.51 / np.sqrt(len(codes))
    return [
        Check("errors", after[5], expected, 1e-12, "quadratic form over pairs of blocks"),
        Check("standard code", after[5][0], 5.19, 0.005, "Haig and Hurst 1991"),
        Check(
            "mean of random codes", after[5][1:].mean(), mean_error(pairs, properties), 5.0 * deviation, "exact mean"
        ),
        Check("better codes", result, int(np.sum(expected < expected[0] - 1e-12)), 0.0, "quadratic form"),
    ]


def checks_descent(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """No exchange of two improves a code, none is below the least error there is, and all still deal all properties."""
    pairs, start, _ = before
    values, errors = after[1], after[2]
    swaps = np.array([np.arange(20)] * 190)
    first, second = np.tril_indices(20, -1)
    swaps[np.arange(190), first], swaps[np.arange(190), second] = second, first
    best = np.array([quadratic(pairs, code[swaps]).min() for code in values])
    return [
        Check("values, sorted", np.sort(values, axis=1), np.sort(start, axis=1), 0.0, "an exchange"),
        Check("errors", errors, quadratic(pairs, values), 1e-11, "quadratic form over pairs of blocks"),
        Check(
            "gain of the best exchange", np.maximum(errors - best, 0.0), np.zeros(len(errors)), 1e-8, "local optimum"
        ),
        Check("least error", max(3.4885, float(errors.min())), errors.min(), 0.0, "Buhrman et al.: none below 3.489"),
    ]


KERNELS = (
    Kernel(
        name="code_errors",
        family="science",
        summary="error of the genetic code against random codes",
        units=(Unit(code_errors, ("codes",)), Unit(code_error, ("codons", "single-base changes"))),
        signature="int64(int64[::1], int64[:,::1], float64[:,::1], float64[::1], int64[:,::1], float64[::1])",
        sizes={"small": {"codes": 100}, "medium": {"codes": 6000}, "large": {"codes": 60000}},
        inputs=inputs_errors,
        checks=checks_errors,
        bets={
            "index_maxima": "neighbours into blocks, blocks into code, code into properties: three gathers per change",
            "constant_shapes": "nine changes of each codon",
        },
    ),
    Kernel(
        name="code_descent",
        family="science",
        summary="codes of least error: best exchange of two amino acids until none gains",
        units=(
            Unit(code_descent, ("codes", "exchanges", "blocks", "blocks", "blocks", "blocks")),
            Unit(exchange_gain, ("blocks",)),
        ),
        signature="int64(float64[:,::1], float64[:,::1], float64[::1])",
        sizes={"small": {"codes": 2}, "medium": {"codes": 80}, "large": {"codes": 800}},
        inputs=inputs_descent,
        checks=checks_descent,
        bets={},
    ),
)
