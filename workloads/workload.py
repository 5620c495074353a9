"""What a workload is: kernels, a driver, inputs, the schedule of calls and the answer.

The kernels of a workload are its units. Each is one *step* of an optimizer, called hundreds or thousands of
times by a driver in plain Python. A kernel that ran the whole optimization in one call would leave a tiering
policy nothing to decide but on-stack replacement.

The driver receives the functions to call, so one driver serves plain, `njit`ed and tiered kernels alike, and
a test can put a recorder in between.

The schedule is a function of the size alone, never of the data. This forbids loops that end "when converged"
and pays for it: a simulated run and a live run of the same size do exactly the same calls, and the claim is
tested against a recording.

The rules that make every kernel mean the same, to the last bit, under CPython and under compiled code:

- elements are read as `float(x[i])`, so that arithmetic is on Python floats and never on NumPy scalars, whose
  division by zero and whose results have other types;
- squares are `x * x`: the C library's `pow(x, 2.0)` rounds differently for some `x`;
- sums run in an explicit loop: `np.sum` and `np.dot` add in another order;
- `math.sqrt`, `math.exp` and `math.log` only, on scalars that are in their domain: both sides then call the
  same C library, provided that no vector math library (Intel SVML) is installed for Numba to use instead;
- one array gives the loop its length and the others are indexed, so a short array is an IndexError on both
  sides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
"""A C-contiguous float64 array."""

Indices: TypeAlias = npt.NDArray[np.int64]
"""A C-contiguous int64 array whose values index another array."""


class Call(NamedTuple):
    """One call of a unit: the `__name__` of the kernel, and the iterations of all its loops together."""

    function: str
    backedges: int


class Repeat(NamedTuple):
    """A run of the schedule: the calls of `pattern` in order, and this `times` times."""

    pattern: tuple[Call, ...]
    times: int


@dataclass(frozen=True)
class Workload:
    """An optimizer loop and everything that is known about it before it runs.

    name: the name in the table of workloads, for instance "adam".
    summary: one line.
    functions: the kernels, plain undecorated functions; these are the units.
    sizes: "small", "medium" and "large" -> named integers (lengths, steps). Small is for tests (some
        hundredths of a second in CPython), medium for measurements (2 to 3 s), large is about ten times
        medium.
    make: (size, seed) -> the inputs, a NamedTuple of arrays and scalars. Equal arguments give equal inputs.
    run: (functions, inputs) -> a tuple of results. `functions` stand in the order of the field `functions`.
        The inputs are never mutated.
    schedule: size -> the exact sequence of calls that `run` makes.
    reference: inputs -> the results that `run` should give, found without the kernels, with None in the
        places for which there is no independent answer. None altogether where only another optimizer can
        tell.
    tolerance: the largest difference from `reference`, relative to the largest magnitude of each expected
        result; without a reference, the bound that the module's header describes.
    bets: the bets that are natural here: "constant_shapes", "nonzero_denominators", "index_maxima",
        "stable_types".
    """

    name: str
    summary: str
    functions: tuple[Callable[..., Any], ...]
    sizes: Mapping[str, Mapping[str, int]]
    make: Callable[[Mapping[str, int], int], Any]
    run: Callable[[Sequence[Callable[..., Any]], Any], tuple[Any, ...]]
    schedule: Callable[[Mapping[str, int]], tuple[Repeat, ...]]
    reference: Callable[[Any], tuple[Any, ...]] | None
    tolerance: float
    bets: tuple[str, ...]
