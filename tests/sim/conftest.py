"""A controller that answers with a function, and a machine on which everything can be worked out by hand."""

from __future__ import annotations

import pytest

from tiering.profile import Profile, TierCosts
from tiering.trace import Call, Group, Program, Unit


class Scripted:
    """Answers every question with `answer(view)` and remembers what it was asked and told."""

    reasons = ("scripted",)

    def __init__(self, answer):
        self.answer = answer

    def start(self, setup):
        self.setup = setup
        self.views = []
        self.events = []

    def decide(self, view):
        self.views.append(view)
        return self.answer(view)

    def record(self, event):
        self.events.append(event)

    @property
    def asked(self):
        return [(view.now, view.unit, view.why) for view in self.views]


@pytest.fixture
def scripted():
    return Scripted


@pytest.fixture
def machine():
    """Compiles take 5 s (fast) and 1 s (daring, speculative); a failed guard costs a quarter of a second."""
    tiers = (
        TierCosts("interpreter", 1.0),
        TierCosts("fast", 4.0, compile_seconds=5.0, code_bytes_per_size=10.0),
        TierCosts("daring", 4.0, compile_seconds=1.0, speculative=True),
    )
    return Profile(tiers, deopt_seconds=0.25)


@pytest.fixture
def one_unit():
    """`f` takes 2 s interpreted and half a second compiled."""

    def make(times, *, backedges=0, work=1.0, **facts):
        unit = Unit("f", 30, {"interpreter": 2.0, "fast": 0.5, "daring": 0.5}, **facts)
        return Program("by hand", (unit,), (Group((Call(0, backedges, work),), times),))

    return make
