"""The queue bound: its core against every schedule of a few jobs, its classic cases by hand."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from tiering import bounds
from tiering.bounds import queueing
from tiering.bounds.queueing import Job, busy_times
from tiering.profile import Profile, TierCosts
from tiering.sim.costs import PICO
from tiering.trace import Call, Group, Mix, Program, Unit


def weighted_completion(jobs, slopes, servers):
    """What `busy_times` says of the sum of slope times completion."""
    busy = busy_times(jobs, slopes, servers)
    return sum(
        slope * (twice / (2 * job.length * servers) + job.length / 2)
        for job, slope, twice in zip(jobs, slopes, busy, strict=True)
    )


def least_over_orders(jobs, servers, cost):
    """By trying every order; each job begins on the first free server, not before its release."""
    found = []
    for order in permutations(range(len(jobs))):
        free = [0] * servers
        total = 0
        for number in order:
            free.sort()
            free[0] = max(free[0], jobs[number].release) + jobs[number].length
            total += cost(number, free[0])
        found.append(total)
    return min(found)


def made(draw, *, releases):
    count = draw.randint(1, 5)
    return [Job(draw.randint(0, 10) if releases else 0, draw.randint(1, 9), []) for _ in range(count)]


def test_smiths_order_is_exact_for_one_server():
    draw = random.Random(1)
    for _ in range(200):
        jobs = made(draw, releases=False)
        slopes = [draw.randint(0, 9) for _ in jobs]
        least = least_over_orders(jobs, 1, lambda job, at, slopes=slopes: slopes[job] * at)
        assert weighted_completion(jobs, slopes, 1) == pytest.approx(least)


def test_eastman_even_and_isaacs_for_several_servers():
    """1/k of one server's sum, plus (k-1)/(2k) of the sum of weights times lengths."""
    draw = random.Random(2)
    for _ in range(200):
        jobs = made(draw, releases=False)
        slopes = [draw.randint(0, 9) for _ in jobs]
        for servers in (2, 3):
            one = least_over_orders(jobs, 1, lambda job, at, slopes=slopes: slopes[job] * at)
            lengths = sum(slope * job.length for slope, job in zip(slopes, jobs, strict=True))
            published = one / servers + (servers - 1) / (2 * servers) * lengths
            assert weighted_completion(jobs, slopes, servers) == pytest.approx(published)
            least = least_over_orders(jobs, servers, lambda job, at, slopes=slopes: slopes[job] * at)
            assert published <= least + 1e-9


def test_with_releases_it_stays_below_every_schedule():
    draw = random.Random(3)
    shares = []
    for _ in range(300):
        jobs = made(draw, releases=True)
        slopes = [draw.randint(0, 9) for _ in jobs]
        servers = draw.choice((1, 2, 3))
        least = least_over_orders(jobs, servers, lambda job, at, slopes=slopes: slopes[job] * at)
        assert weighted_completion(jobs, slopes, servers) <= least + 1e-9
        shares.append(weighted_completion(jobs, slopes, servers) / least if least else 1.0)
    assert sum(shares) / len(shares) > 0.8


def test_losses_that_grow_in_steps_stay_below_every_schedule():
    """Random step functions: the hulls, the lines and the rounds of Frank and Wolfe together."""
    draw = random.Random(4)
    shares = []
    for _ in range(300):
        servers = draw.choice((1, 1, 2))
        waiting = []
        for job in made(draw, releases=True):
            instants = sorted(draw.sample(range(60), draw.randint(1, 12)))
            losses = sorted(draw.randint(1, 1000) for _ in instants)
            waiting.append((job.release, job.length, list(zip(instants, losses, strict=True))))
        jobs = queueing._jobs(waiting, servers)

        def lost(job, at, waiting=waiting):
            return max((loss for instant, loss in waiting[job][2] if instant < at), default=0)

        found, least = queueing._least_loss(jobs, servers), least_over_orders(jobs, servers, lost)
        assert found <= least
        shares.append(found / least if least else 1.0)
    assert sum(shares) / len(shares) > 0.7


def test_the_second_unit_waits_for_the_first(two_tiers):
    """f and g alternate, 100 calls of 1 s each, nearly free once compiled, and each takes 20 s to compile.

    One of them has its code at 20 at the earliest, the other at 40 (with two threads both at about 20). In 20 s of the
    interpreted program each makes 10 calls, in 40 s 20.
    """
    units = tuple(Unit(name, 1, {"interpreter": 1.0, "compiled": 0.01}, {"compiled": 20.0}) for name in "fg")
    program = Program("f g", units, (Group((Call(0), Call(1)), 100),))
    one, two = (
        bounds.bound("lb_queue").seconds(program, two_tiers._replace(compiler_threads=threads)) for threads in (1, 2)
    )
    always = 200 * 0.01
    assert always + 27 * 0.99 <= one <= always + 31 * 0.99
    assert always + 18 * 0.99 <= two <= always + 21 * 0.99
    assert bounds.bound("lb1").seconds(program, two_tiers) < one


def test_rounds_and_calls_one_by_one_give_nearly_the_same(two_tiers):
    """Calls that are taken together may lower the bound, by a few percent at most, and never raise it."""
    units = tuple(
        Unit(name, 1, {"interpreter": 1.0 + place, "compiled": 0.01}, {"compiled": 300.0 + place})
        for place, name in enumerate("fgh")
    )
    program = Program("f g h", units, (Group((Call(0), Call(1), Call(2), Call(0, 0, 0.5)), 500),))
    coarse = bounds.bound("lb_queue").seconds(program, two_tiers)
    fine, part = [], queueing._FINE
    try:
        queueing._FINE = 10**9
        fine = bounds.bound("lb_queue").seconds(program, two_tiers)
    finally:
        queueing._FINE = part
    assert 0.97 * fine <= coarse <= fine


def test_slices_hold_every_call_once():
    least = queueing.Least(
        Program(
            "slices",
            tuple(Unit(name, 1, {"interpreter": 1e-3}) for name in "abc"),
            (Group((Call(0), Call(1), Call(0), Call(2)), 300), Mix((Call(0), Call(2)), (1.0, 1.0), 70_000)),
        ),
        Profile((TierCosts("interpreter", 1.0), TierCosts("compiled", 2.0))),
    )
    total, last = [0, 0, 0], -1
    for instant, calls in queueing._slices(least, 0):
        assert instant > last
        last = instant
        for call, times in calls:
            total[call] += times
    assert total == least.counts(0).tolist()
    assert last == (300 * 4 + 70_000 - 1) * PICO // 1000
