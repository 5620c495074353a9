"""One call that lasts: descent on a quartic under ten thousand ridges in turn, each from where the last one ended.

One meets it as the simulation that is started on Friday. A parameter is moved slowly and the solution followed, so that
nothing can be done in parallel and no call can be split: one function, called once, calling one small helper billions
of times. Before it stand two calls on a coarse path, a fraction of a second, to see whether it works; after it, one
that checks the surface.

By invocations the program is over before anything is warm. Everything is decided in the running loop: whether to
replace it on the stack, at the inner or at the outer loop, and whether to do so again when better code is ready. A tier
that is ten percent worse costs more here than all compiling does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram

RIDGES, STEPS = 10_000, 360_000


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the ends of the paths, coarse and fine, the last values, and where the quartic turns convex."""
    follow = bound(zoo.kernel("ridge_path"), decorate)
    convexity = bound(zoo.kernel("quartic_convexity"), decorate)
    results: dict[str, Any] = {}
    for name, ridges, steps in (("trial", 10, 500), ("coarse", 40, 2000), ("fine", RIDGES, STEPS)):
        path = np.zeros((ridges, 2))
        results[f"{name}_value"] = follow(2.0, 1.0, np.linspace(0.0, 6.0, ridges), 0.05, steps, path)
        results[name] = path
    lowest = np.zeros(40)
    concave, place = convexity(np.linspace(-3.0, 3.0, 2001), np.linspace(0.0, 6.0, 40), lowest)
    return {"lowest": lowest, "concave": concave, "place": place, **results}


PROGRAM = WholeProgram(
    name="slow_continuation",
    summary="one call of billions of steps, after two short ones",
    length="long",
    stresses="a single long call that only on-stack replacement reaches, and peak speed",
    run=run,
)
