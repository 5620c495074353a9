"""The simulator: a program's calls, a machine's costs and one controller, on SimPy's clock.

It is a host like the live one and holds no policy: it brings a clock and a compiler, and the manager asks. It is a
loop that can be paused, `advance` and `answer`; to simulate, to compare, or to serve as an environment for a learner
are a few lines over these two. Only this package imports SimPy.

    sim = Simulation(program, profile, controller)
    result = sim.run()
"""

from __future__ import annotations

from tiering.sim.outcome import OBSERVES, Ledger, Result, futures, setup
from tiering.sim.simulation import Simulation

__all__ = ["OBSERVES", "Ledger", "Result", "Simulation", "futures", "setup"]
