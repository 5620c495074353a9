"""Numba's rules for what comes of two scalars, as formulas; a test asks Numba for every pair.

Integers. Arithmetic is done in 64 bits, unsigned only where both operands are. Comparing, and merging two values of one
variable, goes by the smaller type that holds both; where none does, as for uint64 and a signed one, by float64.
Floats. A float32 keeps its width beside what it holds exactly, which is up to 16 bits of integer; all else is float64.
In arithmetic, not in merging, uint16 counts as what it does not hold. A float keeps its type under a power of integers.
"""

from __future__ import annotations

from tiering.baseline.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, NONE, UINT16, UINT64, Scalar, Tuple, Type

BITWISE = ("and", "or", "xor")
SHIFTS = ("lshift", "rshift")


def unified(left: Scalar, right: Scalar) -> Scalar:
    """The type of a variable that holds the one or the other, and the type in which they are compared."""
    if left == right or right.kind == "b":
        return left
    if left.kind == "b":
        return right
    if "f" in (left.kind, right.kind):
        return FLOAT32 if _narrow(left) and _narrow(right) else FLOAT64
    if left.kind == right.kind:
        return max(left, right)
    signed, unsigned = (left, right) if left.kind == "i" else (right, left)
    if signed.bits > unsigned.bits:
        return signed
    return Scalar("i", unsigned.bits * 2) if unsigned.bits < 64 else FLOAT64


def merged(left: Type, right: Type) -> Type | None:
    """The same for any two types; None where there is no such type."""
    if left == right:
        return left
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return unified(left, right)
    if isinstance(left, Tuple) and isinstance(right, Tuple) and len(left.items) == len(right.items):
        items = [merged(a, b) for a, b in zip(left.items, right.items, strict=True)]
        return None if None in items else Tuple(tuple(item for item in items if item is not None))
    return None


def arithmetic(operation: str, left: Scalar, right: Scalar) -> tuple[Scalar, Scalar, Scalar] | None:
    """In which types an operation takes its operands, and the type of its result; None where there is no such thing.

    Operations are add, sub, mul, truediv, floordiv, mod, pow, and, or, xor, lshift, rshift.
    """
    floating = "f" in (left.kind, right.kind)
    if operation in SHIFTS:
        if floating:
            return None
        result = UINT64 if left.kind == "u" else INT64
        return result, INT64 if right.kind == "i" else UINT64, result
    if operation in BITWISE:
        if floating:
            return None
        if left.kind == right.kind == "b":
            return BOOL, BOOL, BOOL
    if operation == "pow" and right.kind != "f":
        if left.kind == "b":
            return None
        if left.kind == "f":
            return left, _exponent(right), left
    if floating:
        both = FLOAT64 if UINT16 in (left, right) else unified(left, right)
        return both, both, both
    result = UINT64 if left.kind == right.kind == "u" else INT64
    operands = wide(left), wide(right)
    return *operands, FLOAT64 if operation == "truediv" else result


def wide(scalar: Scalar) -> Scalar:
    """The 64-bit type in which an integer is an operand."""
    return UINT64 if scalar.kind == "u" else INT64


def nothing(value: Type) -> bool:
    """Whether this is the type of None."""
    return value == NONE


def _narrow(scalar: Scalar) -> bool:
    return scalar == FLOAT32 or (scalar.is_integer and scalar.bits <= 16)


def _exponent(right: Scalar) -> Scalar:
    if right.kind == "u":
        return UINT64
    return INT32 if right.bits <= 32 else INT64
