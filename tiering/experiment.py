"""Programs times controllers times seeds: rows, each beside an oracle and a bound.

A comparison is paired: all rows of one seed share program, profile and luck (which calls fail their guards, how long a
compile takes, what a mix draws), because luck is a property of the seed, the unit and the call and never of the policy.
So differences between such rows come from the policies alone, and `study` looks at differences per seed. Matching
runs like this needs far fewer of them than comparing means of independent ones ("common random numbers"; for replayed
compile plans Georges et al., "Java performance evaluation through rigorous replay compilation", OOPSLA 2008).

A controller that needs the future says so by raising `NeedsFuture` from `start`; it is then given the future and its
row is marked "oracle". So an oracle needs no table of its own here, and a user's own oracle works as ours does. Its
row is what a clairvoyant reached; a row of kind "bound" is less than anybody can reach, and `regret` is measured from
that.

Where compiles are real (`simulate(compiler="real")`, see `tiering.real`) nobody knows their times beforehand: there is
no bound, no oracle and no second run that is equal to the first, and the row's parameters say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

from tiering import registry, statistics
from tiering.errors import InputError, NeedsFuture, unknown
from tiering.files import check_writable
from tiering.log import DecisionLog
from tiering.profile import Profile
from tiering.programs import drawn, machine_for, program
from tiering.protocol import Controller, parameters
from tiering.references import Reference, measured_from, references, regrets
from tiering.results import Effect, Mean, Overall, Row, Study, summarize
from tiering.sim import Result, Simulation, setup
from tiering.sim.simulation import CompileHook
from tiering.statistics import RESAMPLES
from tiering.trace import Program, digest, in_threads
from tiering.trace_parser import MAX_THREADS

__all__ = ["Effect", "Mean", "Overall", "Row", "Study", "compare", "program", "simulate", "study", "summarize"]

ORACLE = "oracle"
COMPILERS = ("model", "real")
"""Where the costs of compiles come from: the machine profile, or compiles that are really made."""

_Chosen: TypeAlias = list[tuple[str, Controller]]


def simulate(
    workload: Any,
    controller: Any,
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    size: str = "medium",
    profile: Profile | str | Path | None = None,
    machine: Sequence[str] = (),
    threads: int = 1,
    compiler: str = "model",
    log: str | Path | None = None,
) -> Row:
    """Simulate one workload under one controller, and write the decision log to `log` if that is given.

    `workload` is what `program` takes; `controller` a name, a class or an object with the three methods; `settings` are
    the parameters of a named controller or a class. `machine` changes the profile as `profile.with_machine` does,
    `threads` make the workload's calls side by side, `compiler` is one of `COMPILERS`. Raises InputError for whatever
    of these breaks a rule.
    """
    if log is not None:
        check_writable(log)
    chosen = machine_for(workload, profile, machine)
    _check_seed(seed)
    name, made = _name(controller), _made(controller, settings)
    if compiler not in COMPILERS:
        raise unknown("compiler", compiler, COMPILERS)
    if compiler == "real":
        from tiering import real

        subject, chosen, hook = real.prepare(workload, size, chosen)
        return _row(_in_threads(subject, threads), chosen, name, made, seed, [], log, hook)
    subject = _in_threads(program(workload, size, chosen, seed), threads)
    return _row(subject, chosen, name, made, seed, references(True, subject, chosen, seed), log)


def compare(
    workload: Any,
    controllers: Iterable[Any] | Mapping[str, Any],
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    size: str = "medium",
    profile: Profile | str | Path | None = None,
    machine: Sequence[str] = (),
    threads: int = 1,
    bounds: bool | Sequence[str] = True,
    progress: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Simulate one workload under several controllers: one row each, in the order given.

    `controllers` may be a mapping, which names them as its keys do. `settings` maps names of controllers to
    parameters. With `bounds` the oracle's row and the bound's row follow, and every row has its regret; names, or
    ["all"], choose other bounds and schedules (see `tiering.references`). `machine` and `threads` are as in `simulate`.
    `progress` is called with each row as it is finished. Raises as `simulate` does, before the first simulation if a
    name is wrong.
    """
    host = machine_for(workload, profile, machine)
    _check_seed(seed)
    subject = _in_threads(program(workload, size, host, seed), threads)
    chosen = _choose(controllers, settings or {}, bounds)
    return _rows(subject, host, chosen, seed, bounds, progress)


def study(
    workloads: Any,
    controllers: Iterable[Any] | Mapping[str, Any],
    *,
    seeds: Iterable[int] = range(10),
    baseline: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    size: str = "medium",
    profile: Profile | str | Path | None = None,
    machine: Sequence[str] = (),
    threads: int = 1,
    bounds: bool | Sequence[str] = True,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    progress: Callable[[Row], None] | None = None,
) -> Study:
    """Simulate every workload under every controller with every seed, and compare them seed by seed.

    `workloads` is one of what `program` takes or several of them, `baseline` the name of the controller that the
    others are compared with (default: the first), the rest is as in `compare`. Rows come by workload, then by seed,
    then as `compare` orders them. Raises as `simulate` does, and for names that are not unique, an unknown baseline,
    seeds that are none, repeated or no whole numbers, and as `tiering.statistics.paired` does.
    """
    drawing = _distinct_seeds(seeds)
    chosen = _choose(controllers, settings or {}, bounds)
    names = [name for name, _ in chosen]
    _unique("controller", names, "give a mapping of your own names to controllers")
    if baseline is not None and baseline not in names:
        raise unknown("baseline", baseline, names)
    statistics.check(confidence, resamples)
    listed = _listed(workloads)
    hosts = [machine_for(workload, profile, machine) for workload in listed]
    pairs = zip(listed, hosts, strict=True)
    subjects = [_in_threads(program(workload, size, host), threads) for workload, host in pairs]
    _unique("workload", [subject.name for subject in subjects], "rename one with Program._replace(name=...)")
    rows: list[Row] = []
    for (subject, host), seed in product(zip(subjects, hosts, strict=True), drawing):
        rows += _rows(subject, host, chosen, seed, bounds, progress)
    luck = {subject.name: drawn(subject, host) for subject, host in zip(subjects, hosts, strict=True)}
    return summarize(rows, baseline, confidence=confidence, resamples=resamples, drawn=luck)


