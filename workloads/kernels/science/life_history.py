"""When to spend on offspring and when on staying alive: the best life history under a trade-off.

An organism of age x spends a share e of its effort on offspring, of which it has b_x e, and pays with its survival, s_x
(1 - e^z). The growth rate L of such a life solves the equation of Euler and Lotka, 1 = sum L^-(x+1) l_x b_x e_x with
l_x the chance to reach x. Schaffer (Ecology 55, 1974, 291) and Taylor et al. (American Naturalist 108, 1974, 677)
showed that a life of the largest L has at every age the effort that maximises the reproductive value of that age at
this L: v_x = max over e of (b_x e + s_x (1 - e^z) v_x+1) / L. So the two are taken in turn: L for the efforts by
Newton's method, then efforts for that L from the last age to the first. This is Howard's policy iteration; L never
falls.

A last breath costs nothing, so all goes to offspring at the last age. With z = 1, or below, the trade-off has no curve
and effort is all or nothing: one big brood. With z above it there are broods at many ages, where a survivor is worth
enough.

The exponent z is a whole number, and the power a product, one factor at a time. The best effort of an age is searched
by golden section (Kiefer, Proceedings of the American Mathematical Society 4, 1953, 502), as for any shape of
trade-off. The check has it in closed form and takes growth rate and reproductive values from the Leslie matrix, as its
leading eigenvalue and left eigenvector (Caswell, Theoretical Population Biology 14, 1978, 215).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


def power(base: float, exponent: int) -> float:
    """Return `base` to a whole `exponent`, as a product."""
    product = 1.0
    for _ in range(exponent):
        product = product * base
    return product


def reproductive_value(effort: float, fecundity: float, survival: float, exponent: int, future: float) -> float:
    """Return offspring now and the survivor's worth, `future`, for an `effort` from 0 to 1; undiscounted."""
    return fecundity * effort + survival * (1.0 - power(effort, exponent)) * future


def best_effort(fecundity: float, survival: float, exponent: int, future: float, rounds: int) -> float:
    """Return the effort of the largest `reproductive_value`, by golden section; the ends count too."""
    low = 0.0
    high = 1.0
    left = high - GOLDEN * (high - low)
    right = low + GOLDEN * (high - low)
    at_left = reproductive_value(left, fecundity, survival, exponent, future)
    at_right = reproductive_value(right, fecundity, survival, exponent, future)
    for _ in range(rounds):
        if at_left > at_right:
            high = right
            right = left
            at_right = at_left
            left = high - GOLDEN * (high - low)
            at_left = reproductive_value(left, fecundity, survival, exponent, future)
        else:
            low = left
            left = right
            at_left = at_right
            right = low + GOLDEN * (high - low)
            at_right = reproductive_value(right, fecundity, survival, exponent, future)
    best = 0.5 * (low + high)
    value = reproductive_value(best, fecundity, survival, exponent, future)
    if survival * future > value:
        best = 0.0
        value = survival * future
    if fecundity > value:
        best = 1.0
    return best


def growth_rate(fecundity: Floats, survival: Floats, efforts: Floats, exponent: int, guess: float) -> float:
    """Return the growth rate of a life, from the equation of Euler and Lotka by Newton's method for its inverse.

    The arrays have shape (ages,); some age must have offspring. `guess` is positive. The sum is convex in the inverse,
    so the steps come from above and end where they no longer fall.
    """
    inverse = 1.0 / guess
    last = math.inf
    for turn in range(100):
        total = -1.0
        slope = 0.0
        alive = 1.0
        factor = 1.0
        for x in range(len(efforts)):
            effort = float(efforts[x])
            born = alive * float(fecundity[x]) * effort
            slope += float(x + 1) * factor * born
            factor = factor * inverse
            total += factor * born
            alive = alive * float(survival[x]) * (1.0 - power(effort, exponent))
        if turn > 1 and abs(total) >= last:
            break
        last = abs(total)
        inverse = inverse - total / slope
    return 1.0 / inverse


