"""Car-Parrinello dynamics: ions and electrons move at once, the electrons on a second, faster time scale.

Car and Parrinello (Physical Review Letters 55, 1985, 2471) give the orbitals a fictitious mass and let them swing about
their ground state while the ions move, instead of minimising the energy anew at every position of the ions. That works
while the slowest swing is much faster than the ions, and a time step is stable while it resolves the fastest one. For
L = m/2 sum |c'|^2 + M/2 sum u'^2 - sum c H(u) c - E(u), with orbitals c kept orthonormal, a small turn of the occupied
orbital i into the empty orbital j swings with the frequency sqrt(2 (e_j - e_i) / m) (Marx, Hutter, in Modern Methods
and Algorithms of Quantum Chemistry, 2000, section 2.4.3, after Pastore, Smargiassi, Buda, Physical Review A 44, 1991,
6334). How large a time step may be is asked in `stability_limit`.

The molecule is a ring of atoms with one electron for two of them, whose hopping depends on the distance of neighbours:
polyacetylene as Su, Schrieffer and Heeger have it (Physical Review B 22, 1980, 2099), without spin. Orthonormality is
kept by the multipliers of Ryckaert, Ciccotti and Berendsen, found by the iteration for a symmetric matrix of Car and
Parrinello (in Simple Molecular Systems at Very High Density, 1989). Energies count from the middle of the occupied
band: that moves nothing but keeps the multipliers small, and rounding errors in the norms grow where one exceeds 1.

The check moves the ions by what the method avoids: diagonalisation in every step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def chain_forces(
    orbitals: Floats, ions: Floats, hopping: float, coupling: float, stiffness: float, product: Floats, force: Floats
) -> None:
    """Write H c for each orbital into `product` and the force on every ion into `force`.

    `orbitals` and `product` have shape (orbitals, n), `ions` and `force` (n,), n >= 3. Neighbours in the ring hop with
    -(hopping - coupling (u_next - u)) and pull with `stiffness`.
    """
    count, n = orbitals.shape
    for j in range(n):
        force[j] = 0.0
        for i in range(count):
            product[i, j] = 0.0
    for j in range(n):
        after = (j + 1) % n
        stretch = float(ions[after]) - float(ions[j])
        element = coupling * stretch - hopping
        bond = 0.0
        for i in range(count):
            here = float(orbitals[i, j])
            there = float(orbitals[i, after])
            bond += here * there
            product[i, j] = float(product[i, j]) + element * there
            product[i, after] = float(product[i, after]) + element * here
        tension = 2.0 * coupling * bond + stiffness * stretch
        force[j] = float(force[j]) + tension
        force[after] = float(force[after]) - tension


def overlaps(left: Floats, right: Floats, matrix: Floats) -> None:
    """Write the products of all rows of `left` with all rows of `right`, shape (k, n), into `matrix`, (k, k)."""
    count, n = left.shape
    for i in range(count):
        for k in range(count):
            total = 0.0
            for j in range(n):
                total += float(left[i, j]) * float(right[k, j])
            matrix[i, k] = total


def orthonormalize(trial: Floats, orbitals: Floats, work: Floats, tolerance: float, rounds: int) -> float:
    """Add to the rows of `trial` those of `orbitals`, times a symmetric matrix, so that they become orthonormal.

    Both have shape (k, n), `work` (4, k, k). The matrix X solves 1 = A + X B' + B X + X X with A = trial trial' and
    B = trial orbitals', by fixed-point iteration until it changes by less than `tolerance` or for `rounds`; the last
    change is returned. B + X is near 1 at the end, so X begins at 1 - B, which serves up to the largest stable step.
    """
    count, n = trial.shape
    overlap, turn, found, new = work[0], work[1], work[2], work[3]
    overlaps(trial, trial, overlap)
    overlaps(trial, orbitals, turn)
    for i in range(count):
        for k in range(count):
            found[i, k] = -0.5 * (float(turn[i, k]) + float(turn[k, i]))
        found[i, i] = float(found[i, i]) + 1.0
    change = math.inf
    for _ in range(rounds):
        change = 0.0
        for i in range(count):
            for k in range(count):
                rest = -float(overlap[i, k]) + float(found[i, k]) + float(found[i, k])
                if i == k:
                    rest += 1.0
                for a in range(count):
                    left = float(found[i, a])
                    right = float(found[a, k])
                    rest -= left * float(turn[k, a]) + float(turn[i, a]) * right + left * right
                new[i, k] = 0.5 * rest
                change = max(change, abs(0.5 * rest - float(found[i, k])))
        for i in range(count):
            for k in range(count):
                found[i, k] = float(new[i, k])
        if change < tolerance:
            break
    for i in range(count):
        for j in range(n):
            total = float(trial[i, j])
            for k in range(count):
                total += float(found[i, k]) * float(orbitals[k, j])
            trial[i, j] = total
    return change


def car_parrinello(
    orbitals: Floats,
    orbitals_before: Floats,
    ions: Floats,
    ions_before: Floats,
    hopping: float,
    coupling: float,
    stiffness: float,
    orbital_mass: float,
    ion_mass: float,
    step: float,
    steps: int,
) -> float:
    """Move orbitals, shape (k, n), and ions, shape (n,), by `steps` time steps of Verlet's rule, in place.

    The arrays `..._before` are the same one time step earlier, before as after the call. Return the largest last
    change of the multipliers over all steps, which is tiny where they have converged in each.
    """
    count, n = orbitals.shape
    product, trial = np.zeros((count, n)), np.zeros((count, n))
    force, work = np.zeros(n), np.zeros((4, count, count))
    orbital_push = 2.0 * step * step / orbital_mass
    ion_push = step * step / ion_mass
    worst = 0.0
    for _ in range(steps):
        chain_forces(orbitals, ions, hopping, coupling, stiffness, product, force)
        for i in range(count):
            for j in range(n):
                here = float(orbitals[i, j])
                pull = float(product[i, j]) + hopping * here
                trial[i, j] = 2.0 * here - float(orbitals_before[i, j]) - orbital_push * pull
        worst = max(worst, orthonormalize(trial, orbitals, work, 1e-13, 40))
        for i in range(count):
            for j in range(n):
                orbitals_before[i, j] = float(orbitals[i, j])
                orbitals[i, j] = float(trial[i, j])
        for j in range(n):
            here = float(ions[j])
            ions[j] = 2.0 * here - float(ions_before[j]) + ion_push * float(force[j])
            ions_before[j] = here
    return worst


def ring(ions: Floats, hopping: float, coupling: float) -> Floats:
    """The Hamiltonian of the ring, shape (n, n)."""
    n = len(ions)
    elements = coupling * (np.roll(ions, -1) - ions) - hopping
    here = np.arange(n)
    hamiltonian = np.zeros((n, n))
    hamiltonian[here, (here + 1) % n] = elements
    return hamiltonian + hamiltonian.T


def ground(hamiltonian: Floats, count: int) -> Floats:
    """The `count` lowest orbitals in rows."""
    return np.ascontiguousarray(np.linalg.eigh(hamiltonian)[1][:, :count].T)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A ring at rest, its atoms displaced in turn by 0.15 and at random by 0.03, electrons in their ground state."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    ions = 0.15 * (-1.0) ** np.arange(n) + random.uniform(-0.03, 0.03, n)
    ions -= ions.mean()
    orbitals = ground(ring(ions, 1.0, 0.6), n // 2)
    return (orbitals, orbitals.copy(), ions, ions.copy(), 1.0, 0.6, 1.0, 0.1, 400.0, 0.1, size["steps"])


def adiabatic(arguments: tuple[Any, ...]) -> Floats:
    """The ions after the same steps with the electrons in their ground state at every one of them."""
    orbitals, _, ions, ions_before, hopping, coupling, stiffness, _, ion_mass, step, steps = arguments
    for _ in range(steps):
        lowest = ground(ring(ions, hopping, coupling), len(orbitals))
        bonds = np.sum(lowest * np.roll(lowest, -1, axis=1), axis=0)
        tension = 2.0 * coupling * bonds + stiffness * (np.roll(ions, -1) - ions)
        force = tension - np.roll(tension, 1)
        ions, ions_before = 2.0 * ions - ions_before + step * step / ion_mass * force, ions
    return cast(Floats, ions)


def extended_energy(arguments: tuple[Any, ...]) -> float:
    """What the dynamics conserves, kinetic energy of the orbitals included, half a step before the present."""
    orbitals, orbitals_before, ions, ions_before, hopping, coupling, stiffness, *masses, step, _ = arguments
    moves = np.sum((orbitals - orbitals_before) ** 2), np.sum((ions - ions_before) ** 2)
    energy = 0.5 * np.dot(masses, moves) / (step * step)
    for c, u in ((orbitals, ions), (orbitals_before, ions_before)):
        energy += 0.5 * np.sum(c * (c @ ring(u, hopping, coupling)))
        energy += 0.25 * stiffness * np.sum((np.roll(u, -1) - u) ** 2)
    return float(energy)


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Orbitals stay orthonormal, energy is conserved, the ions move as if the electrons were always at rest."""
    products = after[0] @ after[0].T
    energy = extended_energy(before)
    return [
        Check("overlaps of the orbitals", products, np.eye(len(products)), 1e-11, "the constraint"),
        Check("extended energy", extended_energy(after), energy, 1e-4, "conservation of energy"),
        Check("ions", after[2], adiabatic(before), 1e-3, "Born-Oppenheimer dynamics by diagonalisation"),
        Check("residue", result, 0.0, 1e-12, "convergence of the multipliers"),
    ]


KERNELS = (
    Kernel(
        name="car_parrinello",
        family="science",
        summary="Car-Parrinello dynamics of a ring of atoms: ions and orbitals on two time scales",
        units=(
            Unit(
                car_parrinello,
                ("time steps", "orbitals", "coordinates", "orbitals", "coordinates", "ions"),
            ),
            Unit(chain_forces, ("ions", "orbitals", "ions", "orbitals")),
            Unit(
                orthonormalize,
                (*2 * ("orbitals",), "rounds", *3 * ("orbitals",), *3 * ("orbitals",), "coordinates", "orbitals"),
            ),
            Unit(overlaps, ("orbitals", "orbitals", "coordinates")),
        ),
        signature=(
            "float64(float64[:,::1], float64[:,::1], float64[::1], float64[::1],"
            " float64, float64, float64, float64, float64, float64, int64)"
        ),
        sizes={
            "small": {"n": 6, "steps": 40},
            "medium": {"n": 14, "steps": 500},
            "large": {"n": 18, "steps": 2500},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_shapes": "3 to 9 orbitals are the inner trip count of the products of small matrices"},
    ),
)
