"""What lies outside the subset is refused by name, with its line, and never ends in anything else."""

from __future__ import annotations

import ast
import random

import numpy as np
import pytest

from tiering.baseline.engine import compile_text
from tiering.baseline.module import lower
from tiering.baseline.source import Refused
from tiering.baseline.types import FLOAT64, INT64, Array

from .programs import program
from .support import define, type_of

OUTSIDE = {
    "[i for i in range(x)]": "ListComp expressions",
    "{1: 2}": "Dict expressions",
    "(lambda: 1)()": "Lambda expressions",
    "'a' + 'b'": "add of str and str",
    "f'{x}'": "JoinedStr expressions",
    "x.real": "the attribute real of int64",
    "x @ x": "an operator of int64 and int64",
    "x[0]": "int64 in brackets",
    "~1.5": "~ of a float",
    "1.5 & 2": "and of float64 and int64",
    "unknown": "the name unknown, which means nothing",
    "np.linalg.norm(x)": "a call of numpy.linalg.norm",
    "np.nothing": "numpy.nothing, which does not exist",
    "print(x)": "a call of builtins.print",
    "sorted((1, 2))": "a call of builtins.sorted",
    "len(x)": "len of int64",
    "range(1.5)": "range of float64",
    "1j": "a constant of type complex",
    "99999999999999999999": "the integer 99999999999999999999, which needs more than 64 bits",
    "(1, 2)[x]": None,
    "(1, 2.5)[x]": "a tuple by an index that is not a constant",
    "(1, 2)[5]": "item 5 of a tuple of 2",
    "None + x": "add of none and int64",
    "(1, 2) < (1, 3)": "Lt of (int64, int64) and (int64, int64)",
    "x if x else None": "an expression that is int64 or none",
    "math.sqrt(x, x)": "math.sqrt of 2 arguments",
    "max(x)": "max of one argument",
    "np.zeros(1.5)": "a shape that is float64",
    "np.zeros(x, 'q')": "the dtype str",
    "x(1)": "a call of int64",
    "float('nan')": None,
}


@pytest.mark.parametrize("text", OUTSIDE)
def test_an_expression_outside_is_refused_by_name_and_line(text):
    function = define(f"def f(x):\n    y = x\n    z = {text}\n    return y\n")
    if OUTSIDE[text] is None:
        lower(function, (INT64,))
        return
    with pytest.raises(Refused) as caught:
        lower(function, (INT64,))
    assert (caught.value.what, caught.value.line) == (OUTSIDE[text], 3)


STATEMENTS = {
    "try:\n        pass\n    except ValueError:\n        pass": "Try statements",
    "with x:\n        pass": "With statements",
    "del x": "Delete statements",
    "import os": "Import statements",
    "global x_": "Global statements",
    "x.a = 1": "assignment to Attribute",
    "a, b = x": "unpacking int64 into 2 variables",
    "for i in x:\n        pass": "a loop over int64",
    "raise x": "raise of what is not an exception class with constants",
    "raise ValueError(x)": "raise of what is not an exception class with constants",
    "assert x, x": "an assertion whose message is not a constant",
    "y += 1": "y, which may not be assigned yet",
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_outside_is_refused_by_name_and_line(text):
    with pytest.raises(Refused) as caught:
        lower(define(f"def f(x):\n    {text}\n    y = 1\n"), (INT64,))
    assert (caught.value.what, caught.value.line) == (STATEMENTS[text], 2)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def f(*x):\n    return 1\n", "*args, **kwargs and keyword-only parameters"),
        ("def f(x, *, y=1):\n    return 1\n", "*args, **kwargs and keyword-only parameters"),
        ("def f(x):\n    yield x\n", "generators and coroutines"),
        ("async def f(x):\n    return x\n", "generators and coroutines"),
        ("def f(x):\n    def g():\n        return x\n    return 1\n", "inner functions (they share x)"),
        ("f = lambda x: x\n", "no source of its own: it stands within an expression"),
    ],
)
def test_the_head_of_a_function_is_refused(text, what):
    with pytest.raises(Refused) as caught:
        lower(define(text), (INT64,))
    assert caught.value.what == what


@pytest.mark.parametrize("given", [len, int, print, object(), 3, np.sin])
def test_what_is_no_function_is_refused(given):
    with pytest.raises(Refused, match="is no plain function"):
        lower(given, (INT64,))


def test_a_function_without_source_is_refused():
    space: dict = {}
    exec("def f(x):\n    return x\n", space)
    with pytest.raises(Refused, match="no source"):
        lower(space["f"], (INT64,))


def test_a_read_only_array_is_not_written():
    for text in ("a[0] = 1.0", "a[0] += 1.0", "a[:] = 1.0", "a[1:][0] = 1.0"):
        with pytest.raises(Refused, match="readonly"):
            lower(define(f"def f(a):\n    {text}\n"), (Array(FLOAT64, 1, "C", False),))


def test_recursion_is_refused():
    space = define("def f(x):\n    if x < 1:\n        return 0\n    return f(x - 1)\n")
    with pytest.raises(Refused, match="f calls itself"):
        lower(space, (INT64,))


class _Spoiler(ast.NodeTransformer):
    """Replaces one node in twenty by something else that stands in the same tree."""

    def __init__(self, rng: random.Random, others: list[ast.expr]) -> None:
        self.rng, self.others = rng, others

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        loads = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if isinstance(node, ast.expr) and loads and self.rng.random() < 0.05:
            return self.rng.choice(self.others)
        return node


STRANGE = ["None", "'s'", "(1, a)", "a", "m[0]", "len", "np", "np.zeros(3)", "x.y", "a[::x]", "(i, x)", "-a", "not a"]
STRANGE += ["[1]", "a[0, 0]", "m[...]", "m[None]", "b'b'", "math.pi", "max", "g", "range(3)", "i in a", "a is None"]


def spoiled(seed: int) -> None:
    """A random program with strange things in it compiles or is refused, and LLVM is content with what was made."""
    rng = random.Random(seed)
    made = program(rng, tame=True)
    tree = ast.parse(made.text)
    others = [ast.parse(text, mode="eval").body for text in STRANGE]
    text = ast.unparse(ast.fix_missing_locations(_Spoiler(rng, others).visit(tree)))
    try:
        function = define(text)
    except SyntaxError:
        return
    try:
        lowered = lower(function, tuple(map(type_of, made.arguments)))
    except Refused:
        return
    compile_text(lowered.text, lowered.symbol, "O0").close()


@pytest.mark.parametrize("part", range(4))
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_strange_programs_are_compiled_or_refused(part):
    for seed in range(100 * part, 100 * (part + 1)):
        spoiled(seed)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_many_strange_programs_are_compiled_or_refused():
    for seed in range(100_000):
        spoiled(seed)
