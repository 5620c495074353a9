"""Block Gauss-Seidel: every block of unknowns is minimized over exactly, in turn, with the others as they now are.

What layer-wise training does to the layers of a network, on the problem where it can be said exactly: a quadratic.
Minimizing x'Ax / 2 - b'x over one block after the other is the classical iteration (Varga, Matrix Iterative Analysis,
1962, chapter 3). With A = D + L + U by blocks, the error is multiplied by -(D + L)^-1 U in a sweep. It converges for
every positive definite A, with no rate to choose, while the Jacobi iteration, all blocks at once from old values, need
not; for two blocks it converges twice as fast (Young's theorem).

The factors of the diagonal blocks are formed once. The rest of a sweep is one pass over the matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .cholesky import factor, solve_lower, solve_upper


def sweep(matrix: Floats, right: Floats, factors: Floats, part: Floats, solution: Floats) -> float:
    """Solve for every block of `solution`, shape (n,), in turn, in place; return the largest change of an unknown.

    `factors`, shape (blocks, size, size), are those of the diagonal blocks of `matrix`, (n, n), where n = blocks *
    size; `part`, shape (size,), is scratch.
    """
    size = len(part)
    largest = 0.0
    for block in range(len(factors)):
        first = block * size
        for i in range(size):
            rest = float(right[first + i])
            for j in range(first):
                rest -= float(matrix[first + i, j]) * float(solution[j])
            for j in range(first + size, len(solution)):
                rest -= float(matrix[first + i, j]) * float(solution[j])
            part[i] = rest
        solve_lower(factors[block], part)
        solve_upper(factors[block], part)
        for i in range(size):
            largest = max(largest, abs(float(part[i]) - float(solution[first + i])))
            solution[first + i] = float(part[i])
    return largest


def block_gauss_seidel(matrix: Floats, right: Floats, size: int, sweeps: int, solution: Floats) -> float:
    """Move `solution`, shape (n,), by `sweeps` sweeps towards that of `matrix` x = `right`, in blocks of `size`.

    `matrix`, (n, n), is symmetric, and n a multiple of `size`. Returns the largest change of an unknown in the last
    sweep. ValueError if a diagonal block is not positive definite.
    """
    factors = np.zeros((len(right) // size, size, size))
    part = np.zeros(size)
    for block in range(len(factors)):
        for i in range(size):
            for j in range(size):
                factors[block, i, j] = float(matrix[block * size + i, block * size + j])
        factor(factors[block])
    largest = 0.0
    for _ in range(sweeps):
        largest = sweep(matrix, right, factors, part, solution)
    return largest


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random positive definite matrix whose blocks are coupled, a right side, and a start at the origin."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    mixing = random.normal(size=(n, 2 * n)) / np.sqrt(2 * n)
    return mixing @ mixing.T, random.normal(size=n), size["block"], size["sweeps"], np.zeros(n)


def iteration_matrix(matrix: Floats, size: int) -> Any:
    """-(D + L)^-1 U, the blocks being of `size`."""
    block = np.arange(len(matrix)) // size
    upper = np.where(block[:, None] < block, matrix, 0.0)
    return -np.linalg.solve(matrix - upper, upper)


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The error is that of the start, multiplied by a power of the iteration matrix."""
    matrix, right, size, sweeps, start = before
    goal = np.linalg.solve(matrix, right)
    almost = np.linalg.matrix_power(iteration_matrix(matrix, size), sweeps - 1) @ (start - goal)
    end = iteration_matrix(matrix, size) @ almost
    source = "closed form: powers of the iteration matrix"
    return [
        Check("solution", after[4], goal + end, 1e-10, source),
        Check("last change", result, np.abs(end - almost).max(), 1e-10, source),
    ]


KERNELS = (
    Kernel(
        name="block_gauss_seidel",
        family="meta",
        summary="a quadratic minimized exactly over one block after the other",
        units=(
            Unit(block_gauss_seidel, ("blocks", "rows", "columns", "sweeps")),
            Unit(sweep, ("blocks", "rows", "columns before", "columns after", "rows")),
            Unit(factor, ("rows", "columns", "pivots")),
            Unit(solve_lower, ("rows", "columns")),
            Unit(solve_upper, ("rows", "columns")),
        ),
        signature="float64(float64[:,::1], float64[::1], int64, int64, float64[::1])",
        sizes={
            "small": {"n": 40, "block": 8, "sweeps": 40},
            "medium": {"n": 240, "block": 8, "sweeps": 60},
            "large": {"n": 640, "block": 8, "sweeps": 100},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
