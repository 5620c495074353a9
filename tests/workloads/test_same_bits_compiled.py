"""The promise that makes interpretation of a kernel legal: compiled, it gives the same bits and the same
types.
"""

import copy
import itertools
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from tiering.workloads.workload import Workload


def bits(value: Any) -> Any:
    """The type and the exact bits of a result, so that 0.0 differs from -0.0 and 1 from 1.0."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple):
        return tuple(bits(each) for each in value)
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    return type(value).__name__, value


def recording(function: Callable[..., Any], note: Callable[[tuple[Any, ...], Any], None]) -> Callable[..., Any]:
    def recorded(*arguments: Any) -> Any:
        result = function(*arguments)
        note(arguments, result)
        return result

    return recorded


def last_calls(workload: Workload, inputs: Any) -> list[tuple[int, tuple[Any, ...]]]:
    """The arguments of the last call of each kernel in a run, as the run leaves them."""
    seen: dict[int, tuple[Any, ...]] = {}

    def recorder(index: int, function: Callable[..., Any]) -> Callable[..., Any]:
        return recording(function, lambda arguments, _: seen.update({index: arguments}))

    workload.run([recorder(i, function) for i, function in enumerate(workload.functions)], inputs)
    return sorted(seen.items())


def results_of_every_call(workload: Workload, functions: Sequence[Callable[..., Any]], inputs: Any) -> list[Any]:
    results: list[Any] = []
    workload.run([recording(f, lambda _, result: results.append(bits(result))) for f in functions], inputs)
    return results


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What a call returns or which exception it raises, together with what it did to its arguments."""
    arguments = copy.deepcopy(arguments)
    try:
        result = bits(function(*arguments))
    except (ArithmeticError, LookupError) as error:
        result = type(error)
    return result, bits(arguments)


def shortened(arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The arguments again and again, each time with one array shorter by one along one axis."""
    variants = []
    for position, argument in enumerate(arguments):
        for axis in range(argument.ndim) if isinstance(argument, np.ndarray) else ():
            short = np.ascontiguousarray(np.delete(argument, -1, axis))
            variants.append((*arguments[:position], short, *arguments[position + 1 :]))
    return variants


@pytest.mark.parametrize("seed", [1, 2])
def test_a_compiled_run_gives_the_same_bits(
    workload: Workload, kernels: Sequence[Callable[..., Any]], seed: int
) -> None:
    inputs = workload.make(workload.sizes["small"], seed)
    assert bits(workload.run(kernels, inputs)) == bits(workload.run(workload.functions, inputs))


def test_every_single_call_returns_the_same_bits_and_type(
    workload: Workload, kernels: Sequence[Callable[..., Any]], inputs: Any
) -> None:
    interpreted = results_of_every_call(workload, workload.functions, inputs)
    assert results_of_every_call(workload, kernels, inputs) == interpreted


def test_interpreted_kernels_return_python_values_and_no_numpy_scalars(workload: Workload, inputs: Any) -> None:
    results: list[Any] = []
    workload.run([recording(f, lambda _, result: results.append(result)) for f in workload.functions], inputs)
    flat = [each for result in results for each in (result if isinstance(result, tuple) else (result,))]
    assert {type(each) for each in flat} <= {float, type(None)}


def test_kernels_may_change_tier_in_the_middle_of_a_run(
    workload: Workload, kernels: Sequence[Callable[..., Any]], inputs: Any
) -> None:
    def switching(plain: Callable[..., Any], fast: Callable[..., Any]) -> Callable[..., Any]:
        turns = itertools.cycle([plain, plain, fast])

        def one_of_the_two(*arguments: Any) -> Any:
            return next(turns)(*arguments)

        return one_of_the_two

    mixed = [switching(plain, fast) for plain, fast in zip(workload.functions, kernels, strict=True)]
    assert bits(workload.run(mixed, inputs)) == bits(workload.run(workload.functions, inputs))


def test_an_array_that_is_too_short_is_the_same_index_error_in_both(
    workload: Workload, kernels: Sequence[Callable[..., Any]], inputs: Any
) -> None:
    for index, arguments in last_calls(workload, inputs):
        endings = []
        for variant in shortened(arguments):
            interpreted = outcome(workload.functions[index], variant)
            assert outcome(kernels[index], variant) == interpreted
            endings.append(interpreted[0])
        assert not endings or IndexError in endings, workload.functions[index].__name__
        assert not {end for end in endings if isinstance(end, type)} - {IndexError}


def test_every_kernel_compiles_to_one_version_only(
    workload: Workload, kernels: Sequence[Callable[..., Any]], inputs: Any
) -> None:
    workload.run(kernels, inputs)
    assert [len(kernel.signatures) for kernel in kernels] == [1] * len(kernels)  # type: ignore[attr-defined]