def _rows(
    subject: Program,
    machine: Profile,
    chosen: _Chosen,
    seed: int,
    bounds: bool | Sequence[str],
    progress: Callable[[Row], None] | None,
) -> list[Row]:
    known = references(bounds, subject, machine, seed)
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        if progress:
            progress(row)

    for name, made in chosen:
        add(_row(subject, machine, name, made, seed, known, None))
    for reference in known:
        add(_reference_row(subject, seed, reference, known))
    return rows


def _row(
    subject: Program,
    machine: Profile,
    name: str,
    controller: Controller,
    seed: int,
    known: list[Reference],
    log: str | Path | None,
    hook: CompileHook | None = None,
) -> Row:
    chosen = {declared.name: getattr(controller, declared.name) for declared in parameters(controller)}

    def simulated(future: bool) -> Result:
        facts = setup(subject, machine, seed=seed, future=future)
        record = DecisionLog("simulation", name, chosen, facts) if log is not None else None
        result = Simulation(subject, machine, controller, seed=seed, log=record, future=future, compile=hook).run()
        if record is not None and log is not None:
            record.save(log)
        return result

    try:
        kind, result = "policy", simulated(future=False)
    except NeedsFuture:
        if hook is not None:
            raise InputError(f"controller {name!r}: needs the future, unknown of real compiles; take another") from None
        kind, result = "oracle", simulated(future=True)
    numbers = {field: getattr(result, field) for field in Row._fields if field in Result._fields}
    least, total = measured_from(known), result.total_seconds
    told = chosen if hook is None else {**chosen, "compiler": "real"}
    regret = total / least - 1 if least else None
    row = Row(subject.name, name, kind, seed, **numbers, regret=regret, parameters=told)
    return row._replace(regrets=regrets(total, known), trace_hash=digest(subject))


def _in_threads(subject: Program, threads: int) -> Program:
    if type(threads) is not int or not 1 <= threads <= MAX_THREADS:
        raise InputError(f"threads is {threads!r}: must be a whole number from 1 to {MAX_THREADS}")
    own = subject.threads()
    if threads > 1 and own > 1:
        raise InputError(f"threads is {threads}: {subject.name!r} has {own} threads of its own, so it must be 1")
    return in_threads(subject, threads) if threads > 1 else subject


def _reference_row(subject: Program, seed: int, reference: Reference, known: list[Reference]) -> Row:
    nothing = dict.fromkeys(("compiles", "failures", "deopts", "decisions"), 0)
    least = measured_from(known)
    return Row(
        subject.name,
        reference.name,
        reference.kind,
        seed,
        reference.seconds,
        stall_seconds=0.0,
        **nothing,
        compile_seconds=0.0,
        queue_seconds=0.0,
        calls=subject.total(),
        regret=reference.seconds / least - 1 if least else None,
        parameters={},
        regrets=regrets(reference.seconds, known),
        trace_hash=digest(subject),
    )


def _choose(
    controllers: Iterable[Any] | Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], bounds: object
) -> _Chosen:
    if isinstance(controllers, str):
        controllers = [controllers]
    given = controllers.items() if isinstance(controllers, Mapping) else [(_name(item), item) for item in controllers]
    chosen = [(name, _made(item, settings.get(name))) for name, item in given]
    if bounds and ORACLE not in [name for name, _ in chosen]:
        chosen.append((ORACLE, _made(ORACLE, settings.get(ORACLE))))
    return chosen


def _made(controller: Any, settings: Mapping[str, Any] | None) -> Controller:
    if isinstance(controller, str):
        return registry.controller(controller, dict(settings or {}))
    made: Controller = controller(**(settings or {})) if isinstance(controller, type) else controller
    return made


def _name(controller: Any) -> str:
    if isinstance(controller, str):
        return controller
    kind = controller if isinstance(controller, type) else type(controller)
    return kind.__name__


def _check_seed(seed: int) -> None:
    if type(seed) is not int or seed < 0:
        raise InputError(f"seed {seed!r}: must be a whole number, at least 0")


def _listed(workloads: Any) -> list[Any]:
    """One workload as a list of one: names and Programs are iterable too."""
    one = isinstance(workloads, str | Path | Program) or hasattr(workloads, "schedule")
    listed = [workloads] if one else list(workloads)
    if not listed:
        raise InputError("a study of no workloads: give at least one")
    return listed


def _distinct_seeds(seeds: Iterable[int]) -> list[int]:
    listed = list(seeds)
    rule = "seeds must be different whole numbers, at least one of them, as in range(10)"
    for seed, times in Counter(listed).items():
        if not isinstance(seed, int) or times > 1:
            raise InputError(f"seed {seed!r}: {rule}")
    if not listed:
        raise InputError(f"no seeds: {rule}")
    return listed


def _unique(kind: str, names: Sequence[str], way_out: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{kind} {name!r}: {names.count(name)} have this name; {way_out}")
