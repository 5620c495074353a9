"""Source and mask of a projector fitted together: two problems, one inside the other.

In lithography a mask is imaged by a few points of light, each of which gives a coherent image of its own; their
intensities add up, weighted by the source (Abbe). The mask should print a target through a resist that responds to a
threshold. Joint fits of source and mask (Rosenbluth et al., Journal of Microlithography 1, 2002, 13) have lately been
stated as bilevel problems: the source is the best one for the mask, the mask is chosen knowing that (Chen et al.,
"Efficient bilevel source mask optimization", Design Automation Conference 2024).

Here the image is a line of pixels that closes on itself. The lower problem fits the sum of intensities B j to the
target t: min |B j - t|^2 + r |j - 1/s|^2, a ridge that pulls towards an even source and takes the place of a bound at
zero. The upper loss is the sum of squares of sigmoid(steepness (B j - threshold)) - t. Its gradient by the mask goes
through the lower solution by the implicit function theorem: with A = B'B + r and the adjoint A l = B' dL/dI, a change
of B by dB adds -(l' dB' (B j - t) + (B l)' dB j) to dL = (dL/dI)' dB j (Pedregosa, ICML 2016, with the exact Hessian,
since A is small). The check differentiates the whole, lower solution included, by complex steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

STEEPNESS = 12.0
THRESHOLD = 0.4
"""The resist: how sharply it answers, and at which intensity."""


def expose(mask: Floats, real: Floats, imaginary: Floats, fields: Floats, intensities: Floats) -> None:
    """Write the coherent field of each source point into `fields`, (2, s, n), and its intensity into `intensities`.

    `mask` has shape (n,), `real` and `imaginary` shape (s, taps): what a bright pixel adds to the field at its own
    place and at those after it. `intensities` has shape (n, s).
    """
    n = len(mask)
    points, taps = real.shape
    for s in range(points):
        for x in range(n):
            total_real = 0.0
            total_imaginary = 0.0
            for d in range(taps):
                bright = float(mask[(x + n - d) % n])
                total_real += float(real[s, d]) * bright
                total_imaginary += float(imaginary[s, d]) * bright
            fields[0, s, x] = total_real
            fields[1, s, x] = total_imaginary
            intensities[x, s] = total_real * total_real + total_imaginary * total_imaginary


def factorize(matrix: Floats) -> None:
    """Put the Cholesky factor of a positive definite `matrix`, shape (s, s), into its lower triangle."""
    n = len(matrix)
    for i in range(n):
        for j in range(i + 1):
            total = float(matrix[i, j])
            for k in range(j):
                total -= float(matrix[i, k]) * float(matrix[j, k])
            if i == j:
                matrix[i, i] = math.sqrt(total)
            else:
                matrix[i, j] = total / float(matrix[j, j])


def substitute(factor: Floats, unknown: Floats) -> None:
    """Solve in place for the right side `unknown`, shape (s,), with the Cholesky `factor`."""
    n = len(unknown)
    for i in range(n):
        total = float(unknown[i])
        for k in range(i):
            total -= float(factor[i, k]) * float(unknown[k])
        unknown[i] = total / float(factor[i, i])
    for i in range(n - 1, -1, -1):
        total = float(unknown[i])
        for k in range(i + 1, n):
            total -= float(factor[k, i]) * float(unknown[k])
        unknown[i] = total / float(factor[i, i])


def fit_source(intensities: Floats, target: Floats, ridge: float, factor: Floats, source: Floats) -> None:
    """Write the best source, shape (s,), and the Cholesky factor of its normal equations, shape (s, s).

    `intensities` has shape (n, s), `target` (n,); `ridge` is positive.
    """
    n, points = intensities.shape
    for i in range(points):
        source[i] = ridge / points
        for j in range(points):
            factor[i, j] = 0.0
        factor[i, i] = ridge
    for x in range(n):
        for i in range(points):
            here = float(intensities[x, i])
            source[i] = float(source[i]) + here * float(target[x])
            for j in range(i + 1):
                factor[i, j] = float(factor[i, j]) + here * float(intensities[x, j])
    factorize(factor)
    substitute(factor, source)


def source_mask_gradient(
    mask: Floats, target: Floats, real: Floats, imaginary: Floats, ridge: float, source: Floats, gradient: Floats
) -> float:
    """Return the loss of `mask` under its best source; write that source and the gradient by the mask.

    `mask`, `target` and `gradient` have shape (n,), `real` and `imaginary` (s, taps), `source` (s,).
    """
    n = len(mask)
    points, taps = real.shape
    fields, intensities = np.zeros((2, points, n)), np.zeros((n, points))
    factor, adjoint = np.zeros((points, points)), np.zeros(points)
    misfit, slope = np.zeros(n), np.zeros(n)
    expose(mask, real, imaginary, fields, intensities)
    fit_source(intensities, target, ridge, factor, source)
    loss = 0.0
    for x in range(n):
        light = 0.0
        for s in range(points):
            light += float(intensities[x, s]) * float(source[s])
        printed = 1.0 / (1.0 + math.exp(STEEPNESS * (THRESHOLD - light)))
        error = printed - float(target[x])
        loss += error * error
        misfit[x] = light - float(target[x])
        slope[x] = 2.0 * error * STEEPNESS * printed * (1.0 - printed)
        for s in range(points):
            adjoint[s] = float(adjoint[s]) + float(intensities[x, s]) * float(slope[x])
    substitute(factor, adjoint)
    for x in range(n):
        gradient[x] = 0.0
    for x in range(n):
        echo = 0.0
        for s in range(points):
            echo += float(intensities[x, s]) * float(adjoint[s])
        for s in range(points):
            push = (float(slope[x]) - echo) * float(source[s]) - float(adjoint[s]) * float(misfit[x])
            by_real = 2.0 * push * float(fields[0, s, x])
            by_imaginary = 2.0 * push * float(fields[1, s, x])
            for d in range(taps):
                y = (x + n - d) % n
                change = by_real * float(real[s, d]) + by_imaginary * float(imaginary[s, d])
                gradient[y] = float(gradient[y]) + change
    return loss


def best_source(mask: Any, target: Floats, real: Floats, imaginary: Floats, ridge: float) -> tuple[Any, Any]:
    """The best source and the light that it gives, for a mask real or complex, in vectorised NumPy."""
    n, (points, taps) = len(mask), real.shape
    seen = mask[(np.arange(n)[:, None] - np.arange(taps)) % n]
    intensities = (seen @ real.T) ** 2 + (seen @ imaginary.T) ** 2
    normal = intensities.T @ intensities + ridge * np.eye(points)
    source = np.linalg.solve(normal, intensities.T @ target + ridge / points)
    return source, intensities @ source


def loss(mask: Any, target: Floats, real: Floats, imaginary: Floats, ridge: float) -> Any:
    """The upper loss as a function of the mask alone, real or complex."""
    _, light = best_source(mask, target, real, imaginary, ridge)
    return np.sum((1.0 / (1.0 + np.exp(STEEPNESS * (THRESHOLD - light))) - target) ** 2)


def slopes(mask: Floats, directions: Floats, *optics: Any) -> Floats:
    """The derivatives of `loss` along the rows of `directions`, by complex step."""
    return np.array([loss(mask + 1e-30j * row, *optics).imag / 1e-30 for row in directions])


def projector(points: int, taps: int) -> tuple[Floats, Floats]:
    """What a bright pixel adds to the field: a sinc cut off smoothly, turned by the slant of each source point."""
    places = np.arange(taps) - 0.5 * (taps - 1)
    spread = np.sinc(0.35 * places) * np.hanning(taps + 2)[1:-1]
    turns = 0.6 * np.outer(np.linspace(-1.0, 1.0, points), places)
    spread /= spread.sum()
    return np.ascontiguousarray(spread * np.cos(turns)), np.ascontiguousarray(spread * np.sin(turns))


def lines(size: Mapping[str, int], seed: int) -> tuple[np.random.Generator, Floats]:
    """A target of dark and bright runs of four to eight `pixels`."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["pixels"]
    return random, np.repeat(np.arange(n) % 2, random.integers(4, 9, n))[:n].astype(np.float64)


