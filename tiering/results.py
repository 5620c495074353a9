"""Rows of an experiment, and what a paired study says of them.

Everything here is computed from rows alone, so it does not matter in how many processes, or when, they were made.
Rows of equal workload and seed belong together: they met the same luck. What is compared is the seconds of the whole
run, warm-up included; steady state alone hides differences of two orders of magnitude (Barrett et al., "Virtual
machine warmup blows hot and cold", OOPSLA 2017). The tests and intervals are those of `tiering.statistics`.

A seed is an observation only where something is drawn. Where all seeds gave both sides the same seconds, ten seeds are
one run made ten times: the interval is a point, there is no p value, and a note says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tiering import statistics
from tiering.errors import InputError, unknown
from tiering.statistics import RESAMPLES

POLICY = "policy"
BOUND = "bound"


class _Unknown(NamedTuple):
    value: None = None
    low: None = None
    high: None = None


_UNKNOWN = _Unknown()


class Row(NamedTuple):
    """One result. `kind` is "policy", "oracle" (it knew the future), "schedule" (it did, and can be reached) or "bound"
    (nobody can need less).

    Seconds are simulated. `regret` is total / bound - 1 against the bound LB1, or the largest where LB1 is not there;
    it is None where no bound was asked for, or the bound is zero. `regrets` has it for every bound that was asked for.
    The fields after them are those of `tiering.sim.Result`. `trace_hash` is that of the program which was run
    (`tiering.trace.digest`). `_asdict()` goes to JSON as it is.
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
    regrets: dict[str, float] = {}
    lazy_deopts: int = 0
    evictions: int = 0
    dropped: int = 0
    osr_entries: int = 0
    code_peak_bytes: int = 0
    failed_compile_seconds: float = 0.0
    trace_hash: str = ""


class Mean(NamedTuple):
    """Of one controller on one workload, over all seeds: mean seconds, and mean regret (None where there is none).

    `trace_hash` is that of its rows.
    """

    workload: str
    controller: str
    kind: str
    total_seconds: float
    regret: float | None
    trace_hash: str = ""


class Effect(NamedTuple):
    """A controller against the baseline on one workload, seed by seed.

    `difference` is the mean of controller - baseline in seconds, `ratio` the ratio of their means (below 1: the
    controller is faster; None where a baseline needed no time), each with the ends of its interval, which are None
    for a single seed. `wins`, `losses` and `ties` count the seeds in which the controller needed less, more, the same.
    `alike`: all seeds gave the same seconds. `p_value` is that of the sign flip test and `p_holm` the same after Holm's
    correction for all tests of the study; None for a single seed, where seeds are alike, and for oracles and bounds.
    `trace_hash` is that of the rows.
    """

    workload: str
    controller: str
    kind: str
    difference: float
    difference_low: float | None
    difference_high: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    wins: int
    losses: int
    ties: int
    alike: bool
    p_value: float | None
    p_holm: float | None
    trace_hash: str = ""


class Overall(NamedTuple):
    """A controller against the baseline over all workloads: the geometric mean of its ratios, with its interval.

    None where a run took no time, or (the interval) with one seed of one workload. `mean_rank` is the mean over
    workloads of the rank of its mean seconds among all policies, 1 for the fastest; None for oracles and bounds.
    """

    controller: str
    kind: str
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    mean_rank: float | None


@dataclass(frozen=True)
class Study:
    """A paired study: every row, and what they come to.

    `means` has every controller, oracle and bound; `effects` all but the baseline; `overall` the baseline as well.
    `notes` are sentences without which the numbers would be misread. `_asdict()` goes to JSON as it is.
    """

    baseline: str
    seeds: tuple[int, ...]
    confidence: float
    resamples: int
    rows: tuple[Row, ...]
    means: tuple[Mean, ...]
    effects: tuple[Effect, ...]
    overall: tuple[Overall, ...]
    notes: tuple[str, ...]

    def _asdict(self) -> dict[str, Any]:
        plain = dict(vars(self), seeds=list(self.seeds), notes=list(self.notes))
        for name in ("rows", "means", "effects", "overall"):
            plain[name] = [item._asdict() for item in plain[name]]
        return plain


