"""One call, one loop of millions of steps: the Lyapunov exponent of the logistic map.

One meets it as the simulation that somebody wrapped into a function, decorated, and calls once. It is short because
compiled code is fast; interpreted it takes seconds.

Invocation counts see nothing here: the one invocation is the whole program. A policy has to compile at the first call,
which is wrong for `short_lived` and looks the same from outside, or to count loop iterations and to move the running
loop to compiled code (on-stack replacement).
"""

from __future__ import annotations

from typing import Any

from ..kernel import bound
from ..kernels.classics import orbits
from ..program import Decorate, WholeProgram

STEPS = 5_000_000


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the last state and the exponent."""
    (kernel,) = (each for each in orbits.KERNELS if each.name == "logistic_map")
    state, exponent = bound(kernel, decorate)(0.2, 3.9, STEPS)
    return {"state": state, "exponent": exponent}


PROGRAM = WholeProgram(
    name="single_orbit",
    summary="one call of five million steps",
    length="short",
    stresses="a single long call: compiling pays at once or by on-stack replacement, and no invocation says so",
    run=run,
)
