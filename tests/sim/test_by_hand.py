"""Small runs whose every instant was worked out on paper."""

from __future__ import annotations

from tiering.protocol import Compiled, CompileFailed, Deoptimized, compile, deoptimize, pin, stay
from tiering.sim import Simulation
from tiering.trace import Call, Group, Program, Unit


def once(tier, **more):
    """Compile to `tier` when first asked, and stay ever after."""
    return lambda view: compile(tier, "scripted", **more) if view.why == "count" else stay("scripted")


def test_code_is_entered_by_the_first_call_after_its_compile(scripted, machine, one_unit):
    """Calls at 0, 2, 4 are interpreted; the code is there at 5; calls at 6, 6.5, 7 take half a second."""
    controller = scripted(once(1))
    result = Simulation(one_unit(6), machine, controller).run()
    assert controller.asked == [(0.0, "f", "count"), (5.0, "f", "compiled")]
    assert controller.events == [Compiled(5.0, "f", 1, 0.0, 5.0, 300)]
    assert result.total_seconds == 7.5
    assert result.tier_seconds == (6.0, 1.5, 0.0)
    assert (result.compiles, result.calls, result.decisions) == (1, 6, 2)
    assert (result.compile_seconds, result.queue_seconds, result.stall_seconds) == (5.0, 0.0, 0.0)
    assert result.code_bytes == 300


def test_the_first_call_into_new_code_pays_for_loading_it(scripted, machine, one_unit):
    fast = machine.tiers[1]._replace(install_seconds=1.0)
    loading = machine._replace(tiers=(machine.tiers[0], fast, machine.tiers[2]))
    result = Simulation(one_unit(6), loading, scripted(once(1))).run()
    assert (result.total_seconds, result.stall_seconds) == (8.5, 1.0)


def test_a_compile_waits_until_the_compiler_is_there(scripted, machine, one_unit):
    controller = scripted(once(1))
    Simulation(one_unit(6), machine._replace(ready_seconds=3.0), controller).run()
    assert controller.events == [Compiled(8.0, "f", 1, 3.0, 5.0, 300)]


def test_a_compile_in_the_foreground_stops_the_program(scripted, machine, one_unit):
    result = Simulation(one_unit(6), machine._replace(background=False), scripted(once(1))).run()
    assert (result.total_seconds, result.stall_seconds) == (8.0, 5.0)
    assert result.tier_seconds == (0.0, 3.0, 0.0)


def test_a_timer_under_a_call_can_stop_the_program_too(scripted, machine, one_unit):
    """Interpreted for 1 s, stopped until 6, interpreted until 7; the second call is fast."""

    def answer(view):
        return {"count": stay("scripted", wake=1.0), "timer": compile(1, "scripted")}.get(view.why, stay("scripted"))

    result = Simulation(one_unit(2), machine._replace(background=False), scripted(answer)).run()
    assert (result.total_seconds, result.stall_seconds) == (7.5, 5.0)


def test_a_compile_that_is_still_running_at_the_end_is_counted_up_to_there(scripted, machine, one_unit):
    result = Simulation(one_unit(1), machine, scripted(once(1))).run()
    assert (result.compiles, result.compile_seconds) == (0, 2.0)


def test_a_budget_that_ends_under_a_call_asks_at_that_instant(scripted, machine, one_unit):
    """10 s and 4 backedges: they pass at 2, 4, 6, 8. A compile that begins at 4 serves the second call."""

    def answer(view):
        if view.why == "count":
            return stay("scripted", budget=2) if view.now == 0.0 else compile(1, "scripted")
        return stay("scripted")

    controller = scripted(answer)
    result = Simulation(one_unit(2, backedges=4, work=5.0), machine, controller).run()
    assert controller.asked == [(0.0, "f", "count"), (4.0, "f", "count"), (9.0, "f", "compiled")]
    counted = [(v.invocations, v.backedges, v.seconds) for v in controller.views]
    assert counted == [(1, 0, 0.0), (1, 2, 4.0), (1, 4, 9.0)]
    assert result.total_seconds == 12.5


def test_an_answer_under_a_call_moves_the_next_question(scripted, machine, one_unit):
    """The timer at 3 finds one backedge counted, and a budget of 2 from there ends at the third, at 6."""

    def answer(view):
        if view.now == 0.0:
            return stay("scripted", wake=3.0)
        return stay("scripted", budget=2 if view.now == 3.0 else 1000)

    controller = scripted(answer)
    Simulation(one_unit(1, backedges=4, work=5.0), machine, controller).run()
    assert controller.asked[1:] == [(3.0, "f", "timer"), (6.0, "f", "count")]
    assert [view.backedges for view in controller.views] == [0, 1, 3]


def test_many_questions_can_fall_on_one_picosecond(scripted, machine, one_unit):
    controller = scripted(lambda view: stay("scripted", budget=10))
    result = Simulation(one_unit(1, backedges=100, work=0.0), machine, controller).run()
    assert [view.backedges for view in controller.views] == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert result.total_seconds == 0.0


def test_a_new_answer_cancels_the_old_timer(scripted, machine, one_unit):
    def answer(view):
        return stay("scripted", budget=1, wake=3.0) if view.invocations < 3 else stay("scripted")

    controller = scripted(answer)
    Simulation(one_unit(4), machine, controller).run()
    assert controller.asked == [(0.0, "f", "count"), (2.0, "f", "count"), (4.0, "f", "count")]


def test_a_pinned_unit_is_never_asked_about_again(scripted, machine, one_unit):
    def answer(view):
        return pin("scripted") if view.why == "timer" else compile(1, "scripted", budget=2, wake=1.0)

    controller = scripted(answer)
    Simulation(one_unit(6), machine, controller).run()
    assert controller.asked == [(0.0, "f", "count"), (1.0, "f", "timer")]


