"""What holds for every kernel of the zoo: CPython and compiled code agree, and both agree with another source."""

from __future__ import annotations

import ast
import copy
import inspect
import math
import struct
import textwrap
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import sigutils
from tiering.workloads import zoo
from tiering.workloads.kernel import BETS, SIZES, Kernel, bound

ZOO = list(zoo.kernels())


@pytest.fixture(params=ZOO, ids=[each.name for each in ZOO])
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return request.param


@cache
def compiled(name: str) -> Any:
    return bound(zoo.kernel(name), numba.njit(boundscheck=True))


@cache
def interpreted(name: str, seed: int) -> Any:
    return outcome(zoo.kernel(name).entry, fresh(zoo.kernel(name), seed))


def fresh(kernel: Kernel, seed: int) -> tuple[Any, ...]:
    return kernel.inputs(kernel.sizes["small"], seed)


def outcome(function: Any, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """What a call returns, and its arguments after it."""
    return function(*arguments), arguments


def flat(value: Any) -> list[Any]:
    return [leaf for each in value for leaf in flat(each)] if isinstance(value, tuple) else [value]


def bits(value: Any) -> Any:
    """The type and the exact bits of a value, so that 0.0 differs from -0.0 and 1 from 1.0."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    return type(value).__name__, value


def kind(value: Any) -> Any:
    return (value.dtype.str, value.shape) if isinstance(value, np.ndarray) else type(value)


def loops(function: Any) -> int:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return sum(isinstance(node, ast.For | ast.While) for node in ast.walk(tree))


@pytest.mark.parametrize("seed", [1, 2])
def test_cpython_and_compiled_code_give_the_same(kernel: Kernel, seed: int) -> None:
    plain = flat(interpreted(kernel.name, seed))
    fast = flat(outcome(compiled(kernel.name), fresh(kernel, seed)))
    assert [kind(value) for value in fast] == [kind(value) for value in plain]
    assert bool(kernel.reorders) == (kernel.tolerance > 0.0)
    if not kernel.reorders:
        assert [bits(value) for value in fast] == [bits(value) for value in plain]
        return
    for ours, theirs in zip(fast, plain, strict=True):
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=kernel.tolerance, atol=kernel.tolerance)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_check_against_another_source_holds(kernel: Kernel, seed: int) -> None:
    result, after = interpreted(kernel.name, seed)
    checks = kernel.checks(fresh(kernel, seed), copy.deepcopy(result), copy.deepcopy(after))
    assert checks
    assert not [(check.what, check.difference, check.tolerance) for check in checks if not check.holds]
    assert all(check.what and check.source and check.tolerance < math.inf for check in checks)


def test_some_check_notices_a_result_that_is_a_hundredth_off(kernel: Kernel) -> None:
    result, after = copy.deepcopy(interpreted(kernel.name, 1))

    def off(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(off(each) for each in value)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value * 1.01 + 0.01
        if isinstance(value, np.ndarray):
            return value + 1 if value.dtype.kind in "iu" else ~value
        return value * 1.01 + 0.01 if isinstance(value, float) else value + 1 if isinstance(value, int) else value

    try:
        checks = kernel.checks(fresh(kernel, 1), off(result), off(after))
    except (ValueError, IndexError, ZeroDivisionError):
        return
    assert not all(check.holds for check in checks)


def test_the_declared_signature_is_the_one_that_numba_finds(kernel: Kernel) -> None:
    compiled(kernel.name)(*fresh(kernel, 1))
    (found,) = compiled(kernel.name).nopython_signatures
    arguments, returned = sigutils.normalize_signature(kernel.signature)
    assert (found.args, found.return_type) == (arguments, returned)


def test_units_and_loops_are_those_of_the_source(kernel: Kernel) -> None:
    assert [len(unit.loops) for unit in kernel.units] == [loops(unit.function) for unit in kernel.units]
    names = [unit.function.__name__ for unit in kernel.units]
    assert kernel.name == names[0]
    assert len(set(names)) == len(names)
    called = {node for unit in kernel.units for node in unit.function.__code__.co_names}
    assert set(names[1:]) <= called


def test_no_python_function_is_called_that_is_not_declared_a_unit(kernel: Kernel) -> None:
    declared = {unit.function for unit in kernel.units}
    for unit in kernel.units:
        for name in unit.function.__code__.co_names:
            used = unit.function.__globals__.get(name)
            assert not inspect.isfunction(used) or used in declared, name


def test_the_same_seed_gives_the_same_inputs_and_every_size_has_the_same_types(kernel: Kernel) -> None:
    assert [bits(value) for value in flat(fresh(kernel, 7))] == [bits(value) for value in flat(fresh(kernel, 7))]
    assert tuple(kernel.sizes) == SIZES
    kinds = [[type(v) for v in flat(kernel.inputs(kernel.sizes[size], 1))] for size in ("small", "medium")]
    assert kinds[0] == kinds[1]


def test_a_kernel_says_what_it_is(kernel: Kernel) -> None:
    assert kernel.family in zoo.FAMILIES
    assert kernel.entry.__module__.startswith(f"tiering.workloads.kernels.{kernel.family}.")
    assert kernel.summary
    assert "\n" not in kernel.summary
    assert set(kernel.bets) <= set(BETS)
    assert all(kernel.bets.values())
    assert all(unit.function.__doc__ for unit in kernel.units)


def test_names_are_unique() -> None:
    assert len({each.name for each in ZOO}) == len(ZOO)


def test_a_misspelt_kernel_is_told_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean 'bowl_descent'"):
        zoo.kernel("bowl_decsent")
