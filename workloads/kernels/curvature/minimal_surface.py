"""A minimal surface by Newton's method on finite elements: assemble, solve, step, until the gradient is gone.

Plateau's problem over linear triangles (Concus, Mathematics of Computation 21(99), 1967, for the discrete problem): the
area is convex in the heights, its Hessian is assembled over the connectivity map in every step (`assembly`), and the
linear systems are solved by conjugate gradients with the diagonal as preconditioner, on the CSR matrix just assembled.
Nodes on the boundary are held by a mask rather than by renumbering: their rows stay in the matrix, where an assembly by
map needs them, and their residuals are set to zero. A step is halved until the area falls.

On the boundary the heights are those of Scherk's surface log(cos y / cos x) (Journal für die reine und angewandte
Mathematik 13, 1835), one of the few minimal graphs in closed form, so the nodes in between are known up to the error of
the elements, which falls with the square of their size (Johnson & Thomée, Mathematics of Computation 29(130), 1975).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .assembly import ASSEMBLY, area_gradient, assemble_hessian, triangulate
from .dense import INNER, inner
from .krylov import sparse_times


def surface_area(
    triangles: Indices, slopes: Floats, areas: Floats, heights: Floats, free: Floats, gradient: Floats
) -> float:
    """Write the gradient of the surface's area into `gradient`, zero where `free` is 0.0; return the area.

    `heights`, `free` and `gradient` are (nodes,), the others as in `assemble_hessian`. IndexError for a node that is
    too large, or an array that is too short.
    """
    for i in range(len(gradient)):
        gradient[i] = 0.0
    total = 0.0
    for e in range(len(triangles)):
        across = 0.0
        along = 0.0
        for a in range(3):
            height = float(heights[int(triangles[e, a])])
            across += height * float(slopes[e, a, 0])
            along += height * float(slopes[e, a, 1])
        stretch = math.sqrt(1.0 + across * across + along * along)
        total += float(areas[e]) * stretch
        weight = float(areas[e]) / stretch
        for a in range(3):
            node = int(triangles[e, a])
            pull = weight * (float(slopes[e, a, 0]) * across + float(slopes[e, a, 1]) * along)
            gradient[node] = float(gradient[node]) + float(free[node]) * pull
    return total


def conjugate_gradients(
    starts: Indices,
    columns: Indices,
    values: Floats,
    right: Floats,
    free: Floats,
    tolerance: float,
    limit: int,
    solution: Floats,
) -> int:
    """Solve the CSR system on the nodes with `free` 1.0, zero elsewhere, into `solution`, (nodes,); return iterations.

    `right` and `free` are (nodes,). Ends when the preconditioned residual has fallen by `tolerance`, or after `limit`.
    IndexError for a column or array that does not fit; ZeroDivisionError for a zero on the diagonal.
    """
    n = len(right)
    inverse = np.zeros(n)
    residual = np.zeros(n)
    search = np.zeros(n)
    product = np.zeros(n)
    for i in range(n):
        for k in range(int(starts[i]), int(starts[i + 1])):
            if int(columns[k]) == i:
                inverse[i] = float(free[i]) / float(values[k])
        solution[i] = 0.0
        residual[i] = float(free[i]) * float(right[i])
        search[i] = float(inverse[i]) * float(residual[i])
    square = inner(residual, search)
    enough = tolerance * tolerance * square
    for taken in range(limit):
        if square <= enough:
            return taken
        sparse_times(starts, columns, values, search, product)
        length = square / inner(search, product)
        previous = square
        square = 0.0
        for i in range(n):
            solution[i] = float(solution[i]) + length * float(search[i])
            rest = float(residual[i]) - length * float(free[i]) * float(product[i])
            residual[i] = rest
            square += rest * rest * float(inverse[i])
        turn = square / previous
        for i in range(n):
            search[i] = float(inverse[i]) * float(residual[i]) + turn * float(search[i])
    return limit


def minimal_surface(
    triangles: Indices,
    slopes: Floats,
    areas: Floats,
    places: Indices,
    starts: Indices,
    columns: Indices,
    free: Floats,
    heights: Floats,
    tolerance: float,
    limit: int,
) -> tuple[float, int, int]:
    """Move the `heights`, (nodes,), that are `free` in place to the least area; return it, Newton steps, iterations.

    Ends when the norm of the gradient is at most `tolerance`, when no length lowers the area, or after `limit` steps.
    Errors as in `assemble_hessian`.
    """
    n = len(heights)
    values = np.zeros(len(columns))
    gradient = np.zeros(n)
    step = np.zeros(n)
    old = np.zeros(n)
    area = surface_area(triangles, slopes, areas, heights, free, gradient)
    iterations = 0
    for taken in range(limit):
        norm = math.sqrt(inner(gradient, gradient))
        if norm <= tolerance:
            return area, taken, iterations
        assemble_hessian(triangles, slopes, areas, places, heights, values)
        iterations += conjugate_gradients(starts, columns, values, gradient, free, min(0.1, norm), n, step)
        promised = inner(gradient, step)
        for i in range(n):
            old[i] = float(heights[i])
        length = 1.0
        reached = area
        for _ in range(30):
            for i in range(n):
                heights[i] = float(old[i]) - length * float(step[i])
            reached = surface_area(triangles, slopes, areas, heights, free, gradient)
            if reached <= area - 1e-4 * length * promised + 1e-15 * area:
                break
            length *= 0.5
        area = reached
    return area, limit, iterations


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A mesh of `side` x `side` nodes, Scherk's heights on its boundary and rough ones inside."""
    random = np.random.Generator(np.random.PCG64(seed))
    mesh = triangulate(size["side"], random)
    inside = np.max(np.abs(mesh.points), axis=1) < 1.0 - 1e-9
    heights = np.where(inside, random.uniform(-2.0, 2.0, len(inside)) / size["side"], scherk(mesh.points))
    free = inside.astype(np.float64)
    return *mesh[1:5], mesh.starts, mesh.columns, free, heights, 1e-10, 50


