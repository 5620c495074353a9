"""Importance weights between two known distributions: two Gaussians, and a defensive mixture under a heavy tail.

Samples of q stand for p with weights p/q. How well they do is told by the second moment of the weights: of n samples
about n / E_q[(p/q)^2] are effective (Kong, "A note on importance sampling using standardized weights", 1992; Owen,
"Monte Carlo theory, methods and examples", 2013, chapter 9). Between two Gaussians that moment is in closed form. The
weights are formed from logarithms, and their maximum is taken off before the exponential, as they would overflow.

Where p has the heavier tail the weights have no bound. Mixing a share a of p into the sampled density bounds them by
1 / a (Hesterberg, "Weighted average importance sampling and defensive mixture distributions", Technometrics 37, 1995).
Here p is Cauchy's density and q Student's of two degrees of freedom, since both have quantiles in closed form: samples
at evenly spaced probabilities then turn integrals into midpoint sums, whose values are known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .cholesky import factor, solve_lower


def log_density(point: Floats, mean: Floats, lower: Floats, scratch: Floats) -> float:
    """Log-density of a Gaussian at `point`, shape (d,), less the constant d log(2 pi) / 2.

    `lower`, shape (d, d), is the Cholesky factor of its covariance; `scratch`, shape (d,), is overwritten.
    """
    total = 0.0
    for j in range(len(point)):
        scratch[j] = float(point[j]) - float(mean[j])
    solve_lower(lower, scratch)
    for j in range(len(point)):
        total -= 0.5 * float(scratch[j]) * float(scratch[j]) + math.log(float(lower[j, j]))
    return total


def gaussian_weights(
    samples: Floats,
    mean: Floats,
    covariance: Floats,
    target_mean: Floats,
    target_covariance: Floats,
    weights: Floats,
    estimate: Floats,
) -> tuple[float, float]:
    """Write the weights that let `samples` of one Gaussian stand for another into `weights`, with sum 1.

    `samples` has shape (n, d), `weights` (n,), the means (d,); the covariances, (d, d), are overwritten by their
    factors. Writes the weighted mean into `estimate`, (d,). Returns the effective number of samples and the logarithm
    of the mean weight before scaling, which tends to 0. ValueError if a covariance is not positive definite.
    """
    scratch = np.zeros_like(mean)
    factor(covariance)
    factor(target_covariance)
    for i in range(len(samples)):
        target = log_density(samples[i], target_mean, target_covariance, scratch)
        weights[i] = target - log_density(samples[i], mean, covariance, scratch)
    top = float(weights[0])
    for i in range(len(samples)):
        top = max(top, float(weights[i]))
    total = 0.0
    for i in range(len(samples)):
        weight = math.exp(float(weights[i]) - top)
        weights[i] = weight
        total += weight
    squares = 0.0
    for j in range(len(estimate)):
        estimate[j] = 0.0
    for i in range(len(samples)):
        weight = float(weights[i]) / total
        weights[i] = weight
        squares += weight * weight
        for j in range(len(estimate)):
            estimate[j] = float(estimate[j]) + weight * float(samples[i, j])
    return 1.0 / squares, top + math.log(total / len(samples))


def gaussian_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Samples of a Gaussian, and another one somewhat narrower, half a standard deviation away."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, d = size["n"], size["d"]
    mixing = np.eye(d) + 0.3 * random.normal(size=(d, d)) / np.sqrt(d)
    shift = random.normal(size=d)
    covariance = mixing @ mixing.T
    mean = random.normal(size=d)
    samples = mean + random.normal(size=(n, d)) @ mixing.T
    target_mean = mean + 0.5 * mixing @ (shift / np.linalg.norm(shift))
    target = mixing @ np.diag(random.uniform(0.8, 1.0, d)) @ mixing.T
    return samples, mean, covariance, target_mean, target, np.zeros(n), np.zeros(d)


def second_moment(mean: Floats, covariance: Floats, target_mean: Floats, target: Floats) -> float:
    """E_q[(p/q)^2] of two Gaussians; infinite unless the target is narrow enough.

    The integral of p^2 / q is that of a Gaussian of precision 2 P - Q, P and Q the precisions of p and q.
    """
    precision, other = np.linalg.inv(target), np.linalg.inv(covariance)
    joint = 2.0 * precision - other
    if np.linalg.eigvalsh(joint)[0] <= 0.0:
        return math.inf
    shift = target_mean - mean
    along = 2.0 * precision @ shift
    exponent = float(along @ np.linalg.solve(joint, along)) / 2.0 - float(shift @ precision @ shift)
    logs = np.linalg.slogdet(covariance)[1] - 2.0 * np.linalg.slogdet(target)[1] - np.linalg.slogdet(joint)[1]
    return math.exp(exponent + 0.5 * float(logs))


def gaussian_checks(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """The weights from the precisions in NumPy, and the closed forms within five standard errors."""
    samples, mean, covariance, target_mean, target = before[:5]
    quadratics = [
        np.einsum("ni,ij,nj->n", samples - centre, np.linalg.inv(spread), samples - centre)
        for centre, spread in ((target_mean, target), (mean, covariance))
    ]
    scale = math.exp(0.5 * float(np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(target)[1]))
    weights = scale * np.exp(0.5 * (quadratics[1] - quadratics[0]))
    effective = weights.sum() ** 2 / (weights**2).sum()
    moment = second_moment(mean, covariance, target_mean, target)
    spread = float(np.sqrt(np.linalg.eigvalsh(target)[-1]))
    source = "precisions and determinants in NumPy"
    return [
        Check("weights", after[5], weights / weights.sum(), 1e-12, source),
        Check("effective samples", result[0], effective, 1e-9 * effective, source),
        Check("log of the mean weight", result[1], math.log(weights.mean()), 1e-11, source),
        Check("mean", after[6], weights @ samples / weights.sum(), 1e-11, source),
        Check("share of effective samples", result[0] / len(samples), 1.0 / moment, 5.0 * spread_of(weights), "E[w^2]"),
        Check("mean of the target", after[6], target_mean, 5.0 * spread / math.sqrt(effective), "its own mean"),
    ]


def spread_of(weights: Any) -> float:
    """The standard error of the share of effective samples, by the delta method."""
    first, second = weights.mean(), (weights**2).mean()
    influence = 2.0 * first * weights / second - first**2 * weights**2 / second**2
    return float(np.std(influence) / math.sqrt(len(weights)))


def defensive_weights(points: Floats, share: float, weights: Floats) -> float:
    """Write p / (share p + (1 - share) q) at `points` into `weights`, both of shape (n,); return its largest value.

    p is Cauchy's density and q Student's of two degrees of freedom. ZeroDivisionError only if a point overflows.
    """
    largest = 0.0
    for i in range(len(points)):
        square = float(points[i]) * float(points[i])
        target = 1.0 / (math.pi * (1.0 + square))
        proposal = 1.0 / ((2.0 + square) * math.sqrt(2.0 + square))
        weights[i] = target / (share * target + (1.0 - share) * proposal)
    for i in range(len(points)):
        largest = max(largest, float(weights[i]))
    return largest


def defensive_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A stratified sample of the mixture: the quantiles of both parts at evenly spaced probabilities, shuffled."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    few = n // 10
    cauchy = np.tan(np.pi * ((np.arange(few) + 0.5) / few - 0.5))
    u = (np.arange(n - few) + 0.5) / (n - few)
    student = (2.0 * u - 1.0) / np.sqrt(2.0 * u * (1.0 - u))
    return random.permutation(np.append(cauchy, student)), 0.1, np.zeros(n)


def defensive_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Weights from the ratio of densities; 1 and 1/2, the Cauchy integrals of 1 and 1 / (1 + x^2), as midpoint sums."""
    points, share = before[:2]
    ratio = np.pi * (1.0 + points**2) * (2.0 + points**2) ** -1.5
    n = len(points)
    return [
        Check("weights", after[2], 1.0 / (share + (1.0 - share) * ratio), 1e-12, "ratio of densities in NumPy"),
        Check("largest", result, (1.0 / (share + (1.0 - share) * ratio)).max(), 1e-12, "ratio of densities in NumPy"),
        Check("bound", max(result, 1.0 / share), 1.0 / share, 1e-12, "Hesterberg 1995: at most 1 / share"),
        Check("mass", after[2].mean(), 1.0, 5.0 / n, "closed form: a density has mass 1"),
        Check(
            "integral", (after[2] / (1.0 + points**2)).mean(), 0.5, 5.0 / n**2, "closed form: E[1 / (1 + x^2)] = 1/2"
        ),
    ]


