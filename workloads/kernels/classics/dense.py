"""Small dense linear algebra: loops so short that whether their length is known decides everything.

A compiler that knows that a matrix is 4 by 4 unrolls three loops into 64 products on registers; one that does not
spends its time on loop control, on the checks of each index and on a vectorised loop that never runs (A. Heinecke,
G. Henry, M. Hutchinson and H. Pabst, LIBXSMM, SC 2016, on why small products want code made for their shape). Batches
stand for the many small systems of finite elements and of block preconditioners; a chain of transfer matrices, for
code that calls a small product again and again.

The bet pays on the chain and on the solver, and backfires on the batch of products: with its inner loops unrolled away,
LLVM vectorises over the batch, gathers every entry from a place of its own, and runs at a third of the speed. The batch
therefore declares no bet, though its shapes are just as constant: whoever bets has to measure.

The solver eliminates without pivoting, which is sound for diagonally dominant matrices (N. Higham, Accuracy and
Stability of Numerical Algorithms, 2002, theorem 9.9): the inputs are.

On power iteration nothing is to be had: its inner loop is long and its addresses are affine, so LLVM hoists the bounds
checks, and strict addition keeps the sum scalar whatever is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def matmul_batch(left: Floats, right: Floats, product: Floats) -> None:
    """Write the matrix products of `left`, shape (count, n, m), and `right`, (count, m, p), to `product`."""
    for which in range(left.shape[0]):
        for i in range(left.shape[1]):
            for j in range(right.shape[2]):
                total = 0.0
                for k in range(left.shape[2]):
                    total += float(left[which, i, k]) * float(right[which, k, j])
                product[which, i, j] = total


def matmul_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`count` pairs of uniform random n by n matrices."""
    random = np.random.Generator(np.random.PCG64(seed))
    shape = size["count"], size["n"], size["n"]
    return random.uniform(-1.0, 1.0, shape), random.uniform(-1.0, 1.0, shape), np.zeros(shape)


def matmul_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The products are those of BLAS."""
    return [Check("products", after[2], before[0] @ before[1], 1e-13, "numpy matmul (BLAS)")]


def matmul_chain(factors: Floats, product: Floats, scratch: Floats) -> None:
    """Multiply `product`, shape (n, n), from the left by each of `factors`, shape (count, n, n), in place."""
    for which in range(factors.shape[0]):
        small_matmul(factors[which], product, scratch)
        for i in range(product.shape[0]):
            for j in range(product.shape[1]):
                product[i, j] = float(scratch[i, j])


def small_matmul(left: Floats, right: Floats, product: Floats) -> None:
    """Write the matrix product of `left`, shape (n, m), and `right`, (m, p), to `product`, (n, p)."""
    for i in range(left.shape[0]):
        for j in range(right.shape[1]):
            total = 0.0
            for k in range(left.shape[1]):
                total += float(left[i, k]) * float(right[k, j])
            product[i, j] = total


def chain_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`count` random orthogonal matrices, so that the chain neither grows nor fades; it starts at the identity."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    factors = np.linalg.qr(random.normal(size=(size["count"], n, n)))[0]
    return np.ascontiguousarray(factors), np.eye(n), np.zeros((n, n))


def chain_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The chain is the product that BLAS gives, pairwise, and is orthogonal as its factors are."""
    factors = before[0]
    while len(factors) > 1:
        pairs = len(factors) // 2
        joined = factors[1 : 2 * pairs : 2] @ factors[0 : 2 * pairs : 2]
        factors = np.concatenate([joined, factors[2 * pairs :]])
    n = len(after[1])
    return [
        Check("chain", after[1], factors[0], 1e-11, "numpy matmul (BLAS), in pairs"),
        Check("orthogonality", after[1].T @ after[1], np.eye(n), 1e-11, "a product of orthogonal matrices"),
    ]


def solve_batch(systems: Floats, rights: Floats) -> None:
    """Solve each of `systems`, shape (count, n, n), for its row of `rights`, (count, n); both are overwritten.

    Gaussian elimination without pivoting, then back substitution. A zero pivot raises ZeroDivisionError.
    """
    n = systems.shape[1]
    for which in range(systems.shape[0]):
        for k in range(n):
            pivot = float(systems[which, k, k])
            for i in range(k + 1, n):
                factor = float(systems[which, i, k]) / pivot
                for j in range(k + 1, n):
                    systems[which, i, j] = float(systems[which, i, j]) - factor * float(systems[which, k, j])
                rights[which, i] = float(rights[which, i]) - factor * float(rights[which, k])
        for i in range(n - 1, -1, -1):
            total = float(rights[which, i])
            for j in range(i + 1, n):
                total -= float(systems[which, i, j]) * float(rights[which, j])
            rights[which, i] = total / float(systems[which, i, i])


