"""Windows of readings brought to mean zero and variance one, from a box of which one sensor has died.

One meets it in the first version of any pipeline: normalise, and where that raises, drop the reading and go on. The
exception is caught, so it is part of the program's meaning: rows before the dead one have been scaled by then and are
not to be scaled twice.

The dead sensor comes with the third of forty calls and stays in every later one, so that a bet on denominators that are
not zero is made early, on evidence of two, and fails for good. Code that raises after it has stored cannot simply be
run again from its entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernel import bound
from ..kernels.classics import scaling
from ..program import Decorate, WholeProgram


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the sums of the scaled windows, and how many of them raised."""
    (kernel,) = (each for each in scaling.KERNELS if each.name == "standardize")
    standardize = bound(kernel, decorate)
    random = np.random.Generator(np.random.PCG64(16))
    sums, raised = np.zeros((40, 6)), 0
    for window in range(40):
        rows = random.normal(20.0, 3.0, (6, 30))
        if window >= 2:
            rows[4] = 0.0
        try:
            standardize(rows)
        except ZeroDivisionError:
            raised += 1
            standardize(rows[5:])
        sums[window] = rows[:, 0]
    return {"sums": sums, "raised": raised}


PROGRAM = WholeProgram(
    name="dead_sensor",
    summary="normalisation that raises from its third call on, and is caught",
    length="short",
    stresses="a zero denominator in almost every call, after stores that must not be repeated",
    run=run,
)
