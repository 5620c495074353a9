"""Phases of an array that make its channels add up: alignment by the coherence of the beam.

Every channel of an array sees the same wave with a phase error of its own. Coherence is the power of the sum over what
it would be if all channels agreed: |sum x|^2 / (n sum |x|^2), averaged over snapshots, the coherence factor of Mallart
and Fink (Journal of the Acoustical Society of America 96, 1994, 3721). It is one exactly where all channels are equal.
Making the beam bright is the standard way to take out phase errors without a reference (Nock, Trahey, Smith, ibid. 85,
1989, 1819); since phases leave the denominator alone, brightness and coherence have the same maximum.

`align_phases` turns one channel after the other against the beam of all the others, which maximises coherence over that
phase exactly; a sweep never loses. At the end each phase is that of its row of the covariance times all the others,
which the check computes with complex matrices, as it does the coherence.

`parallel_perturbation` has no snapshots, only the brightness of one beam: it nudges all phases at once, to and fro, and
moves along the nudge in proportion to what that gained (stochastic parallel gradient descent; Vorontsov, Sivokon,
Journal of the Optical Society of America A 15, 1998, 2745). The nudges are given, so that runs agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats


def add_channel(
    real: Floats, imaginary: Floats, cosine: float, sine: float, beam_real: Floats, beam_imaginary: Floats
) -> None:
    """Add a channel's snapshots, turned by the phase of that `cosine` and `sine`, to the beam; all of shape (k,)."""
    for k in range(len(real)):
        x = float(real[k])
        y = float(imaginary[k])
        beam_real[k] = float(beam_real[k]) + cosine * x - sine * y
        beam_imaginary[k] = float(beam_imaginary[k]) + cosine * y + sine * x


def align_phases(real: Floats, imaginary: Floats, cosines: Floats, sines: Floats, sweeps: int) -> float:
    """Find the phases that align the channels, in place, in `sweeps` sweeps over all; return the coherence reached.

    `real` and `imaginary` hold the snapshots, shape (channels, k); `cosines` and `sines`, shape (channels,), the
    phase by which each channel is turned. A channel that agrees with nothing keeps its phase. ZeroDivisionError where
    all snapshots are zero.
    """
    channels, snapshots = real.shape
    beam_real, beam_imaginary = np.zeros(snapshots), np.zeros(snapshots)
    for c in range(channels):
        add_channel(real[c], imaginary[c], float(cosines[c]), float(sines[c]), beam_real, beam_imaginary)
    for _ in range(sweeps):
        for c in range(channels):
            cosine = float(cosines[c])
            sine = float(sines[c])
            add_channel(real[c], imaginary[c], -cosine, -sine, beam_real, beam_imaginary)
            along = 0.0
            across = 0.0
            for k in range(snapshots):
                x = float(real[c, k])
                y = float(imaginary[c, k])
                along += x * float(beam_real[k]) + y * float(beam_imaginary[k])
                across += x * float(beam_imaginary[k]) - y * float(beam_real[k])
            size = math.sqrt(along * along + across * across)
            if size > 0.0:
                cosine = along / size
                sine = across / size
            cosines[c] = cosine
            sines[c] = sine
            add_channel(real[c], imaginary[c], cosine, sine, beam_real, beam_imaginary)
    power = 0.0
    for k in range(snapshots):
        power += float(beam_real[k]) * float(beam_real[k]) + float(beam_imaginary[k]) * float(beam_imaginary[k])
    energy = 0.0
    for c in range(channels):
        for k in range(snapshots):
            x = float(real[c, k])
            y = float(imaginary[c, k])
            energy += x * x + y * y
    return power / (float(channels) * energy)


def brightness(errors: Floats, phases: Floats, pattern: Floats, nudge: float) -> float:
    """Return the coherence of channels of amplitude 1 with phase `errors` turned by `phases` and `nudge` x `pattern`.

    All arrays have shape (channels,).
    """
    real = 0.0
    imaginary = 0.0
    for c in range(len(errors)):
        angle = float(errors[c]) + float(phases[c]) + nudge * float(pattern[c])
        real += math.cos(angle)
        imaginary += math.sin(angle)
    channels = float(len(errors))
    return (real * real + imaginary * imaginary) / (channels * channels)