def scherk(points: Floats) -> Floats:
    """Scherk's surface over `points`, (nodes, 2)."""
    heights: Floats = np.log(np.cos(points[:, 1]) / np.cos(points[:, 0]))
    return heights


def checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """The area is stationary inside, the boundary is held, and the heights are odd under exchange of x and y."""
    triangles, slopes, areas, _, _, _, free, start, tolerance, _ = before
    heights = after[7]
    pull = free * area_gradient(triangles, slopes, areas, heights)
    slope = np.einsum("ea,eak->ek", heights[triangles], slopes)
    area = float(np.sum(areas * np.sqrt(1.0 + np.sum(slope**2, axis=1))))
    return [
        Check("gradient", pull, 0.0 * pull, 2.0 * tolerance, "optimality, vectorised"),
        Check("boundary", heights * (1.0 - free), start * (1.0 - free), 0.0, "held"),
        Check("area", result[0], area, 1e-12 * area, "vectorised"),
        Check("mean height", float(np.mean(heights)), 0.0, 1e-9, "symmetry of Scherk's surface"),
    ]


KERNELS = (
    Kernel(
        name="minimal_surface",
        family="curvature",
        summary="Newton's method for a minimal surface: element-wise assembly and conjugate gradients",
        units=(
            Unit(minimal_surface, ("steps", "nodes", "halvings", "nodes")),
            Unit(conjugate_gradients, ("nodes", "non-zeros", "iterations", "nodes", "nodes")),
            Unit(surface_area, ("nodes", "elements", "nodes of the element", "nodes of the element")),
            ASSEMBLY,
            Unit(sparse_times, ("rows", "non-zeros")),
            INNER,
        ),
        signature=(
            "Tuple((float64, int64, int64))(int64[:, ::1], float64[:, :, ::1], float64[::1], int64[:, :, ::1], "
            "int64[::1], int64[::1], float64[::1], float64[::1], float64, int64)"
        ),
        sizes={"small": {"side": 9}, "medium": {"side": 32}, "large": {"side": 64}},
        inputs=inputs,
        checks=checks,
        bets={"index_maxima": "triangles and places in the assembly, columns in the product"},
    ),
)
