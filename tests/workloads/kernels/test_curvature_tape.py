"""The reverse-mode tape: every operation, two functions whose gradient is known, and a tape that is full."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from tiering.workloads import zoo
from tiering.workloads.kernels.curvature import tape, taped_training


def gradient(leaves: list[float], operations: list[tuple[int, int, int]]) -> tuple[float, list[float]]:
    """Value and derivatives by the leaves of a tape."""
    empty = [(tape.LEAF, 0, 0)] * len(leaves)
    codes, lefts, rights = (np.array(column, np.int64) for column in zip(*empty, *operations, strict=True))
    values, adjoints = np.zeros(len(codes)), np.zeros(len(codes))
    values[: len(leaves)] = leaves
    value = tape.tape_gradient(codes, lefts, rights, values, len(leaves), adjoints)
    return value, adjoints[: len(leaves)].tolist()


@pytest.mark.parametrize(
    ("code", "value", "by_left", "by_right"),
    [
        (tape.ADD, 2.5, 1.0, 1.0),
        (tape.SUBTRACT, -1.5, 1.0, -1.0),
        (tape.MULTIPLY, 1.0, 2.0, 0.5),
        (tape.DIVIDE, 0.25, 0.5, -0.125),
        (tape.TANH, math.tanh(0.5), 1.0 / math.cosh(0.5) ** 2, 0.0),
        (tape.EXP, math.exp(0.5), math.exp(0.5), 0.0),
        (tape.LOG, math.log(0.5), 2.0, 0.0),
        (tape.SIN, math.sin(0.5), math.cos(0.5), 0.0),
        (tape.COS, math.cos(0.5), -math.sin(0.5), 0.0),
    ],
)
def test_every_operation_has_its_derivatives(code: int, value: float, by_left: float, by_right: float) -> None:
    found, (left, right) = gradient([0.5, 2.0], [(code, 0, 1)])
    assert found == pytest.approx(value, rel=1e-15)
    assert left == pytest.approx(by_left, rel=1e-14)
    assert right == pytest.approx(by_right, rel=1e-14)


def test_a_value_that_is_used_twice_gets_both_derivatives() -> None:
    assert gradient([3.0], [(tape.MULTIPLY, 0, 0)]) == (9.0, [6.0])
    assert gradient([3.0], [(tape.SUBTRACT, 0, 0)]) == (0.0, [0.0])
    assert gradient([3.0], [(tape.MULTIPLY, 0, 0), (tape.ADD, 0, 1)]) == (12.0, [7.0])


def test_the_product_of_speelpenning_has_the_other_factors_as_its_derivatives() -> None:
    factors = [1.5, -2.0, 3.0, 0.25, 5.0]
    chain = [(tape.MULTIPLY, 0, 1)] + [(tape.MULTIPLY, k + 3, k) for k in range(2, 5)]
    value, found = gradient(factors, chain)
    assert value == math.prod(factors)
    np.testing.assert_allclose(found, [math.prod(factors) / each for each in factors], rtol=1e-14)


def test_the_rosenbrock_function_on_a_tape_has_scipys_gradient() -> None:
    x, y = -1.2, 1.0
    operations = [
        (tape.MULTIPLY, 0, 0),
        (tape.SUBTRACT, 1, 4),
        (tape.MULTIPLY, 5, 5),
        (tape.MULTIPLY, 2, 6),
        (tape.SUBTRACT, 3, 0),
        (tape.MULTIPLY, 8, 8),
        (tape.ADD, 7, 9),
    ]
    value, found = gradient([x, y, 100.0, 1.0], operations)
    assert value == pytest.approx(rosen([x, y]), rel=1e-14)
    np.testing.assert_allclose(found[:2], rosen_der(np.array([x, y])), rtol=1e-13)


def test_a_code_that_is_no_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="operation"):
        gradient([1.0], [(17, 0, 0)])


def test_a_logarithm_outside_its_domain_is_refused() -> None:
    with pytest.raises(ValueError, match=r"domain|positive"):
        gradient([-1.0], [(tape.LOG, 0, 0)])


def training(steps: int) -> list[Any]:
    kernel = zoo.kernel("taped_training")
    return list(kernel.inputs({"units": 3, "width": 2, "samples": 10, "steps": steps}, 1))


def test_training_through_the_tape_lowers_the_loss_a_hundredfold() -> None:
    arguments = training(150)
    taped_training.taped_training(*arguments)
    losses = arguments[9]
    assert losses[-1] < 0.01 * losses[0]


def test_the_tape_is_recorded_in_the_same_length_every_step() -> None:
    lengths = {taped_training.taped_training(*training(steps)) for steps in (1, 2, 5)}
    assert lengths == {3 * 2 + 3 + 10 * 3 + 10 * (3 * (2 + 1 + 1 + 1 + 1) + 2) - 1}


def test_a_tape_that_is_too_short_is_an_index_error() -> None:
    arguments = training(1)
    arguments[:5] = [each[:-1].copy() for each in arguments[:5]]
    with pytest.raises(IndexError):
        taped_training.taped_training(*arguments)
