"""Controllers over real functions: who asks them and when, what they hear of, and what happens if they misbehave."""

from __future__ import annotations

import gc
import random
import re
import threading
import time

import pytest

import tiering
from tiering import log, protocol, registry
from tiering.live.runtime import RUNTIME
from tiering.live.unit import FIRST_SAMPLES

from .support import call_until, eventually

pytestmark = pytest.mark.usefixtures("warm")


class Scripted:
    """Answers by a function of the view, and remembers everything."""

    reasons = ("up", "down", "wait")

    def __init__(self, answer):
        self.answer = answer
        self.views = []
        self.threads = []
        self.events = []
        self.starts = 0

    def start(self, setup):
        self.starts += 1
        self.setup = setup

    def decide(self, view):
        self.views.append(view)
        self.threads.append(threading.current_thread().name)
        return self.answer(view)

    def record(self, event):
        self.events.append(event)


def wait(view=None, **options):
    return protocol.stay("wait", **options)


def climbing(view, **options):
    return protocol.compile(1, "up", **options) if view.tier == 0 and view.pending is None else wait(**options)


def made(controller, **options):
    @tiering.jit(interpret="always", controller=controller, **options)
    def plus_one(x):
        return x + 1

    return plus_one


def kinds(controller):
    return [type(event).__name__ for event in controller.events]


def test_the_first_decision_is_taken_on_the_caller_s_thread_and_all_others_on_the_manager_s():
    controller = Scripted(lambda view: wait(budget=1))
    function = made(controller)
    call_until(lambda: function(1), lambda: len(controller.views) > 5)
    assert controller.threads[0] == threading.current_thread().name
    assert set(controller.threads[1:]) == {"tiering-manager"}
    assert controller.views[0].invocations == 0


def test_a_unit_is_asked_about_when_its_budget_is_spent_and_not_before():
    controller = Scripted(lambda view: wait(budget=50))
    function = made(controller)
    for _ in range(49):
        function(1)
    assert len(controller.views) == 1
    function(1)
    eventually(lambda: len(controller.views) == 2)
    assert (controller.views[1].why, controller.views[1].invocations) == ("count", 50)


def test_a_wake_asks_without_any_call():
    controller = Scripted(lambda view: wait(wake=0.01))
    made(controller)(1)
    eventually(lambda: len(controller.views) >= 3)
    assert {view.why for view in controller.views[1:]} == {"timer"}


def test_a_wake_beyond_all_clocks_does_no_harm():
    far = Scripted(lambda view: wait(wake=1e300))
    made(far)(1)
    near = Scripted(lambda view: wait(wake=0.01))
    made(near)(1)
    eventually(lambda: len(near.views) >= 2)
    assert len(far.views) == 1


def test_the_first_compiled_calls_are_sampled_and_later_ones_are_not():
    controller = Scripted(climbing)
    function = made(controller)
    assert set(call_until(lambda: function(1), lambda: kinds(controller).count("Sampled") == FIRST_SAMPLES)) == {2}
    function(1)
    assert kinds(controller) == ["Compiled", *["Sampled"] * FIRST_SAMPLES]
    compiled, sampled = controller.events[:2]
    assert (compiled.tier, sampled.tier, sampled.calls) == (1, 1, 1)
    assert compiled.took > 0
    assert compiled.bytes > 0
    assert sampled.seconds > 0


def test_a_wake_in_the_compiled_tier_brings_another_sample():
    controller = Scripted(lambda view: climbing(view, wake=0.01))
    function = made(controller)
    results = call_until(lambda: function(1), lambda: kinds(controller).count("Sampled") > FIRST_SAMPLES + 1)
    assert set(results) == {2}
    assert controller.views[-1].why == "sample"
    assert kinds(controller).count("Compiled") == 1


def test_deoptimizing_goes_back_to_the_interpreter_and_compiling_again_reuses_the_code():
    controller = Scripted(climbing)
    function = made(controller)
    call_until(lambda: function(1), lambda: kinds(controller).count("Sampled") == FIRST_SAMPLES)
    before = function.tiering.calls
    controller.answer = lambda view: protocol.deoptimize(0, "down", budget=20) if view.tier else wait(budget=20)
    function.enter.__self__.group.runtime.post("counted", *function.enter.__self__.units.values())
    eventually(lambda: function.tiering.tier == "interpreter")
    assert function(1) == 2
    assert function.tiering.calls == before + 1
    controller.answer = climbing
    results = call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")
    assert set(results) == {2}
    eventually(lambda: kinds(controller).count("Sampled") == FIRST_SAMPLES + 1)
    assert controller.events[-2].took == 0.0
    assert len(function.overloads) == 1


def raising(view):
    raise RuntimeError("no idea")


def asleep(view):
    time.sleep(0.4)
    return wait(budget=1)


