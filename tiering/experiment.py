"""Programs times controllers: the rows of a table, each beside an oracle and a bound.

A comparison is paired: all rows share program, profile and seed, and what is random (which calls fail their guards) is
a property of the seed and the call, so that differences between rows come from the policies alone.

A controller that needs the future says so by raising `NeedsFuture` from `start`; it is then given the future and its
row is marked "oracle". So an oracle needs no table of its own here, and a user's own oracle works as ours does. Its row
is what a clairvoyant reached; the row "lb1" is less than anybody can reach. `regret` is measured from the latter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tiering import profile as profiles
from tiering import registry, trace
from tiering.errors import NeedsFuture, unknown
from tiering.files import check_writable
from tiering.log import DecisionLog
from tiering.oracle import lb1
from tiering.profile import Profile, UnitCosts
from tiering.protocol import Controller, parameters
from tiering.sim import Result, Simulation, setup
from tiering.sim.costs import CALL_SECONDS
from tiering.trace import Call, Group, Program, Unit

ORACLE = "oracle"
BOUND = "lb1"


class Row(NamedTuple):
    """One result. `kind` is "policy", "oracle" (it knew the future) or "bound" (nobody can need less).

    Seconds are simulated. `regret` is total / bound - 1 against `tiering.oracle.lb1`; it is None where no bound was
    asked for, or the bound is zero. `_asdict()` goes to JSON as it is.
    """

    workload: str
    controller: str
    kind: str
    seed: int
    total_seconds: float
    stall_seconds: float
    compiles: int
    failures: int
    deopts: int
    decisions: int
    compile_seconds: float
    queue_seconds: float
    calls: int
    regret: float | None
    parameters: dict[str, Any]


def program(workload: Any, size: str = "medium", profile: Profile | None = None, seed: int = 0) -> Program:
    """The program of a workload: a Program as it is, a trace file by its path, or a workload by name or as an object.

    `profile` (the reference by default) lends a named workload the costs that were measured for its functions. Its
    calls are the same for every `seed`. Raises InputError for an unknown name or size, or a damaged file.
    """
    if isinstance(workload, Program):
        return workload
    if isinstance(workload, Path) or (isinstance(workload, str) and _is_file(workload)):
        return trace.read(workload)
    found = registry.WORKLOADS.load(workload) if isinstance(workload, str) else workload
    if size not in found.sizes:
        raise unknown("size", size, found.sizes, f"workload {found.name!r}")
    return _from_schedule(found, size, profile or profiles.reference())


def simulate(
    workload: Any,
    controller: Any,
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    size: str = "medium",
    profile: Profile | None = None,
    log: str | Path | None = None,
) -> Row:
    """Simulate one workload under one controller, and write the decision log to `log` if that is given.

    `workload` is what `program` takes; `controller` a name, a class or an object with the three methods; `settings` are
    the parameters of a named controller or a class. Raises InputError for whatever of these breaks a rule.
    """
    if log is not None:
        check_writable(log)
    machine = profile or profiles.reference()
    subject = program(workload, size, machine, seed)
    name, made = _controller(controller, settings)
    return _row(subject, machine, name, made, seed, lb1(subject, machine), log)


def compare(
    workload: Any,
    controllers: Iterable[Any],
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    size: str = "medium",
    profile: Profile | None = None,
    bounds: bool = True,
    progress: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Simulate one workload under several controllers: one row each, in the order given.

    `settings` maps names of controllers to parameters. With `bounds` the oracle's row and the bound's row follow, and
    every row has its regret. `progress` is called with each row as it is finished. Raises as `simulate` does, before
    the first simulation if a name is wrong.
    """
    machine = profile or profiles.reference()
    subject = program(workload, size, machine, seed)
    chosen = [_controller(item, (settings or {}).get(_name(item))) for item in controllers]
    if bounds and ORACLE not in [name for name, _ in chosen]:
        chosen.append(_controller(ORACLE, (settings or {}).get(ORACLE)))
    bound = lb1(subject, machine) if bounds else None
    rows: list[Row] = []
    for name, made in chosen:
        rows.append(_row(subject, machine, name, made, seed, bound, None))
        if progress:
            progress(rows[-1])
    if bound is not None:
        rows.append(_bound_row(subject, seed, bound))
        if progress:
            progress(rows[-1])
    return rows


