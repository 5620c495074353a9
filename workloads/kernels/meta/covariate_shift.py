"""Learning under a covariate shift: weights from known densities, and weights learned from two samples.

The samples were drawn from q while the fit is wanted under p. Shimodaira, "Improving predictive inference under
covariate shift by weighting the log-likelihood function", Journal of Statistical Planning and Inference 90, 2000,
weights each sample by (p/q)^flatten: 0 is least squares, 1 is consistent under p and noisy. The inputs are those of
his section 3, a line through y = x^3 - x + noise with q = N(0.5, 0.5^2) and p = N(0, 0.3^2), where the two slopes have
opposite signs: -1 + 3 (0.25 + 0.25) = 0.5 under q, -1 + 3 0.09 = -0.73 under p, by Stein's lemma.

Where the densities are not known, their ratio can be learned without either of them. The Kullback-Leibler importance
estimation procedure (Sugiyama et al., "Direct importance estimation for covariate shift adaptation", Annals of the
Institute of Statistical Mathematics 60, 2008) ascends to a sum of Gaussians with non-negative weights a that is largest
in mean logarithm over the samples of p, with mean 1 over those of q. It moves along the constraint, clips and rescales
after each step; that is no projection, and where weights become zero it rests short of the optimum. Here the projection
is exact, by the finite algorithm of Michelot (Journal of Optimization Theory and Applications 50, 1986).

The optimum carries its own certificate. With K the Gaussians at the samples of p, b their means over q and
g_l = mean_i K_il / (K a)_i, concavity gives: no feasible weights exceed the present ones by more than
log max_l g_l / b_l. The checks find the optimum by expectation maximization, a <- a g / b, which has no rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .cholesky import factor, solve_lower, solve_upper


def covariate_shift_fit(
    xs: Floats,
    ys: Floats,
    mean: float,
    deviation: float,
    target_mean: float,
    target_deviation: float,
    flatten: float,
    coefficients: Floats,
) -> float:
    """Fit a polynomial under N(target_mean, target_deviation^2) to samples whose `xs` are from N(mean, deviation^2).

    `xs` and `ys` have shape (n,). Writes the `coefficients`, shape (terms,), lowest power first; returns the weighted
    mean of the squared residuals. ValueError if there are fewer different samples than terms.
    """
    terms = len(coefficients)
    moments = np.zeros((terms, terms))
    powers = np.zeros(terms)
    for j in range(terms):
        coefficients[j] = 0.0
    total = 0.0
    squares = 0.0
    for i in range(len(xs)):
        x = float(xs[i])
        offset = (x - mean) / deviation
        target_offset = (x - target_mean) / target_deviation
        ratio = deviation / target_deviation * math.exp(0.5 * (offset * offset - target_offset * target_offset))
        weight = ratio**flatten
        total += weight
        squares += weight * float(ys[i]) * float(ys[i])
        power = 1.0
        for j in range(terms):
            powers[j] = power
            power *= x
        for j in range(terms):
            coefficients[j] = float(coefficients[j]) + weight * float(powers[j]) * float(ys[i])
            for k in range(j + 1):
                moments[j, k] = float(moments[j, k]) + weight * float(powers[j]) * float(powers[k])
    factor(moments)
    solve_lower(moments, coefficients)
    for j in range(terms):
        squares -= float(coefficients[j]) * float(coefficients[j])
    solve_upper(moments, coefficients)
    return squares / total


def shift_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The line, densities and noise of Shimodaira's section 3, with half of the shift weighted."""
    random = np.random.Generator(np.random.PCG64(seed))
    xs = random.normal(0.5, 0.5, size["n"])
    ys = xs**3 - xs + random.normal(0.0, 0.3, size["n"])
    return xs, ys, 0.5, 0.5, 0.0, 0.3, 0.5, np.zeros(size["terms"])


