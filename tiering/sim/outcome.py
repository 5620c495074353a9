"""What a simulation tells: to its controller at the start, and to whoever reads its result."""

from __future__ import annotations

from typing import NamedTuple

from tiering.profile import Profile
from tiering.protocol import Setup, Tier, UnitFuture
from tiering.sim import source
from tiering.sim.costs import Costs
from tiering.trace import Program

OBSERVES = ("invocations", "backedges", "seconds", "deopts", "failures", "queues")
"""The fields of a View that may be unknown elsewhere and are known here."""


class Result(NamedTuple):
    """What a run came to. Seconds are simulated, on the clock on the wall unless said otherwise.

    `stall_seconds` is the program's threads standing still: loading code, deoptimizing, replacing loops, waiting for a
    compile that is not in the background. `compiles` are those whose code was installed, `failures` those without
    code. `compile_seconds` is the processor time of all compiler threads, discarded results included; `queue_seconds`
    the waiting of all tasks that were begun. `tier_seconds` is the program's processor time in each tier, all threads
    together. `code_bytes` is all code made and `code_peak_bytes` the most that was there at once, where sizes are
    known. Of the `deopts`, `lazy_deopts` came from a dependency. `dropped` compiles found the queue full or grew stale.
    """

    total_seconds: float
    stall_seconds: float
    compiles: int
    failures: int
    deopts: int
    decisions: int
    compile_seconds: float
    queue_seconds: float
    calls: int
    tier_seconds: tuple[float, ...]
    code_bytes: int
    code_peak_bytes: int = 0
    lazy_deopts: int = 0
    evictions: int = 0
    dropped: int = 0
    osr_entries: int = 0
    failed_compile_seconds: float = 0.0


class Ledger(NamedTuple):
    """Processor time of the program's threads until now in whole picoseconds.

    `total` is `stalled` and all of `tiers` together; `wall` is the time that has passed, in which threads run side by
    side and share cores.
    """

    total: int
    stalled: int
    tiers: tuple[int, ...]
    wall: int = 0


def futures(program: Program, profile: Profile, seed: int = 0) -> tuple[UnitFuture, ...]:
    """What a clairvoyant controller is told; see `tiering.sim.source.futures`. Raises InputError as `Costs` does."""
    return source.futures(program, Costs(program, profile, seed), seed)


def setup(
    program: Program, profile: Profile, *, seed: int = 0, future: bool = False, costs: Costs | None = None
) -> Setup:
    """What a controller is told at the start of a simulation. `future` is for oracles."""
    tiers = tuple(
        Tier(
            tier.name,
            tier.speed / (1.0 + tier.profiling),
            tier.compile_seconds,
            tier.compile_seconds_per_size,
            tier.speculative,
            tier.osr,
        )
        for tier in profile.tiers
    )
    machine, codegen = profile.machine, profile.codegen
    known = costs or Costs(program, profile, seed)
    return Setup(
        tiers,
        sum(pool.threads for pool in profile.pools()),
        seed,
        osr=any(tier.osr for tier in profile.tiers),
        bets=any(unit.speculations for unit in program.units),
        evict=machine.code_capacity_bytes is not None,
        observes=OBSERVES,
        future=source.futures(program, known, seed) if future else None,
        keeps=machine.guard_failure == "keep",
        costs=(
            ("deopt_seconds", profile.deopt_seconds),
            ("backedge_seconds", profile.backedge_seconds),
            ("osr_seconds", machine.osr_seconds),
            ("registers", codegen.registers),
            ("spill_seconds", codegen.spill_seconds),
            ("spill_reduction", codegen.spill_reduction),
            ("light_compile", codegen.light_compile),
            ("call_seconds", codegen.call_seconds),
        ),
    )
