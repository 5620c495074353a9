"""Footers and page headers that lie, made by hand: each lie is found before a decoder could believe it."""

from __future__ import annotations

import pytest

from tiering.errors import InputError
from tiering.parquet_footer import INT64, MAX_PAGE_BYTES, Column, Thrift, check

COLUMNS = (Column("a", INT64),)
BODY = bytes(8)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def encoded(value):
    """A value of Thrift's compact protocol: its type and its bytes."""
    if isinstance(value, bool):
        return (1 if value else 2), b""
    if isinstance(value, int):
        return 6, varint(value << 1 if value >= 0 else -value * 2 - 1)
    if isinstance(value, bytes):
        return 8, varint(len(value)) + value
    if isinstance(value, list):
        items = [encoded(item) for item in value]
        kind = items[0][0] if items else 6
        head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([240 | kind]) + varint(len(items))
        return 9, head + b"".join(text for _, text in items)
    return 12, b"".join(bytes([kind]) + varint(number << 1) + text for number, kind, text in fields(value)) + b"\0"


def fields(struct):
    return [(number, *encoded(value)) for number, value in struct.items() if value is not None]


def page(**changed):
    """The header and the body of a data page of one value."""
    head = {1: 0, 2: 8, 3: 8, 5: {1: 1, 2: 0, 3: 3, 4: 3}, **{int(name[1:]): value for name, value in changed.items()}}
    return encoded(head)[1] + BODY


def file(pages=None, meta=None, chunk=None, column=None, schema=None):
    """A Parquet file of one column and one row, with whatever lies."""
    pages = page() if pages is None else pages
    column = {1: INT64, 2: [0], 3: [b"a"], 4: 0, 5: 1, 6: len(pages), 7: len(pages), 9: 4, **(column or {})}
    chunk = {2: 4, 3: column, **(chunk or {})}
    schema = schema or [{4: b"schema", 5: 1}, {1: INT64, 3: 0, 4: b"a"}]
    groups = [{1: [chunk], 2: 8, 3: 1}]
    footer = encoded({1: 2, 2: schema, 3: 1, 4: groups, 5: [{1: b"key", 2: b"told"}], **(meta or {})})[1]
    return b"PAR1" + pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def test_an_honest_file_gives_its_text():
    assert check("x", file(), COLUMNS, "key") == "told"


def test_a_page_after_its_dictionary():
    dictionary, data = page(n1=2, n5=None, n7={1: 1, 2: 0}), page(n5={1: 1, 2: 8, 3: 3, 4: 3})
    for offsets in ({9: 4}, {9: 4 + len(dictionary), 11: 4}):
        assert check("x", file(dictionary + data, column=offsets), COLUMNS, "key") == "told"
    with pytest.raises(InputError, match="column a begins at none of its pages"):
        check("x", file(dictionary + data, column={9: 5 + len(dictionary), 11: 4}), COLUMNS, "key")


