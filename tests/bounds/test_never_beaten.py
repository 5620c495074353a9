"""No policy ever beats a bound: random programs on random machines, every controller, every bound that is valid there.

Among the controllers is one that answers at random. It waits, goes back, throws code away and takes strange plans, and
so reaches what no sensible policy tries. Times are compared as whole picoseconds: a bound may be met and not passed.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tiering import bounds, protocol, registry
from tiering.errors import InputError, NeedsFuture
from tiering.profile import broken_rule
from tiering.sim import Simulation

INSTANCES = 2000
MOST_DECISIONS = 20_000


class Restless:
    """Answers at random, within the rules."""

    reasons = ("at random",)

    def __init__(self, seed):
        self.seed = seed

    def start(self, setup):
        self.setup = setup
        self.draw = random.Random(self.seed)

    def decide(self, view):
        draw = self.draw
        budget, wake = draw.choice((1, 2, 5, 30, protocol.FOREVER)), draw.choice((None, None, 0.3, 2.0))
        able = [t for t in range(1, len(self.setup.tiers)) if t > view.tier or self.setup.tiers[t].speculative]
        able = [t for t in able if t >= view.tier]
        if able and draw.random() < 0.5:
            tier = draw.choice(able)
            offered = [bet.id for bet in view.bets] if self.setup.tiers[tier].speculative else []
            bets = tuple(draw.sample(offered, draw.randint(0, len(offered))))
            plan = protocol.Plan(bets, draw.choice(("light", "heavy")), draw.choice((0, 0, 50)))
            priority = draw.choice((0.0, 1.0, 2.0))
            return protocol.compile(tier, "at random", plan=plan, priority=priority, budget=budget, wake=wake)
        if view.tier > view.lowest and draw.random() < 0.1:
            return protocol.deoptimize(draw.randrange(view.lowest, view.tier), "at random", budget=budget, wake=wake)
        if self.setup.evict and draw.random() < 0.1:
            return protocol.evict("at random", budget=budget)
        return protocol.stay("at random", budget=budget, wake=wake)

    def record(self, event):
        pass


def end(program, profile, controller, seed):
    """Picoseconds on the wall, or None where a run was cut for asking too often."""
    try:
        sim = Simulation(program, profile, controller, seed=seed, max_decisions=MOST_DECISIONS)
    except NeedsFuture:
        sim = Simulation(program, profile, controller, seed=seed, max_decisions=MOST_DECISIONS, future=True)
    try:
        sim.run()
    except InputError:
        return None
    return sim.ledger().wall


def test_no_policy_beats_a_bound_that_is_valid(anything):
    controllers = {name: registry.controller(name) for name in registry.CONTROLLERS.static}
    valid, met, cut = Counter(), Counter(), 0
    for seed in range(INSTANCES):
        program, profile = anything(random.Random(seed))
        assert broken_rule(profile) is None
        known = bounds.all_valid_picoseconds(program, profile, seed)
        valid.update(list(known))
        ends = {}
        for name, controller in {**controllers, "restless": Restless(seed), "again": Restless(-seed)}.items():
            ends[name] = end(program, profile, controller, seed)
            cut += ends[name] is None
        reached = {name: at for name, at in ends.items() if at is not None}
        beaten = {(name, bound) for name, at in reached.items() for bound, least in known.items() if at < least}
        assert not beaten, f"instance {seed}: {beaten}, bounds {known}, ends {reached}"
        met.update(bound for bound, least in known.items() if least == min(reached.values()))
    assert cut < INSTANCES // 100
    assert set(valid) == set(bounds.BOUNDS)
    for name, times in valid.items():
        assert times >= INSTANCES // 40, f"{name} was valid in {times} of {INSTANCES} instances only"
    for name in set(bounds.BOUNDS) - {"lb_cache"}:
        assert met[name] >= valid[name] // 100, f"{name} was met in {met[name]} of {valid[name]} instances only"


@pytest.mark.parametrize("name", ["lb1", "lb_queue", "lb2"])
def test_a_bound_that_is_too_high_would_be_found(anything, name):
    """A hundredth more than the bound, and some run ends before it."""
    for seed in range(INSTANCES):
        program, profile = anything(random.Random(seed))
        known = bounds.all_valid_picoseconds(program, profile, seed)
        if known.get(name):
            at = end(program, profile, registry.controller("always"), seed)
            if at is not None and at < known[name] * 1.01:
                return
    pytest.fail("nothing came near")
