"""A log of a few lines, counted by hand."""

from __future__ import annotations

import pytest

from tiering.errors import InputError
from tiering.log import Decided, Header
from tiering.metrics import (
    Installed,
    Metrics,
    Overhead,
    measure,
    overhead,
    percentile,
    steady_state,
    warm_up_loss,
)
from tiering.protocol import (
    Compiled,
    CompileFailed,
    Deoptimized,
    Dropped,
    Evicted,
    Sampled,
    Setup,
    Tier,
    View,
    compile,
    deoptimize,
    evict,
    stay,
)

VIEW = View(0.0, "count", "f", 10, 0, None, 1, 0, 0.0, 0, 0, (0, 0))
HEADER = Header("simulation", "by hand", {}, Setup((Tier("slow", 1.0), Tier("fast", 9.0)), 1, 0), {})


def in_tier(tier: int, unit: str = "f", **facts: int) -> View:
    return VIEW._replace(tier=tier, unit=unit, **facts)


def test_a_log_counted_by_hand():
    records = [
        Decided(VIEW, stay("cold", budget=1)),
        Decided(VIEW, stay("cold", budget=10)),
        Decided(VIEW, compile(1, "hot", budget=100)),
        Compiled(1.0, "f", 1, 0.25, 0.5, 700),
        CompileFailed(2.0, "g", 1, "unsupported", 0.125),
        Compiled(3.0, "h", 1, 0.75, 1.0, 50),
        Deoptimized(4.0, "f", 1, "guard"),
        Deoptimized(5.0, "h", 1, "dependency"),
        Deoptimized(6.0, "f", 1, "guard"),
        Sampled(7.0, "f", 1, 1e-3, 1),
        Compiled(8.0, "f", 1, 0.5, 0.25, 600),
        Compiled(8.5, "f", 2, 0.5, 0.25),
        Dropped(9.0, "g", 1, "stale"),
        Dropped(9.0, "h", 1, "queue full"),
        Dropped(9.0, "h", 1, "stale"),
        Evicted(9.5, "f", 1, 600),
        Decided(VIEW, stay("cold", budget=1000)),
        Decided(VIEW, stay("settled", budget=700)),
    ]
    assert measure(records) == Metrics(
        decisions=5,
        compiles=4,
        failures=1,
        deopts={"dependency": 1, "guard": 2},
        compile_seconds=2.125,
        installed_seconds=2.0,
        failed_seconds=0.125,
        queue_p50=0.5,
        queue_p90=0.75,
        queue_p99=0.75,
        recompiles_max=1,
        recompiles_mean=0.5,
        drops={"queue full": 1, "stale": 2},
        evictions=1,
        evicted_bytes=600,
        code_bytes={1: 1350},
        peak_code_bytes=750,
        reasons={"cold": 3, "hot": 1, "settled": 1},
        mean_budget=600.0,
    )


def test_an_empty_log_is_all_zero():
    times, nothing = (0.0, 0.0, 0.0), (0, 0)
    assert measure([]) == Metrics(0, 0, 0, {}, *times, *times, 0, 0.0, {}, *nothing, {}, None, {}, None)


@pytest.mark.parametrize(
    ("share", "value"), [(0.01, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)]
)
def test_a_percentile_is_a_value_that_occurred(share, value):
    assert percentile([4, 2, 3, 1], share) == value


def test_the_peak_of_the_code_cache_is_the_hosts_where_it_tells():
    told = [Decided(in_tier(0, code_used_bytes=used), stay("cold")) for used in (0, 900, 300)]
    assert measure([*told, Compiled(1.0, "f", 1, 0.0, 0.1, 5000)]).peak_code_bytes == 900


def test_a_failed_guard_frees_code_unless_the_host_keeps_it():
    records = [Compiled(1.0, "f", 1, 0.0, 0.1, 100), Deoptimized(2.0, "f", 1, "guard"), Compiled(3.0, "g", 1, 0, 0, 50)]
    assert measure(records).peak_code_bytes == 100
    assert measure(records, keeps=True).peak_code_bytes == 150


