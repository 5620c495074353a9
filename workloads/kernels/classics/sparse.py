"""Reads through a connectivity: sparse matrices and interpolation on a grid.

A sparse matrix by rows (Y. Saad, Iterative Methods for Sparse Linear Systems, 2003, section 3.4) gathers the vector at
its column numbers; bilinear interpolation gathers four corners of a cell. Both read each index once per round from an
array that nothing writes, so its extremes need to be looked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def csr_diffusion(starts: Indices, columns: Indices, weights: Floats, state: Floats, image: Floats, steps: int) -> None:
    """Replace `state`, (n,), by its product with a sparse matrix by rows, `steps` times.

    Row i holds `weights` at `columns`, both (entries,), from starts[i] to starts[i + 1]; `starts` is (n + 1,).
    """
    for _ in range(steps):
        for i in range(len(state)):
            total = 0.0
            for entry in range(int(starts[i]), int(starts[i + 1])):
                total += float(weights[entry]) * float(state[int(columns[entry])])
            image[i] = total
        for i in range(len(state)):
            state[i] = float(image[i])


def diffusion_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Diffusion on a ring of n nodes, numbered at random, each of which keeps half and takes a quarter of each side."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    place = random.permutation(n)
    node = np.argsort(place)
    beside = np.stack([place - 1, place, place + 1], axis=1) % n
    columns = node[beside].reshape(-1)
    weights = np.tile([0.25, 0.5, 0.25], n)
    return np.arange(n + 1) * 3, columns, weights, random.normal(size=n), np.zeros(n), size["steps"]


def diffusion_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """A wave around the ring shrinks by cos^2(k / 2) per step."""
    _, columns, _, state, _, steps = before
    n = len(state)
    ring = np.zeros(n, np.int64)
    for place in range(1, n):
        ring[place] = columns[3 * ring[place - 1] + 2]
    factors = np.cos(np.pi * np.arange(n // 2 + 1) / n) ** (2 * steps)
    end = np.fft.irfft(np.fft.rfft(state[ring]) * factors, n)
    return [Check("state around the ring", after[3][ring], end, 1e-12, "Fourier series of diffusion on a ring")]


def bilinear(
    grids: Floats,
    rows: Indices,
    columns: Indices,
    down: Floats,
    right: Floats,
    sampled: Floats,
) -> None:
    """Write each of `grids`, (fields, m, n), at (rows + down, columns + right), (points,), to `sampled`.

    `rows` and `columns` name the upper left corner of a point's cell, `down` and `right` are its offsets in [0, 1);
    `sampled` is (fields, points).
    """
    for field in range(grids.shape[0]):
        for i in range(sampled.shape[1]):
            row, column = int(rows[i]), int(columns[i])
            v, u = float(down[i]), float(right[i])
            upper = (1.0 - u) * float(grids[field, row, column]) + u * float(grids[field, row, column + 1])
            lower = (1.0 - u) * float(grids[field, row + 1, column]) + u * float(grids[field, row + 1, column + 1])
            sampled[field, i] = (1.0 - v) * upper + v * lower


def bilinear_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Saddles a + b x + c y + d x y, which bilinear interpolation gives back exactly."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, points, fields = size["n"], size["points"], size["fields"]
    a, b, c, d = random.uniform(-1.0, 1.0, (4, fields, 1, 1))
    y, x = np.mgrid[0:n, 0:n] / n
    rows, columns = np.ascontiguousarray(random.integers(0, n - 1, (2, points)))
    down, right = random.uniform(0.0, 1.0, (2, points))
    return a + b * x + c * y + d * x * y, rows, columns, down, right, np.zeros((fields, points))


def bilinear_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The saddle through each grid's corners, at the points."""
    grids, rows, columns, down, right, _ = before
    last = grids.shape[1] - 1
    x, y = (columns + right) / last, (rows + down) / last
    a, b, c, d = (grids[:, i, j, None] for i in (0, last) for j in (0, last))
    surface = (1.0 - y) * ((1.0 - x) * a + x * b) + y * ((1.0 - x) * c + x * d)
    return [Check("samples", after[5], surface, 1e-12, "the one saddle through the corners of the whole grid")]


KERNELS = (
    Kernel(
        name="csr_diffusion",
        family="classics",
        summary="products with a sparse matrix by rows",
        units=(Unit(csr_diffusion, ("steps", "rows", "entries of the row", "coordinates")),),
        signature="none(int64[::1], int64[::1], float64[::1], float64[::1], float64[::1], int64)",
        sizes={
            "small": {"n": 1000, "steps": 20},
            "medium": {"n": 10000, "steps": 80},
            "large": {"n": 10000, "steps": 800},
        },
        inputs=diffusion_inputs,
        checks=diffusion_checks,
        bets={"index_maxima": "`columns` address the state, the same in every step"},
    ),
    Kernel(
        name="bilinear",
        family="classics",
        summary="bilinear interpolation on a grid, cells given by index",
        units=(Unit(bilinear, ("fields", "points")),),
        signature="none(float64[:, :, ::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[:, ::1])",
        sizes={
            "small": {"n": 30, "points": 1000, "fields": 8},
            "medium": {"n": 60, "points": 20000, "fields": 40},
            "large": {"n": 60, "points": 200000, "fields": 40},
        },
        inputs=bilinear_inputs,
        checks=bilinear_checks,
        bets={"index_maxima": "`rows` and `columns` address four corners in each of `grids`"},
    ),
)
