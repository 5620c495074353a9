"""Whole functions at random do what CPython makes of them, and Numba; see `programs` for which of the two is asked."""

from __future__ import annotations

from random import Random

import numba
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tiering.baseline.engine import Level
from tiering.baseline.source import Refused

from .programs import Program, program
from .support import agree, define, njit

SEEDS = st.integers(0, (1 << 63) - 1)
ALL: tuple[Level, ...] = ("O0", "O1", "O3")


def _agrees_with_cpython(seed: int, *levels: Level) -> None:
    made = _noted(seed, tame=True)
    agree(define(made.text), *made.arguments, levels=levels)


def _agrees_with_numba(seed: int, *levels: Level) -> None:
    made = _noted(seed, tame=False)
    ours, theirs = define(made.text), define(made.text)
    theirs.__globals__["g"] = njit(theirs.__globals__["g"])
    try:
        agree(ours, *made.arguments, levels=levels, reference=njit(theirs))
    except (numba.core.errors.NumbaError, Refused) as error:
        note(f"not for both: {error}")


def _noted(seed: int, *, tame: bool) -> Program:
    made = program(Random(seed), tame=tame)
    note(made.text)
    note(repr(made.arguments))
    return made


@given(SEEDS)
@settings(max_examples=450)
def test_a_tame_program_does_what_cpython_does(seed):
    _agrees_with_cpython(seed, "O0")


@given(SEEDS)
@settings(max_examples=50)
def test_a_tame_program_does_what_cpython_does_at_every_level(seed):
    _agrees_with_cpython(seed, *ALL)


@given(SEEDS)
@settings(max_examples=25)
def test_a_wild_program_does_what_numba_does(seed):
    _agrees_with_numba(seed, "O0", "O3")


@pytest.mark.nightly
@given(SEEDS)
@settings(max_examples=18_000)
def test_many_tame_programs_do_what_cpython_does(seed):
    _agrees_with_cpython(seed, "O0")


@pytest.mark.nightly
@given(SEEDS)
@settings(max_examples=2_000)
def test_many_tame_programs_do_what_cpython_does_at_every_level(seed):
    _agrees_with_cpython(seed, *ALL)


@pytest.mark.nightly
@given(SEEDS)
@settings(max_examples=500)
def test_many_wild_programs_do_what_numba_does(seed):
    _agrees_with_numba(seed, *ALL)


def test_programs_raise_loop_return_early_and_call():
    """Of the first 300 programs, so that what is compared above is more than a few assignments."""
    texts = [program(Random(seed), tame=True).text for seed in range(300)]
    for what in (
        "for ",
        "while ",
        "break",
        "continue",
        "else:",
        "g(",
        " if ",
        "return",
        "raise",
        "//",
        "%",
        "b[",
        "m[",
    ):
        assert sum(what in text.split("def f(")[1] for text in texts) >= 5, what
