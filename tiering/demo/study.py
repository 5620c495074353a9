"""The measurements behind the demo, the profile made of them, and the predictions made of that."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tiering import processes, profile, registry
from tiering.errors import InputError, unknown
from tiering.experiment import Row, compare
from tiering.files import check_writable
from tiering.profile import Profile, TierCosts, UnitCosts

CONTROLLERS = ("always", "threshold", "pi", "cost_benefit")
RIVALS = ("cpython", "njit")
SIZES = ("small", "medium", "large")
DEFAULT_PROFILE = Path("out") / "machine-profile.json"
TIMEOUT_SECONDS = 1800


class Line(NamedTuple):
    """One line of the demo: a loop under one way of running it. Seconds; `measured` is None for simulated ways.

    `stall` is the longest that one call took beyond the median call of the same kernel in CPython.
    """

    workload: str
    way: str
    measured: float | None
    predicted: float
    stall: float | None
    compiles: int
    simulated: Row | None = None


class Study(NamedTuple):
    """All lines, the machine profile behind the predictions, and how busy the machine was before we began.

    `load` is the mean number of processes that wanted a core during the minute before.
    """

    lines: tuple[Line, ...]
    profile: Profile
    profile_path: str
    load: float


def steps() -> int:
    """How many measurements `run` makes, for a progress bar."""
    return len(_loops()) * (len(RIVALS) + 1 + len(CONTROLLERS))


def run(
    *, size: str = "medium", profile_path: str | Path | None = None, progress: Callable[..., None] = lambda *_: None
) -> Study:
    """Measure, write the machine profile to `profile_path`, predict.

    Raises InputError for an unknown size, and for a place that cannot be written or holds something else.
    """
    if size not in SIZES:
        raise unknown("size", size, SIZES)
    target = _place(profile_path)
    load = os.getloadavg()[0]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for loop in _loops():
        for way in (*RIVALS, "calibrate"):
            found[loop, way] = _child(way, loop, size)
            progress()
    machine = _profile(found, size)
    profile.write(machine, target)
    for loop in _loops():
        for way in CONTROLLERS:
            found[loop, way] = _child(way, loop, size, target)
            progress()
    lines = [line for loop in _loops() for line in _lines(loop, size, found, machine)]
    return Study(tuple(lines), machine, target, load)


def _place(path: str | Path | None) -> str:
    """Where the profile goes: what is not a machine profile is never overwritten."""
    target = DEFAULT_PROFILE if path is None else Path(path)
    if path is None:
        with suppress(OSError):
            target.parent.mkdir(exist_ok=True)
    check_writable(target)
    if target.exists():
        try:
            profile.read(target)
        except InputError:
            raise InputError(f"{target}: is there and is no machine profile; give another name") from None
    return str(target)


def _loops() -> list[str]:
    return list(registry.KERNELS)


def _child(way: str, loop: str, size: str, *profile_path: str) -> dict[str, Any]:
    command = processes.command("tiering.demo.child", way, loop, size, *profile_path)
    done = subprocess.run(
        command,
        env=processes.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise InputError(f"measuring {loop} under {way} ended with code {done.returncode}: {last[0]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _profile(found: dict[tuple[str, str], dict[str, Any]], size: str) -> Profile:
    """The machine as measured: costs per kernel, and tier priors fitted to them."""
    units: dict[str, UnitCosts] = {}
    speeds, sizes, compiles, installs = [], [], [], []
    for loop in _loops():
        plain, jitted, costs = (found[loop, way] for way in (*RIVALS, "calibrate"))
        for function in registry.WORKLOADS.load(loop).functions:
            name = function.__name__
            slow = _per_call(plain, name) + costs["overhead"]
            fast = _per_call(jitted, name, skip_first=True)
            cost = costs["units"][name]
            units[f"{loop}/{size}/{name}"] = UnitCosts(
                {"interpreter": slow, "optimized": fast}, {"optimized": cost["compile"]}, {"optimized": cost["bytes"]}
            )
            speeds.append(slow / fast)
            sizes.append(len(function.__code__.co_code) // 2)
            compiles.append(cost["compile"])
            installs.append(cost["install"])
    per_size, fixed = np.polyfit(sizes, compiles, 1)
    if per_size < 0 or fixed < 0:
        per_size, fixed = 0.0, float(np.mean(compiles))
    optimized = TierCosts(
        "optimized",
        speed=float(np.exp(np.mean(np.log(speeds)))),
        compile_seconds=float(fixed),
        compile_seconds_per_size=float(per_size),
        install_seconds=float(np.mean(installs)),
        code_bytes_per_size=float(np.mean([unit.code_bytes["optimized"] for unit in units.values()]) / np.mean(sizes)),
    )
    ready = float(np.median([found[loop, "calibrate"]["ready"] for loop in _loops()]))
    source = f"measured by `tiering demo` on {platform.machine()}, Python {platform.python_version()}"
    return Profile((TierCosts("interpreter", 1.0), optimized), 1, True, ready, units=units, source=source)


def _per_call(run: dict[str, Any], name: str, *, skip_first: bool = False) -> float:
    """Mean seconds per call of a kernel, with its share of the time that the driver between the kernels takes."""
    inside = sum(unit["seconds"] for unit in run["units"].values())
    calls = sum(unit["calls"] for unit in run["units"].values())
    unit = run["units"][name]
    seconds, count = unit["seconds"], unit["calls"]
    if skip_first and count > 1:
        seconds, count = seconds - unit["first"], count - 1
    return float(seconds / count + max(0.0, run["total"] - inside) / calls)


def _lines(loop: str, size: str, found: dict[tuple[str, str], dict[str, Any]], machine: Profile) -> list[Line]:
    calibrated = found[loop, "calibrate"]
    bare = machine._replace(
        units={key: _without(costs, calibrated["overhead"]) for key, costs in machine.units.items()}
    )
    blocking = machine._replace(
        background=False,
        units={key: _in_place(costs, key, calibrated["units"]) for key, costs in machine.units.items()},
        ready_seconds=calibrated["first"],
        tiers=tuple(tier._replace(install_seconds=0.0) for tier in machine.tiers),
    )
    rows = {
        "cpython": compare(loop, ["never"], size=size, profile=bare, bounds=False)[0],
        "njit": compare(loop, ["always"], size=size, profile=blocking, bounds=False)[0],
    }
    simulated = compare(loop, CONTROLLERS, size=size, profile=machine)
    rows.update({row.controller: row for row in simulated})
    typical = {name: unit["median"] for name, unit in found[loop, "cpython"]["units"].items()}
    lines = []
    for way in (*RIVALS, *CONTROLLERS):
        run = found[loop, way]
        stall = max(unit["longest"] - typical[name] for name, unit in run["units"].items())
        predicted = rows[way].total_seconds
        lines.append(Line(loop, way, run["total"], predicted, max(0.0, stall), run["compiles"], rows[way]))
    for row in simulated[len(CONTROLLERS) :]:
        lines.append(Line(loop, row.controller, None, row.total_seconds, None, row.compiles, row))
    return lines


def _without(costs: UnitCosts, overhead: float) -> UnitCosts:
    return costs._replace(seconds={**costs.seconds, "interpreter": costs.seconds["interpreter"] - overhead})


def _in_place(costs: UnitCosts, key: str, calibrated: dict[str, Any]) -> UnitCosts:
    found = calibrated.get(key.rpartition("/")[2])
    return costs if found is None else costs._replace(compile_seconds={"optimized": found["in_place"]})
