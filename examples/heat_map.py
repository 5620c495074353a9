"""Where each philosophy wins: bets on everything, or no bets, over type entropy and call-graph stability.

One function with a site of many types and a call that does not always go to the same place. Speculative code dispatches
on the four most frequent types (an inline cache) and inlines the usual callee; another type or another callee leaves by
a side exit, and the interpreter makes that call: D seconds lost. A bet that saves s seconds per call pays iff it fails
with p < s / D.

Types follow a geometric law over sixteen types, which gives 0 bits where one has it all. Each cell is the time of
`aggressive` divided by that of `conservative`, on the same machine and the same calls: below 1 bets win. Beside each
row stand the entropy at which the two are measured to be equal, and the one at which p = s / D. The last line asks
the same of a policy that applies the condition to each bet by itself.
"""

import math
from itertools import pairwise

from tiering.profile import Codegen, Machine, Profile, TierCosts
from tiering.registry import controller
from tiering.sim import Simulation
from tiering.speculation import CALL_GRAPH_STABILITY, TYPE_ENTROPY, entropy
from tiering.trace import Call, Group, Program, Site, Speculation, Unit

TYPES, WAYS = 16, 4
CALL, SIDE_EXIT, SAVED_BY_INLINING, GAIN = 10e-6, 20e-6, 2e-6, 0.4
SPEED, CALLS = 8.0, 8_000
BITS = [0.25 * step for step in range(13)]
STABILITIES = [1.0, 0.99, 0.98, 0.97, 0.95, 0.9, 0.75, 0.5]

MACHINE = Profile(
    (
        TierCosts("interpreter", 1.0),
        TierCosts("baseline", SPEED / 2, 0.0002),
        TierCosts("optimized", SPEED, 0.0005),
        TierCosts("speculative", SPEED, 0.0005, speculative=True),
    ),
    deopt_seconds=SIDE_EXIT,
    machine=Machine(guard_failure="keep"),
    codegen=Codegen(call_seconds=SAVED_BY_INLINING),
)


def bisect(reaches, low, high):
    """Where a condition that holds from some place on begins to hold."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def missed(bits):
    """The share of calls whose type is not among the four most frequent, at this entropy."""

    def law(ratio):
        return [ratio**n for n in range(TYPES)]

    shares = law(bisect(lambda ratio: entropy(law(ratio)) >= bits, 0.0, 1.0)) if bits else [1.0]
    return sum(shares[WAYS:]) / sum(shares)


def program(bits, stability):
    """The function, its callee and their calls."""
    features = {TYPE_ENTROPY: bits, CALL_GRAPH_STABILITY: stability, "inlinable_size": 10.0, "inlinable_calls": 1.0}
    bets = (Speculation("types", GAIN, 0.0, missed(bits)),)
    seconds = {"optimized": CALL, "speculative": CALL}
    caller = Unit("caller", 100, seconds, speculations=bets, sites=(Site("callee", 1.0, stability),), features=features)
    return Program("one site", (caller, Unit("callee", 10)), (Group((Call(0, 100),), CALLS),))


def seconds(name, bits, stability):
    """Simulated seconds of the program under this policy."""
    return Simulation(program(bits, stability), MACHINE, controller(name), seed=1).run().total_seconds


def condition(stability):
    """The entropy at which p = s / D for both bets together."""
    saved = GAIN * CALL + (SAVED_BY_INLINING if stability < 1.0 else 0.0)  # what is stable anybody inlines
    lost = SIDE_EXIT + SPEED * CALL - (CALL - saved)

    def fails(bits):
        return 1.0 - (1.0 - missed(bits)) * stability

    return bisect(lambda bits: fails(bits) >= saved / lost, 0.0, math.log2(TYPES))


def crossing(ratios):
    """The entropy at which the measured ratio passes 1, between the cells."""
    for n, (before, after) in enumerate(pairwise(ratios)):
        if before < 1.0 <= after:
            return f"{BITS[n] + (BITS[n + 1] - BITS[n]) * (1.0 - before) / (after - before):.2f}"
    return "all" if ratios[-1] < 1.0 else "none"


print("stable   " + "".join(f"{bits:5.2f}" for bits in BITS) + "  bits   measured  p = s/D")
worst = 1.0
for stability in STABILITIES:
    bold = [seconds("aggressive", bits, stability) for bits in BITS]
    wary = [seconds("conservative", bits, stability) for bits in BITS]
    wise = [seconds("speculator", bits, stability) for bits in BITS]
    ratios = [one / other for one, other in zip(bold, wary, strict=True)]
    worst = max(worst, *(time / min(pair) for time, *pair in zip(wise, bold, wary, strict=True)))
    where = condition(stability)
    foretold = "none" if where < 1e-9 else f"{where:.2f}"
    print(
        f"{stability:6.2f}   " + "".join(f"{ratio:5.2f}" for ratio in ratios) + f"{crossing(ratios):>16}{foretold:>9}"
    )
print(f"speculator: at most {worst:.2f} times the better of the two, in any cell")
