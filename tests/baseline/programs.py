"""Whole functions at random, as source text: typed, terminating, and within the subset.

A `tame` program means the same to CPython as to Numba: integers are kept so small that nothing overflows, what is read
from an array is made a Python number at once, and no variable changes its type. A wild one is for Numba only: integers
wrap, ints become floats on the way round a loop, narrow dtypes mix, and powers are taken. Both may raise, and do:
indices go astray, divisors are nought.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import numpy as np

SMALL = 1 << 11
"""Below this is every integer variable of a tame program."""

LARGEST = 1 << 52
"""Beyond this no integer expression of a tame program gets: floats hold it exactly."""

EDGES = (0.0, -0.0, 1.0, -1.0, 0.1, 2.5, -3.75, 1e-9, 12345.678, 1e300, float("inf"), float("nan"))


class Program(NamedTuple):
    """The source of a function `f` and of what it calls, and arguments for it."""

    text: str
    arguments: tuple[Any, ...]


class _Writer:
    """Writes one program. Expressions of integers come with the largest size that they can have."""

    def __init__(self, random: Random, *, tame: bool, helper: bool) -> None:
        self.random, self.tame, self.helper = random, tame, helper
        self.ints, self.floats = ["i", "j", "n"], ["x", "y", "z"]
        self.counters: list[str] = []
        self.lines: list[str] = []
        self.loops = 0
        self.left = random.randrange(6, 22)

    def whole(self, depth: int) -> tuple[str, int]:
        """An expression of integers."""
        if depth == 0 or self.random.random() < 0.15:
            return self._whole_leaf()
        kind = self.random.randrange(10)
        (a, p), (b, q) = self.whole(depth - 1), self.whole(depth - 1)
        if kind < 4:
            sign = self.random.choice("+-")
            return (f"({a} {sign} {b})", p + q) if p + q < LARGEST or not self.tame else (a, p)
        if kind == 4:
            return (f"({a} * {b})", p * q) if p * q < LARGEST or not self.tame else (b, q)
        if kind == 5:
            return f"({a} {self.random.choice(('//', '%'))} {b})", max(p, q) + 1
        if kind == 6:
            sign = self.random.choice("&|^")
            return f"({a} {sign} {b})", 2 * max(p, q) + 2
        if kind == 7:
            return f"{self.random.choice(('min', 'max'))}({a}, {b})", max(p, q)
        if kind == 8:
            return f"({a} if {self.condition(depth - 1)} else {b})", max(p, q)
        return f"{self.random.choice(('-', '+', '~', 'abs'))}({a})", p + 1

    def _whole_leaf(self) -> tuple[str, int]:
        kind = self.random.randrange(9)
        if kind == 0:
            return str(self.random.choice((0, 1, 2, 3, 7, 10, 64))), 64
        if kind == 1 and not self.tame:
            return str(self.random.choice((1 << 62, -(1 << 40), 12345))), 1 << 62
        if kind == 2:
            return (f"int(b[{self.index('b')}])" if self.tame else f"b[{self.index('b')}]"), SMALL
        if kind == 3:
            return self.random.choice(("len(a)", "b.shape[0]", "m.shape[1]", "m.size", "c.ndim")), 64
        if kind == 4 and self.counters:
            return self.random.choice(self.counters), 64
        return self.random.choice(self.ints), SMALL

    def real(self, depth: int) -> str:
        """An expression of floats."""
        if depth == 0 or self.random.random() < 0.15:
            return self._real_leaf()
        kind = self.random.randrange(12)
        a, b = self.real(depth - 1), self.real(depth - 1)
        if kind < 4:
            return f"({a} {self.random.choice('+-*')} {b})"
        if kind == 4:
            return f"({a} {self.random.choice(('/', '//', '%'))} {b})"
        if kind == 5:
            return f"{self.random.choice(('min', 'max'))}({a}, {b})"
        if kind == 6:
            return f"({a} if {self.condition(depth - 1)} else {b})"
        if kind == 7:
            function = self.random.choice(("abs", "-", "math.fabs", "math.tanh", "math.atan", "math.sqrt(abs"))
            return f"{function}({a})" + ")" * function.startswith("math.sqrt")
        if kind == 8:
            return f"({self.whole(depth - 1)[0]} {self.random.choice('+-*')} {a})"
        if kind == 9:
            return f"({self.whole(depth - 1)[0]} / {self.whole(depth - 1)[0]})"
        if kind == 10 and self.helper:
            return f"g({a}, {self.whole(depth - 1)[0]})"
        if not self.tame:
            return f"({a}) ** {self.random.choice(('2', '3', '-1', '0.5', '2.0', 'j', 'x'))}"
        return f"math.copysign({a}, {b})"

    def _real_leaf(self) -> str:
        kind = self.random.randrange(8)
        if kind == 0:
            return self.random.choice(("0.5", "1.0", "-2.0", "0.1", "3.25", "1e-3"))
        if kind < 4:
            array = self.random.choice("ac")
            load = f"{array}[{self.index(array)}]"
            if kind == 3:
                load = f"m[{self.index('m')}, {self.index('m')}]"
            return f"float({load})" if self.tame else load
        if kind == 4:
            return f"float({self.whole(1)[0]})"
        return self.random.choice(self.floats)

    def index(self, array: str) -> str:
        """An index, mostly one that lies within."""
        if self.counters and self.random.random() < 0.5:
            return self.random.choice(self.counters)
        if self.random.random() < 0.3:
            return str(self.random.choice((0, 1, -1, -2)))
        name = self.random.choice(self.ints)
        return f"{name} % len({array})" if self.random.random() < 0.85 else f"{name} % 9 - 4"

    def condition(self, depth: int) -> str:
        """An expression of bools."""
        sign = self.random.choice(("<", "<=", ">", ">=", "==", "!="))
        kind = self.random.randrange(6)
        if kind < 2:
            return f"{self.whole(depth)[0]} {sign} {self.whole(depth)[0]}"
        if kind == 2 and depth:
            joiner = self.random.choice(("and", "or"))
            return f"({self.condition(depth - 1)} {joiner} {self.condition(depth - 1)})"
        if kind == 3 and depth:
            return f"(not {self.condition(depth - 1)})"
        if kind == 4:
            return f"{self.real(0)} < {self.real(0)} {sign} {self.real(0)}"
        return f"{self.real(depth)} {sign} {self.real(depth)}"

    def put(self, indent: int, text: str) -> None:
        """Append a line."""
        self.lines.append("    " * indent + text)

    def block(self, indent: int) -> None:
        """One to three statements."""
        for _ in range(self.random.randrange(1, 4)):
            self.statement(indent)

    def statement(self, indent: int) -> None:
        """One statement."""
        self.left -= 1
        kind = self.random.randrange(20)
        if self.left > 0 and kind < 9 and indent < 5:
            (self._if, self._for, self._while)[kind % 3](indent)
        elif kind < 9:
            self._assign(indent)
        elif kind < 12:
            self._store(indent)
        elif kind == 12:
            one, two = self.random.sample(self.random.choice((self.ints, self.floats)), 2)
            self.put(indent, f"{one}, {two} = {two}, {one}")
        elif kind == 13 and self.loops:
            self.put(indent, f"if {self.condition(1)}:")
            self.put(indent + 1, self.random.choice(("break", "continue")))
        elif kind == 14 and self.random.random() < 0.4:
            self.put(indent, f"if {self.condition(1)}:")
            raising = self.random.choice((f"return {self.result()}", "raise ValueError('no')", "assert x > 0.0"))
            self.put(indent + 1, raising)
        else:
            self._assign(indent)

    def result(self) -> str:
        """What the function returns."""
        return "i, x, j, y, z, n"

    def _assign(self, indent: int) -> None:
        if self.random.random() < 0.45:
            value, size = self.whole(self.random.randrange(3))
            limited = f"({value}) % {SMALL}" if self.tame and size >= SMALL else value
            self.put(indent, f"{self.random.choice(self.ints)} = {limited}")
        elif not self.tame and self.random.random() < 0.15:
            self.put(indent, f"{self.random.choice(self.floats)} = {self.whole(1)[0]}")
        elif self.random.random() < 0.4:
            self.put(indent, f"{self.random.choice(self.floats)} {self.random.choice('+-*')}= {self.real(1)}")
        else:
            self.put(indent, f"{self.random.choice(self.floats)} = {self.real(self.random.randrange(1, 4))}")

    def _store(self, indent: int) -> None:
        array = self.random.choice("acm")
        place = f"m[{self.index('m')}, {self.index('m')}]" if array == "m" else f"{array}[{self.index(array)}]"
        if self.random.random() < 0.2:
            value, size = self.whole(1)
            self.put(indent, f"b[{self.index('b')}] = ({value})" + f" % {SMALL}" * (self.tame and size >= SMALL))
        elif self.random.random() < 0.3:
            self.put(indent, f"{place} += {self.real(1)}")
        else:
            self.put(indent, f"{place} = {self.real(2)}")

    def _if(self, indent: int) -> None:
        self.put(indent, f"if {self.condition(2)}:")
        self.block(indent + 1)
        if self.random.random() < 0.3:
            self.put(indent, f"elif {self.condition(1)}:")
            self.block(indent + 1)
        if self.random.random() < 0.5:
            self.put(indent, "else:")
            self.block(indent + 1)

    def _for(self, indent: int) -> None:
        name = f"k{len(self.lines)}"
        start, step = self.random.randrange(-1, 3), self.random.choice((1, 1, 1, 2, -1, -2))
        stop = self.random.choice(("3", "len(a)", "m.shape[0]", f"{self.random.choice(self.ints)} % 5"))
        limits = stop if self.random.random() < 0.5 else f"{start}, {stop}"
        if step != 1:
            limits = f"{start}, {stop}, {step}" if step > 0 else f"{stop}, {start}, {step}"
        self.put(indent, f"for {name} in range({limits}):")
        self._body(indent, name)

    def _while(self, indent: int) -> None:
        name = f"w{len(self.lines)}"
        self.put(indent, f"{name} = 0")
        self.put(indent, f"while {name} < 4 and {self.condition(1)}:")
        self.put(indent + 1, f"{name} += 1")
        self._body(indent)

    def _body(self, indent: int, *counters: str) -> None:
        self.loops += 1
        self.counters += counters
        self.block(indent + 1)
        self.counters = self.counters[: len(self.counters) - len(counters)]
        self.loops -= 1
        if self.random.random() < 0.2:
            self.put(indent, "else:")
            self.block(indent + 1)


def program(random: Random, *, tame: bool) -> Program:
    """One program and arguments for it."""
    helper = _Writer(random, tame=tame, helper=False)
    helper.put(1, f"if {random.choice(('x > i', 'i % 3 == 0', 'x == x'))}:")
    helper.put(2, f"x = {random.choice(('x * 0.5', 'x - i', '1.0 / x', 'x + x', 'x // 3.0'))}")
    writer = _Writer(random, tame=tame, helper=True)
    writer.put(1, random.choice(("c = a[1:]", "c = a[::-1]", "c = np.zeros(3)", "c = m[1]", "c = m[:, 0]", "c = a")))
    while writer.left > 0:
        writer.statement(1)
    text = "def f(i, j, n, x, y, z, a, b, m):\n" + "\n".join(writer.lines) + f"\n    return {writer.result()}\n"
    text = "def g(x, i):\n" + "\n".join(helper.lines) + "\n    return x\n\n\n" + text
    whole = [random.randrange(SMALL) if tame else random.choice((0, 1, -1, 5, 1 << 40, -(1 << 63))) for _ in range(3)]
    real = [random.choice(EDGES[:9] if tame else EDGES) for _ in range(3)]
    return Program(text, (*whole, *real, *_arrays(random, tame=tame)))


def _arrays(random: Random, *, tame: bool) -> tuple[Any, ...]:
    kinds = ("float64",) if tame else ("float64", "float32")
    a = np.array([random.choice(EDGES[:9]) for _ in range(8)], random.choice(kinds))
    b = np.array(
        [random.randrange(100) for _ in range(5)], "int64" if tame else random.choice(("int64", "int32", "uint8"))
    )
    m = np.array([random.choice(EDGES[:9]) for _ in range(12)]).reshape(3, 4)
    layout = random.randrange(4)
    a = a[::2] if layout == 1 else a[:4]
    m = m[:, ::2] if layout == 2 else np.asfortranarray(m) if layout == 3 else m
    return a, b, m
