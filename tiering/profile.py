"""A machine profile: what tiers, compiles and deoptimizations cost on one machine, and how that machine works.

One JSON document, one schema, written by whatever measures (`tiering demo --profile`) and read by whatever needs a
cost. Costs that were measured for a unit are kept under its key; for any other unit the tier's prior holds: speed
relative to the interpreter, and compile seconds = fixed + per bytecode.

    {"format": "tiering-machine-profile", "version": 1, "source": "...", "compiler_threads": 1, "background": true,
     "ready_seconds": 0.7, "deopt_seconds": 1e-5, "backedge_seconds": 3e-7,
     "tiers": [{"name": "interpreter", "speed": 1.0, ...}, ...],
     "machine": {"cores": 2, "code_capacity_bytes": 65536, "eviction": "lru"},
     "codegen": {"registers": 16, ...},
     "units": {"adam/medium/adam_step": {"seconds": {...}, "compile_seconds": {...}, "code_bytes": {...}}}}

`Machine` is what the virtual machine does around its policy (queue, cores, code cache), `Codegen` what plans are
worth (register allocation, inlining). Both have defaults that change nothing: no limit, no sharing, no decay.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from tiering import profile_rules
from tiering.errors import InputError, unknown
from tiering.files import whole
from tiering.trace_parser import is_text

FORMAT = "tiering-machine-profile"
VERSION = 1
REFERENCE = Path(__file__).parent / "sim" / "reference_profile.json"
SHIPPED = {
    "reference": REFERENCE,
    "speculator": REFERENCE.parent / "profiles" / "speculator.json",
    "conservative": REFERENCE.parent / "profiles" / "conservative.json",
}
"""Profiles that ship with the package, by name; each one's `source` says where its numbers come from."""

_OF_PROFILE = {"compiler_threads": int, "background": bool, "ready_seconds": float, "deopt_seconds": float}
_LONGEST_NUMBER = 9


class TierCosts(NamedTuple):
    """A tier of this machine: prior speed against tier 0, prior compile cost, stall at installation, code bytes.

    `osr` says that a running loop can enter this tier. `profiling` is the share by which the profiling in this tier's
    code lengthens its calls (above 0: calls in this tier sharpen estimates). `compile_spread` is the standard
    deviation of the natural logarithm of compile times, `compile_failure` the probability that a unit cannot be
    compiled to this tier (drawn once for each unit: trying again changes nothing).
    """

    name: str
    speed: float
    compile_seconds: float = 0.0
    compile_seconds_per_size: float = 0.0
    install_seconds: float = 0.0
    code_bytes_per_size: float = 0.0
    speculative: bool = False
    osr: bool = False
    profiling: float = 0.0
    compile_spread: float = 0.0
    compile_failure: float = 0.0


class Pool(NamedTuple):
    """Compiler threads that serve these tiers (by name; none named: all) from one queue."""

    threads: int
    tiers: tuple[str, ...] = ()


class Machine(NamedTuple):
    """How the virtual machine works around its policy.

    `pools` replaces the one pool of `compiler_threads` threads; each pool has its queue. `cores`: when more threads
    run or compile than there are cores, all get equally less (None: never). `queue_capacity`: a compile asked for while
    so many wait is refused, and the unit asked about again after `retry_counts`. `priorities` are those given at
    "submission", or asked for anew at each "dequeue". A task that waits for `stale_seconds`, its unit uncalled for as
    long, is dropped. `osr_seconds` is the stall of entering or leaving a loop in the middle. Code beyond
    `code_capacity_bytes` is evicted: "none" (new code is refused), "lru", "hotness" (fewest counts since
    installation per second), "flush" (all of it), "controller" (asked, by priority). Every `decay_seconds` all counters
    are halved. `guard_failure`: "discard" drops the code before asking, "keep" leaves it to the answer.
    """

    pools: tuple[Pool, ...] = ()
    cores: int | None = None
    queue_capacity: int | None = None
    retry_counts: int = 1000
    priorities: str = "submission"
    stale_seconds: float | None = None
    osr_seconds: float = 0.0
    code_capacity_bytes: int | None = None
    eviction: str = "none"
    decay_seconds: float | None = None
    guard_failure: str = "discard"


