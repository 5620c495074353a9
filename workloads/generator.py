"""What a made-up program is, and what several of them are made of.

A generator returns the lines of a trace as plain values, as they would stand in a file (see `docs/traces.md`), and
whoever runs them reads them like a file. So a made-up program can be written out, looked at and changed by hand. Costs
of calls are left to the machine: a unit states its size, its loops and its bets, and runs on any machine profile.

Everything is fixed by the arguments. Laws are realised at the middles of equal shares of probability, which needs no
luck and gives every size of a program the same shape; only where an order in time is the phenomenon (dwell times,
arrivals) is it drawn, by an argument `seed`. Which calls of a mix come and which guards fail is the simulator's, from
its own seed. Draws come from raw PCG64 bits through transforms of our own, as everywhere here: those of NumPy's
distributions may change with its version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tiering.protocol import InputError

Line: TypeAlias = dict[str, Any]
Arguments: TypeAlias = dict[str, float]
Floats: TypeAlias = npt.NDArray[np.float64]

SIZES = (20, 45, 80, 120, 200, 350, 600)
LOOPS = (0, 3, 10, 30, 100)
"""Bytecodes and loop iterations that units take in turn where neither is the phenomenon."""


def _nothing(program: Any) -> Arguments | None:
    return None


@dataclass(frozen=True)
class Synthetic:
    """A generator, three settings of it, and how it is fitted to a recording.

    name: the name in the table of workloads.
    summary: one line.
    phenomenon: what goes wrong in a policy that does not reckon with it; one line.
    knob: the parameter of the generator that makes its phenomenon stronger or weaker.
    sizes: "small", "medium" and "large" -> arguments of the generator.
    generate: arguments -> the lines that follow the header of a trace.
    fit: a program, as `tiering.trace.read` gives it -> arguments of the generator, whose trace then resembles it in
        this phenomenon and in nothing else; None where the program shows too little of it.
    machine: fields of a machine profile's `machine` on which the workload shows what it is for.
    functions: none; real workloads have some.
    """

    name: str
    summary: str
    phenomenon: str
    knob: str
    sizes: Mapping[str, Mapping[str, float]]
    generate: Callable[..., list[Line]]
    fit: Callable[[Any], Arguments | None] = _nothing
    machine: Mapping[str, Any] = field(default_factory=dict)
    functions: tuple[Callable[..., Any], ...] = ()

    def lines(self, size: str = "small", **changed: float) -> list[Line]:
        """The trace at this size, header first; `changed` arguments (the knob, or fitted ones) replace the size's.

        Raises InputError for arguments that the generator does not take at these values.
        """
        if size not in self.sizes:
            raise InputError(f"{self.name}: size {size!r}: must be one of {', '.join(self.sizes)}")
        for name, value in changed.items():
            if name not in self.sizes[size] and name not in signature(self.generate).parameters:
                raise InputError(f"{self.name} has no argument {name!r}; it has {', '.join(self.sizes[size])}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{self.name}: {name} is {value!r}: must be a number")
            if name in _LARGEST:
                check(self.name, **{name: (value, 0, _LARGEST[name])})
        shown = "".join(f", {name}={value:g}" for name, value in changed.items())
        source = f"synthetic, size {size}{shown}"
        head = {"format": "tiering-trace", "version": 1, "name": self.name, "source": source}
        return [head, *self.generate(**{**self.sizes[size], **changed})]


_LARGEST = {"units": 1e6, "calls": 1e15, "seed": 2.0**62}
"""What an argument may be at most, whatever the generator: nothing that takes more memory than there is."""


def check(owner: str, **rules: tuple[float, float, float]) -> None:
    """Hold arguments to their ranges: name -> (value, lowest, highest).

    Raises InputError with generator, argument, value and rule, in one line.
    """
    for name, (value, low, high) in rules.items():
        if not low <= value <= high:
            raise InputError(f"{owner}: {name} is {value!r}: must be from {low:g} to {high:g}")


def uniforms(seed: int, stream: int, count: int) -> Floats:
    """`count` numbers strictly between 0 and 1; `stream` tells what they are for."""
    raw = np.asarray(np.random.PCG64([seed, stream]).random_raw(count), dtype=np.uint64)
    return np.asarray(((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52, dtype=np.float64)


def middles(count: int) -> Floats:
    """The middles of `count` equal shares of probability: 1/2n, 3/2n, ..."""
    return (np.arange(count) + 0.5) / count


def log_normal(count: int, mean: float, spread: float) -> Floats:
    """`count` ascending values of the log-normal law of this mean; `spread` is the standard deviation of the logarithm.

    They are scaled to have the mean exactly, which the largest, cut at its middle, would miss.
    """
    normal = NormalDist()
    values = np.exp([spread * normal.inv_cdf(float(share)) for share in middles(count)])
    return np.asarray(values * (mean / values.mean()), dtype=np.float64)


def scattered(count: int) -> npt.NDArray[np.int64]:
    """The numbers from 0 to count - 1 in an order that goes with nothing else: multiples of the golden ratio."""
    return np.argsort((np.arange(count) * 0.6180339887498949) % 1.0, kind="stable")
