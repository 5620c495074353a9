"""A clock that is moved by hand and a compiler that ends when it is told to."""

from __future__ import annotations

import pytest

from tiering import protocol
from tiering.counters import UnitState
from tiering.manager import TieringManager
from tiering.protocol import Compiled, CompileFailed, Setup, Tier
from tiering.testing import FakeCompiler, ManualClock

WAIT = "waits"


class Waiting:
    """Stays."""

    reasons = (WAIT,)

    def start(self, setup):
        pass

    def decide(self, view):
        return protocol.stay(WAIT)

    def record(self, event):
        pass


@pytest.fixture
def host():
    clock = ManualClock()
    compiler = FakeCompiler(clock, 3, seconds=0.5)
    setup = Setup((Tier("interpreter", 1.0), Tier("baseline", 10.0), Tier("optimized", 20.0)), 1, 0)
    manager = TieringManager(Waiting(), clock, compiler, setup)
    return clock, compiler, manager, manager.add(UnitState("f"))


def test_a_manual_clock_stands_until_it_is_moved():
    clock = ManualClock(start=2.0)
    clock.advance(0.5)
    assert clock.now() == 2.5
    with pytest.raises(ValueError, match="time does not go backwards"):
        clock.advance(-1.0)


def test_a_fake_compile_is_due_after_its_seconds_and_installs_when_ended(host):
    clock, compiler, manager, unit = host
    manager.apply(unit, protocol.compile(2, WAIT))
    assert (compiler.queue(), compiler.due()) == ((0, 0, 1), [])
    clock.advance(0.5)
    (task,) = compiler.due()
    heard = []
    manager.controller.record = heard.append
    compiler.end(manager, task, took=0.3)
    assert unit.tier == 2
    assert heard == [Compiled(0.5, "f", 2, 0.2, 0.3, 1000)]
    assert compiler.queue() == (0, 0, 0)


def test_a_fake_compile_can_fail_and_can_be_discarded(host):
    _, compiler, manager, unit = host
    heard = []
    manager.controller.record = heard.append
    manager.apply(unit, protocol.compile(1, WAIT))
    compiler.end(manager, compiler.tasks[0], error="refused")
    assert (unit.tier, unit.failures, heard) == (0, 1, [CompileFailed(0.0, "f", 1, "refused", 0.0)])
    manager.apply(unit, protocol.compile(1, WAIT))
    manager.apply(unit, protocol.compile(2, WAIT))
    assert [task.tier for task in compiler.tasks] == [2]
    assert compiler.discarded == [("f", 1)]