def shift_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Least squares on rows that are scaled by the roots of the weights, by orthogonal factors."""
    xs, ys, mean, deviation, target_mean, target_deviation, flatten, coefficients = before
    logs = ((xs - mean) / deviation) ** 2 - ((xs - target_mean) / target_deviation) ** 2
    weights = np.exp(flatten * (0.5 * logs + math.log(deviation / target_deviation)))
    rows = np.vander(xs, len(coefficients), increasing=True)
    fit = np.linalg.lstsq(np.sqrt(weights)[:, None] * rows, np.sqrt(weights) * ys)[0]
    left = float(weights @ (ys - rows @ fit) ** 2 / weights.sum())
    return [
        Check("coefficients", after[7], fit, 1e-9, "weighted least squares in numpy.linalg"),
        Check("mean square", result, left, 1e-9, "weighted least squares in numpy.linalg"),
    ]


def gaussian_basis(points: Floats, centres: Floats, width: float, values: Floats) -> None:
    """Write exp(-|x - c|^2 / (2 width^2)) of `points`, (n, d), and `centres`, (b, d), into `values`, (n, b)."""
    scale = -0.5 / (width * width)
    for i in range(len(points)):
        for c in range(len(centres)):
            square = 0.0
            for k in range(points.shape[1]):
                offset = float(points[i, k]) - float(centres[c, k])
                square += offset * offset
            values[i, c] = math.exp(scale * square)


def project(means: Floats, weights: Floats) -> None:
    """Move `weights` to the nearest with sum `means` * `weights` = 1 and weights >= 0, in place, both of shape (b,)."""
    multiplier = 0.0
    active = len(weights) + 1
    found = len(weights)
    while found < active:
        active = found
        inner = -1.0
        norm = 0.0
        for c in range(len(weights)):
            if active == len(weights) or float(weights[c]) > multiplier * float(means[c]):
                inner += float(means[c]) * float(weights[c])
                norm += float(means[c]) * float(means[c])
        multiplier = inner / norm
        found = 0
        for c in range(len(weights)):
            if float(weights[c]) > multiplier * float(means[c]):
                found += 1
    for c in range(len(weights)):
        weights[c] = max(0.0, float(weights[c]) - multiplier * float(means[c]))


def density_ratio(
    samples: Floats, targets: Floats, centres: Floats, width: float, rate: float, steps: int, weights: Floats
) -> float:
    """Learn the ratio of the density of `targets`, (m, d), to that of `samples`, (n, d), by `steps` of ascent.

    Writes the `weights`, shape (b,), of the Gaussians of `width` about `centres`, (b, d); returns the mean logarithm
    of the ratio over `targets` before the last step. ZeroDivisionError if a target is far from every centre.
    """
    basis = np.zeros((len(samples), len(centres)))
    gaussian_basis(samples, centres, width, basis)
    means = np.zeros(len(centres))
    for i in range(len(samples)):
        for c in range(len(centres)):
            means[c] = float(means[c]) + float(basis[i, c]) / len(samples)
    basis = np.zeros((len(targets), len(centres)))
    gaussian_basis(targets, centres, width, basis)
    gradient = np.zeros(len(centres))
    for c in range(len(centres)):
        weights[c] = 1.0
    project(means, weights)
    score = 0.0
    for _ in range(steps):
        score = 0.0
        for c in range(len(centres)):
            gradient[c] = 0.0
        for i in range(len(targets)):
            ratio = 0.0
            for c in range(len(centres)):
                ratio += float(basis[i, c]) * float(weights[c])
            score += math.log(ratio)
            share = 1.0 / (ratio * len(targets))
            for c in range(len(centres)):
                gradient[c] = float(gradient[c]) + share * float(basis[i, c])
        for c in range(len(centres)):
            weights[c] = float(weights[c]) + rate * float(gradient[c])
        project(means, weights)
    return score / len(targets)


def ratio_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Samples of N(0, 1) and N(0.5, 0.7^2) in two dimensions; the first targets are the centres."""
    random = np.random.Generator(np.random.PCG64(seed))
    samples = random.normal(0.0, 1.0, (size["samples"], 2))
    targets = random.normal(0.5, 0.7, (size["targets"], 2))
    return samples, targets, targets[: size["centres"]].copy(), 0.7, 3.0, size["steps"], np.zeros(size["centres"])


def reference_basis(points: Any, centres: Any, width: float) -> Any:
    """The Gaussians of `gaussian_basis`, in NumPy."""
    return np.exp(-np.sum((points[:, None] - centres) ** 2, axis=2) / (2.0 * width**2))


def ratio_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Feasible, nowhere above the certificate, and as good as what expectation maximization finds."""
    samples, targets, centres, width = before[:4]
    basis = reference_basis(targets, centres, width)
    means = reference_basis(samples, centres, width).mean(axis=0)
    best = np.full(len(centres), 1.0 / means.sum())
    for _ in range(2000):
        best *= (basis / (basis @ best)[:, None]).mean(axis=0) / means
    optimum = float(np.log(basis @ best).mean())
    ratio = basis @ after[6]
    bound = float(np.log(ratio).mean() + np.log(((basis / ratio[:, None]).mean(axis=0) / means).max()))
    return [
        Check("mean over the samples", means @ after[6], 1.0, 1e-12, "the constraint"),
        Check("least weight", min(0.0, after[6].min()), 0.0, 0.0, "the constraint"),
        Check("score", result, optimum, 0.02, "the optimum by expectation maximization"),
        Check("certificate", max(optimum, bound), bound, 1e-9, "concavity"),
    ]


KERNELS = (
    Kernel(
        name="covariate_shift_fit",
        family="meta",
        summary="polynomial fit under another density of the inputs, by flattened importance weights",
        units=(
            Unit(covariate_shift_fit, ("terms", "samples", "terms", "terms", "terms", "terms")),
            Unit(factor, ("rows", "columns", "pivots")),
            Unit(solve_lower, ("rows", "columns")),
            Unit(solve_upper, ("rows", "columns")),
        ),
        signature="float64(float64[::1], float64[::1], float64, float64, float64, float64, float64, float64[::1])",
        sizes={
            "small": {"n": 6000, "terms": 2},
            "medium": {"n": 300000, "terms": 2},
            "large": {"n": 3000000, "terms": 2},
        },
        inputs=shift_inputs,
        checks=shift_checks,
        bets={
            "constant_values": "the exponent 1/2 of the weights: a square root",
        },
    ),
    Kernel(
        name="density_ratio",
        family="meta",
        summary="ratio of two densities learned from samples: KLIEP by projected gradient ascent",
        units=(
            Unit(density_ratio, ("samples", "centres", "centres", "steps", "centres", "targets", *["centres"] * 3)),
            Unit(gaussian_basis, ("points", "centres", "dimensions")),
            Unit(project, ("rounds", "centres", "centres", "centres")),
        ),
        signature="float64(float64[:,::1], float64[:,::1], float64[:,::1], float64, float64, int64, float64[::1])",
        sizes={
            "small": {"samples": 60, "targets": 40, "centres": 8, "steps": 150},
            "medium": {"samples": 500, "targets": 300, "centres": 20, "steps": 300},
            "large": {"samples": 1500, "targets": 1000, "centres": 40, "steps": 500},
        },
        inputs=ratio_inputs,
        checks=ratio_checks,
        bets={},
    ),
)
