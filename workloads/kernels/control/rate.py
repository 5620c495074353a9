"""A rate of descent that a PI controller holds, so that |gradient| / loss stays at a setpoint.

The controller is the one that holds step sizes of differential equations (K. Gustafsson, ACM Trans. Math. Software
17(4), 1991): proportional and integral on logarithms, in velocity form,

    rate <- rate (setpoint / ratio)^integral (last ratio / ratio)^proportional,

with limits. In velocity form nothing winds up while the rate is at a limit. On logarithms the loop is linear where it
matters: the ratio is in proportion to the distance from the minimum, and that distance changes by a factor per step.

What the loop settles at is known, whatever the gains are:

- `controlled_descent`, least squares with residuals that remain. A ratio held above zero means that the weights may not
  come to rest, so the rate goes to the edge of stability, 2 over the largest curvature c (J. Cohen et al., ICLR 2021,
  name it so), and they swing to and fro by a along the steepest axis with c a / (L + c a^2 / 2) = setpoint, where L is
  the least loss. The setpoint must be below sqrt(c / 2 L), the highest ratio that the bowl has. Beyond the distance at
  which it has it the ratio falls again, and the controller's sign is wrong: a lowest rate carries the descent past it,
  and a highest one keeps a swing from growing past it in one step.
- `controlled_tracking`, a minimum that drifts by d per step. A coordinate of curvature c lags by d / (rate c), so the
  ratio is 2 rate |d| / sum(d^2 / c): in proportion to the rate.

Rejected: a ratio with a plain, not logarithmic, error. While the weights are almost at rest its integral grows, and the
swing that follows leaves the bowl.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

PROPORTIONAL, INTEGRAL = 0.4, 0.05
"""Gains well inside the stable region of the swing: 0 < proportional < 1, 4 proportional + 2 integral < 4."""


def held_rate(
    rate: float,
    ratio: float,
    last: float,
    setpoint: float,
    proportional: float,
    integral: float,
    lowest: float,
    highest: float,
) -> float:
    """Return the next rate: higher where `ratio` is below `setpoint` or has fallen from `last`, within the limits.

    ZeroDivisionError if `ratio` is 0.
    """
    wanted: float = rate * (setpoint / ratio) ** integral * (last / ratio) ** proportional
    return min(max(wanted, lowest), highest)


def half_squares(features: Floats, targets: Floats, weights: Floats, slopes: Floats) -> float:
    """Write the gradient of the mean of half the squared residuals into `slopes`; return that loss.

    `features` (samples, width), `targets` (samples,), `weights` and `slopes` (width,).
    """
    for j in range(len(weights)):
        slopes[j] = 0.0
    loss = 0.0
    share = 1.0 / len(targets)
    for row in range(len(targets)):
        residual = -float(targets[row])
        for j in range(len(weights)):
            residual += float(features[row, j]) * float(weights[j])
        loss += 0.5 * share * residual * residual
        pull = share * residual
        for j in range(len(weights)):
            slopes[j] = float(slopes[j]) + pull * float(features[row, j])
    return loss


def controlled_descent(
    features: Floats,
    targets: Floats,
    weights: Floats,
    setpoint: float,
    proportional: float,
    integral: float,
    lowest: float,
    highest: float,
    steps: int,
) -> tuple[float, float]:
    """Descend in place from `weights` (width,) on half the squared residuals; return the last rate and ratio.

    `features` (samples, width), `targets` (samples,). The first rate is `lowest`. ZeroDivisionError if a loss or a
    gradient is 0.
    """
    slopes = np.zeros_like(weights)
    rate = lowest
    ratio = setpoint
    for step in range(steps):
        loss = half_squares(features, targets, weights, slopes)
        square = 0.0
        for j in range(len(weights)):
            square += float(slopes[j]) * float(slopes[j])
        last = ratio
        ratio = math.sqrt(square) / loss
        if step > 0:
            rate = held_rate(rate, ratio, last, setpoint, proportional, integral, lowest, highest)
        for j in range(len(weights)):
            weights[j] = float(weights[j]) - rate * float(slopes[j])
    return rate, ratio


def controlled_tracking(
    offset: Floats,
    curvatures: Floats,
    drift: Floats,
    setpoint: float,
    proportional: float,
    integral: float,
    lowest: float,
    highest: float,
    steps: int,
) -> tuple[float, float]:
    """Follow the minimum of sum c x^2 / 2 that moves by `drift` in each step; return the last rate and ratio.

    `offset` (n,), updated in place, is the position as seen from the minimum; `curvatures` and `drift` (n,). The first
    rate is `lowest`. ZeroDivisionError if the offset is 0.
    """
    rate = lowest
    ratio = setpoint
    for step in range(steps):
        loss = 0.0
        square = 0.0
        for i in range(len(offset)):
            slope = float(curvatures[i]) * float(offset[i])
            loss += 0.5 * slope * float(offset[i])
            square += slope * slope
        last = ratio
        ratio = math.sqrt(square) / loss
        if step > 0:
            rate = held_rate(rate, ratio, last, setpoint, proportional, integral, lowest, highest)
        for i in range(len(offset)):
            offset[i] = (1.0 - rate * float(curvatures[i])) * float(offset[i]) - float(drift[i])
    return rate, ratio


def regression(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Targets with noise 1 around a linear law; a setpoint at half of the highest ratio; limits around 2 / c."""
    random = np.random.Generator(np.random.PCG64(seed))
    width = size["width"]
    features = random.standard_normal((size["samples"], width)) * np.geomspace(1.0, 0.5, width)
    targets = features @ random.standard_normal(width) + random.standard_normal(size["samples"])
    curvature, least, _ = bowl(features, targets)
    setpoint = 0.5 * math.sqrt(curvature / (2.0 * least))
    limits = 0.1 / curvature, 4.0 / curvature
    return features, targets, np.zeros(width), setpoint, PROPORTIONAL, INTEGRAL, *limits, size["steps"]