def test_a_failed_guard_drops_the_code_and_the_call_runs_below(scripted, machine, one_unit):
    """Ready at 1; the call at 2 stalls until 2.25, is interpreted until 4.25, and nothing is bet any more."""
    controller = scripted(once(2))
    result = Simulation(one_unit(4, guard_failure=1.0), machine, controller).run()
    assert controller.asked == [(0.0, "f", "count"), (1.0, "f", "compiled"), (2.25, "f", "deopt")]
    assert controller.events[1] == Deoptimized(2.25, "f", 2, "guard")
    after = controller.views[2]
    assert (after.tier, after.invocations, after.backedges, after.seconds, after.deopts) == (0, 0, 0, 0.0, 1)
    assert (result.total_seconds, result.stall_seconds, result.deopts) == (8.25, 0.25, 1)


def test_a_failed_guard_falls_back_to_code_without_bets(scripted, machine, one_unit):
    def answer(view):
        if view.why == "deopt":
            return stay("scripted")
        return compile(view.tier + 1, "scripted") if view.tier < 2 else stay("scripted")

    controller = scripted(answer)
    Simulation(one_unit(8, guard_failure=1.0), machine, controller).run()
    assert controller.views[-1].why == "deopt"
    assert controller.views[-1].tier == 1


def test_deoptimizing_takes_effect_at_the_next_entry(scripted, machine, one_unit):
    """Compiled at 5, left again at 6: the calls from 6 on are interpreted as before."""

    def answer(view):
        if view.why == "compiled":
            return stay("scripted", budget=1)
        return compile(1, "scripted") if view.now == 0.0 else deoptimize(0, "scripted")

    result = Simulation(one_unit(5), machine, scripted(answer)).run()
    assert result.total_seconds == 10.0


def test_a_compile_that_fails_is_reported_and_asked_about(scripted, machine, one_unit):
    controller = scripted(once(1))
    result = Simulation(one_unit(6), machine, controller, failing=[("f", "fast")]).run()
    assert controller.events == [CompileFailed(5.0, "f", 1, "this compile was told to fail", 5.0)]
    assert (controller.views[1].why, controller.views[1].failures, controller.views[1].pending) == ("compiled", 1, None)
    assert (result.total_seconds, result.failures, result.compiles) == (12.0, 1, 0)


def three_units():
    units = tuple(Unit(name, 10, {"interpreter": 1.0}) for name in ("a", "b", "c"))
    return Program("three", units, (Group((Call(0), Call(1), Call(2)), 10),))


def test_a_compile_in_the_foreground_stops_whatever_unit_runs(scripted, machine):
    """The timer of `a` rings under the call of `b`, which stands still from 1.5 to 6.5."""

    def answer(view):
        if view.why == "timer":
            return compile(1, "scripted")
        return stay("scripted", wake=1.5 if view.unit == "a" and view.now == 0.0 else None)

    program = three_units()
    once_round = program._replace(groups=(program.groups[0]._replace(times=1),))
    result = Simulation(once_round, machine._replace(background=False), scripted(answer)).run()
    assert (result.total_seconds, result.stall_seconds) == (8.0, 5.0)


def test_of_equal_priorities_the_first_that_asked_is_compiled_first(scripted, machine):
    controller = scripted(once(1))
    result = Simulation(three_units(), machine, controller).run()
    assert [(e.unit, e.now, e.waited) for e in controller.events] == [
        ("a", 5.0, 0.0),
        ("b", 10.0, 4.0),
        ("c", 15.0, 8.0),
    ]
    assert (result.queue_seconds, result.compile_seconds) == (12.0, 15.0)
    assert controller.views[2].queues == (0, 1, 0)


def test_the_highest_priority_is_compiled_first(scripted, machine):
    def answer(view):
        return compile(1, "scripted", priority=ord(view.unit)) if view.why == "count" else stay("scripted")

    controller = scripted(answer)
    Simulation(three_units(), machine, controller).run()
    assert [event.unit for event in controller.events] == ["a", "c", "b"]


def test_two_threads_compile_at_once(scripted, machine):
    controller = scripted(once(1))
    Simulation(three_units(), machine._replace(compiler_threads=2), controller).run()
    assert [(event.unit, event.now) for event in controller.events] == [("a", 5.0), ("b", 6.0), ("c", 10.0)]


def test_the_result_of_a_discarded_compile_is_thrown_away(scripted, machine, one_unit):
    """Asked for fast at 0 and for daring at 2: the thread is free for it only at 5."""

    def answer(view):
        if view.why == "compiled":
            return stay("scripted")
        return compile(1, "scripted", budget=1) if view.now == 0.0 else compile(2, "scripted")

    controller = scripted(answer)
    result = Simulation(one_unit(10), machine, controller).run()
    assert controller.events == [Compiled(6.0, "f", 2, 3.0, 1.0, None)]
    assert (result.compiles, result.compile_seconds) == (1, 6.0)


def test_a_discarded_compile_that_waits_never_begins(scripted, machine):
    """`b` asks for fast at 1 and for daring at 4, while `a` compiles until 5."""

    def answer(view):
        if view.why == "compiled" or view.unit == "c":
            return stay("scripted")
        if view.unit == "a" or view.now == 1.0:
            return compile(1, "scripted", budget=1 if view.unit == "b" else 1000)
        return compile(2, "scripted")

    controller = scripted(answer)
    result = Simulation(three_units(), machine, controller).run()
    assert [(event.unit, event.tier, event.now) for event in controller.events] == [("a", 1, 5.0), ("b", 2, 6.0)]
    assert result.compile_seconds == 6.0
