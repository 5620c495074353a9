"""The loop that can be paused: what stands still, and what is refused."""

from __future__ import annotations

import pytest

from tiering.errors import IllegalDecision, InputError, NeedsFuture
from tiering.profile import Machine
from tiering.protocol import compile, stay
from tiering.sim import OBSERVES, Simulation, setup
from tiering.trace import Call, Group, Program, Unit


def quiet(scripted):
    return scripted(lambda view: stay("scripted"))


def test_answering_by_hand_is_the_same_as_running(scripted, machine, one_unit):
    def answer(view):
        return compile(1, "scripted") if view.why == "count" else stay("scripted")

    by_hand = Simulation(one_unit(6), machine, quiet(scripted))
    while (view := by_hand.advance()) is not None:
        by_hand.answer(answer(view))
    assert by_hand.result() == Simulation(one_unit(6), machine, scripted(answer)).run()


def test_everything_stands_still_while_a_question_is_open(scripted, machine, one_unit):
    sim = Simulation(one_unit(6), machine, quiet(scripted))
    view = sim.advance()
    assert (view.unit, view.why, sim.now(), sim.ledger().total) == ("f", "count", 0.0, 0)


def test_advancing_past_an_open_question_is_refused(scripted, machine, one_unit):
    sim = Simulation(one_unit(6), machine, quiet(scripted))
    sim.advance()
    with pytest.raises(RuntimeError, match=r"open question about 'f': answer\(\) it first"):
        sim.advance()


def test_answering_without_a_question_is_refused(scripted, machine, one_unit):
    sim = Simulation(one_unit(6), machine, quiet(scripted))
    with pytest.raises(RuntimeError, match=r"call advance\(\) first"):
        sim.answer(stay("scripted"))


def test_an_illegal_answer_is_refused_and_the_question_stays_open(scripted, machine, one_unit):
    sim = Simulation(one_unit(6), machine, quiet(scripted))
    sim.advance()
    with pytest.raises(IllegalDecision, match="tier 7 was asked for"):
        sim.answer(compile(7, "scripted"))
    sim.answer(stay("scripted"))
    assert sim.advance() is None


def test_there_is_no_result_before_the_end(scripted, machine, one_unit):
    sim = Simulation(one_unit(6), machine, quiet(scripted))
    with pytest.raises(RuntimeError, match="before the end"):
        sim.result()


def test_after_the_end_there_is_nothing_more_to_ask(scripted, machine, one_unit):
    sim = Simulation(one_unit(6), machine, quiet(scripted))
    sim.run()
    assert sim.advance() is None
    assert sim.result().total_seconds == 12.0


def test_a_program_without_calls_ends_at_once(scripted, machine):
    empty = Program("empty", (Unit("f", 1),), (Group((Call(0),), 0),))
    result = Simulation(empty, machine, quiet(scripted)).run()
    assert (result.total_seconds, result.calls, result.decisions) == (0.0, 0, 0)


def test_a_program_that_would_take_hours_is_refused(scripted, machine):
    endless = Program("endless", (Unit("f", 1),), (Group((Call(0),), 10**12),))
    with pytest.raises(InputError, match="endless: makes 1000000000000 calls; up to 10000000000 can be simulated"):
        Simulation(endless, machine, quiet(scripted))


def test_a_policy_that_asks_without_end_is_stopped(scripted, machine, one_unit):
    endless = one_unit(1, backedges=10**15, work=0.0)
    sim = Simulation(endless, machine, scripted(lambda view: stay("scripted", budget=1)), max_decisions=500)
    rule = (
        "by hand: its controller asked for question 501; up to 500 can be simulated; take a controller that asks less"
    )
    with pytest.raises(InputError, match=rule):
        sim.run()


def test_as_many_questions_as_are_allowed_may_be_asked(scripted, machine, one_unit):
    result = Simulation(one_unit(6), machine, scripted(lambda view: stay("scripted", budget=1)), max_decisions=6).run()
    assert result.decisions == 6


@pytest.mark.parametrize("wake", [1e60, 1e296, 1e300, 1.7e308])
def test_a_wake_beyond_the_end_of_time_never_rings(scripted, machine, one_unit, wake):
    controller = scripted(lambda view: stay("scripted", wake=wake))
    assert Simulation(one_unit(6), machine, controller).run().total_seconds == 12.0
    assert controller.asked == [(0.0, "f", "count")]


def test_a_controller_that_raises_ends_the_simulation(scripted, machine, one_unit):
    def answer(view):
        raise ZeroDivisionError("a defect of the policy")

    with pytest.raises(ZeroDivisionError, match="a defect of the policy"):
        Simulation(one_unit(6), machine, scripted(answer)).run()


def test_a_controller_learns_the_facts_of_the_machine(machine, one_unit):
    told = setup(one_unit(6), machine, seed=3)
    assert [(tier.name, tier.speed, tier.compile_cost, tier.speculative) for tier in told.tiers] == [
        ("interpreter", 1.0, 0.0, False),
        ("fast", 4.0, 5.0, False),
        ("daring", 4.0, 1.0, True),
    ]
    assert (told.compiler_threads, told.seed, told.observes) == (1, 3, OBSERVES)
    assert (told.osr, told.bets, told.evict, told.future) == (False, False, False, None)


def test_only_who_asks_for_the_future_is_told(scripted, machine, one_unit):
    class Clairvoyant(scripted):
        def start(self, setup):
            super().start(setup)
            if setup.future is None:
                raise NeedsFuture("must know the future")

    controller = Clairvoyant(lambda view: stay("scripted"))
    with pytest.raises(NeedsFuture):
        Simulation(one_unit(6), machine, controller)
    Simulation(one_unit(6, guard_failure=1.0), machine, controller, future=True)
    (told,) = controller.setup.future
    assert told == ("f", 6, (2.0, 0.5, 0.5), (0.0, 5.0, 1.0), 6)


def test_a_code_cache_in_which_a_unit_has_no_room_is_refused(scripted, machine):
    tight = machine._replace(tiers=machine.tiers[:2], machine=Machine(code_capacity_bytes=299, eviction="lru"))
    program = Program("tight", (Unit("f", 30),), (Group((Call(0),), 1),))
    rule = "machine code_capacity_bytes is 299: unit 'f' needs 300 bytes of code in any tier, so it must be at least"
    with pytest.raises(InputError, match=rule):
        Simulation(program, tight, quiet(scripted))


def test_nonsense_made_in_python_is_refused_as_in_files(scripted, machine, one_unit):
    with pytest.raises(InputError, match=r"guard_failure is 1\.2: must be a number from 0 to 1"):
        Simulation(one_unit(6, guard_failure=1.2), machine, quiet(scripted))
    with pytest.raises(InputError, match=r"deopt_seconds is -1: must be a number from 0 to 1e"):
        Simulation(one_unit(6), machine._replace(deopt_seconds=-1), quiet(scripted))
