"""Modules travel to a worker by their names: what it would read there has to be what is read here."""

from __future__ import annotations

import math
import sys
import types

import numba
import numpy as np
import pytest

import tiering
from tiering.live import outside

from .support import Ended

CONFIGURED = """
    import random

    N = 3
    SEED = random.random()
    TABLE = [0]
"""
USING = """
    import conf, numba, math
    import tiering
    from tiering.live.runtime import RUNTIME

    conf.N = 5
    tiering.configure()
    RUNTIME.pool.ready.wait(60)

    def reads(x): return x * conf.N
    def drawn(x): return x + conf.SEED
    def untouched(x): return x * math.pi

    for function in (reads, drawn, untouched):
        tiered = tiering.jit(function)
        assert tiered(2.0) == numba.njit(function)(2.0)
        print(function.__name__, tiered.tiering.units[0].where)
"""


def test_what_a_module_holds_here_is_what_compiled_code_reads(program, tmp_path):
    (tmp_path / "conf.py").write_text("\n".join(line[4:] for line in CONFIGURED.splitlines()), encoding="utf-8")
    ended: Ended = program(USING)
    anew = "has another value in a process that imports it anew"
    assert ended.out.splitlines() == [
        f"reads in place (Refused: conf.N {anew})",
        f"drawn in place (Refused: conf.SEED {anew})",
        "untouched in a worker process",
    ]


@pytest.fixture
def module():
    made = types.ModuleType("made_for_this_test")
    made.inner = types.ModuleType("made_for_this_test.inner")
    made.N, made.inner.N, made.big = 3, np.float32(0.5), np.zeros(1 << 18)
    sys.modules.update({made.__name__: made, made.inner.__name__: made.inner})
    yield made
    del sys.modules[made.__name__], sys.modules[made.inner.__name__]


def test_values_behind_modules_are_found_at_any_depth_and_through_compiled_functions(module):
    @numba.njit
    def helper(x):
        return x + module.inner.N

    def function(x):
        return helper(x) * module.N + math.pi

    facts = outside.facts_for(function)
    assert {"made_for_this_test.N", "made_for_this_test.inner.N", "math.pi"} <= {".".join(key) for key in facts}
    assert outside.first_difference(facts) is None
    module.inner.N = np.float64(0.5)
    assert outside.first_difference(facts) == "made_for_this_test.inner.N"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (1, True),
        (np.int32(1), np.int64(1)),
        ((1, 2), (1, 2.0)),
        (np.zeros(2), np.zeros((1, 2))),
        ("1", b"1"),
    ],
)
def test_values_that_compile_to_different_code_have_different_digests(one, other):
    assert outside.digest(one) == outside.digest(one)
    assert outside.digest(one) != outside.digest(other)


def test_nan_equals_itself_and_what_is_not_plain_has_no_digest():
    assert outside.digest(math.nan) == outside.digest(float("nan"))
    assert outside.digest(object()) is None
    assert outside.digest([1]) is None


def test_a_literal_call_of_a_recursive_function_that_a_worker_compiled(program):
    """Code that is compiled here finds the symbols of code that was compiled elsewhere."""
    ended = program("""
        import numba, tiering
        from tiering.live.runtime import RUNTIME

        @tiering.jit
        def fib(n):
            if n < 2:
                return n
            return fib(n - 1) + fib(n - 2)

        RUNTIME.pool.ready.wait(60)
        print(fib(15), fib.tiering.units[0].where)

        @tiering.jit
        def tiered(x): return fib(5) + x

        @numba.njit
        def plain(x): return fib(6) + x

        print(tiered(3), plain(4))
    """)
    assert ended.out == "610 in a worker process\n8 12\n"


@pytest.mark.usefixtures("warm")
def test_keyword_only_arguments_arrive_by_name_in_every_tier():
    def function(x, *, y, z=2):
        return x * 100 + y * 10 + z

    tiered = tiering.jit(interpret="always", controller="never")(function)
    compiled = numba.njit(function)
    assert tiered(1, y=4, z=5) == compiled(1, y=4, z=5) == 145
