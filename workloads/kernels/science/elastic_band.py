"""The forces of a nudged elastic band on the surface of Muller and Brown.

A chain of images is pulled onto the minimum-energy path between two minima. Each image feels the true force across
the path and a spring along it (Jonsson, Mills, Jacobsen, in Classical and Quantum Dynamics in Condensed Phase
Simulations, 1998), with the tangent towards the higher neighbour that cured the kinks (Henkelman, Jonsson, Journal of
Chemical Physics 113, 2000, 9978). The highest image climbs: its force along the path is turned round and it feels no
spring, so it ends on the saddle itself (Henkelman, Uberuaga, Jonsson, ibid. 9901).

The surface (Theoretica Chimica Acta 53, 1979, 75) has two published saddles, -40.665 at (-0.822, 0.624) and -72.249
at (0.212, 0.293); a band between the two outer minima must cross both. `band_relaxation` moves bands; here is the one
sweep over the images that every step of it makes. The check does the sweep in vectorised NumPy, with the gradient by
complex step from the energy alone (Squire, Trapp, SIAM Review 40, 1998, 110).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats

HEIGHT = (-200.0, -100.0, -170.0, 15.0)
XX = (-1.0, -1.0, -6.5, 0.7)
XY = (0.0, 0.0, 11.0, 0.6)
YY = (-10.0, -10.0, -6.5, 0.7)
X0 = (1.0, 0.0, -0.5, -1.0)
Y0 = (0.0, 0.5, 1.5, 1.0)
"""The four exponentials of the surface: heights, quadratic forms, centres."""

MINIMA = ((-0.558223634633, 1.441725841805), (0.623499404931, 0.028037758529))
"""The two outer minima, -146.700 and -108.167, to twelve digits; published to three."""


def muller_brown(x: float, y: float) -> tuple[float, float, float]:
    """Return the energy of the surface at (x, y) and the force there, minus the gradient, along x and y."""
    energy = 0.0
    force_x = 0.0
    force_y = 0.0
    for k in range(4):
        u = x - X0[k]
        v = y - Y0[k]
        term = HEIGHT[k] * math.exp(XX[k] * u * u + XY[k] * u * v + YY[k] * v * v)
        energy += term
        force_x -= term * (2.0 * XX[k] * u + XY[k] * v)
        force_y -= term * (XY[k] * u + 2.0 * YY[k] * v)
    return energy, force_x, force_y


def tangent_weights(before: float, here: float, after: float) -> tuple[float, float]:
    """Return what the segments behind and ahead of an image count in its tangent, from the three energies."""
    if after > here and here > before:
        return 0.0, 1.0
    if after < here and here < before:
        return 1.0, 0.0
    more = max(abs(after - here), abs(before - here))
    less = min(abs(after - here), abs(before - here))
    if after > before:
        return less, more
    return more, less


def band_forces(band: Floats, spring: float, climb: bool, energies: Floats, forces: Floats) -> float:
    """Write energies, shape (images,), and nudged forces; return the largest force on an image.

    `band` and `forces` hold x and y of each image in turn, shape (2 images,); there are at least three images and no
    two neighbours coincide (else ZeroDivisionError). The end images feel no force. With `climb` the highest one in
    between climbs.
    """
    images = len(energies)
    for i in range(images):
        energy, force_x, force_y = muller_brown(float(band[2 * i]), float(band[2 * i + 1]))
        energies[i] = energy
        forces[2 * i] = force_x
        forces[2 * i + 1] = force_y
    highest = 1
    for i in range(2, images - 1):
        if float(energies[i]) > float(energies[highest]):
            highest = i
    largest = 0.0
    for i in range(1, images - 1):
        back_x = float(band[2 * i]) - float(band[2 * i - 2])
        back_y = float(band[2 * i + 1]) - float(band[2 * i - 1])
        ahead_x = float(band[2 * i + 2]) - float(band[2 * i])
        ahead_y = float(band[2 * i + 3]) - float(band[2 * i + 1])
        behind, ahead = tangent_weights(float(energies[i - 1]), float(energies[i]), float(energies[i + 1]))
        along_x = behind * back_x + ahead * ahead_x
        along_y = behind * back_y + ahead * ahead_y
        length = math.sqrt(along_x * along_x + along_y * along_y)
        along_x = along_x / length
        along_y = along_y / length
        pushed = float(forces[2 * i]) * along_x + float(forces[2 * i + 1]) * along_y
        change = -2.0 * pushed
        if not (climb and i == highest):
            stretch = math.sqrt(ahead_x * ahead_x + ahead_y * ahead_y) - math.sqrt(back_x * back_x + back_y * back_y)
            change = spring * stretch - pushed
        force_x = float(forces[2 * i]) + change * along_x
        force_y = float(forces[2 * i + 1]) + change * along_y
        forces[2 * i] = force_x
        forces[2 * i + 1] = force_y
        largest = max(largest, force_x * force_x + force_y * force_y)
    forces[0] = 0.0
    forces[1] = 0.0
    forces[2 * images - 2] = 0.0
    forces[2 * images - 1] = 0.0
    return math.sqrt(largest)


def surface(x: Any, y: Any) -> Any:
    """The energy at points of any shape, real or complex, in vectorised NumPy."""
    u, v = x[..., None] - np.array(X0), y[..., None] - np.array(Y0)
    return np.sum(HEIGHT * np.exp(XX * u * u + XY * u * v + YY * v * v), axis=-1)


def surface_force(points: Floats) -> Floats:
    """Minus the gradient of `surface` at points of shape (n, 2), by complex step."""
    x, y = points[:, 0], points[:, 1]
    return -np.stack([surface(x + 1e-30j, y + 0j).imag, surface(x + 0j, y + 1e-30j).imag], 1) / 1e-30


def nudged(points: Floats, spring: float, climb: bool) -> tuple[Floats, Floats]:
    """Nudged forces and tangents at the images between the ends of `points`, shape (n, 2), in vectorised NumPy."""
    energies = surface(points[:, 0], points[:, 1])
    segments = np.diff(points, axis=0)
    rises = np.diff(energies)
    back, ahead = segments[:-1], segments[1:]
    steep, flat = np.maximum(*np.abs((rises[:-1], rises[1:]))), np.minimum(*np.abs((rises[:-1], rises[1:])))
    upward, downward = (rises[:-1] > 0) & (rises[1:] > 0), (rises[:-1] < 0) & (rises[1:] < 0)
    to_the_right = energies[2:] > energies[:-2]
    forward = np.select([upward, downward, to_the_right], [1.0, 0.0, steep], flat)
    backward = np.select([upward, downward, to_the_right], [0.0, 1.0, flat], steep)
    tangents = forward[:, None] * ahead + backward[:, None] * back
    tangents /= np.linalg.norm(tangents, axis=1)[:, None]
    forces = surface_force(points)[1:-1]
    along = np.sum(forces * tangents, axis=1)
    pull = spring * (np.linalg.norm(ahead, axis=1) - np.linalg.norm(back, axis=1))
    if climb:
        top = int(np.argmax(energies[1:-1]))
        pull[top] = -along[top]
    return forces + (pull - along)[:, None] * tangents, tangents


def start(images: int, seed: int) -> Floats:
    """A band between the outer minima, bent to the side and shaken at random; shape (images, 2)."""
    random = np.random.Generator(np.random.PCG64(seed))
    way = np.linspace(0.0, 1.0, images)[:, None]
    band = (1.0 - way) * np.array(MINIMA[0]) + way * np.array(MINIMA[1])
    band += np.sin(np.pi * way) * np.array([-0.3, -0.1])
    band[1:-1] += random.uniform(-0.1, 0.1, (images - 2, 2)) / images
    return cast(Floats, band)


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A band of `images`, with a spring of 10 for each, the highest one climbing."""
    images = size["images"]
    return start(images, seed).reshape(-1), 10.0 * images, True, np.zeros(images), np.zeros(2 * images)


def checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """Energies, forces and the largest of them, each by another route."""
    points = before[0].reshape(-1, 2)
    forces = np.zeros_like(points)
    forces[1:-1], _ = nudged(points, before[1], before[2])
    norms = np.linalg.norm(forces, axis=1)
    source = "vectorised NumPy, gradient by complex step"
    return [
        Check("energies", after[3], surface(points[:, 0], points[:, 1]), 1e-9, "vectorised NumPy"),
        Check("forces", after[4], forces.reshape(-1), 1e-9 * float(norms.max()), source),
        Check("largest force", result, float(norms.max()), 1e-9 * float(norms.max()), source),
    ]


BAND_FORCES = (
    Unit(band_forces, ("images", "inner images", "inner images")),
    Unit(tangent_weights),
    Unit(muller_brown, ("terms of the surface",)),
)
"""The sweep and what it calls."""

KERNELS = (
    Kernel(
        name="band_forces",
        family="science",
        summary="forces of a nudged elastic band with a climbing image on the Muller-Brown surface",
        units=BAND_FORCES,
        signature="float64(float64[::1], float64, boolean, float64[::1], float64[::1])",
        sizes={"small": {"images": 2500}, "medium": {"images": 120000}, "large": {"images": 1200000}},
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
