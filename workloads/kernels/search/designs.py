"""Where to look when nothing is known yet: on a grid, or at random.

Bergstra & Bengio, "Random search for hyper-parameter optimization", JMLR 13 (2012). A region that takes up the share a
of the search space is hit by n independent uniform points with probability 1 - (1 - a)^n, whatever its shape and
whatever the dimension: sixty points find the best twentieth of a space in 95.4 % of all cases. A grid has no such law.
When one axis alone matters, m^d points of a grid have m different values on it, and a target of width w is hit with
probability m w only.

`design_coverage` counts hits of both designs by one and the same function. The space is a torus there, so that
uniformly placed boxes are never cut by an edge and both laws are exact. The other two kernels are the searches, on a
valley most of whose axes hardly matter. Its value is a sum over axes, so the best point of a grid is known: on each
axis the grid value nearest to the valley's centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def valley(points: Floats, row: int, centre: Floats, weights: Floats) -> float:
    """Return the sum of weights * (points[row] - centre)^2. Shapes: points (n, d), the others (d,)."""
    value = 0.0
    for j in range(len(centre)):
        offset = float(points[row, j]) - float(centre[j])
        value += float(weights[j]) * (offset * offset)
    return value


def random_search(points: Floats, centre: Floats, weights: Floats, record: Floats) -> tuple[int, float]:
    """Evaluate all `points` (n, d); return the row of the first best and its value.

    The best value so far goes into `record`, shape (n,).
    """
    best, lowest = 0, valley(points, 0, centre, weights)
    record[0] = lowest
    for i in range(1, len(points)):
        value = valley(points, i, centre, weights)
        if value < lowest:
            best, lowest = i, value
        record[i] = lowest
    return best, lowest


def grid_search(per_axis: int, centre: Floats, weights: Floats, best: Floats) -> tuple[int, float]:
    """Evaluate all per_axis^d midpoints of the unit cube; return the number of the first best and its value.

    Point number i has the coordinates (k + 1/2) / per_axis, where k are the digits of i to the base `per_axis`, the
    lowest first. `centre`, `weights` and `best` have shape (d,); the best point is written into `best`.
    """
    count = 1
    for _ in range(len(centre)):
        count *= per_axis
    first, lowest = 0, 0.0
    for i in range(count):
        rest, value = i, 0.0
        for j in range(len(centre)):
            offset = (rest % per_axis + 0.5) / per_axis - float(centre[j])
            rest = rest // per_axis
            value += float(weights[j]) * (offset * offset)
        if i == 0 or value < lowest:
            first, lowest = i, value
    rest = first
    for j in range(len(centre)):
        best[j] = (rest % per_axis + 0.5) / per_axis
        rest = rest // per_axis
    return first, lowest


def first_hit(points: Floats, start: int, stop: int, corners: Floats, target: int, widths: Floats) -> int:
    """Return the first row in start..stop-1 of `points` (n, d) that lies in a box, or -1.

    The box has the corner corners[target] and the sides `widths` (d,), on a torus of circumference 1. A side above 1
    takes in the whole axis.
    """
    for i in range(start, stop):
        inside = True
        for j in range(len(widths)):
            offset = float(points[i, j]) - float(corners[target, j])
            if offset < 0.0:
                offset += 1.0
            if offset >= float(widths[j]):
                inside = False
                break
        if inside:
            return i
    return -1


def design_coverage(
    points: Floats, grid: Floats, corners: Floats, widths: Floats, hits: Indices, grid_hits: Indices
) -> tuple[int, int]:
    """Count how often boxes are hit by random designs and by a grid; return both counts.

    `points` (designs * n, d) are as many designs of n rows as `hits` has entries, `grid` (n, d), `corners` (boxes, d),
    `widths` (d,). The boxes hit by each design go into `hits`, and for each box 1 or 0 into `grid_hits` (boxes,).
    """
    size = len(grid)
    for design in range(len(hits)):
        found = 0
        for target in range(len(corners)):
            if first_hit(points, design * size, (design + 1) * size, corners, target, widths) >= 0:
                found += 1
        hits[design] = found
    total, on_grid = 0, 0
    for design in range(len(hits)):
        total += int(hits[design])
    for target in range(len(corners)):
        grid_hits[target] = 1 if first_hit(grid, 0, size, corners, target, widths) >= 0 else 0
        on_grid += int(grid_hits[target])
    return total, on_grid


def _valley(random: np.random.Generator, axes: int) -> tuple[Floats, Floats]:
    return random.uniform(0.0, 1.0, axes), random.permutation(10.0 ** -np.arange(float(axes)))


def random_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`points` uniform points in `axes` dimensions, and a valley whose axes matter ten times less one by one."""
    random = np.random.Generator(np.random.PCG64(seed))
    centre, weights = _valley(random, size["axes"])
    return random.uniform(0.0, 1.0, (size["points"], size["axes"])), centre, weights, np.zeros(size["points"])


def random_checks(before: tuple[Any, ...], result: tuple[int, float], after: tuple[Any, ...]) -> list[Check]:
    """The same values as one matrix product, and their running minimum."""
    points, centre, weights, _ = before
    values = (points - centre) ** 2 @ weights
    return [
        Check("best row", result[0], int(np.argmin(values)), 0.0, "matrix product"),
        Check("best value", result[1], values.min(), 1e-14, "matrix product"),
        Check("record", after[3], np.minimum.accumulate(values), 1e-14, "matrix product"),
    ]


