"""Does betting pay? The same question with one seed, and as a paired study.

Two loops have guards that fail now and then. With one seed a policy may look good or bad by luck. A study runs every
policy with the same luck, seed after seed, and says what the differences come to and how sure that is.
"""

import tiering.experiment
from tiering.trace import Call, Group, Program, Unit

CALLS = (Group((Call(0, 500), Call(1, 200)), 30_000),)
COMPILES = {"baseline": 3e-4, "optimized": 6e-3, "speculative": 6e-3}
POLICIES = {"careful": "always", "betting": "always", "stubborn": "always"}
SETTINGS = {"betting": {"speculate": 1, "retries": 2}, "stubborn": {"speculate": 1, "retries": 1000}}


def loops(chance: float) -> Program:
    """Two loops, the first with a guard that fails with this chance per call."""
    units = (Unit("f", 80, compile_seconds=COMPILES, guard_failure=chance), Unit("g", 40, compile_seconds=COMPILES))
    return Program(f"chance {chance:g}", units, CALLS, "made up")


study = tiering.experiment.study(
    [loops(chance) for chance in (0.0, 1e-5, 1e-4, 1e-3)], POLICIES, settings=SETTINGS, seeds=range(12), bounds=False
)
for effect in study.effects:
    ratio = f"{effect.ratio:.3f} ({effect.ratio_low:.3f} to {effect.ratio_high:.3f})"
    p = "-" if effect.p_holm is None else f"{effect.p_holm:.3f}"
    print(f"{effect.workload:13} {effect.controller}: {ratio}, faster in {effect.wins:2} of 12, p {p}")
for item in study.overall:
    print(f"all           {item.controller}: {item.ratio:.3f} ({item.ratio_low:.3f} to {item.ratio_high:.3f})")
for note in study.notes:
    print(note)
