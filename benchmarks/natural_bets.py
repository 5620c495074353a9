"""What each bet that a kernel of the zoo declares is worth, were its assumption simply true.

For every kernel and declared bet a second version of its functions is generated from their source, and both are timed
on the medium inputs under `numba.njit(boundscheck=True)`, interleaved. A ratio above 1 is what the bet gains at best:
a bet is natural where it comes to 1.1. A ratio of 0 says that the version gave another result. The versions:

- constant_shapes: shapes of arrays and integers that stand in a `range` become literals, behind one test at the entry;
- constant_values: so do all scalars. A helper's arguments are constants where one call of the entry leaves them so;
- no_overflow: computed indices are taken as unsigned, since none wraps below zero;
- cold_branches: sides of branches that the inputs never take are cut out, with their tests. `..._side_exit_...` keeps
  the tests and leaves the function where one fails: it tells whether the test has to be hoisted out of the loop;
- nonzero_denominators: `error_model="numpy"`;
- index_maxima: no bounds checks, and computed indices unsigned as well, behind one pass over all integer arrays for
  their extremes, inside the timed call.

`..._all_speed_vs_njit` takes all declared bets together and runs against `numba.njit` with its defaults, which checks
no bounds: what a tier that speculates can gain on a user's code. `natural_speed_vs_njit` is the geometric mean of
these, each capped at 2.5. `python -m benchmarks.natural_bets NAME ...` measures some kernels only.

Seconds are the thread's CPU time: kernels run on one thread and wait for nothing, and on a shared machine the longer of
two blocks is interrupted more often, which would make gains out of its neighbours.
"""

from __future__ import annotations

import ast
import copy
import inspect
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numba
import numpy as np
from tiering.workloads import zoo
from tiering.workloads.kernel import Kernel, Unit

from benchmarks.harness import Metric, geometric_mean, main, measured

PAYS = 1.1
CAP = 2.5
BLOCK_SECONDS = 0.003
LONGEST_BLOCK = 64
UNMEASURED = {"stable_types"}  # Numba's types are stable by construction: there is no version without the bet


class Shape(tuple[int, ...]):
    """The lengths of an array."""


@dataclass
class Facts:
    """What one call of a kernel shows of one of its functions: arguments that stay equal, sides of branches taken."""

    arguments: dict[str, Any] = field(default_factory=dict)
    taken: set[tuple[int, bool]] = field(default_factory=set)

    def note(self, names: Iterable[str], values: Iterable[Any]) -> None:
        """Keep of each argument its shape or its number as long as it is always the same, then None."""
        for name, value in zip(names, values, strict=True):
            shown = Shape(value.shape) if isinstance(value, np.ndarray) else value
            if not isinstance(shown, Shape | bool | int | float) or self.arguments.setdefault(name, shown) != shown:
                self.arguments[name] = None

    def branch(self, number: int, outcome: Any) -> bool:
        """Pass the outcome of a test on, having noted it."""
        self.taken.add((number, bool(outcome)))
        return bool(outcome)


class Observed(ast.NodeTransformer):
    """Sends the test of every branch through `_branch`; branches are numbered in the order of the source."""

    number = -1

    def visit_If(self, node: ast.If) -> ast.If:
        self.number += 1
        node.test = ast.Call(ast.Name("_branch", ast.Load()), [ast.Constant(self.number), node.test], [])
        self.generic_visit(node)
        return node


class Pruned(ast.NodeTransformer):
    """Cuts out sides of branches that were never taken; with `exits`, leaves by an exception where one would be."""

    number = -1

    def __init__(self, taken: set[tuple[int, bool]], exits: bool) -> None:
        self.taken, self.exits = taken, exits

    def visit_If(self, node: ast.If) -> Any:
        self.number += 1
        sides = [side for side in (True, False) if (self.number, side) in self.taken]
        self.generic_visit(node)
        if len(sides) != 1:
            return node
        kept = node.body if sides[0] else node.orelse
        if not self.exits:
            return kept or ast.Pass()
        fails = ast.UnaryOp(ast.Not(), node.test) if sides[0] else node.test
        return [ast.If(fails, ast.parse("raise RuntimeError").body, []), *kept]