def inputs_gradient(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A random mask; five source points and nine taps."""
    random, target = lines(size, seed)
    n = len(target)
    return random.uniform(0.05, 0.95, n), target, *projector(5, 9), 0.05 * n, np.zeros(5), np.zeros(n)


def checks_gradient(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The source, the loss, and the gradient in random directions, through the lower solution."""
    mask, *optics, _, _ = before
    directions = np.random.Generator(np.random.PCG64(1)).standard_normal((8, len(mask)))
    expected = slopes(mask, directions, *optics)
    size = float(np.abs(expected).max())
    return [
        Check("source", after[5], best_source(mask, *optics)[0], 1e-10, "normal equations, numpy.linalg.solve"),
        Check("loss", result, loss(mask, *optics), 1e-9 * result, "vectorised NumPy"),
        Check("slopes along eight directions", directions @ after[6], expected, 1e-8 * size, "complex step"),
    ]


GRADIENT = (
    Unit(
        source_mask_gradient,
        ("pixels", "source points", "source points", "pixels", "pixels", *2 * ("source points",), "taps"),
    ),
    Unit(expose, ("source points", "pixels", "taps")),
    Unit(fit_source, ("source points", "source points", "pixels", "source points", "source points")),
    Unit(factorize, ("rows", "columns", "columns before")),
    Unit(substitute, ("rows", "rows before", "rows", "rows after")),
)
SHORT = {"constant_shapes": "nine taps and five source points are all inner trip counts"}

KERNELS = (
    Kernel(
        name="source_mask_gradient",
        family="science",
        summary="gradient of a printed image by its mask, through the best source for that mask",
        units=GRADIENT,
        signature=(
            "float64(float64[::1], float64[::1], float64[:,::1], float64[:,::1], float64, float64[::1], float64[::1])"
        ),
        sizes={"small": {"pixels": 150}, "medium": {"pixels": 15000}, "large": {"pixels": 150000}},
        inputs=inputs_gradient,
        checks=checks_gradient,
        bets=SHORT,
    ),
)
