"""A long tail: thirty functions that are called once or twice, and three that are called all the time.

One meets it as a program with a self-test at its start, as a report with a figure of everything, as a pipeline whose
steps each have a function of their own. The cold functions take a hundredth of a second each, which is enough to look
hot to anybody who counts loop iterations from zero; the hot ones come later and mixed with the last of the cold.

This is the shape that tiering was invented for. To compile the tail takes ten times as long as to interpret it; a queue
that takes requests in order lets the hot functions wait for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram

COLD = (
    *("quartic_convexity", "rosenbrock_values", "saddle_exits", "ridge_path", "spsa_descent"),
    *("clipped_step", "nesterov_step", "amsgrad_step", "adabelief_step", "soft_threshold_step"),
    *("newton_basins", "natural_step", "selective_step", "gershgorin_bound", "optimality_criteria"),
    *("feasible_improvement", "defensive_weights", "systematic_resample", "grid_search", "bar_energy"),
    *("clenshaw", "power_law", "digit_sums", "fermat_test", "sieve"),
    *("thomas", "perspective", "tanh_fraction", "summed_area", "edit_distance"),
)
ROUNDS = 400


def run(decorate: Decorate) -> dict[str, Any]:
    """Return what the cold functions left behind, and the state of the hot loop at its end."""
    results: dict[str, Any] = {}

    def once(name: str) -> None:
        kernel = zoo.kernel(name)
        arguments = kernel.inputs(kernel.sizes["small"], 3)
        result = bound(kernel, decorate)(*arguments)
        for number, value in enumerate((*arguments, *(result if isinstance(result, tuple) else (result,)))):
            if isinstance(value, np.ndarray | int | float):
                results[f"{name}_{number}"] = value

    for name in COLD[:24]:
        once(name)
    names = ("minibatch_gradient", "momentum_step", "kmeans_step")
    gradient_of, momentum, regroup = (bound(zoo.kernel(name), decorate) for name in names)
    random = np.random.Generator(np.random.PCG64(27))
    features, labels = random.normal(0.0, 1.0, (400, 6)), random.integers(0, 3, 400)
    weights, velocity, gradient = np.zeros((3, 3, 6))
    centres, nearest = features[:4].copy(), np.zeros(400, np.int64)
    losses, spreads = np.zeros((2, ROUNDS))
    for number in range(ROUNDS):
        if number % 60 == 59 and number < 360:
            once(COLD[24 + number // 60])
        rows = random.integers(0, 400, 60)
        losses[number] = gradient_of(features, labels, rows, weights, gradient)
        momentum(weights.reshape(-1), velocity.reshape(-1), gradient.reshape(-1), 0.05, 0.9)
        some = features[rows]
        spreads[number] = regroup(some, centres, nearest[:60], np.zeros((4, 6)), np.zeros(4, np.int64))
    return {**results, "weights": weights, "centres": centres, "losses": losses, "spreads": spreads}


PROGRAM = WholeProgram(
    name="cold_tail",
    summary="thirty functions that are called once, three that are called all the time",
    length="medium",
    stresses="a long tail of cold functions, most of it ahead of the hot ones in the queue",
    run=run,
)
