"""Write a controller, hold it to the laws, compare it.

Steps needs ten times as many counts for each tier as for the one below. What is said about its parameter (unit, range,
why this default) is what `tiering list` shows and `--set` obeys once a controller is registered under a name. It passes
over nothing in silence: every answer has its reason, and every reason is in the list.
"""

from dataclasses import dataclass
from pathlib import Path

import tiering
from tiering.protocol import check_parameters
from tiering.testing import check_controller


@dataclass
class Steps:
    """Climbs one tier at a time, each step ten times as far as the last."""

    first: int = tiering.parameter(5000, "counts", "about the time that a baseline compile takes", low=1)

    reasons = ("not yet", "due", "compile pending", "at the top")

    def __post_init__(self):
        check_parameters(self)

    def start(self, setup):
        """The top is the highest tier that makes no bets."""
        self.top = max(number for number, tier in enumerate(setup.tiers) if not tier.speculative)
        self.failed = set()

    def decide(self, view):
        """Compile when enough was counted; until then say how many counts are missing."""
        if view.tier >= self.top or (view.unit, view.tier + 1) in self.failed:
            return tiering.stay("at the top")
        if view.pending is not None:
            return tiering.stay("compile pending", budget=10_000)
        missing = self.first * 10**view.tier - view.invocations - (view.backedges or 0)
        if missing > 0:
            return tiering.stay("not yet", budget=missing)
        return tiering.compile(view.tier + 1, "due", budget=10_000)

    def record(self, event):
        """Never ask again for what could not be compiled."""
        if isinstance(event, tiering.CompileFailed):
            self.failed.add((event.unit, event.tier))


if __name__ == "__main__":
    print(check_controller(Steps, hosts=("simulator",)))
    print()
    for row in tiering.compare(Path(__file__).with_name("two_phases.jsonl"), [Steps, "threshold"]):
        print(f"{row.controller:10} {row.total_seconds:.3f} s  {row.decisions} decisions")
    try:
        Steps(first=0)
    except tiering.InputError as error:
        print(f"\n{error}")
