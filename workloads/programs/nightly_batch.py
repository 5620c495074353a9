"""A batch of thirty jobs, each of its own kind, three small inputs per job; then the process ends.

One meets it as the nightly run, the regression suite, the notebook that is executed from top to bottom: everything
once, little of anything. Interpreted it takes a second or two. Under plain `numba.njit` it takes half a minute, nearly
all of which is compiling.

It is the opposite of what compilers are measured on. No job is hot enough for an optimizing compile, most loops run
long enough to look so, and no time will come when it pays. A policy loses by every compile that takes longer than a
hundredth of a second, and the kernels are the large ones, of two to nine functions each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram

JOBS = (
    *("minibatch_descent", "steepest_descent", "saddle_escape", "graduated_descent", "rosenbrock_descent"),
    *("rmsprop_network", "adam_factorization", "adabelief_poisson", "adamw_imbalance", "sparse_reward_adam"),
    *("newton_logistic", "analytic_center", "newton_cg", "lbfgs_inexact", "bicgstab"),
    *("stochastic_levenberg", "selective_descent", "controlled_descent", "stiffest_trusses", "anneal_subset"),
    *("ising_exchange", "bayesian_search", "adaptive_importance", "evolution_strategy", "maml_regression"),
    *("density_ratio", "layerwise_training", "projected_attack", "band_fire", "bar_network"),
)
INPUTS = 3


def run(decorate: Decorate) -> dict[str, Any]:
    """Return of each job the last input's numbers and arrays, as the call left them."""
    results: dict[str, Any] = {}
    for name in JOBS:
        kernel = zoo.kernel(name)
        job = bound(kernel, decorate)
        for seed in range(1, INPUTS + 1):
            arguments = kernel.inputs(kernel.sizes["small"], seed)
            result = job(*arguments)
            for number, value in enumerate((*arguments, *(result if isinstance(result, tuple) else (result,)))):
                if isinstance(value, np.ndarray | int | float):
                    results[f"{name}_{number}"] = value
    return results


PROGRAM = WholeProgram(
    name="nightly_batch",
    summary="thirty different jobs of several functions each, every one on three small inputs",
    length="long",
    stresses="half a minute of compiling for two seconds of work: nothing is hot, everything looks so",
    run=run,
)
