"""The compile queue against closed forms (Kleinrock, *Queueing Systems*), and against recursions that are exact.

Closed forms speak of means, so a measured mean has to have its 99 % interval around the expected one; and the
interval has to be narrow, since a wide one agrees with everything. The recursions of Lindley (one server) and of
Kiefer and Wolfowitz (several) speak of every single wait: there is no interval, all picoseconds are equal.
"""

from __future__ import annotations

import heapq
import math

import pytest

from benchmarks import validation as queues
from benchmarks.validation import CASES, Job
from tiering.profile import Pool
from tiering.sim.costs import PICO

COUNT = 50_000


@pytest.fixture(scope="module")
def passed():
    """What came of each queue of `benchmarks.validation`, and its jobs; made once."""
    known = {}

    def run(name):
        if name not in known:
            jobs = queues.tasks(CASES[name], COUNT)
            known[name] = queues.drive(queues.machine(CASES[name].threads), jobs), jobs
        return known[name]

    return run


def agrees(values, expected, width):
    """Whether the interval holds the expected mean and is no wider than this share of it to either side."""
    found = queues.batch_means(values)
    assert found.high - found.mean <= width * expected
    return found.low <= expected <= found.high


@pytest.mark.parametrize("name", CASES)
def test_the_mean_wait_is_that_of_the_closed_form(passed, name):
    outcome, _ = passed(name)
    assert agrees(queues.in_seconds(outcome.waits), queues.expected(CASES[name]), 0.25)


@pytest.mark.nightly
@pytest.mark.parametrize("name", CASES)
def test_the_mean_wait_of_two_million_tasks_is_that_of_the_closed_form(name):
    outcome = queues.drive(queues.machine(CASES[name].threads), queues.tasks(CASES[name], 2_000_000, seed=8))
    assert agrees(queues.in_seconds(outcome.waits), queues.expected(CASES[name]), 0.07)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("md1", queues.pollaczek_khinchine(0.7, 1.0, 2.0)),
        ("mg1_spread_1.2", queues.pollaczek_khinchine(0.5, 1.0, 2.0)),
        ("mm3", queues.pollaczek_khinchine(2 / 3, 1.0, 2.0)),
        ("mm3", queues.mmk_wait(2, 2.0 * 2 / 3, 1.0)),
        ("mm1", queues.pollaczek_khinchine(0.7, 1.0, 2.0) + 1.0),
    ],
    ids=["exponential", "exponential too", "three separate queues", "two threads", "sojourn"],
)
def test_the_intervals_tell_one_closed_form_from_another(passed, name, wrong):
    outcome, _ = passed(name)
    found = queues.batch_means(queues.in_seconds(outcome.waits))
    assert not found.low <= wrong <= found.high


def test_the_formulas_give_published_values():
    """Erlang C of 8 erlangs for 10 agents is 0.409 in the tables; the README of Ciw has 3 servers at 2."""
    assert queues.erlang_c(10, 8.0) == pytest.approx(0.409, abs=5e-4)
    assert queues.erlang_c(3, 2.0) == pytest.approx(4 / 9)
    assert queues.erlang_c(1, 0.7) == pytest.approx(0.7)
    assert queues.mmk_wait(1, 0.7, 1.0) == pytest.approx(queues.pollaczek_khinchine(0.7, 1.0, 2.0))
    assert queues.cobham([0.3, 0.4], [1.0, 1.0], [2.0, 2.0]) == pytest.approx([1.0, 1.0 / 0.3])
    assert queues.refused(0.5, 1) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("name", "threads", "load"), [("mm1", 1, 0.7), ("mm2", 2, 1.4), ("mm3", 3, 2.0)])
def test_the_share_that_waits_is_erlangs_c(passed, name, threads, load):
    waited = [float(wait > 0) for wait in passed(name)[0].waits]
    assert agrees(waited, queues.erlang_c(threads, load), 0.05)


@pytest.mark.parametrize(("name", "threads", "load"), [("mm1", 1, 0.7), ("mm3", 3, 2.0)])
@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_waits_are_distributed_as_they_should(passed, name, threads, load, seconds):
    """P(wait > t) = C exp(-(k - load) t), for compiles of one second."""
    longer = [float(wait > seconds * PICO) for wait in passed(name)[0].waits]
    assert agrees(longer, queues.erlang_c(threads, load) * math.exp(-(threads - load) * seconds), 0.3)


@pytest.mark.parametrize("name", CASES)
def test_every_single_wait_is_that_of_kiefer_and_wolfowitz(passed, name):
    """Each task goes to the thread that is free first. For one thread this is Lindley's recursion."""
    outcome, jobs = passed(name)
    free = [0] * CASES[name].threads
    waits = []
    for job in jobs:
        began = max(job.at, free[0])
        heapq.heapreplace(free, began + job.service)
        waits.append(began - job.at)
    assert outcome.waits == waits
    assert outcome.order == list(range(len(jobs)))


