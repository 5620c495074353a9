"""Readings divided by those of a reference sensor, in place, until the reference dies.

One meets it in the first version of any pipeline: divide, and where that raises, leave the reading out and go on behind
it. The exception is caught, so it is part of the program's meaning: readings before the dead one have been divided by
then and are not to be divided twice.

The reference dies with the third of forty windows and stays dead, so that a bet on denominators that are not zero is
made early, on evidence of two calls, and fails for good. Code that raises after it has stored cannot simply be run
again from its entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Decorate, WholeProgram
from ..workload import Floats

DEAD = 17


def divide(readings: Floats, references: Floats) -> None:
    """Divide `readings` by `references`, both (n,), in place. ZeroDivisionError where a reference is zero."""
    for i in range(len(readings)):
        readings[i] = float(readings[i]) / float(references[i])


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the windows as they were left, and how many of them raised."""
    relative = decorate(divide)
    random = np.random.Generator(np.random.PCG64(16))
    windows = random.normal(20.0, 3.0, (40, 30))
    raised = 0
    for number, window in enumerate(windows):
        references = random.normal(20.0, 3.0, len(window))
        if number >= 2:
            references[DEAD] = 0.0
        try:
            relative(window, references)
        except ZeroDivisionError:
            raised += 1
            relative(window[DEAD + 1 :], references[DEAD + 1 :])
    return {"windows": windows, "raised": raised}


PROGRAM = WholeProgram(
    name="dead_sensor",
    summary="divisions in place that raise from the third call on, and are caught",
    length="short",
    stresses="a zero denominator in almost every call, after stores that must not be repeated",
    run=run,
)
