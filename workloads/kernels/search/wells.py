"""Replica exchange of continuous walks: a double well that a cold walk alone does not leave.

Geyer, "Markov chain Monte Carlo maximum likelihood", Computing Science and Statistics 23 (1991); Earl & Deem, "Parallel
tempering", Physical Chemistry Chemical Physics 7 (2005). The energy is height * (x^2 - 1)^2 + tilt * x. At the coldest
temperature of the ladder the barrier is worth some twenty units of heat, which a Metropolis walk (see `annealing`)
passes about never. By exchanges with hot walks it visits both wells, in proportion to their weights, and those are a
quadrature away. Temperatures form a geometric ladder, for which exchanges are about equally likely on every rung.

Here the positions change places and the temperatures stay; `lattices` shows the other way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def double_well(x: float, height: float, tilt: float) -> float:
    """Return height * (x^2 - 1)^2 + tilt * x."""
    above = x * x - 1.0
    return height * (above * above) + tilt * x


def tempered_walks(
    positions: Floats,
    temperatures: Floats,
    reaches: Floats,
    height: float,
    tilt: float,
    moves: Floats,
    uniforms: Floats,
    exchanges: Floats,
    trace: Floats,
    taken: Indices,
) -> int:
    """Walk at every temperature and exchange neighbours in turn; return the moves accepted.

    `positions`, `temperatures` and `reaches`, what the moves of each walk are multiplied by, have shape (rungs,);
    `moves`, `uniforms` and `exchanges` (rounds, rungs). The positions are written in place, after each round also into
    `trace` (rounds, rungs), and the exchanges of rungs r and r + 1 counted in taken[r] (rungs,). Even rounds offer
    exchanges to the pairs from 0, odd ones from 1.
    """
    rungs = len(positions)
    accepted = 0
    for t in range(len(moves)):
        for r in range(rungs):
            old = float(positions[r])
            new = old + float(reaches[r]) * float(moves[t, r])
            rise = double_well(new, height, tilt) - double_well(old, height, tilt)
            if rise <= 0.0 or float(uniforms[t, r]) < math.exp(-rise / float(temperatures[r])):
                positions[r] = new
                accepted += 1
        for r in range(t % 2, rungs - 1, 2):
            low, high = float(positions[r]), float(positions[r + 1])
            gap = 1.0 / float(temperatures[r]) - 1.0 / float(temperatures[r + 1])
            gain = gap * (double_well(low, height, tilt) - double_well(high, height, tilt))
            if gain >= 0.0 or float(exchanges[t, r]) < math.exp(gain):
                positions[r], positions[r + 1] = high, low
                taken[r] = int(taken[r]) + 1
        for r in range(rungs):
            trace[t, r] = float(positions[r])
    return accepted


def boltzmann(temperature: float, height: float, tilt: float) -> tuple[float, float]:
    """Return the probability of the well at x > 0 and the mean energy at a temperature, by the trapezoidal rule."""
    x = np.linspace(-4.0, 4.0, 8001)
    energy = height * (x**2 - 1.0) ** 2 + tilt * x
    weight = np.exp(-(energy - energy.min()) / temperature)
    return float(weight[x > 0.0].sum() / weight.sum()), float((weight * energy).sum() / weight.sum())


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`rungs` walks from the higher well, at temperatures from 0.05 to 2, a barrier of height 1 and a tilt of 0.02."""
    random = np.random.Generator(np.random.PCG64(seed))
    shape = (size["rounds"], size["rungs"])
    temperatures = np.geomspace(0.05, 2.0, size["rungs"])
    return (
        np.linspace(0.95, 1.05, size["rungs"]),
        temperatures,
        np.sqrt(temperatures),
        1.0,
        0.02,
        random.normal(0.0, 1.0, shape),
        random.uniform(0.0, 1.0, shape),
        random.uniform(0.0, 1.0, shape),
        np.zeros(shape),
        np.zeros(size["rungs"], np.int64),
    )


def checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Shares of the wells and mean energies are Boltzmann's, and every move and exchange in the trace obeys its rule.

    Statistical errors are taken from ten batches of rounds, the first tenth left out; eight are allowed, and 0.03 for
    batches too few to show their spread. A walk stands where it was or where its move led; otherwise it has been
    exchanged, and stands where its partner was or where the partner's move led.
    """
    start, temperatures, reaches, height, tilt, moves, uniforms, offers, _, _ = before
    trace, rungs = after[8], len(start)

    def well(x: Floats) -> Floats:
        return np.asarray(height * (x**2 - 1.0) ** 2 + tilt * x)

    energy = well(trace)
    found: list[Check] = []
    for r, temperature in enumerate(temperatures):
        right, mean = boltzmann(float(temperature), height, tilt)
        for what, values, expected in (("share of x > 0", trace[:, r] > 0.0, right), ("energy", energy[:, r], mean)):
            kept = values[len(values) // 10 :]
            batches = [float(batch.mean()) for batch in np.array_split(kept, 10)]
            allowed = 8.0 * float(np.std(batches, ddof=1)) / math.sqrt(10.0) + 0.03
            found.append(Check(f"{what} at {temperature:.3f}", kept.mean(), expected, allowed, "quadrature"))
    partners = np.tile(np.arange(rungs), (2, 1))
    for odd in (0, 1):
        for r in range(odd, rungs - 1, 2):
            partners[odd, [r, r + 1]] = r + 1, r
    partner = partners[np.arange(len(trace)) % 2]
    old = np.vstack([start, trace[:-1]])
    moved = old + reaches * moves
    theirs, theirs_moved = np.take_along_axis(old, partner, 1), np.take_along_axis(moved, partner, 1)
    own = (trace == old) | (trace == moved)
    exchanged = ~own & ((trace == theirs) | (trace == theirs_moved))
    came = np.where(exchanged, np.take_along_axis(trace, partner, 1), trace)
    accepted = came == moved
    allowed_moves = uniforms < np.exp(np.minimum((well(old) - well(moved)) / temperatures, 0.0))
    gaps = 1.0 / temperatures - 1.0 / temperatures[partner]
    gains = gaps * (well(came) - well(np.take_along_axis(came, partner, 1)))
    upper = partner > np.arange(rungs)
    allowed_exchanges = upper & (offers < np.exp(np.minimum(gains, 0.0)))
    return [
        *found,
        Check("every position has a source", own | exchanged, np.ones(trace.shape), 0.0, "the trace and the moves"),
        Check("moves", accepted, allowed_moves, 0.0, "Metropolis's rule, whole arrays"),
        Check("exchanges", exchanged & upper, allowed_exchanges, 0.0, "the rule of exchange, whole arrays"),
        Check("moves accepted", result, int(accepted.sum()), 0.0, "the trace and the moves"),
        Check("exchanges by rung", after[9], (exchanged & upper).sum(axis=0), 0.0, "the trace"),
        Check("last positions", after[0], trace[-1], 0.0, "the trace"),
    ]


KERNELS = (
    Kernel(
        name="tempered_walks",
        family="search",
        summary="replica exchange of walks in a double well",
        units=(Unit(tempered_walks, ("rounds", "walks", "pairs", "walks")), Unit(double_well)),
        signature=(
            "int64(float64[::1], float64[::1], float64[::1], float64, float64, float64[:, ::1], float64[:, ::1],"
            " float64[:, ::1], float64[:, ::1], int64[::1])"
        ),
        sizes={
            "small": {"rungs": 4, "rounds": 4_000},
            "medium": {"rungs": 6, "rounds": 60_000},
            "large": {"rungs": 8, "rounds": 400_000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
