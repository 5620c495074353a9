"""Two dimensions in one array: indices that are computed, and might wrap as far as a compiler can tell.

Numba's integers wrap, and its indices count from the end below zero, as Python's do. For `i * width + j` either may
happen, so each access selects between two addresses, and a loop over such accesses is taken for a gather from anywhere.
That none is below zero follows from 0 <= i, 0 <= j and a product below 2^63, which is tested once at the entry.

The summed-area table gains by that. The matrix product, in the order of loops that walks both matrices by rows (J.
Dongarra, F. Gustavson and A. Karp, SIAM Review 26, 1984), has such indices too, and measured no gain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def matmul_flat(left: Floats, right: Floats, product: Floats, n: int) -> None:
    """Add the product of two n by n matrices to `product`; all are stored by rows, in shape (n * n,)."""
    for i in range(n):
        for k in range(n):
            factor = float(left[i * n + k])
            for j in range(n):
                product[i * n + j] = float(product[i * n + j]) + factor * float(right[k * n + j])


def matmul_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Two random matrices."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.normal(size=n * n), random.normal(size=n * n), np.zeros(n * n), n


def matmul_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The product is that of BLAS."""
    left, right, _, n = before
    product = left.reshape(n, n) @ right.reshape(n, n)
    return [Check("product", after[2], product.reshape(-1), 1e-11, "numpy matmul (BLAS)")]


def summed_area(image: Floats, sums: Floats, width: int) -> None:
    """Write to `sums` the sum of `image` over all places above and left of each, itself included.

    Both are stored by rows of `width` in shape (height * width,) (F. Crow, SIGGRAPH 1984).
    """
    height = len(image) // width
    for j in range(width):
        sums[j] = float(image[j])
    for i in range(1, height):
        for j in range(width):
            sums[i * width + j] = float(sums[(i - 1) * width + j]) + float(image[i * width + j])
    for i in range(height):
        running = 0.0
        for j in range(width):
            running += float(sums[i * width + j])
            sums[i * width + j] = running


def area_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A square image."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.uniform(0.0, 1.0, n * n), np.zeros(n * n), n


def area_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Four of the sums give back each pixel, and the last is the whole."""
    image, _, width = before
    padded = np.pad(after[1].reshape(-1, width), ((1, 0), (1, 0)))
    pixels = padded[1:, 1:] - padded[:-1, 1:] - padded[1:, :-1] + padded[:-1, :-1]
    return [
        Check("pixels", pixels.reshape(-1), image, 1e-15 * len(image), "inclusion and exclusion"),
        Check("total", after[1][-1], float(image.sum()), 1e-12 * len(image), "numpy.sum"),
    ]


KERNELS = (
    Kernel(
        name="matmul_flat",
        family="classics",
        summary="matrix product on flat arrays: indices that cannot wrap, where betting on it brings nothing",
        units=(Unit(matmul_flat, ("rows", "inner products", "columns")),),
        signature="none(float64[::1], float64[::1], float64[::1], int64)",
        sizes={"small": {"n": 40}, "medium": {"n": 170}, "large": {"n": 380}},
        inputs=matmul_inputs,
        checks=matmul_checks,
        bets={},
    ),
    Kernel(
        name="summed_area",
        family="classics",
        summary="summed-area table of a flat image",
        units=(Unit(summed_area, ("columns", "rows", "columns", "rows", "columns")),),
        signature="none(float64[::1], float64[::1], int64)",
        sizes={"small": {"n": 150}, "medium": {"n": 1100}, "large": {"n": 3500}},
        inputs=area_inputs,
        checks=area_checks,
        bets={"no_overflow": "`i * width + j` stays at or above zero"},
    ),
)
