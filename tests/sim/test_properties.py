"""What holds for every program, machine and policy: time adds up, jumping is stepping, and nobody beats the bound."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tiering import oracle
from tiering.log import DecisionLog
from tiering.profile import Profile, TierCosts
from tiering.protocol import FOREVER, compile, deoptimize, pin, stay
from tiering.sim import Simulation, setup
from tiering.trace import Call, Group, Program, Unit


class AnyPolicy:
    """Answers at random, and always legally."""

    reasons = ("random",)

    def start(self, setup):
        self.tiers = setup.tiers
        self.random = random.Random(setup.seed)

    def decide(self, view):
        draw = self.random
        when = {"budget": draw.choice((1, 2, 3, 7, 50, FOREVER)), "wake": draw.choice((None, None, 0.1, 1.3))}
        above = [t for t, tier in enumerate(self.tiers) if t > view.tier or (t == view.tier and tier.speculative)]
        kind = draw.random()
        if kind < 0.5 and above:
            return compile(draw.choice(above), "random", priority=draw.choice((-1.0, 0.0, 2.0)), **when)
        if kind < 0.6 and view.tier > 0:
            return deoptimize(draw.randrange(view.tier), "random", **when)
        return pin("random") if kind < 0.61 else stay("random", **when)

    def record(self, event):
        pass


class Greedy(AnyPolicy):
    """Compiles everything to one tier at first sight, and again after a deoptimization."""

    def __init__(self, tier):
        self.tier = tier

    def decide(self, view):
        wants = view.tier < self.tier and view.pending is None
        return compile(self.tier, "random") if wants else stay("random")


class Climbing(AnyPolicy):
    """One tier at a time, every few counts."""

    def decide(self, view):
        if view.pending is None and view.tier + 1 < len(self.tiers):
            return compile(view.tier + 1, "random", budget=3)
        return stay("random", budget=3)


def tenths(low, high):
    return st.integers(low, high).map(lambda tenth: tenth / 10)


@st.composite
def machines(draw):
    def tier(name, **facts):
        stall = draw(st.sampled_from((0.0, 0.0, 0.3)))
        return TierCosts(name, draw(tenths(5, 100)), draw(tenths(0, 40)), install_seconds=stall, **facts)

    tiers = [TierCosts("tier0", 1.0)]
    tiers += [tier(f"tier{i}", speculative=draw(st.booleans())) for i in range(1, draw(st.integers(2, 4)))]
    return Profile(
        tuple(tiers),
        compiler_threads=draw(st.integers(1, 3)),
        background=draw(st.booleans()),
        ready_seconds=draw(tenths(0, 10)),
        deopt_seconds=draw(tenths(0, 5)),
    )


@st.composite
def programs(draw):
    units = []
    for index in range(draw(st.integers(1, 3))):
        seconds = {"tier0": draw(tenths(0, 30)), "tier1": draw(tenths(0, 30))}
        units.append(Unit(f"unit{index}", 1, seconds, guard_failure=draw(st.sampled_from((0.0, 0.1, 0.5, 1.0)))))
    calls = st.builds(Call, st.integers(0, len(units) - 1), st.integers(0, 9), tenths(1, 20))
    groups = st.builds(Group, st.lists(calls, min_size=1, max_size=4).map(tuple), st.integers(0, 12))
    return Program("any", tuple(units), tuple(draw(st.lists(groups, min_size=1, max_size=4))))


policies = st.sampled_from((AnyPolicy(), AnyPolicy(), Greedy(1), Climbing()))


@given(programs(), machines(), policies, st.integers(0, 1000))
def test_time_adds_up_to_the_picosecond(program, machine, policy, seed):
    sim = Simulation(program, machine, policy, seed=seed)
    sim.run()
    total, stalled, tiers = sim.ledger()
    assert total == stalled + sum(tiers)
    assert all(isinstance(part, int) for part in (total, stalled, *tiers))


@given(programs(), machines(), policies, st.integers(0, 1000))
def test_no_policy_beats_the_bound(program, machine, policy, seed):
    sim = Simulation(program, machine, policy, seed=seed)
    sim.run()
    assert sim.ledger().total >= oracle.lb1_picoseconds(program, machine) >= oracle.lb0_picoseconds(program, machine)


@given(programs(), machines(), policies, st.integers(0, 1000))
def test_jumping_over_calls_is_the_same_as_stepping(program, machine, policy, seed):
    def run(jump):
        log = DecisionLog("simulation", "any", {}, setup(program, machine, seed=seed))
        result = Simulation(program, machine, policy, seed=seed, log=log, jump=jump).run()
        return result, log.lines

    assert run(jump=True) == run(jump=False)


@given(programs(), machines(), st.integers(0, 1000))
def test_every_call_is_counted_once(program, machine, seed):
    quiet = Greedy(0)
    sim = Simulation(program, machine._replace(deopt_seconds=0.0), quiet, seed=seed)
    result = sim.run()
    assert result.calls == sum(program.counts())
    counted = {name: (state.invocations, state.backedges) for name, state in sim.manager.units.items()}
    iterations = [0] * len(program.units)
    for call in program.calls():
        iterations[call.unit] += call.backedges
    expected = zip(program.counts(), iterations, strict=True)
    assert counted == {unit.name: counts for unit, counts in zip(program.units, expected, strict=True)}


@given(programs(), machines(), st.integers(0, 1000))
def test_the_same_calls_fail_under_every_policy(program, machine, seed):
    """Whoever runs all calls in speculative code meets the failures that the future announces, and nobody more."""
    announced = sum(told.guard_failures for told in oracle.futures(program, machine, seed))
    for policy in (AnyPolicy(), Greedy(1), Climbing()):
        assert Simulation(program, machine, policy, seed=seed).run().deopts <= announced
    if machine.tiers[1].speculative:
        at_once = machine.tiers[1]._replace(compile_seconds=0.0)
        instant = machine._replace(tiers=(machine.tiers[0], at_once), background=False, ready_seconds=0.0)
        assert Simulation(program, instant, Greedy(1), seed=seed).run().deopts == announced
