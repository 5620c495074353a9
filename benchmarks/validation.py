"""The compile queue against queueing theory: measured over expected waiting, with 99 % intervals.

`tiering.sim.compilers.Compilers` is driven alone, with arrivals and compile times whose law is known, because only then
is there a closed form. Arrivals are a Poisson process throughout. What is expected:

- M/M/1 and M/G/1: the formula of Pollaczek and Khinchine, rate * E[S^2] / (2 (1 - load)).
- M/M/k: Erlang's C for the share of tasks that wait, and the mean wait that follows from it.
- M/M/1/K, a bounded queue: the share of tasks that are refused (the last term of a truncated geometric law).
- M/G/1 with two priorities, a running task not interrupted: A. Cobham, *Priority assignment in waiting line problems*,
  Operations Research 2, 1954.

All of these stand in L. Kleinrock, *Queueing Systems*, volumes 1 and 2 (1975, 1976).

Waiting times of one queue follow each other closely, so their plain standard error is far too small. Intervals are
those of batch means: a tenth of the tasks is left out, the rest cut into 30 batches, Student's t over these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Metric, main
from tiering.manager import Task
from tiering.profile import Machine, Pool, Profile, TierCosts
from tiering.protocol import PLAIN
from tiering.sim.clock import Environment
from tiering.sim.compilers import Compilers, Running
from tiering.sim.costs import PICO, picoseconds
from tiering.sim.draws import stream

BATCHES = 30
T_99 = 2.756
"""Student's t of 29 degrees of freedom that leaves half a percent at each side."""


class Job(NamedTuple):
    """A compile that is asked for `at` an instant and takes `service`, both in picoseconds."""

    at: int
    service: int
    tier: int = 1
    priority: float = 0.0


class Passed(NamedTuple):
    """What came of jobs: per job its wait in picoseconds (None: refused), and the order in which they began.

    `queued` is the integral of the number of waiting tasks over time, `busy` all compile time, `waited` the queue's own
    sum of waiting; in (task) picoseconds.
    """

    waits: list[int | None]
    order: list[int]
    queued: int
    busy: int
    waited: int


class Interval(NamedTuple):
    """A mean and its 99 % interval."""

    mean: float
    low: float
    high: float


def machine(threads: int = 1, *, pools: tuple[Pool, ...] = (), capacity: int | None = None) -> Profile:
    """A machine with tiers "one" and "two" above the interpreter; of the rest only the queue matters."""
    tiers = (TierCosts("interpreter", 1.0), TierCosts("one", 2.0), TierCosts("two", 3.0))
    return Profile(tiers, compiler_threads=threads, machine=Machine(pools=pools, queue_capacity=capacity))


def drive(profile: Profile, jobs: Sequence[Job]) -> Passed:
    """Send jobs, sorted by time, through the compile queue until it is empty."""
    env = Environment()
    env.noticed = lambda event: None
    waits: list[int | None] = [None] * len(jobs)
    order: list[int] = []
    area, changed, length = 0, 0, 0

    def count() -> None:
        nonlocal area, changed, length
        now = int(env._now)
        area += length * (now - changed)
        changed, length = now, sum(compilers.queue())

    def begin(task: Task) -> tuple[int, Any]:
        count()
        job = jobs[task.serial]
        waits[task.serial] = int(env._now) - job.at
        order.append(task.serial)
        return job.service, None

    def ended(running: Running, wanted: bool) -> None:
        assert wanted

    def arrive(number: int) -> None:
        job = jobs[number]
        compilers.submit(Task(str(number), job.tier, PLAIN, job.priority, number, job.at / PICO))
        count()
        if number + 1 < len(jobs):
            env.at(jobs[number + 1].at, lambda _: arrive(number + 1))

    compilers = Compilers(env, profile, lambda: (int(env._now), int(env._now)), begin, ended)
    compilers.open()
    env.at(jobs[0].at, lambda _: arrive(0))
    env.run()
    return Passed(waits, order, area, compilers.busy(), compilers.waited_ticks)


def exponential(seed: int, site: str, mean: float, count: int) -> list[int]:
    """Exponential times with this mean (seconds), as picoseconds."""
    return [picoseconds(seconds) for seconds in -mean * np.log1p(-_uniform(seed, site, count))]


def log_normal(seed: int, site: str, mean: float, spread: float, count: int) -> list[int]:
    """Log-normal times with this mean (seconds) and standard deviation of the logarithm, as picoseconds."""
    radius = np.sqrt(-2.0 * np.log1p(-_uniform(seed, f"{site} radius", count)))
    normal = radius * np.cos(2.0 * math.pi * _uniform(seed, f"{site} angle", count))
    return [picoseconds(seconds) for seconds in mean * np.exp(spread * normal - spread * spread / 2.0)]


