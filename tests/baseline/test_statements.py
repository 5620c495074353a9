"""Statements do what CPython makes of them, each in the smallest function that has it."""

from __future__ import annotations

import numpy as np
import pytest

from tiering.baseline.source import Refused
from tiering.baseline.types import SCALARS

from .support import Compiled, agree, define, njit

MOST, LEAST = (1 << 63) - 1, -(1 << 63)
FLOW = {
    "if": ("    if x > 1:\n        y = 2\n    else:\n        y = 3\n    return y", [(0,), (2,)]),
    "elif": ("    if x > 2:\n        return 1\n    elif x > 1:\n        return 2\n    return 3", [(0,), (2,), (3,)]),
    "while": ("    y = 0\n    while x > 0:\n        y += x\n        x -= 1\n    return x, y", [(0,), (5,)]),
    "while else": ("    while x:\n        x -= 1\n    else:\n        x = 9\n    return x", [(0,), (2,)]),
    "while break else": (
        "    while x > 0:\n        x -= 1\n        if x == 3:\n            break\n    else:\n        x = 9\n"
        "    return x",
        [(2,), (5,)],
    ),
    "endless": ("    while True:\n        x += 1\n        if x > 5:\n            return x", [(0,), (9,)]),
    "for else": (
        "    for i in range(4):\n        if i == x:\n            break\n    else:\n        i = 10\n    return i",
        [(2,), (7,)],
    ),
    "continue": (
        "    y = 0\n    for i in range(9):\n        if i % 3 == x:\n            continue\n"
        "        y = y * 2 + i\n    return y",
        [(0,), (1,), (5,)],
    ),
    "nested": (
        "    y = 0\n    for i in range(x):\n        for j in range(i, x):\n            if j > i + 2:\n"
        "                break\n"
        "            for k in range(j):\n                if k == 1:\n                    continue\n"
        "                y += i * j - k\n        else:\n            y += 100\n    return y, i, j",
        [(5,), (2,)],
    ),
    "break of the inner loop": (
        "    y = 0\n    for i in range(4):\n        k = 0\n        while True:\n            k += 1\n"
        "            if k > i + x:\n                break\n        y += k\n    return y",
        [(0,), (3,)],
    ),
    "the variable of a loop after it": ("    for i in range(x):\n        i += 5\n    return i", [(1,), (4,)]),
    "assigned in a loop": ("    for i in range(x):\n        y = i * 2\n    return y", [(3,)]),
    "assigned in both branches": ("    if x:\n        y = 1.5\n    else:\n        y = 2.5\n    return y", [(0,), (1,)]),
    "widened in a loop": ("    y = 1\n    for i in range(x):\n        y = y / 2\n    return y + 0.0", [(0,), (3,)]),
    "widened by another": (
        "    a, b = 1, 2\n    for i in range(x):\n        a, b = b, a + 0.5\n    return a + 0.0, b + 0.0",
        [(0,), (1,), (4,)],
    ),
    "widened in the inner loop": (
        "    y = 0\n    z = 0\n    for i in range(x):\n        for j in range(i):\n            z = y + 1\n"
        "        y = z * 0.5\n"
        "    return y + 0.0, z + 0.0",
        [(1,), (4,)],
    ),
    "swap": ("    a, b, c = x, 2, 3\n    a, b, c = c, a, b\n    return a, b, c", [(1,)]),
    "nested unpacking": ("    (a, b), c = (x, 2), (3, 4)\n    return b, a, c[1], c", [(1,)]),
    "several targets": ("    a = b = x + 1\n    b += 1\n    return a, b", [(1,)]),
    "augmented": (
        "    y = 7\n    y += x\n    y *= 3\n    y -= 1\n    y //= 2\n    y %= 9\n    y ^= 5\n    return y",
        [(4,)],
    ),
    "assert": ("    assert x > 1, 'too small'\n    return x", [(1,), (2,)]),
    "raise": (
        "    if x == 1:\n        raise KeyError('one')\n    if x == 2:\n        raise ValueError\n    return x",
        [(0,), (1,), (2,)],
    ),
    "chain": ("    return 0 < x < 5, 0 < x <= 5 != 3, 9 > x == 4", [(0,), (3,), (4,), (5,)]),
    "and, or": ("    return x > 1 and 10 // x > 2, x == 0 or 10 // x == 5, not x", [(0,), (2,), (3,)]),
    "conditional expression": ("    return (1 if x > 2 else 2) + (3 if x else 4)", [(0,), (3,)]),
    "nothing": ("    pass", [(1,)]),
    "a bare return": ("    if x:\n        return\n    x = 2", [(0,), (1,)]),
    "names of blocks": (
        "    head = x\n    body = head + 1\n    then = after = done = next = body\n    while head > 0:\n"
        "        head -= 1\n"
        "        if head % 2:\n            then += 1\n    return head, body, then, after, done, next",
        [(5,)],
    ),
    "names beyond ASCII": ("    β = x + 1\n    for ñ in range(3):\n        β += ñ\n    return β", [(5,)]),
}


