"""Adaptive importance sampling: a normal proposal that learns where the weight is.

Samples drawn from a density q stand for a density p when weighted by p / q. The mean weight is then the integral of p,
and weighted means are the moments of p; all of it is as good as q resembles p. So q is moved to the weighted mean and
covariance of its own samples, and the round repeated (Oh & Berger, "Adaptive importance sampling in Monte Carlo
integration", Journal of Statistical Computation and Simulation 41, 1992). The sum of the weights, squared, over the sum
of their squares says how many samples of p itself would do as well (Kong, 1992).

Weights are exponentials of logarithms from which the largest has been taken, else those of the first round, when q is
far from p, would all be zero. The target is a normal density without its constant: its integral is a determinant, and
where the proposal should go is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .gaussian_process import factor_in_place


def draw(mean: Floats, factor: Floats, normals: Floats, row: int, drawn: Floats, k: int) -> float:
    """Write mean + factor normals[row] into drawn[k]; return the log density there, up to the constant of the round.

    `mean` (n,); `factor` (n, n), lower triangular; `normals` (., n); `drawn` (., n).
    """
    density = 0.0
    for i in range(len(mean)):
        x = float(mean[i])
        for j in range(i + 1):
            x += float(factor[i, j]) * float(normals[row, j])
        drawn[k, i] = x
        density -= 0.5 * float(normals[row, i]) * float(normals[row, i])
    return density


def energy(drawn: Floats, k: int, centre: Floats, precision: Floats) -> float:
    """Return (x - centre)' precision (x - centre) / 2 at x = drawn[k]; shapes (., n), (n,) and (n, n)."""
    value = 0.0
    for i in range(len(centre)):
        along = 0.0
        for j in range(len(centre)):
            along += float(precision[i, j]) * (float(drawn[k, j]) - float(centre[j]))
        value += 0.5 * (float(drawn[k, i]) - float(centre[i])) * along
    return value


def fit(drawn: Floats, weights: Floats, mean: Floats, factor: Floats) -> None:
    """Write the weighted mean of `drawn` (samples, n) and the Cholesky factor of its weighted covariance.

    `weights` (samples,) add up to 1; `mean` (n,), `factor` (n, n). Errors are those of `factor_in_place`.
    """
    n = len(mean)
    for i in range(n):
        mean[i] = 0.0
        for j in range(n):
            factor[i, j] = 0.0
    for k in range(len(weights)):
        for i in range(n):
            mean[i] = float(mean[i]) + float(weights[k]) * float(drawn[k, i])
    for k in range(len(weights)):
        for i in range(n):
            share = float(weights[k]) * (float(drawn[k, i]) - float(mean[i]))
            for j in range(i + 1):
                factor[i, j] = float(factor[i, j]) + share * (float(drawn[k, j]) - float(mean[j]))
    factor_in_place(factor)


def adaptive_importance(
    normals: Floats, precision: Floats, centre: Floats, mean: Floats, factor: Floats, weights: Floats
) -> tuple[float, float]:
    """Adapt a normal proposal to exp(-(x - centre)' precision (x - centre) / 2); return log integral, effective size.

    `normals` (rounds * samples, n); `precision` (n, n), `centre` (n,). The proposal's `mean` (n,) and the Cholesky
    factor `factor` (n, n) of its covariance are changed in place after every round but the last, whose `weights`
    (samples,), of sum 1, are kept, and whose integral and effective sample size are returned. ValueError or
    ZeroDivisionError if all weight falls on no more than n samples.
    """
    n, samples = len(mean), len(weights)
    drawn = np.zeros((samples, n))
    integral, effective, rounds = 0.0, 0.0, len(normals) // samples
    for r in range(rounds):
        constant, highest = -0.5 * n * math.log(2.0 * math.pi), -math.inf
        for i in range(n):
            constant -= math.log(float(factor[i, i]))
        for k in range(samples):
            density = constant + draw(mean, factor, normals, r * samples + k, drawn, k)
            weights[k] = -energy(drawn, k, centre, precision) - density
            highest = max(highest, float(weights[k]))
        total, squares = 0.0, 0.0
        for k in range(samples):
            weight = math.exp(float(weights[k]) - highest)
            weights[k] = weight
            total += weight
            squares += weight * weight
        for k in range(samples):
            weights[k] = float(weights[k]) / total
        integral, effective = highest + math.log(total / samples), total * total / squares
        if r < rounds - 1:
            fit(drawn, weights, mean, factor)
    return integral, effective


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A target in `n` dimensions of deviations 0.5 to 2, about 1 from the origin; there a proposal of deviation 3."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, samples = size["n"], size["samples"]
    axes, _ = np.linalg.qr(random.normal(0.0, 1.0, (n, n)))
    precision = (axes * np.geomspace(0.25, 4.0, n)) @ axes.T
    normals = random.normal(0.0, 1.0, (size["rounds"] * samples, n))
    centre = random.normal(0.0, 1.0, n) / math.sqrt(n)
    return normals, np.ascontiguousarray(precision), centre, np.zeros(n), 3.0 * np.eye(n), np.zeros(samples)


