"""Files are written whole or not at all: to a temporary name in the same folder, then renamed over the target."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

from tiering.errors import InputError


@contextmanager
def whole(path: str | Path) -> Iterator[TextIO]:
    """A text file that appears under `path` only if the block ends well. A link is followed, not replaced.

    Raises InputError if the folder is missing or cannot be written, or `path` is a folder.
    """
    with _whole(path, "w", "utf-8") as out:
        yield cast(TextIO, out)


@contextmanager
def whole_bytes(path: str | Path) -> Iterator[BinaryIO]:
    """The same for a binary file."""
    with _whole(path, "wb", None) as out:
        yield cast(BinaryIO, out)


@contextmanager
def _whole(path: str | Path, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    target = Path(path)
    check_writable(target)
    target = target.resolve()
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); give a folder that exists") from None
    try:
        with os.fdopen(handle, mode, encoding=encoding) as out:
            yield out
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def check_writable(path: str | Path) -> None:
    """Refuse a place that cannot be written, before the work whose result is to go there.

    Raises InputError as `whole` does.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise InputError(f"{target}: is a folder; give the name of a file")
        if target.exists() and not target.is_file():
            raise InputError(f"{target}: is no regular file; it would be replaced, so give another name")
        if not target.parent.is_dir():
            raise InputError(f"{target}: its folder does not exist; give a folder that does")
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from None
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"{target}: cannot be written, its folder is read-only; give another one")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
