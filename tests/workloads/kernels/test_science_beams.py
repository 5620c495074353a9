"""Beams: phases found without noise, coherence of mere noise, sweeps that never lose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from tiering.workloads.kernels.science import beam_former

SIZE = {"channels": 10, "snapshots": 20, "sweeps": 0}


def seen(errors: Any, noise: float) -> tuple[Any, Any]:
    random = np.random.Generator(np.random.PCG64(2))
    wave = random.standard_normal((2, 50))
    static = noise * random.standard_normal((2, len(errors), 50))
    field = np.exp(1j * errors)[:, None] * (wave[0] + 1j * wave[1]) + static[0] + 1j * static[1]
    return np.ascontiguousarray(field.real), np.ascontiguousarray(field.imag)


def test_without_noise_sweeps_take_out_every_phase_error() -> None:
    errors = np.random.Generator(np.random.PCG64(1)).uniform(-np.pi, np.pi, 9)
    cosines, sines = np.ones(9), np.zeros(9)
    coherence = beam_former.align_phases(*seen(errors, 0.0), cosines, sines, 40)
    assert coherence == pytest.approx(1.0, abs=1e-12)
    left = (cosines + 1j * sines) * np.exp(1j * errors)
    assert left == pytest.approx(np.full(9, left[0]), abs=1e-10)


def test_channels_of_mere_noise_have_the_coherence_of_one_in_their_number() -> None:
    random = np.random.Generator(np.random.PCG64(3))
    real, imaginary = random.standard_normal((2, 8, 5000))
    assert beam_former.align_phases(real, imaginary, np.ones(8), np.zeros(8), 0) == pytest.approx(1 / 8, rel=0.05)


def test_opposite_channels_have_no_coherence_until_they_are_turned() -> None:
    real, imaginary = np.array([[1.0, 2.0], [-1.0, -2.0]]), np.zeros((2, 2))
    cosines, sines = np.ones(2), np.zeros(2)
    assert beam_former.align_phases(real, imaginary, cosines, sines, 0) == 0.0
    assert beam_former.align_phases(real, imaginary, cosines, sines, 1) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(5))
def test_no_sweep_loses_coherence_nor_does_it_pass_the_largest_eigenvalue(seed: int) -> None:
    real, imaginary, cosines, sines, _ = beam_former.inputs_align(SIZE, seed)
    course = [beam_former.align_phases(real, imaginary, cosines, sines, sweeps) for sweeps in (0, 1, 1, 1, 1)]
    assert np.diff(course).min() > -1e-12
    covariance = (real + 1j * imaginary) @ (real + 1j * imaginary).conj().T
    bound = np.linalg.eigvalsh(covariance)[-1] / np.trace(covariance).real
    assert course[0] < course[-1] <= bound


def test_no_turn_of_one_channel_gains_after_the_sweeps() -> None:
    real, imaginary, cosines, sines, _ = beam_former.inputs_align(SIZE, 7)
    best = beam_former.align_phases(real, imaginary, cosines, sines, 60)
    phases = np.arctan2(sines, cosines)

    def coherence(at: Any) -> float:
        return beam_former.align_phases(real, imaginary, np.cos(at), np.sin(at), 0)

    assert approx_fprime(phases, coherence, 1e-7) == pytest.approx(np.zeros(10), abs=1e-6)
    assert coherence(phases) == pytest.approx(best, abs=1e-12)


def test_the_step_along_a_pattern_follows_the_slope_of_the_coherence() -> None:
    errors, phases, patterns, _, _, _ = beam_former.inputs_perturbation({"channels": 6, "steps": 0}, 1)

    def coherence(at: Any) -> float:
        return beam_former.brightness(errors, at, at, 0.0)

    slope = approx_fprime(phases, coherence, 1e-7) @ patterns[0]
    beam_former.parallel_perturbation(errors, phases, patterns, 1e-4, 1.0, 1)
    assert phases == pytest.approx(2e-4 * slope * patterns[0], rel=1e-3)


def test_aligned_channels_stay_aligned() -> None:
    _, phases, patterns, nudge, gain, _ = beam_former.inputs_perturbation({"channels": 6, "steps": 0}, 1)
    assert beam_former.parallel_perturbation(np.full(6, 0.3), phases, patterns, nudge, gain, 50) == pytest.approx(1.0)
    assert phases == pytest.approx(np.zeros(6), abs=1e-12)
