"""`for` over ranges, arrays, and `enumerate` and `zip` of them.

A range with step 1, which nearly all have, is compared with its stop; any other counts its rounds beforehand, so that
no sum overflows near the ends of 64 bits. The variable keeps its last value after the loop.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from tiering.baseline.indexing import element, shape
from tiering.baseline.lowering import STORES, Lowering
from tiering.baseline.text import Block
from tiering.baseline.types import BOOL, INT32, INT64, UINT32, UINT64, Array, Constant, Scalar
from tiering.baseline.values import Value, constant, tuple_of


class Range(NamedTuple):
    """What `range(...)` is while compiling."""

    kind: Scalar
    start: Value
    stop: Value
    step: Value


class _Counter:
    """A value of 64 bits at the head of a loop that changes by a fixed amount after each round."""

    def __init__(self, lower: Lowering, start: str, step: str, flags: str = "") -> None:
        self._lower = lower
        self._entry = lower.text.here.label
        self._start, self._step, self._flags = start, step, flags
        self.name = lower.text.name()
        self._head: Block | None = None

    def begin(self) -> None:
        """Put the phi at the head, which is the present block."""
        self._head = self._lower.text.here
        self._head.phis.append(f"{self.name} = phi i64 [{self._start}, %{self._entry}]")

    def advance(self) -> None:
        """Add the step, in the last block of the loop."""
        assert self._head is not None
        text = self._lower.text
        following = text.value(f"add {self._flags}i64 {self.name}, {self._step}")
        place = next(n for n, line in enumerate(self._head.phis) if line.startswith(f"{self.name} = "))
        self._head.phis[place] += f", [{following}, %{text.here.label}]"


def range_of(lower: Lowering, arguments: list[Value]) -> Value:
    """range(stop), range(start, stop), range(start, stop, step)."""
    if not 1 <= len(arguments) <= 3:
        lower.refuse(f"range of {len(arguments)} arguments")
    for argument in arguments:
        if not isinstance(argument.type, Scalar) or argument.type.kind == "f":
            lower.refuse(f"range of {argument.type.name}")
    if any(argument.type == UINT64 for argument in arguments):
        lower.refuse("range of uint64")
    kinds = {argument.type for argument in arguments}
    kind = INT64 if kinds & {INT64, UINT32} else INT32
    wide = [lower.convert(lower.convert(argument, kind), INT64) for argument in arguments]
    start, stop = (constant(0), wide[0]) if len(wide) == 1 else (wide[0], wide[1])
    step = wide[2] if len(wide) == 3 else constant(1)
    return Value(Constant("a range"), (), Range(kind, start, stop, step))


def for_loop(lower: Lowering, node: ast.For, _: object) -> None:
    """for target in iterable."""
    iterable = lower.evaluate(node.iter)
    if iterable.known and isinstance(iterable.constant, Range):
        _over_range(lower, node, iterable.constant)
    else:
        _over_items(lower, node, sequence(lower, iterable))


def _over_range(lower: Lowering, node: ast.For, ran: Range) -> None:
    if ran.step.known and ran.step.constant == 1:
        counter = _Counter(lower, ran.start.ir, "1", "nsw ")

        def test() -> Value:
            counter.begin()
            return Value(BOOL, (lower.text.value(f"icmp slt i64 {counter.name}, {ran.stop.ir}"),))

        def enter() -> None:
            here = Value(INT64, (counter.name,), positive=ran.start.positive)
            lower.assign(node.target, lower.convert(here, ran.kind))

        lower.loop(node, test, enter, counter.advance)
        return
    rounds = _Counter(lower, _rounds(lower, ran), "-1")
    current = _Counter(lower, ran.start.ir, ran.step.ir)

    def left() -> Value:
        rounds.begin()
        current.begin()
        return Value(BOOL, (lower.text.value(f"icmp ne i64 {rounds.name}, 0"),))

    def enter_step() -> None:
        up = ran.start.positive and ran.step.known and ran.step.constant > 0
        lower.assign(node.target, lower.convert(Value(INT64, (current.name,), positive=up), ran.kind))

    def advance() -> None:
        rounds.advance()
        current.advance()

    lower.loop(node, left, enter_step, advance)


def _rounds(lower: Lowering, ran: Range) -> str:
    """How many rounds a range has, as an unsigned number."""
    text, step = lower.text, ran.step.ir
    lower.require(text.value(f"icmp ne i64 {step}, 0"), ValueError, "range() arg 3 must not be zero")
    up = text.value(f"icmp sgt i64 {step}, 0")
    rises = text.value(f"icmp slt i64 {ran.start.ir}, {ran.stop.ir}")
    falls = text.value(f"icmp sgt i64 {ran.start.ir}, {ran.stop.ir}")
    some = text.value(f"select i1 {up}, i1 {rises}, i1 {falls}")
    above = text.value(f"sub i64 {ran.stop.ir}, {ran.start.ir}")
    below = text.value(f"sub i64 {ran.start.ir}, {ran.stop.ir}")
    distance = text.value(f"select i1 {up}, i64 {above}, i64 {below}")
    negated = text.value(f"sub i64 0, {step}")
    stride = text.value(f"select i1 {up}, i64 {step}, i64 {negated}")
    whole = text.value(f"udiv i64 {text.value(f'sub i64 {distance}, 1')}, {stride}")
    count = text.value(f"add i64 {whole}, 1")
    return text.value(f"select i1 {some}, i64 {count}, i64 0")


class Sequence(NamedTuple):
    """What has a length, as i64, and an item for each index below it."""

    length: str
    item: Callable[[Value], Value]


def sequence(lower: Lowering, iterable: Value) -> Sequence:
    """An array, a range with step 1, an enumerate or a zip of those, as a sequence."""
    known = iterable.constant if iterable.known else None
    if isinstance(known, Sequence):
        return known
    if isinstance(iterable.type, Array):
        return Sequence(shape(iterable)[0].ir, lambda index: element(lower, iterable, [index], checked=False))
    if isinstance(known, Range) and known.step.known and known.step.constant == 1:
        text, start = lower.text, known.start
        length = text.value(f"sub i64 {known.stop.ir}, {start.ir}")
        some = text.value(f"icmp slt i64 {start.ir}, {known.stop.ir}")
        length = text.value(f"select i1 {some}, i64 {length}, i64 0")
        return Sequence(length, lambda index: lower.convert(_later(lower, start, index), known.kind))
    raise lower.refusal(f"a loop over {iterable.type.name}")


def _later(lower: Lowering, start: Value, index: Value) -> Value:
    ir = lower.text.value(f"add i64 {start.ir}, {index.ir}")
    return Value(INT64, (ir,), positive=start.positive)


def enumerate_of(lower: Lowering, arguments: list[Value]) -> Value:
    """enumerate(iterable), enumerate(iterable, start)."""
    if not 1 <= len(arguments) <= 2 or (len(arguments) == 2 and arguments[1].type != INT64):
        lower.refuse("these arguments of enumerate")
    inner, start = sequence(lower, arguments[0]), arguments[1] if len(arguments) == 2 else constant(0)
    pairs = Sequence(inner.length, lambda index: tuple_of([_later(lower, start, index), inner.item(index)]))
    return Value(Constant("an enumerate"), (), pairs)


def zip_of(lower: Lowering, arguments: list[Value]) -> Value:
    """zip(iterables), as long as the shortest."""
    if not arguments:
        lower.refuse("zip of nothing")
    all_of, text = [sequence(lower, argument) for argument in arguments], lower.text
    length = all_of[0].length
    for other in all_of[1:]:
        less = text.value(f"icmp slt i64 {other.length}, {length}")
        length = text.value(f"select i1 {less}, i64 {other.length}, i64 {length}")
    return Value(Constant("a zip"), (), Sequence(length, lambda index: tuple_of([one.item(index) for one in all_of])))


def _over_items(lower: Lowering, node: ast.For, over: Sequence) -> None:
    counter = _Counter(lower, "0", "1", "nsw ")

    def test() -> Value:
        counter.begin()
        return Value(BOOL, (lower.text.value(f"icmp slt i64 {counter.name}, {over.length}"),))

    def enter() -> None:
        lower.assign(node.target, over.item(Value(INT64, (counter.name,), positive=True)))

    lower.loop(node, test, enter, counter.advance)


STORES["for"] = for_loop
