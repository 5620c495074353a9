"""Element by element: a Hessian assembled over a connectivity map, and the same Hessian applied without assembling.

A function that is a sum over elements, each of a few unknowns, has a Hessian that is the sum of small dense matrices,
added where the connectivity map says (Zienkiewicz & Taylor, The Finite Element Method, 2000, chapter 1; Griewank &
Toint, Numerische Mathematik 39, 1982, for "partially separable" functions in optimisation). Both gather through
`triangles` and scatter through a second map, from element entries to places in a CSR matrix, which is made once and
used in every Newton step. Applying element by element trades the stored matrix for gathers (Hughes, Levit & Winget,
Computer Methods in Applied Mechanics and Engineering 36(2), 1983).

The function is the area of a graph over linear triangles, whose minimum is a minimal surface (`minimal_surface`). In a
triangle of area A with constant slope g = sum h_a d_a, where d_a are the slopes of its shape functions, the area is A s
with s = sqrt(1 + g.g), the gradient A (d_a.g) / s, and the Hessian A (d_a.d_b - (d_a.g)(d_b.g) / s^2) / s.

Nodes are numbered at random, as mesh generators leave them to a degree, so that a gather is one. The check never uses
the map: it differentiates the gradient along a vector by a complex step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def assemble_hessian(
    triangles: Indices, slopes: Floats, areas: Floats, places: Indices, heights: Floats, values: Floats
) -> None:
    """Write the Hessian of the surface's area at `heights`, (nodes,), into the CSR elements `values`, (non-zeros,).

    `triangles` (elements, 3) are nodes, `slopes` (elements, 3, 2) and `areas` (elements,) belong to the flat triangles,
    `places` (elements, 3, 3) says where in `values` an entry is added. IndexError for a node or place that is too
    large, or an array that is too short.
    """
    for k in range(len(values)):
        values[k] = 0.0
    for e in range(len(triangles)):
        across = 0.0
        along = 0.0
        for a in range(3):
            height = float(heights[int(triangles[e, a])])
            across += height * float(slopes[e, a, 0])
            along += height * float(slopes[e, a, 1])
        square = 1.0 + across * across + along * along
        weight = float(areas[e]) / math.sqrt(square)
        for a in range(3):
            first = float(slopes[e, a, 0])
            second = float(slopes[e, a, 1])
            lean = (first * across + second * along) / square
            for b in range(3):
                straight = first * float(slopes[e, b, 0]) + second * float(slopes[e, b, 1])
                turned = float(slopes[e, b, 0]) * across + float(slopes[e, b, 1]) * along
                place = int(places[e, a, b])
                values[place] = float(values[place]) + weight * (straight - lean * turned)


def element_hessian_times(
    triangles: Indices, slopes: Floats, areas: Floats, heights: Floats, vector: Floats, product: Floats
) -> None:
    """Write the Hessian of the surface's area at `heights` times `vector` into `product`, all (nodes,).

    The other arguments are those of `assemble_hessian`. IndexError for a node that is too large, or an array that is
    too short.
    """
    for i in range(len(product)):
        product[i] = 0.0
    for e in range(len(triangles)):
        across = 0.0
        along = 0.0
        east = 0.0
        north = 0.0
        for a in range(3):
            node = int(triangles[e, a])
            first = float(slopes[e, a, 0])
            second = float(slopes[e, a, 1])
            across += float(heights[node]) * first
            along += float(heights[node]) * second
            east += float(vector[node]) * first
            north += float(vector[node]) * second
        square = 1.0 + across * across + along * along
        weight = float(areas[e]) / math.sqrt(square)
        lean = (across * east + along * north) / square
        east -= lean * across
        north -= lean * along
        for a in range(3):
            node = int(triangles[e, a])
            turned = weight * (float(slopes[e, a, 0]) * east + float(slopes[e, a, 1]) * north)
            product[node] = float(product[node]) + turned


class Mesh(NamedTuple):
    """A triangulated square: arrays as in `assemble_hessian`, `points` (nodes, 2), `starts` and `columns` in CSR."""

    points: Floats
    triangles: Indices
    slopes: Floats
    areas: Floats
    places: Indices
    starts: Indices
    columns: Indices


def triangulate(side: int, random: np.random.Generator) -> Mesh:
    """The square from -1 to 1 with `side` x `side` nodes in random numbering, each cell cut along a diagonal."""
    nodes = side * side
    number = random.permutation(nodes).reshape(side, side)
    line = np.linspace(-1.0, 1.0, side)
    points = np.empty((nodes, 2))
    points[number] = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    low, right, up, high = number[:-1, :-1], number[1:, :-1], number[:-1, 1:], number[1:, 1:]
    cells = np.concatenate([np.stack([low, right, high], axis=-1), np.stack([low, high, up], axis=-1)])
    triangles = np.ascontiguousarray(cells.reshape(-1, 3), dtype=np.int64)
    corners = points[triangles]
    opposite = np.roll(corners, -1, axis=1) - np.roll(corners, -2, axis=1)
    doubled = opposite[:, 0, 0] * opposite[:, 1, 1] - opposite[:, 0, 1] * opposite[:, 1, 0]
    slopes = np.stack([opposite[..., 1], -opposite[..., 0]], axis=-1) / doubled[:, None, None]
    keys = (triangles[:, :, None] * nodes + triangles[:, None, :]).ravel()
    unique, places = np.unique(keys, return_inverse=True)
    starts = np.searchsorted(unique, np.arange(nodes + 1, dtype=np.int64) * nodes).astype(np.int64)
    return Mesh(
        points,
        triangles,
        np.ascontiguousarray(slopes),
        0.5 * np.abs(doubled),
        places.reshape(-1, 3, 3).astype(np.int64),
        starts,
        (unique % nodes).astype(np.int64),
    )


def area_gradient(triangles: Indices, slopes: Floats, areas: Floats, heights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The gradient of the surface's area by all heights, (nodes,), real or complex: vectorised over the elements."""
    slope = np.einsum("ea,eak->ek", heights[triangles], slopes)
    weights = areas / np.sqrt(1.0 + np.sum(slope**2, axis=1))
    pulls = np.einsum("e,eak,ek->ea", weights, slopes, slope)
    gradient = np.zeros(len(heights), pulls.dtype)
    np.add.at(gradient, triangles, pulls)
    return gradient


