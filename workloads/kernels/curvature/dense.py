"""Cholesky factors of small dense matrices, written out: what the dense methods of this family stand on.

Newton, trust-region and Levenberg-Marquardt steps all solve with a symmetric matrix plus a multiple of the identity,
and the failure of the factorisation is their test of positive definiteness (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, section 10.1). So the factorisation takes the shift and reports how far it came instead of raising: a
failed pivot is an answer here, as it is in LAPACK's dpotrf. `np.linalg.cholesky` would raise, add in another order, and
be a call into BLAS that no tier can see into.
"""

from __future__ import annotations

import math

from ...kernel import Unit
from ...workload import Floats


def cholesky(matrix: Floats, shift: float, factor: Floats) -> int:
    """Write L with L L' = `matrix` + `shift` I into the lower triangle of `factor`, both (n, n); return rows done.

    Only the lower triangle of `matrix` is read. Less than n rows: the leading minor of that order plus one is not
    positive. IndexError if `factor` is smaller.
    """
    n = len(matrix)
    for i in range(n):
        for j in range(i):
            rest = float(matrix[i, j])
            for k in range(j):
                rest -= float(factor[i, k]) * float(factor[j, k])
            factor[i, j] = rest / float(factor[j, j])
        pivot = float(matrix[i, i]) + shift
        for k in range(i):
            pivot -= float(factor[i, k]) * float(factor[i, k])
        if not pivot > 0.0:
            return i
        factor[i, i] = math.sqrt(pivot)
    return n


def cholesky_solve(factor: Floats, right: Floats, solution: Floats) -> None:
    """Write x with L L' x = `right` into `solution`, both (n,), for L the lower triangle of `factor` (n, n).

    `solution` may be `right`. IndexError if an array is shorter than `right`; ZeroDivisionError for a zero pivot.
    """
    n = len(right)
    for i in range(n):
        rest = float(right[i])
        for j in range(i):
            rest -= float(factor[i, j]) * float(solution[j])
        solution[i] = rest / float(factor[i, i])
    for i in range(n - 1, -1, -1):
        rest = float(solution[i])
        for j in range(i + 1, n):
            rest -= float(factor[j, i]) * float(solution[j])
        solution[i] = rest / float(factor[i, i])


def inner(left: Floats, right: Floats) -> float:
    """The inner product of two arrays of shape (n,). IndexError if `right` is shorter."""
    total = 0.0
    for i in range(len(left)):
        total += float(left[i]) * float(right[i])
    return total


CHOLESKY = (
    Unit(cholesky, ("rows", "columns", "inner product", "pivot's row")),
    Unit(cholesky_solve, ("rows down", "columns", "rows up", "columns")),
)
"""The two as units, for the kernels that solve."""

INNER = Unit(inner, ("elements",))
"""The inner product as a unit."""
