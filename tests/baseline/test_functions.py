"""Builtins, `math`, scalar functions of NumPy and calls of other functions: values and types are Numba's.

As in `test_arithmetic`, one function per type of argument holds all of them, so that Numba compiles once per type.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tiering.baseline.module import lower
from tiering.baseline.source import Refused
from tiering.baseline.types import BOOL, FLOAT32, FLOAT64, INT64, SCALARS, UINT8, Scalar

from .support import Compiled, agree, define, njit, outcome
from .test_arithmetic import edges

OF_MATH = (
    "floor",
    "ceil",
    "trunc",
    "isnan",
    "isinf",
    "isfinite",
    "radians",
    "degrees",
    "sqrt",
    "exp",
    "fabs",
    "log",
    "log2",
    "log10",
    "log1p",
    "expm1",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "erf",
    "erfc",
)
OF_NUMPY = (
    "sqrt",
    "exp",
    "exp2",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "tanh",
    "arctan",
    "arcsinh",
    "expm1",
    "log1p",
    "fabs",
    "rint",
    "floor",
    "ceil",
    "trunc",
    "isnan",
    "isinf",
    "isfinite",
    "square",
    "abs",
    "float32",
    "float64",
    "int64",
    "int32",
    "int8",
    "uint8",
    "uint64",
    "bool_",
)
NAMES = [
    "abs",
    "int",
    "float",
    "bool",
    "round",
    *(f"math.{name}" for name in OF_MATH),
    *(f"np.{name}" for name in OF_NUMPY),
]
TO_INTEGERS = ("int", "round", "math.floor", "math.ceil", "math.trunc")
REFUSED = {"round": "biu", "float": "b"}
EVERYDAY = (FLOAT64, INT64, FLOAT32, UINT8, BOOL)


def defined(name: str, kind: Scalar, value) -> bool:
    """Whether LLVM defines the result: an integer has to hold a float that is made one."""
    makes_integer = name in TO_INTEGERS or name.startswith(("np.int", "np.uint"))
    return kind.kind != "f" or not makes_integer or (abs(value) < 100 and (value >= 0 or "uint" not in name))


@pytest.mark.parametrize("kind", EVERYDAY, ids=lambda kind: kind.name)
def test_functions_of_one_scalar_give_numbas_bits(kind):
    check_functions(kind)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", [kind for kind in SCALARS if kind not in EVERYDAY], ids=lambda kind: kind.name)
def test_functions_of_one_scalar_give_numbas_bits_for_every_type(kind):
    check_functions(kind)


def check_functions(kind: Scalar) -> None:
    taken = [name for name in NAMES if kind.kind not in REFUSED.get(name, "")]
    results = {name: lower(define(f"def f(x):\n    return {name}(x)\n"), (kind,)).result for name in taken}
    kinds = list(dict.fromkeys(results.values()))
    lines = ["def f(number, x, out):"]
    for number, name in enumerate(taken):
        lines += [f"    if number == {number}:", f"        out[{kinds.index(results[name])}][0] = {name}(x)"]
    lines.append(f"    return {', '.join(f'{name}(x)' for name in taken if name not in TO_INTEGERS)}")
    function, out = define("\n".join(lines)), tuple(np.zeros(1, each.name) for each in kinds)
    ours, theirs = Compiled(function, (0, edges(kind)[0], out)), njit(function)
    for number, name in enumerate(taken):
        for value in edges(kind):
            if defined(name, kind, value):
                assert outcome(ours, (number, value, out)) == outcome(theirs, (number, value, out)), (name, value)


PAIRS = [(2.5, -1.5), (0.0, -0.0), (float("nan"), 1.0), (1.0, float("nan")), (float("inf"), 2.0), (-3, 2), (5, -2.5)]
TWO = define(
    "def f(x, y):\n    return math.atan2(x, y), math.hypot(x, y), math.copysign(x, y), math.pow(x, y), min(x, y),"
    " max(x, y), min(x, y, 1), max((x, y, 0.5))\n"
)


def test_functions_of_two_scalars_give_numbas_bits():
    theirs = njit(TWO)
    for pair in PAIRS:
        agree(TWO, *pair, levels=("O0", "O3"), reference=theirs)


def test_numpys_maximum_gives_a_nan_if_there_is_one():
    function = define("def f(x, y):\n    return np.maximum(x, y), np.minimum(x, y), np.maximum(3, 4)\n")
    theirs = njit(function)
    for pair in PAIRS[:5]:
        agree(function, *pair, reference=theirs)


def test_round_to_digits_is_numbas():
    function = define("def f(x, n):\n    return round(x, n)\n")
    theirs = njit(function)
    for x in (2.675, -0.5, 1234.5678, 1e300, float("nan"), float("inf")):
        for digits in (0, 2, -2, 25):
            agree(function, x, digits, reference=theirs)


def test_divmod_raises_and_rounds_as_numbas():
    function = define("def f(x, y):\n    return divmod(x, y)\n")
    for pair in ((7, -2), (7, 0), (-7.5, 2.0), (1.0, 0.0), (-(1 << 63), -1)):
        agree(function, *pair, reference=njit(function))


def test_powers_of_ten_and_two_are_the_same_at_every_level():
    """LLVM's passes make exp10 and exp2 of these; the levels without passes call pow."""
    function = define("def f(y):\n    return 10.0 ** y, 2.0 ** y, 2 ** y, y ** 0.5, y ** 2.0, y ** -1.0, y ** 3\n")
    theirs = njit(function)
    generator = np.random.Generator(np.random.PCG64(3))
    compiled = [Compiled(function, (0.5,), level) for level in ("O0", "O1", "O3")]
    for y in generator.uniform(0.01, 60.0, 300):
        expected = outcome(theirs, (float(y),))
        assert [outcome(each, (float(y),)) for each in compiled] == [expected] * 3


