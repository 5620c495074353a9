"""Filters: the inner loop runs over a handful of taps, once for each of many samples.

A finite impulse response filter and its two-dimensional sister have inner loops of 3 to 9 trips, which are unrolled and
vectorised over the samples once their number is known. Taps are applied as a correlation does, that is, in the order in
which they are stored (A. Oppenheim and R. Schafer, Discrete-Time Signal Processing, chapter 2, reverse them). Both give
the "valid" part only, so that no edge needs a branch.

Two scans stand against them. The recursive filter and the prefix sum wait for their own last result: the
latency of an addition is all that there is, and no bet shortens it. They declare none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def fir_filter(signal: Floats, taps: Floats, filtered: Floats) -> None:
    """Write the sliding products of `taps`, shape (m,), with `signal`, (n,), to `filtered`, (n - m + 1,)."""
    for i in range(len(filtered)):
        total = 0.0
        for k in range(len(taps)):
            total += float(taps[k]) * float(signal[i + k])
        filtered[i] = total


def fir_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Noise, and `taps` taps."""
    random = np.random.Generator(np.random.PCG64(seed))
    signal, taps = random.normal(size=size["n"]), random.uniform(-1.0, 1.0, size["taps"])
    return signal, taps, np.zeros(size["n"] - size["taps"] + 1)


def fir_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The filter multiplies spectra (the convolution theorem)."""
    signal, taps, _ = before
    spectra = np.fft.rfft(signal) * np.conj(np.fft.rfft(taps, len(signal)))
    filtered = np.fft.irfft(spectra, len(signal))[: len(after[2])]
    return [Check("filtered signal", after[2], filtered, 1e-12, "product of Fourier transforms")]


def convolve_2d(image: Floats, weights: Floats, filtered: Floats) -> None:
    """Write the sliding products of `weights`, (p, q), with `image`, (m, n), to `filtered`, (m - p + 1, n - q + 1)."""
    for i in range(filtered.shape[0]):
        for j in range(filtered.shape[1]):
            total = 0.0
            for k in range(weights.shape[0]):
                for h in range(weights.shape[1]):
                    total += float(weights[k, h]) * float(image[i + k, j + h])
            filtered[i, j] = total


def convolve_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A square noise image and 3 by 3 weights."""
    random = np.random.Generator(np.random.PCG64(seed))
    n = size["n"]
    return random.normal(size=(n, n)), random.uniform(-1.0, 1.0, (3, 3)), np.zeros((n - 2, n - 2))