class Codegen(NamedTuple):
    """What plans are worth.

    With `registers` registers and a unit that keeps P values alive at once, light register allocation lengthens
    each iteration by `spill_seconds * spill_reduction * max(0, P - registers)` against heavy allocation, and its
    compile takes `light_compile` of the heavy one's time. A call that is inlined saves `call_seconds`; the callee's
    size times `inlined_size` is added to the caller's.
    """

    registers: float = 1.0
    spill_seconds: float = 0.0
    spill_reduction: float = 1.0
    light_compile: float = 1.0
    call_seconds: float = 0.0
    inlined_size: float = 1.0


class UnitCosts(NamedTuple):
    """Measured costs of one unit, per tier name: seconds per call, seconds to compile, bytes of code."""

    seconds: dict[str, float] = {}
    compile_seconds: dict[str, float] = {}
    code_bytes: dict[str, int] = {}


class Profile(NamedTuple):
    """A machine. `background` False means that a compile stops the program (plain njit).

    `ready_seconds` passes before the first compiler thread can work (a worker process starts); a deoptimization
    stalls the program by `deopt_seconds`; an interpreted loop iteration of a unit that nobody measured takes
    `backedge_seconds`.
    """

    tiers: tuple[TierCosts, ...]
    compiler_threads: int = 1
    background: bool = True
    ready_seconds: float = 0.0
    deopt_seconds: float = 0.0
    backedge_seconds: float = 3e-7
    units: dict[str, UnitCosts] = {}
    source: str = ""
    machine: Machine = Machine()
    codegen: Codegen = Codegen()

    def pools(self) -> tuple[Pool, ...]:
        """The compiler pools: the machine's, or one of `compiler_threads` threads for everything."""
        return self.machine.pools or (Pool(self.compiler_threads),)


def reference() -> Profile:
    """The profile that ships with the package; its `source` says how and where it was measured."""
    return read(REFERENCE)


def named(name: str) -> Profile:
    """A profile that ships with the package: "reference", or one of the two philosophies.

    "speculator" bets, deoptimizes eagerly and throws code away when a guard fails; "conservative" is WebAssembly-like
    and makes no bets. Raises InputError with the nearest name for any other.
    """
    if name not in SHIPPED:
        raise unknown("machine profile", name, SHIPPED)
    return read(SHIPPED[name])


def write(profile: Profile, path: str | Path) -> None:
    """Write a profile, whole or not at all. Raises InputError if it breaks a rule or the place cannot be written."""
    broken = broken_rule(profile)
    if broken:
        raise InputError(f"{path}: {broken}")
    plain: dict[str, Any] = {"format": FORMAT, "version": VERSION, **profile._asdict()}
    plain["tiers"] = [tier._asdict() for tier in profile.tiers]
    plain["units"] = {key: costs._asdict() for key, costs in sorted(profile.units.items())}
    plain["machine"] = _changed(profile.machine)
    if profile.machine.pools:
        plain["machine"]["pools"] = [pool._asdict() for pool in profile.machine.pools]
    plain["codegen"] = _changed(profile.codegen)
    with whole(path) as out:
        json.dump(plain, out, indent=1)
        out.write("\n")