def poisson(seed: int, rate: float, services: Sequence[int], *, tier: int = 1, priority: float = 0.0) -> list[Job]:
    """Jobs that arrive at `rate` per second and need `services`."""
    gaps = exponential(seed, f"arrivals {tier} {priority}", 1.0 / rate, len(services))
    at, jobs = 0, []
    for gap, service in zip(gaps, services, strict=True):
        at += gap
        jobs.append(Job(at, service, tier, priority))
    return jobs


def batch_means(values: Sequence[float]) -> Interval:
    """Mean and 99 % interval of a stationary sequence; a tenth at its start is left out."""
    settled = np.asarray(values[len(values) // 10 :], dtype=np.float64)
    means = np.asarray([batch.mean() for batch in np.array_split(settled, BATCHES)])
    mean, half = float(means.mean()), T_99 * float(means.std(ddof=1)) / math.sqrt(BATCHES)
    return Interval(mean, mean - half, mean + half)


def in_seconds(waits: Iterable[int | None]) -> list[float]:
    """The waits of those that were not refused."""
    return [wait / PICO for wait in waits if wait is not None]


def pollaczek_khinchine(rate: float, mean: float, second_moment: float) -> float:
    """Mean wait (seconds) of M/G/1."""
    return rate * second_moment / (2.0 * (1.0 - rate * mean))


def erlang_c(threads: int, load: float) -> float:
    """Share of tasks that wait in M/M/k; `load` is arrivals per compile time, below `threads`."""
    blocked = 1.0
    for servers in range(1, threads + 1):
        blocked = load * blocked / (servers + load * blocked)
    return blocked / (1.0 - load / threads * (1.0 - blocked))


def mmk_wait(threads: int, rate: float, mean: float) -> float:
    """Mean wait (seconds) of M/M/k."""
    return erlang_c(threads, rate * mean) / (threads / mean - rate)


def refused(load: float, places: int) -> float:
    """Share of tasks that M/M/1/K refuses; `places` counts the one in the compiler."""
    return (1.0 - load) * load**places / (1.0 - load ** (places + 1))


def cobham(rates: Sequence[float], means: Sequence[float], second_moments: Sequence[float]) -> list[float]:
    """Mean waits (seconds) of M/G/1 with priorities, the highest first."""
    residual = sum(rate * moment for rate, moment in zip(rates, second_moments, strict=True)) / 2.0
    waits, above = [], 0.0
    for rate, mean in zip(rates, means, strict=True):
        through = above + rate * mean
        waits.append(residual / ((1.0 - above) * (1.0 - through)))
        above = through
    return waits


class Case(NamedTuple):
    """A queue: threads, arrivals per second, and the law of compile times, whose mean is a second."""

    threads: int
    rate: float
    law: str = "exponential"


CASES = {
    "mm1_half": Case(1, 0.5),
    "mm1": Case(1, 0.7),
    "md1": Case(1, 0.7, "constant"),
    "mg1_spread_1.2": Case(1, 0.5, "log-normal"),
    "mm2": Case(2, 1.4),
    "mm3": Case(3, 2.0),
    "mm8": Case(8, 6.0),
}
SPREAD = 1.2
_SECOND_MOMENTS = {"exponential": 2.0, "constant": 1.0, "log-normal": math.exp(SPREAD**2)}


def tasks(case: Case, count: int, seed: int = 1) -> list[Job]:
    """`count` jobs of this queue."""
    if case.law == "constant":
        services = [PICO] * count
    elif case.law == "exponential":
        services = exponential(seed, "service", 1.0, count)
    else:
        services = log_normal(seed, "service", 1.0, SPREAD, count)
    return poisson(seed, case.rate, services)


def expected(case: Case) -> float:
    """Mean wait in seconds."""
    if case.threads == 1:
        return pollaczek_khinchine(case.rate, 1.0, _SECOND_MOMENTS[case.law])
    return mmk_wait(case.threads, case.rate, 1.0)


def measure(quick: bool) -> list[Metric]:
    """Mean waits over those of theory; they hold where the interval has 1 in it."""
    found = []
    for name, case in CASES.items():
        jobs = tasks(case, 20_000 if quick else 1_000_000)
        ratio = [seconds / expected(case) for seconds in in_seconds(drive(machine(case.threads), jobs).waits)]
        mean, low, high = batch_means(ratio)
        holds = low <= 1.0 <= high
        found.append(Metric(f"queue_wait_{name}", mean, "ratio", low, high, "closed form, at 99 %", 1.0, holds))
    return found


def _uniform(seed: int, site: str, count: int) -> NDArray[np.float64]:
    raw = np.asarray(stream(seed, "validation", site).random_raw(count), dtype=np.uint64)
    return np.asarray((raw >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


if __name__ == "__main__":
    main(measure)
