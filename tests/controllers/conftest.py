"""Views and hosts for hand-worked cases: everything that a case does not mention has its plainest value."""

from __future__ import annotations

import pytest

from tiering.protocol import Setup, Tier, View

LADDER = (
    Tier("interpreter", 1.0),
    Tier("baseline", 10.0, 0.005),
    Tier("optimized", 40.0, 0.1),
    Tier("speculative", 80.0, 0.1, speculative=True),
)


@pytest.fixture
def view():
    def make(**known):
        plainest = {
            "now": 0.0,
            "why": "count",
            "unit": "f",
            "size": 100,
            "tier": 0,
            "pending": None,
            "invocations": 1,
            "backedges": 0,
            "seconds": 0.0,
            "deopts": 0,
            "failures": 0,
            "queues": (0, 0, 0, 0),
        }
        return View(**{**plainest, **known})

    return make


@pytest.fixture
def started():
    def start(controller, tiers=LADDER, **facts):
        controller.start(Setup(tiers, 1, 0, **facts))
        return controller

    return start
