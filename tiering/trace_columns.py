"""The calls of a program as columns of rows, and back: what `tiering.trace_parquet` puts into files.

Both ways look once at each different call, and move whole columns otherwise. So a pattern of ten million calls takes a
few seconds, and a program that was read holds one object for all calls that are equal.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tiering.errors import InputError
from tiering.parquet_footer import MAX_ROWS
from tiering.trace import Call, Group, Mix, Program
from tiering.trace_parser import MAX_DISTINCT, Parser

MAX_TYPES = 65_536
"""Different texts in `types`."""

ROWS = 1 << 18
"""Rows that are written at a time."""

_UNKNOWN = -1

Values: TypeAlias = tuple[NDArray[Any], NDArray[np.bool_] | None]
"""Of a column: what stands in it, and where (true) nothing does."""

_Facts: TypeAlias = tuple[int, int, int, bool]
"""Of a group: its number, times, thread, and whether it is a pattern."""


class _Calls(dict[Call, int]):
    """Numbers of different calls, and their columns: what a row is made of is looked at once."""

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self._parser = parser
        self._texts: dict[str | None, int] = {None: 0}
        self.units, self.types = array("i"), array("i")
        self.backedges, self.max_index, self.work = array("q"), array("q"), array("d")

    def __missing__(self, call: Call) -> int:
        made = self._parser.call(call)
        self.units.append(made.unit)
        self.backedges.append(made.backedges)
        self.work.append(made.work)
        self.types.append(self._texts.setdefault(made.types, len(self._texts)))
        self.max_index.append(_UNKNOWN if made.max_index is None else made.max_index)
        number = self[call] = len(self)
        if number >= MAX_DISTINCT or len(self._texts) > MAX_TYPES + 1:
            raise _too_many(self._parser.path)
        return number

    def columns(self, numbers: NDArray[np.int32]) -> list[Values]:
        """What these calls are made of."""
        names = np.array([unit.name for unit in self._parser.units], object)
        texts = np.array(list(self._texts), object)
        largest = np.array(self.max_index)[numbers]
        return [
            (names[np.array(self.units)[numbers]], None),
            (np.array(self.backedges)[numbers], None),
            (np.array(self.work)[numbers], None),
            (texts[np.array(self.types)[numbers]], None),
            (largest, largest == _UNKNOWN),
        ]


def rows(program: Program, parser: Parser) -> Iterator[list[Values]]:
    """The columns, in the order that `tiering.trace_parquet` names, so many rows at a time.

    Raises InputError for what breaks a rule or a limit.
    """
    known = _Calls(parser)
    numbers, weights = array("i"), array("d")
    facts: list[_Facts] = []
    lengths: list[int] = []
    counted = entries = 0
    for place, group in enumerate(program.groups):
        parser.outline(place, group)
        calls, drawn = (group.pattern, False) if isinstance(group, Group) else (group.calls, True)
        counted, entries = counted + len(calls), entries + drawn * len(calls)
        if counted > MAX_ROWS or max(entries, place) > MAX_DISTINCT:
            raise _too_many(parser.path)
        for begin in range(0, len(calls), ROWS):
            part = slice(begin, begin + ROWS)
            numbers.extend(map(known.__getitem__, calls[part]))
            weights.extend(group.weights[part] if isinstance(group, Mix) else array("d", bytes(8 * len(calls[part]))))
            facts.append((place, group.times, group.thread, not drawn))
            lengths.append(len(calls[part]))
            if len(numbers) >= ROWS:
                yield _columns(known, numbers, weights, facts, lengths)
                numbers, weights = array("i"), array("d")
                facts, lengths = [], []
    if numbers:
        yield _columns(known, numbers, weights, facts, lengths)


def _columns(
    known: _Calls,
    numbers: array[int],
    weights: array[float],
    facts: list[_Facts],
    lengths: list[int],
) -> list[Values]:
    place, times, thread, pattern = np.repeat(np.array(facts, np.int64), lengths, axis=0).T
    return [
        (place.astype(np.int32), None),
        (times, None),
        (thread.astype(np.int32), None),
        (np.array(weights) + 0.0, pattern.astype(bool)),
        *known.columns(np.array(numbers)),
    ]


def _too_many(path: str) -> InputError:
    return InputError(
        f"{path}: a Parquet trace holds at most {MAX_ROWS} rows, {MAX_DISTINCT} groups, different calls and entries of "
        f"mixes, and {MAX_TYPES} different types; code the calls in longer groups, and round their work"
    )


class Reader:
    """Makes groups of rows. Equal calls become one object."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._row = self._entries = 0
        self._calls: dict[tuple[int, ...], Call] = {}
        self._types: dict[str | None, int] = {None: 0}
        self._texts: list[str | None] = [None]
        self._groups: list[Group | Mix] = []
        self._facts: _Facts | None = None
        self._pattern: list[Call] = []
        self._weights: list[float] = []

    def add(self, batch: Any) -> None:
        """Take the next rows. Raises InputError for one that breaks a rule."""
        calls = self._made(batch)
        weights = batch.column("weight")
        pattern = weights.is_null().to_numpy(zero_copy_only=False)
        facts = [*(batch.column(name).to_numpy() for name in ("group", "times", "thread")), pattern]
        begins = np.flatnonzero(np.any([column[1:] != column[:-1] for column in facts], axis=0)) + 1
        for begin, end in pairwise([0, *begins.tolist(), len(calls)]):
            place, times, thread, plain = (int(column[begin]) for column in facts)
            self._part((place, times, thread, bool(plain)))
            self._pattern += calls[begin:end]
            if not plain:
                self._weights += (weights[begin:end].to_numpy() + 0.0).tolist()
                self._entries += end - begin
            self._row += end - begin
            if max(self._entries, len(self._groups)) > MAX_DISTINCT:
                raise _too_many(self._parser.path)

    def program(self) -> Program:
        """The program of all rows. Raises InputError if there are none, and as `Parser.program` does."""
        if self._facts is None:
            raise InputError(f"{self._parser.path}: a trace needs at least one row")
        self._close(self._facts)
        return self._parser.program(tuple(self._groups))

    def _part(self, facts: _Facts) -> None:
        """Go on with the group that is open, or begin the next one."""
        if facts == self._facts:
            return
        if self._facts is not None:
            self._close(self._facts)
        if facts[0] != len(self._groups):
            raise InputError(
                f"{self._parser.path}: row {self._row} is of group {facts[0]}: groups must be numbered from 0 on, "
                "stand together, and have the same times and thread and either weights or none in all their rows"
            )
        self._facts = facts

    def _close(self, facts: _Facts) -> None:
        _, times, thread, pattern = facts
        calls, weights = tuple(self._pattern), tuple(self._weights)
        self._pattern.clear()
        self._weights.clear()
        group = Group(calls, times, thread) if pattern else Mix(calls, weights, times, thread)
        self._parser.outline(len(self._groups), group)
        self._groups.append(group)

    def _made(self, batch: Any) -> list[Call]:
        """The calls of these rows: one look at each different one, in whole numbers, the bits of `work` included."""
        unit, types, largest = (batch.column(name) for name in ("unit", "types", "max_index"))
        index = self._parser.index
        units = np.array([index.get(name, _UNKNOWN) for name in unit.dictionary.to_pylist()], np.int64)
        texts = np.array([0, *map(self._text, types.dictionary.to_pylist())], np.int64)
        columns = [
            units[unit.indices.to_numpy()],
            batch.column("backedges").to_numpy(),
            batch.column("work").to_numpy().view(np.int64),
            texts[types.indices.fill_null(_UNKNOWN).to_numpy() + 1],
            largest.fill_null(_UNKNOWN).to_numpy(),
        ]
        rows, kinds = _kinds(columns)
        if np.any((columns[-1] < 0) & largest.is_valid().to_numpy(zero_copy_only=False)):
            raise InputError(f"{self._parser.path}: max_index: must be null or a whole number from 0 on")
        made = np.empty(len(rows), object)
        for kind, values in enumerate(zip(*(column[rows].tolist() for column in columns), strict=True)):
            made[kind] = self._calls.get(values) or self._new(values, self._row + int(rows[kind]))
        found: list[Call] = made[kinds].tolist()
        return found

    def _new(self, values: tuple[int, ...], row: int) -> Call:
        unit, backedges, work, types, largest = values
        self._parser.place = f"row {row}"
        if len(self._calls) >= MAX_DISTINCT:
            raise _too_many(self._parser.path)
        if unit == _UNKNOWN:
            raise InputError(f"{self._parser.path}: row {row}: its unit is none that the header describes")
        seconds = float(np.int64(work).view(np.float64))
        text = self._texts[types]
        call = Call(unit, backedges, seconds, text, None if largest == _UNKNOWN else largest)
        made = self._calls[values] = self._parser.call(call)
        return made

    def _text(self, text: str | None) -> int:
        number = self._types.setdefault(text, len(self._types))
        if number > MAX_TYPES:
            raise _too_many(self._parser.path)
        if number == len(self._texts):
            self._texts.append(text)
        return number


def _kinds(columns: list[NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of which no two are alike, and for every row the number of the one that it is like."""
    import pyarrow as pa

    kinds: NDArray[np.int64] = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        coded = pa.array(column).dictionary_encode()
        both = pa.array(kinds * len(coded.dictionary) + coded.indices.to_numpy()).dictionary_encode()
        kinds = both.indices.to_numpy().astype(np.int64)
    rows = np.empty(int(kinds.max(initial=-1)) + 1, np.int64)
    rows[kinds] = np.arange(len(kinds))
    return rows, kinds
