"""A library of two dozen decorated functions, imported for the sake of one of them.

One meets it in every command-line tool that has subcommands, and in every `import` of a numeric package: the functions
are decorated when the module is read, and all but one are never called in this process.

A policy that compiles at decoration, or that reads ahead, pays for all of them; one that keeps something per decorated
function (a thread, a table, a file) pays for that. The function that is called moves a vector of six numbers forty
times, which is not worth a compile either.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernel import bound
from ..kernels.classics import filters, polynomials, residues, scaling
from ..kernels.first_order import adam_steps, decay_steps, steps
from ..program import Decorate, WholeProgram

LIBRARY = (filters, polynomials, residues, scaling, steps, adam_steps, decay_steps)


def run(decorate: Decorate) -> dict[str, Any]:
    """Decorate everything, then take forty steps with momentum; return the way and the size of the library."""
    library = {kernel.name: bound(kernel, decorate) for module in LIBRARY for kernel in module.KERNELS}
    position, velocity = np.linspace(-1.0, 1.0, 6), np.zeros(6)
    way = np.zeros((40, 6))
    for moment in range(len(way)):
        library["momentum_step"](position, velocity, 2.0 * position, 0.05, 0.9)
        way[moment] = position
    return {"way": way, "functions": len(library)}


PROGRAM = WholeProgram(
    name="mostly_unused",
    summary="two dozen decorated functions, of which one is called",
    length="short",
    stresses="decoration itself: nothing may be paid per function that is never called",
    run=run,
)
