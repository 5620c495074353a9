"""The rules of types are Numba's: its typing context is asked about every pair of scalars."""

from __future__ import annotations

import operator

import pytest
from numba import types
from numba.core.errors import TypingError
from numba.core.registry import cpu_target

from tiering.baseline import rules
from tiering.baseline.types import BOOL, SCALARS, UINT8, Scalar, Tuple

OPERATIONS = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "xor")},
    "and": operator.and_,
    "or": operator.or_,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
}
PAIRS = [(left, right) for left in SCALARS for right in SCALARS]


@pytest.fixture(scope="module")
def typing():
    """Numba's typing context, with everything that it knows."""
    context = cpu_target.typing_context
    context.refresh()
    return context


def numba_type(kind: Scalar):
    return types.boolean if kind == BOOL else getattr(types, kind.name)


def numbas_answer(typing, operation, left, right):
    try:
        found = typing.resolve_function_type(OPERATIONS[operation], (numba_type(left), numba_type(right)), {})
    except TypingError:
        return None
    return (*map(str, found.args), str(found.return_type))


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_arithmetic_takes_and_gives_numbas_types(typing, operation):
    for left, right in PAIRS:
        ours = rules.arithmetic(operation, left, right)
        if ours is None:
            continue
        theirs = numbas_answer(typing, operation, left, right)
        assert theirs is not None, (left.name, right.name)
        skip = int(operation in rules.SHIFTS)  # the first operand is cast to the result, whatever its type is called
        assert tuple(kind.name for kind in ours)[skip:] == theirs[skip:], (left.name, right.name)


def test_what_numba_takes_and_we_refuse_is_a_bool_to_an_integer_power_and_nothing_else(typing):
    refused = {
        (operation, left.name, right.kind)
        for operation in OPERATIONS
        for left, right in PAIRS
        if rules.arithmetic(operation, left, right) is None and numbas_answer(typing, operation, left, right)
    }
    assert refused == {("pow", "bool", kind) for kind in "biu"}


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=lambda kind: kind.name)
def test_two_types_of_one_variable_are_unified_as_numba_unifies_them(typing, left, right):
    assert rules.unified(left, right).name == str(typing.unify_types(numba_type(left), numba_type(right)))


def test_tuples_are_merged_item_by_item():
    left, right = Tuple((BOOL, UINT8)), Tuple((UINT8, BOOL))
    assert rules.merged(left, right) == Tuple((UINT8, UINT8))
    assert rules.merged(left, Tuple((BOOL,))) is None