def solve_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`count` diagonally dominant systems of n equations."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    systems = random.uniform(-1.0, 1.0, (size["count"], n, n)) + 2.0 * n * np.eye(n)
    return systems, random.uniform(-1.0, 1.0, (size["count"], n))


def solve_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The solutions are LAPACK's, which pivots, and solve the systems."""
    systems, rights = before
    solved = np.linalg.solve(systems, rights[:, :, None])[:, :, 0]
    return [
        Check("solutions", after[1], solved, 1e-13, "numpy.linalg.solve (LAPACK)"),
        Check("residual", np.einsum("bij,bj->bi", systems, after[1]), rights, 1e-12, "the right-hand side"),
    ]


def power_iteration(matrix: Floats, vector: Floats, image: Floats, steps: int) -> float:
    """Return the largest eigenvalue of a symmetric `matrix`, (n, n), after `steps` products; vectors are (n,).

    `vector` is overwritten with the eigenvector, of norm one, and `image` with the last product.
    """
    eigenvalue = 0.0
    for _ in range(steps):
        eigenvalue, norm = 0.0, 0.0
        for i in range(matrix.shape[0]):
            total = 0.0
            for j in range(matrix.shape[1]):
                total += float(matrix[i, j]) * float(vector[j])
            image[i] = total
            eigenvalue += total * float(vector[i])
            norm += total * total
        norm = math.sqrt(norm)
        for i in range(matrix.shape[0]):
            vector[i] = float(image[i]) / norm
    return eigenvalue


def power_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A symmetric matrix with eigenvalues 4, 2, and the others between -1 and 1, in a random basis."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    basis = np.linalg.qr(random.normal(size=(n, n)))[0]
    values = np.concatenate([[4.0, 2.0], random.uniform(-1.0, 1.0, n - 2)])
    matrix = np.ascontiguousarray((basis * values) @ basis.T)
    start = basis @ np.full(n, 1.0 / math.sqrt(n))
    return 0.5 * (matrix + matrix.T), start, np.zeros(n), size["steps"]


def power_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The eigenvalue is 4 by construction; the vector is LAPACK's up to its sign."""
    vector = np.linalg.eigh(before[0])[1][:, -1]
    sign = math.copysign(1.0, float(vector @ before[1]))
    return [
        Check("eigenvalue", result, 4.0, 1e-10, "the spectrum that the matrix was made with"),
        Check("eigenvector", after[1], sign * vector, 1e-7, "numpy.linalg.eigh (LAPACK)"),
    ]


KERNELS = (
    Kernel(
        name="matmul_batch",
        family="classics",
        summary="products of many 3 by 3 matrices: unrolled, they are vectorised over the batch, and slower",
        units=(Unit(matmul_batch, ("pairs", "rows", "columns", "inner products")),),
        signature="none(float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1])",
        sizes={
            "small": {"count": 1000, "n": 3},
            "medium": {"count": 50000, "n": 3},
            "large": {"count": 500000, "n": 3},
        },
        inputs=matmul_inputs,
        checks=matmul_checks,
        bets={},
    ),
    Kernel(
        name="matmul_chain",
        family="classics",
        summary="a chain of small matrix products",
        units=(
            Unit(matmul_chain, ("factors", "rows", "columns")),
            Unit(small_matmul, ("rows", "columns", "inner products")),
        ),
        signature="none(float64[:, :, ::1], float64[:, ::1], float64[:, ::1])",
        sizes={
            "small": {"count": 80, "n": 8},
            "medium": {"count": 1000, "n": 16},
            "large": {"count": 1250, "n": 32},
        },
        inputs=chain_inputs,
        checks=chain_checks,
        bets={"constant_shapes": "all loops of `small_matmul` are 8, 16 or 32 long, the same in every call"},
    ),
    Kernel(
        name="solve_batch",
        family="classics",
        summary="Gaussian elimination of many small systems",
        units=(
            Unit(
                solve_batch,
                ("systems", "pivots", "rows below", "columns", "rows from the last", "columns behind the diagonal"),
            ),
        ),
        signature="none(float64[:, :, ::1], float64[:, ::1])",
        sizes={
            "small": {"count": 800, "n": 4},
            "medium": {"count": 40000, "n": 4},
            "large": {"count": 400000, "n": 4},
        },
        inputs=solve_inputs,
        checks=solve_checks,
        bets={"constant_shapes": "systems of 4 equations"},
    ),
    Kernel(
        name="power_iteration",
        family="classics",
        summary="power iteration with a dense matrix: a long affine inner loop, on which no bet pays",
        units=(Unit(power_iteration, ("steps", "rows", "columns", "coordinates")),),
        signature="float64(float64[:, ::1], float64[::1], float64[::1], int64)",
        sizes={
            "small": {"n": 30, "steps": 60},
            "medium": {"n": 250, "steps": 60},
            "large": {"n": 800, "steps": 60},
        },
        inputs=power_inputs,
        checks=power_checks,
        bets={},
    ),
)
