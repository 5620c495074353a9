"""A small reverse-mode tape: the gradient of recorded arithmetic by one sweep forward and one backward.

A calculation is a list of operations, each with the places of its operands and nothing else. One sweep forward gives
the values, one sweep backward the derivatives of the last of them by all, for at most four times the operations of the
calculation itself (Linnainmaa, BIT 16(2), 1976; Baur & Strassen, Theoretical Computer Science 22(3), 1983; Griewank &
Walther, Evaluating Derivatives, 2008, chapter 3). Such a tape is bytecode and the sweeps are its interpreters: a branch
on the code of each operation, and gathers through operand numbers that only the tape knows. Second derivatives come
from gradients of gradients, or along a vector as in `products`.

The tape here is a random expression of all operations, built so that every value stays of order one and no logarithm or
quotient leaves its domain. The check goes the other way: one forward evaluation in the complex plane gives the
derivative along a direction (Squire & Trapp, SIAM Review 40(1), 1998) without any adjoint.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices

LEAF, ADD, SUBTRACT, MULTIPLY, DIVIDE, TANH, EXP, LOG, SIN, COS = range(10)
"""Codes of the operations; the last five take one operand, the left one."""


def operate(code: int, left: float, right: float) -> float:
    """The value of operation `code`. ValueError for a code that is none, or a logarithm out of its domain."""
    if code == ADD:
        return left + right
    if code == SUBTRACT:
        return left - right
    if code == MULTIPLY:
        return left * right
    if code == DIVIDE:
        return left / right
    if code == TANH:
        return math.tanh(left)
    if code == EXP:
        return math.exp(left)
    if code == LOG:
        return math.log(left)
    if code == SIN:
        return math.sin(left)
    if code == COS:
        return math.cos(left)
    raise ValueError("not the code of an operation")


def forward(codes: Indices, lefts: Indices, rights: Indices, values: Floats, leaves: int) -> None:
    """Compute `values` from place `leaves` on; all arrays (places,). IndexError for an operand that does not fit."""
    for i in range(leaves, len(codes)):
        values[i] = operate(int(codes[i]), float(values[int(lefts[i])]), float(values[int(rights[i])]))


def backward(codes: Indices, lefts: Indices, rights: Indices, values: Floats, length: int, adjoints: Floats) -> None:
    """Write the derivatives of the value at place `length` - 1 by all values before it into `adjoints`.

    All arrays have at least `length` places; a leaf's operands are not read. IndexError for an operand that does not
    fit.
    """
    for i in range(length):
        adjoints[i] = 0.0
    adjoints[length - 1] = 1.0
    for i in range(length - 1, -1, -1):
        code = int(codes[i])
        if code == LEAF:
            continue
        slope = float(adjoints[i])
        left = int(lefts[i])
        right = int(rights[i])
        a = float(values[left])
        b = float(values[right])
        if code == ADD:
            adjoints[left] = float(adjoints[left]) + slope
            adjoints[right] = float(adjoints[right]) + slope
        elif code == SUBTRACT:
            adjoints[left] = float(adjoints[left]) + slope
            adjoints[right] = float(adjoints[right]) - slope
        elif code == MULTIPLY:
            adjoints[left] = float(adjoints[left]) + slope * b
            adjoints[right] = float(adjoints[right]) + slope * a
        elif code == DIVIDE:
            adjoints[left] = float(adjoints[left]) + slope / b
            adjoints[right] = float(adjoints[right]) - slope * float(values[i]) / b
        elif code == TANH:
            adjoints[left] = float(adjoints[left]) + slope * (1.0 - float(values[i]) * float(values[i]))
        elif code == EXP:
            adjoints[left] = float(adjoints[left]) + slope * float(values[i])
        elif code == LOG:
            adjoints[left] = float(adjoints[left]) + slope / a
        elif code == SIN:
            adjoints[left] = float(adjoints[left]) + slope * math.cos(a)
        elif code == COS:
            adjoints[left] = float(adjoints[left]) - slope * math.sin(a)


def tape_gradient(
    codes: Indices, lefts: Indices, rights: Indices, values: Floats, leaves: int, adjoints: Floats
) -> float:
    """Run a tape forward and backward; return its last value, with the derivatives by all values in `adjoints`.

    All arrays are (places,); the first `leaves` values are given. IndexError for an operand that does not fit,
    ValueError for a code that is none.
    """
    forward(codes, lefts, rights, values, leaves)
    backward(codes, lefts, rights, values, len(codes), adjoints)
    return float(values[len(codes) - 1])


GROUP, DEPTH = 9, 12
"""Operations of a group, and groups that may build on each other: deeper expressions have derivatives beyond floats."""


def expression(groups: int, leaves: int, random: np.random.Generator) -> tuple[Indices, Indices, Indices]:
    """Codes and operands of a random expression of `groups` groups over `leaves` leaves; its value is their sum.

    A group squashes a sum or product, divides another operand by its exponential, takes the logarithm of a product of
    exponentials, squashes the difference and adds it to the running sum.
    """
    group = np.arange(groups)
    base = leaves + GROUP * group

    def earlier(*slots: int) -> Indices:
        """A bounded value: a leaf, or one of `slots` of an earlier group of the same stack."""
        back = random.integers(0, DEPTH, groups) % (group % DEPTH + 1)
        slot = random.choice(slots, groups)
        return np.where(back > 0, base - GROUP * back + slot, random.integers(0, leaves, groups))

    squashes = random.choice([TANH, SIN, COS], (2, groups))
    codes = np.zeros((groups, GROUP), np.int64)
    lefts, rights = codes.copy(), codes.copy()
    operations = (
        (random.choice([ADD, SUBTRACT, MULTIPLY], groups), earlier(1, 7), earlier(1, 7)),
        (squashes[0], base, base),
        (np.full(groups, EXP), base + 1, base + 1),
        (np.full(groups, DIVIDE), earlier(1, 7), base + 2),
        (np.full(groups, MULTIPLY), base + 2, np.where(group % DEPTH > 0, base - GROUP, base) + 2),
        (np.full(groups, LOG), base + 4, base + 4),
        (np.full(groups, SUBTRACT), base + 3, base + 5),
        (squashes[1], base + 6, base + 6),
        (np.full(groups, ADD), np.where(group > 0, base - 1, 0), base + 7),
    )
    for slot, (code, left, right) in enumerate(operations):
        codes[:, slot], lefts[:, slot], rights[:, slot] = code, left, right
    none = np.zeros(leaves, np.int64)
    return (
        np.concatenate([none, codes.ravel()]),
        np.concatenate([none, lefts.ravel()]),
        np.concatenate([none, rights.ravel()]),
    )


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random expression of `groups` groups over `leaves` leaves between -1 and 1."""
    random = np.random.Generator(np.random.PCG64(seed))
    codes, lefts, rights = expression(size["groups"], size["leaves"], random)
    values = np.zeros(len(codes))
    values[: size["leaves"]] = random.uniform(-1.0, 1.0, size["leaves"])
    return codes, lefts, rights, values, size["leaves"], np.zeros(len(codes))


