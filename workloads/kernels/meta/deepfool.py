"""Adversarial perturbations across a boundary: the distance of an input to each of the other classes.

DeepFool (Moosavi-Dezfooli, Fawzi & Frossard, CVPR 2016) looks for the nearest boundary: Newton's method on the
difference of two class scores along its gradient. Applied to every other class in turn, as in a targeted attack, it
gives one local minimum of the distance per class, and the least of these is the robustness of the input. With class
scores -s |x - c|^2 / 2 the boundaries are the spheres of Apollonius, the gradient points along the radius, and the
method must arrive at the nearest point of the sphere, whose distance is in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def squared_distance(point: Floats, centre: Floats) -> float:
    """|point - centre|^2 for two arrays of shape (d,)."""
    square = 0.0
    for j in range(len(point)):
        offset = float(point[j]) - float(centre[j])
        square += offset * offset
    return square


def deepfool_targets(
    points: Floats, labels: Indices, centres: Floats, precisions: Floats, steps: int, distances: Floats
) -> float:
    """Write the distance of every point to every other class, found by Newton steps, into `distances`, (n, classes).

    The score of a class is -precision |x - centre|^2 / 2; `centres` have shape (classes, d), `precisions` (classes,),
    `points` (n, d), and `labels`, their classes, (n,). At most `steps` steps per class. Returns the mean over
    points of the least distance. ZeroDivisionError for a point where two scores have the same gradient.
    """
    moving = np.zeros(points.shape[1])
    gradient = np.zeros(points.shape[1])
    total = 0.0
    for i in range(len(points)):
        own = int(labels[i])
        least = math.inf
        for k in range(len(centres)):
            distances[i, k] = 0.0
            if k == own:
                continue
            for j in range(len(moving)):
                moving[j] = float(points[i, j])
            for _ in range(steps):
                excess = 0.5 * float(precisions[own]) * squared_distance(moving, centres[own])
                excess -= 0.5 * float(precisions[k]) * squared_distance(moving, centres[k])
                square = 0.0
                for j in range(len(moving)):
                    slope = float(precisions[own]) * (float(moving[j]) - float(centres[own, j]))
                    slope -= float(precisions[k]) * (float(moving[j]) - float(centres[k, j]))
                    gradient[j] = slope
                    square += slope * slope
                for j in range(len(moving)):
                    moving[j] = float(moving[j]) - excess / square * float(gradient[j])
                if excess * excess < 1e-26 * square:
                    break
            distance = math.sqrt(squared_distance(moving, points[i]))
            distances[i, k] = distance
            least = min(least, distance)
        total += least
    return total / len(points)


def deepfool_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Classes of different precisions, and points that belong to the class of their highest score."""
    random = np.random.Generator(np.random.PCG64(seed))
    centres = random.normal(size=(size["classes"], size["d"]))
    precisions = random.permutation(np.geomspace(0.5, 2.0, size["classes"]))
    points = 0.5 * random.normal(size=(size["points"], size["d"]))
    squares = np.sum((points[:, None] - centres) ** 2, axis=2)
    labels = np.argmin(precisions * squares, axis=1).astype(np.int64)
    return points, labels, centres, precisions, size["steps"], np.zeros(squares.shape)


def apollonius_distances(points: Any, labels: Any, centres: Any, precisions: Any) -> Any:
    """The distances of points to the spheres on which their own score equals another one, shape (n, classes)."""
    own, own_centres = precisions[labels, None], centres[labels, None]
    gap = np.where(precisions == own, 1.0, precisions - own)
    middles = (precisions[:, None] * centres - own[..., None] * own_centres) / gap[..., None]
    radii = np.sqrt(precisions * own) * np.linalg.norm(centres - own_centres, axis=2) / np.abs(gap)
    distances = np.abs(np.linalg.norm(points[:, None] - middles, axis=2) - radii)
    distances[np.arange(len(points)), labels] = 0.0
    return distances


def deepfool_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """All distances in closed form, and the least of each point."""
    points, labels, centres, precisions = before[:4]
    distances = apollonius_distances(points, labels, centres, precisions)
    others = np.where(np.arange(len(centres)) == labels[:, None], np.inf, distances)
    source = "closed form: distance to a sphere of Apollonius"
    return [
        Check("distances", after[5], distances, 1e-9, source),
        Check("robustness", result, others.min(axis=1).mean(), 1e-9, source),
    ]


KERNELS = (
    Kernel(
        name="deepfool_targets",
        family="meta",
        summary="distance to every other class by DeepFool's Newton steps: one local minimum per class",
        units=(
            Unit(deepfool_targets, ("points", "classes", "dimensions", "steps", "dimensions", "dimensions")),
            Unit(squared_distance, ("dimensions",)),
        ),
        signature="float64(float64[:,::1], int64[::1], float64[:,::1], float64[::1], int64, float64[:,::1])",
        sizes={
            "small": {"points": 100, "classes": 5, "d": 8, "steps": 60},
            "medium": {"points": 2000, "classes": 10, "d": 8, "steps": 60},
            "large": {"points": 20000, "classes": 10, "d": 8, "steps": 60},
        },
        inputs=deepfool_inputs,
        checks=deepfool_checks,
        bets={},
    ),
)
