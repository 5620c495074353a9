"""A command that converts one file of readings and ends: forty voltages through a calibration polynomial.

One meets it as a script that is called from a shell loop, as a worker that is started per request, as the first cell of
a notebook. What its function does takes a tenth of a millisecond in the interpreter.

To a policy it puts the question whether it can leave a program alone. Nothing here is called often enough to pay back
even the cheapest compile, and whatever is set up in advance (workers, caches, Numba itself) is set up for nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernel import bound
from ..kernels.classics import polynomials
from ..program import Decorate, WholeProgram

TO_CELSIUS = (-2.1e-4, 3.7e-3, -0.11, 25.4, 0.02)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the temperatures that belong to the voltages, and the highest of them."""
    (kernel,) = (each for each in polynomials.KERNELS if each.name == "horner")
    horner = bound(kernel, decorate)
    voltages = np.random.Generator(np.random.PCG64(11)).uniform(0.0, 2.0, 40)
    temperatures = np.zeros_like(voltages)
    horner(voltages, np.array(TO_CELSIUS), temperatures)
    return {"temperatures": temperatures, "highest": max(temperatures.tolist())}


PROGRAM = WholeProgram(
    name="short_lived",
    summary="one conversion of forty numbers, and the process ends",
    length="short",
    stresses="a single call of a tenth of a millisecond: every compile is a loss",
    run=run,
)
