"""Stochastic Levenberg-Marquardt: gradient and Gauss-Newton matrix averaged over mini-batches.

The curvature of one mini-batch is too noisy to solve with, and that of all samples too dear. Running averages of both
the batch gradients and the batch matrices are kept, with the bias of their start at zero divided out as in Adam, and
the damped system is solved with the averages (LeCun, Bottou, Orr & Müller, "Efficient BackProp", 1998, whose stochastic
Levenberg-Marquardt averages the diagonal; here the whole matrix of four parameters). Damping follows the batch's own
loss before and after the step, as in Martens, ICML 2010: a step that raises it is taken back. Averages outlive the
point at which they were measured, so their memory must be short beside the way still to go: 0.8 forgets in five steps.

The model is a Gaussian peak on a background, a exp(-((x - b) / c)^2 / 2) + d. The samples carry no noise, so that at
the planted parameters every batch has gradient zero, and the method must end there exactly and not in a cloud around
(the interpolation regime; Vaswani, Bach & Schmidt, AISTATS 2019). Batches are gathered by shuffled row numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .dense import CHOLESKY, cholesky, cholesky_solve


def peak_loss(places: Floats, heights: Floats, rows: Indices, batch: int, peak: Floats) -> float:
    """The mean squared residual / 2 of a peak over the samples in row `batch` of `rows`, (batches, samples).

    `places` and `heights` hold all samples, `peak` is (a, b, c, d). IndexError if a row number or array does not fit;
    ZeroDivisionError for width zero or an empty batch.
    """
    share = 1.0 / rows.shape[1]
    loss = 0.0
    for k in range(rows.shape[1]):
        row = int(rows[batch, k])
        away = (float(places[row]) - float(peak[1])) / float(peak[2])
        miss = float(peak[0]) * math.exp(-0.5 * away * away) + float(peak[3]) - float(heights[row])
        loss += 0.5 * share * miss * miss
    return loss


def peak_averages(
    places: Floats,
    heights: Floats,
    rows: Indices,
    batch: int,
    peak: Floats,
    memory: float,
    gradient: Floats,
    normal: Floats,
) -> None:
    """Fold a batch into the running averages `gradient`, (4,), and the lower triangle of `normal`, (4, 4).

    The old averages weigh `memory`; the other arguments are those of `peak_loss`. IndexError if a row number or
    array does not fit; ZeroDivisionError for width zero or an empty batch.
    """
    share = (1.0 - memory) / rows.shape[1]
    slopes = np.zeros(4)
    for i in range(4):
        gradient[i] = memory * float(gradient[i])
        for j in range(i + 1):
            normal[i, j] = memory * float(normal[i, j])
    for k in range(rows.shape[1]):
        row = int(rows[batch, k])
        away = (float(places[row]) - float(peak[1])) / float(peak[2])
        bell = math.exp(-0.5 * away * away)
        tilt = float(peak[0]) * bell * away / float(peak[2])
        slopes[0] = bell
        slopes[1] = tilt
        slopes[2] = tilt * away
        slopes[3] = 1.0
        miss = float(peak[0]) * bell + float(peak[3]) - float(heights[row])
        for i in range(4):
            scaled = share * float(slopes[i])
            gradient[i] = float(gradient[i]) + scaled * miss
            for j in range(i + 1):
                normal[i, j] = float(normal[i, j]) + scaled * float(slopes[j])


def stochastic_levenberg(
    places: Floats, heights: Floats, rows: Indices, memory: float, peak: Floats, normal: Floats
) -> tuple[float, int]:
    """Fit `peak`, (4,), in place, one step per row of `rows`, (batches, samples); return the damping and steps undone.

    `places` and `heights` hold all samples. `normal`, (4, 4) and zero at first, is left with the average matrix, its
    bias not divided out. IndexError if a row number or array does not fit.
    """
    gradient = np.zeros(4)
    step = np.zeros(4)
    factor = np.zeros((4, 4))
    damping = 0.1
    undone = 0
    fresh = 1.0
    for batch in range(len(rows)):
        loss = peak_loss(places, heights, rows, batch, peak)
        peak_averages(places, heights, rows, batch, peak, memory, gradient, normal)
        fresh *= memory
        weight = 1.0 - fresh
        if cholesky(normal, damping * weight, factor) < 4:
            damping *= 10.0
            continue
        cholesky_solve(factor, gradient, step)
        for i in range(4):
            peak[i] = float(peak[i]) - float(step[i])
        if peak_loss(places, heights, rows, batch, peak) <= loss:
            damping = max(0.7 * damping, 1e-9)
        else:
            damping = min(2.0 * damping, 1e6)
            undone += 1
            for i in range(4):
                peak[i] = float(peak[i]) + float(step[i])
    return damping, undone


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """`samples` points of a peak, `steps` batches of `batch` of them, and a guess."""
    random = np.random.Generator(np.random.PCG64(seed))
    a, b, c, d = np.array([2.0, 0.3, 0.7, 0.5]) * random.uniform(0.8, 1.2, 4)
    places = random.uniform(-3.0, 3.0, size["samples"])
    heights = a * np.exp(-0.5 * ((places - b) / c) ** 2) + d
    rows = random.integers(0, size["samples"], (size["steps"], size["batch"]), dtype=np.int64)
    return places, heights, rows, 0.8, np.array([1.0, 0.0, 1.0, 0.0]), np.zeros((4, 4))


def model(places: Floats, peak: Floats) -> tuple[Floats, Floats]:
    """Heights of the peak at `places`, and their derivatives by its four parameters as a last axis."""
    a, b, c, d = peak
    away = (places - b) / c
    bell = np.exp(-0.5 * away**2)
    slopes = np.stack([bell, a / c * bell * away, a / c * bell * away**2, np.ones_like(away)], axis=-1)
    return a * bell + d, slopes


def checks(before: tuple[Any, ...], result: Any, after: tuple[Any, ...]) -> list[Check]:
    """All noiseless samples are met exactly, and the average matrix is that of the batches there."""
    places, heights, rows, memory, _, _ = before
    found, _ = model(places, after[4])
    _, slopes = model(places[rows], after[4])
    weights = (1.0 - memory) * memory ** np.arange(len(rows) - 1, -1, -1.0)
    average = np.einsum("t,tki,tkj->ij", weights, slopes, slopes) / rows.shape[1]
    return [
        Check("peak", found, heights, 1e-7, "the samples are planted without noise"),
        Check("average matrix", np.tril(after[5]), np.tril(average), 1e-5, "weighted sum over all batches"),
        Check("steps undone beyond half", max(0, result[1] - len(rows) // 2), 0, 0.0, "the damping rule"),
    ]


KERNELS = (
    Kernel(
        name="stochastic_levenberg",
        family="curvature",
        summary="Levenberg-Marquardt on mini-batches with averaged gradient and Gauss-Newton matrix",
        units=(
            Unit(stochastic_levenberg, ("batches", "parameters", "parameters")),
            Unit(peak_averages, ("rows", "columns", "samples of the batch", "rows", "columns")),
            Unit(peak_loss, ("samples of the batch",)),
            *CHOLESKY,
        ),
        signature=(
            "Tuple((float64, int64))(float64[::1], float64[::1], int64[:, ::1], float64, float64[::1], float64[:, ::1])"
        ),
        sizes={
            "small": {"samples": 500, "batch": 16, "steps": 200},
            "medium": {"samples": 50000, "batch": 128, "steps": 1000},
            "large": {"samples": 50000, "batch": 128, "steps": 10000},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