class Unsigned(ast.NodeTransformer):
    """Wraps computed indices in np.uint64."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name):
            if isinstance(node.slice, ast.Tuple):
                node.slice.elts = [self._wrapped(part) for part in node.slice.elts]
            else:
                node.slice = self._wrapped(node.slice)
        return node

    def _wrapped(self, index: ast.expr) -> ast.expr:
        if isinstance(index, ast.Constant | ast.Slice | ast.UnaryOp):
            return index
        return ast.Call(ast.parse("np.uint64", mode="eval").body, [index], [])


def measure(quick: bool, names: Iterable[str] = ()) -> list[Metric]:
    """One row per kernel and declared bet, one per kernel for all of them, and the means over kernels."""
    chosen = [zoo.kernel(name) for name in names] or [each for each in zoo.kernels() if set(each.bets) - UNMEASURED]
    for unit in (unit for kernel in chosen for unit in kernel.units):
        _source(unit.function)  # now, before somebody edits it
    metrics: list[Metric] = []
    gains: list[float] = []
    for kernel in chosen:
        print(f"  {kernel.name}", file=sys.stderr)
        metrics += _measured(kernel, 7 if quick else 21)
        gains.append(min(metrics[-1].value, CAP))
    metrics.append(measured("natural_speed_vs_njit", [geometric_mean(gains)], "ratio", "numba.njit"))
    metrics.append(measured("natural_median_speed_vs_njit", [float(np.median(gains))], "ratio", "numba.njit"))
    return metrics


def _measured(kernel: Kernel, repeats: int) -> list[Metric]:
    arguments = kernel.inputs(kernel.sizes["medium"], 1)
    facts = observed(kernel, arguments)
    rivals = {"the same without the bet": version(kernel, facts, set())}
    rivals["numba.njit"] = version(kernel, facts, set(), checked=False)

    def row(what: str, bets: set[str], against: str, exits: bool = False) -> Metric:
        ours = optimistic(kernel, facts, bets, arguments, exits=exits)
        bar = (">=", PAYS) if {what} == bets else None
        ratios = _ratios(ours, rivals[against], arguments, repeats)
        rival = "njit" if against == "numba.njit" else "none"
        return measured(f"{kernel.name}_{what}_speed_vs_{rival}", ratios, "ratio", against, bar=bar)

    rows = [row(bet, {bet}, "the same without the bet") for bet in kernel.bets if bet not in UNMEASURED]
    if "cold_branches" in kernel.bets:
        rows.append(row("side_exit", {"cold_branches"}, "the same without the bet", exits=True))
    return [*rows, row("all", set(kernel.bets), "numba.njit")]


def _ratios(
    ours: Callable[..., Any], theirs: Callable[..., Any], arguments: tuple[Any, ...], repeats: int
) -> list[float]:
    first, second = copy.deepcopy(arguments), copy.deepcopy(arguments)
    if not _same((ours(*first), first), (theirs(*second), second)):
        return [0.0]
    calls = min(LONGEST_BLOCK, math.ceil(BLOCK_SECONDS / _seconds(theirs, arguments, 1)))
    ratios = []
    for repeat in range(repeats):
        order = (ours, theirs) if repeat % 2 else (theirs, ours)
        seconds = {each: _seconds(each, arguments, calls) for each in order}
        ratios.append(seconds[theirs] / seconds[ours])
    return ratios


def _seconds(function: Callable[..., Any], arguments: tuple[Any, ...], calls: int) -> float:
    copies = [copy.deepcopy(arguments) for _ in range(calls)]
    started = time.thread_time()
    for each in copies:
        function(*each)
    return time.thread_time() - started


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other or (one != one and other != other))


def observed(kernel: Kernel, arguments: tuple[Any, ...]) -> list[Facts]:
    """Facts of every unit. CPython runs the kernel once, unless nothing but the arguments of the entry is asked for."""
    facts = [Facts() for _ in kernel.units]
    if len(kernel.units) == 1 and "cold_branches" not in kernel.bets:
        facts[0].note(inspect.signature(kernel.entry).parameters, arguments)
        return facts

    def noting(unit: Unit, made: dict[str, Any]) -> Callable[..., Any]:
        seen = facts[kernel.units.index(unit)]
        function = _built(Observed().visit(_tree(unit)), unit, {**made, "_branch": seen.branch})
        names = tuple(inspect.signature(unit.function).parameters)

        def call(*values: Any) -> Any:
            seen.note(names, values)
            return function(*values)

        return call

    _assembled(kernel, noting)(*copy.deepcopy(arguments))
    return facts


def optimistic(
    kernel: Kernel, facts: list[Facts], bets: set[str], arguments: tuple[Any, ...], *, exits: bool = False
) -> Callable[..., Any]:
    """The version with these bets. Before checks are dropped, a call with them shows that none of them would fail."""
    checked = version(kernel, facts, bets, exits=exits)
    if "index_maxima" not in bets:
        return checked
    checked(*copy.deepcopy(arguments))
    return _behind_extremes(version(kernel, facts, bets, checked=False, exits=exits))


def version(
    kernel: Kernel, facts: list[Facts], bets: set[str], *, checked: bool = True, exits: bool = False
) -> Callable[..., Any]:
    """The entry compiled with these bets, with bounds checks where `checked`."""
    options = {"boundscheck": checked, "error_model": "numpy" if "nonzero_denominators" in bets else "python"}

    def compiled(unit: Unit, made: dict[str, Any]) -> Callable[..., Any]:
        seen = facts[kernel.units.index(unit)]
        tree = _tree(unit)
        constants = _constants(tree, seen, bets)
        if "cold_branches" in bets:
            Pruned(seen.taken, exits).visit(tree)
        if bets & {"no_overflow", "index_maxima"}:
            Unsigned().visit(tree)
        tree.body[0].body[0:0] = constants  # type: ignore[attr-defined]
        return numba.njit(**options)(_built(tree, unit, made))  # type: ignore[no-any-return]

    return _assembled(kernel, compiled)


def _constants(tree: ast.Module, facts: Facts, bets: set[str]) -> list[ast.stmt]:
    nodes = list(ast.walk(tree))
    ranges = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "range"]
    counts = {name.id for each in ranges for name in ast.walk(each) if isinstance(name, ast.Name)}
    lines = []
    for name, value in facts.arguments.items():
        if isinstance(value, Shape):
            tests = " or ".join(f"{name}.shape[{axis}] != {length}" for axis, length in enumerate(value))
            lines += [f"if {tests}: raise ValueError('another shape')"] if "constant_shapes" in bets else []
        elif value is not None and math.isfinite(value):
            count = "constant_shapes" in bets and name in counts and type(value) is int
            lines += [f"{name} = {value!r}"] if count or "constant_values" in bets else []
    return ast.parse("\n".join(lines)).body


def _assembled(kernel: Kernel, make: Callable[[Unit, dict[str, Any]], Callable[..., Any]]) -> Callable[..., Any]:
    made: dict[str, Any] = {}
    for unit in reversed(kernel.units):
        made[unit.function.__name__] = make(unit, made)
    return made[kernel.entry.__name__]  # type: ignore[no-any-return]


def _tree(unit: Unit) -> ast.Module:
    return ast.parse(_source(unit.function))


@cache
def _source(function: Callable[..., Any]) -> str:
    return textwrap.dedent(inspect.getsource(function))


def _built(tree: ast.Module, unit: Unit, names: dict[str, Any]) -> Callable[..., Any]:
    held = {**unit.function.__globals__, "np": np, **names}
    code = compile(ast.fix_missing_locations(tree), f"<{unit.function.__name__} with bets>", "exec")
    exec(code, held)
    return held[unit.function.__name__]  # type: ignore[no-any-return]


def _behind_extremes(entry: Callable[..., Any]) -> Callable[..., Any]:
    @numba.njit  # type: ignore[untyped-decorator]
    def extremes(index: Any) -> Any:
        smallest, largest = 0, 0
        for each in index.ravel():
            smallest, largest = min(smallest, each), max(largest, each)
        return smallest, largest

    def guarded(*arguments: Any) -> Any:
        for each in arguments:
            if isinstance(each, np.ndarray) and each.dtype.kind in "iu":
                extremes(each)
        return entry(*arguments)

    return guarded


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    sys.argv[1:] = [word for word in sys.argv[1:] if word.startswith("-")]
    main(lambda quick: measure(quick, given))
