"""What compiled code allocates is freed, and nothing that is still in use."""

from __future__ import annotations

import gc
import linecache
import weakref

import numpy as np
import pytest

from tiering.baseline.module import lower
from tiering.baseline.source import Refused
from tiering.baseline.types import INT64

from .support import Compiled, agree, define

MEGABYTE = 1 << 20


def resident() -> int:
    """Bytes of this process that are in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


INNER = define("def inner(a):\n    t = np.zeros(3)\n    t[0] = a[0]\n    return a\n", "inner")
MAKES = define("def makes(n):\n    t = np.ones(n)\n    u = np.ones(n)\n    u[0] = 2.0\n    return u\n", "makes")
RAISES = define("def raises(n):\n    t = np.ones(n)\n    t[0] = 2.0\n    return t[n]\n", "raises")
LEAKS = {
    "a local array": "    t = np.ones(n)\n    return t[1]",
    "in a loop": "    s = 0.0\n    for i in range(5):\n        t = np.ones(n)\n        s += t[i]\n    return s",
    "in a loop that breaks": (
        "    s = 0.0\n    for i in range(9):\n        t = np.ones(n)\n        s += t[i]\n        if i > 3:\n"
        "            break\n"
        "    return s"
    ),
    "in a loop that continues": (
        "    s = 0.0\n    for i in range(9):\n        t = np.ones(n)\n        if i % 2:\n            continue\n"
        "        s += t[i]\n    return s"
    ),
    "in nested loops": (
        "    s = 0.0\n    for i in range(3):\n        t = np.ones(n)\n        for j in range(3):\n"
        "            u = np.zeros(n)\n"
        "            u[j] = t[i]\n            s += u[j]\n    return s"
    ),
    "of a called function": "    s = 0.0\n    for i in range(5):\n        s += makes(n)[i]\n    return s",
    "returned": "    t = np.ones(n)\n    u = np.zeros(n)\n    return t, u[1:], t[2:]",
    "returned by both": "    t = makes(n)\n    return t, t[0]",
    "given and given back": "    t = np.ones(n)\n    u = inner(t)\n    v = inner(u)\n    return v, t",
    "early return": "    t = np.ones(n)\n    if n > 3:\n        return t[0]\n    u = np.ones(n)\n    return u[1]",
    "an exception": "    t = np.ones(n)\n    return t[n]",
    "an exception in a called function": "    t = np.ones(n)\n    return raises(n) + t[0]",
}


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.parametrize("level", ["O0", "O3"])
def test_memory_stays_flat(name, level):
    """An array of 80 kB that is lost in 2000 calls would be 160 MB; the C library may keep a little."""
    function = define(f"def f(n):\n{LEAKS[name]}\n", inner=INNER, makes=MAKES, raises=RAISES)
    compiled = Compiled(function, (10,), level)

    def calls(times: int) -> None:
        for _ in range(times):
            try:
                compiled.discarded(10_000)
            except IndexError:
                assert "exception" in name

    calls(20)
    before = resident()
    calls(2000)
    assert resident() - before < 20 * MEGABYTE


@pytest.mark.parametrize("name", LEAKS)
def test_arrays_are_intact(name):
    agree(define(f"def f(n):\n{LEAKS[name]}\n", inner=INNER, makes=MAKES, raises=RAISES), 10)


def test_an_array_given_through_stays_the_callers():
    """Twice through a function that has arrays of its own, it is still freed once and by who made it."""
    text = (
        "def f(n):\n    x = np.zeros(n)\n    y = np.ones(n)\n    z = inner(x)\n    w = inner(y)\n    z[0] = 3.0\n"
        "    return z, w, x\n"
    )
    function = define(text, inner=INNER)
    compiled = Compiled(function, (4,))
    for _ in range(500):
        z, w, x = compiled(4)
        assert z.tolist() == x.tolist() == [3.0, 0.0, 0.0, 0.0]
        assert w.tolist() == [1.0] * 4


def test_an_argument_that_is_returned_is_not_freed():
    array = np.arange(5.0)
    compiled = Compiled(define("def f(a):\n    t = np.zeros(2)\n    return a, a[1:], t\n"), (array,))
    for _ in range(100):
        assert compiled(array)[1].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert array.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_an_array_made_in_a_loop_and_carried_on_is_refused():
    """Memory would grow with the rounds, since a round could not free what it made."""
    text = "def f(n):\n    t = np.zeros(3)\n    for i in range(n):\n        t = t.copy()\n    return t\n"
    with pytest.raises(Refused, match="carries arrays from round to round"):
        Compiled(define(text), (3,))


def test_code_is_closed():
    """A module takes 65 kB of an engine that is shared and never closed: 30 MB for these."""
    function = define("def f(x):\n    return x + 1\n")
    for _ in range(20):
        Compiled(function, (1,)).code.close()
    before = resident()
    for _ in range(500):
        Compiled(function, (1,)).code.close()
    assert resident() - before < 10 * MEGABYTE


def test_functions_are_not_kept_by_whoever_compiled_them():
    namespace: dict[str, object] = {}
    text = "def passing(x):\n    return x + 1\n"
    linecache.cache["passing-source"] = (len(text), None, text.splitlines(True), "passing-source")
    exec(compile(text, "passing-source", "exec"), namespace)
    function = namespace.pop("passing")
    lower(function, (INT64,))
    gone = weakref.ref(function)
    del function
    gc.collect()
    assert gone() is None
