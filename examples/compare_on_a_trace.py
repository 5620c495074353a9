"""Compare controllers on a trace that was written by hand: a long start-up, then one hot loop.

`parse` is called often enough to look hot and is soon of no use any more; `solve` runs for the rest of the program. A
controller that compiles `parse` to the top keeps the only compiler thread busy while `solve` waits. No call of `report`
is worth a compile.
"""

from pathlib import Path

import tiering

TRACE = Path(__file__).with_name("two_phases.jsonl")

for row in tiering.compare(TRACE, ["never", "always", "threshold", "cost_benefit"]):
    regret = f"regret {row.regret:+8.1%}"
    print(f"{row.controller:13} {row.kind:7} {row.total_seconds:7.3f} s  {regret}  {row.compiles} compiles")
