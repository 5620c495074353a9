"""Small functions of every kind that Numba compiles: `python shipping.py tiering` or `python shipping.py numba`.

Prints one line of JSON per case: its name, the expected route, the route that was taken, and what came out. Cases that
can be shipped come first, so that they are loaded by a process that never compiled anything.
"""

from __future__ import annotations

import enum
import json
import math
import struct
import sys
from collections import namedtuple

import numba
import numpy as np
from numba import types
from numba.core.errors import NumbaError
from numba.experimental import jitclass
from numba.typed import Dict, List

import tiering

TIERED = sys.argv[1:] != ["numba"]
CASES = []
SHIPPED, IN_PLACE = "in a worker process", "in place"


def jit(function=None, **options):
    if TIERED:
        return tiering.jit(function, **options)
    options.setdefault("boundscheck", True)
    return numba.njit(function, **options) if function else numba.njit(**options)


def case(route):
    def add(function):
        CASES.append((function, route))
        return function

    return add


def outcome(function, *arguments):
    try:
        return bits(function(*arguments))
    except NumbaError:
        raise
    except Exception as error:  # noqa: BLE001 (which one it is, is the outcome)
        return f"{type(error).__module__}.{type(error).__name__}{error.args}"


def bits(value):
    if isinstance(value, tuple):
        return [type(value).__name__, *map(bits, value)]
    if isinstance(value, list | List):
        return [type(value).__name__, *map(bits, value)]
    if isinstance(value, dict | Dict):
        return [type(value).__name__, *([bits(key), bits(item)] for key, item in value.items())]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), str(value.shape), value.flags.writeable, value.tobytes().hex()]
    if isinstance(value, float):
        return ["float", struct.pack("<d", value).hex()]
    return [type(value).__name__, repr(value)]


SMALL = np.arange(16.0)
LARGE = np.arange(200_000.0)
GLOBAL_TUPLE = (1, 2.5)
Pair = namedtuple("Pair", "left right")
RECORD = np.dtype([("x", "f8"), ("n", "i4")])


class Unhappy(Exception):
    pass


class Color(enum.IntEnum):
    RED = 1
    BLUE = 7


@case(SHIPPED)
def integers_wrap_around():
    @jit
    def f(x):
        return x * x

    return f, [outcome(f, 3), outcome(f, 2**62 + 1), outcome(f, 2**40)]


@case(SHIPPED)
def floats_divide_and_check():
    @jit
    def f(x, y):
        return x / y

    return f, [outcome(f, 1.0, 3.0), outcome(f, 1.0, 0.0), outcome(f, -0.0, 5.0)]


@case(SHIPPED)
def integer_division_by_zero():
    @jit
    def f(x, y):
        return x // y, x % y

    return f, [outcome(f, 7, -2), outcome(f, 7, 0)]


@case(SHIPPED)
def float32_stays_in_arrays_and_leaves_as_float():
    @jit
    def f(a):
        return a * np.float32(0.1), a[0] * np.float32(0.1), a.sum()

    return f, [outcome(f, np.arange(1, 4, dtype=np.float32))]


@case(SHIPPED)
def closures_over_scalars():
    factor, offset = 3, 0.25

    @jit
    def f(x):
        return x * factor + offset

    return f, [outcome(f, 2), outcome(f, 2)]


@case(SHIPPED)
def closures_over_small_arrays():
    table = np.array([2.0, 4.0])

    @jit
    def f(i):
        return table[i]

    return f, [outcome(f, 1), outcome(f, 2)]


@case(SHIPPED)
def small_global_arrays_and_tuples():
    @jit
    def f(i):
        return SMALL[i] + GLOBAL_TUPLE[1] + math.pi

    return f, [outcome(f, 4), outcome(f, 16)]


@case(SHIPPED)
def functions_inside_functions():
    @jit
    def f(x):
        def inner(y):
            return y + x

        return inner(inner(1))

    return f, [outcome(f, 10)]


@case(SHIPPED)
def calls_of_other_functions():
    @jit
    def g(x):
        return x + 1

    @jit
    def f(x):
        return g(x) * g(x + 1)

    return f, [outcome(f, 3), outcome(g, 3), outcome(f, 0.5)]


