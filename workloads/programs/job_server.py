"""A worker that answers requests for thirty-six kinds of jobs, the popular ones often and the others hardly ever.

One meets it as a service in front of numeric code, as a Dask or Celery worker, as a day at a notebook. Popularity
follows Zipf's law and drifts: every two hundred requests the ranks are dealt anew for the less popular three quarters.
Bursts of one kind of job come in between. Inputs are small and differ in seed; every fortieth request is for a medium
one of the six cheapest.

What is hot is hot by its rank and not by its loops, and half of the kinds are asked for fewer than sixteen times in a
thousand requests. Compiling in order of demand is right for some, a mistake for the tail, and late for the bursts; all
code together fills a small code cache, and the drift makes an evicted job come back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram

KINDS = (
    *("gather_map", "histogram", "fir_filter", "horner", "matmul_flat", "jacobi_flat", "ising_sweep"),
    *("minibatch_gradient", "kmeans_step", "csr_diffusion", "convolve_2d", "levenberg_marquardt", "random_search"),
    *("anneal_tour", "fista_lasso", "gp_posterior", "newton_logistic", "code_errors", "smith_waterman"),
    *("bootstrap_error", "gaussian_weights", "population_monte_carlo", "tape_gradient", "controlled_tracking"),
    *("deepfool_targets", "annual_plant", "align_phases", "life_history", "source_mask_gradient", "evolution_strategy"),
    *("trust_region_step", "learned_rates", "stiffest_plate", "car_parrinello", "neural_adjoint", "bottleneck_step"),
)
LARGE = 6
REQUESTS = 1000
SHIFT = 200


def run(decorate: Decorate) -> dict[str, Any]:
    """Return how often each kind was asked for, and of each its last arrays."""
    random = np.random.Generator(np.random.PCG64(32))
    kernels = [zoo.kernel(name) for name in KINDS]
    workers: dict[int, Callable[..., Any]] = {}
    popularity = 1.0 / (1.0 + np.arange(len(KINDS)))
    edges = np.cumsum(popularity / popularity.sum())
    ranked = np.arange(len(KINDS))
    popular = len(KINDS) // 4
    asked = np.zeros(len(KINDS), np.int64)
    results: dict[str, Any] = {}
    burst = left = 0
    for request in range(REQUESTS):
        if request % SHIFT == SHIFT - 1:
            ranked[popular:] = random.permutation(ranked[popular:])
        if not left and random.uniform() < 0.02:
            burst, left = int(random.integers(0, len(KINDS))), int(random.integers(4, 12))
        rank = min(int(np.searchsorted(edges, random.uniform())), len(KINDS) - 1)
        kind = burst if left else int(ranked[rank])
        left = max(left - 1, 0)
        size = "small"
        if request % 40 == 39:
            kind, size = int(random.integers(0, LARGE)), "medium"
        kernel = kernels[kind]
        if kind not in workers:
            workers[kind] = bound(kernel, decorate)
        arguments = kernel.inputs(kernel.sizes[size], request)
        workers[kind](*arguments)
        asked[kind] += 1
        for number, value in enumerate(arguments):
            if isinstance(value, np.ndarray):
                results[f"{kernel.name}_{number}"] = value
    return {"asked": asked, **results}


PROGRAM = WholeProgram(
    name="job_server",
    summary="a thousand requests for thirty-six kinds of jobs, by Zipf's law, with drift and bursts",
    length="long",
    stresses="a working set of compiled code that drifts, a tail that never pays, bursts of what is not compiled yet",
    run=run,
)