def convolve_checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The filter multiplies spectra in two dimensions as well."""
    image, weights, _ = before
    spectra = np.fft.rfft2(image) * np.conj(np.fft.rfft2(weights, image.shape))
    filtered = np.fft.irfft2(spectra, image.shape)[: after[2].shape[0], : after[2].shape[1]]
    return [Check("filtered image", after[2], filtered, 1e-12, "product of Fourier transforms")]


def exponential_smoothing(signal: Floats, smoothed: Floats, weight: float, sweeps: int) -> float:
    """Write the exponential moving average of `signal` to `smoothed`, both (n,), `sweeps` times over without a reset.

    Returns the last average. `weight`, in (0, 1], is that of the newest sample.
    """
    level = 0.0
    for _ in range(sweeps):
        for i in range(len(signal)):
            level += weight * (float(signal[i]) - level)
            smoothed[i] = level
    return level


def smoothing_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A positive noise signal, and a weight of 0.05."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.uniform(1.0, 2.0, size["n"]), np.zeros(size["n"]), 0.05, size["sweeps"]


def smoothing_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The level is the sum of all samples with geometric weights."""
    signal, _, weight, sweeps = before
    samples = np.tile(signal, min(sweeps, 1 + 2000 // len(signal)))
    ages = np.arange(len(samples))[::-1]
    last = weight * float((1.0 - weight) ** ages @ samples)
    first = weight * float((1.0 - weight) ** ages[1:] @ samples[:-1])
    return [
        Check("last level", result, last, 1e-12, "geometric weights, as one sum"),
        Check("last two", after[1][-2:], np.array([first, last]), 1e-12, "geometric weights, as one sum"),
    ]


def prefix_sum(values: Indices, sums: Indices, sweeps: int) -> int:
    """Write the running sums of `values` to `sums`, both (n,), and of these again, `sweeps` times; return the last."""
    for i in range(len(values)):
        sums[i] = int(values[i])
    for _ in range(sweeps):
        running = 0
        for i in range(len(sums)):
            running += int(sums[i])
            sums[i] = running
    return int(sums[len(sums) - 1])


def prefix_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Random digits: their repeated sums stay far within 64 bits."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.integers(0, 10, size["n"]), np.zeros(size["n"], np.int64), size["sweeps"]


def prefix_checks(before: tuple[Any, ...], result: int, after: tuple[Any, ...]) -> list[Check]:
    """Summing `sweeps` times weighs each value with a binomial coefficient, C(age + sweeps - 1, sweeps - 1)."""
    values, _, sweeps = before
    age = np.arange(len(values))[::-1]
    weights = np.ones_like(age)
    for order in range(1, sweeps):
        weights = weights * (age + order) // order
    return [
        Check("last sum", result, int(weights @ values), 0.0, "binomial weights"),
        Check("differences", _differences(after[1], sweeps), values, 0.0, "differencing undoes summing"),
    ]


def _differences(sums: Indices, order: int) -> Any:
    return np.diff(sums, order, prepend=np.zeros(order, np.int64))


KERNELS = (
    Kernel(
        name="fir_filter",
        family="classics",
        summary="finite impulse response filter with a handful of taps",
        units=(Unit(fir_filter, ("samples", "taps")),),
        signature="none(float64[::1], float64[::1], float64[::1])",
        sizes={
            "small": {"n": 10000, "taps": 5},
            "medium": {"n": 600000, "taps": 5},
            "large": {"n": 6000000, "taps": 5},
        },
        inputs=fir_inputs,
        checks=fir_checks,
        bets={"constant_shapes": "5 taps"},
    ),
    Kernel(
        name="convolve_2d",
        family="classics",
        summary="3 by 3 filter over an image",
        units=(Unit(convolve_2d, ("rows", "columns", "rows of the weights", "columns of the weights")),),
        signature="none(float64[:, ::1], float64[:, ::1], float64[:, ::1])",
        sizes={"small": {"n": 60}, "medium": {"n": 400}, "large": {"n": 1300}},
        inputs=convolve_inputs,
        checks=convolve_checks,
        bets={"constant_shapes": "3 by 3 weights"},
    ),
    Kernel(
        name="exponential_smoothing",
        family="classics",
        summary="exponential moving average: bound by the latency of its recursion, so no bet pays",
        units=(Unit(exponential_smoothing, ("sweeps", "samples")),),
        signature="float64(float64[::1], float64[::1], float64, int64)",
        sizes={
            "small": {"n": 2000, "sweeps": 40},
            "medium": {"n": 50000, "sweeps": 80},
            "large": {"n": 50000, "sweeps": 800},
        },
        inputs=smoothing_inputs,
        checks=smoothing_checks,
        bets={},
    ),
    Kernel(
        name="prefix_sum",
        family="classics",
        summary="repeated prefix sums of integers: a serial scan, so no bet pays",
        units=(Unit(prefix_sum, ("values", "sweeps", "values")),),
        signature="int64(int64[::1], int64[::1], int64)",
        sizes={
            "small": {"n": 25000, "sweeps": 2},
            "medium": {"n": 1200000, "sweeps": 2},
            "large": {"n": 10000000, "sweeps": 2},
        },
        inputs=prefix_inputs,
        checks=prefix_checks,
        bets={},
    ),
)
