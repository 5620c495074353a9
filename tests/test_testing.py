"""The conformance suite keeps good controllers and catches bad ones, each by the law that it breaks."""

from __future__ import annotations

import datetime
import functools
import os
import random
import resource
import sys
import textwrap
import threading
import time
from time import perf_counter

import numpy as np
import pytest

from tiering import protocol
from tiering.errors import InputError
from tiering.laws import taped_walk
from tiering.log import DecisionLog
from tiering.manager import OVERRAN
from tiering.protocol import Deoptimized, Setup, Tier, View
from tiering.registry import CONTROLLERS
from tiering.testing import LawBroken, check_controller

WAIT = "waits"


class Waiting:
    """Lawful: stays, and counts its questions. The broken ones below differ from it in one thing each."""

    reasons = (WAIT,)

    def start(self, setup):
        self.setup = setup
        self.questions = 0

    def decide(self, view):
        self.questions += 1
        return protocol.stay(WAIT, budget=1000 + self.questions)

    def record(self, event):
        pass


class ReadsAClock(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1 + int(time.monotonic()))


class ReadsAClockKeptByName(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1000 + int(perf_counter()))


class ReadsTheDate(Waiting):
    def start(self, setup):
        super().start(setup)
        self.born = datetime.datetime.now()


class DrawsFromTheGlobalGenerator(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=random.randint(1000, 2000))


class DrawsFromNumpysGlobalGenerator(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1000 + int(np.random.randint(1000)))


class DrawsFromTheSystem(Waiting):
    def record(self, event):
        self.noise = os.urandom(4)


class OpensAFile(Waiting):
    def decide(self, view):
        with open(os.devnull):
            return super().decide(view)


class HidesThatItReadsAClock(Waiting):
    def decide(self, view):
        try:
            time.time()
        except Exception:  # noqa: BLE001 - that is what is tested
            return protocol.stay(WAIT)
        return protocol.stay(WAIT)


class StartsAThread(Waiting):
    def start(self, setup):
        super().start(setup)
        threading.Thread(target=int).start()


class KeepsEverything(Waiting):
    def start(self, setup):
        super().start(setup)
        self.seen = []

    def record(self, event):
        self.seen.append(event)

    def decide(self, view):
        self.seen.append(view.now)
        return super().decide(view)


class KeepsEverythingInItsClass(Waiting):
    seen = []

    def decide(self, view):
        self.seen.append(view.now)
        return super().decide(view)


SEEN = []


class KeepsEverythingInItsModule(Waiting):
    def decide(self, view):
        SEEN.append(view.now)
        return super().decide(view)


class AsksHowMuchTimeItUsed(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1000 + int(resource.getrusage(resource.RUSAGE_SELF).ru_utime))


class AsksTheSystemForTimes(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1000 + int(os.times().elapsed))


class ReadsAClockByNumber(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1000 + int(time.clock_gettime(time.CLOCK_MONOTONIC)))


class AimsTooHigh(Waiting):
    def decide(self, view):
        return protocol.compile(len(self.setup.tiers), WAIT)


class CompilesDownwards(Waiting):
    def decide(self, view):
        return protocol.compile(1, WAIT)


class InventsReasons(Waiting):
    def decide(self, view):
        return protocol.stay(f"waits at {view.now}")


class ListsNoReasons(Waiting):
    reasons = ()


class AsksAtEveryCount(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1)


class AsksAtEveryCountOfOneSize(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1) if view.size == 101 else super().decide(view)


class AsksAtEveryCountOfAShortLadder(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1) if len(self.setup.tiers) == 2 else super().decide(view)


class WakesTooOften(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, wake=1e-4)


class Remembers(Waiting):
    questions = 0

    def start(self, setup):
        self.setup = setup


class NeedsBackedges(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1000 + view.backedges)


class AnswersNothing(Waiting):
    def decide(self, view):
        return None


class TakesItsBetsEverywhere(Waiting):
    """Takes every bet that is offered into the lowest tier that can still be compiled to."""

    def decide(self, view):
        if view.tier + 1 == len(self.setup.tiers):
            return protocol.stay(WAIT)
        plan = protocol.Plan(bets=tuple(bet.id for bet in view.bets))
        return protocol.compile(view.tier + 1, WAIT, plan=plan)


class NeedsPressure(Waiting):
    def decide(self, view):
        return protocol.stay(WAIT, budget=1000 + int(dict(view.features)["register_pressure"]))


class DividesByTheCapacity(Waiting):
    def decide(self, view):
        if view.code_used_bytes is not None:
            return protocol.stay(WAIT, budget=1000 + int(view.code_used_bytes / view.code_capacity_bytes))
        return super().decide(view)


