"""Linear systems solved in float32 and corrected in float64, over and over: iterative refinement.

One meets it wherever memory bandwidth or a GPU sets the pace, and in every program that grew a `dtype` argument. The
inner solver, conjugate gradients from four small functions, gets float32 arrays; the residual and, after the tolerance
has been tightened, the solver as well get float64; a transposed view brings a third layout of the matrix.

Types change back and forth with every refinement, not once: what was compiled for one type is still wanted. Code that
is thrown away when an argument's type changes is made anew a hundred times.

All arithmetic is in float64 and only the storage is narrow: the factor 1.0 sees to it in Numba, whose `float` of a
float32 stays one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram

Reals: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32]

SYSTEMS = 40


def times(matrix: Reals, vector: Reals, product: Reals) -> None:
    """Write `matrix` times `vector` into `product`; (m, n), (n,) and (m,)."""
    for i in range(matrix.shape[0]):
        total = 0.0
        for j in range(matrix.shape[1]):
            total += 1.0 * float(matrix[i, j]) * float(vector[j])
        product[i] = total


def inner(left: Reals, right: Reals) -> float:
    """The inner product of two vectors."""
    total = 0.0
    for i in range(len(left)):
        total += 1.0 * float(left[i]) * float(right[i])
    return total


def add(factor: float, direction: Reals, vector: Reals) -> None:
    """Add `factor` times `direction` to `vector`, in place."""
    for i in range(len(vector)):
        vector[i] = 1.0 * float(vector[i]) + factor * float(direction[i])


def turn(factor: float, residual: Reals, direction: Reals) -> None:
    """Replace `direction` by `residual` plus `factor` times itself, in place."""
    for i in range(len(direction)):
        direction[i] = 1.0 * float(residual[i]) + factor * float(direction[i])


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the solutions, and per system the bound on its eigenvalues, the inner steps and the last residual."""
    apply, dot, step, redirect = (decorate(each) for each in (times, inner, add, turn))
    bound_of = bound(zoo.kernel("gershgorin_bound"), decorate)
    largest = bound(zoo.kernel("power_iteration"), decorate)
    random = np.random.Generator(np.random.PCG64(26))

    def solve(matrix: Reals, right: Reals, tolerance: float, limit: int) -> tuple[Reals, int]:
        solution, residual = np.zeros_like(right), right.copy()
        direction, image = right.copy(), np.zeros_like(right)
        square = first = dot(residual, residual)
        for number in range(limit):
            if square <= tolerance * first:
                return solution, number
            apply(matrix, direction, image)
            length = square / dot(direction, image)
            step(length, direction, solution)
            step(-length, image, residual)
            before, square = square, dot(residual, residual)
            redirect(square / before, residual, direction)
        return solution, limit

    results: dict[str, Any] = {}
    figures = np.zeros((SYSTEMS, 4))
    for number in range(SYSTEMS):
        n = 40 + 10 * (number % 3)
        rough = random.normal(0.0, 0.3, (n, n))
        matrix = rough + rough.T + n * np.diag(random.uniform(0.3, 1.0, n))
        right = random.normal(0.0, 1.0, n)
        narrow = matrix.astype(np.float32)
        solution, image, residual, steps = np.zeros(n), np.zeros(n), right.copy(), 0
        for _ in range(5):
            correction, more = solve(narrow, residual.astype(np.float32), 1e-8, 60)
            steps += more
            step(1.0, correction, solution)
            apply(matrix.T if number % 2 else matrix, solution, image)
            residual = right - image
        if number >= SYSTEMS // 2:
            correction, more = solve(matrix, residual, 1e-6, 60)
            steps += more
            step(1.0, correction, solution)
        vector, ones = np.ones(n), np.ones(n)
        figures[number] = (
            bound_of(matrix, ones, 3),
            largest(matrix, vector, np.zeros(n), 30),
            float(steps),
            dot(residual, residual),
        )
        results[f"solution_{number}"] = solution
    return {"figures": figures, **results}


PROGRAM = WholeProgram(
    name="mixed_precision",
    summary="forty linear systems by iterative refinement between float32 and float64",
    length="medium",
    stresses="argument types that alternate for good: float32, float64, mixed calls, and a strided matrix",
    run=run,
)
