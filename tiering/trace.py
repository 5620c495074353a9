"""A workload trace: the units of a program and the sequence of their calls, run-length coded.

This is what the simulator runs and what a recording of a real program becomes. There are two forms of one content:
Parquet, for long recordings (`tiering.trace_parquet`), and JSON lines, for reading by eye: a header, then one line per
unit, then one line per group of calls.

    {"format": "tiering-trace", "version": 1, "name": "two loops", "source": "written by hand"}
    {"unit": "f", "size": 9, "seconds": {"interpreter": 1e-3, "optimized": 1e-5}, "guard_failure": 0.0}
    {"times": 1000, "calls": [["f", 64, 1.0]]}
    {"times": 5000, "draw": [["f"], ["g"]], "weights": [3, 1], "thread": 1}

A call names its unit, its loop iterations and its work relative to the unit's `seconds` per call, and a recorded one
also what was seen of its arguments. Costs that a unit does not state come from the machine profile. A group is either a
pattern, repeated, or a mix: calls drawn one by one, independently and by weight, from the seed of the simulation.
Groups of one thread follow each other; threads run side by side. Nothing in a file is ever executed; counts are bounded
before use.

The hash of a trace is the SHA-256 of its JSON lines after the header, as `write` writes them. So it is one for both
forms, it can be had without us (`tail -n +2 FILE | sha256sum`), and a new name or source does not change it: two
results with one hash come from the same calls. Rejected: hashing the file, since Parquet files of equal content differ
with the version of their writer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tiering.errors import InputError
from tiering.files import check_writable, whole, whole_bytes

FORMAT = "tiering-trace"
VERSION = 1
MAX_FILE_BYTES = 256 << 20
SUFFIXES = (".jsonl", ".parquet")

BETS = ("bounds", "types", "constant", "branch", "zero_division", "overflow")
"""Kinds of speculation: a dropped bounds check, a type feedback site, a folded constant, a pruned branch, a dropped
zero-division or overflow check."""

RECORD = "record"
"""The failure process of a largest index: a call fails when it exceeds all before it, the n-th call with chance 1/n
from the second on; the first only teaches."""

Failures: TypeAlias = float | str | tuple[tuple[int, float], ...]
"""When a bet fails: a probability per call, `RECORD`, or phases (index of the unit's first call, probability)."""


class Speculation(NamedTuple):
    """One bet that speculative code of a unit can make. `gain` and `guard_cost` are shares of a call's time.

    Bets of one `site` are alternatives: of those that a plan takes, the last one counts. None stands by itself.
    """

    kind: str
    gain: float
    guard_cost: float = 0.0
    failures: Failures = 0.0
    site: int | None = None


class Site(NamedTuple):
    """A place from which a unit calls another: calls per call of the unit, and how often the callee is the usual one.

    The calls themselves stand in the trace; the site is what an inliner looks at.
    """

    callee: str
    calls: float = 1.0
    stability: float = 1.0


class Unit(NamedTuple):
    """What is compiled and counted as one.

    `size` in bytecodes; `seconds` per call of work 1.0, `compile_seconds` and `code_bytes` are per tier name, stated
    only where known. `guard_failure` is the probability per call that speculative code of this unit would fail,
    whatever its bets. `registers` is the number of values alive at once (None: not known). `features` are named
    numbers that controllers may look at.
    """

    name: str
    size: int
    seconds: dict[str, float] = {}
    compile_seconds: dict[str, float] = {}
    code_bytes: dict[str, int] = {}
    guard_failure: float = 0.0
    speculations: tuple[Speculation, ...] = ()
    sites: tuple[Site, ...] = ()
    registers: float | None = None
    features: dict[str, float] = {}


class Call(NamedTuple):
    """One call: index of the unit, loop iterations, work relative to the unit's seconds per call.

    What a recorder saw of its arguments costs nothing in a simulation, and `tiering.feedback` makes bets of it: `types`
    names their signature, `max_index` is the largest index that was used. None: not known.
    """

    unit: int
    backedges: int = 0
    work: float = 1.0
    types: str | None = None
    max_index: int | None = None


class Group(NamedTuple):
    """The calls of `pattern`, in this order, `times` times over."""

    pattern: tuple[Call, ...]
    times: int
    thread: int = 0


class Mix(NamedTuple):
    """`times` calls, each drawn from `calls` by weight and independently of all others."""

    calls: tuple[Call, ...]
    weights: tuple[float, ...]
    times: int
    thread: int = 0


class _Facts(NamedTuple):
    name: str
    units: tuple[Unit, ...]
    groups: tuple[Group | Mix, ...]
    source: str = ""
    provenance: dict[str, str] = {}


class Program(_Facts):
    """Everything the simulator needs to know about a workload.

    `source` says in words where it comes from, `provenance` in named facts (script, Python, machine). A NamedTuple has
    no room for its hash, which is worth keeping for a program of many calls: hence the class over it.
    """

    def total(self) -> int:
        """Calls, all together."""
        return sum(_calls_of(group) for group in self.groups)

    def threads(self) -> int:
        """Threads: one more than the highest that a group names."""
        return 1 + max((group.thread for group in self.groups), default=0)


def digest(program: Program) -> str:
    """The hash of the units and calls of a program, 64 hexadecimal digits; made once and kept with the program.

    About 0.1 s for a million calls in patterns, whatever the times over. Raises InputError for a program that breaks
    a rule of the format.
    """
    from tiering.trace_text import content

    kept: dict[str, str] = vars(program)
    if "digest" not in kept:
        hashed = hashlib.sha256()
        for piece in content(program):
            hashed.update(piece.encode())
        kept["digest"] = hashed.hexdigest()
    return kept["digest"]


def write(program: Program, path: str | Path) -> None:
    """Write a trace file, whole or not at all: JSON lines or Parquet, by the suffix, .jsonl or .parquet.

    Memory is bounded however long a pattern is, if equal calls in it are one object. Raises InputError for another
    suffix, a place that cannot be written, and a program that no file may hold.
    """
    check_place(path)
    if not program.groups:
        raise InputError(f"{path}: {program.name!r} makes no calls; a trace file needs at least one group of them")
    if Path(path).suffix == ".parquet":
        from tiering import trace_parquet

        with whole_bytes(path) as file:
            trace_parquet.write(program, file)
    else:
        from tiering.trace_text import written

        with whole(path) as out:
            out.writelines(written(program, path))


def check_place(path: str | Path) -> None:
    """Refuse a place where no trace can be written, before one is made. Raises InputError as `write` does."""
    form = Path(path).suffix
    if form not in SUFFIXES:
        raise InputError(f"{path}: a trace file ends in {' or '.join(SUFFIXES)}, which says what form it has")
    check_writable(path)
    if form == ".parquet":
        from tiering import trace_parquet

        trace_parquet.check_installed(path)


def lines(program: Program) -> Iterator[str]:
    """The trace as text lines; the same program gives the same bytes. What a unit leaves at its default is left out.

    Raises InputError as `digest` does.
    """
    from tiering.trace_text import content, header

    yield header(program).removesuffix("\n")
    begun: list[str] = []
    for piece in content(program):
        begun.append(piece)
        if piece.endswith("\n"):
            yield "".join(begun).removesuffix("\n")
            begun.clear()


def read(path: str | Path) -> Program:
    """Read and validate a trace file, whichever form it has: that is told by its content.

    Raises InputError with the line number or the row, and the rule that it breaks.
    """
    where = Path(path)
    try:
        data = _up_to_the_limit(where)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if data is None:
        raise InputError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB; code the calls in longer groups")
    if data.startswith(b"PAR1"):
        from tiering import trace_parquet

        return trace_parquet.read(str(path), data)
    from tiering.trace_parser import Parser

    return Parser(str(path)).parse(data)


def in_threads(program: Program, threads: int) -> Program:
    """The program run by `threads` threads at once, each making all the calls that thread 0 makes in `program`."""
    groups = tuple(group._replace(thread=thread) for thread in range(threads) for group in program.groups)
    return program._replace(groups=groups)


def in_iterations(program: Program, iterations: int) -> Program:
    """The same program with its first thread's groups cut so that about so many shares of equally many calls come out.

    A pattern is cut between its rounds, so a group whose pattern is longer than a share stays whole. A mix that is cut
    draws other calls than the whole one would.
    """
    first = sum(_calls_of(group) for group in program.groups if group.thread == 0)
    share = max(1, first // max(1, iterations))
    groups: list[Group | Mix] = []
    for group in program.groups:
        whole = group.times or 1
        step = max(1, share // (len(group.pattern) if isinstance(group, Group) else 1)) if not group.thread else whole
        cuts = [*range(0, group.times, step), group.times] if group.times else [0, 0]
        groups += [group._replace(times=end - begin) for begin, end in pairwise(cuts)]
    return program._replace(groups=tuple(groups))


def _calls_of(group: Group | Mix) -> int:
    return group.times * (len(group.pattern) if isinstance(group, Group) else 1)


def _up_to_the_limit(where: Path) -> bytes | None:
    """The bytes of a file, or None for too many. Pipes and devices know no size, so what is read is bounded as well."""
    if where.stat().st_size > MAX_FILE_BYTES:
        return None
    with where.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    return data if len(data) <= MAX_FILE_BYTES else None
