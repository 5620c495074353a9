"""Source and mask: both levels against SciPy and NumPy, and what is lost when one ignores the other."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import approx_fprime, minimize
from tiering.workloads import zoo
from tiering.workloads.kernel import bound
from tiering.workloads.kernels.science import source_mask

SIZE = {"pixels": 40, "steps": 60}


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


def exposed(mask: Any, real: Any, imaginary: Any) -> Any:
    intensities = np.zeros((len(mask), len(real)))
    source_mask.expose(mask, real, imaginary, np.zeros((2, len(real), len(mask))), intensities)
    return intensities


def test_the_cholesky_solution_is_scipys() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    root = random.standard_normal((6, 6))
    matrix, right = root @ root.T + np.eye(6), random.standard_normal(6)
    expected = cho_solve(cho_factor(matrix), right)
    source_mask.factorize(matrix)
    source_mask.substitute(matrix, right)
    assert right == pytest.approx(expected, abs=1e-12)


def test_a_bright_mask_is_lit_evenly() -> None:
    real, imaginary = source_mask.projector(5, 9)
    expected = real.sum(axis=1) ** 2 + imaginary.sum(axis=1) ** 2
    assert exposed(np.ones(12), real, imaginary) == pytest.approx(np.tile(expected, (12, 1)))
    assert expected[2] == pytest.approx(1.0)


def test_images_are_circular_convolutions() -> None:
    mask, _, real, imaginary, *_ = source_mask.inputs_gradient(SIZE, 1)
    padded = np.zeros((5, 40), complex)
    padded[:, :9] = real + 1j * imaginary
    fields = np.fft.ifft(np.fft.fft(mask) * np.fft.fft(padded, axis=1), axis=1)
    assert exposed(mask, real, imaginary) == pytest.approx(np.abs(fields.T) ** 2, abs=1e-13)


def test_scipy_finds_no_better_source() -> None:
    mask, target, real, imaginary, ridge, source, gradient = source_mask.inputs_gradient(SIZE, 2)
    source_mask.source_mask_gradient(mask, target, real, imaginary, ridge, source, gradient)
    seen = exposed(mask, real, imaginary)

    def lower(at: Any) -> float:
        return float(np.sum((seen @ at - target) ** 2) + ridge * np.sum((at - 0.2) ** 2))

    assert minimize(lower, np.zeros(5), tol=1e-12).x == pytest.approx(source, abs=1e-5)


def test_the_gradient_by_the_mask_is_the_one_that_scipy_finds() -> None:
    mask, target, real, imaginary, ridge, source, gradient = source_mask.inputs_gradient(SIZE, 3)
    scratch = np.zeros_like(gradient)

    def loss(at: Any) -> float:
        return source_mask.source_mask_gradient(at, target, real, imaginary, ridge, source, scratch)

    expected = approx_fprime(mask, loss, 1e-7)
    loss(mask)
    assert scratch == pytest.approx(expected, abs=1e-4)


def test_the_answer_of_the_source_is_part_of_the_gradient() -> None:
    mask, target, real, imaginary, _, source, gradient = source_mask.inputs_gradient(SIZE, 3)
    source_mask.source_mask_gradient(mask, target, real, imaginary, 0.1, source, gradient)

    def held(at: Any) -> float:
        light = exposed(at, real, imaginary) @ source
        printed = 1.0 / (1.0 + np.exp(source_mask.STEEPNESS * (source_mask.THRESHOLD - light)))
        return float(np.sum((printed - target) ** 2))

    assert np.abs(approx_fprime(mask, held, 1e-7) - gradient).max() > 0.01 * np.abs(gradient).max()


@pytest.mark.parametrize("seed", range(3))
def test_the_fit_prints_the_target(seed: int) -> None:
    given = zoo.kernel("source_mask_fit").inputs(SIZE, seed)
    loss = compiled("source_mask_fit")(*given)
    mask = 1.0 / (1.0 + np.exp(-given[0]))
    light = exposed(mask, given[2], given[3]) @ given[8]
    assert np.array_equal(light > source_mask.THRESHOLD, given[1] > 0.5)
    assert loss < 0.5


def test_the_course_of_the_fit_goes_down() -> None:
    course = []
    for steps in (0, 5, 20, 80, 320):
        given = zoo.kernel("source_mask_fit").inputs({**SIZE, "steps": steps}, 1)
        course.append(compiled("source_mask_fit")(*given))
    assert course == sorted(course, reverse=True)
