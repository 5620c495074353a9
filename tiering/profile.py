"""A machine profile: what tiers, compiles and deoptimizations cost on one machine.

One JSON document, one schema, written by whatever measures (`tiering demo --profile`) and read by whatever needs a
cost. Costs that were measured for a unit are kept under its key; for any other unit the tier's prior holds: speed
relative to the interpreter, and compile seconds = fixed + per bytecode.

    {"format": "tiering-machine-profile", "version": 1, "source": "...", "compiler_threads": 1, "background": true,
     "ready_seconds": 0.7, "deopt_seconds": 1e-5, "backedge_seconds": 3e-7,
     "tiers": [{"name": "interpreter", "speed": 1.0, ...}, ...],
     "units": {"adam/medium/adam_step": {"seconds": {...}, "compile_seconds": {...}, "code_bytes": {...}}}}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from tiering.errors import InputError
from tiering.files import whole
from tiering.trace import is_text

FORMAT = "tiering-machine-profile"
VERSION = 1
LEAST_SPEED = 1e-6
REFERENCE = Path(__file__).parent / "sim" / "reference_profile.json"


class TierCosts(NamedTuple):
    """A tier of this machine: prior speed against tier 0, prior compile cost, stall at installation, code bytes."""

    name: str
    speed: float
    compile_seconds: float = 0.0
    compile_seconds_per_size: float = 0.0
    install_seconds: float = 0.0
    code_bytes_per_size: float = 0.0
    speculative: bool = False


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


def reference() -> Profile:
    """The profile that ships with the package; its `source` says how and where it was measured."""
    return read(REFERENCE)


def write(profile: Profile, path: str | Path) -> None:
    """Write a profile, whole or not at all. Raises InputError if the place cannot be written."""
    plain: dict[str, Any] = {"format": FORMAT, "version": VERSION, **profile._asdict()}
    plain["tiers"] = [tier._asdict() for tier in profile.tiers]
    plain["units"] = {key: costs._asdict() for key, costs in sorted(profile.units.items())}
    with whole(path) as out:
        json.dump(plain, out, indent=1)
        out.write("\n")


def read(path: str | Path) -> Profile:
    """Read and validate a profile. Raises InputError naming field, value and rule."""
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
        tiers = tuple(TierCosts(**tier) for tier in plain.pop("tiers"))
        units = {key: UnitCosts(**costs) for key, costs in plain.pop("units", {}).items()}
        profile = Profile(tiers=tiers, units=units, **plain)
        broken = broken_rule(profile)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a machine profile ({type(error).__name__}: {error})") from None
    if broken:
        raise InputError(f"{path}: {broken}")
    return profile


def broken_rule(profile: Profile) -> str | None:
    """The first rule that this profile breaks, with field and value, or None."""
    if not 2 <= len(profile.tiers) <= 16:
        return f"tiers holds {len(profile.tiers)} entries: must be 2 to 16, the first one the interpreter"
    names = [tier.name for tier in profile.tiers]
    if len(set(names)) < len(names):
        return f"tiers are named {names}: names must differ"
    if profile.tiers[0].speed != 1.0:
        return f"speed of tier 0 is {profile.tiers[0].speed!r}: must be 1.0, other speeds are relative to it"
    if not isinstance(profile.source, str) or not isinstance(profile.background, bool):
        return f"source is {profile.source!r}, background {profile.background!r}: must be text, and true or false"
    if type(profile.compiler_threads) is not int or not 1 <= profile.compiler_threads <= 1024:
        return f"compiler_threads is {profile.compiler_threads!r}: must be a whole number from 1 to 1024"
    costs: dict[str, Any] = {
        name: getattr(profile, name) for name in ("ready_seconds", "deopt_seconds", "backedge_seconds")
    }
    for tier in profile.tiers:
        if not _is_cost(tier.speed) or tier.speed < LEAST_SPEED:
            return f"speed of tier {tier.name!r} is {tier.speed!r}: must be a number from 1e-6 to 1e9"
        costs.update({f"{name} of tier {tier.name!r}": getattr(tier, name) for name in TierCosts._fields[2:6]})
    for key, unit in profile.units.items():
        for field in UnitCosts._fields:
            for tier_name, cost in getattr(unit, field).items():
                if tier_name not in names:
                    return f"{field} of unit {key!r} names tier {tier_name!r}; there is {', '.join(names)}"
                costs[f"{field} of unit {key!r} in {tier_name}"] = cost
    for name, cost in costs.items():
        if not _is_cost(cost):
            return f"{name} is {cost!r}: must be a number from 0 to 1e9"
    return None


def _is_cost(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= 1e9