class CompilesToTheTop(Waiting):
    def decide(self, view):
        top = len(self.setup.tiers) - 1
        return protocol.compile(top, WAIT) if view.tier < top else protocol.stay(WAIT)


class FallsOverEvictions(CompilesToTheTop):
    def record(self, event):
        assert not isinstance(event, protocol.Evicted)


class FallsOverDroppedCompiles(CompilesToTheTop):
    def record(self, event):
        assert not isinstance(event, protocol.Dropped)


class ThinksThatFailingCodeIsGone(Waiting):
    """Compiles at once to the highest tier; after a deopt to the tier below it, as if the code were dropped."""

    def decide(self, view):
        top = len(self.setup.tiers) - 1
        if view.why == "deopt" and top > 1:
            return protocol.compile(top - 1, WAIT)
        return protocol.compile(top, WAIT) if view.tier < top else protocol.stay(WAIT)


class SeedsItself(Waiting):
    def start(self, setup):
        super().start(setup)
        self.draw = random.Random()

    def decide(self, view):
        return protocol.stay(WAIT, budget=self.draw.randint(1000, 10**9))


class SharesBetweenObjects(Waiting):
    shared = [0]

    def decide(self, view):
        self.shared[0] += 1
        return protocol.stay(WAIT, budget=1000 + self.shared[0])


def test_a_lawful_controller_passes_and_the_report_says_what_was_checked():
    report = check_controller(Waiting, hosts=("simulator",))
    assert {"sealed", "replay", "fresh", "total, legal", "quiet", "named reasons", "bounded", "simulator"} <= set(
        report.checked
    )
    assert "kept         sealed" in str(report)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        ("sealed", ReadsAClock),
        ("sealed", ReadsAClockKeptByName),
        ("sealed", ReadsTheDate),
        ("sealed", DrawsFromTheGlobalGenerator),
        ("sealed", DrawsFromNumpysGlobalGenerator),
        ("sealed", DrawsFromTheSystem),
        ("sealed", OpensAFile),
        ("sealed", HidesThatItReadsAClock),
        ("sealed", StartsAThread),
        ("sealed", AsksHowMuchTimeItUsed),
        ("sealed", AsksTheSystemForTimes),
        ("sealed", ReadsAClockByNumber),
        ("bounded", KeepsEverything),
        ("bounded", KeepsEverythingInItsClass),
        ("bounded", KeepsEverythingInItsModule),
        ("legal", AimsTooHigh),
        ("legal", CompilesDownwards),
        ("legal", AnswersNothing),
        ("named reasons", InventsReasons),
        ("named reasons", ListsNoReasons),
        ("quiet", AsksAtEveryCount),
        ("quiet", AsksAtEveryCountOfOneSize),
        ("quiet", AsksAtEveryCountOfAShortLadder),
        ("quiet", WakesTooOften),
        ("fresh", Remembers),
        ("total", NeedsBackedges),
        ("total", NeedsPressure),
        ("total", DividesByTheCapacity),
        ("total", FallsOverEvictions),
        ("total", FallsOverDroppedCompiles),
        ("legal", TakesItsBetsEverywhere),
        ("legal", ThinksThatFailingCodeIsGone),
        ("replay", SeedsItself),
        ("replay", SharesBetweenObjects),
    ],
)
def test_a_bad_controller_is_caught_by_the_law_that_it_breaks(law, broken):
    with pytest.raises(LawBroken) as caught:
        check_controller(broken, hosts=())
    assert caught.value.law == law, str(caught.value)
    assert isinstance(caught.value, AssertionError)