def parallel_perturbation(
    errors: Floats, phases: Floats, patterns: Floats, nudge: float, gain: float, steps: int
) -> float:
    """Find phases, shape (channels,), in place, that cancel `errors` up to a constant; return the coherence.

    `patterns`, shape (patterns, channels), of +1 and -1, are taken in turn. A step is `gain` times the difference of
    the two coherences along the pattern.
    """
    for s in range(steps):
        pattern = patterns[s % len(patterns)]
        better = brightness(errors, phases, pattern, nudge)
        worse = brightness(errors, phases, pattern, -nudge)
        step = gain * (better - worse)
        for c in range(len(phases)):
            phases[c] = float(phases[c]) + step * float(pattern[c])
    return brightness(errors, phases, phases, 0.0)


def inputs_align(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A wave in noise of a third of its strength, seen by `channels` with random phase errors in `snapshots`."""
    random = np.random.Generator(np.random.PCG64(seed))
    channels, snapshots = size["channels"], size["snapshots"]
    wave = random.standard_normal((2, snapshots))
    noise = random.standard_normal((2, channels, snapshots)) / 3.0
    errors = random.uniform(-np.pi, np.pi, channels)
    seen = np.exp(1j * errors)[:, None] * (wave[0] + 1j * wave[1]) + noise[0] + 1j * noise[1]
    real, imaginary = np.ascontiguousarray(seen.real), np.ascontiguousarray(seen.imag)
    return real, imaginary, np.ones(channels), np.zeros(channels), size["sweeps"]


def inputs_perturbation(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Random phase errors of `channels`, and four random patterns for each of them."""
    random = np.random.Generator(np.random.PCG64(seed))
    channels = size["channels"]
    errors = random.uniform(-np.pi, np.pi, channels)
    patterns = random.choice([-1.0, 1.0], (4 * channels, channels))
    return errors, np.zeros(channels), patterns, 0.1, 3.0, size["steps"]


def checks_align(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The coherence, and the phases that are best one by one, from the covariance of the channels."""
    seen = before[0] + 1j * before[1]
    turns = after[2] + 1j * after[3]
    covariance = seen @ seen.conj().T
    power = float(np.real(turns @ covariance @ turns.conj()))
    others = covariance - np.diag(np.diag(covariance))
    best = np.conj(others @ turns.conj())
    best /= np.abs(best)
    return [
        Check("coherence", result, power / (len(turns) * np.trace(covariance).real), 1e-11, "complex NumPy"),
        Check("turns", np.abs(turns), np.ones(len(turns)), 1e-12, "turns of length one"),
        Check("phases", np.stack([turns.real, turns.imag]), np.stack([best.real, best.imag]), 1e-3, "covariance"),
    ]


def checks_perturbation(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The phases cancel the errors, and the coherence is theirs."""
    left = np.exp(1j * (before[0] + after[1]))
    return [
        Check("coherence", result, abs(left.mean()) ** 2, 1e-11, "complex NumPy"),
        Check("coherence", result, 1.0, 0.009, "all channels agree"),
    ]


KERNELS = (
    Kernel(
        name="align_phases",
        family="science",
        summary="phase alignment of a beam former: each channel against the beam of all others",
        units=(
            Unit(align_phases, ("channels", "sweeps", "channels", "snapshots", "snapshots", "channels", "snapshots")),
            Unit(add_channel, ("snapshots",)),
        ),
        signature="float64(float64[:,::1], float64[:,::1], float64[::1], float64[::1], int64)",
        sizes={
            "small": {"channels": 12, "snapshots": 30, "sweeps": 12},
            "medium": {"channels": 64, "snapshots": 200, "sweeps": 25},
            "large": {"channels": 128, "snapshots": 600, "sweeps": 40},
        },
        inputs=inputs_align,
        checks=checks_align,
        bets={},
    ),
    Kernel(
        name="parallel_perturbation",
        family="science",
        summary="coherent beam by stochastic parallel gradient descent on its brightness",
        units=(Unit(parallel_perturbation, ("steps", "channels")), Unit(brightness, ("channels",))),
        signature="float64(float64[::1], float64[::1], float64[:,::1], float64, float64, int64)",
        sizes={
            "small": {"channels": 16, "steps": 800},
            "medium": {"channels": 128, "steps": 8000},
            "large": {"channels": 256, "steps": 40000},
        },
        inputs=inputs_perturbation,
        checks=checks_perturbation,
        bets={},
    ),
)
