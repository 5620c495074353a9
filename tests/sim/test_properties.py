"""What holds for every program, machine and policy: time adds up, jumping is stepping, and nobody beats the bound."""

from __future__ import annotations

import random

from hypothesis import given, reject
from hypothesis import strategies as st

from tiering import bounds
from tiering.errors import InputError
from tiering.log import DecisionLog
from tiering.profile import Codegen, Machine, Pool, Profile, TierCosts
from tiering.profile_rules import EVICTIONS
from tiering.protocol import FOREVER, Plan, compile, deoptimize, evict, pin, stay
from tiering.sim import Simulation, futures, setup, source
from tiering.trace import BETS, RECORD, Call, Group, Mix, Program, Site, Speculation, Unit


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
            tier = draw.choice(above)
            bets = tuple(bet.id for bet in view.bets if self.tiers[tier].speculative and draw.random() < 0.7)
            plan = Plan(bets, draw.choice(("light", "heavy")), draw.choice((0, 1)))
            return compile(tier, "random", plan=plan, priority=draw.choice((-1.0, 0.0, 2.0)), **when)
        if view.why == "evict" and kind < 0.9:
            return evict("random", priority=draw.random())
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


def optional(values):
    return st.one_of(st.none(), values)


@st.composite
def machines(draw):
    """Any machine: pools, cores, a bounded queue, on-stack replacement, a code cache, decay, spread and failures."""

    def tier(name, **facts):
        stall = draw(st.sampled_from((0.0, 0.0, 0.3)))
        return TierCosts(
            name,
            draw(tenths(5, 100)),
            draw(tenths(0, 40)),
            install_seconds=stall,
            code_bytes_per_size=draw(st.sampled_from((0.0, 1.0, 3.0))),
            osr=draw(st.booleans()),
            profiling=draw(st.sampled_from((0.0, 0.5))),
            compile_spread=draw(st.sampled_from((0.0, 1.2))),
            compile_failure=draw(st.sampled_from((0.0, 0.0, 0.3))),
            **facts,
        )

    tiers = [TierCosts("tier0", 1.0)]
    tiers += [tier(f"tier{i}", speculative=draw(st.booleans())) for i in range(1, draw(st.integers(2, 4)))]
    background = draw(st.booleans())
    pools = tuple(Pool(draw(st.integers(1, 2)), (tier.name,)) for tier in tiers[1:])
    capacity = draw(optional(st.integers(3, 20)))
    machine = Machine(
        pools=pools if background and draw(st.booleans()) else (),
        cores=draw(optional(st.integers(1, 3 if background else 1))),
        queue_capacity=draw(optional(st.integers(1, 3))),
        retry_counts=draw(st.sampled_from((1, 5))),
        priorities=draw(st.sampled_from(("submission", "dequeue"))),
        stale_seconds=draw(optional(tenths(1, 50))),
        osr_seconds=draw(st.sampled_from((0.0, 0.2))),
        code_capacity_bytes=capacity,
        eviction="none" if capacity is None else draw(st.sampled_from(EVICTIONS)),
        decay_seconds=draw(optional(tenths(5, 50))),
        guard_failure=draw(st.sampled_from(("discard", "keep"))),
    )
    return Profile(
        tuple(tiers),
        compiler_threads=draw(st.integers(1, 3)),
        background=background,
        ready_seconds=draw(tenths(0, 10)),
        deopt_seconds=draw(tenths(0, 5)),
        machine=machine,
        codegen=Codegen(1.0, 0.01, 1.0, 0.5, 0.05, 1.0),
    )


def failure_processes():
    phases = st.tuples(st.integers(1, 20), st.sampled_from((0.0, 0.5, 1.0)))
    return st.one_of(
        st.sampled_from((0.0, 0.1, 1.0, RECORD)), phases.map(lambda phase: ((0, 0.0), (phase[0], phase[1])))
    )


@st.composite
def programs(draw, threads=2):
    units = []
    count = draw(st.integers(1, 3))
    for index in range(count):
        seconds = {"tier0": draw(tenths(0, 30)), "tier1": draw(tenths(0, 30))}
        bets = st.builds(Speculation, st.sampled_from(BETS), tenths(0, 5), tenths(0, 1), failure_processes(), st.none())
        sites = st.builds(Site, st.just(f"unit{(index + 1) % count}"), tenths(5, 20), st.sampled_from((0.5, 1.0)))
        units.append(
            Unit(
                f"unit{index}",
                1,
                seconds,
                guard_failure=draw(st.sampled_from((0.0, 0.1, 0.5, 1.0))),
                speculations=tuple(draw(st.lists(bets, max_size=2))),
                sites=tuple(draw(st.lists(sites, max_size=1))),
                registers=draw(optional(st.just(3.0))),
            )
        )
    seen = (st.none() | st.just("int64"), st.none() | st.integers(0, 9))
    calls = st.builds(Call, st.integers(0, len(units) - 1), st.integers(0, 9), tenths(1, 20), *seen)
    thread = st.integers(0, threads - 1)
    pattern = st.lists(calls, min_size=1, max_size=4).map(tuple)
    groups = st.builds(Group, pattern, st.integers(0, 12), thread)
    mixes = pattern.flatmap(
        lambda drawn: st.builds(
            Mix, st.just(drawn), st.just(tuple(range(1, len(drawn) + 1))), st.integers(0, 20), thread
        )
    )
    return Program("any", tuple(units), tuple(draw(st.lists(st.one_of(groups, mixes), min_size=1, max_size=4))))


