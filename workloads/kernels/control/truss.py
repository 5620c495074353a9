"""The stiffest ten-bar truss, by steepest descent under an adaptive move limit.

The areas of ten bars share a given volume; wanted is the least compliance f u. Bar i holds the strain energy density
e = E strain^2 = -(dC / da) / length, and a design is optimal when all bars that are there have the same, and the others
no more (M. Bendsoe and O. Sigmund, Topology Optimization, 2003, chapter 4). Descent along a (e - mean e), with the mean
weighted by volume, keeps the volume and changes each area by a share of itself. The largest such share is the move
limit. It grows by `grow` when a step brought the compliance down; otherwise the step is taken back and the limit
shrinks by `shrink`: a trust region's rule, without its model.

The check is a certificate of optimality that any displacement gives (the dual of the problem, W. Dorn, R. Gomory and
H. Greenberg, J. de Mecanique 3, 1964): no truss of volume V has less compliance than (f u)^2 / (V max e). What gap
remains is what descent leaves open, and the price of a least area, which keeps the stiffness matrix positive definite.

One call designs a truss for each of many loads. Every system is 8 x 8 and every bar touches four displacements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices

NODES = np.array([[2.0, 1.0], [2.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
"""Of the classic ten-bar truss; the last two are held, the length of a bay is the unit."""

BARS = np.array([[4, 2], [2, 0], [5, 3], [3, 1], [3, 2], [1, 0], [4, 3], [5, 2], [2, 1], [3, 0]])
"""The two nodes of each bar."""

SETTLED = 1e-6
"""The move limit at which a design ends: in compliance it is worth a millionth at most."""


def truss_stiffness(areas: Floats, strains: Floats, ends: Indices, lengths: Floats, stiffness: Floats) -> None:
    """Write the stiffness matrix of bars with Young's modulus 1 into `stiffness` (n, n).

    The strain of bar i is the sum of `strains[i, k]` times the displacement `ends[i, k]`, both (bars, 4); `ends` is -1
    where a bar's end is held. `areas` and `lengths` (bars,). IndexError if a displacement is out of range.
    """
    for i in range(len(stiffness)):
        for j in range(len(stiffness)):
            stiffness[i, j] = 0.0
    for bar in range(len(areas)):
        volume = float(areas[bar]) * float(lengths[bar])
        for k in range(ends.shape[1]):
            i = int(ends[bar, k])
            if i >= 0:
                for m in range(ends.shape[1]):
                    j = int(ends[bar, m])
                    if j >= 0:
                        held = volume * float(strains[bar, k]) * float(strains[bar, m])
                        stiffness[i, j] = float(stiffness[i, j]) + held


def solve(matrix: Floats, loads: Floats, case: int, solution: Floats) -> None:
    """Solve `matrix` x = `loads[case]` by Cholesky's method into `solution` (n,); `matrix` (n, n) holds the factor.

    ValueError if the matrix is not positive definite.
    """
    n = len(solution)
    for j in range(n):
        for i in range(j, n):
            total = float(matrix[i, j])
            for k in range(j):
                total -= float(matrix[i, k]) * float(matrix[j, k])
            if i == j:
                if total <= 0.0:
                    raise ValueError("the matrix is not positive definite")
                matrix[j, j] = math.sqrt(total)
            else:
                matrix[i, j] = total / float(matrix[j, j])
    for i in range(n):
        total = float(loads[case, i])
        for k in range(i):
            total -= float(matrix[i, k]) * float(solution[k])
        solution[i] = total / float(matrix[i, i])
    for i in range(n - 1, -1, -1):
        total = float(solution[i])
        for k in range(i + 1, n):
            total -= float(matrix[k, i]) * float(solution[k])
        solution[i] = total / float(matrix[i, i])


def energies(strains: Floats, ends: Indices, displacement: Floats, densities: Floats) -> None:
    """Write the strain energy density of each bar, strain^2, into `densities` (bars,); the rest as above."""
    for bar in range(len(densities)):
        strain = 0.0
        for k in range(ends.shape[1]):
            j = int(ends[bar, k])
            if j >= 0:
                strain += float(strains[bar, k]) * float(displacement[j])
        densities[bar] = strain * strain


def moved_areas(
    areas: Floats, densities: Floats, lengths: Floats, least: float, volume: float, move: float, moved: Floats
) -> None:
    """Write areas into `moved` (bars,) that lie downhill from `areas`, no share of change above `move`.

    Bars at the area `least` stay there, unless they hold more than the mean energy. What the volume is then off by,
    at most a share `move` of what such bars have, the others share in.
    """
    held = 0.0
    mean = 0.0
    for bar in range(len(areas)):
        if float(areas[bar]) > least:
            held += float(areas[bar]) * float(lengths[bar])
            mean += float(areas[bar]) * float(lengths[bar]) * float(densities[bar])
    mean /= held
    steepest = 1e-300
    for bar in range(len(areas)):
        if float(areas[bar]) > least or float(densities[bar]) > mean:
            steepest = max(steepest, abs(float(densities[bar]) - mean))
    free = 0.0
    rest = volume
    for bar in range(len(areas)):
        share = max(-move, move * ((float(densities[bar]) - mean) / steepest))
        moved[bar] = max(least, float(areas[bar]) * (1.0 + share))
        if float(moved[bar]) > least:
            free += float(moved[bar]) * float(lengths[bar])
        else:
            rest -= least * float(lengths[bar])
    for bar in range(len(areas)):
        if float(moved[bar]) > least:
            moved[bar] = float(moved[bar]) * rest / free


def stiffest_trusses(
    strains: Floats,
    ends: Indices,
    lengths: Floats,
    loads: Floats,
    volume: float,
    least: float,
    grow: float,
    shrink: float,
    steps: int,
    designs: Floats,
    compliances: Floats,
) -> tuple[int, float]:
    """Design a truss for each load, from equal areas, with a move limit of 0.2 at first and 0.5 at most.

    A design ends after `steps` steps or when the move limit has shrunk to nothing. `strains` and `ends` (bars, 4),
    `lengths` (bars,), `loads` (cases, n). Write the areas into `designs` (cases, bars) and f u into `compliances`
    (cases,). Return how many steps failed, and the smallest move limit at the end. ValueError if a truss is a
    mechanism.
    """
    n = loads.shape[1]
    stiffness = np.zeros((n, n))
    displacement = np.zeros(n)
    areas = np.zeros(len(lengths))
    moved = np.zeros(len(lengths))
    densities = np.zeros(len(lengths))
    total = 0.0
    for bar in range(len(lengths)):
        total += float(lengths[bar])
    failures = 0
    smallest = 1.0
    for case in range(len(loads)):
        for bar in range(len(areas)):
            moved[bar] = volume / total
        move = 0.2
        best = np.inf
        for _ in range(steps + 1):
            truss_stiffness(moved, strains, ends, lengths, stiffness)
            solve(stiffness, loads, case, displacement)
            compliance = 0.0
            for i in range(n):
                compliance += float(loads[case, i]) * float(displacement[i])
            if compliance < best:
                if best < np.inf:
                    move = min(0.5, grow * move)
                best = compliance
                for bar in range(len(areas)):
                    areas[bar] = float(moved[bar])
                energies(strains, ends, displacement, densities)
            else:
                failures += 1
                move *= shrink
                if move < SETTLED:
                    break
            moved_areas(areas, densities, lengths, least, volume, move, moved)
        smallest = min(smallest, move)
        compliances[case] = best
        for bar in range(len(areas)):
            designs[case, bar] = float(areas[bar])
    return failures, smallest


def members(nodes: Floats, bars: Indices, held: int) -> tuple[Floats, Indices, Floats]:
    """`strains`, `ends` and `lengths` of `bars` (m, 2) between `nodes` (k, 2), the last `held` of which are held."""
    spans = nodes[bars[:, 1]] - nodes[bars[:, 0]]
    lengths = np.linalg.norm(spans, axis=1)
    per_length = spans / lengths[:, None] ** 2
    displacements = np.full((len(nodes), 2), -1, np.int64)
    displacements[:-held] = np.arange(2 * (len(nodes) - held)).reshape(-1, 2)
    ends = np.hstack([displacements[bars[:, 0]], displacements[bars[:, 1]]])
    return np.hstack([-per_length, per_length]), ends, np.asarray(lengths)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A unit load per case, on one of the four free nodes and in any direction; volume 10, least area 0.0001."""
    random = np.random.Generator(np.random.PCG64(seed))
    cases = size["cases"]
    strains, ends, lengths = members(NODES, BARS, 2)
    angles, nodes = random.uniform(0.0, 2.0 * np.pi, cases), random.integers(0, 4, cases)
    loads = np.zeros((cases, 4, 2))
    loads[np.arange(cases), nodes] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    room = np.zeros((cases, len(BARS))), np.zeros(cases)
    return strains, ends, lengths, loads.reshape(cases, 8), 10.0, 1e-4, 1.2, 0.5, size["steps"], *room


