"""What a kernel of the zoo is: one compiled entry, the functions that it calls, inputs, checks and natural bets.

A `Workload` (see `workload`) is a loop whose calls are known in advance, because the demo runs it in both hosts. Here
the unit of interest is a single call: plain functions over scalars and arrays, as people write them for `numba.njit`,
which a compiler can be held against one by one. `programs` put many of them together.

Kernels are left undecorated, so that one source serves CPython, Numba and every tier. `bound` lays a decorator on all
functions of a kernel at once; a copy of a function finds the decorated others under their names. Rejected: handing the
callees in as arguments, which nobody writes and which makes Numba compile a version per callee.

The rules of `workload` that make a kernel mean the same in CPython and compiled hold here too: elements are read as
`float(x[i])` or `int(k[i])`, squares are `x * x`, sums are explicit loops, `math` functions on scalars in their domain.
Random numbers are drawn beforehand and passed in. Where an order of summation cannot be kept, `reorders` says where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

BETS = (
    "constant_shapes",
    "constant_values",
    "nonzero_denominators",
    "index_maxima",
    "no_overflow",
    "cold_branches",
    "stable_types",
)
"""What optimistic code may assume of a kernel: lengths and inner trip counts, scalars (divisors, exponents, degrees),
denominators, the largest index of a gather, integer ranges, branches never taken, types that could widen."""

SIZES = ("small", "medium", "large")


class Unit(NamedTuple):
    """One function of a kernel. `loops` says of each of its loops, in the order of the source, what it runs over."""

    function: Callable[..., Any]
    loops: tuple[str, ...] = ()


class Check(NamedTuple):
    """A number or an array that a call came to, and what another source says that it is.

    `tolerance` is the largest difference, absolute; `source` names the closed form, the library or the paper.
    """

    what: str
    found: Any
    expected: Any
    tolerance: float
    source: str

    @property
    def difference(self) -> float:
        """The largest absolute difference; infinite where shapes differ or a number is not finite."""
        found, expected = np.asarray(self.found, np.float64), np.asarray(self.expected, np.float64)
        if found.shape != expected.shape or not np.all(np.isfinite(found)):
            return float("inf")
        return float(np.max(np.abs(found - expected), initial=0.0))

    @property
    def holds(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class Kernel:
    """One kernel and everything that is known about it before it runs.

    name: the name of its entry.
    family: the package of `workloads.kernels` that it stands in.
    summary: one line.
    units: its functions, the entry first, every callee after its callers.
    signature: of the entry on its inputs, in Numba's notation: `float64(float64[::1], int64)`; `[::1]` is C-contiguous,
        `none` returns nothing, `Tuple((float64, int64))` several values.
    sizes: "small" (hundredths of a second in CPython), "medium" (some tenths to 2 s) and "large" (ten times medium)
        -> named integers.
    inputs: (size, seed) -> the arguments of one call. Equal arguments give equal inputs. A call may write into arrays.
    checks: (arguments before the call, result, arguments after it) -> what must hold of a call, against a source other
        than the kernel itself.
    bets: the bets that are natural, each with where: assumptions that hold on these inputs and whose tests a compiled
        loop pays for. Bets whose assumption holds and saves nothing are left out.
    reorders: where compiled code may add in another order, and `tolerance`, by how much the results may then differ,
        relative. Empty and zero: CPython and compiled code give the same bits.
    """

    name: str
    family: str
    summary: str
    units: tuple[Unit, ...]
    signature: str
    sizes: Mapping[str, Mapping[str, int]]
    inputs: Callable[[Mapping[str, int], int], tuple[Any, ...]]
    checks: Callable[[tuple[Any, ...], Any, tuple[Any, ...]], list[Check]]
    bets: Mapping[str, str]
    reorders: str = ""
    tolerance: float = 0.0

    @property
    def entry(self) -> Callable[..., Any]:
        """The function that is called."""
        return self.units[0].function


def bound(kernel: Kernel, decorate: Callable[[Callable[..., Any]], Any]) -> Any:
    """The entry of a kernel with `decorate` (numba.njit, tiering.jit, ...) laid on each of its functions.

    The kernel's own functions stay as they are. A kernel of one function is decorated without a copy.
    """
    if len(kernel.units) == 1:
        return decorate(kernel.entry)
    return bound_all([unit.function for unit in kernel.units], decorate)[0]


def bound_all(
    functions: Sequence[Callable[..., Any]], decorate: Callable[[Callable[..., Any]], Any]
) -> tuple[Any, ...]:
    """`decorate` laid on copies of functions that call each other; every callee stands after its callers."""
    made: dict[str, Any] = {}
    for function in reversed(functions):
        made[function.__name__] = decorate(_copy(function, made))
    return tuple(made[function.__name__] for function in functions)


def _copy(function: Any, names: Mapping[str, Any]) -> Any:
    copied = FunctionType(
        function.__code__, {**function.__globals__, **names}, function.__name__, function.__defaults__
    )
    copied.__module__, copied.__qualname__, copied.__doc__ = (
        function.__module__,
        function.__qualname__,
        function.__doc__,
    )
    copied.__annotations__ = function.__annotations__
    return copied
