"""Several threads in one unit: what they count together, and when."""

from __future__ import annotations

import pytest

from tiering.profile import Profile, TierCosts
from tiering.protocol import FOREVER, compile, deoptimize, stay
from tiering.sim import Simulation
from tiering.trace import Call, Group, Program, Unit

MACHINE = Profile((TierCosts("interpreter", 1.0), TierCosts("fast", 2.0)))
F = Unit("f", 1, {"interpreter": 110e-12, "fast": 110e-12})


def asked_at(scripted, budget, threads, jump):
    """Picoseconds at which the second question comes; each thread makes one call of 110 ps with 10 backedges."""
    program = Program("together", (F,), tuple(Group((Call(0, 10),), 1, thread) for thread in range(threads)))
    budgets = iter([budget])
    controller = scripted(lambda view: stay("scripted", budget=next(budgets, FOREVER)))
    Simulation(program, MACHINE, controller, jump=jump).run()
    second = controller.views[1]
    return round(second.now * 1e12), second.invocations + second.backedges


@pytest.mark.parametrize("jump", [True, False])
@pytest.mark.parametrize(
    ("budget", "threads", "instant"), [(6, 1, 60), (6, 2, 30), (14, 2, 70), (7, 2, 30), (20, 2, 100), (8, 3, 20)]
)
def test_a_budget_that_threads_spend_together_is_spent_when_their_counts_add_up_to_it(
    scripted, budget, threads, instant, jump
):
    """A backedge every 10 ps in each thread; the first question takes the first invocation, so the budget of 6 is
    spent by one more invocation and five backedges of two threads: at 30 ps, when six have been passed."""
    when, counts = asked_at(scripted, budget, threads, jump)
    assert when == instant
    assert counts >= budget + 1


def test_dropping_a_recompile_leaves_the_code_that_it_was_to_replace(scripted):
    """A speculative tier is asked for again and then left: from then on calls are interpreted."""
    tiers = (TierCosts("interpreter", 1.0), TierCosts("daring", 10.0, compile_seconds=5.0, speculative=True))
    unit = Unit("f", 1, {"interpreter": 10.0, "daring": 1.0})
    answers = iter(
        [
            lambda: compile(1, "scripted"),
            lambda: compile(1, "scripted", wake=2.5),
            lambda: deoptimize(0, "scripted"),
        ]
    )
    controller = scripted(lambda view: next(answers, lambda: stay("scripted"))())
    program = Program("left", (unit,), (Group((Call(0),), 30),))
    simulation = Simulation(program, Profile(tiers, background=False), controller)
    result = simulation.run()
    views = [(view.why, view.tier) for view in controller.views]
    assert views[:3] == [("count", 0), ("compiled", 1), ("timer", 1)]
    assert result.tier_seconds == (300.0, 0.0)
