"""The same queue inside a whole simulation: calls of a program ask for compiles at random instants.

A program of many units, each called once, under a policy that compiles at first sight: if calls take exponential
times, the compiles asked for are a Poisson process, and the compile queue is M/M/k again. What the result, the
decision log and the recursion of Kiefer and Wolfowitz say of the same run has to be equal, and the mean has to be
that of theory.
"""

from __future__ import annotations

import heapq

import pytest

from benchmarks import validation as queues
from tiering import log
from tiering.profile import Profile, TierCosts
from tiering.protocol import Compiled
from tiering.registry import controller
from tiering.sim import Simulation, setup
from tiering.sim.costs import PICO
from tiering.trace import Call, Group, Program, Unit

COUNT = 5000
COMPILE = 0.01


class Asked:
    """A policy around a policy, that remembers when compiles were asked for."""

    def __init__(self, inner):
        self.inner = inner
        self.reasons = inner.reasons
        self.at = []

    def start(self, told):
        self.inner.start(told)

    def decide(self, view):
        answer = self.inner.decide(view)
        if answer.action == "compile":
            self.at.append(view.now)
        return answer

    def record(self, event):
        self.inner.record(event)


def program(rate, count=COUNT, tail=20):
    """Each unit is called once and then the next; some calls of a second at the end see all compiles end."""
    gaps = queues.exponential(6, "calls", 1.0 / rate, count)
    compiles = queues.exponential(6, "compiles", COMPILE, count)
    units = [
        Unit(f"u{number}", 1, {"interpreter": gap / PICO, "compiled": gap / PICO}, {"compiled": took / PICO})
        for number, (gap, took) in enumerate(zip(gaps, compiles, strict=True))
    ]
    units.append(Unit("tail", 1, {"interpreter": 1.0, "compiled": 1.0}, {"compiled": 0.0}))
    calls = tuple(Call(number) for number in range(count))
    made = Program("random calls", tuple(units), (Group(calls, 1), Group((Call(count),), tail)))
    return made, gaps, compiles


def machine(threads):
    tiers = (TierCosts("interpreter", 1.0), TierCosts("compiled", 1.0))
    return Profile(tiers, compiler_threads=threads)


def kiefer_wolfowitz(gaps, services, threads):
    free, at, waits = [0] * threads, 0, []
    for gap, service in zip([0, *gaps], [*services, 0], strict=True):
        at += gap
        began = max(at, free[0])
        heapq.heapreplace(free, began + service)
        waits.append(began - at)
    return waits


@pytest.fixture(scope="module", params=[(1, 60.0), (3, 200.0)], ids=["M/M/1", "M/M/3"])
def run(request, tmp_path_factory):
    threads, rate = request.param
    made, gaps, compiles = program(rate)
    policy = Asked(controller("always"))
    written = log.DecisionLog("simulation", "always", {}, setup(made, machine(threads)))
    simulation = Simulation(made, machine(threads), policy, log=written)
    result = simulation.run()
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    written.save(path)
    events = [record for record in log.read(path)[1] if isinstance(record, Compiled)]
    return simulation, result, events, policy, gaps, compiles, threads, rate


def test_every_compile_waits_as_long_as_it_must(run):
    _, result, events, _, gaps, compiles, threads, _ = run
    waits = kiefer_wolfowitz(gaps, compiles, threads)
    assert result.queue_seconds == pytest.approx(sum(waits) / PICO, rel=1e-12)
    logged = {event.unit: event.waited for event in events}
    assert [logged[f"u{number}"] for number in range(COUNT)] == [wait / PICO for wait in waits[:-1]]


def test_the_result_says_what_the_log_says(run):
    _, result, events, policy, _, compiles, _, _ = run
    assert result.compiles == len(events) == len(policy.at) == COUNT + 1
    assert result.compile_seconds == pytest.approx(sum(event.took for event in events), rel=1e-12)
    assert result.compile_seconds == sum(compiles) / PICO
    assert result.queue_seconds == pytest.approx(sum(event.waited for event in events), rel=1e-12)
    began = [asked + event.waited + event.took for asked, event in zip(policy.at, by_unit(events), strict=True)]
    assert began == pytest.approx([event.now for event in by_unit(events)], rel=1e-12)


def by_unit(events):
    """In the order of first calls."""
    place = {f"u{number}": number for number in range(COUNT)}
    return sorted(events, key=lambda event: place.get(event.unit, COUNT))


def test_the_mean_wait_is_that_of_theory(run):
    _, _, events, _, _, _, threads, rate = run
    found = queues.batch_means([event.waited for event in by_unit(events)])
    assert found.low < queues.mmk_wait(threads, rate, COMPILE) < found.high
    assert found.high < 1.5 * found.mean


def test_time_adds_up(run):
    simulation, result, _, _, gaps, _, _, _ = run
    ledger = simulation.ledger()
    assert ledger.total == ledger.wall == ledger.stalled + sum(ledger.tiers)
    assert ledger.stalled == 0
    assert ledger.total == sum(gaps) + 20 * PICO
    assert result.total_seconds == ledger.total / PICO
