"""Two loops, hot in turns, in a code cache with room for one; and the same policies with hysteresis around them.

A rule that looks at hotness alone compiles whatever is hot now and drives out what will be hot next. On one core each
compile is time that the program loses. Held back after each loss for twice as long as before, one loop keeps its code
and the other stays interpreted: half the work is fast, and next to nothing is compiled. A policy that weighs compile
time against gain finds code for both loops that fits, and needs no hysteresis.
"""

import json

from tiering import profile, registry
from tiering.registry import controller
from tiering.sim import Simulation
from tiering.trace_parser import Parser

WAYS = {
    "always": ("always", {}),
    "always, held back": ("hysteresis", {"inner": "always"}),
    "threshold": ("threshold", {}),
    "threshold, held back": ("hysteresis", {"inner": "threshold"}),
    "threshold, dwell": ("threshold", {"dwell": 500_000}),
    "cost_benefit": ("cost_benefit", {}),
}

workload = registry.WORKLOADS.load("thrashing")
program = Parser("thrashing").parse("".join(json.dumps(line) + "\n" for line in workload.lines("small")))
reference = profile.reference()
machine = reference._replace(machine=reference.machine._replace(**workload.machine))
for way, (name, settings) in WAYS.items():
    result = Simulation(program, machine, controller(name, settings)).run()
    compiling = result.compile_seconds / result.total_seconds
    print(f"{way:21} {result.total_seconds:6.2f} s, {result.compiles:3} compiles, {compiling:4.0%} of it compiling")
