"""One simulated run as a series of iterations, and what two published procedures say about it.

An iteration is a share of the calls of the program's first thread (`tiering.trace.in_iterations`). The shares are
equal, so their times tell how fast the program runs, and the series is what a benchmark harness would have measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tiering import registry
from tiering.errors import InputError, NeedsFuture
from tiering.metrics import steady_state, warm_up_loss
from tiering.profile import Profile
from tiering.programs import machine_for, program
from tiering.protocol import Controller
from tiering.sim import Simulation
from tiering.steady import Steady
from tiering.trace import Program, digest, in_iterations, in_threads

LEAST = 8
"""Iterations. From fewer no change point can be told."""


class WarmUp(NamedTuple):
    """How a run warmed up. Seconds are simulated; `loss` is in iterations (see `tiering.metrics.warm_up_loss`).

    `trace_hash` is that of the program before it was cut into iterations.
    """

    workload: str
    controller: str
    seed: int
    iterations: int
    total_seconds: float
    loss: float
    barrett: Steady
    traini: Steady
    trace_hash: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a JSON document."""
        return {**self._asdict(), "barrett": self.barrett._asdict(), "traini": self.traini._asdict()}


def series(subject: Program, machine: Profile, controller: Controller, iterations: int, seed: int = 0) -> list[float]:
    """Seconds of each iteration, about `iterations` of them. Raises InputError as `Simulation` does."""
    cut = in_iterations(subject, iterations)
    try:
        simulation = Simulation(cut, machine, controller, seed=seed)
    except NeedsFuture:
        simulation = Simulation(cut, machine, controller, seed=seed, future=True)
    simulation.run()
    return [end - begin for begin, end in pairwise(simulation.marks())]


def warm_up(
    workload: str | Path | Program,
    controller: str,
    *,
    iterations: int = 2000,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    size: str = "medium",
    profile: Profile | str | Path | None = None,
    machine: Sequence[str] = (),
    threads: int = 1,
) -> WarmUp:
    """Simulate a workload under a built-in controller and find when it becomes steady.

    Takes what `tiering.simulate` takes. Raises InputError as that does, and for a program that cannot be cut into
    `LEAST` iterations.
    """
    host = machine_for(workload, profile, machine)
    subject = program(workload, size, host, seed)
    if threads > 1:
        subject = in_threads(subject, threads)
    times = series(subject, host, registry.controller(controller, dict(settings or {})), iterations, seed)
    if len(times) < LEAST or sum(times) <= 0.0:
        raise InputError(
            f"{subject.name}: has {len(times)} iterations that take {sum(times):g} s; a steady state is looked for in "
            f"at least {LEAST} and above 0 s; take a larger size, or a trace with more rounds"
        )
    found = steady_state(times)
    loss = warm_up_loss(times)
    kept = digest(subject)
    return WarmUp(subject.name, controller, seed, len(times), sum(times), loss, found.barrett, found.traini, kept)
