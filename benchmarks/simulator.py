"""What a simulated invocation and a decision cost, up to a billion invocations, and stepping against raw SimPy.

The program: 10,000 units, calls drawn one by one from a Zipf law (exponent 1), four compiler threads, the reference
machine. Each call is drawn, counted and booked; nothing is sampled or extrapolated. Every built-in controller runs at
every size. Sizes stop at `--largest` (1e9).

The fit: seconds = set-up + ns_per_invocation * calls + us_per_decision * decisions, all three at least zero, by least
squares of relative errors over a controller's own runs. Calls alone would say nothing of decisions where both grow
together, so each size below 1e9 is also run on a program of 1000 units, which has fewer decisions and the same calls.
`invocations_per_second` is taken at the largest size, everything included. `peak_gib` is the largest resident set of
the processes that ran them: each controller has one of its own.

`step_speed_vs_simpy`: events per second when every call is an event of its own (`jump=False`) over those of a SimPy
process that yields the same timeouts and counts per unit, on the same calls.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np
import simpy

from benchmarks.harness import Metric, main, measured, seconds_of
from tiering import profile, registry
from tiering.errors import NeedsFuture
from tiering.profile import Profile
from tiering.sim import Result, Simulation
from tiering.sim.costs import Costs
from tiering.sim.source import blocks
from tiering.trace import Call, Mix, Program, Unit

UNITS = (10_000, 1000)
SIZES = (10**6, 10**7, 10**8, 10**9)
QUICK = (10**5, 10**6)
REPEATS = {10**5: 1, 10**6: 7, 10**7: 5, 10**8: 2, 10**9: 1}
STEPS = 200_000
MOST_DECISIONS = 10**9


def zipf(units: int, calls: int) -> Program:
    """Calls of `units` units, the k-th of which is called in proportion to 1 / k."""
    made = tuple(Unit(f"unit {number}", 10 + number % 90, {"interpreter": 1e-6}) for number in range(units))
    drawn = tuple(Call(number) for number in range(units))
    weights = tuple(1.0 / rank for rank in range(1, units + 1))
    return Program(f"zipf {units}", made, (Mix(drawn, weights, calls),), "benchmarks/simulator.py")


def machine() -> Profile:
    """The reference machine with four compiler threads."""
    return profile.reference()._replace(compiler_threads=4)


def measure(quick: bool) -> list[Metric]:
    """The fitted costs of every built-in controller, the worst of them against the bars, and the step mode."""
    sizes = QUICK if quick else SIZES
    metrics: list[Metric] = []
    runs = {name: _in_a_process(name, sizes) for name in registry.CONTROLLERS.static}
    for name, (points, _) in runs.items():
        for units, calls, seconds, decisions in points:
            if units == UNITS[0]:
                against = f"{decisions} decisions"
                metrics.append(measured(f"{name}_seconds_of_{calls:.0e}", [seconds], "s", against))
    fits = {name: fitted(points) for name, (points, _) in runs.items()}
    for name, (_, per_call, per_decision) in fits.items():
        metrics.append(measured(f"{name}_ns_per_invocation", [per_call * 1e9], "ns", "the fit", bar=("<=", 20.0)))
        metrics.append(measured(f"{name}_us_per_decision", [per_decision * 1e6], "us", "the fit", bar=("<=", 5.0)))
    largest = [(p[1] / p[2]) for points, _ in runs.values() for p in points if p[:2] == (UNITS[0], sizes[-1])]
    worst = [max(fit[place] for fit in fits.values()) for place in (1, 2)]
    metrics += [
        measured("ns_per_invocation", [worst[0] * 1e9], "ns", "the worst controller", bar=("<=", 20.0)),
        measured("us_per_decision", [worst[1] * 1e6], "us", "the worst controller", bar=("<=", 5.0)),
        measured("invocations_per_second", [min(largest)], "1/s", "the slowest controller", bar=(">=", 5e7)),
        measured("peak_gib", [max(peak for _, peak in runs.values())], "GiB", "the largest process", bar=("<=", 1.0)),
    ]
    return [*metrics, _steps(5 if quick else 15)]


def fitted(points: list[tuple[int, int, float, int]]) -> tuple[float, float, float]:
    """Set-up, seconds per call and per decision, none below zero, of (units, calls, seconds, decisions)."""
    from scipy.optimize import nnls

    seconds = np.array([point[2] for point in points])
    columns = np.array([[1.0, point[1], point[3]] for point in points])
    scale = columns.max(axis=0)
    found, _ = nnls(columns / scale / seconds[:, None], np.ones(len(points)))
    setup, per_call, per_decision = found / scale
    return float(setup), float(per_call), float(per_decision)


def run(name: str, units: int, calls: int) -> tuple[float, Result]:
    """Seconds and result of one simulation under a built-in controller; an oracle is told the future beforehand."""
    program = zipf(units, calls)
    try:
        simulation = Simulation(program, machine(), registry.controller(name), max_decisions=MOST_DECISIONS)
    except NeedsFuture:
        controller = registry.controller(name)
        simulation = Simulation(program, machine(), controller, future=True, max_decisions=MOST_DECISIONS)
    started = time.perf_counter()
    result = simulation.run()
    return time.perf_counter() - started, result


def _in_a_process(name: str, sizes: tuple[int, ...]) -> tuple[list[tuple[int, int, float, int]], float]:
    command = [sys.executable, "-m", "benchmarks.simulator", "--child", name, *map(str, sizes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    points, peak = json.loads(done.stdout)
    return [tuple(point) for point in points], peak


def _child(name: str, sizes: list[int]) -> None:
    """Every size on both programs, in this process; prints the points and the peak resident set in GiB."""
    run(name, 100, 300_000)
    points = []
    for calls in sizes:
        for units in UNITS if calls < 10**9 else UNITS[:1]:
            times = REPEATS[calls] if len(sizes) == len(SIZES) else 1
            repeats = [run(name, units, calls) for _ in range(times)]
            seconds = float(np.median([seconds for seconds, _ in repeats]))
            points.append((units, calls, seconds, repeats[0][1].decisions))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    print(json.dumps([points, peak]))


def _steps(repeats: int) -> Metric:
    program = zipf(100, STEPS)
    costs = Costs(program, machine())
    ids = [number for block in blocks(program, costs, 0) for number in block.ids.tolist()]
    ratios = []
    for repeat in range(repeats + 1):
        ours = Simulation(program, machine(), registry.controller("never"), jump=False)
        mine, theirs = seconds_of(ours.run), seconds_of(_raw_simpy(ids).run)
        if repeat:
            ratios.append(theirs / mine)
    return measured("step_speed_vs_simpy", ratios, "ratio", "raw SimPy, the same events", bar=(">=", 0.6))


def _raw_simpy(ids: list[int]) -> simpy.Environment:
    environment = simpy.Environment()
    made = [0] * 100

    def process():  # type: ignore[no-untyped-def]
        for number in ids:
            made[number] += 1
            yield environment.timeout(1_000_000)

    environment.process(process())
    return environment


if __name__ == "__main__":
    if "--child" in sys.argv:
        _child(sys.argv[2], [int(size) for size in sys.argv[3:]])
    else:
        main(measure)
