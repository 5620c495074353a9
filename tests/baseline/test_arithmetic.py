"""Every operator on every pair of scalar types at the edges of their ranges: value, type and exception are Numba's.

For each pair of types one function holds all operators and puts each result into an array of the type that the rules
promise (which `test_rules` proves to be Numba's), since a compile by Numba costs more than all the calls. Left out is
what LLVM does not define: shifts by 64 bits or more, and floats that an integer cannot hold.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiering.baseline import rules
from tiering.baseline.types import BOOL, FLOAT32, FLOAT64, INT64, SCALARS, UINT64, Scalar

from .support import Compiled, agree, define, njit, outcome

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow"}
OPERATORS |= {"&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift"}
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e10, float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, 2.0**63)
PAIRS = list(itertools.product(SCALARS, SCALARS))
EVERYDAY = [(INT64, INT64), (FLOAT64, FLOAT64), (UINT64, INT64), (FLOAT32, INT64), (INT64, FLOAT64)]
EVERYDAY += random.Random(1).sample(PAIRS, 4)


def edges(kind: Scalar):
    """Values at the edges of a type, as an argument has to be to be compiled for it."""
    if kind == BOOL:
        return [False, True]
    if kind.kind == "f":
        with np.errstate(over="ignore", under="ignore"):
            return [value if kind == FLOAT64 else np.float32(value) for value in FLOATS]
    low = -(1 << (kind.bits - 1)) if kind.kind == "i" else 0
    high = low + (1 << kind.bits) - 1
    values = {0, 1, 2, 3, 63, low, low + 1, high - 1, high} | ({-1, -2, -7} if low else set())
    return [value if kind == INT64 else getattr(np, kind.name)(value) for value in sorted(values)]


def every_operation(left: Scalar, right: Scalar):
    """A function (number, x, y, outputs), the outputs, and what the numbers stand for."""
    promised = [(f"x {sign} y", rules.arithmetic(name, left, right)) for sign, name in OPERATORS.items()]
    found = [(text, types[2]) for text, types in promised if types is not None]
    found += [(f"x {sign} y", BOOL) for sign in COMPARISONS]
    found += [(f"{name}(x, y)", rules.unified(left, right)) for name in ("min", "max")]
    kinds = list(dict.fromkeys(kind for _, kind in found))
    lines = ["def f(number, x, y, out):"]
    for number, (text, kind) in enumerate(found):
        lines += [f"    if number == {number}:", f"        out[{kinds.index(kind)}][0] = {text}"]
    return define("\n".join(lines)), tuple(np.zeros(1, kind.name) for kind in kinds), [text for text, _ in found]


def check(left: Scalar, right: Scalar, *levels):
    function, out, texts = every_operation(left, right)
    theirs = njit(function)
    for level in levels:
        ours = Compiled(function, (0, edges(left)[0], edges(right)[0], out), level)
        for number, text in enumerate(texts):
            for x, y in itertools.product(edges(left), edges(right)):
                if ("<<" in text or ">>" in text) and not 0 <= int(y) < 64:
                    continue
                given_ = (number, x, y, out)
                assert outcome(ours, given_) == outcome(theirs, given_), (text, x, y, level)


@pytest.mark.parametrize(("left", "right"), EVERYDAY, ids=lambda kind: kind.name)
def test_operators_give_numbas_bits(left, right):
    check(left, right, "O0")


@pytest.mark.nightly
@pytest.mark.parametrize(("left", "right"), PAIRS, ids=lambda kind: kind.name)
def test_operators_give_numbas_bits_for_every_pair_of_types(left, right):
    check(left, right, "O0", "O1", "O3")


UNARY = define("def f(x):\n    return -x, +x, ~x, not x, abs(x)\n")
UNARY_FLOAT = define("def f(x):\n    return -x, +x, not x, abs(x)\n")


@pytest.mark.parametrize("kind", SCALARS, ids=lambda kind: kind.name)
def test_unary_operators_give_numbas_bits(kind):
    function = UNARY_FLOAT if kind.kind == "f" else UNARY
    theirs = njit(function)
    for value in edges(kind):
        agree(function, value, levels=("O0",), reference=theirs)


WHOLE = st.sampled_from(edges(INT64)) | st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-9, 9)
DIVIDE = define("def f(x, y):\n    return x // y, x % y, divmod(x, y), (x // y) * y + x % y == x\n")
_DIVIDED: dict[type, tuple[object, object]] = {}


@given(st.tuples(WHOLE, WHOLE) | st.tuples(st.floats(), st.floats()))
@settings(max_examples=300)
def test_division_rounds_down_as_numbas_does(pair):
    if type(pair[0]) not in _DIVIDED:
        _DIVIDED[type(pair[0])] = Compiled(DIVIDE, pair), njit(DIVIDE)
    ours, theirs = _DIVIDED[type(pair[0])]
    assert outcome(ours, pair) == outcome(theirs, pair)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 5, 8, 31, -1, -2, -3])
@pytest.mark.parametrize("base", [3, 0, -1, 1, 0.0, 1.1, -2.5, np.float32(1.1), np.uint8(7)], ids=repr)
def test_a_constant_exponent_is_unrolled_as_numba_does_it(base, exponent):
    """Without asking Numba, which takes 100 ms each: that it equals the exponent that is not known, tested above."""
    constant, variable = define(f"def f(x):\n    return x ** {exponent}\n"), define("def f(x, n):\n    return x ** n\n")
    assert (
        outcome(Compiled(constant, (base,)), (base,))[0]
        == outcome(Compiled(variable, (base, exponent)), (base, exponent))[0]
    )


def test_the_smallest_integer_can_be_written():
    assert agree(define("def f(x):\n    return x + -9223372036854775808\n"), 1)[0] == (int, 1 - (1 << 63))


def test_a_large_unsigned_constant_is_not_taken_for_a_positive_signed_one():
    """2**64 - 3 as a signed 64-bit number is -3: -3 // 2 is -2 with remainder 1."""
    function = define("def f(k):\n    return U // k, U % k\n", U=np.uint64((1 << 64) - 3))
    agree(function, 2, reference=njit(function))
