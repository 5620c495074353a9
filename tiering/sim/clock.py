"""SimPy's environment with a clock that is known to be whole picoseconds.

SimPy adds delays to its time and never divides it, so a clock that starts at the integer 0 and gets integer delays
stays an integer. Its annotations allow floats; this class is where that possibility ends.
"""

from __future__ import annotations

import simpy


class Environment(simpy.Environment):
    """A SimPy environment in which only integer delays are used."""

    @property
    def picoseconds(self) -> int:
        """Time since the start."""
        return int(self.now)
