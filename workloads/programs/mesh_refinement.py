"""Structures and surfaces optimised on a coarse mesh, then on finer and finer ones.

One meets it in engineering: topology optimisation, finite elements, minimal surfaces. Each level is one long call of a
solver made from six or seven functions, several times the work of the level before; between the levels the strains are
evaluated on many load cases, and small trusses are designed for comparison.

Three solvers alternate, each called five times in all. The first calls are over before a compile is; the last ones are
most of the program. A policy cannot learn from counts of five calls, only from the loops within, and the sizes that it
may have bet on (the band, the rows of a mesh) are those of a level that will not come back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram

LEVELS = (
    {"columns": 9, "rows": 3, "steps": 8, "side": 9, "cases": 2},
    {"columns": 21, "rows": 7, "steps": 20, "side": 21, "cases": 40},
    {"columns": 45, "rows": 15, "steps": 40, "side": 55, "cases": 600},
    {"columns": 81, "rows": 27, "steps": 80, "side": 120, "cases": 6_000},
    {"columns": 150, "rows": 50, "steps": 150, "side": 260, "cases": 60_000},
)


def distinct(densities: Any) -> float:
    """How far `densities` are from black and white: the mean of 4 d (1 - d)."""
    total = 0.0
    for i in range(len(densities)):
        total += 4.0 * float(densities[i]) * (1.0 - float(densities[i]))
    return total / len(densities)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return what every level came to, and the designs of the last."""
    names = ("stiffest_plate", "minimal_surface", "stiffest_trusses", "element_energies", "optimality_criteria")
    kernels = {name: zoo.kernel(name) for name in names}
    k = {name: bound(kernel, decorate) for name, kernel in kernels.items()}
    grey = decorate(distinct)
    results: dict[str, Any] = {}
    figures = np.zeros((len(LEVELS), 8))
    for number, level in enumerate(LEVELS):
        plate = kernels["stiffest_plate"].inputs(level, 40 + number)
        compliance, failed, move = k["stiffest_plate"](*plate)
        surface = kernels["minimal_surface"].inputs(level, 50 + number)
        area, newtons, _ = k["minimal_surface"](*surface)
        trusses = kernels["stiffest_trusses"].inputs({"cases": level["cases"], "steps": 100}, 60 + number)
        refused, _ = k["stiffest_trusses"](*trusses)
        highest = 0.0
        for case in range(30):
            strained = kernels["element_energies"].inputs(level, 70 + case)
            highest = max(highest, k["element_energies"](*strained))
        updated = np.zeros(len(plate[0]))
        multiplier = k["optimality_criteria"](plate[0], np.full(len(updated), 0.5), 0.1, 0.4, updated)
        figures[number] = (compliance, failed, move, area, newtons, refused, highest, multiplier)
        results |= {"densities": plate[0], "heights": surface[7], "designs": trusses[9], "grey": grey(plate[0])}
    return {"figures": figures, **results}


PROGRAM = WholeProgram(
    name="mesh_refinement",
    summary="plates, surfaces and trusses optimised on five meshes, each several times the work of the last",
    length="long",
    stresses="five calls per solver of which the last is most of the program, on sizes that never come back",
    run=run,
)
