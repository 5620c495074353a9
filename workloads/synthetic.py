"""Made-up programs, one for each thing that a tiering policy can get wrong, each with one knob.

Real kernels show whether a policy is worth its trouble; these show why not. A generator returns the lines of a trace as
plain values, as they would stand in a file (see `docs/traces.md`), and whoever runs them reads them like a file. So a
synthetic workload can be written out, looked at and changed by hand. Costs are left to the machine: a unit states its
size, its loops and its bets, never seconds, and runs on any machine profile.

`machine` names the settings on which a workload shows what it is for; on others it is only a program. Everything here
is fixed: which calls are drawn and which guards fail is the simulator's, from its seed.

Rejected: drawing sizes and loop counts at random. A table that can be recomputed in the head is easier to reason about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Line = dict[str, Any]

_SIZES = (20, 45, 80, 120, 200, 350, 600)
_LOOPS = (0, 3, 10, 30, 100)


@dataclass(frozen=True)
class Synthetic:
    """A generator and three settings of it.

    name: the name in the table of workloads.
    summary: one line.
    knob: the parameter of the generator that makes its phenomenon stronger or weaker.
    sizes: "small", "medium" and "large" -> arguments of the generator.
    generate: arguments -> the lines that follow the header of a trace.
    machine: fields of a machine profile's `machine` on which the workload shows what it is for.
    functions: none; real workloads have some.
    """

    name: str
    summary: str
    knob: str
    sizes: Mapping[str, Mapping[str, int]]
    generate: Callable[..., list[Line]]
    machine: Mapping[str, Any] = field(default_factory=dict)
    functions: tuple[Callable[..., Any], ...] = ()

    def lines(self, size: str, **changed: int) -> list[Line]:
        """The trace at this size, header first; `changed` arguments (the knob, say) replace those of the size."""
        head = {"format": "tiering-trace", "version": 1, "name": self.name, "source": f"synthetic, size {size}"}
        return [head, *self.generate(**{**self.sizes[size], **changed})]


def thrashing_lines(rounds: int, calls: int) -> list[Line]:
    """Two equal loops that are hot in turns, `calls` calls of 1000 iterations each; the cache has room for one.

    The knob is `calls`: short turns make it a mistake to compile at each of them, long ones pay for it.
    """
    units = [{"unit": name, "size": 100} for name in ("ping", "pong")]
    turns = [[name, 1000] for name in ("ping", "pong") for _ in range(calls)]
    return [*units, {"times": rounds, "calls": turns}]


def zipf_lines(units: int, calls: int) -> list[Line]:
    """`calls` calls drawn one by one over `units` units, the n-th with weight 1/n: Zipf's law. The knob is `units`."""
    made: list[Line] = [{"unit": f"u{n}", "size": _SIZES[n % len(_SIZES)]} for n in range(units)]
    entries = [[f"u{n}", _LOOPS[n % len(_LOOPS)]] for n in range(units)]
    return [*made, {"times": calls, "draw": entries, "weights": [1.0 / (n + 1) for n in range(units)]}]


def deopt_storm_lines(units: int, calls: int, turn: int) -> list[Line]:
    """`units` loops whose bets hold for `turn` calls each, then fail in every third call for as long, then hold again.

    A second bet of each unit always holds, so giving up all bets gives something away. The knob is `turn`.
    """
    phases = [[number * turn, 0.0 if number % 2 == 0 else 0.3] for number in range(max(1, min(1000, calls // turn)))]
    bets = [
        {"kind": "types", "gain": 0.3, "guard_cost": 0.01, "failures": phases},
        {"kind": "bounds", "gain": 0.1, "guard_cost": 0.01, "failures": 0.0},
    ]
    made: list[Line] = [
        {"unit": f"loop{n}", "size": _SIZES[n % len(_SIZES)], "speculations": bets} for n in range(units)
    ]
    return [*made, {"times": calls, "calls": [[f"loop{n}", 200] for n in range(units)]}]


def phases_lines(phases: int, units: int, calls: int) -> list[Line]:
    """`phases` sets of `units` units, hot one set after the other, round twice; one library unit is hot in all of them.

    The knob is `phases`: one is a steady program, many never let a policy come to rest.
    """
    made: list[Line] = [{"unit": "library", "size": 60}]
    groups: list[Line] = []
    for phase in range(phases):
        names = [f"phase{phase}.{n}" for n in range(units)]
        made += [{"unit": name, "size": _SIZES[n % len(_SIZES)]} for n, name in enumerate(names)]
        pattern = [["library", 20], *([name, _LOOPS[n % len(_LOOPS)]] for n, name in enumerate(names))]
        groups.append({"times": calls, "calls": pattern})
    return [*made, *groups, *groups]


THRASHING = Synthetic(
    name="thrashing",
    summary="two loops, hot in turns, in a code cache with room for one",
    knob="calls",
    sizes={
        "small": {"rounds": 100, "calls": 400},
        "medium": {"rounds": 1000, "calls": 400},
        "large": {"rounds": 10_000, "calls": 400},
    },
    generate=thrashing_lines,
    machine={"cores": 1, "code_capacity_bytes": 10_000, "eviction": "lru"},
)
ZIPF = Synthetic(
    name="zipf",
    summary="10,000 units called independently, by Zipf's law",
    knob="units",
    sizes={
        "small": {"units": 10_000, "calls": 100_000},
        "medium": {"units": 10_000, "calls": 10_000_000},
        "large": {"units": 10_000, "calls": 1_000_000_000},
    },
    generate=zipf_lines,
)
DEOPT_STORM = Synthetic(
    name="deopt_storm",
    summary="bets that hold, then fail, then hold again",
    knob="turn",
    sizes={
        "small": {"units": 4, "calls": 3_000_000, "turn": 500_000},
        "medium": {"units": 8, "calls": 10_000_000, "turn": 1_000_000},
        "large": {"units": 8, "calls": 100_000_000, "turn": 1_000_000},
    },
    generate=deopt_storm_lines,
)
PHASES = Synthetic(
    name="phases",
    summary="one set of hot units after the other, around twice",
    knob="phases",
    sizes={
        "small": {"phases": 4, "units": 10, "calls": 5000},
        "medium": {"phases": 8, "units": 20, "calls": 50_000},
        "large": {"phases": 8, "units": 40, "calls": 500_000},
    },
    generate=phases_lines,
)
