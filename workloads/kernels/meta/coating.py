"""Inverse design through a learned surrogate: the thickness and index of a coating that does not reflect.

A simulator is sampled, a surrogate is fitted to the samples, and the design is found by descending the surrogate, whose
gradient is known where the simulator's would have to be measured. The simulator is the reflectance of one layer on a
substrate at normal incidence (Born & Wolf, Principles of Optics, section 1.6.4), because the best design is a theorem:
a quarter wave thick, of the index sqrt(substrate), it reflects nothing.

The surrogate is a sum of Gaussians about the samples with a small ridge, fitted by one Cholesky factorization
(Forrester, Sobester & Keane, Engineering Design via Surrogate Modelling, 2008, chapter 2). A network would need
thousands of epochs to say the same; `neural_adjoint` has one. The designs are held in the sampled box, outside of which
a surrogate means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .cholesky import factor, solve_lower, solve_upper


def reflectance(index: float, thickness: float, substrate: float) -> float:
    """The reflected share of light, for a layer of refractive `index` and `thickness` in vacuum wavelengths.

    In front is air, behind it a medium of index `substrate`. ZeroDivisionError for indices of -1 or -substrate.
    """
    front = (1.0 - index) / (1.0 + index)
    back = (index - substrate) / (index + substrate)
    both = 2.0 * front * back * math.cos(4.0 * math.pi * index * thickness)
    return (front * front + back * back + both) / (1.0 + front * front * back * back + both)


def surrogate_gradient(design: Floats, samples: Floats, weights: Floats, widths: Floats, gradient: Floats) -> float:
    """Write the gradient of the surrogate at `design`, shape (2,), into `gradient`; return its value.

    It is sum w exp(-sum ((x - s) / width)^2 / 2) over `samples` s, shape (n, 2), with `weights` w, shape (n,).
    """
    value = 0.0
    gradient[0] = 0.0
    gradient[1] = 0.0
    for i in range(len(samples)):
        across = (float(design[0]) - float(samples[i, 0])) / float(widths[0])
        along = (float(design[1]) - float(samples[i, 1])) / float(widths[1])
        bump = float(weights[i]) * math.exp(-0.5 * (across * across + along * along))
        value += bump
        gradient[0] = float(gradient[0]) - bump * across / float(widths[0])
        gradient[1] = float(gradient[1]) - bump * along / float(widths[1])
    return value


def fit_surrogate(samples: Floats, substrate: float, widths: Floats, ridge: float, weights: Floats) -> None:
    """Run the simulator at `samples`, shape (n, 2), and write the surrogate's `weights`, shape (n,).

    ValueError if `ridge` is too small for the factorization.
    """
    kernel = np.zeros((len(samples), len(samples)))
    for i in range(len(samples)):
        weights[i] = reflectance(float(samples[i, 0]), float(samples[i, 1]), substrate)
        for j in range(i):
            across = (float(samples[i, 0]) - float(samples[j, 0])) / float(widths[0])
            along = (float(samples[i, 1]) - float(samples[j, 1])) / float(widths[1])
            kernel[i, j] = math.exp(-0.5 * (across * across + along * along))
        kernel[i, i] = 1.0 + ridge
    factor(kernel)
    solve_lower(kernel, weights)
    solve_upper(kernel, weights)


def coating_design(
    samples: Floats,
    substrate: float,
    lower: Floats,
    upper: Floats,
    ridge: float,
    rate: float,
    steps: int,
    designs: Floats,
    weights: Floats,
) -> float:
    """Fit a surrogate to `samples`, (n, 2), of index and thickness; descend it from all `designs`, (k, 2), in place.

    `lower` and `upper`, shape (2,), are the corners of the box; the widths of the Gaussians are half of its sides, and
    steps are in units of the squared widths. Writes the surrogate's `weights`, (n,). Returns the least reflectance, by
    the simulator, of the designs found. ValueError if `ridge` is too small for the factorization.
    """
    widths = np.zeros(2)
    gradient = np.zeros(2)
    for k in range(2):
        widths[k] = 0.5 * (float(upper[k]) - float(lower[k]))
    fit_surrogate(samples, substrate, widths, ridge, weights)
    best = 1.0
    for d in range(len(designs)):
        for _ in range(steps):
            surrogate_gradient(designs[d], samples, weights, widths, gradient)
            for k in range(2):
                moved = float(designs[d, k]) - rate * float(widths[k]) * float(widths[k]) * float(gradient[k])
                designs[d, k] = min(float(upper[k]), max(float(lower[k]), moved))
        best = min(best, reflectance(float(designs[d, 0]), float(designs[d, 1]), substrate))
    return best


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A Latin hypercube of `n` layers on glass of index 2.25, index 1.2 to 1.9 and 0.1 to 0.24 wavelengths thick."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, lower, upper = size["n"], np.array([1.2, 0.1]), np.array([1.9, 0.24])
    ranks = np.stack([random.permutation(n), random.permutation(n)], axis=1)
    samples = lower + (upper - lower) * (ranks + random.random((n, 2))) / n
    designs = lower + (upper - lower) * random.random((size["designs"], 2))
    return samples, 2.25, lower, upper, 1e-8, 5.0, size["steps"], designs, np.zeros(n)


def transfer_matrix(designs: Any, substrate: float) -> Any:
    """The reflectance of layers, shape (k, 2), from their characteristic matrices, as for stacks of any length."""
    index, phase = designs[:, 0], 2.0 * np.pi * designs[:, 0] * designs[:, 1]
    electric = np.cos(phase) + 1j * np.sin(phase) / index * substrate
    magnetic = 1j * index * np.sin(phase) + np.cos(phase) * substrate
    return np.abs((electric - magnetic) / (electric + magnetic)) ** 2


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The surrogate interpolates the simulator and has no slope at the designs, which are the quarter-wave layer."""
    samples, substrate, lower, upper, ridge = before[:5]
    designs, weights = after[7:]
    widths = 0.5 * (upper - lower)
    offsets = (samples[:, None] - samples) / widths
    responses = np.exp(-0.5 * np.sum(offsets**2, axis=2)) @ weights + ridge * weights
    quarter = np.array([math.sqrt(substrate), 0.25 / math.sqrt(substrate)])
    reflected = transfer_matrix(designs, substrate)
    return [
        Check("responses", responses, transfer_matrix(samples, substrate), 1e-9, "characteristic matrices"),
        Check("designs", designs, np.broadcast_to(quarter, designs.shape), 0.01, "closed form: quarter wave"),
        Check("reflectance", result, reflected.min(), 1e-12, "characteristic matrices"),
        Check("least reflectance", result, 0.0, 1e-4, "closed form: a quarter wave reflects nothing"),
    ]


KERNELS = (
    Kernel(
        name="coating_design",
        family="meta",
        summary="antireflection coating by descent on a Gaussian surrogate of the simulator",
        units=(
            Unit(coating_design, ("dimensions", "designs", "steps", "dimensions")),
            Unit(fit_surrogate, ("samples", "samples")),
            Unit(surrogate_gradient, ("samples",)),
            Unit(reflectance),
            Unit(factor, ("rows", "columns", "pivots")),
            Unit(solve_lower, ("rows", "columns")),
            Unit(solve_upper, ("rows", "columns")),
        ),
        signature="float64(float64[:,::1], float64, float64[::1], float64[::1], float64, float64, int64, "
        "float64[:,::1], float64[::1])",
        sizes={
            "small": {"n": 30, "designs": 3, "steps": 150},
            "medium": {"n": 120, "designs": 15, "steps": 400},
            "large": {"n": 300, "designs": 60, "steps": 400},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
