"""Any other policy, held back from undoing what has just been done: a wrapper with a dead time.

Source: the dead band and the stabilization window of feedback control, see `dwell` for the engines that have one. The
wrapped policy is asked every question and hears every event. Its answer passes unless it would compile a unit whose
code was lost less than the margin ago, or drop code that was made less than the margin ago; then the unit stays, and
is asked about when the margin has passed. Leaving code whose guard has just failed is never held back.

Choosing parameters. `dwell` is the price of being wrong once, in counts: an optimized compile of 0.2 s is 500,000
counts of 0.4 us. With less, code that never pays for itself still lives long enough to be made again. `growth` 2 ends
any oscillation after log2(N / dwell) rounds. `inner` is the name of the policy within, with its usual parameters; from
Python, `Hysteresis(controller=Threshold(count=500))` wraps any object.

Rejected: a ratio of hotness (up at 2x, down at 1x). Counters only rise, so nothing ever falls below a ratio, and
rates would need a window, which is a dead time again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tiering.protocol import Controller, Decision, Event, Setup, View, check_parameters, parameter, stay

from .always import Always
from .bandit import Bandit
from .cost_benefit import CostBenefit
from .dwell import Dwell
from .pi import Pi
from .presets.aggressive import Aggressive
from .presets.conservative import Conservative
from .speculator import Speculator
from .threshold import Threshold

HELD = "held back by hysteresis"

_INNER: dict[str, Callable[[], Any]] = {
    "always": Always,
    "threshold": Threshold,
    "pi": Pi,
    "bandit": Bandit,
    "cost_benefit": CostBenefit,
    "speculator": Speculator,
    "aggressive": Aggressive,
    "conservative": Conservative,
}


@dataclass
class Hysteresis:
    """Wraps `controller`, or a new one named `inner`. Raises InputError for a parameter outside its range."""

    inner: str = parameter("threshold", "", "the rule of nearly every engine", choices=tuple(_INNER))
    dwell: int = parameter(500_000, "counts", "an optimized compile of 0.2 s at 0.4 us per count", low=0, high=1e15)
    growth: float = parameter(2.0, "ratio", "ends an oscillation after log2(N / dwell) rounds", low=1, high=100)
    controller: Controller | None = field(default=None, repr=False, compare=False)

    reasons: tuple[str, ...] = field(default=(HELD,), init=False, repr=False, compare=False)
    _controller: Controller = field(init=False, repr=False, compare=False)
    _dwell: Dwell = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)
        self._controller = self.controller or _INNER[self.inner]()
        self.reasons = (HELD, *self._controller.reasons)

    def start(self, setup: Setup) -> None:
        """Start the policy within and forget every change."""
        self._controller.start(setup)
        self._dwell = Dwell(self.dwell, self.growth)

    def decide(self, view: View) -> Decision:
        """Ask within, and hold back what would undo the last change too soon."""
        self._dwell.see(view)
        answer = self._controller.decide(view)
        direction = _direction(answer, view)
        missing = self._dwell.missing(view, direction) if direction else 0
        return stay(HELD, budget=missing) if missing else answer

    def record(self, event: Event) -> None:
        """Tell the policy within."""
        self._controller.record(event)


def _direction(answer: Decision, view: View) -> int:
    """1 for a compile upwards, -1 for dropping code, 0 for what needs no margin."""
    if view.why in ("dequeue", "evict"):
        return 0
    if answer.action == "compile":
        return 1 if answer.tier is not None and answer.tier > view.tier else 0
    return -1 if answer.action in ("deoptimize", "evict") and view.why != "deopt" else 0
