"""A look at the beginning of a file: what kind it is and how it is written."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping as Map
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from persmark.errors import FileRefusedError
from persmark.events.charset import encoding_of
from persmark.events.dialect import Head, dialect_of, table_of
from persmark.events.formats import Format, check_reading, check_width, opened, readable
from persmark.text import text

_HEAD_BYTES = 1 << 20
_HEAD_LINES = 1_000
_MAX_NAME = 50_000  # characters; nobody writes such names, but a file without line ends seems to
_QUOTED_DELIMITERS = 10  # delimiters for each that parts columns, where names are quoted
# How far one looks for the first letter that is not ASCII: what it is decides the encoding.
_SEARCHED = {"none": 1 << 26, "gzip": 1 << 24, "zstd": 1 << 24}
_ARRAY = re.compile(r"\s*\[\s*\{")
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))

# A Parquet file of more leaves than this is refused by them, nested or not.
_SURELY_WIDE = 20_000


def _refuse_no_text(path: Path, beginning: str) -> None:
    """Refuse pictures, databases and other archives: text has next to no control characters."""
    strange = sum((sign < " " and sign not in "\t\r\n\x01") or sign == "\ufffd" for sign in beginning)
    if strange > max(0.05 * len(beginning), 3):
        raise FileRefusedError(
            text("A file must be CSV, TSV, Parquet or JSON lines. Received: {name}, which is no text.",
                 name=path.name),
            hint="Unpack an archive first; text must be UTF-8, UTF-16, GB18030 or Windows-1252.",
        )  # fmt: skip


def _empty(path: Path) -> FileRefusedError:
    return FileRefusedError(
        text("A file must hold at least a header. Received: {name}, which is empty.", name=path.name)
    )


def _beginning(path: Path, compression: str) -> tuple[bytes, bytes, bool]:
    """The first bytes, bytes to tell the encoding by, and whether the first are all."""
    with readable(path), opened(path, compression) as stream:
        head = stream.read(_HEAD_BYTES)
        more = stream.read(_HEAD_BYTES)
        whole, telling, seen = not more, head, len(head)
        while more and head.isascii() and b"\0" not in head and seen < _SEARCHED[compression]:
            if not more.isascii():
                telling = more[more.find(b"\n") + 1 :]
                break
            seen += len(more)
            more = stream.read(_HEAD_BYTES)
    return head, telling, whole


def read_head(path: Path, reading: Map[str, Any] | None = None) -> tuple[Format, list[str]]:
    """Look at the beginning of a file.

    Args:
        path: The file.
        reading: Fields of `Format` that a person fixed; they are not looked for.

    Returns:
        The format, and for CSV and JSON lines the first lines as text.

    Raises:
        FileRefusedError: No file, no bytes, another kind of file, or too many columns.
        InputError: What was fixed breaks a rule.
    """
    head, lines = look(path, reading)
    return head.form, lines


def look(path: Path, reading: Map[str, Any] | None = None) -> tuple[Head, list[str]]:
    """As `read_head`, with the header and the first rows of a CSV file."""
    reading = dict(reading or {})
    check_reading(reading)
    if not path.is_file():
        raise FileRefusedError(
            text("File '{name}' must exist. Received: {name}.", name=path.name),
            title="No such file",
            hint="Check the path.",
        )
    with path.open("rb") as raw:
        magic = raw.read(8)
    compression = next((name for sign, name in _MAGIC if magic.startswith(sign)), "none")
    if magic[:4] == b"PAR1":
        # Before anything is read: opening a hundred thousand columns takes many seconds.
        with suppress(pa.ArrowException, OSError):
            leaves = pq.read_metadata(path).num_columns
            # Fields of nested columns count among the leaves; naming the columns takes as long again.
            check_width(leaves if leaves > _SURELY_WIDE else len(pq.read_schema(path).names))
        return Head(Format(kind="parquet"), [], []), []
    if magic[:4] == b"PK\x03\x04" or magic[:4] == b"\xd0\xcf\x11\xe0":
        raise FileRefusedError(
            text("A file must be CSV, TSV, Parquet or JSON lines. Received: {name}, a zip or Excel file.",
                 name=path.name),
            hint="Save the sheet as CSV (UTF-8), or unpack the archive.",
        )  # fmt: skip
    beginning, telling, whole = _beginning(path, compression)
    encoding = reading.get("encoding") or encoding_of(telling, whole=whole and telling is beginning)
    form = Format(encoding=encoding, compression=compression)
    decoded = beginning.decode(encoding, errors="replace").removeprefix("\ufeff")
    _refuse_no_text(path, decoded[:4096])
    lines = _lines(decoded, whole=whole)
    at = next((at for at, line in enumerate(lines) if line.strip()), None)
    if at is None:
        raise _empty(path)
    first = lines[at].lstrip(" \t")
    if first.startswith("{"):
        if not whole and len(lines) == 1:
            check_width(first.count('":'))
        return Head(replace(form, kind="jsonl"), [], []), lines
    if _ARRAY.match(decoded):
        return Head(replace(form, kind="json"), [], []), lines
    form = replace(form, **reading)
    fixed = list(reading)
    if first.lower().startswith("sep=") and len(first.strip("\r\n")) == 5 and "delimiter" not in fixed:
        form = replace(form, delimiter=first[4], skip_lines=at + 1)
        fixed.append("delimiter")
    sample = [line for line in lines[form.skip_lines :] if line.strip(" \r\n")]
    if not sample:
        raise _empty(path)
    # Before anything is parsed: millions of cells take their time.
    check_width(max(sample[0].count(one) for one in ",;\t|") // _QUOTED_DELIMITERS)
    form = dialect_of(sample, form, fixed)
    found = table_of(lines[: form.skip_lines + _HEAD_LINES], form, fixed, path.name)
    check_width(max(map(len, [found.names, *found.rows])))
    longest = max(map(len, found.names))
    if longest > _MAX_NAME:
        raise FileRefusedError(
            text("A column's name must have at most {limit} characters. Received: {name} with one of {n}.",
                 limit=_MAX_NAME, name=path.name, n=longest),
            hint="Is it a text with lines and delimiters?",
        )  # fmt: skip
    return found, lines


def _lines(decoded: str, *, whole: bool) -> list[str]:
    lines = io.StringIO(decoded, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut in the middle
    return lines