def checks(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """The rounds by weighted averages, covariances and determinants of whole arrays; the target by closed forms.

    The relative error of a mean weight is the square root of 1 / effective size - 1 / samples. Six of these are
    allowed, and as many standard errors for the mean of the proposal.
    """
    normals, precision, centre, mean, factor, weights = before
    n, samples = len(mean), len(weights)
    covariance, log_integral = factor @ factor.T, 0.0
    rounds = normals.reshape(-1, samples, n)
    for r, round_ in enumerate(rounds):
        drawn = mean + round_ @ np.linalg.cholesky(covariance).T
        offset = drawn - mean
        density = -0.5 * (offset * np.linalg.solve(covariance, offset.T).T).sum(axis=1)
        density -= 0.5 * np.linalg.slogdet(2.0 * np.pi * covariance)[1]
        logs = -0.5 * ((drawn - centre) @ precision * (drawn - centre)).sum(axis=1) - density
        weights = np.exp(logs - np.logaddexp.reduce(logs))
        log_integral = float(np.logaddexp.reduce(logs)) - math.log(samples)
        if r < len(rounds) - 1:
            mean, covariance = weights @ drawn, np.cov(drawn.T, ddof=0, aweights=weights)
    effective = 1.0 / float(weights @ weights)
    exact = 0.5 * float(np.linalg.slogdet(2.0 * np.pi * np.linalg.inv(precision))[1])
    error = math.sqrt(max(1.0 / effective - 1.0 / samples, 0.0)) + 1e-6
    away = math.sqrt(float((mean - centre) @ precision @ (mean - centre)) / n)
    return [
        Check("log integral", result[0], exact, 6.0 * error, "closed form: a determinant"),
        Check("distance from the centre", away, 0.0, 6.0 / math.sqrt(effective), "the mean of the target"),
        Check("log integral of the round", result[0], log_integral, 1e-9, "logaddexp"),
        Check("effective size", result[1], effective, 1e-6 * effective, "whole arrays"),
        Check("weights", after[5], weights, 1e-9, "whole arrays"),
        Check("mean", after[3], mean, 1e-9, "weighted averages"),
        Check("covariance", after[4] @ after[4].T, covariance, 1e-9, "numpy.cov with weights"),
    ]


KERNELS = (
    Kernel(
        name="adaptive_importance",
        family="search",
        summary="importance sampling whose normal proposal adapts to its weighted samples",
        units=(
            Unit(
                adaptive_importance,
                ("rounds", "coordinates", "samples", "samples", "samples"),
            ),
            Unit(draw, ("coordinates", "columns")),
            Unit(energy, ("rows", "columns")),
            Unit(fit, ("rows", "columns", "samples", "coordinates", "samples", "rows", "columns")),
            Unit(factor_in_place, ("columns", "products", "rows below", "products")),
        ),
        signature=(
            "UniTuple(float64, 2)(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1],"
            " float64[::1])"
        ),
        sizes={
            "small": {"n": 3, "samples": 300, "rounds": 6},
            "medium": {"n": 6, "samples": 2_000, "rounds": 10},
            "large": {"n": 8, "samples": 10_000, "rounds": 12},
        },
        inputs=inputs,
        checks=checks,
        bets={
            "constant_shapes": "the few dimensions are the shape of the factor and the trip counts of all inner loops"
        },
    ),
)