def assembly_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A mesh of `side` x `side` nodes, random heights, and room for the elements of the matrix."""
    random = np.random.Generator(np.random.PCG64(seed))
    mesh = triangulate(size["side"], random)
    heights = random.standard_normal(len(mesh.points)) / size["side"]
    return mesh.triangles, mesh.slopes, mesh.areas, mesh.places, heights, np.zeros(len(mesh.columns))


def assembly_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """Times three vectors, the matrix gives the derivatives of the gradient along them."""
    triangles, slopes, areas, places, heights, _ = before
    rows, columns = np.zeros(len(after[5]), np.int64), np.zeros(len(after[5]), np.int64)
    rows[places] = triangles[:, :, None]
    columns[places] = triangles[:, None, :]
    found = []
    for seed in range(3):
        vector = np.random.Generator(np.random.PCG64(seed)).standard_normal(len(heights))
        turned = area_gradient(triangles, slopes, areas, heights + 1e-30j * vector).imag / 1e-30
        product = np.bincount(rows, after[5] * vector[columns], len(heights))
        found.append(Check("times a vector", product, turned, 1e-11, "complex-step derivative of the gradient"))
    return found


def product_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A mesh of `side` x `side` nodes, random heights, a random vector, and room for the product."""
    random = np.random.Generator(np.random.PCG64(seed))
    mesh = triangulate(size["side"], random)
    heights = random.standard_normal(len(mesh.points)) / size["side"]
    vector = random.standard_normal(len(heights))
    return mesh.triangles, mesh.slopes, mesh.areas, heights, vector, np.zeros_like(vector)


def product_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The derivative of the gradient along the vector, by a complex step."""
    triangles, slopes, areas, heights, vector, _ = before
    turned = area_gradient(triangles, slopes, areas, heights + 1e-30j * vector).imag / 1e-30
    return [Check("product", after[5], turned, 1e-11, "complex-step derivative of the gradient")]


ASSEMBLY = Unit(
    assemble_hessian, ("non-zeros", "elements", "nodes of the element", "nodes of the element", "nodes of the element")
)

KERNELS = (
    Kernel(
        name="assemble_hessian",
        family="curvature",
        summary="the Hessian of a surface's area, assembled over a connectivity map of triangles",
        units=(ASSEMBLY,),
        signature=(
            "none(int64[:, ::1], float64[:, :, ::1], float64[::1], int64[:, :, ::1], float64[::1], float64[::1])"
        ),
        sizes={"small": {"side": 24}, "medium": {"side": 160}, "large": {"side": 500}},
        inputs=assembly_inputs,
        checks=assembly_checks,
        bets={"index_maxima": "triangles[e, a] into `heights` and places[e, a, b] into `values`"},
    ),
    Kernel(
        name="element_hessian_times",
        family="curvature",
        summary="the same Hessian times a vector, element by element, never assembled",
        units=(Unit(element_hessian_times, ("nodes", "elements", "nodes of the element", "nodes of the element")),),
        signature="none(int64[:, ::1], float64[:, :, ::1], float64[::1], float64[::1], float64[::1], float64[::1])",
        sizes={"small": {"side": 36}, "medium": {"side": 300}, "large": {"side": 900}},
        inputs=product_inputs,
        checks=product_checks,
        bets={},
    ),
)
