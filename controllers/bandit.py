"""A threshold found by trial: discounted UCB over a geometric grid.

Source: A. Garivier and E. Moulines, *On Upper-Confidence Bound Policies for Non-Stationary Bandit Problems*, arXiv
0805.3415 (2008), section 2. With discount g, after each epoch every arm's weight and sum of rewards is multiplied by
g, and the arm played next is the one with the greatest

    mean + 2 * sqrt(explore * ln(total weight) / weight)        (rewards within one unit: B = 1)

An arm that was never played, or so long ago that nothing of it is left, comes first. Ties go to the lowest arm;
arms are numbered from the middle of the grid outwards, so a run starts at `count` itself.

The reward of an epoch is minus the share of it that was lost: (seconds in tier 0 * (1 - 1/S) + compile seconds) /
length, cut at -1, where S is the speed of the best tier. Both hosts can observe it. Peak speed is not in it: it would
have to be known beforehand what a call should cost.

Delay of credit. A compile asked for in one epoch may end in the next, and time in tier 0 is seen when its unit is
next asked about. Units that lose time are therefore asked again after an epoch; what still arrives late goes to the
arm in force then, which blurs neighbours and favours neither, as long as an epoch is longer than a compile and its
wait.

Choosing parameters. `epoch` >= the longest usual compile. Arms a factor `ratio` apart: the cost curve is flat within
a factor of 8, so finer grids only cost trials. `discount` d forgets after 1/(1-d) epochs: the paper's 1 - sqrt(m/n)/4
for m changes in n epochs; 0.98 suits one change in 150. `explore`: the theorem wants more than 1/2, which for shares
that differ by a few percent is nearly round-robin; 0.01 is usual practice for such rewards.

Limits. The first epochs of a run lose most whatever the arm, since everything is cold. That is a state, not a reward,
and no bandit knows it: use this for programs of many epochs and changing phases.
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

_FORGOTTEN = 1e-3
_LEAST_SHARE = 0.01


@dataclass
class Bandit:
    """Learns which threshold loses least. Raises InputError for a parameter outside its range."""

    count: int = parameter(4000, "counts", "the middle arm; as in threshold", low=1, high=1e12)
    arms: int = parameter(5, "arms", "two either side of the middle: a factor of 64 down and up", low=1, high=32)
    ratio: float = parameter(8.0, "ratio", "the cost curve is flat within a factor of 8", low=1.01, high=1000)
    epoch: float = parameter(0.5, "s", "longer than a usual optimized compile and its wait", low=1e-6, high=1e6)
    discount: float = parameter(0.98, "1", "forgets after 50 epochs", low=0.01, high=1)
    explore: float = parameter(0.01, "1", "for rewards that differ by a few percent", low=0, high=100)
    growth: float = parameter(10.0, "ratio", "as in threshold", low=1, high=1e4)
    tick: float = parameter(3e-7, "s", "as in threshold", low=1e-9, high=1)
    dwell: int = parameter(0, "counts", "as in threshold", low=0, high=1e15)
    retries: int = parameter(4, "deopts", "as in threshold", low=0)
    failures: int = parameter(3, "compiles", "as in threshold", low=1)

    reasons = REASONS

    _hotness: Hotness = field(init=False, repr=False, compare=False)
    _lost_share: float = field(init=False, repr=False, compare=False)
    _weights: list[float] = field(init=False, repr=False, compare=False)
    _rewards: list[float] = field(init=False, repr=False, compare=False)
    _arm: int = field(init=False, repr=False, compare=False)
    _threshold: float = field(init=False, repr=False, compare=False)
    _since: float | None = field(init=False, repr=False, compare=False)
    _lost: float = field(init=False, repr=False, compare=False)
    _much: float = field(init=False, repr=False, compare=False)
    _seen: dict[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget every unit and every reward; the middle arm is played first."""
        self._hotness = Hotness(
            setup,
            growth=self.growth,
            tick=self.tick,
            failures=self.failures,
            retries=self.retries,
            dwell=self.dwell,
            moving=True,
        )
        self._lost_share = max(0.0, 1.0 - 1.0 / max(tier.speed for tier in setup.tiers))
        self._weights = [0.0] * self.arms
        self._rewards = [0.0] * self.arms
        self._play(0)
        self._since = None
        self._lost = 0.0
        self._much = _LEAST_SHARE * self.epoch
        self._seen = {}

    @property
    def threshold(self) -> float:
        """Counts that tier 1 needs at present: 1, 1/ratio, ratio, 1/ratio**2 ... times `count`, by arm."""
        return self._threshold

    def decide(self, view: View) -> Decision:
        """Account for the unit's time in tier 0, change arms if the epoch is over, then compare."""
        lost = self._account(view)
        self._turn(view.now)
        decision = self._hotness.decide(view, self._threshold)
        if lost > self._much and view.tier == 0 and decision.action == "stay" and decision.wake is None:
            return decision._replace(wake=self.epoch)
        return decision

    def record(self, event: Event) -> None:
        """Account for compile seconds; change arms if the epoch is over."""
        self._hotness.record(event)
        if isinstance(event, Compiled | CompileFailed):
            self._lost += event.took
        self._turn(event.now)

    def _account(self, view: View) -> float:
        seconds = view.seconds
        if seconds is None:
            seconds = self._hotness.counts(view) * self.tick if view.tier == 0 else 0.0
        before = self._seen.get(view.unit, 0.0)
        if seconds == before:
            return 0.0
        self._seen[view.unit] = seconds
        lost = (seconds - before if seconds > before else seconds) * self._lost_share
        self._lost += lost
        return lost

    def _play(self, arm: int) -> None:
        self._arm = arm
        steps = (arm + 1) // 2
        self._threshold = max(1.0, self.count * self.ratio ** (-steps if arm % 2 else steps))

    def _turn(self, now: float) -> None:
        if self._since is None or now < self._since:
            self._since = now
        length = now - self._since
        if length < self.epoch:
            return
        self._weights = [weight * self.discount for weight in self._weights]
        self._rewards = [reward * self.discount for reward in self._rewards]
        self._weights[self._arm] += 1.0
        self._rewards[self._arm] -= min(1.0, self._lost / length)
        self._play(self._best())
        self._since = now
        self._lost = 0.0

    def _best(self) -> int:
        total = math.log(max(1.0, sum(self._weights)))
        best, best_index = 0, -math.inf
        for arm, (weight, reward) in enumerate(zip(self._weights, self._rewards, strict=True)):
            if weight < _FORGOTTEN:
                return arm
            index = reward / weight + 2.0 * math.sqrt(self.explore * total / weight)
            if index > best_index:
                best, best_index = arm, index
        return best
