"""Four summary functions over the columns of twenty tables, and the columns have whatever type the file gave them.

One meets it as `describe()`: generic code over int8 to uint64, float32 and float64, contiguous columns and strided ones
that are cut out of a matrix. One function is called with eleven types, most of the time with float64.

The functions are megamorphic in type: a compiler that specialises makes forty-four versions of four small functions, of
which four do most of the work. Which ones is known after the first table; that a type has been seen is no reason to
compile for it.

Everything is added up as float64 whatever the column: `1.0 * float(x)` makes Numba, whose `float` of a float32 stays
one, mean what CPython means.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Decorate, WholeProgram
from ..workload import Floats

TABLES = 20
TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float32")


def extremes(column: Floats) -> tuple[float, float]:
    """The least and the largest element of `column`, which is not empty."""
    low = high = 1.0 * float(column[0])
    for i in range(len(column)):
        value = 1.0 * float(column[i])
        low = min(low, value)
        high = max(high, value)
    return low, high


def moments(column: Floats) -> tuple[float, float, float]:
    """Mean, variance and third central moment of `column`, which is not empty."""
    total = 0.0
    for i in range(len(column)):
        total += 1.0 * float(column[i])
    mean = total / len(column)
    second = third = 0.0
    for i in range(len(column)):
        offset = 1.0 * float(column[i]) - mean
        second += offset * offset
        third += offset * offset * offset
    return mean, second / len(column), third / len(column)


def below(column: Floats, limit: float) -> int:
    """How many elements of `column` are less than `limit`."""
    count = 0
    for i in range(len(column)):
        if 1.0 * float(column[i]) < limit:
            count += 1
    return count


def roughness(column: Floats) -> float:
    """The sum of absolute differences of neighbours."""
    total = 0.0
    for i in range(1, len(column)):
        total += abs(1.0 * float(column[i]) - 1.0 * float(column[i - 1]))
    return total


def run(decorate: Decorate) -> dict[str, Any]:
    """Return one row of eight figures for each of all columns."""
    low_high, three, count, rough = (decorate(each) for each in (extremes, moments, below, roughness))
    random = np.random.Generator(np.random.PCG64(24))
    rows: list[tuple[float, ...]] = []

    def describe(column: Any) -> None:
        mean, second, third = three(column)
        low, high = low_high(column)
        rows.append((low, high, mean, second, third, rough(column), count(column, mean), len(column)))

    for table in range(TABLES):
        length = int(random.integers(1500, 2500))
        for _ in range(5):
            describe(random.normal(50.0, 20.0, length))
        matrix = random.normal(0.0, 1.0, (length // 5, 3))
        for column in matrix.T:
            describe(column)
        if table % 4 == 0:
            describe((100.0 * matrix).astype(np.int64)[:, 0])
            for name in TYPES:
                describe(random.integers(0, 100, length // 10).astype(name))
    return {"figures": np.array(rows)}


PROGRAM = WholeProgram(
    name="table_summary",
    summary="four summary functions over columns of eleven types",
    length="medium",
    stresses="megamorphic argument types: forty-four specialisations, of which a few do the work",
    run=run,
)
