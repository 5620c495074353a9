"""Diffusion on two shapes of space whose neighbours are computed: a flat box, and a ring.

Explicit steps of the heat equation (J. Crank, The Mathematics of Diffusion, 1975, chapter 8) multiply each wave by a
factor of its own, which is the closed form that both are held to.

In the box, three dimensions lie in one array. A neighbour above is `here - height * width`, and only a bet tells the
compiler that it does not wrap below zero, where Python counts from the end. On the ring, the neighbour's place is a
remainder by the number of places, an argument that never changes: a division per access, or a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def heat_box(heat: Floats, other: Floats, height: int, width: int, share: float, pairs: int) -> None:
    """Diffuse in a box for `pairs` times two steps; layers of `height` rows of `width` lie one behind the other.

    `heat` and `other` have shape (layers * height * width,); the faces of the box stay as they are in both. Per step a
    cell gives `share` of its excess over each of six neighbours.
    """
    for _ in range(pairs):
        heat_step(heat, other, height, width, share)
        heat_step(other, heat, height, width, share)


def heat_step(heat: Floats, after: Floats, height: int, width: int, share: float) -> None:
    """Write one step from `heat` to the inner cells of `after`; shapes as in `heat_box`."""
    layer = height * width
    for i in range(1, len(heat) // layer - 1):
        for j in range(1, height - 1):
            for k in range(1, width - 1):
                here = i * layer + j * width + k
                around = float(heat[here - 1]) + float(heat[here + 1])
                around += float(heat[here - width]) + float(heat[here + width])
                around += float(heat[here - layer]) + float(heat[here + layer])
                centre = float(heat[here])
                after[here] = centre + share * (around - 6.0 * centre)


def heat_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Noise in a cube of n cells a side within faces of zero; the share is 0.1, below the limit of a sixth."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    heat = np.zeros((n + 2, n + 2, n + 2))
    heat[1:-1, 1:-1, 1:-1] = random.normal(size=(n, n, n))
    return heat.reshape(-1), np.zeros(heat.size), n + 2, n + 2, 0.1, size["pairs"]


def heat_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """A product of sine waves shrinks by 1 - 2 share (3 - cos a - cos b - cos c) per step."""
    heat, _, height, width, share, pairs = before
    n = height - 2
    angles = np.arange(1, n + 1) * np.pi / (n + 1)
    modes = np.sin(np.outer(np.arange(1, n + 1), angles)) * np.sqrt(2.0 / (n + 1))
    cosines = np.cos(angles)
    factors = 1.0 - 2.0 * share * (3.0 - cosines[:, None, None] - cosines[:, None] - cosines)
    waves = _transformed(heat.reshape(-1, height, width)[1:-1, 1:-1, 1:-1], modes)
    checks = []
    for what, found, steps in (("heat", after[0], 2 * pairs), ("heat one step earlier", after[1], 2 * pairs - 1)):
        end = np.pad(_transformed(waves * factors**steps, modes), 1)
        checks.append(Check(what, found, end.reshape(-1), 1e-12, "sine transform"))
    return checks


def _transformed(cube: Floats, modes: Floats) -> Any:
    for _ in range(3):
        cube = np.tensordot(cube, modes, axes=(0, 0))
    return cube


def ring_diffusion(state: Floats, other: Floats, places: int, pairs: int) -> None:
    """Diffuse on a ring for `pairs` times two steps; `state` and `other` have shape (places,).

    Each step keeps half of a place and takes a quarter of either side.
    """
    for _ in range(pairs):
        ring_step(state, other, places)
        ring_step(other, state, places)


def ring_step(state: Floats, after: Floats, places: int) -> None:
    """Write one step from `state` to `after`, both (places,)."""
    for i in range(places):
        beside = float(state[(i + places - 1) % places]) + float(state[(i + 1) % places])
        after[i] = 0.5 * float(state[i]) + 0.25 * beside


def ring_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Noise on the ring."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.normal(size=size["places"]), np.zeros(size["places"]), size["places"], size["pairs"]


def ring_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """A wave around the ring shrinks by cos^2(k / 2) per step."""
    state, _, places, pairs = before
    shrink = np.cos(np.pi * np.arange(places // 2 + 1) / places) ** 2
    end = np.fft.irfft(np.fft.rfft(state) * shrink ** (2 * pairs), places)
    last = np.fft.irfft(np.fft.rfft(state) * shrink ** (2 * pairs - 1), places)
    return [
        Check("state", after[0], end, 1e-12, "Fourier series of diffusion on a ring"),
        Check("state one step earlier", after[1], last, 1e-12, "Fourier series of diffusion on a ring"),
    ]


KERNELS = (
    Kernel(
        name="heat_box",
        family="classics",
        summary="diffusion in a box whose three dimensions lie in one array",
        units=(Unit(heat_box, ("pairs of steps",)), Unit(heat_step, ("layers", "rows", "columns"))),
        signature="none(float64[::1], float64[::1], int64, int64, float64, int64)",
        sizes={
            "small": {"n": 14, "pairs": 3},
            "medium": {"n": 30, "pairs": 20},
            "large": {"n": 40, "pairs": 80},
        },
        inputs=heat_inputs,
        checks=heat_checks,
        bets={
            "no_overflow": "`here` and its six neighbours stay at or above zero",
            "constant_values": "with `height` and `width` known, all neighbours are at known distances",
        },
    ),
    Kernel(
        name="ring_diffusion",
        family="classics",
        summary="diffusion on a ring whose ends meet by a remainder",
        units=(Unit(ring_diffusion, ("pairs of steps",)), Unit(ring_step, ("places",))),
        signature="none(float64[::1], float64[::1], int64, int64)",
        sizes={
            "small": {"places": 1000, "pairs": 15},
            "medium": {"places": 10000, "pairs": 80},
            "large": {"places": 10000, "pairs": 800},
        },
        inputs=ring_inputs,
        checks=ring_checks,
        bets={
            "constant_values": "`places` divides, twice per place",
            "constant_shapes": "both arrays are `places` long, so no remainder lies outside of them",
        },
    ),
)