@case(SHIPPED)
def recursion():
    @jit
    def fibonacci(n):
        if n < 2:
            return n
        return fibonacci(n - 1) + fibonacci(n - 2)

    return fibonacci, [outcome(fibonacci, 15)]


@case(SHIPPED)
def arrays_are_made_and_returned():
    @jit
    def f(n):
        out = np.empty(n)
        for i in range(n):
            out[i] = i * 0.5
        return out, np.zeros((2, n), np.int8), out[1:]

    return f, [outcome(f, 5), outcome(f, 5), outcome(f, -1)]


@case(SHIPPED)
def array_expressions_and_views():
    @jit
    def f(a):
        return (a[::2] * 2 + 1).T, a.reshape(2, -1), a > 2

    return f, [outcome(f, np.arange(8.0))]


@case(SHIPPED)
def strided_and_read_only_arrays():
    @jit
    def f(a):
        return a.sum(), a[-1]

    frozen = np.arange(4.0)
    frozen.flags.writeable = False
    return f, [outcome(f, np.arange(9.0)[::3]), outcome(f, frozen)]


@case(SHIPPED)
def linear_algebra():
    @jit
    def f(a, b):
        return a @ b, np.linalg.solve(a, b)

    return f, [outcome(f, np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0]))]


@case(SHIPPED)
def namedtuples_in_and_out():
    @jit
    def f(pair):
        return Pair(pair.right, pair.left + 1)

    return f, [outcome(f, Pair(1, 2.5))]


@case(SHIPPED)
def enumerations():
    @jit
    def f(x):
        return x == Color.BLUE, x + 1

    return f, [outcome(f, Color.BLUE)]


@case(SHIPPED)
def object_mode_blocks():
    @jit
    def f(x):
        with numba.objmode(y="float64"):
            y = math.fsum([x, 1e-30, 1.0])
        return y + x

    return f, [outcome(f, 2.0)]


@case(SHIPPED)
def typed_lists():
    @jit
    def f(items):
        items.append(len(items))
        made = List()
        for item in items:
            made.append(item * 2)
        return made

    return f, [outcome(f, List([1, 2, 3]))]


@case(SHIPPED)
def typed_dicts():
    @jit
    def f(n):
        made = Dict()
        for i in range(n):
            made[i] = i * 0.5
        return made

    return f, [outcome(f, 3)]


@case(SHIPPED)
def reflected_lists():
    given = [3, 1, 2]

    @jit
    def f(items):
        items.append(9)
        return sorted(items)

    return f, [outcome(f, given), bits(given)]


@case(SHIPPED)
def records():
    @jit
    def f(table):
        table[0].n = 5
        total = 0.0
        for row in table:
            total += row.x * row.n
        return total

    table = np.array([(1.5, 2), (2.5, 3)], dtype=RECORD)
    return f, [outcome(f, table), bits(table)]


@case(SHIPPED)
def dates():
    @jit
    def f(a, b):
        return b - a, a

    return f, [outcome(f, np.datetime64("2020-01-01"), np.datetime64("2021-03-04"))]


@case(SHIPPED)
def generators():
    @jit
    def f(n):
        for i in range(n):
            yield i * i

    return f, [bits(list(f(4))), bits(list(f(0)))]


@case(SHIPPED)
def strings():
    @jit
    def f(text):
        return text.upper() + str(len(text)), text[1:]

    return f, [outcome(f, "grün"), outcome(f, "")]


@case(SHIPPED)
def seeded_random_numbers():
    @jit
    def f(n):
        np.random.seed(3)
        return np.random.random(n), np.random.randint(100)

    return f, [outcome(f, 3)]


@case(SHIPPED)
def random_generators():
    @jit
    def f(random):
        return random.normal(), random.random(2)

    return f, [outcome(f, np.random.default_rng(5))]


@case(SHIPPED)
def exceptions():
    @jit
    def f(x):
        if x == 0:
            raise Unhappy("zero", 0)
        if x == 1:
            raise KeyError
        assert x < 3, "large"
        return x

    return f, [outcome(f, 0), outcome(f, 1), outcome(f, 2), outcome(f, 3)]