SCALE = 3


def cubed(x):
    return x * x * x


def shifted(x, by=2.5):
    return cubed(x) + by


def fails(x):
    if x < 0:
        raise KeyError("below")
    return x


def test_other_functions_are_called_with_defaults_and_keywords():
    names = {"shifted": shifted, "SCALE": SCALE, "fails": fails}
    agree(define("def f(x):\n    return shifted(x), shifted(x, by=1), shifted(x, 0.5) * SCALE\n", **names), 2.0)
    function = define("def f(x):\n    y = 1\n    if fails(x) > 2:\n        y = 2\n    return y\n", **names)
    assert agree(function, -1)[0] is KeyError
    agree(function, 5)


def test_a_function_calls_what_numba_would_compile():
    agree(define("def f(x):\n    return g(x) + 1\n", g=njit(cubed)), 2.0)


def test_closures_are_constants():
    factor = 2.5

    def f(x):
        return x * factor

    agree(f, 3.0)


def test_makers_of_arrays_give_numpys():
    text = (
        "def f(n):\n    return np.full(n, 1), np.ones(n, np.float32), np.zeros((n, 2), dtype=np.int8), np.arange(n),"
        " np.full((n, n), True), np.zeros_like(np.ones(2)), np.ones(n).copy(), np.zeros((2, n)).ravel()\n"
    )
    for n in (0, 3):
        agree(define(text), n)
    assert agree(define("def f(n):\n    return np.zeros(n)\n"), -1)[0] is ValueError


def test_ravel_keeps_an_array_read_only():
    array = np.zeros((2, 2))
    array.flags.writeable = False
    with pytest.raises(Refused):
        Compiled(define("def f(a):\n    b = a.ravel()\n    b[0] = 1.0\n"), (array,))


def test_a_library_function_does_not_raise():
    """Numba's `math` gives nan or infinity where CPython's raises."""
    compiled = Compiled(define("def f(x):\n    return math.sqrt(x), math.log(x)\n"), (1.0,))
    assert all(math.isnan(value) for value in compiled(-1.0))
