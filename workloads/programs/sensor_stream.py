"""A stream of readings in chunks of changing length: repair, filter, alarm, cluster, summarise, at times reconfigure.

One meets it in monitoring and control: the same few functions on every chunk, for hours. After a third the filter is
replaced by a longer one; after two thirds a sensor freezes, its chunks have no variance, and the normalisation raises
ZeroDivisionError, which is caught and counted.

Nine functions share the time about evenly. Chunk lengths never repeat exactly, the number of taps is constant and then
another constant, gaps in the data are rare branches that come in bursts, and the denominators that were never zero
become so in one of ten chunks, too seldom to give the bet up and too often to recompile each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats

CHUNKS = 600


def alarms(values: Floats, limit: float) -> int:
    """How often `values` cross `limit` upwards."""
    crossed, above = 0, True
    for i in range(len(values)):
        now = float(values[i]) > limit
        if now and not above:
            crossed += 1
        above = now
    return crossed


def energy(values: Floats) -> float:
    """The sum of squares of `values`."""
    total = 0.0
    for i in range(len(values)):
        total += float(values[i]) * float(values[i])
    return total


def run(decorate: Decorate) -> dict[str, Any]:
    """Return what was counted, the histograms of levels, energies and spreads by chunk, and the centres of regimes."""
    names = (
        "calibrate",
        "fir_filter",
        "exponential_smoothing",
        "standardize",
        "histogram",
        "hash_buckets",
        "kmeans_step",
    )
    k = {name: bound(zoo.kernel(name), decorate) for name in names}
    crossings, power = decorate(alarms), decorate(energy)
    random = np.random.Generator(np.random.PCG64(23))
    gains, bends = random.normal(1.0, 0.05, 6), random.normal(0.0, 0.01, 6)
    counts, sums = np.zeros(64, np.int64), np.zeros(64, np.int64)
    energies, spread = np.zeros((2, CHUNKS))
    centres = np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]])
    alarmed = frozen = missing = 0
    for chunk in range(CHUNKS):
        taps = np.full(5, 0.2) if chunk < CHUNKS // 3 else np.full(9, 1.0 / 9.0)
        length = int(random.integers(350, 450))
        readings = np.sin(0.02 * np.arange(length)) + random.normal(0.0, 0.3, length)
        if chunk > 2 * CHUNKS // 3 and chunk % 10 == 0:
            readings[:] = 0.0
        if chunk % 100 > 88:
            readings[random.integers(0, length, 30)] = np.nan
        readings = np.round(readings, 6)
        repaired, smooth = np.zeros((2, length))
        missing += k["calibrate"](readings, gains, bends, repaired)
        filtered = np.zeros(length - len(taps) + 1)
        k["fir_filter"](repaired, taps, filtered)
        k["exponential_smoothing"](repaired, smooth, 0.1, 2)
        alarmed += crossings(filtered, 0.5)
        energies[chunk] = power(smooth)
        regimes = np.zeros(len(filtered) - 1, np.int64)
        pairs = np.stack([filtered[:-1], filtered[1:]], axis=1)
        spread[chunk] = k["kmeans_step"](pairs, centres, regimes, np.zeros((3, 2)), np.zeros(3, np.int64))
        rows = np.ascontiguousarray(filtered[None, :])
        try:
            k["standardize"](rows)
        except ZeroDivisionError:
            frozen += 1
            continue
        levels = np.clip(np.floor(10.0 * rows[0]) + 32.0, 0.0, 63.0).astype(np.int64)
        k["histogram"](counts, levels, 1)
        chosen = np.zeros(len(levels), np.int64)
        k["hash_buckets"](levels * 7919 + chunk, 64, chosen)
        k["histogram"](sums, chosen, 1)
    return {
        "alarms": alarmed,
        "frozen": frozen,
        "missing": missing,
        "counts": counts,
        "sums": sums,
        "energies": energies,
        "spread": spread,
        "centres": centres,
    }


PROGRAM = WholeProgram(
    name="sensor_stream",
    summary="a stream in chunks through nine functions, reconfigured twice on the way",
    length="medium",
    stresses="lengths that never repeat, a constant that changes once, bursts of rare branches, zero denominators late",
    run=run,
)
