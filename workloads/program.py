"""What a whole program is: many kernels, called with changing sizes and in phases: there is something to decide.

A program is a plain function of a decorator. It lays the decorator on its own functions and, by `kernel.bound`, on
kernels of the zoo, and runs: under `numba.njit`, `tiering.jit`, or no decorator at all, with the same results. What it
costs to compile, and whether that pays, is what it is made for; its sizes are fixed here, before any policy is measured
on them.

    python -m tiering.workloads.programs short_lived --jit numba:njit

runs one from process start, which is how `length` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Decorate: TypeAlias = Callable[[Callable[..., Any]], Any]
"""What turns a plain function into a compiled one; called with the function alone."""

LENGTHS = ("short", "medium", "long")
"""Under 1 s, 1 to 10 s, and over 10 s from process start under plain njit on the reference machine."""


@dataclass(frozen=True)
class WholeProgram:
    """A program and what it is there to show.

    name: the name of its module in `workloads.programs`.
    summary: one line.
    length: one of `LENGTHS`.
    stresses: what makes it hard on a policy, one line.
    run: decorator -> named results: numbers and arrays, the same for every decorator and in CPython.
    """

    name: str
    summary: str
    length: str
    stresses: str
    run: Callable[[Decorate], Mapping[str, Any]]