@pytest.mark.parametrize("name", FLOW)
def test_control_flow(name):
    body, cases = FLOW[name]
    function = define(f"def f(x):\n{body}\n")
    for arguments in cases:
        agree(function, *arguments, levels=("O0", "O1", "O3"))


@pytest.mark.parametrize("name", ["head", "body", "next", "result", "pool", "β", "v1", "done"])
def test_a_parameter_may_have_any_name(name):
    text = (
        f"def f({name}):\n    s = 0.0\n    for i in range(len({name})):\n        if {name}[i] > 1:\n"
        f"            s += {name}[i]\n    return float(s)\n"
    )
    assert agree(define(text), np.arange(4.0))[0] == agree(define("def f(x):\n    return x"), 5.0)[0]


def test_a_function_may_have_any_name():
    agree(define("def größe(x):\n    return x + 1\n", "größe"), 1)


ENDS = (0, 1, -1, 5, MOST, MOST - 1, LEAST, LEAST + 1)
RANGE = define(
    "def f(a, b, c):\n    n = 0\n    s = 0\n    for i in range(a, b, c):\n        n += 1\n        s ^= i\n"
    "        if n > 5:\n            break\n    return n, s\n"
)


@pytest.mark.parametrize("step", [1, 2, -1, -3, MOST, LEAST, 0])
def test_ranges_end_where_they_should_up_to_the_ends_of_64_bits(step):
    for start in ENDS:
        for stop in (0, 5, MOST, LEAST):
            compiled = agree(RANGE, start, stop, step, levels=("O0",))
    assert (compiled[0] is ValueError) == (step == 0)


def test_a_range_of_one_step_stops_at_the_largest_integer():
    function = define(
        "def f(x):\n    n = 0\n    for i in range(x, 9223372036854775807):\n        n += i & 3\n    return n\n"
    )
    agree(function, MOST - 2)


@pytest.mark.parametrize("index", [0, 2, 3, -1, -3, -4, MOST, LEAST])
def test_an_index_outside_raises_and_a_negative_one_counts_from_the_end(index):
    agree(define("def f(a, i):\n    return int(a[i])\n"), np.arange(3), index)
    agree(define("def f(a, i):\n    a[i] += 5\n"), np.arange(3), index)
    agree(define("def f(a, i):\n    return float(a[1, i] + a[i, 0])\n"), np.arange(9.0).reshape(3, 3), index)
    agree(define("def f(t, i):\n    return t[i]\n"), (4, 5, 6), index)


def arrays(ndim):
    """One array per layout: C, F, with steps, backwards, read-only, empty."""
    shape = (3, 4, 2, 3)[:ndim]
    whole = np.arange(np.prod(shape) * 2, dtype=float).reshape(*shape[:-1], shape[-1] * 2)
    plain = np.ascontiguousarray(whole[..., : shape[-1]])
    locked = plain.copy()
    locked.flags.writeable = False
    return [plain, np.asfortranarray(plain), whole[..., ::2], whole[::-1], locked, np.zeros((0, *shape[1:]))]


@pytest.mark.parametrize("ndim", [1, 2, 3, 4])
def test_every_layout_is_read_in_every_dimension(ndim):
    indices, lines = "ijkl"[:ndim], []
    for depth, name in enumerate(indices):
        lines.append("    " * (depth + 1) + f"for {name} in range(a.shape[{depth}]):")
    inner = "    " * (ndim + 1)
    lines.append(f"{inner}s = s * 0.5 + a[{', '.join(indices)}] - a[{', '.join('-1' for _ in indices)}]")
    lines.append(f"{inner}s -= a{''.join(f'[{name}]' for name in indices)} * 0.25")
    text = "def f(a):\n    s = 0.0\n" + "\n".join(lines) + "\n    return float(s), a.size, a.ndim, a.shape, len(a)\n"
    function = define(text)
    for array in arrays(ndim):
        agree(function, array)


def test_every_layout_is_written():
    function = define(
        "def f(a):\n    for i in range(a.shape[0]):\n        for j in range(a.shape[1]):\n"
        "            a[i, j] = i * 10 - j\n"
    )
    for array in arrays(2):
        if array.flags.writeable:
            agree(function, array)


@pytest.mark.parametrize("kind", SCALARS, ids=lambda kind: kind.name)
def test_every_element_type_is_read_and_written(kind):
    array = np.array([0, 1, 1, 0]).astype(kind.name)
    function = define("def f(a):\n    a[0] = a[1]\n    a[3] = 1\n    return a[0], a[1:], a[3] == a[2]\n")
    agree(function, array, reference=njit(function))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "bool"])