def test_a_recompile_to_another_tier_is_none_and_one_to_the_same_tier_replaces_the_code():
    up = [Compiled(1.0, "f", 1, 0, 0, 100), Compiled(2.0, "f", 2, 0, 0, 10)]
    assert (measure(up).recompiles_max, measure(up).peak_code_bytes) == (0, 110)
    again = [*up, Compiled(3.0, "f", 2, 0, 0, 30), Compiled(4.0, "f", 2, 0, 0, 20), Compiled(5.0, "g", 1, 0, 0, 1)]
    counted = measure(again)
    assert (counted.recompiles_max, counted.recompiles_mean, counted.peak_code_bytes) == (2, 1.0, 130)


def test_the_installed_code_follows_events_answers_and_views():
    held = Installed()
    steps = [
        (Decided(in_tier(0), compile(2, "hot")), 0, 0),
        (Compiled(1.0, "f", 1, 0, 0, 100), 1, 100),
        (Compiled(1.0, "f", 2, 0, 0, 40), 2, 140),
        (Deoptimized(2.0, "f", 2, "guard"), 1, 100),
        (Compiled(3.0, "f", 2, 0, 0, None), 2, 100),
        (Decided(in_tier(2), evict("offered")), 2, 100),
        (Decided(in_tier(2), deoptimize(1, "storm")), 1, 100),
        (Evicted(4.0, "f", 1, 100), 0, 0),
        (Evicted(4.0, "f", 1, 100), 0, 0),
        (Decided(in_tier(2), stay("surprise")), 2, 0),
        (Decided(in_tier(1, lowest=1), stay("surprise")), 1, 0),
    ]
    for record, tier, code_bytes in steps:
        held.see(record)
        assert (held.tier("f"), held.bytes, held.tier("never seen")) == (tier, code_bytes, 0)


class Remembers:
    """Writes down what it is asked and told."""

    reasons = ("so",)

    def __init__(self):
        self.heard = []

    def start(self, setup):
        self.heard.append(setup)

    def decide(self, view):
        self.heard.append(view)
        return stay("so")

    def record(self, event):
        self.heard.append(event)


def test_the_overhead_is_that_of_the_same_questions_and_events_in_order():
    event = Compiled(1.0, "f", 1, 0.0, 0.1)
    controller = Remembers()
    found = overhead(controller, HEADER, [Decided(VIEW, stay("so")), event, Decided(in_tier(1), stay("so"))])
    assert controller.heard == [HEADER.setup, VIEW, event, in_tier(1)]
    assert found.decisions == 2
    assert 0 < found.median_seconds <= found.p99_seconds <= found.total_seconds


def test_a_log_without_questions_has_no_overhead():
    assert overhead(Remembers(), HEADER, []) == Overhead(0, 0.0, 0.0, 0.0)


def test_the_warm_up_loss_is_counted_in_iterations_at_the_peak():
    assert warm_up_loss([4.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) == 4.0
    assert warm_up_loss([3.0] * 5) == 0.0
    assert warm_up_loss([1.0] * 4 + [2.0] * 4) == -2.0
    assert warm_up_loss([4.0, 2.0], peak_seconds=0.5) == 10.0


def test_the_warm_up_loss_does_not_depend_on_the_unit_of_time():
    series = [9.0, 5.0, 2.0, 1.0, 1.0, 1.0]
    assert warm_up_loss([1e-6 * value for value in series]) == pytest.approx(warm_up_loss(series))


@pytest.mark.parametrize("series", [[], [[1.0]], [1.0, float("nan")], ["a"], [1.0, 0.0]])
def test_a_series_without_a_peak_is_refused(series):
    with pytest.raises(InputError):
        warm_up_loss(series)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e3])
def test_both_procedures_find_the_same_start_in_any_unit_of_time(scale):
    series = [5 * scale] * 30 + [2 * scale] * 20 + [scale] * 350
    found = steady_state(series)
    assert (found.barrett.classification, found.barrett.start) == ("warmup", 50)
    assert found.traini.classification == "steady state"
    assert found.barrett.seconds == pytest.approx(190 * scale)
    assert found.barrett.iteration_seconds == pytest.approx(scale)
