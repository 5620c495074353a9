"""The Parquet form of a trace: a row per call of a pattern or entry of a mix, for long recordings and other tools.

    group      int32      0, 1, 2, ...: rows of one group stand together
    times      int64      the same in all rows of a group
    thread     int32      likewise
    weight     double     null in a pattern; the weight of the entry in a mix
    unit       string     a name that the header describes
    backedges  int64
    work       double
    types      string     null where not known
    max_index  int64      null where not known

The key `tiering-trace` of the file's metadata holds the header and the lines of the units, byte for byte as the JSON
lines form has them, the hash included. So there is one format with two ways to write its calls, and one parser.

Calls that are equal are one object in a program that was read, and are looked at once when it is written: a pattern of
ten million calls takes eight bytes for each of them, here as in the simulator. A file is read whole (it is at most
256 MiB), checked by `tiering.parquet_footer`, and then decoded 65,536 rows at a time.

The schema that pyarrow would like to store beside Parquet's own is left out and refused: it can name types whose making
runs code. pyarrow is an extra, imported where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from tiering import parquet_footer
from tiering.errors import InputError
from tiering.parquet_footer import DOUBLE, INT32, INT64, TEXT, Column
from tiering.trace import Program
from tiering.trace_columns import ROWS, Reader, rows
from tiering.trace_parser import Parser
from tiering.trace_text import header, units

KEY = "tiering-trace"
COLUMNS = (
    Column("group", INT32),
    Column("times", INT64),
    Column("thread", INT32),
    Column("weight", DOUBLE, optional=True),
    Column("unit", TEXT),
    Column("backedges", INT64),
    Column("work", DOUBLE),
    Column("types", TEXT, optional=True),
    Column("max_index", INT64, optional=True),
)
_BATCH = 1 << 16


def check_installed(path: str | Path) -> None:
    """Raises InputError, naming the file, where pyarrow is missing."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise InputError(
            f"{path}: a Parquet file needs pyarrow, which is not installed: pip install 'tiering[parquet]', "
            "or take a .jsonl file"
        ) from None


def write(program: Program, file: BinaryIO) -> None:
    """Write a program as Parquet. Raises InputError for what breaks a rule, or a limit of this form."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parser = Parser(f"program {str(program.name)[:60]!r}")
    text = "".join(chain([header(program)], units(parser, program)))
    schema = _schema(pa.string())
    options = {"compression": "zstd", "version": "2.6", "data_page_version": "1.0", "store_schema": False}
    with pq.ParquetWriter(file, schema, write_page_checksum=True, **options) as writer:
        writer.add_key_value_metadata({KEY: text})
        for columns in rows(program, parser):
            arrays = [
                pa.array(values, field.type, nulls) for (values, nulls), field in zip(columns, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema), row_group_size=ROWS)


def read(path: str, data: bytes) -> Program:
    """The program in the bytes of a Parquet file. Raises InputError with the row and the rule that it breaks.

    `path` is named in complaints.
    """
    text = parquet_footer.check(path, data, COLUMNS, KEY)
    check_installed(path)
    import pyarrow as pa

    parser = Parser(path)
    parser.preamble(text)
    reader = Reader(parser)
    try:
        for batch in _batches(path, data):
            reader.add(batch)
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: damaged: {str(error)[:80]}") from None
    return reader.program()


def _schema(text: Any) -> Any:
    import pyarrow as pa

    types = {INT32: pa.int32(), INT64: pa.int64(), DOUBLE: pa.float64(), TEXT: text}
    return pa.schema([pa.field(column.name, types[column.type], column.optional) for column in COLUMNS])


def _batches(path: str, data: bytes) -> Iterator[Any]:
    """Record batches, once the schema is found to be ours. They are validated: pyarrow believes dictionary indices."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(
        pa.BufferReader(data),
        read_dictionary=[column.name for column in COLUMNS if column.type == TEXT],
        pre_buffer=False,
        page_checksum_verification=True,
    )
    if not file.schema_arrow.equals(_schema(pa.dictionary(pa.int32(), pa.string()))):
        raise InputError(f"{path}: not a trace: its columns have other types than those of a trace")
    for batch in file.iter_batches(_BATCH, use_threads=False):
        batch.validate(full=True)
        yield batch
