"""How a file is written: compression, encoding, delimiter, quotes, header; and one pass over its bytes."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Map
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from persmark.errors import FileRefusedError, InputError
from persmark.events.doubts import Doubts
from persmark.jobs import OnProgress, unwatched
from persmark.text import Text, text

# Hive parts fields by \x01, MovieLens by two colons; ", " is a comma with blanks after it.
DELIMITERS = (",", ";", "\t", "|", "\x01", "::", "^", "~", ", ", " ")
QUOTES = ('"', "'", "")
ESCAPES = ("doubled", "backslash")
MAX_COLUMNS = 1_000
MAX_LINE = 2_000_000  # characters; DuckDB's own default for one CSV line
_CHUNK = 1 << 22
_TELL_BYTES = 1 << 26  # a fraction of a second's work
_MAX_INFLATION = 200  # times the compressed size; text compresses 5 to 30 times

# The csv module's own limit is a sixteenth of it and would end the look at a file with a traceback.
csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True)
class Format:
    """How a file is written.

    Attributes:
        kind: csv, parquet, jsonl or json (an array of objects).
        encoding: A Python codec name.
        compression: none, gzip or zstd.
        delimiter: Between fields (csv): one character or a few; `, ` takes any blanks after a comma.
        quote: Around fields (csv); empty = no field is quoted.
        header: Whether the first record names the columns; else they are c1, c2, ...
        skip_lines: Lines before the header that are no data.
        escape: How a quote is written inside a quoted field: `doubled`, or after a `backslash`.
        header_rows: Records that the header takes, where there is one.
    """

    kind: str = "csv"
    encoding: str = "utf-8"
    compression: str = "none"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    skip_lines: int = 0
    escape: str = "doubled"
    header_rows: int = 1


def known_to_database(form: Format) -> bool:
    """Whether the database's own reader reads a CSV of this form as the careful one does.

    It takes backslashes before any character for escapes, no blanks after a comma for a part of the
    delimiter, one header record, and UTF-8.
    """
    return (
        form.kind == "csv"
        and form.encoding in ("utf-8", "utf-8-sig", "ascii")
        and form.escape == "doubled"
        and form.delimiter != ", "
        and form.header_rows == 1
    )


def _is_encoding(value: object) -> bool:
    try:
        # Python's own word for whether a codec makes text of bytes.
        return isinstance(value, str) and bool(getattr(codecs.lookup(value), "_is_text_encoding", True))
    except (LookupError, ValueError):
        return False


def _is_delimiter(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 4 and not set(value) & set("\r\n\0\"'\\")


def _is_count(most: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


_READING: dict[str, tuple[str, Callable[[object], bool]]] = {
    "encoding": ("the name of an encoding, such as utf-8, gb18030 or cp1252", _is_encoding),
    "delimiter": ("one to four characters, no quote and no line end", _is_delimiter),
    "quote": ("a double quote, a single quote, or empty for none", lambda value: value in QUOTES),
    "escape": ("doubled or backslash", lambda value: value in ESCAPES),
    "header": ("true or false", lambda value: isinstance(value, bool)),
    "header_rows": ("a number from 1 to 5", lambda value: _is_count(5)(value) and value != 0),
    "skip_lines": ("a number from 0 to 1,000", _is_count(1000)),
}


def check_reading(reading: Map[str, Any]) -> None:
    """Refuse what cannot be a person's choice of how a file is read.

    Args:
        reading: Some fields of `Format`: those that the look at a file may get wrong.

    Raises:
        InputError: An unknown field, or a value that breaks its rule.
    """
    for name, value in reading.items():
        if name not in _READING:
            raise InputError(
                text("What is fixed of a file's form must be known. Received: {name}.", name=str(name)[:80]),
                hint=text("Available: {names}.", names=", ".join(_READING)),
            )
        rule, holds = _READING[name]
        if not holds(value):
            raise InputError(
                text("A file's '{name}' must be {rule}. Received: {value}.",
                     name=name, rule=rule, value=repr(value)[:80])
            )  # fmt: skip


def reading_of(form: Format) -> dict[str, Any]:
    """The fields of a format that a person may fix, as `check_reading` takes them."""
    return {one.name: getattr(form, one.name) for one in fields(form) if one.name in _READING}


_SHOWN = {
    "\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe", "\x01": "\\x01", "::": "two colons",
    "^": "caret", "~": "tilde", ", ": "comma and blanks", " ": "blank",
}  # fmt: skip


def form_notes(form: Format) -> list[Text]:
    """How a CSV file is read, in words; what goes without saying is left out."""
    notes = [
        text("Read as {encoding} text, columns parted by {delimiter}.",
             encoding=form.encoding, delimiter=_SHOWN.get(form.delimiter, form.delimiter))
    ]  # fmt: skip
    if form.compression != "none":
        notes.append(text("The file is packed with {packer}.", packer=form.compression))
    if form.quote == "'":
        notes.append(text("Values stand in single quotes."))
    if not form.quote:
        notes.append(text("No value is quoted; quotes are part of the text."))
    if form.escape == "backslash":
        notes.append(text("Quotes inside values stand after a backslash."))
    if not form.header:
        notes.append(text("The file has no header; its columns are called c1, c2, ..."))
    elif form.header_rows > 1:
        notes.append(text("The header takes {n} rows.", n=form.header_rows))
    if form.skip_lines:
        notes.append(text("{n} lines before the table are skipped.", n=form.skip_lines))
    return notes


@dataclass(frozen=True)
class Digest:
    """One pass over a file.

    Attributes:
        sha256: Of the bytes as they came, hex.
        n_lines: Physical lines, a last one without line end included.
        n_bytes: After decompression.
        has_at: Whether an `@`, or a link's `%40`, stands in it: without one no cell can hold an e-mail.
        clean: Whether it is UTF-8 without NUL: the database's own reader takes other bytes as they come.
        doubtful: Whether a line holds what the database's own reader takes in a way of its own.
    """

    sha256: str
    n_lines: int
    n_bytes: int
    has_at: bool
    clean: bool
    doubtful: bool = False


@contextmanager
def _unpacked(raw: IO[bytes], compression: str) -> Iterator[IO[bytes]]:
    if compression == "gzip":
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream  # type: ignore[misc]
    elif compression == "zstd":
        # Unlike the zstandard package's reader, this one raises where the file is cut off.
        with pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd") as stream:
            yield stream
    else:
        yield raw


@contextmanager
def opened(path: Path, compression: str) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed."""
    with path.open("rb") as raw, _unpacked(raw, compression) as stream:
        yield stream


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What a damaged archive raises, as a refusal.

    Raises:
        FileRefusedError: The compressed file is cut off or damaged.
    """
    try:
        yield
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, not of what stands on it
        packed = "gz" if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile) else "zst"
        raise FileRefusedError(
            text("A .{ending} file must be readable to its end. Received: {name}.",
                 name=path.name, ending=packed),
            hint="It may be cut off: copy it again.",
        ) from error  # fmt: skip


def digest(
    path: Path,
    compression: str = "none",
    form: Format | None = None,
    *,
    width: int = 0,
    on_progress: OnProgress = unwatched,
) -> Digest:
    """Hash a file and count its lines.

    Args:
        path: The file.
        compression: none, gzip or zstd.
        form: How it is written; without it nothing is found `doubtful`.
        width: How many cells a row has.
        on_progress: Told the share of the file's bytes that were taken in.

    Raises:
        FileRefusedError: It inflates beyond any text, or is cut off.
    """
    with readable(path):
        doubts = Doubts(form, width) if form is not None and known_to_database(form) else None
        return _digest(path, compression, doubts, on_progress)


def _digest(path: Path, compression: str, doubts: Doubts | None, on_progress: OnProgress) -> Digest:
    sha = hashlib.sha256()
    size = max(path.stat().st_size, 1)
    told = 0
    if compression != "none":
        with path.open("rb") as raw:
            while chunk := raw.read(_CHUNK):
                sha.update(chunk)
    feeds = returns = total = 0
    last = b""
    clean, has_at = True, False
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as raw, _unpacked(raw, compression) as stream:
        while chunk := stream.read(_CHUNK):
            if compression == "none":
                sha.update(chunk)
            total += len(chunk)
            # Against what was taken in so far, so that a bomb is known long before its end.
            if compression != "none" and total > max(raw.tell(), 1 << 16) * _MAX_INFLATION:
                raise FileRefusedError(
                    text("A compressed file must not grow more than {times} times. Received: {name}.",
                         times=_MAX_INFLATION, name=path.name),
                    hint="Decompress it first if it is genuine.",
                )  # fmt: skip
            if total - told >= _TELL_BYTES:
                told = total
                on_progress(raw.tell() / size, text("Looking through {n} MB", n=total >> 20))
            signs = np.frombuffer(chunk, np.uint8)
            newlines = np.flatnonzero(signs == ord("\n"))
            feeds += len(newlines)
            returns += chunk.count(b"\r") if not feeds else 0
            has_at = has_at or any(one in chunk for one in (b"@", b"%40")) or b"%40" in last + chunk[:2]
            last = chunk[-2:]
            clean = clean and b"\0" not in chunk and _decodes(decoder, chunk)
            if doubts is not None and clean and not doubts.found:
                doubts.look(chunk, signs, newlines)
    ends = feeds or returns
    clean = clean and _decodes(decoder, b"", final=True)
    n_lines = ends + (1 if total and last[-1:] not in (b"\n", b"\r") else 0)
    doubtful = doubts is not None and doubts.at_end()
    return Digest(sha.hexdigest(), n_lines, total, has_at, clean, doubtful)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    """Whether more bytes are text; plain ASCII between whole characters is told without decoding."""
    if not final and chunk.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def check_width(n_columns: int) -> None:
    """Refuse a file with more columns than anybody can map.

    Raises:
        FileRefusedError: There are more than `MAX_COLUMNS`.
    """
    if n_columns > MAX_COLUMNS:
        raise FileRefusedError(
            text("A file must have at most {limit} columns. Received: {n}.", limit=MAX_COLUMNS, n=n_columns),
            hint="Keep the columns that matter, or turn wide columns into rows.",
        )
