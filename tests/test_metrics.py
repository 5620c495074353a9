"""A log of a few lines, counted by hand."""

from __future__ import annotations

import pytest

from tiering.log import Decided
from tiering.metrics import Metrics, measure, percentile
from tiering.protocol import Compiled, CompileFailed, Deoptimized, Sampled, View, compile, stay

VIEW = View(0.0, "count", "f", 10, 0, None, 1, 0, 0.0, 0, 0, (0, 0))


def test_a_log_counted_by_hand():
    records = [
        Decided(VIEW, stay("cold", budget=1)),
        Decided(VIEW, stay("cold", budget=10)),
        Decided(VIEW, compile(1, "hot", budget=100)),
        Compiled(1.0, "f", 1, 0.25, 0.5),
        CompileFailed(2.0, "g", 1, "unsupported", 0.125),
        Compiled(3.0, "h", 1, 0.75, 1.0),
        Deoptimized(4.0, "f", 1, "guard"),
        Deoptimized(5.0, "h", 1, "dependency"),
        Deoptimized(6.0, "f", 1, "guard"),
        Sampled(7.0, "f", 1, 1e-3, 1),
        Decided(VIEW, stay("cold", budget=1000)),
        Decided(VIEW, stay("settled", budget=700)),
    ]
    assert measure(records) == Metrics(
        decisions=5,
        compiles=2,
        failures=1,
        deopts={"dependency": 1, "guard": 2},
        compile_seconds=1.625,
        queue_p50=0.25,
        queue_p99=0.75,
        reasons={"cold": 3, "hot": 1, "settled": 1},
        mean_budget=600.0,
    )


def test_an_empty_log_is_all_zero():
    assert measure([]) == Metrics(0, 0, 0, {}, 0.0, 0.0, 0.0, {}, None)


@pytest.mark.parametrize(
    ("share", "value"), [(0.01, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)]
)
def test_a_percentile_is_a_value_that_occurred(share, value):
    assert percentile([4, 2, 3, 1], share) == value
