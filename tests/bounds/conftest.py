"""Machines and programs for the bounds: a few by hand, and random ones that use every feature of the simulator."""

from __future__ import annotations

import pytest

from tiering.profile import Codegen, Machine, Pool, Profile, TierCosts
from tiering.trace import BETS, RECORD, Call, Group, Mix, Program, Site, Speculation, Unit

TIERS = ("interpreter", "baseline", "optimized", "speculative")
MACHINES = ("one pool", "one pool", "two pools", "few cores", "one core", "blocking", "small queue")


@pytest.fixture
def two_tiers():
    return Profile((TierCosts("interpreter", 1.0), TierCosts("compiled", 2.0)))


@pytest.fixture
def program_of():
    def make(units, calls):
        return Program("by hand", tuple(units), tuple(Group((Call(index),), 1) for index in calls))

    return make


@pytest.fixture
def trap(program_of):
    """Compiling X, which is quick, makes A begin before its code is ready. Compiles may begin at 0."""
    units = [
        Unit("X", 1, {"interpreter": 2.0, "compiled": 1.9}, {"compiled": 0.0}),
        Unit("A", 1, {"interpreter": 10.0, "compiled": 1.0}, {"compiled": 2.0}),
    ]
    return program_of(units, [0, 1])


@pytest.fixture
def tiny():
    """A random instance in the literature's setting: costs of the order of compile times, one compiler thread."""

    def make(draw, *, units=(1, 2, 2, 3), levels=(1, 1, 2), calls=(2, 9)):
        count = draw.choice(levels)
        names = [f"tier {number}" for number in range(count + 1)]
        machine = Profile(tuple(TierCosts(name, 1.0 + number) for number, name in enumerate(names)))
        described = []
        for index in range(draw.choice(units)):
            seconds = sorted((draw.randint(0, 20) / 2 for _ in names), reverse=True)
            compiles = {name: draw.randint(0, 20) / 2 for name in names[1:]}
            described.append(Unit(f"u{index}", 1, dict(zip(names, seconds, strict=True)), compiles))
        made = [draw.randrange(len(described)) for _ in range(draw.randint(*calls))]
        groups = tuple(Group((Call(index),), 1) for index in made)
        return Program("tiny", tuple(described), groups), machine

    return make


@pytest.fixture
def anything():
    """A random instance of whatever the simulator can do."""

    def make(draw):
        quiet = draw.random() < 0.5
        names = TIERS[: draw.choice((2, 2, 3, 4))]
        speculates = draw.random() < 0.4
        equal = draw.random() < 0.5
        profile = _machine(draw, _tiers(draw, names, speculates, equal, quiet), 0.0 if quiet else 0.2)
        units = tuple(_unit(draw, index, names, speculates, equal) for index in range(draw.choice((1, 2, 3, 3, 6))))
        threads = draw.choice((1, 1, 1, 2, 3))
        groups = tuple(_group(draw, len(units), draw.randrange(threads)) for _ in range(draw.randint(1, 5)))
        return Program("anything", units, groups), profile

    return make


def _tiers(draw, names, speculates, equal, quiet):
    scale = draw.choice((0.01, 1.0, 10.0))
    replaces = draw.random() < 0.3
    tiers = [TierCosts(names[0], 1.0)]
    for number, name in enumerate(names[1:], start=1):
        last = number == len(names) - 1
        tiers.append(
            TierCosts(
                name,
                1.0 + 2.5 * number,
                compile_seconds=scale * draw.choice((0.0, 0.5, 1.0, 3.0)),
                compile_seconds_per_size=scale * draw.choice((0.0, 0.01, 0.1)),
                install_seconds=0.0 if quiet else draw.choice((0.0, 0.1)),
                code_bytes_per_size=1.0 if equal else draw.choice((1.0, 2.0)),
                speculative=speculates and last,
                osr=replaces and draw.random() < 0.7,
                profiling=0.0 if last else draw.choice((0.0, 0.0, 0.3)),
                compile_spread=draw.choice((0.0, 0.0, 1.2)),
                compile_failure=draw.choice((0.0, 0.0, 0.3)),
            )
        )
    return tuple(tiers)


def _machine(draw, tiers, deopt):
    kind = draw.choice(MACHINES)
    names = [tier.name for tier in tiers]
    around = Machine(
        pools=(Pool(draw.choice((1, 2)), (names[1],)), Pool(1, tuple(names[2:])))
        if kind == "two pools" and len(names) > 2
        else (),
        cores={"few cores": draw.choice((2, 3, 8)), "one core": 1}.get(kind),
        queue_capacity=1 if kind == "small queue" else None,
        retry_counts=3,
        priorities=draw.choice(("submission", "dequeue")),
        stale_seconds=1.0 if kind == "small queue" else None,
        osr_seconds=draw.choice((0.0, 0.05)),
        decay_seconds=draw.choice((None, None, 1.0)),
        guard_failure=draw.choice(("discard", "keep")),
    )
    if draw.random() < 0.4:
        eviction = draw.choice(("none", "lru", "hotness", "flush", "controller"))
        around = around._replace(code_capacity_bytes=draw.choice((40, 60)), eviction=eviction)
    plans = Codegen(4.0, 0.01, 0.5, 0.5, 0.05, 1.0) if draw.random() < 0.3 else Codegen()
    return Profile(
        tiers,
        draw.choice((1, 1, 2)) if kind == "blocking" else draw.choice((1, 1, 2, 3)),
        background=kind != "blocking",
        ready_seconds=draw.choice((0.0, 0.0, 2.0)),
        deopt_seconds=deopt,
        backedge_seconds=0.01,
        machine=around,
        codegen=plans,
    )


def _unit(draw, index, names, speculates, equal):
    seconds, compiles = {}, {}
    if draw.random() < 0.6:
        costs = sorted((draw.randint(0, 20) / 10 for _ in names), reverse=True)
        if draw.random() < 0.1:
            draw.shuffle(costs)
        seconds = dict(zip(names, costs, strict=True))
    if draw.random() < 0.4:
        scale = draw.choice((0.01, 0.2, 1.0))
        compiles = {name: scale * draw.randint(0, 20) for name in names[1:]}
    processes = (0.0, 0.1, RECORD, ((0, 0.0), (5, 0.5)))
    bets = tuple(
        Speculation(draw.choice(BETS), draw.choice((0.2, 0.5)), draw.choice((0.0, 0.05)), draw.choice(processes))
        for _ in range(draw.choice((0, 1, 2)) if speculates else 0)
    )
    return Unit(
        f"u{index}",
        20 if equal else draw.choice((5, 10, 20)),
        seconds,
        compiles,
        guard_failure=draw.choice((0.0, 0.0, 0.1)) if speculates else 0.0,
        speculations=bets,
        sites=(Site("u0", 1.0, draw.choice((0.8, 1.0))),) if index and draw.random() < 0.3 else (),
        registers=draw.choice((None, 2.0, 8.0)),
    )


def _group(draw, units, thread):
    calls = tuple(
        Call(draw.randrange(units), draw.choice((0, 0, 3, 20)), draw.choice((0.1, 1.0, 1.0, 2.5)))
        for _ in range(draw.randint(1, 5))
    )
    if draw.random() < 0.3:
        return Mix(calls, tuple(draw.choice((1.0, 3.0)) for _ in calls), draw.randint(1, 30), thread)
    return Group(calls, draw.choice((1, 1, 3, 20)), thread)