@pytest.mark.parametrize("name", CASES)
def test_littles_law_holds_to_the_picosecond(passed, name):
    """The integral of the queue's length is the sum of all waits; the threads have worked what was asked for."""
    outcome, jobs = passed(name)
    assert outcome.queued == sum(outcome.waits) == outcome.waited
    assert outcome.busy == sum(job.service for job in jobs)


@pytest.mark.parametrize("waiting", [1, 3])
def test_a_bounded_queue_refuses_as_many_as_a_truncated_law_says(waiting):
    jobs = queues.poisson(2, 0.8, queues.exponential(2, "service", 1.0, 50_000))
    outcome = queues.drive(queues.machine(capacity=waiting), jobs)
    lost = [float(wait is None) for wait in outcome.waits]
    assert agrees(lost, queues.refused(0.8, waiting + 1), 0.09)


@pytest.fixture(scope="module")
def two_classes():
    """Short urgent compiles and long others, a quarter and a half of the thread's time; and the same by arrival."""
    urgent = queues.poisson(3, 0.5, queues.exponential(3, "urgent", 0.5, 40_000), priority=1.0)
    others = queues.poisson(3, 0.25, queues.log_normal(3, "others", 2.0, 0.6, 20_000))
    jobs = sorted(urgent + others)
    return jobs, queues.drive(queues.machine(), jobs), queues.drive(queues.machine(), [by_arrival(j) for j in jobs])


def by_arrival(job):
    return job._replace(priority=0.0)


def of_class(jobs, outcome, priority):
    return [w / PICO for job, w in zip(jobs, outcome.waits, strict=True) if job.priority == priority]


def test_two_priorities_wait_as_cobham_says(two_classes):
    jobs, outcome, _ = two_classes
    moments = [2 * 0.5**2, 2.0**2 * math.exp(0.6**2)]
    first, second = queues.cobham([0.5, 0.25], [0.5, 2.0], moments)
    assert agrees(of_class(jobs, outcome, 1.0), first, 0.08)
    assert agrees(of_class(jobs, outcome, 0.0), second, 0.25)
    by_arrival = queues.pollaczek_khinchine(0.75, 1.0, (2 * moments[0] + moments[1]) / 3)
    assert not agrees(of_class(jobs, outcome, 1.0), by_arrival, 1.0)


def test_priorities_move_waiting_from_one_class_to_another_and_lose_none(two_classes):
    """Kleinrock's conservation law: the mean waits, weighted by load, are those of the queue without priorities."""
    jobs, ranked, plain = two_classes
    by_class = [[of_class(jobs, outcome, priority) for priority in (1.0, 0.0)] for outcome in (ranked, plain)]
    loads = (0.25, 0.5)
    weighted = [
        sum(load * queues.batch_means(waits).mean for load, waits in zip(loads, classes, strict=True))
        for classes in by_class
    ]
    assert weighted[0] == pytest.approx(weighted[1], rel=0.03)
    assert queues.batch_means(by_class[0][0]).mean < 0.5 * queues.batch_means(by_class[1][0]).mean


def test_smiths_order_waits_least():
    """Of all orders, shortest compile first makes the mean wait of equally urgent tasks least (Smith, 1956)."""
    jobs = queues.poisson(4, 0.8, queues.log_normal(4, "service", 1.0, 1.2, 20_000))
    means = {}
    for name, rank in {"smith": -1, "arrival": 0, "longest": 1}.items():
        ranked = [job._replace(priority=float(rank * job.service)) for job in jobs]
        means[name] = queues.batch_means(queues.in_seconds(queues.drive(queues.machine(), ranked).waits))
    assert means["smith"].high < means["arrival"].low
    assert means["arrival"].mean < means["longest"].mean


def test_two_pools_are_two_queues_that_know_nothing_of_each_other():
    """Equal, task by task, to each queue alone; and each as its closed form says."""
    one = queues.poisson(5, 0.6, queues.exponential(5, "one", 1.0, 20_000), tier=1)
    two = queues.poisson(5, 1.5, queues.exponential(5, "two", 1.0, 50_000), tier=2)
    jobs = sorted(one + two)
    outcome = queues.drive(queues.machine(pools=(Pool(1, ("one",)), Pool(2, ("two",)))), jobs)
    for tier, alone, threads, rate in ((1, one, 1, 0.6), (2, two, 2, 1.5)):
        waits = [wait for job, wait in zip(jobs, outcome.waits, strict=True) if job.tier == tier]
        assert waits == queues.drive(queues.machine(threads), alone).waits
        assert agrees(queues.in_seconds(waits), queues.mmk_wait(threads, rate, 1.0), 0.25)


def test_work_by_hand():
    """Two at once and one while the first compiles: the urgent one overtakes."""
    jobs = [Job(0, 5), Job(0, 5), Job(3, 1, priority=1.0)]
    outcome = queues.drive(queues.machine(), jobs)
    assert (outcome.waits, outcome.order) == ([0, 6, 2], [0, 2, 1])
    assert (outcome.queued, outcome.busy, outcome.waited) == (8, 11, 8)