def read(path: str | Path) -> Profile:
    """Read and validate a profile: a file, or one of `SHIPPED` by its name (a file of that name is `./NAME`).

    Raises InputError naming field, value and rule, and the nearest name for a word that is no file.
    """
    if isinstance(path, str) and path in SHIPPED:
        path = SHIPPED[path]
    elif isinstance(path, str) and path.replace("-", "_").isidentifier() and not os.path.exists(path):
        raise unknown("machine profile", path, SHIPPED)
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not a machine profile: it is not JSON") from None
    if not is_text(plain):
        raise InputError(f"{path}: holds half a surrogate pair (\\ud800 to \\udfff), which is no text")
    if not isinstance(plain, dict) or plain.pop("format", None) != FORMAT:
        raise InputError(f'{path}: not a machine profile: it must hold "format": "{FORMAT}"')
    version = plain.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise InputError(f"{path}: machine profile version {version!r}; this tiering reads {VERSION}")
    stray = sorted(set(plain) - set(Profile._fields))
    if stray:
        raise InputError(f"{path}: a machine profile has no {stray[0]!r}; it has {', '.join(Profile._fields)}")
    try:
        profile = _made(plain)
        broken = broken_rule(profile)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path}: not a machine profile ({type(error).__name__}: {error})") from None
    if broken:
        raise InputError(f"{path}: {broken}")
    return profile


def with_machine(profile: Profile, assignments: list[str]) -> Profile:
    """The profile with fields of its machine replaced by texts like "cores=2", later ones over earlier ones.

    Fields are those of `Machine`, and compiler_threads, background, ready_seconds and deopt_seconds of the profile.
    A field that may be unlimited takes "none", `pools` takes "c1:1,c2+c3:2" (tiers with a plus between them, a
    colon, threads) or a number of threads for all tiers. Raises InputError with field, value and rule.
    """
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"machine {assignment[:60]!r}: must be NAME=VALUE")
        if name in _OF_PROFILE:
            profile = profile._replace(**{name: _value(text, _OF_PROFILE[name])})
        elif name in Machine._fields:
            value: Any = _pools(text) if name == "pools" else _value(text, get_type_hints(Machine)[name])
            profile = profile._replace(machine=profile.machine._replace(**{name: value}))
        else:
            raise unknown("field", name, [*Machine._fields, *_OF_PROFILE], "the machine")
    broken = broken_rule(profile)
    if broken:
        raise InputError(broken)
    return profile


def broken_rule(profile: Profile) -> str | None:
    """The first rule that this profile breaks, with field and value, or None."""
    return profile_rules.broken_rule(profile)


def _value(text: str, kind: Any) -> Any:
    """The text as this kind of value, or the text itself: the rules then say what is wrong with it."""
    kinds = getattr(kind, "__args__", (kind,))
    if type(None) in kinds and text == "none":
        return None
    if bool in kinds:
        return {"true": True, "false": False}.get(text, text)
    for able in (int, float):
        if able in kinds:
            try:
                return able(text)
            except ValueError:
                return text
    return text


def _pools(text: str) -> tuple[Pool, ...]:
    pools = []
    for part in [] if text == "none" else text.split(","):
        names, _, threads = part.rpartition(":")
        if not threads.isdecimal() or len(threads) > _LONGEST_NUMBER:
            raise InputError(f"machine pools is {text[:60]!r}: must be tiers and threads, as in c1:1,c2+c3:2")
        pools.append(Pool(int(threads), tuple(names.split("+")) if names else ()))
    return tuple(pools)


def _made(plain: dict[str, Any]) -> Profile:
    tiers = tuple(TierCosts(**tier) for tier in plain.pop("tiers"))
    units = {key: UnitCosts(**costs) for key, costs in plain.pop("units", {}).items()}
    machine = dict(plain.pop("machine", {}))
    pools = tuple(Pool(**{**pool, "tiers": tuple(pool.get("tiers", ()))}) for pool in machine.pop("pools", ()))
    codegen = Codegen(**plain.pop("codegen", {}))
    return Profile(tiers=tiers, units=units, machine=Machine(pools, **machine), codegen=codegen, **plain)


def _changed(values: Any) -> dict[str, Any]:
    return {name: value for name, value in values._asdict().items() if value != values._field_defaults[name]}