@case(SHIPPED)
def exceptions_are_caught():
    @jit
    def f(a, i):
        try:
            return a[i]
        except Exception:  # noqa: BLE001 (Numba knows no other class)
            return -1.0

    return f, [outcome(f, np.arange(2.0), 1), outcome(f, np.arange(2.0), 2)]


@case(SHIPPED)
def parallel_loops():
    @jit(parallel=True)
    def f(a):
        out = np.empty_like(a)
        count = 0
        for i in numba.prange(len(a)):
            out[i] = a[i] * 2
            count += 1
        return out, count

    return f, [outcome(f, np.arange(100.0)), outcome(f, np.arange(3.0))]


@case(SHIPPED)
def nothing_is_returned_and_optional_values():
    @jit
    def f(x):
        if x > 0:
            return x
        return None

    return f, [outcome(f, 1), outcome(f, -1)]


@case(SHIPPED)
def defaults_and_star_arguments():
    @jit
    def f(x, y=2, *rest):
        return x + y + len(rest)

    return f, [outcome(f, 1), outcome(f, 1, 5), outcome(f, 1, 2, 3, 4)]


@case(SHIPPED)
def functions_as_arguments():
    @numba.njit
    def g(x):
        return x + 1

    @jit
    def f(function, x):
        return function(x) * 2

    return f, [outcome(f, g, 3)]


@case(SHIPPED)
def compiled_ufuncs():
    @numba.vectorize(["float64(float64)"])
    def half(x):
        return x / 2

    @jit
    def f(a):
        return half(a)

    return f, [outcome(f, np.arange(3.0))]


@case(IN_PLACE)
def large_global_arrays():
    @jit
    def f(i):
        return LARGE[i]

    return f, [outcome(f, 7), outcome(f, 200_000)]


@case(IN_PLACE)
def large_arrays_in_closures():
    table = np.arange(150_000.0) + 0.5

    @jit
    def f(i):
        return table[i]

    return f, [outcome(f, 149_999)]


@jit
def is_even(n):
    return True if n == 0 else is_odd(n - 1)


@jit
def is_odd(n):
    return False if n == 0 else is_even(n - 1)


@case(IN_PLACE)
def mutual_recursion():
    return is_even, [outcome(is_even, 10), outcome(is_even, 7), outcome(is_odd, 7)]


@jitclass([("x", types.float64)])
class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return self.x + by


@case(IN_PLACE)
def jitclasses_of_this_script():
    @jit
    def f(point, by):
        return point.moved(by)

    return f, [outcome(f, Point(1.5), 2.0)]


@case(IN_PLACE)
def overloads_of_this_script():
    def special(x):
        raise NotImplementedError

    @numba.extending.overload(special)
    def _special(x):
        return lambda x: x * 10

    @jit
    def f(x):
        return special(x)

    return f, [outcome(f, 4)]


@case(IN_PLACE)
def c_callbacks_as_globals():
    @numba.cfunc("float64(float64)")
    def callback(x):
        return x * 4

    pointer = callback.ctypes

    @jit
    def f(x):
        return pointer(x)

    return f, [outcome(f, 1.5)]


@case(IN_PLACE)
def literal_arguments():
    @jit
    def f(x, n):
        numba.literally(n)
        return x**n

    return f, [outcome(f, 3, 2), outcome(f, 3, 2), outcome(f, 3, 5)]


@case(IN_PLACE)
def stencils():
    @numba.stencil
    def mean(a):
        return (a[-1] + a[1]) / 2

    @jit
    def f(a):
        return mean(a)

    return f, [outcome(f, np.arange(5.0) ** 2)]


def main():
    if TIERED:
        from tiering.live.runtime import RUNTIME

        assert RUNTIME.pool.ready.wait(60)
    for run, expected in CASES:
        function, results = run()
        where = function.tiering.units[0].where if TIERED else expected
        print(json.dumps({"case": run.__name__, "expected": expected, "where": where, "results": results}))


if __name__ == "__main__":
    main()
