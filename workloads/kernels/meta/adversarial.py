"""Adversarial perturbations in a box, where the margin has several minima.

Projected descent on the margin within a box of half-width epsilon, by the sign of the gradient (Madry, Makelov,
Schmidt, Tsipras & Vladu, "Towards deep learning models resistant to adversarial attacks", ICLR 2018). One start finds
one minimum. They restart at random for that reason; here the starts are spread over the box. The classifier is a sum of
Gaussians fitted to a chequer board, so several fields of the other colour lie within reach, each with a minimum of its
own. The steps shrink geometrically, since steps of fixed length circle about a minimum. In two dimensions the deepest
minimum is known from a grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def margin_gradient(point: Floats, centres: Floats, heights: Floats, sharpness: float, gradient: Floats) -> float:
    """Write the gradient of f(x) = sum height exp(-sharpness |x - c|^2) into `gradient`, shape (2,); return f.

    `point` x has shape (2,), `centres` c (k, 2), `heights` (k,).
    """
    value = 0.0
    gradient[0] = 0.0
    gradient[1] = 0.0
    for k in range(len(centres)):
        across = float(point[0]) - float(centres[k, 0])
        along = float(point[1]) - float(centres[k, 1])
        bump = float(heights[k]) * math.exp(-sharpness * (across * across + along * along))
        value += bump
        gradient[0] = float(gradient[0]) - 2.0 * sharpness * bump * across
        gradient[1] = float(gradient[1]) - 2.0 * sharpness * bump * along
    return value


def projected_attack(
    points: Floats,
    labels: Indices,
    centres: Floats,
    heights: Floats,
    sharpness: float,
    epsilon: float,
    steps: int,
    perturbations: Floats,
    margins: Floats,
) -> float:
    """Attack all `points`, (n, 2), from all starts `perturbations`, (n, restarts, 2), which lie within `epsilon`.

    `labels`, shape (n,), are 1 or -1; the margin is the label times f of `margin_gradient`. Overwrites each start by
    the perturbation of least margin on its way and writes that into `margins`, (n, restarts). Returns the share of
    points that stay in their class.
    """
    moving = np.zeros(2)
    attacked = np.zeros(2)
    gradient = np.zeros(2)
    robust = 0
    for i in range(len(points)):
        label = float(labels[i])
        least = math.inf
        for r in range(margins.shape[1]):
            step = 0.25 * epsilon
            moving[0] = float(perturbations[i, r, 0])
            moving[1] = float(perturbations[i, r, 1])
            margins[i, r] = math.inf
            for _ in range(steps):
                attacked[0] = float(points[i, 0]) + float(moving[0])
                attacked[1] = float(points[i, 1]) + float(moving[1])
                margin = label * margin_gradient(attacked, centres, heights, sharpness, gradient)
                if margin < float(margins[i, r]):
                    margins[i, r] = margin
                    perturbations[i, r, 0] = float(moving[0])
                    perturbations[i, r, 1] = float(moving[1])
                for k in range(2):
                    towards = math.copysign(step, label * float(gradient[k]))
                    moving[k] = min(epsilon, max(-epsilon, float(moving[k]) - towards))
                step *= 0.85
            least = min(least, float(margins[i, r]))
        if least > 0.0:
            robust += 1
    return robust / len(points)


def chequer_board(points: Any) -> Any:
    """The colours, 1 or -1, of points, shape (n, 2): fields of side 1."""
    return np.where(np.sum(np.floor(points), axis=1) % 2 == 0, 1, -1)


def attack_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A classifier fitted to the colours at its centres; points with the class that it gives them; spread starts."""
    random = np.random.Generator(np.random.PCG64(seed))
    n, side, sharpness, epsilon = size["points"], size["side"], 2.0, 0.4
    centres = random.uniform(-2.0, 2.0, (size["centres"], 2))
    kernel = np.exp(-sharpness * np.sum((centres[:, None] - centres) ** 2, axis=2))
    heights = np.linalg.solve(kernel + 0.1 * np.eye(len(centres)), chequer_board(centres))
    points = random.uniform(-1.5, 1.5, (n, 2))
    values = np.exp(-sharpness * np.sum((points[:, None] - centres) ** 2, axis=2)) @ heights
    labels = np.where(values > 0.0, 1, -1).astype(np.int64)
    parts = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    starts = epsilon * (2.0 * (parts + random.random((n, side * side, 2))) / side - 1.0)
    margins = np.zeros((n, side * side))
    return points, labels, centres, heights, sharpness, epsilon, size["steps"], starts, margins


def margins_near(places: Any, label: int, arguments: tuple[Any, ...]) -> Any:
    """The margins of places, shape (m, 2), by the classifier of the arguments of `projected_attack`."""
    centres, heights, sharpness = arguments[2:5]
    return label * np.exp(-sharpness * np.sum((places[:, None] - centres) ** 2, axis=2)) @ heights


def attack_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The margins in NumPy, no change beyond the box, and the deepest minimum of every box on a grid."""
    points, labels, epsilon = before[0], before[1], before[5]
    side = np.linspace(-epsilon, epsilon, 61)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    pairs = list(zip(points, labels, strict=True))
    margins = np.array(
        [margins_near(point + ways, label, before) for (point, label), ways in zip(pairs, after[7], strict=True)]
    )
    deepest = np.array([margins_near(point + grid, label, before).min() for point, label in pairs])
    least = after[8].min(axis=1)
    return [
        Check("margins", after[8], margins, 1e-11, "the classifier in NumPy"),
        Check("reach", max(float(np.abs(after[7]).max()), epsilon), epsilon, 0.0, "the box"),
        Check("deepest minimum", least, deepest, 0.01, "a grid of 61 by 61 points"),
        Check("robust share", result, np.mean(deepest > 0.0), 1e-12, "the grid"),
    ]


KERNELS = (
    Kernel(
        name="projected_attack",
        family="meta",
        summary="adversarial perturbations in a box, by projected sign descent from several starts",
        units=(
            Unit(projected_attack, ("points", "restarts", "steps", "dimensions")),
            Unit(margin_gradient, ("centres",)),
        ),
        signature="float64(float64[:,::1], int64[::1], float64[:,::1], float64[::1], float64, float64, int64, "
        "float64[:,:,::1], float64[:,::1])",
        sizes={
            "small": {"points": 4, "side": 3, "centres": 40, "steps": 30},
            "medium": {"points": 60, "side": 4, "centres": 40, "steps": 30},
            "large": {"points": 600, "side": 4, "centres": 40, "steps": 30},
        },
        inputs=attack_inputs,
        checks=attack_checks,
        bets={},
    ),
)
