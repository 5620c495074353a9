"""Stencils on a grid: one physical problem written in three ways, each with its own bet.

Jacobi's sweep for Laplace's equation replaces each inner point by the mean of its four neighbours (G. Golub and C. Van
Loan, Matrix Computations, 2013, section 11.2). It damps the sine waves of the square by (cos a + cos b) / 2 per sweep:
the closed form that all are held to.

- In two dimensions: every index is a loop variable plus one, checks are hoisted, the loop is vectorised; no bet pays.
- On a flat array, as C programmers write it: `i * width + j` might wrap below zero, where Python counts from the end,
  and unless somebody bets that it does not, each access carries that case and no load is contiguous.
- With blocked cells: a branch in the inner loop, never taken where nothing is blocked. The mask is only read, so one
  pass over it verifies the bet for all sweeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def jacobi(grid: Floats, other: Floats, pairs: int) -> None:
    """Sweep from `grid` to `other`, both (n, n), and back, `pairs` times; the boundary of both stays."""
    for _ in range(pairs):
        jacobi_sweep(grid, other)
        jacobi_sweep(other, grid)


def jacobi_sweep(grid: Floats, swept: Floats) -> None:
    """Write the mean of the four neighbours of each inner point of `grid` to `swept`, both (m, n)."""
    for i in range(1, grid.shape[0] - 1):
        for j in range(1, grid.shape[1] - 1):
            across = float(grid[i, j - 1]) + float(grid[i, j + 1])
            swept[i, j] = 0.25 * (across + float(grid[i - 1, j]) + float(grid[i + 1, j]))


def jacobi_flat(grid: Floats, other: Floats, width: int, pairs: int) -> None:
    """As `jacobi`, on square grids of `width` stored row by row in arrays of shape (width * width,)."""
    for _ in range(pairs):
        flat_sweep(grid, other, width)
        flat_sweep(other, grid, width)


def flat_sweep(grid: Floats, swept: Floats, width: int) -> None:
    """Write the mean of the four neighbours of each inner point of `grid`, rows of `width`, to `swept`."""
    for i in range(1, len(grid) // width - 1):
        for j in range(1, width - 1):
            here = i * width + j
            across = float(grid[here - 1]) + float(grid[here + 1])
            swept[here] = 0.25 * (across + float(grid[here - width]) + float(grid[here + width]))


def jacobi_masked(grid: Floats, other: Floats, blocked: npt.NDArray[np.bool_], pairs: int) -> None:
    """As `jacobi`; cells where `blocked`, shape (n, n), keep their value."""
    for _ in range(pairs):
        masked_sweep(grid, other, blocked)
        masked_sweep(other, grid, blocked)


def masked_sweep(grid: Floats, swept: Floats, blocked: npt.NDArray[np.bool_]) -> None:
    """Write the mean of the neighbours of each inner point of `grid`, or where `blocked` the point, to `swept`."""
    for i in range(1, grid.shape[0] - 1):
        for j in range(1, grid.shape[1] - 1):
            if blocked[i, j]:
                swept[i, j] = float(grid[i, j])
                continue
            across = float(grid[i, j - 1]) + float(grid[i, j + 1])
            swept[i, j] = 0.25 * (across + float(grid[i - 1, j]) + float(grid[i + 1, j]))


def waves(size: Mapping[str, int], seed: int) -> Floats:
    """Three random sine waves of the square with n inner points a side, zero on the boundary: (n + 2, n + 2)."""
    random = np.random.Generator(np.random.PCG64(seed))
    modes = _modes(size["n"])
    total = np.zeros((size["n"] + 2, size["n"] + 2))
    for amplitude, row, column in zip(
        random.uniform(0.5, 1.0, 3), random.integers(1, 5, 3), random.integers(1, 5, 3), strict=True
    ):
        total += amplitude * np.outer(modes[row - 1], modes[column - 1])
    return total


def _modes(n: int) -> Floats:
    places = np.arange(n + 2) * np.pi / (n + 1)
    modes: Floats = np.sin(np.outer(np.arange(1, n + 1), places))
    modes[:, [0, -1]] = 0.0
    return modes


def damped(grid: Floats, sweeps: int) -> Floats:
    """`grid` after so many sweeps, by its sine transform."""
    n = len(grid) - 2
    modes = _modes(n)[:, 1:-1]
    angles = np.cos(np.arange(1, n + 1) * np.pi / (n + 1))
    factors = ((angles[:, None] + angles[None, :]) / 2.0) ** sweeps
    end = np.zeros_like(grid)
    end[1:-1, 1:-1] = modes.T @ (factors * (modes @ grid[1:-1, 1:-1] @ modes.T)) @ modes * (2.0 / (n + 1)) ** 2
    return end


def jacobi_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Sine waves, and a scratch grid."""
    grid = waves(size, seed)
    return grid, np.zeros_like(grid), size["pairs"]


def flat_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The same, row by row in one dimension."""
    grid = waves(size, seed).reshape(-1)
    return grid, np.zeros_like(grid), size["n"] + 2, size["pairs"]


def masked_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The same, with a mask in which nothing is blocked."""
    grid = waves(size, seed)
    return grid, np.zeros_like(grid), np.zeros(grid.shape, np.bool_), size["pairs"]


def sweep_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Every sine wave has shrunk by its own factor."""
    pairs = before[-1]
    n = round(before[0].size ** 0.5)
    start, end, last = (np.reshape(each, (n, n)) for each in (before[0], after[0], after[1]))
    return [
        Check("grid", end, damped(start, 2 * pairs), 1e-12, "sine transform"),
        Check("grid one sweep earlier", last, damped(start, 2 * pairs - 1), 1e-12, "sine transform"),
    ]


_SIZES = {"small": {"n": 40, "pairs": 8}, "medium": {"n": 150, "pairs": 40}, "large": {"n": 300, "pairs": 100}}

KERNELS = (
    Kernel(
        name="jacobi",
        family="classics",
        summary="Jacobi sweeps on a 2-D array: affine indices, so no bet pays",
        units=(Unit(jacobi, ("pairs of sweeps",)), Unit(jacobi_sweep, ("rows", "columns"))),
        signature="none(float64[:, ::1], float64[:, ::1], int64)",
        sizes=_SIZES,
        inputs=jacobi_inputs,
        checks=sweep_checks,
        bets={},
    ),
    Kernel(
        name="jacobi_flat",
        family="classics",
        summary="Jacobi sweeps on a grid in one flat array",
        units=(Unit(jacobi_flat, ("pairs of sweeps",)), Unit(flat_sweep, ("rows", "columns"))),
        signature="none(float64[::1], float64[::1], int64, int64)",
        sizes=_SIZES,
        inputs=flat_inputs,
        checks=sweep_checks,
        bets={
            "no_overflow": "`i * width + j` and its neighbours never wrap below zero",
            "constant_values": "with `width` known, all neighbours are at known distances",
        },
    ),
    Kernel(
        name="jacobi_masked",
        family="classics",
        summary="Jacobi sweeps around blocked cells, where none is blocked",
        units=(Unit(jacobi_masked, ("pairs of sweeps",)), Unit(masked_sweep, ("rows", "columns"))),
        signature="none(float64[:, ::1], float64[:, ::1], boolean[:, ::1], int64)",
        sizes=_SIZES,
        inputs=masked_inputs,
        checks=sweep_checks,
        bets={"cold_branches": "no cell is blocked; `blocked` is only read, so one pass over it verifies the bet"},
    ),
)
