"""Bursts of new code, as when a server gets a new kind of request, against a fixed and a moving threshold.

Each burst brings twenty functions that become lukewarm together. A fixed threshold lets all of them through at once:
the compiler never rests, and what is worth compiling waits behind what is not. The PI controller holds either the
share of time that goes into compiling or the wait in the queue, by raising its threshold while there is too much.

Regret is not shown: the bound has as many compiler threads as it likes, so it is far below what one thread can reach.
"""

import tiering
from tiering.trace import Call, Group, Program, Unit

BURSTS, NEW, ROUNDS, BETWEEN = 20, 20, 300, 50_000


def bursts() -> Program:
    """One loop that is always there, and every now and then twenty functions that nobody has seen before."""
    units = [Unit("server loop", 60)]
    groups = []
    for burst in range(BURSTS):
        fresh = range(len(units), len(units) + NEW)
        units += [Unit(f"request {burst}.{number}", 200) for number in range(NEW)]
        groups.append(Group((*(Call(unit, 60) for unit in fresh), Call(0, 400)), ROUNDS))
        groups.append(Group((Call(0, 400),), BETWEEN))
    return Program("bursts", tuple(units), tuple(groups), "made up")


WAYS = {
    "threshold": ("threshold", {}),
    "pi, share 0.3": ("pi", {}),
    "pi, wait 10 ms": ("pi", {"hold": "delay", "setpoint": 0.01, "interval": 0.02}),
}
for way, (name, settings) in WAYS.items():
    row = tiering.simulate(bursts(), name, settings=settings)
    share = f"{row.compile_seconds / row.total_seconds:4.0%} compiling"
    print(f"{way:15} {row.total_seconds:.2f} s, {share}, mean wait {row.queue_seconds / row.compiles:.2f} s")
