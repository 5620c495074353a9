"""Replica exchange on a lattice of spins, and the single sweep that it is made of.

Swendsen & Wang, "Replica Monte Carlo simulation of spin glasses", Physical Review Letters 57 (1986); in the form used
here Hukushima & Nemoto, "Exchange Monte Carlo method and application to spin glass simulations", Journal of the
Physical Society of Japan 65 (1996). Copies of one system run at different temperatures. Neighbouring copies change
places with probability min(1, exp((b_i - b_j)(E_i - E_j))), where b is an inverse temperature. This keeps the product
of their Boltzmann distributions, and lets a cold copy leave a valley by way of the hot ones.

The system is the two-dimensional Ising model on a torus, as its mean energy is known to the last digit at every
temperature: the partition function is the trace of a power of the transfer matrix (Kramers & Wannier, Physical Review
60, 1941). Energies are integers, so that acceptance is a table of five numbers and nothing rounds.

`ising_exchange` reads neighbours from a table, as codes for arbitrary lattices do; `ising_sweep` computes them modulo
the width, site colour by site colour. Copies are not moved when they change places, only `copies`, which says what copy
stands at what temperature.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def ising_sweep(spins: Indices, uniforms: Floats, acceptance: Floats) -> tuple[int, int]:
    """Try to flip every spin of a torus once, in place; return the flips and the change of the energy.

    `spins` (height, width), both even, holds 1 and -1; `uniforms` has its shape; acceptance[2 + a / 2] is the
    probability of turning a spin whose product with the sum of its four neighbours is a. The energy is minus the sum of
    products of neighbours. Sites are updated as on a chess-board, first those whose row and column add up to even.
    """
    height, width = spins.shape
    flips, change = 0, 0
    for colour in range(2):
        for i in range(height):
            up, down = (i - 1) % height, (i + 1) % height
            for j in range((i + colour) % 2, width, 2):
                around = int(spins[up, j]) + int(spins[down, j])
                around += int(spins[i, (j - 1) % width]) + int(spins[i, (j + 1) % width])
                aligned = int(spins[i, j]) * around
                if float(uniforms[i, j]) < float(acceptance[2 + aligned // 2]):
                    spins[i, j] = -int(spins[i, j])
                    flips += 1
                    change += 2 * aligned
    return flips, change


def table_sweep(
    spins: Indices, copy: int, neighbours: Indices, uniforms: Floats, row: int, acceptance: Floats, at: int
) -> int:
    """Try to flip every spin of spins[copy] once, in the order of sites; return the change of the energy.

    `spins` (copies, sites), `neighbours` (sites, 4), `uniforms` (rows, sites), `acceptance` (temperatures, 5) as for
    `ising_sweep`, its row `at` being used. IndexError for a neighbour that does not exist.
    """
    change = 0
    for site in range(len(neighbours)):
        around = 0
        for k in range(4):
            around += int(spins[copy, int(neighbours[site, k])])
        aligned = int(spins[copy, site]) * around
        if float(uniforms[row, site]) < float(acceptance[at, 2 + aligned // 2]):
            spins[copy, site] = -int(spins[copy, site])
            change += 2 * aligned
    return change


def ising_exchange(
    spins: Indices,
    neighbours: Indices,
    inverse: Floats,
    uniforms: Floats,
    exchanges: Floats,
    copies: Indices,
    trace: Indices,
) -> int:
    """Sweep all copies and let neighbours in temperature change places, in turn; return how many pairs did.

    `spins` (temperatures, sites) and `copies` (temperatures,) are written in place, the energies by temperature after
    each round go into `trace` (rounds, temperatures). `inverse` are the inverse temperatures, `neighbours` (sites, 4),
    `uniforms` (rounds * temperatures, sites), `exchanges` (rounds, temperatures). Even rounds offer an exchange to the
    pairs (0, 1), (2, 3), ..., odd ones to (1, 2), (3, 4), ...
    """
    rungs, sites = spins.shape
    acceptance, energies = np.zeros((rungs, 5)), np.zeros(rungs, np.int64)
    for r in range(rungs):
        for a in range(5):
            acceptance[r, a] = math.exp(-float(inverse[r]) * 2.0 * max(2 * a - 4, 0))
        bonds = 0
        for site in range(sites):
            for k in range(4):
                bonds += int(spins[r, site]) * int(spins[r, int(neighbours[site, k])])
        energies[r] = -(bonds // 2)
    taken = 0
    for t in range(len(exchanges)):
        for r in range(rungs):
            copy = int(copies[r])
            change = table_sweep(spins, copy, neighbours, uniforms, t * rungs + r, acceptance, r)
            energies[copy] = int(energies[copy]) + change
        for r in range(t % 2, rungs - 1, 2):
            low, high = int(copies[r]), int(copies[r + 1])
            gain = (float(inverse[r]) - float(inverse[r + 1])) * (int(energies[low]) - int(energies[high]))
            if gain >= 0.0 or float(exchanges[t, r]) < math.exp(gain):
                copies[r], copies[r + 1] = high, low
                taken += 1
        for r in range(rungs):
            trace[t, r] = int(energies[int(copies[r])])
    return taken


def transfer_energy(width: int, inverse: float) -> float:
    """Return the mean energy of a torus of width x width spins at an inverse temperature, by the transfer matrix."""
    rows = 1.0 - 2.0 * ((np.arange(2**width)[:, None] >> np.arange(width)) & 1)
    inside = (rows * np.roll(rows, 1, axis=1)).sum(axis=1)
    exponent = 0.5 * (inside[:, None] + inside) + rows @ rows.T
    matrix = np.exp(inverse * (exponent - 2.0 * width))
    power = np.linalg.matrix_power(matrix, width - 1)
    return -width * float(np.sum(power * (exponent * matrix).T) / np.sum(power * matrix.T))


def sweep_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A square torus of random spins at Onsager's critical temperature."""
    random = np.random.Generator(np.random.PCG64(seed))
    shape = (size["width"], size["width"])
    critical = 0.5 * math.log(1.0 + math.sqrt(2.0))
    acceptance = np.exp(-2.0 * critical * np.maximum([-4.0, -2.0, 0.0, 2.0, 4.0], 0.0))
    return 1 - 2 * random.integers(0, 2, shape), random.uniform(0.0, 1.0, shape), acceptance


