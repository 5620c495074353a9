"""Whole programs: what a tiering policy meets when kernels are put to use.

A kernel shows what a bet is worth; a program shows whether there was time for it. The programs stand in three lengths
under plain `numba.njit`: those where compiling costs more than it saves, those where the order of compiling matters,
and those that run long enough for every bet. Each is made around one thing that real programs do and that policies
tuned on steady loops get wrong; its module's header says which.

The table is static, so listing the names imports nothing.
"""

from __future__ import annotations

import difflib
import importlib

from ..program import WholeProgram

PROGRAMS: dict[str, str] = {
    name: f"tiering.workloads.programs.{name}:PROGRAM"
    for name in (
        "short_lived",
        "tiny_calls",
        "whole_numbers_first",
        "mostly_unused",
        "single_orbit",
        "dead_sensor",
        "optimizer_comparison",
        "cross_validation",
        "hyper_parameter_search",
        "sensor_stream",
        "table_summary",
        "growing_vocabulary",
        "mixed_precision",
        "cold_tail",
        "call_graph",
        "simulate_and_fit",
        "nightly_batch",
        "slow_continuation",
        "train_tune_train",
        "job_server",
        "mesh_refinement",
        "finite_size_scaling",
    )
}
"""Name -> where the program is found, as `module:attribute`; the short ones first, the long ones last."""


def program(name: str) -> WholeProgram:
    """The program of this name. Raises KeyError, with the nearest name, if there is none."""
    if name not in PROGRAMS:
        near = difflib.get_close_matches(name, PROGRAMS, 1)
        raise KeyError(f"no program {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    module, attribute = PROGRAMS[name].split(":")
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, WholeProgram)
    return found