def test_what_is_stored_is_cast(dtype):
    function = define("def f(a, x, n):\n    a[0] = x\n    a[1] = n\n    a[2] = n > 1\n")
    agree(function, np.zeros(3, dtype), 2.75, 3)


SLICES = (
    "1:",
    ":2",
    ":",
    "::2",
    "1:4:2",
    "::-1",
    "4:1:-1",
    "-3:",
    ":-2",
    "10:",
    "-20:3",
    "3:1",
    "5::-2",
    "i:",
    ":i",
    "i:4",
    "-i:i",
    "i::-1",
)


@pytest.mark.parametrize("cut", SLICES)
def test_slices_are_views_with_python_bounds(cut):
    one = define(
        f"def f(a, i):\n    b = a[{cut}]\n    for k in range(len(b)):\n        b[k] += 10.0 * k + 1\n"
        f"    return b, len(b)\n"
    )
    two = define(
        f"def f(a, i):\n    b = a[{cut}, 1]\n    c = a[1, {cut}]\n    d = a[{cut}, {cut}]\n    return b, c, d\n"
    )
    for i in (0, 1, -2, 9, -9):
        agree(one, np.arange(6.0), i, levels=("O0",))
        agree(two, np.arange(36.0).reshape(6, 6)[:, ::-1], i, levels=("O0",))
        agree(two, np.asfortranarray(np.arange(36).reshape(6, 6)), i, levels=("O0",))


ASSIGNED = [
    ("a[1:] = a[:-1]", np.arange(5.0)),
    ("a[::-1] = a", np.arange(5.0)),
    ("a[:] = 3", np.zeros(4)),
    ("a[:, 1] = a[0]", np.arange(9.0).reshape(3, 3)),
    ("a[:] = a[1]", np.arange(9.0).reshape(3, 3)),
    ("a[1] = a[0]", np.arange(9.0).reshape(3, 3)),
    ("a[1] = 4", np.arange(9.0).reshape(3, 3)),
    ("a[...] = a[:, :1]", np.arange(9.0).reshape(3, 3)),
    ("a[1:] = a[:2]", np.arange(5.0)),
    ("a[1:2, ::2] = 7", np.arange(24).reshape(2, 3, 4)),
]


@pytest.mark.parametrize(("text", "array"), ASSIGNED, ids=[text for text, _ in ASSIGNED])
def test_an_assignment_to_a_slice_broadcasts_and_may_overlap(text, array):
    agree(define(f"def f(a):\n    {text}\n"), array)


def test_loops_over_arrays_give_elements_and_rows():
    agree(
        define("def f(a):\n    s = 0.0\n    for x in a:\n        s = s * 2 + float(x)\n    return s\n"),
        np.arange(5.0)[::-1],
    )
    rows = define(
        "def f(a):\n    s = 0.0\n    for row in a:\n        row[0] = 7.0\n        s += float(row[1])\n    return s\n"
    )
    agree(rows, np.arange(6.0).reshape(3, 2))
    agree(rows, np.asfortranarray(np.arange(6.0).reshape(3, 2)))


def test_an_exception_keeps_its_arguments():
    compiled = Compiled(
        define("def f(x):\n    if x > 0:\n        raise ValueError(1)\n    raise ValueError(True)\n"), (1,)
    )
    for argument, given in ((1, 1), (0, True)):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its argument is what is looked at
            compiled(argument)
        assert caught.value.args == (given,)
        assert type(caught.value.args[0]) is type(given)


OVER = [
    "i, x in enumerate(a)",
    "i, x in enumerate(a[1:], 5)",
    "x, i in zip(a, range(2, 9))",
    "i, (x, y) in enumerate(zip(a, a[::-1]))",
    "i, row in enumerate(m)",
    "x, row in zip(a, m.T)",
    "i, x in enumerate(range(i, 4))",
]


@pytest.mark.parametrize("over", OVER)
def test_loops_over_enumerate_and_zip(over):
    read = "row[1] + i" if "row" in over else "x * i"
    text = f"def f(a, m, i, x):\n    s = 0.0\n    for {over}:\n        s = s * 0.5 + float({read})\n    return s, i\n"
    agree(define(text), np.arange(5.0), np.arange(6.0).reshape(2, 3), 2, 1.5)


def test_a_transposed_array_is_a_view():
    function = define("def f(m):\n    t = m.T\n    t[0, 1] = 50.0\n    return t.shape, t[-1], t.T[1], m.T\n")
    for array in arrays(2)[:4]:
        agree(function, array)


def test_a_variable_that_means_another_function_in_the_next_round_is_refused():
    text = "def f(x):\n    g = math.sin\n    for i in range(3):\n        x = g(x)\n        g = math.cos\n    return x\n"
    with pytest.raises(Refused, match="other"):
        Compiled(define(text), (1.0,))