KERNELS = (
    Kernel(
        name="gaussian_weights",
        family="meta",
        summary="self-normalized importance weights between two Gaussians of full covariance",
        units=(
            Unit(gaussian_weights, ("samples", "samples", "samples", "dimensions", "samples", "dimensions")),
            Unit(log_density, ("dimensions", "dimensions")),
            Unit(solve_lower, ("rows", "columns")),
            Unit(factor, ("rows", "columns", "pivots")),
        ),
        signature="UniTuple(float64, 2)(float64[:,::1], float64[::1], float64[:,::1], float64[::1], float64[:,::1], "
        "float64[::1], float64[::1])",
        sizes={
            "small": {"n": 1000, "d": 6},
            "medium": {"n": 50000, "d": 6},
            "large": {"n": 500000, "d": 6},
        },
        inputs=gaussian_inputs,
        checks=gaussian_checks,
        bets={"constant_shapes": "the 6 dimensions: two triangular solves per sample"},
    ),
    Kernel(
        name="defensive_weights",
        family="meta",
        summary="bounded importance weights of a Cauchy target under a defensive mixture",
        units=(Unit(defensive_weights, ("samples", "samples")),),
        signature="float64(float64[::1], float64, float64[::1])",
        sizes={
            "small": {"n": 20000},
            "medium": {"n": 1000000},
            "large": {"n": 10000000},
        },
        inputs=defensive_inputs,
        checks=defensive_checks,
        bets={
            "nonzero_denominators": "three divisions per sample by sums of positive terms, in a loop of sqrt and +, *"
        },
    ),
)
