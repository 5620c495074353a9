"""A decision log, reduced to numbers.

Everything here can be counted from the log alone, so it means the same for a simulation, a live run and an imported log
of a real engine; what only a host knows (total time, stalls) is in the host's own result.

Percentiles are the nearest rank: the smallest value that at least the share p of all values do not exceed. It is a
value that occurred, needs no interpolation rule, and is plain to check by hand.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tiering.log import Decided, Record
from tiering.protocol import FOREVER, Compiled, CompileFailed, Deoptimized


class Metrics(NamedTuple):
    """What a log comes to. Times are seconds.

    `compile_seconds` includes compiles that failed. `queue_p50` and `queue_p99` are the waits of the tasks that were
    compiled (0.0 without any). `mean_budget` is the mean of the budgets given in the last half of the decisions; a
    controller that has settled should ask seldom, so this should be at least 100. Budgets that are never spent are
    left out; it is None where no other is left.
    """

    decisions: int
    compiles: int
    failures: int
    deopts: dict[str, int]
    compile_seconds: float
    queue_p50: float
    queue_p99: float
    reasons: dict[str, int]
    mean_budget: float | None


def measure(records: Iterable[Record]) -> Metrics:
    """Count a log's records, as `tiering.log.read` returns them. Dicts are sorted by name."""
    waits: list[float] = []
    spent: list[float] = []
    failures = 0
    deopts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    budgets: list[int] = []
    for record in records:
        if isinstance(record, Decided):
            reasons[record.decision.reason] += 1
            budgets.append(record.decision.budget)
        elif isinstance(record, Compiled):
            waits.append(record.waited)
            spent.append(record.took)
        elif isinstance(record, CompileFailed):
            failures += 1
            spent.append(record.took)
        elif isinstance(record, Deoptimized):
            deopts[record.why] += 1
    late = [budget for budget in budgets[len(budgets) // 2 :] if budget < FOREVER]
    return Metrics(
        decisions=len(budgets),
        compiles=len(waits),
        failures=failures,
        deopts=dict(sorted(deopts.items())),
        compile_seconds=math.fsum(spent),
        queue_p50=percentile(waits, 0.5),
        queue_p99=percentile(waits, 0.99),
        reasons=dict(sorted(reasons.items())),
        mean_budget=sum(late) / len(late) if late else None,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile for a share from 0 (exclusive) to 1; 0.0 without values."""
    if not values:
        return 0.0
    rank = math.ceil(share * len(values))
    return sorted(values)[max(rank, 1) - 1]