def checks(before: tuple[Any, ...], result: tuple[int, float], after: tuple[Any, ...]) -> list[Check]:
    """The volume; the compliance by LAPACK; and the dual's bound, which no truss of that volume can beat."""
    strains, ends, lengths, loads, volume, *_ = before
    designs, compliances = after[9], after[10]
    matrix = np.zeros((len(lengths), loads.shape[1]))
    bar, place = np.nonzero(ends >= 0)
    matrix[bar, ends[bar, place]] = strains[bar, place]
    stiffness = np.einsum("cb,bi,bj->cij", designs * lengths, matrix, matrix, optimize=True)
    displacements = np.linalg.solve(stiffness, loads[:, :, None])[:, :, 0]
    work = np.sum(loads * displacements, axis=1)
    bound = work**2 / (volume * np.max((displacements @ matrix.T) ** 2, axis=1))
    return [
        Check("volume", designs @ lengths, np.full(len(loads), volume), 1e-11, "the constraint"),
        Check("compliance", compliances / work, np.ones(len(loads)), 1e-10, "numpy.linalg.solve"),
        Check("optimum", compliances / bound, np.ones(len(loads)), 5e-4, "dual bound, Dorn et al. 1964"),
        Check("failures and last limit", float(result[0] > 0 and result[1] <= 0.5), 1.0, 0.0, "the rule of the limit"),
    ]