def grid_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A grid of `per_axis` values on each of `axes` axes, and a valley as in random search."""
    centre, weights = _valley(np.random.Generator(np.random.PCG64(seed)), size["axes"])
    return size["per_axis"], centre, weights, np.zeros(size["axes"])


def grid_checks(before: tuple[Any, ...], result: tuple[int, float], after: tuple[Any, ...]) -> list[Check]:
    """On each axis the best point of a grid has the value nearest to the centre."""
    per_axis, centre, weights, _ = before
    digits = np.minimum(np.floor(centre * per_axis), per_axis - 1)
    nearest = (digits + 0.5) / per_axis
    value = float(weights @ (nearest - centre) ** 2)
    return [
        Check("best point", after[3], nearest, 1e-15, "closed form: the nearest value on each axis"),
        Check("number", result[0], int(digits @ per_axis ** np.arange(len(centre))), 0.0, "closed form"),
        Check("value", result[1], value, 1e-14, "closed form"),
    ]


def coverage_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`designs` designs of per_axis^3 points; `boxes` slabs 0.05 wide on the first axis and unbounded on two others."""
    random = np.random.Generator(np.random.PCG64(seed))
    per_axis = size["per_axis"]
    ticks = (np.arange(per_axis) + 0.5) / per_axis
    grid = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    points = random.uniform(0.0, 1.0, (size["designs"] * len(grid), 3))
    corners = random.uniform(0.0, 1.0, (size["boxes"], 3))
    hits, grid_hits = np.zeros(size["designs"], np.int64), np.zeros(size["boxes"], np.int64)
    return points, grid, corners, np.array([0.05, 2.0, 2.0]), hits, grid_hits


def coverage_checks(before: tuple[Any, ...], result: tuple[int, int], after: tuple[Any, ...]) -> list[Check]:
    """Random designs obey 1 - (1 - a)^n; a grid hits what holds one of its values on each axis.

    For each box the law holds on average over designs, which are independent: hence six standard errors of the means
    over designs. That no box was counted twice or missed is seen by broadcasting.
    """
    points, grid, corners, widths, hits, _ = before
    designs, boxes, size = len(hits), len(corners), len(grid)
    found = np.zeros(designs, np.int64)
    for corner in corners:
        inside = np.all((points - corner) % 1.0 < widths, axis=1)
        found += inside.reshape(designs, size).any(axis=1)
    ticks = [np.unique(grid[:, j]) for j in range(len(widths))]
    held = [(((ticks[j] - corners[:, j : j + 1]) % 1.0) < widths[j]).any(axis=1) for j in range(len(widths))]
    law = 1.0 - (1.0 - float(np.prod(np.minimum(widths, 1.0)))) ** size
    error = float(np.std(found / boxes, ddof=1)) / designs**0.5
    return [
        Check("hit rate", result[0] / (designs * boxes), law, 6.0 * error + 0.01, "1 - (1 - a)^n"),
        Check("hits of each design", after[4], found, 0.0, "broadcasting"),
        Check("hits", result[0], int(found.sum()), 0.0, "broadcasting"),
        Check("hits of the grid", after[5], np.all(held, axis=0), 0.0, "the values of the grid on each axis"),
        Check("count of the grid", result[1], int(np.all(held, axis=0).sum()), 0.0, "the same"),
    ]


KERNELS = (
    Kernel(
        name="random_search",
        family="search",
        summary="random search in a valley few of whose axes matter",
        units=(Unit(random_search, ("points",)), Unit(valley, ("axes",))),
        signature="Tuple((int64, float64))(float64[:, ::1], float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"points": 10_000, "axes": 4},
            "medium": {"points": 300_000, "axes": 6},
            "large": {"points": 2_500_000, "axes": 6},
        },
        inputs=random_inputs,
        checks=random_checks,
        bets={"constant_shapes": "a point has a handful of axes, the only inner loop; without its checks it unrolls"},
    ),
    Kernel(
        name="grid_search",
        family="search",
        summary="grid search of the same valley, its points numbered in mixed digits",
        units=(Unit(grid_search, ("axes", "points", "axes", "axes")),),
        signature="Tuple((int64, float64))(int64, float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"per_axis": 11, "axes": 4},
            "medium": {"per_axis": 13, "axes": 5},
            "large": {"per_axis": 20, "axes": 5},
        },
        inputs=grid_inputs,
        checks=grid_checks,
        bets={
            "constant_values": "per_axis divides twice per axis and point (% and //)",
            "constant_shapes": "the digits of a point, one per axis, are the inner loop",
        },
    ),
    Kernel(
        name="design_coverage",
        family="search",
        summary="how often random designs and a grid hit a small target",
        units=(
            Unit(design_coverage, ("designs", "boxes", "designs", "boxes")),
            Unit(first_hit, ("points", "axes")),
        ),
        signature=(
            "Tuple((int64, int64))(float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], int64[::1],"
            " int64[::1])"
        ),
        sizes={
            "small": {"designs": 60, "boxes": 20, "per_axis": 4},
            "medium": {"designs": 400, "boxes": 150, "per_axis": 4},
            "large": {"designs": 2000, "boxes": 300, "per_axis": 4},
        },
        inputs=coverage_inputs,
        checks=coverage_checks,
        bets={},
    ),
)
