"""Never compile: the interpreter alone, the bound that every other policy has to beat.

It has no parameters. What it shows is the price of doing nothing; on programs shorter than a compile it is optimal.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiering import protocol
from tiering.protocol import Decision, Event, Setup, View

NEVER = "never compiles"


@dataclass
class Never:
    """Stays where it is, and is asked once per unit."""

    reasons = (NEVER,)

    def start(self, setup: Setup) -> None:
        """Nothing to learn."""

    def decide(self, view: View) -> Decision:
        """Stay, for ever."""
        return protocol.stay(NEVER)

    def record(self, event: Event) -> None:
        """Nothing to learn."""