policies = st.sampled_from((AnyPolicy(), AnyPolicy(), Greedy(1), Climbing()))


def finished(program, machine, policy, **facts):
    """The simulation at its end; a policy that never stops asking is cut, and the example is not one."""
    sim = Simulation(program, machine, policy, max_decisions=500, **facts)
    try:
        sim.run()
    except InputError as cut:
        if "up to 500 can be simulated" not in str(cut):
            raise
        reject()
    return sim


@given(programs(), machines(), policies, st.integers(0, 1000))
def test_time_adds_up_to_the_picosecond(program, machine, policy, seed):
    sim = finished(program, machine, policy, seed=seed)
    total, stalled, tiers, _ = sim.ledger()
    assert total == stalled + sum(tiers)
    assert all(isinstance(part, int) for part in (total, stalled, *tiers))


@given(programs(), machines(), policies, st.integers(0, 1000))
def test_no_policy_beats_the_bound(program, machine, policy, seed):
    sim = finished(program, machine, policy, seed=seed)
    for name, bound in bounds.all_valid_picoseconds(program, machine, seed).items():
        assert sim.ledger().wall >= bound, name


@given(programs(), machines(), policies, st.integers(0, 1000))
def test_jumping_over_calls_is_the_same_as_stepping(program, machine, policy, seed):
    def run(jump):
        log = DecisionLog("simulation", "any", {}, setup(program, machine, seed=seed))
        sim = finished(program, machine, policy, seed=seed, log=log, jump=jump)
        return sim.result(), sim.ledger(), log.lines

    assert run(jump=True) == run(jump=False)


@given(programs(), machines(), st.integers(0, 1000))
def test_every_call_is_counted_once(program, machine, seed):
    undecayed = machine._replace(machine=machine.machine._replace(decay_seconds=None))
    sim = Simulation(program, undecayed, Greedy(0), seed=seed)
    assert sim.run().calls == program.total()
    counted = {name: (state.invocations, state.backedges) for name, state in sim.counts().items()}
    expected = {unit.name: [0, 0] for unit in program.units}
    for thread in range(program.threads()):
        for call in source.calls(program, seed, thread):
            expected[program.units[call.unit].name][0] += 1
            expected[program.units[call.unit].name][1] += call.backedges
    assert counted == {name: tuple(counts) for name, counts in expected.items()}


def fails_as_a_whole(program, machine):
    """The program without bets and inlining, on one thread; the machine with room for code, and compiles that end."""
    plain = [unit._replace(speculations=(), sites=()) for unit in program.units]
    groups = [group._replace(thread=0) for group in program.groups]
    tiers = [tier._replace(compile_failure=0.0) for tier in machine.tiers]
    simple = machine.machine._replace(code_capacity_bytes=None, eviction="none", guard_failure="discard", pools=())
    simple = simple._replace(queue_capacity=None, stale_seconds=None)
    return program._replace(units=tuple(plain), groups=tuple(groups)), machine._replace(
        tiers=tuple(tiers), machine=simple
    )


@given(programs(), machines(), st.integers(0, 1000))
def test_the_same_calls_fail_under_every_policy(program, machine, seed):
    """Whoever runs all calls in speculative code meets the failures that the future announces, and nobody more."""
    program, machine = fails_as_a_whole(program, machine)
    announced = sum(told.guard_failures for told in futures(program, machine, seed))
    for policy in (AnyPolicy(), Greedy(1), Climbing()):
        assert finished(program, machine, policy, seed=seed).result().deopts <= announced
    if machine.tiers[1].speculative:
        at_once = machine.tiers[1]._replace(compile_seconds=0.0)
        machine = machine._replace(tiers=(machine.tiers[0], at_once), background=False, ready_seconds=0.0)
        machine = machine._replace(machine=machine.machine._replace(cores=None))
        assert finished(program, machine, Greedy(1), seed=seed).result().deopts == announced
