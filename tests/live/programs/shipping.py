"""Small functions of every kind that a worker can compile, loaded by a process that never compiled anything."""

from __future__ import annotations

import enum
import math
from collections import namedtuple

import numba
import numpy as np
from casebook import bits, case, jit, main, outcome
from numba.typed import Dict, List

SMALL = np.arange(16.0)
GLOBAL_TUPLE = (1, 2.5)
Pair = namedtuple("Pair", "left right")
RECORD = np.dtype([("x", "f8"), ("n", "i4")])


class Unhappy(Exception):
    pass


class Color(enum.IntEnum):
    RED = 1
    BLUE = 7


@case
def integers_wrap_around():
    @jit
    def f(x):
        return x * x

    return f, [outcome(f, 3), outcome(f, 2**62 + 1), outcome(f, 2**40)]


@case
def floats_divide_and_check():
    @jit
    def f(x, y):
        return x / y

    return f, [outcome(f, 1.0, 3.0), outcome(f, 1.0, 0.0), outcome(f, -0.0, 5.0)]


@case
def integer_division_by_zero():
    @jit
    def f(x, y):
        return x // y, x % y

    return f, [outcome(f, 7, -2), outcome(f, 7, 0)]


@case
def float32_stays_in_arrays_and_leaves_as_float():
    @jit
    def f(a):
        return a * np.float32(0.1), a[0] * np.float32(0.1), a.sum()

    return f, [outcome(f, np.arange(1, 4, dtype=np.float32))]


@case
def closures_over_scalars():
    factor, offset = 3, 0.25

    @jit
    def f(x):
        return x * factor + offset

    return f, [outcome(f, 2), outcome(f, 2)]


@case
def closures_over_small_arrays():
    table = np.array([2.0, 4.0])

    @jit
    def f(i):
        return table[i]

    return f, [outcome(f, 1), outcome(f, 2)]


@case
def small_global_arrays_and_tuples():
    @jit
    def f(i):
        return SMALL[i] + GLOBAL_TUPLE[1] + math.pi

    return f, [outcome(f, 4), outcome(f, 16)]


@case
def functions_inside_functions():
    @jit
    def f(x):
        def inner(y):
            return y + x

        return inner(inner(1))

    return f, [outcome(f, 10)]


@case
def calls_of_other_functions():
    @jit
    def g(x):
        return x + 1

    @jit
    def f(x):
        return g(x) * g(x + 1)

    return f, [outcome(f, 3), outcome(g, 3), outcome(f, 0.5)]


@case
def recursion():
    @jit
    def fibonacci(n):
        if n < 2:
            return n
        return fibonacci(n - 1) + fibonacci(n - 2)

    return fibonacci, [outcome(fibonacci, 15)]


@case
def arrays_are_made_and_returned():
    @jit
    def f(n):
        out = np.empty(n)
        for i in range(n):
            out[i] = i * 0.5
        return out, np.zeros((2, n), np.int8), out[1:]

    return f, [outcome(f, 5), outcome(f, 5), outcome(f, -1)]


@case
def array_expressions_and_views():
    @jit
    def f(a):
        return (a[::2] * 2 + 1).T, a.reshape(2, -1), a > 2

    return f, [outcome(f, np.arange(8.0))]


@case
def strided_and_read_only_arrays():
    @jit
    def f(a):
        return a.sum(), a[-1]

    frozen = np.arange(4.0)
    frozen.flags.writeable = False
    return f, [outcome(f, np.arange(9.0)[::3]), outcome(f, frozen)]


@case
def linear_algebra():
    @jit
    def f(a, b):
        return a @ b, np.linalg.solve(a, b)

    return f, [outcome(f, np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0]))]


@case
def namedtuples_in_and_out():
    @jit
    def f(pair):
        return Pair(pair.right, pair.left + 1)

    return f, [outcome(f, Pair(1, 2.5))]


@case
def enumerations():
    @jit
    def f(x):
        return x == Color.BLUE, x + 1

    return f, [outcome(f, Color.BLUE)]


@case
def object_mode_blocks():
    @jit
    def f(x):
        with numba.objmode(y="float64"):
            y = math.fsum([x, 1e-30, 1.0])
        return y + x

    return f, [outcome(f, 2.0)]


@case
def typed_lists():
    @jit
    def f(items):
        items.append(len(items))
        made = List()
        for item in items:
            made.append(item * 2)
        return made

    return f, [outcome(f, List([1, 2, 3]))]


@case
def typed_dicts():
    @jit
    def f(n):
        made = Dict()
        for i in range(n):
            made[i] = i * 0.5
        return made

    return f, [outcome(f, 3)]


@case
def reflected_lists():
    given = [3, 1, 2]

    @jit
    def f(items):
        items.append(9)
        return sorted(items)

    return f, [outcome(f, given), bits(given)]


@case
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


@case
def dates():
    @jit
    def f(a, b):
        return b - a, a

    return f, [outcome(f, np.datetime64("2020-01-01"), np.datetime64("2021-03-04"))]


@case
def generators():
    @jit
    def f(n):
        for i in range(n):
            yield i * i

    return f, [bits(list(f(4))), bits(list(f(0)))]


@case
def strings():
    @jit
    def f(text):
        return text.upper() + str(len(text)), text[1:]

    return f, [outcome(f, "grün"), outcome(f, "")]


@case
def seeded_random_numbers():
    @jit
    def f(n):
        np.random.seed(3)
        return np.random.random(n), np.random.randint(100)

    return f, [outcome(f, 3)]


@case
def random_generators():
    @jit
    def f(random):
        return random.normal(), random.random(2)

    return f, [outcome(f, np.random.default_rng(5))]


@case
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


@case
def exceptions_are_caught():
    @jit
    def f(a, i):
        try:
            return a[i]
        except Exception:  # noqa: BLE001 (Numba knows no other class)
            return -1.0

    return f, [outcome(f, np.arange(2.0), 1), outcome(f, np.arange(2.0), 2)]


@case
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


@case
def nothing_is_returned_and_optional_values():
    @jit
    def f(x):
        if x > 0:
            return x
        return None

    return f, [outcome(f, 1), outcome(f, -1)]


@case
def defaults_and_star_arguments():
    @jit
    def f(x, y=2, *rest):
        return x + y + len(rest)

    return f, [outcome(f, 1), outcome(f, 1, 5), outcome(f, 1, 2, 3, 4)]


@case
def functions_as_arguments():
    @numba.njit
    def g(x):
        return x + 1

    @jit
    def f(function, x):
        return function(x) * 2

    return f, [outcome(f, g, 3)]


@case
def compiled_ufuncs():
    @numba.vectorize(["float64(float64)"])
    def half(x):
        return x / 2

    @jit
    def f(a):
        return half(a)

    return f, [outcome(f, np.arange(3.0))]


if __name__ == "__main__":
    main()
