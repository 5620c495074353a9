"""Cholesky factors of small matrices, as written in a loop: normal equations, Gaussian densities and layer solves.

The row-oriented (Cholesky-Banachiewicz) order, so that both loops over columns read rows of C-contiguous arrays. A
pivot that is not positive raises: `math.sqrt` of it would raise in CPython and give a nan in compiled code.
"""

from __future__ import annotations

import math

from ...workload import Floats


def factor(matrix: Floats) -> None:
    """Overwrite the lower triangle of a symmetric `matrix`, shape (n, n), by its Cholesky factor.

    The strict upper triangle is neither read nor written. ValueError if the matrix is not positive definite.
    """
    for i in range(len(matrix)):
        for j in range(i + 1):
            rest = float(matrix[i, j])
            for k in range(j):
                rest -= float(matrix[i, k]) * float(matrix[j, k])
            if j < i:
                matrix[i, j] = rest / float(matrix[j, j])
            elif rest > 0.0:
                matrix[i, i] = math.sqrt(rest)
            else:
                raise ValueError("matrix is not positive definite")


def solve_lower(lower: Floats, right: Floats) -> None:
    """Overwrite `right`, shape (n,), by the solution x of L x = right, L the lower triangle of `lower`, (n, n)."""
    for i in range(len(right)):
        rest = float(right[i])
        for k in range(i):
            rest -= float(lower[i, k]) * float(right[k])
        right[i] = rest / float(lower[i, i])


def solve_upper(lower: Floats, right: Floats) -> None:
    """Overwrite `right`, shape (n,), by the solution x of L' x = right, L the lower triangle of `lower`, (n, n)."""
    for i in range(len(right) - 1, -1, -1):
        rest = float(right[i])
        for k in range(i + 1, len(right)):
            rest -= float(lower[k, i]) * float(right[k])
        right[i] = rest / float(lower[i, i])
