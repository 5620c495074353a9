"""`tiering compare WORKLOAD --controllers A,B,...`: several controllers, an oracle and a bound, on one workload.

With `--seeds N` it is a paired study: all of them with N seeds, and the differences seed by seed.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any, TypeAlias

from tiering import profile as profiles
from tiering import registry, report
from tiering.cli.arguments import add_simulation_arguments, whole_number
from tiering.errors import InputError

HELP = "compare controllers on one workload, beside an oracle and a lower bound"

LAST_SEED = 2**63 - 1
MOST_SEEDS = 10_000
"""A study of more seeds takes hours, and its intervals are no use narrower than 1 % of one seed's spread."""

Settings: TypeAlias = dict[str, dict[str, Any]]


def add_arguments(parser: Any) -> None:
    """The verb's arguments."""
    add_simulation_arguments(parser)
    parser.add_argument("--controllers", metavar="A,B,...", required=True, help="names, separated by commas")
    seeds = whole_number("--seeds", 1, MOST_SEEDS, 1)
    parser.add_argument("--seeds", metavar="N", type=seeds, help="a paired study with N seeds, from --seed on")
    parser.add_argument(
        "--bounds",
        metavar="A,B,...",
        help="bounds and schedules to stand beside, as lb1,smith; all: every one that is valid (default: lb1)",
    )
    parser.add_argument("--baseline", metavar="NAME", help="compare with this controller (default: the first)")


def run(given: Namespace) -> None:
    """Simulate and print one row per controller, then the oracle's and the bound's; or the study of many seeds."""
    names = [name.strip() for name in given.controllers.split(",") if name.strip()]
    if not names:
        raise InputError(f"--controllers {given.controllers!r}: must be names separated by commas; see `tiering list`")
    settings = registry.settings_for_each(names, given.settings, by_name_only=["oracle"])
    profile = machine_of(given)
    if given.seeds is not None:
        _study(given, names, settings, profile)
    elif given.baseline is not None:
        raise InputError(f"--baseline {given.baseline!r}: is for a study of several seeds; add --seeds 10")
    else:
        _compare(given, names, settings, profile)


def _compare(given: Namespace, names: list[str], settings: Settings, profile: profiles.Profile) -> None:
    from tiering.experiment import compare

    with report.progress("simulating", len(names) + 2, quiet=given.json) as step:
        rows = compare(
            given.workload,
            names,
            settings=settings,
            seed=given.seed,
            size=given.size,
            profile=profile,
            threads=given.threads,
            bounds=_bounds(given),
            progress=step,
        )
    report.show_rows(rows, profile, as_json=given.json)


def _study(given: Namespace, names: list[str], settings: Settings, profile: profiles.Profile) -> None:
    from tiering.experiment import study

    if given.seed + given.seeds > LAST_SEED + 1:
        raise InputError(f"--seed {given.seed} --seeds {given.seeds}: the last seed must be at most {LAST_SEED}")
    with report.progress("simulating", (len(names) + 2) * given.seeds, quiet=given.json) as step:
        found = study(
            given.workload,
            names,
            seeds=range(given.seed, given.seed + given.seeds),
            baseline=given.baseline,
            settings=settings,
            size=given.size,
            profile=profile,
            threads=given.threads,
            bounds=_bounds(given),
            progress=step,
        )
    report.show_study(found, profile, as_json=given.json)


def _bounds(given: Namespace) -> bool | list[str]:
    if given.bounds is None:
        return True
    return [name.strip() for name in given.bounds.split(",") if name.strip()]


def machine_of(given: Namespace) -> profiles.Profile:
    """The machine profile behind `--profile` and `--machine`; its source says what was changed."""
    from tiering.programs import machine_for

    profile = machine_for(given.workload, given.profile)
    if not given.machine:
        return profile
    changed = profiles.with_machine(profile, given.machine)
    return changed._replace(source=f"{profile.source} Changed: {', '.join(given.machine)}.".strip())
