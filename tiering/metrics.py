"""A decision log, reduced to numbers.

Everything in `Metrics` can be counted from the log alone, so it means the same for a simulation, a live run and an
imported log of a real engine; what only a host knows (total time, stalls) is in the host's own result. What it costs
to ask the controller is measured by asking it again (`overhead`): a log holds every question, and a clock inside the
run would disturb what it measures. Warm-up needs the series of seconds per iteration, which no log holds:
`warm_up_loss` and `steady_state` take it.

Percentiles are the nearest rank: the smallest value that at least the share p of all values do not exceed. It is a
value that occurred, needs no interpolation rule, and is plain to check by hand.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tiering.log import Decided, Header, Record
from tiering.protocol import FOREVER, Compiled, CompileFailed, Controller, Deoptimized, Dropped, Evicted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from tiering.steady import Steady


class Metrics(NamedTuple):
    """What a log comes to. Times are seconds, dicts are sorted by key, `_bytes` are bytes of code.

    `compile_seconds` is all time in compilers, `installed_seconds` the part that ended in code, `failed_seconds` the
    part that did not. `queue_p50`, `queue_p90` and `queue_p99` are the waits of the tasks that were compiled (0.0
    without any). `deopts`, `drops` and `reasons` count by why. A compile of a unit to a tier that it was compiled to
    before is a recompile: `recompiles_max` of one unit, `recompiles_mean` over all units that were compiled.
    `code_bytes` is what was installed, per tier; `peak_code_bytes` the most that was in the code cache at a question,
    or, where the host does not tell, the largest sum of what the log shows to be installed (None: no size is known).

    `mean_budget` is the mean of the budgets given in the last half of the decisions; a controller that has settled
    should ask seldom, so this should be at least 100. Budgets that are never spent are left out; it is None where no
    other is left.
    """

    decisions: int
    compiles: int
    failures: int
    deopts: dict[str, int]
    compile_seconds: float
    installed_seconds: float
    failed_seconds: float
    queue_p50: float
    queue_p90: float
    queue_p99: float
    recompiles_max: int
    recompiles_mean: float
    drops: dict[str, int]
    evictions: int
    evicted_bytes: int
    code_bytes: dict[int, int]
    peak_code_bytes: int | None
    reasons: dict[str, int]
    mean_budget: float | None


class Installed:
    """The code that each unit has, as far as a log tells; `see` its records in order.

    A View is the truth: where it disagrees (a host replaced or dropped code without an event), it wins. `keeps` is
    `Setup.keeps`: a failed guard leaves the code where it is.
    """

    def __init__(self, *, keeps: bool = False) -> None:
        self.bytes = 0
        self._keeps = keeps
        self._lowest: dict[str, int] = {}
        self._code: dict[str, dict[int, int]] = {}

    def tier(self, unit: str) -> int:
        """The tier that a unit runs in at its next call: its highest code, or the lowest that can run it."""
        return max(self._code.get(unit, ()), default=self._lowest.get(unit, 0))

    def see(self, record: Record) -> None:
        """Take one record into account."""
        if isinstance(record, Decided):
            view, decision = record
            self._lowest[view.unit] = view.lowest
            self._drop_above(view.unit, view.tier)
            if view.tier > self.tier(view.unit):
                self._put(view.unit, view.tier, 0)
            if decision.action == "deoptimize" and decision.tier is not None:
                self._drop_above(view.unit, decision.tier)
        elif isinstance(record, Compiled):
            self._put(record.unit, record.tier, record.bytes or 0)
        elif isinstance(record, Evicted) or (isinstance(record, Deoptimized) and not self._keeps):
            self._drop(record.unit, record.tier)

    def _put(self, unit: str, tier: int, code_bytes: int) -> None:
        self._drop(unit, tier)
        self._code.setdefault(unit, {})[tier] = code_bytes
        self.bytes += code_bytes

    def _drop(self, unit: str, tier: int) -> None:
        self.bytes -= self._code.get(unit, {}).pop(tier, 0)

    def _drop_above(self, unit: str, tier: int) -> None:
        for above in [held for held in self._code.get(unit, ()) if held > tier]:
            self._drop(unit, above)


def measure(records: Iterable[Record], *, keeps: bool = False) -> Metrics:
    """Count a log's records, as `tiering.log.read` returns them; `keeps` is the `Setup.keeps` of its header."""
    records = list(records)
    decided = [record for record in records if isinstance(record, Decided)]
    compiled = [record for record in records if isinstance(record, Compiled)]
    failed = [record for record in records if isinstance(record, CompileFailed)]
    evicted = [record for record in records if isinstance(record, Evicted)]
    budgets = [record.decision.budget for record in decided]
    late = [budget for budget in budgets[len(budgets) // 2 :] if budget < FOREVER]
    waits = [record.waited for record in compiled]
    spent = [record.took for record in compiled]
    wasted = [record.took for record in failed]
    again = _recompiles(compiled)
    return Metrics(
        decisions=len(decided),
        compiles=len(compiled),
        failures=len(failed),
        deopts=_count(record.why for record in records if isinstance(record, Deoptimized)),
        compile_seconds=math.fsum([*spent, *wasted]),
        installed_seconds=math.fsum(spent),
        failed_seconds=math.fsum(wasted),
        queue_p50=percentile(waits, 0.5),
        queue_p90=percentile(waits, 0.9),
        queue_p99=percentile(waits, 0.99),
        recompiles_max=max(again, default=0),
        recompiles_mean=sum(again) / len(again) if again else 0.0,
        drops=_count(record.why for record in records if isinstance(record, Dropped)),
        evictions=len(evicted),
        evicted_bytes=sum(record.bytes for record in evicted),
        code_bytes=_bytes_per_tier(compiled),
        peak_code_bytes=_peak_bytes(records, keeps),
        reasons=_count(record.decision.reason for record in decided),
        mean_budget=sum(late) / len(late) if late else None,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile for a share from 0 (exclusive) to 1; 0.0 without values."""
    if not values:
        return 0.0
    rank = math.ceil(share * len(values))
    return sorted(values)[max(rank, 1) - 1]


class Overhead(NamedTuple):
    """Seconds that a controller takes per decision: median, 99th percentile, and all `decisions` together."""

    decisions: int
    median_seconds: float
    p99_seconds: float
    total_seconds: float


def overhead(controller: Controller, header: Header, records: Iterable[Record]) -> Overhead:
    """Put a log's questions and events to a fresh controller and time its answers, on this machine and now.

    The log should be that controller's own: to another one, its questions are not those it would have been asked. The
    clock's own call (about 50 ns) is included. Raises whatever the controller raises.
    """
    clock = time.perf_counter
    spent: list[float] = []
    controller.start(header.setup)
    for record in records:
        if isinstance(record, Decided):
            began = clock()
            controller.decide(record.view)
            spent.append(clock() - began)
        else:
            controller.record(record)
    return Overhead(len(spent), percentile(spent, 0.5), percentile(spent, 0.99), math.fsum(spent))


def warm_up_loss(series: ArrayLike, *, peak_seconds: float | None = None) -> float:
    """Iterations lost to warming up: the integral of (peak rate - rate) over the time of the run.

    `series` holds seconds per iteration, shape (n,). With T its sum this is T / peak_seconds - n: how many iterations
    more the run could have done at its peak from the start. `peak_seconds` is the time of an iteration at the peak;
    None takes the median of the last quarter of the series (at least one). It is negative for a run that slowed down.
    Raises InputError for a series that is no series, and where the peak is not above 0.
    """
    from tiering.changepoints import as_series
    from tiering.errors import InputError

    values = as_series(series)
    peak = _late_median(values) if peak_seconds is None else peak_seconds
    if not 0 < peak < math.inf:
        raise InputError(f"peak_seconds {peak!r}: must be seconds per iteration above 0")
    return math.fsum(values) / peak - len(values)


class SteadyState(NamedTuple):
    """The verdicts of both published procedures on one series."""

    barrett: Steady
    traini: Steady


def steady_state(series: ArrayLike, *, operations: int | None = None, seed: int = 0) -> SteadyState:
    """When seconds per iteration become steady, by both procedures of `tiering.steady`.

    The first compares with a millisecond in iterations of about a second. A simulated iteration has any length, so
    here the median of the last quarter counts as that second: a thousandth of it is no difference. `operations` and
    `seed` go to the second procedure. Raises InputError for a series that is no series.
    """
    from tiering.changepoints import as_series
    from tiering.steady import barrett, traini

    values = as_series(series)
    return SteadyState(
        barrett(values, unit=_late_median(values) or 1.0), traini(values, operations=operations, seed=seed)
    )


def _late_median(values: NDArray[np.float64]) -> float:
    late = sorted(values[-max(len(values) // 4, 1) :].tolist())
    return float(late[(len(late) - 1) // 2] + late[len(late) // 2]) / 2


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _recompiles(compiled: Sequence[Compiled]) -> list[int]:
    times = Counter((record.unit, record.tier) for record in compiled)
    again: Counter[str] = Counter()
    for (unit, _), count in times.items():
        again[unit] += count - 1
    return list(again.values())


def _bytes_per_tier(compiled: Sequence[Compiled]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for record in compiled:
        if record.bytes is not None:
            total[record.tier] += record.bytes
    return dict(sorted(total.items()))


def _peak_bytes(records: Sequence[Record], keeps: bool) -> int | None:
    told = [record.view.code_used_bytes for record in records if isinstance(record, Decided)]
    known = [used for used in told if used is not None]
    if known:
        return max(known)
    if all(record.bytes is None for record in records if isinstance(record, Compiled)):
        return None
    installed, peak = Installed(keeps=keeps), 0
    for record in records:
        installed.see(record)
        peak = max(peak, installed.bytes)
    return peak
