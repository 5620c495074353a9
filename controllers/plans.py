"""How to compile, once it is decided that: which register allocator, and how much to inline.

Both are bought with compile time and paid back by use, so both need a guess at the uses to come. The guess is the one
of Jikes RVM (M. Arnold et al., OOPSLA 2000): as many again as there have been, times `again`.

Registers. The heavy allocator is worth its time iff

    uses * spill seconds * reduction * (pressure - registers) > extra compile seconds

where a use is one count, invocation or backedge, because spills are paid in every iteration. The pressure is an
estimate that sharpens with profiling; where it does not exceed the registers the light allocator makes the same code
sooner.

Inlining. All callees are taken or none, for a View shows only their sum: calls * calls inlined per call * seconds per
call against the compile seconds of that many more bytecodes. In a speculative tier a site that does not always
call the same function is guarded, so there the bet has to be good as well, p < s/D (see `bets`): one failure in
1 / (1 - stability) calls. After a deoptimization nothing of the kind is inlined again.

Whoever states no costs (`Setup.costs`) or shows no feature gets the plain plan, which is the heavy allocator and no
inlining. Rejected: choosing light at first and heavy later. In a tier without bets a unit cannot be compiled twice.
"""

from __future__ import annotations

from tiering.protocol import PLAIN, Plan, Setup, View, cost


class Plans:
    """Makes plans from a host's costs and a unit's features.

    `again` is the future in multiples of the past. With `careful` False sites are inlined whether or not they are
    stable enough to bet on.
    """

    def __init__(self, setup: Setup, again: float = 1.0, *, careful: bool = True) -> None:
        self._tiers = setup.tiers
        self._again = again
        self._careful = careful
        self._spill = cost(setup, "spill_seconds", 0.0) * cost(setup, "spill_reduction", 1.0)
        self._registers = cost(setup, "registers", 0.0)
        self._light = cost(setup, "light_compile", 1.0)
        self._call = cost(setup, "call_seconds", 0.0)
        self._deopt = cost(setup, "deopt_seconds", 0.0)
        self._plain = self._light >= 1.0 and not self._call

    def plan(self, view: View, tier: int, bets: tuple[int, ...] = (), again: float | None = None) -> Plan:
        """The plan for this unit and tier with these bets; `again` stands for this policy's where it is given."""
        if self._plain or not view.features:
            return Plan(bets) if bets else PLAIN
        features = dict(view.features)
        future = self._again if again is None else again
        light = self._light_suffices(view, tier, features, future)
        return Plan(bets, "light" if light else "heavy", self._inlining(view, tier, features, future))

    def _light_suffices(self, view: View, tier: int, features: dict[str, float], future: float) -> bool:
        pressure = features.get("register_pressure")
        if pressure is None or self._light >= 1.0:
            return False
        spilled = self._spill * max(0.0, pressure - self._registers)
        if spilled <= 0.0:
            return True
        uses = future * max(1, view.invocations + (view.backedges or 0))
        return uses * spilled <= self._tiers[tier].compile_seconds(view.size) * (1.0 - self._light)

    def _inlining(self, view: View, tier: int, features: dict[str, float], future: float) -> int:
        size, calls = features.get("inlinable_size", 0.0), features.get("inlinable_calls", 0.0)
        saved = calls * self._call
        extra = self._tiers[tier].compile_cost_per_size * size
        if size <= 0.0 or saved <= 0.0 or future * max(1, view.invocations) * saved <= extra:
            return 0
        unstable = 1.0 - features.get("call_graph_stability", 1.0)
        if unstable > 0.0 and self._careful and self._tiers[tier].speculative:
            loss = self._deopt + self._tiers[tier].compile_seconds(view.size) + extra
            if view.deopts or min(1.0, calls * unstable) * loss >= saved:
                return 0
        return int(size) + 1
