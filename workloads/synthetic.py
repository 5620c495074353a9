"""Made-up programs, one for each thing that a tiering policy can get wrong, each with one knob.

Real kernels show whether a policy is worth its trouble; these show why not. A generator (`workloads.generators`) takes
measured parameters where there are any and says so where there are none; all of them are in `docs/synthetic.md`.
`machine` names the settings on which a workload shows what it is for; on others it is only a program.

Each can be fitted to a recorded program, whose twin it then makes: alike in its one phenomenon and in nothing else, so
that a policy can be tried on a hundred programs like the one that was recorded, and the knob turned from there.
Rejected: one generator with all phenomena at once. Many of its fits to one recording would be equally good, and a
policy that does badly on it has no reason.
"""

from __future__ import annotations

from typing import Any

from .generator import Arguments, Synthetic
from .generators import (
    bursts,
    compile_spread,
    deopt_storm,
    hotness_tail,
    markov_phases,
    megamorphic,
    phases,
    thrashing,
    zipf,
)

THRASHING = thrashing.WORKLOAD
ZIPF = zipf.WORKLOAD
DEOPT_STORM = deopt_storm.WORKLOAD
PHASES = phases.WORKLOAD
HOTNESS_TAIL = hotness_tail.WORKLOAD
BURSTS = bursts.WORKLOAD
MARKOV_PHASES = markov_phases.WORKLOAD
MEGAMORPHIC = megamorphic.WORKLOAD
COMPILE_SPREAD = compile_spread.WORKLOAD

GENERATORS: dict[str, Synthetic] = {
    made.name: made
    for made in (
        THRASHING,
        ZIPF,
        DEOPT_STORM,
        PHASES,
        HOTNESS_TAIL,
        BURSTS,
        MARKOV_PHASES,
        MEGAMORPHIC,
        COMPILE_SPREAD,
    )
}


def fit(program: Any) -> dict[str, Arguments]:
    """Every generator whose phenomenon a program shows -> the arguments that make its twin.

    `program` is a `tiering.trace.Program`, or anything with its fields. `GENERATORS[name].lines(**found[name])` are
    the lines of the twin.
    """
    found = {name: made.fit(program) for name, made in GENERATORS.items()}
    return {name: arguments for name, arguments in found.items() if arguments is not None}
