"""A simulation whose one parameter is fitted to measurements: simulate, fit, bootstrap, and again, on finer grids.

One meets it in calibration and inverse problems of every kind. Heat spreads in a box; probes give cooling curves;
growth curves are fitted to the nearer half of them; a secant step moves the unknown conductivity; after five rounds the
grid is refined and the whole starts over with arrays of another length.

Two halves take turns, each of a few functions: within a round one half is hot and the other cold. A counter that decays
while the other half runs never gets there; one that does not, treats as hot what has just ended. The sizes of the grid
are constants that change three times.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats

GRIDS = (10, 14, 20)
TIMES = np.array([9.0, 14.0, 21.0, 28.0, 42.0, 57.0, 63.0, 70.0, 79.0])
ROUNDS = 5


def probes(heat: Floats, width: int, reading: Floats) -> None:
    """Write the mean heat of each of the inner layers, (width, width) values each, into `reading`, (layers - 2,)."""
    for layer in range(len(reading)):
        total = 0.0
        for i in range(width * width):
            total += float(heat[(layer + 1) * width * width + i])
        reading[layer] = total / (width * width)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the conductivity after each round, the fitted curves of the last, and the bootstrapped errors."""
    heat_box, fit, bootstrap, smooth = (
        bound(zoo.kernel(name), decorate)
        for name in ("heat_box", "levenberg_marquardt", "bootstrap_error", "exponential_smoothing")
    )
    measure = decorate(probes)
    random = np.random.Generator(np.random.PCG64(29))

    def curves(width: int, share: float) -> Floats:
        box = np.zeros((width, width, width))
        box[0] = 100.0
        heat, other = box.reshape(-1).copy(), box.reshape(-1).copy()
        shown, before = np.zeros((width - 2, len(TIMES))), 0
        for column, moment in enumerate(TIMES.astype(int).tolist()):
            heat_box(heat, other, width, width, share, moment - before)
            reading = np.zeros(width - 2)
            measure(heat, width, reading)
            shown[:, column], before = reading, moment
        return shown[: width // 2].copy()

    def parameters(sizes: Floats) -> tuple[Floats, float]:
        fitted = np.stack([sizes[:, -1] + 1.0, np.full(len(sizes), 1.5), np.full(len(sizes), 0.05)], axis=1)
        return fitted, fit(TIMES, sizes, fitted, 1e-9, 80)

    shares, errors, squares = np.zeros((3, len(GRIDS), ROUNDS))
    fitted = np.zeros((0, 3))
    for row, width in enumerate(GRIDS):
        measured, _ = parameters(curves(width, 0.11) + random.normal(0.0, 0.02, (width // 2, len(TIMES))))
        share, step = 0.06, 0.02
        before = 0.0
        for number in range(ROUNDS):
            fitted, squares[row, number] = parameters(curves(width, share))
            misses = np.ascontiguousarray(fitted[:, 0] - measured[:, 0])
            weights = np.ones(len(misses))
            draws = random.integers(0, len(misses), (200, len(misses)))
            errors[row, number] = bootstrap(weights, misses, draws, np.zeros(200))
            miss = smooth(misses, np.zeros(len(misses)), 0.3, 2)
            if number:
                change = miss - before
                step = -step * miss / change if change else 0.0
                step = min(max(step, -0.03), 0.03)
            shares[row, number] = share
            share, before = min(max(share + step, 0.02), 0.16), miss
    return {"shares": shares, "errors": errors, "squares": squares, "fitted": fitted}


PROGRAM = WholeProgram(
    name="simulate_and_fit",
    summary="heat in a box simulated and its conductivity fitted, on three grids",
    length="medium",
    stresses="two halves that take turns being hot, and grid sizes that change with every phase",
    run=run,
)