def test_an_answer_that_depends_on_the_order_of_a_set_is_caught_in_another_process(tmp_path, monkeypatch):
    source = """
        from tiering import protocol

        class ByHash:
            reasons = ("waits",)

            def start(self, setup):
                self.names = set()

            def decide(self, view):
                self.names.add(view.unit)
                return protocol.stay("waits", budget=1000 + list(self.names).index(view.unit))

            def record(self, event):
                pass
    """
    (tmp_path / "by_hash.py").write_text(textwrap.dedent(source), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import by_hash

    try:
        with pytest.raises(LawBroken, match="another process") as caught:
            check_controller(by_hash.ByHash, hosts=())
    finally:
        del sys.modules["by_hash"]
    assert caught.value.law == "replay"


def test_a_clock_that_a_package_further_up_keeps_by_name_is_caught(tmp_path, monkeypatch):
    source = """
        from tiering import protocol
        from outer.policies import clock

        class ReadsAClockNextDoor:
            reasons = ("waits",)

            def start(self, setup):
                pass

            def decide(self, view):
                return protocol.stay("waits", budget=1000 + int(clock.read()))

            def record(self, event):
                pass
    """
    folder = tmp_path / "outer" / "policies" / "presets"
    folder.mkdir(parents=True)
    (folder / "one.py").write_text(textwrap.dedent(source), encoding="utf-8")
    (folder.parent / "clock.py").write_text("from time import monotonic as read\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    from outer.policies.presets.one import ReadsAClockNextDoor

    try:
        with pytest.raises(LawBroken) as caught:
            check_controller(ReadsAClockNextDoor, hosts=())
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "outer"]:
            del sys.modules[name]
    assert caught.value.law == "sealed"


def test_the_report_says_what_could_not_be_checked_and_why():
    def make():
        return Waiting()

    report = check_controller(make, hosts=())
    assert report.skipped == (
        ("replay in another process", "needs a class or function that can be imported by its name"),
    )
    assert "not checked  replay in another process: needs" in str(report)


def test_a_factory_with_parameters_is_welcome():
    make = functools.partial(CONTROLLERS.load("threshold"), count=77)
    assert "replay" in check_controller(make, hosts=()).checked


def test_an_unknown_host_is_refused():
    with pytest.raises(ValueError, match="there is simulator, live"):
        check_controller(Waiting, hosts=("moon",))


class Everything(Waiting):
    """Compiles wherever it can and writes down what it was shown and told."""

    shown, told = [], []

    def decide(self, view):
        self.shown.append((self.setup, view))
        if view.why in ("dequeue", "evict") or view.pending is not None or view.tier + 1 == len(self.setup.tiers):
            return protocol.stay(WAIT, budget=50)
        return protocol.compile(len(self.setup.tiers) - 1, WAIT, budget=50)

    def record(self, event):
        self.told.append((self.setup, event))


def test_the_walks_show_everything_that_a_host_can_show():
    for seed in range(60):
        taped_walk(Everything, seed)
    questions = {view.why for _, view in Everything.shown}
    assert questions == {"count", "timer", "sample", "compiled", "deopt", "dequeue", "evict"}
    assert {type(event).__name__ for _, event in Everything.told} == {
        "Compiled", "CompileFailed", "Deoptimized", "Dropped", "Evicted", "Sampled"
    }  # fmt: skip
    assert any(bet.failures and bet.observed is not None for _, view in Everything.shown for bet in view.bets)
    assert {name for _, view in Everything.shown for name, _ in view.features} >= {"register_pressure", "type_entropy"}
    assert {view.code_capacity_bytes is None for setup, view in Everything.shown if setup.evict} == {True, False}
    failed = [(setup, view) for setup, view in Everything.shown if view.why == "deopt"]
    assert any(setup.tiers[view.tier].speculative for setup, view in failed if setup.keeps)
    whys = {(event.why, event.bet is None) for _, event in Everything.told if isinstance(event, Deoptimized)}
    assert whys == {("guard", True), ("guard", False), ("dependency", True)}


def live_log(*decisions):
    """What a live host would have written: one question, answered in these ways."""
    setup = Setup((Tier("interpreter", 1.0), Tier("optimized", 9.0)), 1, 0)
    written = DecisionLog("live", "Waiting", {}, setup)
    view = View(0.0, "count", "f", 10, 0, None, 1, None, 0.0, 0, 0, (0, 0))
    for decision in decisions:
        written.decision(view, decision)
    return written


@pytest.mark.parametrize(
    ("law", "answer"),
    [
        ("legal", protocol.compile(2, WAIT)),
        ("legal", protocol.stay("illegal decision")),
        ("replay", protocol.stay(WAIT, budget=5)),
    ],
)
def test_what_a_live_run_recorded_is_judged_too(monkeypatch, law, answer):
    monkeypatch.setattr("tiering.live.trial", lambda make: live_log(answer), raising=False)
    with pytest.raises(LawBroken, match="live") as caught:
        check_controller(Waiting, hosts=("live",))
    assert caught.value.law == law


def test_an_answer_that_a_slow_machine_replaced_is_excused(monkeypatch):
    monkeypatch.setattr("tiering.live.trial", lambda make: live_log(protocol.stay(OVERRAN)), raising=False)
    assert "live" in check_controller(Waiting, hosts=("live",)).checked


def test_a_machine_without_a_live_host_is_told_of_in_the_report(monkeypatch):
    def refuse(make):
        raise InputError("no live trial here")

    monkeypatch.setattr("tiering.live.trial", refuse, raising=False)
    assert ("live", "no live trial here") in check_controller(Waiting, hosts=("live",)).skipped


def test_the_world_is_as_before_when_a_check_has_ended():
    before = time.time, time.perf_counter, random.random, os.urandom, datetime.datetime, perf_counter
    with pytest.raises(LawBroken):
        check_controller(ReadsAClock, hosts=())
    assert before == (time.time, time.perf_counter, random.random, os.urandom, datetime.datetime, perf_counter)
    assert random.random() < 1.0 < time.time()