def summarize(
    rows: Iterable[Row],
    baseline: str | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    drawn: Mapping[str, Sequence[str]] | None = None,
) -> Study:
    """The study that these rows are. `baseline` is the name of a controller; None means that of the first row.

    `drawn` says what is drawn in each workload, for the notes. A bound may be missing from a workload that it is not
    valid for. Raises InputError for no rows, one that is missing or there twice, rows of one workload that ran
    different programs, an unknown baseline, and as `tiering.statistics.paired` does.
    """
    given = tuple(rows)
    if not given:
        raise InputError("a study of no rows: run at least one controller on one workload")
    base = given[0].controller if baseline is None else baseline
    table = _Table(given)
    known = [name for name, kind in table.kinds.items() if kind != BOUND]
    if base not in known:
        raise unknown("baseline", base, known)
    effects = [
        _effect(table, workload, name, base, confidence, resamples)
        for workload, names in table.names.items()
        for name in names
        if name != base
    ]
    tested = [number for number, effect in enumerate(effects) if effect.p_value is not None]
    for number, corrected in zip(tested, statistics.holm([effects[n].p_value or 0.0 for n in tested]), strict=True):
        effects[number] = effects[number]._replace(p_holm=corrected)
    return Study(
        base,
        table.seeds,
        confidence,
        resamples,
        given,
        tuple(_mean(table, workload, name) for workload, names in table.names.items() for name in names),
        tuple(effects),
        tuple(_overall(table, name, base, confidence, resamples) for name in table.everywhere()),
        tuple(_notes(table, len(tested), confidence, drawn)),
    )


