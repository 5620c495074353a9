"""Small functions that only the process that runs them can compile."""

from __future__ import annotations

import numba
import numpy as np
from casebook import case, jit, main, outcome
from numba import types
from numba.experimental import jitclass

LARGE = np.arange(200_000.0)


@case
def large_global_arrays():
    @jit
    def f(i):
        return LARGE[i]

    return f, [outcome(f, 7), outcome(f, 200_000)]


@case
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


@case
def mutual_recursion():
    return is_even, [outcome(is_even, 10), outcome(is_even, 7), outcome(is_odd, 7)]


@jitclass([("x", types.float64)])
class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return self.x + by


@case
def jitclasses_of_this_script():
    @jit
    def f(point, by):
        return point.moved(by)

    return f, [outcome(f, Point(1.5), 2.0)]


@case
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


@case
def c_callbacks_as_globals():
    @numba.cfunc("float64(float64)")
    def callback(x):
        return x * 4

    pointer = callback.ctypes

    @jit
    def f(x):
        return pointer(x)

    return f, [outcome(f, 1.5)]


@case
def literal_arguments():
    @jit
    def f(x, n):
        numba.literally(n)
        return x**n

    return f, [outcome(f, 3, 2), outcome(f, 3, 2), outcome(f, 3, 5)]


@case
def stencils():
    @numba.stencil
    def mean(a):
        return (a[-1] + a[1]) / 2

    @jit
    def f(a):
        return mean(a)

    return f, [outcome(f, np.arange(5.0) ** 2)]


if __name__ == "__main__":
    main()
