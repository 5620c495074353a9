"""Gathers and scatters: the address of the next element is data, so no compiler can hoist the check of it.

These are the loops on which bounds checks cost something under LLVM at O3; for affine indices it hoists them (R. Bodik,
R. Gupta and V. Sarkar, ABCD, PLDI 2000, count what a compiler can prove; an index read from memory it never can). The
bet is on the largest index: one vectorised pass over the index array, then no check. It pays where the same indices
serve many rounds, as connectivity does in meshes, graphs and sparse matrices; all kernels here have such rounds.

The gather that only sums waits for the chain of additions, with or without checks in its shadow: no bet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def gather_map(values: Floats, index: Indices, gathered: Floats, rounds: int) -> None:
    """Write values[index] to `gathered`, halve it back into `values`, all (n,), and so `rounds` times."""
    for _ in range(rounds):
        for i in range(len(index)):
            gathered[i] = float(values[int(index[i])])
        for i in range(len(values)):
            values[i] = 0.5 * (float(values[i]) + float(gathered[i]))


def gather_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Values, and a random cyclic permutation in blocks of 16, whose powers are known."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"] // 16 * 16
    order = random.permutation(n).reshape(-1, 16)
    index = np.empty(n, np.int64)
    index[order] = np.roll(order, -1, axis=1)
    return random.normal(size=n), index, np.zeros(n), size["rounds"]


def gather_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """((1 + P) / 2)^rounds, for a cycle P of 16, by its eigenvalues: the 16-th roots of unity."""
    values, index, _, rounds = before
    cycle = np.empty((16, len(index)), np.int64)
    cycle[0] = np.arange(len(index))
    for step in range(1, 16):
        cycle[step] = index[cycle[step - 1]]
    roots = np.exp(2j * np.pi * np.arange(16) / 16)
    powers = np.fft.fft(((1.0 + roots) / 2.0) ** rounds).real / 16.0
    return [Check("values", after[0], powers @ values[cycle], 1e-12, "eigenvalues of a cyclic permutation")]


def gather_sum(values: Floats, index: Indices, rounds: int) -> float:
    """The sum of values[index], `rounds` times over; `index` has shape (n,)."""
    total = 0.0
    for _ in range(rounds):
        for i in range(len(index)):
            total += float(values[int(index[i])])
    return total


def sum_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Values, and as many random indices."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.normal(size=n), random.integers(0, n, n), size["rounds"]


def sum_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Each value counts as often as it is named."""
    values, index, rounds = before
    counts = np.bincount(index, minlength=len(values))
    return [Check("sum", result, rounds * float(counts @ values), 1e-9 * rounds, "values weighed with their counts")]


def scatter_add(totals: Floats, keys: Indices, values: Floats, rounds: int) -> None:
    """Add `values` to `totals`, shape (bins,), at `keys`, both (n,), `rounds` times."""
    for _ in range(rounds):
        for i in range(len(keys)):
            totals[int(keys[i])] += float(values[i])


def scatter_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Values for random keys."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, bins = size["n"], size["bins"]
    return np.zeros(bins), random.integers(0, bins, n), random.uniform(0.0, 1.0, n), size["rounds"]


def scatter_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The totals are those of NumPy's weighted counts."""
    _, keys, values, rounds = before
    totals = rounds * np.bincount(keys, values, len(after[0]))
    return [Check("totals", after[0], totals, 1e-11 * rounds * len(keys) / len(totals), "numpy.bincount")]


def histogram(counts: Indices, keys: Indices, rounds: int) -> None:
    """Count `keys`, shape (n,), in `counts`, shape (bins,), `rounds` times."""
    for _ in range(rounds):
        for i in range(len(keys)):
            counts[int(keys[i])] += 1


def histogram_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Random keys."""
    random = np.random.Generator(np.random.PCG64(seed))
    bins = size["bins"]
    return np.zeros(bins, np.int64), random.integers(0, bins, size["n"]), size["rounds"]


def histogram_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """In order, equal keys stand together: their counts are the distances between changes."""
    _, keys, rounds = before
    edges = np.searchsorted(np.sort(keys), np.arange(len(after[0]) + 1))
    return [Check("counts", after[0], rounds * np.diff(edges), 0.0, "binary search in the sorted keys")]


KERNELS = (
    Kernel(
        name="gather_map",
        family="classics",
        summary="rounds of averaging with a permuted copy",
        units=(Unit(gather_map, ("rounds", "indices", "values")),),
        signature="none(float64[::1], int64[::1], float64[::1], int64)",
        sizes={
            "small": {"n": 1000, "rounds": 50},
            "medium": {"n": 20000, "rounds": 150},
            "large": {"n": 20000, "rounds": 1500},
        },
        inputs=gather_inputs,
        checks=gather_checks,
        bets={"index_maxima": "`index` addresses `values`, the same in every round"},
    ),
    Kernel(
        name="gather_sum",
        family="classics",
        summary="sum of gathered values: bound by its additions, so no bet pays",
        units=(Unit(gather_sum, ("rounds", "indices")),),
        signature="float64(float64[::1], int64[::1], int64)",
        sizes={
            "small": {"n": 2000, "rounds": 50},
            "medium": {"n": 20000, "rounds": 250},
            "large": {"n": 20000, "rounds": 2500},
        },
        inputs=sum_inputs,
        checks=sum_checks,
        bets={},
    ),
    Kernel(
        name="scatter_add",
        family="classics",
        summary="add values to the totals that their keys name",
        units=(Unit(scatter_add, ("rounds", "keys")),),
        signature="none(float64[::1], int64[::1], float64[::1], int64)",
        sizes={
            "small": {"n": 2000, "bins": 100, "rounds": 20},
            "medium": {"n": 50000, "bins": 1000, "rounds": 40},
            "large": {"n": 50000, "bins": 1000, "rounds": 400},
        },
        inputs=scatter_inputs,
        checks=scatter_checks,
        bets={"index_maxima": "`keys` address `totals`, the same in every round"},
    ),
    Kernel(
        name="histogram",
        family="classics",
        summary="count keys",
        units=(Unit(histogram, ("rounds", "keys")),),
        signature="none(int64[::1], int64[::1], int64)",
        sizes={
            "small": {"n": 2000, "bins": 100, "rounds": 20},
            "medium": {"n": 50000, "bins": 1000, "rounds": 60},
            "large": {"n": 50000, "bins": 1000, "rounds": 600},
        },
        inputs=histogram_inputs,
        checks=histogram_checks,
        bets={"index_maxima": "`keys` address `counts`, the same in every round"},
    ),
)