class _Table:
    """Rows by workload, controller and seed; `names` holds what there is in each workload, in the order of the rows.

    Raises InputError where a row is missing or there twice, or two programs have one name.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.kinds = {row.controller: row.kind for row in rows}
        self.seeds = tuple(dict.fromkeys(row.seed for row in rows))
        self._rows = {(row.workload, row.controller, row.seed): row for row in rows}
        if len(self._rows) < len(rows):
            raise InputError("rows of a study: two have the same workload, controller and seed; name them apart")
        self.hashes: dict[str, str] = {}
        for row in rows:
            if self.hashes.setdefault(row.workload, row.trace_hash) != row.trace_hash:
                raise InputError(
                    f"rows of a study: workload {row.workload!r} is of two programs, with hashes "
                    f"{self.hashes[row.workload][:12]!r} and {row.trace_hash[:12]!r}; name them apart"
                )
        self.names = {workload: self._present(workload) for workload in dict.fromkeys(row.workload for row in rows)}

    def everywhere(self) -> list[str]:
        return [name for name in self.kinds if all(name in names for names in self.names.values())]

    def _present(self, workload: str) -> tuple[str, ...]:
        present = []
        for name, kind in self.kinds.items():
            missing = [seed for seed in self.seeds if (workload, name, seed) not in self._rows]
            if missing and (kind != BOUND or len(missing) < len(self.seeds)):
                raise InputError(f"rows of a study: none of {name!r} on {workload!r} with seed {missing[0]}; add it")
            if not missing:
                present.append(name)
        return tuple(present)

    def of(self, workload: str, name: str) -> list[Row]:
        return [self._rows[workload, name, seed] for seed in self.seeds]

    def seconds(self, workload: str, name: str) -> list[float]:
        return [row.total_seconds for row in self.of(workload, name)]

    def alike(self, workload: str, name: str) -> bool:
        return len(self.seeds) > 1 and len(set(self.seconds(workload, name))) == 1


def _mean(table: _Table, workload: str, name: str) -> Mean:
    regrets = [row.regret for row in table.of(workload, name) if row.regret is not None]
    complete = len(regrets) == len(table.seeds)
    seconds = _average(table.seconds(workload, name))
    regret = _average(regrets) if complete else None
    return Mean(workload, name, table.kinds[name], seconds, regret, table.hashes[workload])


def _average(values: Sequence[float]) -> float:
    return values[0] + math.fsum(value - values[0] for value in values) / len(values)


def _effect(table: _Table, workload: str, name: str, base: str, confidence: float, resamples: int) -> Effect:
    ours, theirs = table.seconds(workload, name), table.seconds(workload, base)
    found = statistics.paired(ours, theirs, confidence=confidence, resamples=resamples)
    differences = [mine - other for mine, other in zip(ours, theirs, strict=True)]
    alike = table.alike(workload, name) and table.alike(workload, base)
    both = {table.kinds[name], table.kinds[base]}
    tested = len(table.seeds) > 1 and not alike and both == {POLICY}
    ratio = found.ratio or _UNKNOWN
    return Effect(
        workload,
        name,
        table.kinds[name],
        found.difference.value,
        found.difference.low,
        found.difference.high,
        ratio.value,
        ratio.low,
        ratio.high,
        wins=sum(difference < 0 for difference in differences),
        losses=sum(difference > 0 for difference in differences),
        ties=sum(difference == 0 for difference in differences),
        alike=alike,
        p_value=statistics.sign_flip(differences, resamples=resamples) if tested else None,
        p_holm=None,
        trace_hash=table.hashes[workload],
    )


def _overall(table: _Table, name: str, base: str, confidence: float, resamples: int) -> Overall:
    samples = [(table.seconds(workload, name), table.seconds(workload, base)) for workload in table.names]
    found = statistics.geometric_mean_of_ratios(samples, confidence=confidence, resamples=resamples)
    kind = table.kinds[name]
    rank = _average([_rank(table, workload, name) for workload in table.names]) if kind == POLICY else None
    ratio = found or _UNKNOWN
    return Overall(name, kind, ratio.value, ratio.low, ratio.high, rank)


def _rank(table: _Table, workload: str, name: str) -> float:
    """1 for the least mean seconds among policies; those with equal means share the mean of their ranks."""
    means = [_average(table.seconds(workload, other)) for other, kind in table.kinds.items() if kind == POLICY]
    own = _average(table.seconds(workload, name))
    return 0.5 + sum(mean < own for mean in means) + sum(mean == own for mean in means) / 2


def _notes(table: _Table, tests: int, confidence: float, drawn: Mapping[str, Sequence[str]] | None) -> Iterable[str]:
    seeds = len(table.seeds)
    if seeds == 1:
        yield "one seed: it says nothing about the spread, so there are no intervals and no p values"
        return
    for workload in table.names:
        known = None if drawn is None else tuple(drawn.get(workload, ()))
        yield from _sameness(table, workload, known)
    least = min(1.0, tests * 2.0 ** (1 - seeds))
    if least > 1 - confidence:
        what = "1 test" if tests == 1 else f"{tests} tests"
        yield f"{seeds} seeds and {what}: no corrected p can be below {least:.2g}; take more seeds"


def _sameness(table: _Table, workload: str, drawn: tuple[str, ...] | None) -> Iterable[str]:
    alike = [name for name in table.names[workload] if table.alike(workload, name)]
    varying = [name for name in table.names[workload] if name not in alike]
    if not varying and drawn:
        what = " and ".join(drawn)
        yield f"{workload}: all seeds gave the same times: {what} are drawn, but no draw mattered; intervals are points"
    elif not varying:
        nothing = "nothing is drawn in this workload; " if drawn is not None else ""
        yield f"{workload}: {nothing}all seeds are alike, so intervals are points and there are no p values"
    elif drawn == ():
        yield f"{workload}: nothing is drawn in this workload; what varies is drawn by {', '.join(varying)}"
    elif policies := [name for name in alike if table.kinds[name] == POLICY]:
        yield f"{workload}: all seeds gave the same times to {', '.join(policies)}"
