"""A threshold that a PI loop moves so that compiling takes its share, no more and no less.

Source: textbook velocity form (Astrom and Hagglund, *PID Controllers*, 1995, ch. 3), applied to u = ln(threshold):

    e = measured / setpoint - 1,    u += kp * (e - e_prev) + ki * e * dt,    u clamped to ln(count) -+ ln(span)

Why the logarithm: hotness has a power-law tail, so the compiles admitted go as threshold**-alpha and the loop gain
d ln(admitted) / du = -alpha is the same everywhere: one pair of gains fits. HotSpot's own queue feedback is a
P controller on a linear actuator; it needs a standing queue to have any effect, and with alpha = 0.2 a queue of
31 tasks per unit of feedback to halve the load. An integral term needs no standing error.

Why there is no windup: in velocity form the integrator is u itself. While u rests on a clamp, further error in
that direction is not stored anywhere (conditional integration), so the first error of the other sign moves it.

Choosing parameters. `hold="share"` holds compile seconds per second, failed compiles included; 0.3 keeps one compiler
thread idle enough that tasks wait 0.2 of a service time (M/G/1). `hold="delay"` holds the mean wait in the queue in
seconds; while tasks wait and none ends, the time since the last end stands for it. A closed loop settles in about 1 /
(ki * alpha), here 3 to 5 s; kp above 1/alpha oscillates. `interval` should span several compiles. A compile is
reported when it ends, so a window can hold more seconds than it is long; the error is cut at MOST_ERROR so that one
long compile does not throw the threshold to its end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tiering.protocol import (
    Compiled,
    CompileFailed,
    Decision,
    Event,
    Setup,
    View,
    check_parameters,
    parameter,
)

from .hotness import REASONS, Hotness

MOST_ERROR = 10.0


@dataclass
class Pi:
    """Thresholds under feedback. Raises InputError for a parameter outside its range."""

    hold: str = parameter("share", "", "compile share: both hosts report it", choices=("share", "delay"))
    setpoint: float = parameter(
        0.3, "share, or s", "a compiler thread that is 30 % busy makes tasks wait little", low=1e-6, high=1e6
    )
    kp: float = parameter(0.5, "1", "a sixth of the largest stable gain 1/alpha for alpha = 0.3", low=0, high=100)
    ki: float = parameter(1.0, "1/s", "settles in 1/(ki * alpha), about 3 s", low=0, high=1000)
    interval: float = parameter(0.1, "s", "several baseline compiles, or one optimized one", low=1e-6, high=1e6)
    count: int = parameter(4000, "counts", "where it starts; as in threshold", low=1, high=1e15)
    span: float = parameter(100.0, "ratio", "least and greatest threshold: count / span, count * span", low=1, high=1e6)
    growth: float = parameter(10.0, "ratio", "as in threshold", low=1, high=1e4)
    tick: float = parameter(3e-7, "s", "as in threshold", low=1e-9, high=1)
    dwell: int = parameter(0, "counts", "as in threshold", low=0, high=1e15)
    retries: int = parameter(4, "deopts", "as in threshold", low=0)
    failures: int = parameter(3, "compiles", "as in threshold", low=1)

    reasons = REASONS

    _hotness: Hotness = field(init=False, repr=False, compare=False)
    _u: float = field(init=False, repr=False, compare=False)
    _threshold: float = field(init=False, repr=False, compare=False)
    _error: float = field(init=False, repr=False, compare=False)
    _since: float | None = field(init=False, repr=False, compare=False)
    _compile_seconds: float = field(init=False, repr=False, compare=False)
    _waited: float = field(init=False, repr=False, compare=False)
    _ended: int = field(init=False, repr=False, compare=False)
    _waiting: bool = field(init=False, repr=False, compare=False)
    _stuck_since: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget every unit and put the threshold back to `count`."""
        self._hotness = Hotness(
            setup,
            growth=self.growth,
            tick=self.tick,
            failures=self.failures,
            retries=self.retries,
            dwell=self.dwell,
            moving=True,
        )
        self._u = math.log(self.count)
        self._threshold = math.exp(self._u)
        self._error = 0.0
        self._since = None
        self._waiting = False
        self._stuck_since = 0.0
        self._open_window()

    @property
    def threshold(self) -> float:
        """Counts that tier 1 needs at present."""
        return self._threshold

    def decide(self, view: View) -> Decision:
        """Move the threshold if it is time, then compare."""
        now = view.now
        self._waiting = any(view.queues)
        if not self._waiting:
            self._stuck_since = now
        if self._since is None or not 0.0 <= now - self._since < self.interval:
            self._update(now)
        return self._hotness.decide(view, self._threshold)

    def record(self, event: Event) -> None:
        """Add up compile seconds and waits; move the threshold if it is time."""
        self._hotness.record(event)
        if isinstance(event, Compiled | CompileFailed):
            self._compile_seconds += event.took
            self._ended += 1
            self._waited += event.waited if isinstance(event, Compiled) else 0.0
            self._stuck_since = event.now
        self._update(event.now)

    def _update(self, now: float) -> None:
        if self._since is None or now < self._since:
            self._since = now
        passed = now - self._since
        if passed < self.interval:
            return
        error = min(self._measured(now, passed) / self.setpoint - 1.0, MOST_ERROR)
        u = self._u + self.kp * (error - self._error) + self.ki * error * passed
        middle, reach = math.log(self.count), math.log(self.span)
        self._u = min(max(u, middle - reach), middle + reach)
        self._threshold = math.exp(self._u)
        self._error = error
        self._since = now
        self._open_window()

    def _measured(self, now: float, passed: float) -> float:
        if self.hold == "share":
            return self._compile_seconds / passed
        if self._ended:
            return self._waited / self._ended
        return max(0.0, now - self._stuck_since) if self._waiting else 0.0

    def _open_window(self) -> None:
        self._compile_seconds = 0.0
        self._waited = 0.0
        self._ended = 0
