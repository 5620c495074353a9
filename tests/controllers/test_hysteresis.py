"""hysteresis: margins by hand, growing with every reversal, and a workload that thrashes without them."""

from __future__ import annotations

import json

import pytest
from tiering.controllers.dwell import Dwell
from tiering.controllers.hysteresis import HELD, Hysteresis
from tiering.controllers.threshold import Threshold

from tiering import profile, protocol
from tiering.errors import InputError
from tiering.protocol import FOREVER, Compiled
from tiering.registry import WORKLOADS
from tiering.registry import controller as named
from tiering.sim import Simulation
from tiering.trace_parser import Parser


class Puppet:
    """Answers what it is told to, and keeps what it hears."""

    reasons = ("told to",)

    def start(self, setup):
        self.heard = []
        self.answer = protocol.compile(1, "told to")

    def decide(self, view):
        return self.answer

    def record(self, event):
        self.heard.append(event)


@pytest.fixture
def puppet():
    return Puppet()


@pytest.fixture
def held(started, puppet):
    return started(Hysteresis(dwell=100, growth=2.0, controller=puppet))


def test_a_first_compile_is_not_held_back(view, held):
    assert held.decide(view(invocations=1)).action == "compile"


def test_code_that_was_lost_is_not_made_again_before_the_margin(view, held):
    held.decide(view(tier=1, invocations=50))
    lost = held.decide(view(tier=0, invocations=60))
    assert (lost.action, lost.reason, lost.budget) == ("stay", HELD, 100)
    assert held.decide(view(tier=0, invocations=100, backedges=30)).budget == 30
    assert held.decide(view(tier=0, invocations=160)).action == "compile"


def test_code_that_was_made_is_not_dropped_before_the_margin_unless_its_guard_fails(view, held, puppet):
    puppet.answer = protocol.deoptimize(0, "told to")
    held.decide(view(tier=0, invocations=1))
    assert held.decide(view(tier=1, invocations=41)).budget == 100
    assert held.decide(view(tier=1, invocations=42, why="deopt")).action == "deoptimize"
    assert held.decide(view(tier=1, invocations=141)).action == "deoptimize"


def test_ranks_are_never_held_back(view, held, puppet):
    puppet.answer = protocol.evict("told to", priority=5.0)
    held.decide(view(tier=0))
    assert held.decide(view(tier=1, why="evict")).priority == 5.0


def test_a_reset_of_the_counters_is_no_way_around_it(view, held):
    held.decide(view(tier=1, invocations=50))
    held.decide(view(tier=0, invocations=0, why="deopt"))
    assert held.decide(view(tier=0, invocations=40)).budget == 60


def test_the_margin_doubles_at_each_early_loss_and_begins_anew_after_a_long_life(view):
    dwell = Dwell(100, 2.0)

    def loses_its_code_after(lived, counts):
        dwell.see(view(tier=1, invocations=counts))
        dwell.see(view(tier=0, invocations=counts + lived))
        return dwell.missing(view(tier=0, invocations=counts + lived), 1)

    dwell.see(view(tier=0, invocations=0))
    assert [loses_its_code_after(10, 1000 * n) for n in range(1, 4)] == [200, 400, 800]
    assert loses_its_code_after(1600, 10_000) == 100


def test_the_margin_is_never_longer_than_forever(view):
    dwell = Dwell(10**15, 100.0)
    dwell.see(view(tier=0))
    for number in range(70):
        dwell.see(view(tier=1, invocations=2 * number))
        dwell.see(view(tier=0, invocations=2 * number + 1))
    assert dwell.missing(view(), 1) <= FOREVER


def test_everything_is_passed_on(held, puppet):
    event = Compiled(0.0, "f", 1, 0.0, 0.1)
    held.record(event)
    assert puppet.heard == [event]


def test_it_is_made_by_the_name_of_another_and_has_its_reasons():
    wrapped = named("hysteresis", {"inner": "pi"})
    assert set(named("pi").reasons) < set(wrapped.reasons)
    with pytest.raises(InputError, match="inner='hysteresis': must be one of"):
        named("hysteresis", {"inner": "hysteresis"})


def test_thresholds_have_it_as_a_parameter(view, started):
    threshold = started(Threshold(count=10, dwell=100))
    threshold.decide(view(tier=1, invocations=50))
    assert threshold.decide(view(tier=0, invocations=60)).budget == 100
    assert threshold.decide(view(tier=0, invocations=160)).action == "compile"
    without = started(Threshold(count=10))
    without.decide(view(tier=1, invocations=50))
    assert without.decide(view(tier=0, invocations=60)).action == "compile"


@pytest.mark.parametrize("inner", ["always", "threshold", "conservative", "aggressive"])
def test_without_it_a_cache_with_room_for_one_of_two_loops_thrashes(inner):
    workload = WORKLOADS.load("thrashing")
    program = Parser("thrashing").parse("\n".join(map(json.dumps, workload.lines("small"))))
    machine = profile.reference()
    machine = machine._replace(machine=machine.machine._replace(**workload.machine))
    plain = Simulation(program, machine, named(inner)).run()
    wrapped = Simulation(program, machine, named("hysteresis", {"inner": inner})).run()
    assert wrapped.compiles < plain.compiles / 4
    assert wrapped.total_seconds < plain.total_seconds
