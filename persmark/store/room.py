"""Room on the disk: asked for before a big write, and named where there is none left."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from persmark.errors import DiskFullError, PersmarkError
from persmark.text import Text, text

# A full disk, a used-up quota, and a file grown past what the process may write.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# DuckDB gives the system's words; the setting is what it measures a spill by.
_WORDS = ("No space left on device", "Disk quota exceeded", "File too large", "max_temp_directory_size")
_SQLITE_FULL = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        # A write-ahead log's index, which even a reader makes where there is none.
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
    }
)
_HINT = "Nothing was changed. Free some room, or let PERSMARK_DATA name a folder on a larger disk."


def says_full(error: BaseException) -> bool:
    """Whether an error of the system, SQLite or DuckDB says that there is no room left."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in _SQLITE_FULL
    return isinstance(error, duckdb.Error) and any(word in str(error) for word in _WORDS)


def free_bytes(folder: Path) -> int:
    """Room left on the disk that holds, or would hold, a folder."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def _megabytes(n_bytes: int) -> float:
    return round(n_bytes / 1e6, 1)


def disk_full(folder: Path) -> DiskFullError:
    """The refusal, with the room there is at this moment."""
    return DiskFullError(
        text("The disk that holds the workspace must have room for what is written. "
             "Received: {free} MB free.", free=_megabytes(free_bytes(folder))),
        title="The disk is full",
        hint=_HINT,
    )  # fmt: skip


@contextmanager
def room_on_disk(folder: Path) -> Iterator[None]:
    """What goes wrong inside for want of room, as one error with one line.

    Raises:
        DiskFullError: There was none left.
    """
    try:
        yield
    except PersmarkError:
        raise
    except (OSError, sqlite3.Error, duckdb.Error) as error:
        if says_full(error):
            raise disk_full(folder) from error
        raise


def require_room(folder: Path, n_bytes: int, what: Text) -> None:
    """Refuse early what surely cannot fit.

    Args:
        folder: The workspace's.
        n_bytes: What is needed at the very least.
        what: What needs it, as "{what} needs ...".

    Raises:
        DiskFullError: Less than that is free.
    """
    free = free_bytes(folder)
    if free < n_bytes:
        raise DiskFullError(
            text("The disk that holds the workspace must have room: {what} needs at least {need} MB. "
                 "Received: {free} MB free.",
                 what=what, need=_megabytes(n_bytes), free=_megabytes(free)),
            title="The disk is full",
            hint=_HINT,
        )  # fmt: skip