DAMAGED = "not a trace: its Parquet footer or a page header is damaged"
KIND = "column a has a page of a kind that no trace has, or with false counts"
LIES = {
    "a page that would decode to 2 GiB": (
        file(page(n2=2**31 - 1)),
        "has a page of 2147483647 bytes: must be from 0 to",
    ),
    "a page of a negative size": (file(page(n2=-1)), "column a has a page of -1 bytes"),
    "a page that ends after its column": (file(page(n3=9)), "column a has a page of 8 bytes"),
    "a page of negative length, so that it is read for ever": (file(page(n3=-20)), "column a has a page of 8 bytes"),
    "a page with more values than rows": (file(page(n5={1: 9, 2: 0, 3: 3, 4: 3})), "column a has 9 values for 1 rows"),
    "a page with a negative number of values": (file(page(n5={1: -1, 2: 0, 3: 3, 4: 3})), KIND),
    "values in an encoding that can grow": (file(page(n5={1: 1, 2: 7, 3: 3, 4: 3})), KIND),
    "levels in an encoding that is no longer used": (file(page(n5={1: 1, 2: 0, 3: 4, 4: 3})), KIND),
    "a dictionary of 2^31 entries in 8 bytes": (file(page(n1=2, n5=None, n7={1: 2**31, 2: 0}) + page()), KIND),
    "a dictionary of -1 entries": (file(page(n1=2, n5=None, n7={1: -1, 2: 0}) + page()), KIND),
    "a second dictionary": (file(page() + page(n1=2, n5=None, n7={1: 1, 2: 0})), KIND),
    "a page of the newer kind": (file(page(n1=3, n5=None, n8={1: 1})), KIND),
    "a page of an unknown kind": (file(page(n1=9)), KIND),
    "a page without its sizes": (file(page(n2=None)), DAMAGED),
    "a file without rows": (file(meta={3: 0, 4: []}), "has 0 rows: must be from 1 to"),
    "a file of 2^40 rows": (file(meta={3: 2**40}), "has 1099511627776 rows: must be from 1 to 20000000"),
    "row groups of other rows": (file(meta={3: 2}), "its row groups have other rows than the file"),
    "an encrypted file": (file(meta={8: {1: {}}}), "is encrypted; a trace is not"),
    "no key": (file(meta={5: None}), "its metadata has the keys none: must be 'key' alone"),
    "a second key": (
        file(meta={5: [{1: b"key", 2: b""}, {1: b"\x1b[2J", 2: b""}]}),
        r"the keys 'key', '\\x1b\[2J': must",
    ),
    "a key without a value": (file(meta={5: [{1: b"key"}]}), DAMAGED),
    "text that is no UTF-8": (file(meta={5: [{1: b"key", 2: b"\xff"}]}), DAMAGED),
    "no schema": (file(schema=[{4: b"schema", 5: 0}]), "its columns are others than a, or of other types"),
    "a column that has columns": (
        file(schema=[{4: b"s", 5: 1}, {1: 2, 3: 0, 4: b"a", 5: 0}]),
        "its columns are others",
    ),
    "a repeated column": (file(schema=[{4: b"s", 5: 1}, {1: 2, 3: 2, 4: b"a"}]), "its columns are others"),
    "a nullable column": (file(schema=[{4: b"s", 5: 1}, {1: 2, 3: 1, 4: b"a"}]), "its columns are others"),
    "a column of another type": (file(schema=[{4: b"s", 5: 1}, {1: 6, 3: 0, 4: b"a"}]), "its columns are others"),
    "a column in another file": (file(chunk={1: b"/etc/passwd"}), "column a is encrypted or in another file"),
    "an encrypted column": (file(chunk={8: {1: {}}}), "column a is encrypted or in another file"),
    "a column that says that it is another": (file(column={3: [b"b"]}), "column a is another one in a row group"),
    "a column of another type in a row group": (file(column={1: 6}), "column a is another one in a row group"),
    "a column of other rows": (file(column={5: 2}), "column a is another one in a row group"),
    "a column of no known compression": (file(column={4: 99}), "column a has compression 99: must be none, Snappy or"),
    "a column before the file": (file(column={9: -4}), "column a lies outside the file"),
    "a column that is as long as the world": (file(column={7: 2**62}), "column a lies outside the file"),
    "a column of negative length": (file(column={7: -1}), "column a lies outside the file"),
    "a column nowhere": (file(column={9: 0}), DAMAGED),
    "a row group without its column": (file(meta={4: [{1: [], 3: 1}]}), "a row group has other columns than the file"),
    "numbers where there should be structures": (file(meta={4: [1]}), DAMAGED),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found(lie):
    data, rule = LIES[lie]
    with pytest.raises(InputError, match=rule) as caught:
        check("some.parquet", data, COLUMNS, "key")
    assert str(caught.value).startswith("some.parquet: ")


def structure(data):
    return Thrift(data, 0, len(data)).struct()


def test_a_structure_by_hand():
    """Field 1: -1. Field 2: true. Field 3: a double. Field 20, in the long form: two structures, the second empty."""
    data = b"\x16\x01" + b"\x11" + b"\x17" + bytes(6) + b"\xf0\x3f" + b"\x09\x28\x2c" + b"\x18\x02hi\0" + b"\0" + b"\0"
    assert structure(data) == {1: -1, 2: True, 3: 1.0, 20: [{1: b"hi"}, {}]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x02",
        b"\x18\xff\xff\xff\xff\x0f",
        b"\x16" + b"\xff" * 20 + b"\0",
        b"\x16\x02\x06\x02\x04\0",
        b"\x16\x02\x06\x84\x80\x08\x04\0",
        b"\x1c" * 100 + b"\0" * 101,
        b"\x19" * 100,
        b"\x1b\x01\x66\x01\x01\0",
        b"\x19\xfc\xff\xff\xff\x0f" + bytes(300_000),
        b"\x1d\0",
    ],
    ids=[
        "nothing",
        "no end",
        "a text of 4 GiB",
        "a number that does not end",
        "a field that comes twice",
        "a field number that wraps around",
        "structures as deep as the stack",
        "lists as deep as the stack",
        "a map",
        "more values than there can be",
        "an unknown type",
    ],
)
def test_a_structure_that_two_readers_could_understand_in_two_ways_is_none(data):
    lied = b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1"
    with pytest.raises(InputError, match=DAMAGED):
        check("x", lied, COLUMNS, "key")


def test_the_limit_of_a_page_is_what_it_says():
    assert check("x", file(page(n2=MAX_PAGE_BYTES)), COLUMNS, "key") == "told"
    with pytest.raises(InputError, match="must be from 0 to 8388608"):
        check("x", file(page(n2=MAX_PAGE_BYTES + 1)), COLUMNS, "key")
