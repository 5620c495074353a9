"""Deoptimization storms: the same every time, ended by back-off; eager and lazy deoptimization, worked by hand.

The bound on back-off is arithmetic and not ours: JavaScriptCore doubles the threshold of code at each reoptimization
(`CodeBlock.cpp`), so a bet that fails at once every time is placed at the counts t, 2t, 4t, ... since the last
failure, and N calls see at most log2(N / t + 1) of them. Eager deoptimization leaves code at a failing guard of its
own, lazy because something that it had been compiled on has changed; U. Holzle, C. Chambers and D. Ungar, *Debugging
optimized code with dynamic deoptimization*, PLDI 1992, for the latter: code is marked, and whoever runs in it runs
on.
"""

from __future__ import annotations

import json
import math

import pytest

from tiering import profile
from tiering.log import DecisionLog
from tiering.profile import Codegen, Machine, Profile, TierCosts
from tiering.protocol import Deoptimized, Plan, compile, stay
from tiering.registry import WORKLOADS, controller
from tiering.sim import Simulation, setup
from tiering.trace import Call, Group, Program, Site, Speculation, Unit
from tiering.trace_parser import Parser

POLICIES = ("always", "threshold", "cost_benefit", "speculator", "aggressive")


def storm(name, seed, *, jump=True, **changed):
    """Decision log and result of the workload `deopt_storm`."""
    lines = WORKLOADS.load("deopt_storm").lines("small", **changed)
    program = Parser("storm").parse("\n".join(map(json.dumps, lines)))
    machine = profile.named("speculator")
    policy = controller(name, {"speculate": 1} if name == "always" else {})
    log = DecisionLog("simulation", name, {}, setup(program, machine, seed=seed))
    return log.lines, Simulation(program, machine, policy, seed=seed, log=log, jump=jump).run()


@pytest.mark.parametrize("name", POLICIES)
def test_a_storm_is_the_same_every_time_line_by_line(name):
    first, result = storm(name, 1)
    assert storm(name, 1) == (first, result)
    if name != "cost_benefit":
        assert result.deopts > 0
        assert storm(name, 2)[0][1:] != first[1:]


@pytest.mark.parametrize("name", ["threshold", "speculator"])
def test_a_storm_is_the_same_whether_calls_are_stepped_or_jumped_over(name):
    changed = {"units": 2, "calls": 6000, "turn": 1000}
    jumped = storm(name, 1, **changed)
    assert jumped == storm(name, 1, jump=False, **changed)
    assert jumped[1].deopts > 1


def failing_unit(calls):
    """Code that fails at its first call, every time; compiling takes no time worth mentioning."""
    unit = Unit("f", 1, {"interpreter": 1e-3, "daring": 1e-4}, guard_failure=1.0)
    tiers = (TierCosts("interpreter", 1.0), TierCosts("daring", 10.0, 1e-6, speculative=True))
    return Program("storm", (unit,), (Group((Call(0),), calls),)), Profile(tiers, background=False)


@pytest.mark.parametrize("calls", [99, 101, 1000, 10_000, 100_000, 1_000_000])
@pytest.mark.parametrize("name", ["threshold", "always"])
def test_doubling_ends_a_storm_after_log2_failures(name, calls):
    """`always` compiles at once and then backs off by 100, 200, ... calls: one failure more."""
    settings = {"threshold": {"count": 100}, "always": {"backoff": 100, "speculate": 1}}[name]
    program, machine = failing_unit(calls)
    result = Simulation(program, machine, controller(name, {**settings, "retries": 1000})).run()
    expected = math.floor(math.log2(calls / 100 + 1))
    assert result.deopts in (expected, expected + 1)
    assert result.compiles <= expected + 1


def test_retries_end_it_for_good():
    program, machine = failing_unit(100_000)
    result = Simulation(program, machine, controller("threshold", {"count": 100, "retries": 3})).run()
    assert (result.deopts, result.compiles) == (3, 3)


class Recompiling:
    """Compiles at every question, with no back-off: the mistake. `plans` by unit name."""

    reasons = ("again",)

    def __init__(self, plans=None):
        self.plans = plans or {}

    def start(self, told):
        self.events = []

    def decide(self, view):
        plan = self.plans.get(view.unit, Plan())
        asks = view.tier == 0 and view.pending is None and view.why in ("count", "deopt")
        return compile(1, "again", plan=plan) if asks else stay("again")

    def record(self, event):
        self.events.append(event)


def test_without_back_off_every_call_fails():
    """Compiled at the entry of a call it fails in that call; asked at once, it is compiled again for the next."""
    program, machine = failing_unit(1000)
    storming = Simulation(program, machine, Recompiling()).run()
    calm = Simulation(program, machine, controller("threshold", {"count": 100})).run()
    assert storming.deopts == 1000
    assert storming.deopts > 100 * calm.deopts
    assert storming.total_seconds > calm.total_seconds


@pytest.fixture
def caller_and_callee():
    """`f` and `g` in turns, interpreted 1 s, compiled half; `f` may inline `g`. The bet of `g` fails in its call 5."""
    bet = Speculation("types", 0.0, failures=((0, 0.0), (5, 1.0), (6, 0.0)))
    costs = {"interpreter": 1.0, "daring": 0.5}
    f = Unit("f", 10, costs, {"daring": 0.25}, sites=(Site("g"),))
    g = Unit("g", 10, costs, {"daring": 0.25}, speculations=(bet,))
    tiers = (TierCosts("interpreter", 1.0), TierCosts("daring", 2.0, speculative=True))
    machine = Profile(
        tiers, background=False, deopt_seconds=0.125, machine=Machine(), codegen=Codegen(inlined_size=0.0)
    )
    return Program("caller and callee", (f, g), (Group((Call(0), Call(1)), 10),)), machine


def test_eager_deoptimization_stalls_the_call_and_takes_its_own_code_only(caller_and_callee):
    """The failing call waits 1/8 s, runs interpreted, and a compile of 1/4 s is paid a second time."""
    program, machine = caller_and_callee
    policy = Recompiling({"g": Plan((0,))})
    result = Simulation(program, machine, policy).run()
    failed = [event for event in policy.events if isinstance(event, Deoptimized)]
    assert [(event.unit, event.why, event.bet) for event in failed] == [("g", "guard", 0)]
    assert (result.deopts, result.lazy_deopts, result.compiles) == (1, 0, 3)
    assert result.stall_seconds == 0.125 + 3 * 0.25


def test_lazy_deoptimization_takes_the_callers_code_at_the_same_instant_without_a_stall(caller_and_callee):
    program, machine = caller_and_callee
    policy = Recompiling({"f": Plan(inlining=10), "g": Plan((0,))})
    result = Simulation(program, machine, policy).run()
    failed = [event for event in policy.events if isinstance(event, Deoptimized)]
    assert [(event.unit, event.why) for event in failed] == [("g", "guard"), ("f", "dependency")]
    assert failed[0].now == failed[1].now
    assert (result.deopts, result.lazy_deopts, result.compiles) == (2, 1, 4)
    assert result.stall_seconds == 0.125 + 4 * 0.25


def test_what_is_not_inlined_does_not_fall_with_the_callee(caller_and_callee):
    program, machine = caller_and_callee
    policy = Recompiling({"f": Plan(inlining=9), "g": Plan((0,))})
    assert Simulation(program, machine, policy).run().lazy_deopts == 0
