"""Mask and source of a projector fitted by descent along the gradient of `source_mask`.

Every step finds the best source for the mask as it is and moves the mask by the gradient that takes the source's answer
into account. The mask is the sigmoid of free levels, as is usual in inverse lithography (Poonawala, Milanfar, IEEE
Transactions on Image Processing 16, 2007, 774); the steps are Polyak's heavy ball (USSR Computational Mathematics and
Mathematical Physics 4(5), 1964, 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats
from .source_mask import GRADIENT, SHORT, best_source, lines, loss, projector, source_mask_gradient


def source_mask_fit(
    levels: Floats,
    target: Floats,
    real: Floats,
    imaginary: Floats,
    ridge: float,
    rate: float,
    momentum: float,
    steps: int,
    source: Floats,
) -> float:
    """Fit the mask in place by heavy-ball descent; write the best source for it, return the loss.

    `levels`, shape (n,), are what a sigmoid turns into the mask, so that it stays between dark and bright. The other
    arrays are those of `source_mask_gradient`.
    """
    n = len(levels)
    mask, gradient, velocity = np.zeros(n), np.zeros(n), np.zeros(n)
    for x in range(n):
        mask[x] = 1.0 / (1.0 + math.exp(-float(levels[x])))
    for _ in range(steps):
        source_mask_gradient(mask, target, real, imaginary, ridge, source, gradient)
        for x in range(n):
            bright = float(mask[x])
            speed = momentum * float(velocity[x]) - rate * float(gradient[x]) * bright * (1.0 - bright)
            velocity[x] = speed
            levels[x] = float(levels[x]) + speed
            mask[x] = 1.0 / (1.0 + math.exp(-float(levels[x])))
    return source_mask_gradient(mask, target, real, imaginary, ridge, source, gradient)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """The target itself, shifted by half the width of the projector, as a mask neither dark nor bright."""
    _, target = lines(size, seed)
    levels = 2.0 * np.roll(target, -4) - 1.0
    return levels, target, *projector(5, 9), 0.05 * len(target), 1.0, 0.9, size["steps"], np.zeros(5)


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The source is the best for the mask, the loss is theirs, and a third of that of the first mask or less."""
    start, *optics, _, _, _, _ = before
    mask = 1.0 / (1.0 + np.exp(-after[0]))
    first = float(loss(1.0 / (1.0 + np.exp(-start)), *optics))
    return [
        Check("source", after[8], best_source(mask, *optics)[0], 1e-10, "normal equations, numpy.linalg.solve"),
        Check("loss", result, loss(mask, *optics), 1e-9, "vectorised NumPy"),
        Check("loss", min(result, first / 3.0), result, 0.0, "descent: at most a third of the loss before"),
    ]


KERNELS = (
    Kernel(
        name="source_mask_fit",
        family="science",
        summary="bilevel fit of source and mask of a projector by heavy-ball descent",
        units=(Unit(source_mask_fit, ("pixels", "steps", "pixels")), *GRADIENT),
        signature=(
            "float64(float64[::1], float64[::1], float64[:,::1], float64[:,::1], float64, float64, float64, int64,"
            " float64[::1])"
        ),
        sizes={
            "small": {"pixels": 32, "steps": 15},
            "medium": {"pixels": 64, "steps": 250},
            "large": {"pixels": 256, "steps": 600},
        },
        inputs=inputs,
        checks=checks,
        bets=SHORT,
    ),
)