def bowl(features: Floats, targets: Floats) -> tuple[float, float, Floats]:
    """The largest curvature of the loss, its minimum and where that is, by LAPACK."""
    best = np.linalg.lstsq(features, targets, rcond=None)[0]
    curvature = float(np.linalg.eigvalsh(features.T @ features / len(targets))[-1])
    return curvature, 0.5 * float(np.mean((features @ best - targets) ** 2)), np.asarray(best, np.float64)


def drifting(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A bowl with curvatures from 1 to 4, a start some way off, and the setpoint at which the rate is 0.1."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    curvatures, drift = random.uniform(1.0, 4.0, n), 0.01 * random.standard_normal(n)
    setpoint = 0.2 * float(np.linalg.norm(drift)) / float(np.sum(drift**2 / curvatures))
    start = random.uniform(-1.0, 1.0, n)
    return start, curvatures, drift, setpoint, PROPORTIONAL, INTEGRAL, 0.01, 0.25, size["steps"]


def check_descent(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """The edge of stability, the setpoint, and the width of the swing about the least-squares solution."""
    curvature, least, best = bowl(before[0], before[1])
    setpoint = before[3]
    swing = (1.0 - math.sqrt(1.0 - 2.0 * setpoint**2 * least / curvature)) / setpoint
    return [
        Check("rate times curvature", result[0] * curvature, 2.0, 1e-6, "edge of stability, numpy.linalg.eigvalsh"),
        Check("ratio", result[1] / setpoint, 1.0, 1e-6, "integral action leaves no error"),
        Check("swing", float(np.linalg.norm(after[2] - best)), swing, 1e-6 * swing, "closed form, numpy.linalg.lstsq"),
    ]


def check_tracking(before: tuple[Any, ...], result: tuple[float, float], after: tuple[Any, ...]) -> list[Check]:
    """The lag of every coordinate, and the rate that follows from it."""
    _, curvatures, drift, setpoint, *_ = before
    rate = setpoint * float(np.sum(drift**2 / curvatures)) / (2.0 * float(np.linalg.norm(drift)))
    return [
        Check("rate", result[0], rate, 1e-8, "closed form of the lag"),
        Check("ratio", result[1] / setpoint, 1.0, 1e-7, "integral action leaves no error"),
        Check("lag", after[0], -drift / (rate * curvatures), 1e-7, "d / (rate c)"),
    ]


KERNELS = (
    Kernel(
        name="controlled_descent",
        family="control",
        summary="least squares at a rate held by a PI controller, which finds the edge of stability",
        units=(
            Unit(controlled_descent, ("steps", "width", "width")),
            Unit(half_squares, ("width", "samples", "width", "width")),
            Unit(held_rate),
        ),
        signature="Tuple((float64, float64))(float64[:, ::1], float64[::1], float64[::1], float64, float64, float64,"
        " float64, float64, int64)",
        sizes={
            "small": {"samples": 20, "width": 8, "steps": 400},
            "medium": {"samples": 600, "width": 8, "steps": 400},
            "large": {"samples": 6000, "width": 8, "steps": 400},
        },
        inputs=regression,
        checks=check_descent,
        bets={"constant_shapes": "eight weights: both inner loops over a sample run eight times"},
    ),
    Kernel(
        name="controlled_tracking",
        family="control",
        summary="a drifting minimum followed at a rate held by a PI controller",
        units=(Unit(controlled_tracking, ("steps", "coordinates", "coordinates")), Unit(held_rate)),
        signature="Tuple((float64, float64))(float64[::1], float64[::1], float64[::1], float64, float64, float64,"
        " float64, float64, int64)",
        sizes={
            "small": {"n": 30, "steps": 600},
            "medium": {"n": 2000, "steps": 600},
            "large": {"n": 20_000, "steps": 600},
        },
        inputs=drifting,
        checks=check_tracking,
        bets={},
    ),
)