def improve(fecundity: Floats, survival: Floats, efforts: Floats, exponent: int, growth: float, rounds: int) -> float:
    """Write the best efforts at the growth rate `growth`, from the last age to the first; return the largest change.

    The arrays have shape (ages,).
    """
    future = 0.0
    change = 0.0
    for x in range(len(efforts) - 1, -1, -1):
        effort = best_effort(float(fecundity[x]), float(survival[x]), exponent, future, rounds)
        change = max(change, abs(effort - float(efforts[x])))
        efforts[x] = effort
        future = reproductive_value(effort, float(fecundity[x]), float(survival[x]), exponent, future) / growth
    return change


def life_history(
    fecundity: Floats, survival: Floats, exponent: int, efforts: Floats, growth: Floats, rounds: int, turns: int
) -> int:
    """Find the best efforts, shape (species, ages), in place, and growth rates, shape (species,).

    `fecundity` and `survival` are like `efforts`. Growth rate and efforts are taken in turn until no effort changes by
    more than a millionth, at most `turns` times; return the turns of all species together.
    """
    taken = 0
    for s in range(len(growth)):
        rate = growth_rate(fecundity[s], survival[s], efforts[s], exponent, 1.0)
        for _ in range(turns):
            change = improve(fecundity[s], survival[s], efforts[s], exponent, rate, rounds)
            rate = growth_rate(fecundity[s], survival[s], efforts[s], exponent, rate)
            taken += 1
            if change < 1e-6:
                break
        growth[s] = rate
    return taken


def leslie(fecundity: Floats, survival: Floats, efforts: Floats, exponent: int) -> Floats:
    """The projection matrix of a life: offspring in the first row, survival below the diagonal."""
    matrix = np.diag((survival * (1.0 - efforts**exponent))[:-1], -1)
    matrix[0] = fecundity * efforts
    return matrix


def leading(matrix: Floats) -> tuple[float, Floats]:
    """The leading eigenvalue and its left eigenvector, whose first element is 1."""
    values, vectors = np.linalg.eig(matrix.T)
    top = int(np.argmax(values.real))
    return float(values[top].real), np.real(vectors[:, top] / vectors[0, top])


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`species` that get more fecund and then frailer with age, up to `ages`; the exponent is 3, all effort a half."""
    random = np.random.Generator(np.random.PCG64(seed))
    shape = size["species"], size["ages"]
    age = np.arange(shape[1]) / shape[1]
    fecundity = random.uniform(0.5, 2.0, (shape[0], 1)) * (0.2 + age) * random.uniform(0.8, 1.2, shape)
    survival = random.uniform(0.6, 0.95, (shape[0], 1)) * (1.0 - 0.5 * age * age)
    return fecundity, survival, 3, np.full(shape, 0.5), np.zeros(shape[0]), 40, 30


def checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Growth rates are eigenvalues, and no effort could be better, given the reproductive values."""
    fecundity, survival, exponent, *_ = before
    efforts = after[3]
    found = [leading(leslie(*life, exponent)) for life in zip(fecundity, survival, efforts, strict=True)]
    values = np.array([vector for _, vector in found])
    cost = exponent * survival[:, :-1] * values[:, 1:]
    best = np.ones_like(efforts)
    best[:, :-1] = np.minimum(1.0, (fecundity[:, :-1] / cost) ** (1.0 / (exponent - 1)))
    return [
        Check("growth rates", after[4], [rate for rate, _ in found], 1e-10, "Leslie matrix, numpy.linalg.eig"),
        Check("efforts", efforts, best, 1e-6, "closed form at the matrix's reproductive values"),
    ]


KERNELS = (
    Kernel(
        name="life_history",
        family="science",
        summary="efforts by age of the largest growth rate when offspring cost survival",
        units=(
            Unit(life_history, ("species", "turns")),
            Unit(growth_rate, ("steps of Newton's method", "ages")),
            Unit(improve, ("ages",)),
            Unit(best_effort, ("rounds of golden section",)),
            Unit(reproductive_value),
            Unit(power, ("factors",)),
        ),
        signature=("int64(float64[:,::1], float64[:,::1], int64, float64[:,::1], float64[::1], int64, int64)"),
        sizes={
            "small": {"species": 12, "ages": 12},
            "medium": {"species": 250, "ages": 40},
            "large": {"species": 1800, "ages": 50},
        },
        inputs=inputs,
        checks=checks,
        bets={"constant_values": "the exponent of the trade-off, 3, is the trip count of the innermost product"},
    ),
)
