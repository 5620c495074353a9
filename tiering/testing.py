"""The published conformance suite: whoever writes a controller checks it here, in one call.

    from tiering.testing import check_controller

    def test_mine_is_a_controller():
        check_controller(MyController)

A controller that passes can be simulated, run live, recorded and replayed. Laws are in `tiering.laws`, one function
each; here they are run, first over random walks, then in the two real hosts. `ManualClock` and `FakeCompiler` are
for tests that drive a TieringManager by hand.

`python -m tiering.testing MODULE:NAME LOG` replays a decision log against a new controller and prints how many answers
differ: that is how `check_controller` replays in another process, with another hash seed.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import MethodType
from typing import Any, NamedTuple

from tiering import laws, log, manager, profile, trace
from tiering.errors import InputError, NeedsFuture
from tiering.fakes import FakeCompiler, ManualClock
from tiering.laws import LawBroken, Make, Tape
from tiering.protocol import Setup

__all__ = ["FakeCompiler", "LawBroken", "ManualClock", "Report", "check_controller"]

HOSTS = ("simulator", "live")
ANOTHER_PROCESS = "replay in another process"
REPLAY_SECONDS = 120
NOT_IMPORTABLE = "must be MODULE:NAME of a class"
_LAWS: tuple[tuple[str, Callable[[Make], None]], ...] = (
    ("named reasons", laws.named_reasons),
    ("sealed", laws.sealed),
    ("total, legal", laws.total),
    ("replay", laws.replay),
    ("fresh", laws.fresh),
    ("quiet", laws.quiet),
    ("bounded", laws.bounded),
)


class Report(NamedTuple):
    """What was checked and kept, and what could not be checked here, each with its reason."""

    checked: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        kept = [f"kept         {law}" for law in self.checked]
        return "\n".join(kept + [f"not checked  {law}: {why}" for law, why in self.skipped])


class _Skip(Exception):
    pass


def check_controller(make: Make, *, hosts: tuple[str, ...] = HOSTS) -> Report:
    """Hold a controller to every law. `make` is its class, or anything that returns a new one without arguments.

    Raises LawBroken at the first law that breaks, InputError for an object instead of a class, ValueError for a host
    that there is not.
    """
    if not callable(make) or isinstance(getattr(make, "decide", None), MethodType):
        raise InputError(f"check_controller({make!r}): give a class, or a callable that returns a new controller")
    for host in hosts:
        if host not in HOSTS:
            raise ValueError(f"hosts={hosts!r}: there is {', '.join(HOSTS)}")
    checks: list[tuple[str, Callable[[Make], None]]] = [*_LAWS, (ANOTHER_PROCESS, _another_process)]
    checks += [(host, {"simulator": _simulator, "live": _live}[host]) for host in hosts]
    checked, skipped = [], []
    for name, check in checks:
        try:
            check(make)
            checked.append(name)
        except _Skip as why:
            skipped.append((name, str(why)))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            if name != "bounded":
                raise
            skipped.append((name, f"its attributes cannot be pickled ({error})"))
    return Report(tuple(checked), tuple(skipped))


def _another_process(make: Make) -> None:
    name = _importable(make)
    tape, setup = laws.taped_walk(make, 1, 400, future=laws.needs_future(make))
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "walk.jsonl"
        _log_of(tape, setup, "walk").save(file)
        done = subprocess.run(
            [sys.executable, "-m", "tiering.testing", name, str(file)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=REPLAY_SECONDS,
        )
    last = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-1:])
    if done.returncode == 2 and NOT_IMPORTABLE in last:
        raise _Skip(f"another process cannot import it ({last})")
    if done.returncode != 0:
        raise LawBroken("replay", f"in another process with PYTHONHASHSEED={seed}: {last}")


def _importable(make: Any) -> str:
    module, name = getattr(make, "__module__", None), getattr(make, "__qualname__", None)
    if not module or not name or "<" in name or module == "__main__":
        raise _Skip("needs a class or function that can be imported by its name")
    try:
        if importlib.util.find_spec(module) is None or _named(f"{module}:{name}") is not make:
            raise _Skip(f"{module}:{name} is not what was given")
    except (ImportError, AttributeError, ValueError) as error:
        raise _Skip(f"{module}:{name} cannot be imported ({error})") from None
    return f"{module}:{name}"


def _named(name: str) -> Any:
    module, _, attributes = name.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def _log_of(tape: Tape, setup: Setup, host: str) -> log.DecisionLog:
    written = log.DecisionLog(host, type(tape.inner).__name__, {}, setup)
    for record in tape.records:
        if isinstance(record, log.Decided):
            written.decision(*record)
        else:
            written.event(record)
    return written


def _simulator(make: Make) -> None:
    from tiering.sim import Simulation

    future = laws.needs_future(make)
    for program in (_two_loops(), _bets()):
        for failing in ((), (("cold", "baseline"), ("hot", "optimized"))):
            tape = Tape(make())
            simulation = Simulation(program, _MACHINE, tape, seed=1, future=future, failing=failing)
            simulation.run()
            laws.compare("replay", tape, simulation.manager.setup, make())


_MACHINE = profile.Profile(
    tiers=(
        profile.TierCosts("interpreter", 1.0),
        profile.TierCosts("baseline", 10.0, 0.002, 1e-6, 1e-4),
        profile.TierCosts("optimized", 40.0, 0.05, 1e-5, 1e-3),
        profile.TierCosts("speculative", 80.0, 0.05, 1e-5, 1e-3, speculative=True),
    ),
    deopt_seconds=1e-5,
    source="made up for the conformance suite",
)


def _two_loops() -> trace.Program:
    units = (trace.Unit("hot", 80), trace.Unit("cold", 300))
    groups = (
        trace.Group((trace.Call(0, 500), trace.Call(1, 3)), 400),
        trace.Group((trace.Call(0, 500),), 10_000),
        trace.Group((trace.Call(1, 200_000),), 3),
    )
    return trace.Program("two loops", units, groups, "made up for the conformance suite")


def _bets() -> trace.Program:
    units = (trace.Unit("hot", 80, guard_failure=1e-3), trace.Unit("cold", 300, guard_failure=0.5))
    groups = (trace.Group((trace.Call(0, 1000), trace.Call(1, 100)), 8000),)
    return trace.Program("bets that fail", units, groups, "made up for the conformance suite")


def _live(make: Make) -> None:
    try:
        trial = importlib.import_module("tiering.live").trial
    except (ImportError, AttributeError) as error:
        raise _Skip(f"this installation has no live host ({error})") from None
    try:
        written = trial(make)
    except NeedsFuture:
        return
    except InputError as error:
        raise _Skip(str(error)) from None
    if laws.needs_future(make):
        raise LawBroken("legal", "a controller that needs the future was started in the live host")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "live.jsonl"
        written.save(file)
        head, records = log.read(file)
    _judge(head, records, make)


def _judge(head: log.Header, records: list[log.Record], make: Make) -> None:
    reasons = make().reasons
    for record in records:
        # An answer that came too late was replaced by the host; a slow machine is no defect of a policy.
        if isinstance(record, log.Decided) and record.decision.reason != manager.OVERRAN:
            broken = manager.broken_rule(record.decision, record.view, head.setup, reasons)
            if broken:
                raise LawBroken("legal", f"in the live host: {broken}")
    for found in log.replay(head, records, make()):
        if found.recorded.reason != manager.OVERRAN:
            raise LawBroken("replay", f"of a live run: {found.replayed}, before {found.recorded}")


def _main(arguments: list[str]) -> int:
    try:
        if len(arguments) != 2:
            raise InputError("give a controller and a log: python -m tiering.testing MODULE:NAME LOG")
        name, file = arguments
        head, records = log.read(file)
        found = list(log.replay(head, records, _imported(name)()))
    except InputError as error:
        sys.stderr.write(f"tiering: {error}\n")
        return 2
    answers = sum(isinstance(record, log.Decided) for record in records)
    first = f", first: {found[0].replayed} for {found[0].recorded}" if found else ""
    sys.stdout.write(f"{len(found)} of {answers} answers differ{first}\n")
    return 1 if found else 0


def _imported(name: str) -> Make:
    try:
        found: Make = _named(name)
        return found
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"controller {name!r}: {NOT_IMPORTABLE} ({error})") from None


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
