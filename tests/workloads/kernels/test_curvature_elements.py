"""Element-wise assembly: one triangle by hand, two ways to one product, and a surface in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import assembly, minimal_surface


def small(name: str, seed: int = 1) -> list[Any]:
    kernel = zoo.kernel(name)
    return list(kernel.inputs(kernel.sizes["small"], seed))


def assembled(mesh: assembly.Mesh, heights: Any) -> Any:
    values = np.zeros(len(mesh.columns))
    assembly.assemble_hessian(mesh.triangles, mesh.slopes, mesh.areas, mesh.places, heights, values)
    return sparse.csr_array((values, mesh.columns, mesh.starts), shape=(len(heights), len(heights)))


def test_one_flat_triangle_has_the_stiffness_worked_by_hand() -> None:
    triangles, places = np.array([[0, 1, 2]]), np.arange(9).reshape(1, 3, 3)
    slopes = np.array([[[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]]])
    values = np.zeros(9)
    assembly.assemble_hessian(triangles, slopes, np.array([0.5]), places, np.zeros(3), values)
    assert values.reshape(3, 3).tolist() == [[1.0, -0.5, -0.5], [-0.5, 0.5, 0.0], [-0.5, 0.0, 0.5]]


def test_one_tilted_triangle_resists_less_along_its_slope() -> None:
    triangles, places = np.array([[0, 1, 2]]), np.arange(9).reshape(1, 3, 3)
    slopes = np.array([[[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]]])
    values = np.zeros(9)
    assembly.assemble_hessian(triangles, slopes, np.array([0.5]), places, np.array([0.0, np.sqrt(3.0), 0.0]), values)
    np.testing.assert_allclose(np.diag(values.reshape(3, 3))[1:], [0.5 / 8.0, 0.5 / 2.0], rtol=1e-12)


def test_the_shape_functions_of_the_mesh_sum_to_one_and_reproduce_a_plane() -> None:
    mesh = assembly.triangulate(6, np.random.default_rng(1))
    np.testing.assert_allclose(mesh.slopes.sum(axis=1), 0.0, atol=1e-12)
    plane = mesh.points @ np.array([2.0, -3.0])
    slope = np.einsum("ea,eak->ek", plane[mesh.triangles], mesh.slopes)
    np.testing.assert_allclose(slope, np.tile([2.0, -3.0], (50, 1)), rtol=1e-12)
    assert mesh.areas.sum() == pytest.approx(4.0)


def test_assembled_and_element_by_element_the_product_is_the_same() -> None:
    random = np.random.default_rng(2)
    mesh = assembly.triangulate(8, random)
    heights, vector, product = random.standard_normal(64), random.standard_normal(64), np.zeros(64)
    assembly.element_hessian_times(mesh.triangles, mesh.slopes, mesh.areas, heights, vector, product)
    matrix = assembled(mesh, heights)
    np.testing.assert_allclose(matrix @ vector, product, atol=1e-12)
    assert abs(matrix - matrix.T).max() < 1e-14
    np.testing.assert_allclose(matrix @ np.ones(64), 0.0, atol=1e-13)


def test_the_connectivity_map_has_a_place_for_every_pair_that_shares_a_triangle_and_for_no_other() -> None:
    mesh = assembly.triangulate(5, np.random.default_rng(3))
    pairs = {(int(a), int(b)) for triangle in mesh.triangles for a in triangle for b in triangle}
    rows = np.repeat(np.arange(25), np.diff(mesh.starts))
    assert sorted(pairs) == list(zip(rows.tolist(), mesh.columns.tolist(), strict=True))
    assert np.array_equal(mesh.columns[mesh.places], np.broadcast_to(mesh.triangles[:, None, :], (32, 3, 3)))
    assert np.array_equal(rows[mesh.places], np.broadcast_to(mesh.triangles[:, :, None], (32, 3, 3)))


def error(side: int) -> float:
    """The largest distance of the discrete minimal surface from Scherk's."""
    arguments = zoo.kernel("minimal_surface").inputs({"side": side}, 1)
    minimal_surface.minimal_surface(*arguments)
    points = assembly.triangulate(side, np.random.Generator(np.random.PCG64(1))).points
    return float(np.max(np.abs(arguments[7] - minimal_surface.scherk(points))))


def test_the_distance_from_scherks_surface_falls_with_the_square_of_the_elements_size() -> None:
    coarse, fine = error(9), error(17)
    assert coarse < 1e-3
    assert coarse / fine == pytest.approx(4.0, abs=0.5)


def test_a_tilted_frame_spans_a_plane() -> None:
    *mesh, free, heights, tolerance, limit = small("minimal_surface")
    points = assembly.triangulate(9, np.random.Generator(np.random.PCG64(1))).points
    plane = points @ np.array([1.0, 2.0])
    heights = np.where(free > 0.0, heights, plane)
    area, _, _ = minimal_surface.minimal_surface(*mesh, free, heights, tolerance, limit)
    np.testing.assert_allclose(heights, plane, atol=1e-9)
    assert area == pytest.approx(4.0 * np.sqrt(6.0), rel=1e-12)


def test_the_minimal_surface_is_the_one_that_scipy_finds() -> None:
    arguments = zoo.kernel("minimal_surface").inputs({"side": 5}, 1)
    triangles, slopes, areas, *_, free, heights, _, _ = arguments
    inside = free > 0.0
    start = heights.copy()

    def area(moved: Any) -> tuple[float, Any]:
        start[inside] = moved
        slope = np.einsum("ea,eak->ek", start[triangles], slopes)
        gradient = assembly.area_gradient(triangles, slopes, areas, start)[inside]
        return float(np.sum(areas * np.sqrt(1.0 + np.sum(slope**2, axis=1)))), gradient

    theirs = minimize(area, heights[inside].copy(), jac=True, tol=1e-10)
    found, _, _ = minimal_surface.minimal_surface(*arguments)
    assert found == pytest.approx(theirs.fun, rel=1e-12)
    np.testing.assert_allclose(heights[inside], theirs.x, atol=1e-6)
