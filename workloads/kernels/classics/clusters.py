"""Clusters: the distance of every point to every centre, in loops as short as space has dimensions.

One call is one step of S. Lloyd's method (IEEE Transactions on Information Theory 28, 1982): every point joins its
nearest centre, then each centre moves to the mean of its points. The loops over dimensions and centres are 3 and 8
long and unroll once that is known. A program calls the step until nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def kmeans_step(points: Floats, centres: Floats, labels: Indices, sums: Floats, counts: Indices) -> float:
    """Move `centres`, (k, d), to the means of the `points`, (n, d), nearest to each; return the mean squared distance.

    `labels`, (n,), receives the nearest centre as it was, the first of equals; `sums`, (k, d), and `counts`, (k,), are
    scratch. A centre without points stays.
    """
    for c in range(centres.shape[0]):
        counts[c] = 0
        for d in range(centres.shape[1]):
            sums[c, d] = 0.0
    total = 0.0
    for i in range(points.shape[0]):
        nearest, least = 0, float("inf")
        for c in range(centres.shape[0]):
            distance = 0.0
            for d in range(centres.shape[1]):
                offset = float(points[i, d]) - float(centres[c, d])
                distance += offset * offset
            if distance < least:
                nearest, least = c, distance
        labels[i] = nearest
        counts[nearest] += 1
        for d in range(centres.shape[1]):
            sums[nearest, d] += float(points[i, d])
        total += least
    for c in range(centres.shape[0]):
        if int(counts[c]) > 0:
            for d in range(centres.shape[1]):
                centres[c, d] = float(sums[c, d]) / int(counts[c])
    return total / len(points)


def kmeans_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Points around 8 corners of a cube, and centres near them."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    corners = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
    points = corners[random.integers(0, 8, n)] + random.normal(0.0, 0.4, (n, 3))
    centres = corners + random.normal(0.0, 0.2, (8, 3))
    return points, centres, np.zeros(n, np.int64), np.zeros((8, 3)), np.zeros(8, np.int64)


def kmeans_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """All distances at once, by |p|^2 - 2 p.c + |c|^2, name the same centres; the means are those of the members."""
    points, centres, _, _, _ = before
    squares = (points**2).sum(axis=1)[:, None] - 2.0 * points @ centres.T + (centres**2).sum(axis=1)
    labels = np.argmin(squares, axis=1)
    means = np.array([points[labels == c].mean(axis=0) for c in range(len(centres))])
    return [
        Check("labels", after[2], labels, 0.0, "distances by the expanded square"),
        Check("centres", after[1], means, 1e-11, "numpy.mean of the members"),
        Check("mean squared distance", result, float(squares.min(axis=1).mean()), 1e-11, "the expanded square"),
    ]


KERNELS = (
    Kernel(
        name="kmeans_step",
        family="classics",
        summary="one step of k-means: 8 centres in 3 dimensions",
        units=(
            Unit(
                kmeans_step,
                (
                    "centres",
                    "dimensions",
                    "points",
                    "centres",
                    "dimensions",
                    "dimensions",
                    "centres",
                    "dimensions",
                ),
            ),
        ),
        signature="float64(float64[:, ::1], float64[:, ::1], int64[::1], float64[:, ::1], int64[::1])",
        sizes={"small": {"n": 1000}, "medium": {"n": 50000}, "large": {"n": 500000}},
        inputs=kmeans_inputs,
        checks=kmeans_checks,
        bets={"constant_shapes": "8 centres in 3 dimensions"},
    ),
)
