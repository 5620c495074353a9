"""Plane stress on a grid of square elements: stiffness, a banded solver, and the energy of every element.

The bilinear element of every textbook, with its four corners' displacements through a connectivity map `places`
(elements, 8) that has -1 where a displacement is held. Nodes are counted down the columns, so the matrix is a band of
2 rows + 5 diagonals beside the main one, and Cholesky's method stays inside the band (A. George and J. Liu, Computer
Solution of Large Sparse Positive Definite Systems, 1981, chapter 4). Rejected: conjugate gradients with element-wise
products, whose number of iterations grows as the densities go to 0 and 1.

`element_energies` is also a kernel by itself: what the sensitivities of every compliance problem are made of, one
gather of eight and one form of 8 x 8 per element.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def band_stiffness(densities: Floats, power: float, element: Floats, places: Indices, band: Floats) -> None:
    """Write the stiffness matrix into `band` (n, w + 1): entry (i, j), j <= i, at column j - i + w of row i.

    An element of density d, from `densities` (elements,), has `element` (8, 8) times d^`power`; `places` as above.
    IndexError if the band is too narrow below its first row or a place is out of range.
    """
    width = band.shape[1] - 1
    for i in range(len(band)):
        for k in range(band.shape[1]):
            band[i, k] = 0.0
    for e in range(len(densities)):
        scale = float(densities[e]) ** power
        for k in range(places.shape[1]):
            i = int(places[e, k])
            if i >= 0:
                for m in range(places.shape[1]):
                    j = int(places[e, m])
                    if 0 <= j <= i:
                        column = j - i + width
                        band[i, column] = float(band[i, column]) + scale * float(element[k, m])


def band_factor(band: Floats) -> None:
    """Replace a positive definite matrix in `band`, stored as above, by its Cholesky factor.

    ValueError if it is not positive definite.
    """
    width = band.shape[1] - 1
    for i in range(len(band)):
        first = max(0, i - width)
        for j in range(first, i + 1):
            total = float(band[i, j - i + width])
            for k in range(first, j):
                total -= float(band[i, k - i + width]) * float(band[j, k - j + width])
            if j < i:
                band[i, j - i + width] = total / float(band[j, width])
            else:
                if total <= 0.0:
                    raise ValueError("the matrix is not positive definite")
                band[i, width] = math.sqrt(total)


def band_solve(factor: Floats, loads: Floats, solution: Floats) -> None:
    """Write the solution for `loads` into `solution`, both (n,), from the `factor` that `band_factor` left."""
    width = factor.shape[1] - 1
    for i in range(len(factor)):
        total = float(loads[i])
        for k in range(max(0, i - width), i):
            total -= float(factor[i, k - i + width]) * float(solution[k])
        solution[i] = total / float(factor[i, width])
    for i in range(len(factor) - 1, -1, -1):
        total = float(solution[i]) / float(factor[i, width])
        solution[i] = total
        for k in range(max(0, i - width), i):
            solution[k] = float(solution[k]) - float(factor[i, k - i + width]) * total


def element_energies(element: Floats, places: Indices, displacement: Floats, energies: Floats) -> float:
    """Write u K u of each element at density 1 into `energies` (elements,); return the highest.

    `element` (8, 8), `places` (elements, 8) into `displacement` (n,), -1 for held ones. IndexError if a place is out
    of range.
    """
    corners = np.zeros(places.shape[1])
    highest = 0.0
    for e in range(len(energies)):
        for k in range(len(corners)):
            place = int(places[e, k])
            corners[k] = float(displacement[place]) if place >= 0 else 0.0
        energy = 0.0
        for k in range(len(corners)):
            force = 0.0
            for m in range(len(corners)):
                force += float(element[k, m]) * float(corners[m])
            energy += force * float(corners[k])
        energies[e] = energy
        highest = max(highest, energy)
    return highest


def unit_element(poisson: float) -> Floats:
    """The stiffness (8, 8) of a unit square with Young's modulus 1, by 2 x 2 Gauss points.

    Corners in the order (0, 0), (1, 0), (1, 1), (0, 1), each with its displacements along x and y.
    """
    stress = np.array([[1.0, poisson, 0.0], [poisson, 1.0, 0.0], [0.0, 0.0, 0.5 * (1.0 - poisson)]])
    stress /= 1.0 - poisson**2
    element = np.zeros((8, 8))
    for x in (0.5 - math.sqrt(1.0 / 12.0), 0.5 + math.sqrt(1.0 / 12.0)):
        for y in (0.5 - math.sqrt(1.0 / 12.0), 0.5 + math.sqrt(1.0 / 12.0)):
            strain = np.zeros((3, 8))
            strain[0, 0::2] = strain[2, 1::2] = [y - 1.0, 1.0 - y, y, -y]
            strain[1, 1::2] = strain[2, 0::2] = [x - 1.0, -x, x, 1.0 - x]
            element += 0.25 * strain.T @ stress @ strain
    return element


def half_beam(columns: int, rows: int) -> tuple[Indices, int]:
    """`places` (elements, 8) of the right half of a beam on supports, and the number of free displacements.

    Held: the left edge, which is the beam's middle, along x, and the lower right corner along y. Free displacement 0 is
    the upper left corner's along y. Elements and nodes are counted down the columns; y points down.
    """
    nodes = np.arange((columns + 1) * (rows + 1)).reshape(columns + 1, rows + 1)
    numbers = np.zeros((nodes.size, 2), np.int64)
    numbers[nodes[0], 0] = -1
    numbers[nodes[-1, -1], 1] = -1
    free = numbers == 0
    numbers[free] = np.arange(np.sum(free))
    corners = np.stack([nodes[:-1, :-1], nodes[1:, :-1], nodes[1:, 1:], nodes[:-1, 1:]], axis=-1).reshape(-1, 4)
    return np.ascontiguousarray(numbers[corners].reshape(-1, 8)), int(np.sum(free))


def assembled(densities: Floats, power: float, element: Floats, places: Indices, free: int) -> Floats:
    """The same stiffness matrix as `band_stiffness`, dense, by NumPy: an independent way for checks."""
    matrix = np.zeros((free + 1, free + 1))
    scaled = (densities**power)[:, None, None] * element
    np.add.at(matrix, (places[:, :, None], places[:, None, :]), scaled)
    return matrix[:free, :free]


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Random displacements of a half beam."""
    random = np.random.Generator(np.random.PCG64(seed))
    places, free = half_beam(size["columns"], size["rows"])
    return unit_element(0.3), places, random.standard_normal(free), np.zeros(len(places))


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The same form in the element's own modes, three of which are rigid."""
    element, places, displacement, _ = before
    spectrum, modes = np.linalg.eigh(element)
    corners = np.where(places >= 0, displacement[places], 0.0)
    expected = (corners @ modes) ** 2 @ spectrum
    return [
        Check("energies", after[3], expected, 1e-12 * float(np.max(expected)), "numpy.linalg.eigh of the element"),
        Check("highest", result, float(np.max(expected)), 1e-12 * float(np.max(expected)), "the same"),
    ]


KERNELS = (
    Kernel(
        name="element_energies",
        family="control",
        summary="the strain energy of every element of a plane-stress mesh, through its connectivity",
        units=(Unit(element_energies, ("elements", "places", "places", "places")),),
        signature="float64(float64[:, ::1], int64[:, ::1], float64[::1], float64[::1])",
        sizes={
            "small": {"columns": 40, "rows": 20},
            "medium": {"columns": 200, "rows": 150},
            "large": {"columns": 600, "rows": 500},
        },
        inputs=inputs,
        checks=checks,
        bets={
            "constant_shapes": "every element has eight displacements: the three inner loops run eight times",
        },
    ),
)