KERNELS = (
    Kernel(
        name="stiffest_trusses",
        family="control",
        summary="ten-bar trusses of least compliance, by descent under an adaptive move limit",
        units=(
            Unit(stiffest_trusses, ("bars", "cases", "bars", "steps", "displacements", "bars", "bars")),
            Unit(truss_stiffness, ("rows", "columns", "bars", "ends", "ends")),
            Unit(
                solve, ("columns", "rows", "columns before", "rows", "columns before", "rows, backwards", "rows after")
            ),
            Unit(energies, ("bars", "ends")),
            Unit(moved_areas, ("bars", "bars", "bars", "bars")),
        ),
        signature="Tuple((int64, float64))(float64[:, ::1], int64[:, ::1], float64[::1], float64[:, ::1], float64,"
        " float64, float64, float64, int64, float64[:, ::1], float64[::1])",
        sizes={
            "small": {"cases": 2, "steps": 100},
            "medium": {"cases": 60, "steps": 100},
            "large": {"cases": 600, "steps": 100},
        },
        inputs=inputs,
        checks=checks,
        bets={
            "constant_shapes": "8 displacements, 10 bars of 4: no loop but those over cases and steps runs longer",
            "index_maxima": "assembly scatters, and the energies gather, through `ends`",
        },
    ),
)
