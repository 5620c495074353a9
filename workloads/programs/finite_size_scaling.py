"""An Ising model at nine temperatures on lattices of growing width, and the statistics that are taken from it.

One meets it in computational physics as the campaign: the same sweep, four hundred thousand times, on ever larger
systems, with random numbers from NumPy in between, a measurement every few sweeps, and error bars at the end of each
temperature.

One small function takes most of the time from beginning to end. It is hot within the first second, and a controller
that has understood this must then leave it alone for the rest, but for one thing: the width is a constant that changes
five times and divides in the inner loop, so that a version for each width pays for the large ones and not for the small
ones, and the small ones come first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats, Indices

CAMPAIGN = ((16, 12_000), (24, 10_000), (40, 8_000), (64, 7_000), (100, 6_000), (144, 4_500))
TEMPERATURES = tuple(0.38 + 0.015 * step for step in range(9))


def magnetisation(spins: Indices) -> int:
    """The sum of all spins, in magnitude."""
    total = 0
    for i in range(spins.shape[0]):
        for j in range(spins.shape[1]):
            total += int(spins[i, j])
    return abs(total)


def cumulant(samples: Floats) -> float:
    """Binder's cumulant 1 - <m^4> / 3 <m^2>^2."""
    second = fourth = 0.0
    for i in range(len(samples)):
        square = float(samples[i]) * float(samples[i])
        second += square
        fourth += square * square
    return 1.0 - fourth * len(samples) / (3.0 * second * second)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return flips, energies, cumulants and errors by width and temperature, and the last lattice."""
    sweep = bound(zoo.kernel("ising_sweep"), decorate)
    bootstrap = bound(zoo.kernel("bootstrap_error"), decorate)
    measure, binder = decorate(magnetisation), decorate(cumulant)
    random = np.random.Generator(np.random.PCG64(35))
    flips, energies = np.zeros((2, len(CAMPAIGN), len(TEMPERATURES)), np.int64)
    cumulants, errors = np.zeros((2, len(CAMPAIGN), len(TEMPERATURES)))
    spins = np.zeros((0, 0), np.int64)
    for row, (width, sweeps) in enumerate(CAMPAIGN):
        spins = np.ones((width, width), np.int64)
        for column, inverse in enumerate(TEMPERATURES):
            acceptance = np.array([math.exp(-2.0 * inverse * max(pull, 0)) for pull in (-4, -2, 0, 2, 4)])
            samples = np.zeros(sweeps // 10)
            for number in range(sweeps):
                turned, change = sweep(spins, random.random((width, width)), acceptance)
                flips[row, column] += turned
                energies[row, column] += change
                if number % 10 == 9:
                    samples[number // 10] = measure(spins) / (width * width)
            cumulants[row, column] = binder(samples)
            draws = random.integers(0, len(samples), (100, len(samples)))
            errors[row, column] = bootstrap(np.ones(len(samples)), samples, draws, np.zeros(100))
    return {"flips": flips, "energies": energies, "cumulants": cumulants, "errors": errors, "spins": spins}


PROGRAM = WholeProgram(
    name="finite_size_scaling",
    summary="an Ising model swept four hundred thousand times on lattices of six widths",
    length="long",
    stresses="one hot function from start to end, and a constant width that changes when a version for it pays most",
    run=run,
)
