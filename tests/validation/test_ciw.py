"""The compile queue against Ciw, a simulator of queueing networks that is not ours (Palmer and others, 2019).

Two ways. With draws of its own each side gives an estimate, and the difference of the two means has to have zero in
its 99 % interval. With Ciw's own arrivals and service times, taken from its records, our queue has to give every task
the wait that Ciw gave it: not the same on average but the same. Among these is the run that Ciw's README shows, M/M/3
with 0.2 arrivals and 0.1 services per unit of time and seed 1, whose mean wait is printed there as 4.2305.
"""

from __future__ import annotations

import math

import ciw
import pytest

from benchmarks import validation as queues
from benchmarks.validation import Job
from tiering.sim.costs import PICO

README_WAIT = 4.2305
SETTLED = 40_000
LONG = 10**6


def simulated(until, seed, **network):
    """Ciw's records of everybody who began, by arrival."""
    ciw.seed(seed)
    simulation = ciw.Simulation(ciw.create_network(**network))
    simulation.simulate_until_max_time(until)
    records = simulation.get_all_records(include_incomplete=True)
    return sorted((r for r in records if r.waiting_time is not None), key=lambda r: r.arrival_date)


def mm3(arrivals, services):
    return {
        "arrival_distributions": [ciw.dists.Exponential(rate=arrivals)],
        "service_distributions": [ciw.dists.Exponential(rate=services)],
        "number_of_servers": [3],
    }


def replayed(records, threads, priority=None):
    """Our waits for Ciw's customers. Who was still being served at the end is served for very long."""
    jobs = [
        Job(
            round(r.arrival_date * PICO),
            round((LONG if r.service_time is None else r.service_time) * PICO),
            priority=priority[r.customer_class] if priority else 0.0,
        )
        for r in records
    ]
    return queues.in_seconds(queues.drive(queues.machine(threads), jobs).waits)


def test_the_run_in_ciws_readme_gives_the_wait_that_is_printed_there():
    records = simulated(1440, 1, **mm3(0.2, 0.1))
    waits = replayed(records, 3)
    served = [wait for wait, r in zip(waits, records, strict=True) if r.record_type == "service"]
    assert len(served) == 304
    assert math.floor(sum(served) / len(served) * 1e4) / 1e4 == README_WAIT


def test_every_customer_of_an_mm3_queue_waits_as_long_as_in_ciw():
    records = simulated(30_000, 2, **mm3(0.2, 0.1))
    assert len(records) > 5500
    assert replayed(records, 3) == pytest.approx([r.waiting_time for r in records], abs=1e-8)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_customer_of_two_priority_classes_waits_as_long_as_in_ciw(threads):
    records = simulated(
        15_000,
        3,
        arrival_distributions={
            "urgent": [ciw.dists.Exponential(rate=0.1 * threads)],
            "other": [ciw.dists.Exponential(rate=0.1 * threads)],
        },
        service_distributions={
            "urgent": [ciw.dists.Exponential(rate=0.4)],
            "other": [ciw.dists.Lognormal(1.0, 0.8)],
        },
        priority_classes={"urgent": 0, "other": 1},
        number_of_servers=[threads],
    )
    waits = replayed(records, threads, {"urgent": 1.0, "other": 0.0})
    assert len(records) > 2500
    assert waits == pytest.approx([r.waiting_time for r in records], abs=1e-8)


def test_with_draws_of_their_own_both_estimate_the_same_wait():
    """Where both intervals are of the same width, the difference has sqrt(2) times that width."""
    theirs = simulated(SETTLED / 0.2, 4, **mm3(0.2, 0.1))
    jobs = queues.poisson(4, 0.2, queues.exponential(4, "service", 10.0, SETTLED))
    ours = queues.in_seconds(queues.drive(queues.machine(3), jobs).waits)
    here, there = queues.batch_means(ours), queues.batch_means([r.waiting_time for r in theirs])
    width = math.hypot(here.high - here.mean, there.high - there.mean)
    assert abs(here.mean - there.mean) < width < 1.2
    expected = queues.mmk_wait(3, 0.2, 10.0)
    assert expected == pytest.approx(4.444, abs=1e-3)
    assert here.low < expected < here.high
    assert there.low < expected < there.high
