"""What a Parquet file says of itself, checked before anything in it is decoded.

A reader of Parquet believes the file: a page of some bytes may announce 2 GiB, a dictionary four thousand million
entries, a column another file, a schema a tree as deep as the stack. All of this stands in the footer and in the
headers of the pages, which are small Thrift structures ("Parquet format", `parquet.thrift`; "Thrift compact protocol").
So they are read here first, by sixty lines that only count and slice, and held to the one layout that
`tiering.trace_parquet` writes. What passes cannot make the decoder allocate more than two pages per column.

Rejected: a memory limit for the process, which ends it, and limits of pyarrow's own: it has them for the footer, and
none for pages.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from tiering.errors import InputError

MAGIC = b"PAR1"
MAX_ROWS = 20_000_000
MAX_PAGE_BYTES = 8 << 20
MAX_DECODED_BYTES = 2 << 30
"""All pages of a file together, once decoded: that much work a file of a few kilobytes could ask for."""

_MAX_VALUES = 200_000
"""Values in one Thrift structure. A file of `MAX_ROWS` rows in groups of 2^18 has some 25,000."""

_DEPTH = 16
_FIELDS = 1000
_END = 8
_CODECS = {0, 1, 6}
_PLAIN, _RLE = {0, 2, 8}, 3
_DATA, _DICTIONARY = 0, 2

INT32, INT64, DOUBLE, TEXT = 1, 2, 5, 6
"""Physical types of Parquet that occur here."""


class Column(NamedTuple):
    """A column as it must be: its name, its physical type, and whether there may be nulls in it."""

    name: str
    type: int
    optional: bool = False


class _Damaged(Exception):
    """A structure that is none."""


def check(path: str, data: bytes, columns: tuple[Column, ...], key: str) -> str:
    """The text under `key` in the footer's metadata, from a file whose footer and pages all keep the rules.

    There must be exactly these `columns` and no other key. Raises InputError with the file and the rule.
    """
    try:
        return _File(data, columns).text(key)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (_Damaged, LookupError, TypeError, AttributeError, ValueError, OverflowError):
        raise InputError(f"{path}: not a trace: its Parquet footer or a page header is damaged") from None


class _File:
    def __init__(self, data: bytes, columns: tuple[Column, ...]) -> None:
        self._data = data
        self._columns = columns
        self._decoded = 0
        if len(data) < 2 * len(MAGIC) + 4 or data[-4:] != MAGIC:
            raise InputError("not a trace: it ends before its Parquet footer; it may have been cut short")
        length = int.from_bytes(data[-_END:-4], "little")
        self._footer = len(data) - _END - length
        if self._footer < len(MAGIC):
            raise InputError("not a trace: its Parquet footer is longer than the file")

    def text(self, key: str) -> str:
        meta = Thrift(self._data, self._footer, len(self._data) - _END).struct()
        if 8 in meta:
            raise InputError("is encrypted; a trace is not")
        self._schema(meta[2])
        rows, groups = meta[3], meta[4]
        if not 1 <= rows <= MAX_ROWS:
            raise InputError(f"has {rows} rows: must be from 1 to {MAX_ROWS}; code the calls in longer groups")
        if sum(group[3] for group in groups) != rows or any(group[3] < 0 for group in groups):
            raise InputError("its row groups have other rows than the file")
        for group in groups:
            self._group(group)
        pairs = [(pair[1], pair.get(2)) for pair in meta.get(5, [])]
        if [name for name, _ in pairs] != [key.encode()]:
            names = ", ".join(repr(name.decode()[:40]) for name, _ in pairs)
            raise InputError(f"not a trace: its metadata has the keys {names[:80] or 'none'}: must be {key!r} alone")
        return str(pairs[0][1].decode("utf-8"))

    def _schema(self, elements: list[dict[int, Any]]) -> None:
        leaves = [
            (leaf[4].decode(), leaf.get(1), leaf.get(3) == 1) if leaf.get(3) in (0, 1) and 5 not in leaf else None
            for leaf in elements[1:]
        ]
        if leaves != [tuple(column) for column in self._columns] or elements[0][5] != len(leaves):
            wanted = ", ".join(column.name for column in self._columns)
            raise InputError(f"not a trace: its columns are others than {wanted}, or of other types")

    def _group(self, group: dict[int, Any]) -> None:
        if len(group[1]) != len(self._columns):
            raise InputError("a row group has other columns than the file")
        for column, chunk in zip(self._columns, group[1], strict=True):
            meta = chunk[3]
            if 1 in chunk or 8 in chunk or 9 in chunk:
                raise InputError(f"column {column.name} is encrypted or in another file")
            if meta[4] not in _CODECS:
                raise InputError(f"column {column.name} has compression {meta[4]}: must be none, Snappy or Zstandard")
            if meta[1] != column.type or meta[5] != group[3] or [part.decode() for part in meta[3]] != [column.name]:
                raise InputError(f"column {column.name} is another one in a row group")
            begin = min(offset for offset in (meta[9], meta.get(11)) if offset)
            end = begin + meta[7]
            if not len(MAGIC) <= begin <= end <= self._footer:
                raise InputError(f"column {column.name} lies outside the file; it may have been cut short")
            if meta[9] not in self._pages(column, begin, end, group[3]):
                raise InputError(f"column {column.name} begins at none of its pages")

    def _pages(self, column: Column, at: int, end: int, rows: int) -> tuple[int, ...]:
        """Where the data may begin: at the first page, or behind the dictionary."""
        first, seen = True, 0
        begins: tuple[int, ...] = (at,)
        while at < end:
            reader = Thrift(self._data, at, end)
            page = reader.struct()
            decoded, stored = page[2], page[3]
            at = reader.at + stored
            if not 0 <= decoded <= MAX_PAGE_BYTES or stored < 0 or at > end:
                raise InputError(
                    f"column {column.name} has a page of {decoded} bytes: must be from 0 to {MAX_PAGE_BYTES}"
                )
            self._decoded += decoded
            if self._decoded > MAX_DECODED_BYTES:
                raise InputError(f"is more than {MAX_DECODED_BYTES >> 30} GiB once decoded")
            seen += self._values(column, page, first)
            begins = (*begins, at) if first and page[1] == _DICTIONARY else begins
            first = False
        if seen != rows:
            raise InputError(f"column {column.name} has {seen} values for {rows} rows")
        return begins

    def _values(self, column: Column, page: dict[int, Any], first: bool) -> int:
        """Rows on a page. Each value of a dictionary takes four bytes at least, or its count is a lie."""
        if page[1] == _DICTIONARY and first:
            if page[7][2] in _PLAIN and 0 <= 4 * page[7][1] <= page[2]:
                return 0
        elif page[1] == _DATA:
            head = page[5]
            if head[2] in _PLAIN and head[3] == head[4] == _RLE and head[1] >= 0:
                return int(head[1])
        raise InputError(f"column {column.name} has a page of a kind that no trace has, or with false counts")


class Thrift:
    """Reads structures of Thrift's compact protocol from `data[at:end]`, and never past it."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.at = at
        self._data = data
        self._end = end
        self._left = _MAX_VALUES

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Values by field number. A number that comes twice, or wraps around, could mean two things to two readers."""
        found: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._whole()
            if number in found or not 0 < number < _FIELDS:
                raise _Damaged
            self._count(depth)
            found[number] = kind & 15 == 1 if kind & 15 in (1, 2) else self._value(kind & 15, depth + 1)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._whole()
        if kind == 7:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            head = self._byte()
            length = self._varint() if head >> 4 == 15 else head >> 4
            return [self._element(head & 15, depth + 1) for _ in range(length)]
        if kind == 12:
            return self.struct(depth)
        raise _Damaged

    def _element(self, kind: int, depth: int) -> Any:
        self._count(depth)
        return self._value(kind, depth)

    def _count(self, depth: int) -> None:
        self._left -= 1
        if depth > _DEPTH or self._left < 0:
            raise _Damaged

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, length: int) -> bytes:
        begin, self.at = self.at, self.at + length
        if self.at > self._end:
            raise _Damaged
        return self._data[begin : self.at]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise _Damaged

    def _whole(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
