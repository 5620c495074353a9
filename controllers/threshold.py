"""A fixed count per tier: the rule of nearly every engine.

Sources: HotSpot `compilationPolicy` (Tier3CompileThreshold 2000, Tier4CompileThreshold 15000), PyPy (1039 per loop),
CPython's JIT (4096 per trace), and JavaScriptCore `CodeBlock.cpp` for the doubling after a deoptimization.

Choosing parameters. Waiting until the time spent in tier 0 equals the break-even C * S / (S-1) is at most 2 - 1/S
times worse than knowing the future (ski rental with a residual rent; Lotker, Patt-Shamir and Rawitz, STACS 2008).
Where most code is cold and some is very hot, less is better: for a Pareto tail of exponent alpha the best threshold
is alpha times break-even, and tails measured on CPython's benchmarks have alpha of 0.2 to 0.3. With a baseline
compile of 5 ms and 0.3 us per count, break-even is 16,000 counts and a quarter of it 4000, the default of `count`.
The next compile costs about ten times as much: `growth`. Within a factor of 8 around the best value the cost is flat,
so tune in powers of two. `dwell` matters where the code cache is too small for what is hot; 500,000 counts are an
optimized compile.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tiering.protocol import Decision, Event, Setup, View, check_parameters, parameter

from .hotness import REASONS, Hotness


@dataclass
class Threshold:
    """Climbs one tier each time a count is reached. Raises InputError for a parameter outside its range."""

    count: int = parameter(
        4000, "counts", "a quarter of break-even for a 5 ms compile at 0.3 us per count", low=1, high=1e15
    )
    growth: float = parameter(
        10.0, "ratio", "each tier costs about ten times the compile time of the one below", low=1, high=1e4
    )
    tick: float = parameter(
        3e-7, "s", "one interpreted loop iteration; used where a host sees no backedges", low=1e-9, high=1
    )
    dwell: int = parameter(
        0, "counts", "wait after an eviction, doubled while it recurs; 0: the counters were not reset", low=0, high=1e15
    )
    retries: int = parameter(4, "deopts", "HotSpot gives up after 4 traps (PerBytecodeTrapLimit)", low=0)
    failures: int = parameter(3, "compiles", "one per tier of the usual ladder, then pin", low=1)

    reasons = REASONS

    _hotness: Hotness = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_parameters(self)

    def start(self, setup: Setup) -> None:
        """Forget every unit."""
        self._hotness = Hotness(
            setup,
            growth=self.growth,
            tick=self.tick,
            failures=self.failures,
            retries=self.retries,
            dwell=self.dwell,
        )

    def decide(self, view: View) -> Decision:
        """Compare hotness with the next tier's threshold."""
        return self._hotness.decide(view, self.count)

    def record(self, event: Event) -> None:
        """Remember which compiles failed."""
        self._hotness.record(event)