FAULTS = [
    (raising, r"controller raised \(RuntimeError\('no idea'\)\)"),
    (lambda view: "compile, please", "decide returned str"),
    (lambda view: protocol.compile(7, "up"), "tier 7 was asked for"),
    (lambda view: protocol.stay("because"), "reason 'because' is not in the controller's reasons"),
    (lambda view: wait(budget=0), "budget 0"),
    (lambda view: protocol.evict("down"), "cannot drop code"),
    (asleep, "overran deadline"),
]


@pytest.mark.parametrize(("answer", "named"), FAULTS)
def test_a_controller_at_fault_is_named_once_and_replaced_by_staying(answer, named, caplog):
    controller = Scripted(answer)
    function, other = made(controller), made(controller)
    assert [function(1), function(1), function(1.5), other(1)] == [2, 2, 2.5, 2]
    eventually(lambda: len(controller.views) >= 3)
    eventually(lambda: all(unit.reason for unit in (*function.tiering.units, *other.tiering.units)))
    assert function.tiering.tier == "interpreter"
    (message,) = caplog.messages
    assert message.startswith("Scripted: ")
    assert caplog.records[0].levelname == "WARNING"
    assert re.search(named, message)


def test_a_controller_that_fails_to_hear_events_is_named_once(caplog):
    controller = Scripted(lambda view: climbing(view, wake=0.01))
    controller.record = raising
    function = made(controller)
    assert set(call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")) == {2}
    eventually(lambda: [message for message in caplog.messages if "controller raised" in message])
    for _ in range(50):
        function(1)
    assert len(caplog.messages) == 1


def test_a_controller_that_hangs_holds_up_nobody():
    release = threading.Event()

    def hanging(view):
        if threading.current_thread().name == "tiering-manager":
            release.wait(2.0)
        return wait(budget=1)

    controller = Scripted(hanging)
    function = made(controller)
    assert function(1) == 2
    eventually(lambda: len(controller.views) == 2)
    assert [function(k) for k in range(1000)] == list(range(1, 1001))

    @tiering.jit
    def required(x):
        return x - 1

    assert required(1) == 0
    assert required.tiering.units[0].where == "in a worker process"
    assert len(controller.views) == 2
    release.set()


def test_a_controller_may_call_the_function_that_it_decides_about():
    results = []

    def calling(view):
        results.append(function(5))
        return climbing(view, budget=3)

    function = made(Scripted(calling))
    assert set(call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")) == {2}
    assert set(results) == {6}


def test_a_controller_object_that_two_functions_are_given_serves_both():
    inside = []
    entered = []

    def counting(view):
        inside.append(view)
        entered.append(len(inside))
        time.sleep(0.001)
        inside.pop()
        return wait(budget=1)

    controller = Scripted(counting)
    functions = [made(controller), made(controller)]

    def calling(function):
        call_until(lambda: function(1), lambda: len(entered) > 60)

    threads = [threading.Thread(target=calling, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert controller.starts == 1
    assert set(entered) == {1}
    assert len({view.unit for view in controller.views}) == 2


def test_another_process_wide_controller_takes_over_units_that_are_running():
    tiering.configure(controller="never")
    functions = [made(None) for _ in range(3)]
    own = made("never")
    stop = threading.Event()
    results = set()

    def calling():
        while not stop.is_set():
            results.update(function(1) for function in functions)

    thread = threading.Thread(target=calling)
    thread.start()
    eventually(lambda: all(function.tiering.calls > 10 for function in functions))
    assert {function.tiering.tier for function in functions} == {"interpreter"}
    tiering.configure(controller="always")
    eventually(lambda: all(function.tiering.tier == "optimized" for function in functions))
    stop.set()
    thread.join()
    assert results == {2}
    assert own(1) == 2
    assert {unit.controller for function in functions for unit in function.tiering} == {"Always"}
    assert own.tiering.units[0].controller == "Never"


def test_a_pinned_unit_is_free_again_under_another_controller():
    tiering.configure(controller=Scripted(lambda view: protocol.pin("wait")))
    function = made(None)
    function(1)
    tiering.configure(controller="always")
    call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")


def test_eight_threads_under_a_controller_that_moves_at_random():
    dice = random.Random(4)

    def moving(view):
        if view.tier and dice.random() < 0.5:
            return protocol.deoptimize(0, "down", budget=5, wake=0.002)
        if not view.tier and view.pending is None and dice.random() < 0.7:
            return protocol.compile(1, "up", budget=5, wake=0.002)
        return wait(budget=5, wake=0.002)

    controller = Scripted(moving)
    functions = [made(controller), made(controller, nogil=True)]
    wrong = []
    enough = threading.Event()

    def calling(k):
        i = 0
        while not enough.is_set():
            i += 1
            for function in functions:
                if function(i + k) != i + k + 1 or function(0.5) != 1.5:
                    wrong.append((k, i))

    threads = [threading.Thread(target=calling, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: min(map(kinds(controller).count, ("Compiled", "Sampled"))) >= 40, "forty moves up")
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert all(len(function.overloads) <= 2 for function in functions)


def test_many_threads_may_need_the_same_code_at_once():
    @tiering.jit
    def shared(x):
        return x * 2

    barrier = threading.Barrier(16)
    results = []

    def calling():
        barrier.wait()
        results.append(shared(21))

    threads = [threading.Thread(target=calling) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [42] * 16
    assert len(shared.overloads) == 1


@pytest.mark.parametrize("name", ["always", "threshold", "pi", "bandit", "cost_benefit"])
def test_the_log_written_at_shutdown_is_read_and_replayed_without_a_mismatch(name, program, tmp_path):
    source = f"""
        import numpy as np
        import tiering

        tiering.configure(controller={name!r})
        tiering.configure(log="run.log")

        @tiering.jit(interpret="always")
        def summed(a):
            total = 0.0
            for i in range(len(a)):
                total += a[i]
            return total

        a = np.ones(2000)
        for _ in range(100000):
            assert summed(a) == 2000.0
            if summed.tiering.tier == "optimized":
                break
        assert summed(a) == 2000.0
    """
    assert program(source).err == ""
    header, records = log.read(tmp_path / "run.log")
    controller = registry.controller(name)
    assert (header.host, header.controller) == ("live", type(controller).__name__)
    assert {type(record).__name__ for record in records} >= {"Decided", "Compiled"}
    assert not list(log.replay(header, records, controller))


def test_a_controller_that_configures_the_process_is_refused_and_replaced(caplog):
    class Meddling:
        reasons = ("never mind",)

        def start(self, setup):
            pass

        def decide(self, view):
            tiering.configure(controller="never")
            return tiering.stay("never mind")

        def record(self, event):
            pass

    meddling = Meddling()
    tiering.configure(controller=meddling)
    try:
        function = tiering.jit(interpret="always")(lambda x: x + 1)
        assert [function(1), function(2.5)] == [2, 3.5]
        assert set(function.tiering.reasons) == {"controller raised"}
        assert "call it from the program" in caplog.text
    finally:
        tiering.configure(controller="cost_benefit")


class Hung:
    """Takes its time over every question but the first."""

    reasons = ("at last",)

    def __init__(self):
        self.let_go = threading.Event()
        self.asked = threading.Event()

    def start(self, setup):
        pass

    def decide(self, view):
        if view.invocations:
            self.asked.set()
            self.let_go.wait(30)
        return tiering.stay("at last", budget=1)

    def record(self, event):
        pass


@pytest.fixture
def hung():
    controller = Hung()
    tiering.configure(controller=controller)
    yield controller
    controller.let_go.set()
    tiering.configure(controller="cost_benefit")


def keep_it_busy(controller):
    function = tiering.jit(interpret="always")(lambda x: x + 1)
    call_until(lambda: function(1), controller.asked.is_set)


def test_a_hung_controller_can_be_replaced(hung):
    keep_it_busy(hung)
    tiering.configure(controller="always")
    assert not hung.let_go.is_set()
    hung.let_go.set()
    function = tiering.jit(interpret="always")(lambda x: x + 2)
    call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")


def test_after_a_shutdown_with_a_hung_controller_a_new_manager_serves_new_functions(hung):
    keep_it_busy(hung)
    tiering.shutdown()
    function = tiering.jit(interpret="always", controller="threshold")(lambda x: x + 3)
    hung.let_go.set()
    call_until(lambda: function(1), lambda: function.tiering.tier == "optimized")


def test_names_of_units_stay_apart_whatever_controllers_come_and_go():
    def make():
        return tiering.jit(interpret="always")(lambda x: x * 5)

    functions = [make(), make()]
    for function in functions:
        function(1)
    tiering.configure(controller="never")
    functions += [make(), make()]
    for function in functions:
        function(1)
    tiering.configure(controller="always")
    assert len({function.tiering.units[0].unit for function in functions}) == 4

    def call_all():
        return [function(1) for function in functions]

    call_until(call_all, lambda: {function.tiering.tier for function in functions} == {"optimized"})


def test_functions_that_are_gone_leave_nothing_with_the_manager():
    tiering.configure(controller="never")
    manager = RUNTIME.group.manager
    gc.collect()
    before = len(manager.units)
    for _ in range(50):
        tiering.jit(interpret="always")(lambda x: x * 7)(1)
    gc.collect()
    assert len(manager.units) <= before + 1


def test_an_optimized_unit_with_two_omitted_defaults_is_not_asked_about_on_every_call():
    """Numba looks such arguments up anew at every call and comes to us each time."""
    controller = Scripted(climbing)
    function = tiering.jit(interpret="always", controller=controller)(lambda x, a=2.0, b=1.0: x * a + b)
    call_until(lambda: function(1.0), lambda: kinds(controller).count("Sampled") == FIRST_SAMPLES)
    asked = len(controller.views)
    for _ in range(200):
        assert function(1.0) == 3.0
    assert len(controller.views) <= asked + 1