COMPLEX: dict[int, Callable[[complex, complex], complex]] = {
    ADD: lambda a, b: a + b,
    SUBTRACT: lambda a, b: a - b,
    MULTIPLY: lambda a, b: a * b,
    DIVIDE: lambda a, b: a / b,
    TANH: lambda a, b: cmath.tanh(a),
    EXP: lambda a, b: cmath.exp(a),
    LOG: lambda a, b: cmath.log(a),
    SIN: lambda a, b: cmath.sin(a),
    COS: lambda a, b: cmath.cos(a),
}
"""Operations in the complex plane, for the check."""


def complex_value(before: tuple[Any, ...], direction: Floats) -> complex:
    """The tape's last value with the leaves moved by an imaginary 1e-30 times `direction`, (leaves,)."""
    codes, lefts, rights, values, leaves, _ = before
    places = [complex(v, 1e-30 * d) for v, d in zip(values[:leaves].tolist(), direction.tolist(), strict=True)]
    for code, left, right in zip(
        codes[leaves:].tolist(), lefts[leaves:].tolist(), rights[leaves:].tolist(), strict=True
    ):
        places.append(COMPLEX[code](places[left], places[right]))
    return places[-1]


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Derivatives along two directions by a complex step; the running sums count once in the last."""
    leaves = before[4]
    found = []
    for seed in range(2):
        direction = np.random.Generator(np.random.PCG64(seed)).standard_normal(leaves)
        there = complex_value(before, direction)
        slope = float(after[5][:leaves] @ direction)
        size = 1.0 + float(np.abs(after[5][:leaves]) @ np.abs(direction))
        found.append(Check("derivative", slope, there.imag / 1e-30, 1e-11 * size, "complex step, forwards"))
    value = complex_value(before, np.zeros(leaves)).real
    sums = after[5][leaves + GROUP - 1 :: GROUP]
    return [
        *found,
        Check("derivative by the running sums", sums, np.ones_like(sums), 0.0, "a chain of additions"),
        Check("value", result, value, 1e-12 * len(before[0]), "cmath"),
    ]


BACKWARD = Unit(backward, ("places", "places"))
OPERATE = Unit(operate)

KERNELS = (
    Kernel(
        name="tape_gradient",
        family="curvature",
        summary="a reverse-mode tape run forwards and backwards over a random expression",
        units=(Unit(tape_gradient), Unit(forward, ("operations",)), BACKWARD, OPERATE),
        signature="float64(int64[::1], int64[::1], int64[::1], float64[::1], int64, float64[::1])",
        sizes={
            "small": {"groups": 1000, "leaves": 20},
            "medium": {"groups": 80000, "leaves": 100},
            "large": {"groups": 800000, "leaves": 100},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