def sweep_checks(before: tuple[Any, ...], result: tuple[int, int], after: tuple[Any, ...]) -> list[Check]:
    """Each colour at once, by rolled arrays; the energy by a Hamiltonian of whole arrays."""

    def energy(spins: Indices) -> int:
        return -int((spins * (np.roll(spins, 1, axis=0) + np.roll(spins, 1, axis=1))).sum())

    spins, uniforms, acceptance = before
    expected = spins.copy()
    colours = np.indices(spins.shape).sum(axis=0) % 2
    for colour in range(2):
        around = sum(np.roll(expected, step, axis) for step in (1, -1) for axis in (0, 1))
        turned = (colours == colour) & (uniforms < acceptance[2 + expected * around // 2])
        expected = np.where(turned, -expected, expected)
    return [
        Check("spins", after[0], expected, 0.0, "whole arrays, rolled"),
        Check("flips", result[0], int((expected != spins).sum()), 0.0, "spins that differ"),
        Check("change of the energy", result[1], energy(expected) - energy(spins), 0.0, "difference of energies"),
    ]


def exchange_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`rungs` inverse temperatures from 0.2 to 0.6, around the critical 0.44, on a torus of `width`^2 aligned spins."""
    random = np.random.Generator(np.random.PCG64(seed))
    width, rungs, rounds = size["width"], size["rungs"], size["rounds"]
    sites = np.arange(width * width).reshape(width, width)
    around = [np.roll(sites, step, axis).reshape(-1) for step in (1, -1) for axis in (0, 1)]
    return (
        np.ones((rungs, width * width), np.int64),
        np.stack(around, axis=1),
        np.linspace(0.2, 0.6, rungs),
        random.uniform(0.0, 1.0, (rounds * rungs, width * width)),
        random.uniform(0.0, 1.0, (rounds, rungs)),
        np.arange(rungs),
        np.zeros((rounds, rungs), np.int64),
    )


def first_rounds(before: tuple[Any, ...], rounds: int) -> Indices:
    """Return the energies after the first rounds of `ising_exchange` with the arguments `before`.

    Here all temperatures take a step at once, and copies are moved where they change places.
    """
    spins, neighbours, inverse, uniforms, offers, _, _ = before
    spins, rungs = spins.copy(), len(inverse)
    energies = -(spins[:, :, None] * spins[:, neighbours]).sum(axis=(1, 2)) // 2
    trace = np.zeros((rounds, rungs), np.int64)
    for t in range(rounds):
        drawn = uniforms[t * rungs : (t + 1) * rungs]
        for site, around in enumerate(neighbours):
            cost = 2 * spins[:, site] * spins[:, around].sum(axis=1)
            turned = drawn[:, site] < np.exp(-inverse * np.maximum(cost, 0))
            spins[turned, site] *= -1
            energies += np.where(turned, cost, 0)
        for r in range(t % 2, rungs - 1, 2):
            if offers[t, r] < math.exp(min((inverse[r] - inverse[r + 1]) * (energies[r] - energies[r + 1]), 0.0)):
                spins[[r, r + 1]], energies[[r, r + 1]] = spins[[r + 1, r]], energies[[r + 1, r]]
        trace[t] = energies
    return trace


def exchange_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Mean energies are those of the transfer matrix, within errors taken from ten batches of rounds.

    The first tenth of the rounds is left out. Eight standard errors and a tenth of a bond per row are allowed. Each
    exchange is a transposition, so their number is even where the permutation of the copies is.
    """
    spins, neighbours, inverse, _, _, copies, trace = after
    width = math.isqrt(len(neighbours))
    energies = -(spins[:, :, None] * spins[:, neighbours]).sum(axis=(1, 2)) // 2
    kept = trace[len(trace) // 10 :]
    batches = np.array([batch.mean(axis=0) for batch in np.array_split(kept, 10)])
    errors = 8.0 * batches.std(axis=0, ddof=1) / math.sqrt(len(batches)) + 0.1 * width
    exact = [transfer_energy(width, float(b)) for b in inverse]
    found = [
        Check(f"mean energy at {b:.3f}", mean, energy, float(error), "transfer matrix")
        for b, mean, energy, error in zip(inverse, kept.mean(axis=0), exact, errors, strict=True)
    ]
    return [
        *found,
        Check("first energies", trace[:50], first_rounds(before, 50), 0.0, "all temperatures at once, copies moved"),
        Check("last energies", trace[-1], energies[copies], 0.0, "sums of products over the table"),
        Check("every copy once", np.sort(copies), np.arange(len(copies)), 0.0, "a permutation"),
        Check("exchanges, odd or even", (-1) ** result, np.linalg.det(np.eye(len(copies))[copies]), 1e-9, "parity"),
    ]


KERNELS = (
    Kernel(
        name="ising_sweep",
        family="search",
        summary="one Metropolis sweep of a torus of spins, as on a chess-board",
        units=(Unit(ising_sweep, ("colours", "rows", "columns")),),
        signature="UniTuple(int64, 2)(int64[:, ::1], float64[:, ::1], float64[::1])",
        sizes={"small": {"width": 120}, "medium": {"width": 800}, "large": {"width": 2400}},
        inputs=sweep_inputs,
        checks=sweep_checks,
        bets={"constant_values": "the width divides twice per site (% of the columns beside it)"},
    ),
    Kernel(
        name="ising_exchange",
        family="search",
        summary="replica exchange of Ising models between temperatures",
        units=(
            Unit(
                ising_exchange,
                ("temperatures", "entries", "sites", "bonds", "rounds", "temperatures", "pairs", "trace"),
            ),
            Unit(table_sweep, ("sites", "bonds")),
        ),
        signature=(
            "int64(int64[:, ::1], int64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1], int64[::1],"
            " int64[:, ::1])"
        ),
        sizes={
            "small": {"width": 4, "rungs": 4, "rounds": 400},
            "medium": {"width": 6, "rungs": 6, "rounds": 2_000},
            "large": {"width": 8, "rungs": 8, "rounds": 8_000},
        },
        inputs=exchange_inputs,
        checks=exchange_checks,
        bets={"index_maxima": "each site gathers four spins through the table of neighbours, the same in every sweep"},
    ),
)