def _row(
    subject: Program,
    machine: Profile,
    name: str,
    controller: Controller,
    seed: int,
    bound: float | None,
    log: str | Path | None,
) -> Row:
    chosen = {declared.name: getattr(controller, declared.name) for declared in parameters(controller)}

    def simulated(future: bool) -> Result:
        facts = setup(subject, machine, seed=seed, future=future)
        record = DecisionLog("simulation", name, chosen, facts) if log is not None else None
        result = Simulation(subject, machine, controller, seed=seed, log=record, future=future).run()
        if record is not None and log is not None:
            record.save(log)
        return result

    try:
        kind, result = "policy", simulated(future=False)
    except NeedsFuture:
        kind, result = "oracle", simulated(future=True)
    numbers = result._asdict()
    del numbers["tier_seconds"], numbers["code_bytes"]
    regret = result.total_seconds / bound - 1 if bound else None
    return Row(subject.name, name, kind, seed, **numbers, regret=regret, parameters=chosen)


def _bound_row(subject: Program, seed: int, bound: float) -> Row:
    nothing = Result(bound, 0.0, 0, 0, 0, 0, 0.0, 0.0, sum(subject.counts()), (), 0)._asdict()
    del nothing["tier_seconds"], nothing["code_bytes"]
    regret = 0.0 if bound else None
    return Row(subject.name, BOUND, "bound", seed, **nothing, regret=regret, parameters={})


def _controller(controller: Any, settings: Mapping[str, Any] | None) -> tuple[str, Controller]:
    name = _name(controller)
    if isinstance(controller, str):
        return name, registry.controller(name, dict(settings or {}))
    made: Controller = controller(**(settings or {})) if isinstance(controller, type) else controller
    return name, made


def _name(controller: Any) -> str:
    if isinstance(controller, str):
        return controller
    kind = controller if isinstance(controller, type) else type(controller)
    return kind.__name__


def _is_file(text: str) -> bool:
    """Whether text is meant as a path: it looks like one, or there is a file and no workload of that name."""
    if text.endswith(".jsonl") or "/" in text or text in (".", ".."):
        return True
    with suppress(OSError):
        return text not in registry.WORKLOADS.static and Path(text).is_file()
    return False


def _from_schedule(workload: Any, size: str, machine: Profile) -> Program:
    schedule = workload.schedule(workload.sizes[size])
    means = _mean_backedges(workload, size)
    units = []
    for function in workload.functions:
        name = function.__name__
        costs = _measured(workload, size, name, machine)
        guess = {machine.tiers[0].name: means[name] * machine.backedge_seconds + CALL_SECONDS}
        bytecodes = len(function.__code__.co_code) // 2
        units.append(Unit(name, bytecodes, costs.seconds or guess, costs.compile_seconds, costs.code_bytes))
    index = {function.__name__: number for number, function in enumerate(workload.functions)}

    def traced(call: Any) -> Call:
        mean = means[call.function]
        return Call(index[call.function], call.backedges, call.backedges / mean if mean else 1.0)

    groups = tuple(Group(tuple(traced(call) for call in repeat.pattern), repeat.times) for repeat in schedule)
    return Program(workload.name, tuple(units), groups, f"workload {workload.name}, size {size}")


def _mean_backedges(workload: Any, size: str) -> dict[str, float]:
    """Loop iterations of a mean call of each function."""
    iterations = {function.__name__: 0 for function in workload.functions}
    calls = dict(iterations)
    for repeat in workload.schedule(workload.sizes[size]):
        for call in repeat.pattern:
            iterations[call.function] += call.backedges * repeat.times
            calls[call.function] += repeat.times
    return {name: iterations[name] / max(calls[name], 1) for name in calls}


def _measured(workload: Any, size: str, name: str, machine: Profile) -> UnitCosts:
    """What the profile holds about a function: at this size, else at another one, scaled by iterations per call."""
    for other in (size, *workload.sizes):
        costs = machine.units.get(f"{workload.name}/{other}/{name}")
        if costs is not None:
            here, there = _mean_backedges(workload, size)[name], _mean_backedges(workload, other)[name]
            scale = here / there if here and there else 1.0
            return costs._replace(seconds={tier: seconds * scale for tier, seconds in costs.seconds.items()})
    return UnitCosts()
