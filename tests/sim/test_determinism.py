"""Two processes that hash strings differently write the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import sys
from tiering import trace
from tiering.log import DecisionLog
from tiering.profile import reference
from tiering.protocol import compile, stay
from tiering.sim import Simulation, setup


class Climbing:
    reasons = ("up", "wait")

    def start(self, setup):
        self.top = len(setup.tiers) - 1

    def decide(self, view):
        if view.tier < self.top and view.pending is None and view.invocations > 2:
            return compile(view.tier + 1, "up", priority=len(view.queues), budget=50, wake=0.01)
        return stay("wait", budget=20_000, wake=0.003)

    def record(self, event):
        pass


names = ["alpha", "beta", "gamma", "delta", "epsilon"]
units = tuple(trace.Unit(name, 20 + i, guard_failure=0.05) for i, name in enumerate(names))
calls = tuple(trace.Call(i, 10_000 * i) for i in range(len(names)))
program = trace.Program("five", units, (trace.Group(calls, 2000),))
log = DecisionLog("simulation", "climbing", {}, setup(program, reference(), seed=5))
print(Simulation(program, reference(), Climbing(), seed=5, log=log).run())
log.write(sys.stdout)
"""


def log_of(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_order_of_hashes_changes_nothing():
    first = log_of("1")
    assert first.count("Compiled") > 15
    assert first.count("Deoptimized") > 5
    assert first == log_of("2")
