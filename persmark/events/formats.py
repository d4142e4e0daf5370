"""How a file's bytes become records: compression, encoding, delimiter, header."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from persmark.errors import FileRefusedError
from persmark.text import text

if TYPE_CHECKING:
    from collections.abc import Sequence

DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 1_000
MAX_LINE = 2_000_000  # characters; DuckDB's own default for one CSV line
_HEAD_BYTES = 1 << 20
_CHUNK = 1 << 22
_MAX_INFLATION = 200  # times the compressed size; text compresses 5 to 30 times

# The csv module's own limit is a sixteenth of it and would end the look at a file with a traceback.
csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True)
class Format:
    """How a file is written.

    Attributes:
        kind: csv, parquet or jsonl.
        encoding: A Python codec name.
        compression: none or gzip.
        delimiter: Between fields (csv).
        quote: Around fields (csv).
        header: Whether the first record names the columns; else they are c1, c2, ...
        skip_lines: Lines before the header that are no data.
    """

    kind: str = "csv"
    encoding: str = "utf-8"
    compression: str = "none"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    skip_lines: int = 0


@dataclass(frozen=True)
class Digest:
    """One pass over a file.

    Attributes:
        sha256: Of the bytes as they came, hex.
        n_lines: Physical lines, a last one without line end included.
        n_bytes: After decompression.
        has_at: Whether an `@` stands anywhere in it: without one no cell can be an e-mail.
        clean: Whether it is UTF-8 without NUL: the database's own reader takes other bytes as they come.
    """

    sha256: str
    n_lines: int
    n_bytes: int
    has_at: bool
    clean: bool


@contextmanager
def opened(path: Path, compression: str) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed."""
    if compression == "gzip":
        with gzip.open(path, "rb") as stream:
            yield stream  # type: ignore[misc]
    else:
        with path.open("rb") as stream:
            yield stream


def digest(path: Path, compression: str = "none") -> Digest:
    """Hash a file and count its lines.

    Raises:
        FileRefusedError: It inflates beyond any text, or is cut off.
    """
    try:
        return _digest(path, compression)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _cut_off(path) from error


def _cut_off(path: Path) -> FileRefusedError:
    return FileRefusedError(
        text("A .gz file must be readable to its end. Received: {name}.", name=path.name),
        hint="It may be cut off: copy it again.",
    )


def _digest(path: Path, compression: str) -> Digest:
    sha = hashlib.sha256()
    size = path.stat().st_size
    if compression != "none":
        with path.open("rb") as raw:
            while chunk := raw.read(_CHUNK):
                sha.update(chunk)
    feeds = returns = total = 0
    last = b""
    clean, has_at = True, False
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path, compression) as stream:
        while chunk := stream.read(_CHUNK):
            if compression == "none":
                sha.update(chunk)
            total += len(chunk)
            if compression != "none" and total > max(size, 1 << 16) * _MAX_INFLATION:
                raise FileRefusedError(
                    text("A compressed file must not grow more than {times} times. Received: {name}.",
                         times=_MAX_INFLATION, name=path.name),
                    hint="Decompress it first if it is genuine.",
                )  # fmt: skip
            feeds += chunk.count(b"\n")
            returns += chunk.count(b"\r") if not feeds else 0
            last = chunk[-1:]
            has_at = has_at or b"@" in chunk
            clean = clean and b"\0" not in chunk and _decodes(decoder, chunk)
    ends = feeds or returns
    clean = clean and _decodes(decoder, b"", final=True)
    return Digest(
        sha.hexdigest(), ends + (1 if total and last not in (b"\n", b"\r") else 0), total, has_at, clean
    )


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    """Whether more bytes are text; plain ASCII between whole characters is told without decoding."""
    if not final and chunk.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf_8(head: bytes) -> bool:
    """Whether a few bad bytes stand in UTF-8 text.

    Of the lines beyond ASCII, those that decode must be no fewer than those that do not. Text of
    another encoding almost never decodes as UTF-8 by chance.
    """
    good = bad = 0
    for line in head.split(b"\n"):
        if not line.isascii():
            try:
                line.decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                bad += 1
    return good >= max(bad, 1)


def _encoding(head: bytes, whole: bool) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    # UTF-16 without its mark: every other byte of plain letters is NUL.
    pairs = len(head[:2000]) // 2
    for name, nought in (("utf-16-le", head[1:2000:2]), ("utf-16-be", head[:2000:2])):
        if nought.count(0) > 0.6 * pairs and head[:2000].count(0) < 1.2 * nought.count(0):
            return name
    for name in ("utf-8", "gb18030", "cp1252"):
        decoder = codecs.getincrementaldecoder(name)()
        try:
            decoder.decode(head, final=whole)
        except UnicodeDecodeError:
            if name == "utf-8" and _mostly_utf_8(head):
                return name
            continue
        return name
    return "utf-8"


def _columns(line: str, delimiter: str) -> int:
    return len(next(csv.reader([line], delimiter=delimiter), []))


def _delimiter(lines: Sequence[str]) -> str:
    """The one that splits most lines into the same number of fields, more fields first."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        counts = Counter(_columns(line, delimiter) for line in lines)
        width, agreeing = max(counts.items(), key=lambda pair: (pair[1] if pair[0] > 1 else 0, pair[0]))
        if width > 1 and (agreeing / len(lines), width) > best_score:
            best, best_score = delimiter, (agreeing / len(lines), width)
    return best


def _is_value(cell: str) -> bool:
    """Whether a cell is surely data: a number, or something that begins like a date."""
    short = cell.strip().strip("$€£¥").replace(",", ".")
    try:
        float(short)
    except ValueError:
        return len(short) >= 8 and short[:4].isdigit() and short[4] in "-/."
    return True


def _is_header(first: Sequence[str]) -> bool:
    return not any(_is_value(cell) for cell in first) and any(cell.strip() for cell in first)


def _refuse_no_text(path: Path, beginning: str) -> None:
    """Refuse pictures, databases and other archives: text has next to no control characters."""
    strange = sum((sign < " " and sign not in "\t\r\n") or sign == "\ufffd" for sign in beginning)
    if strange > max(0.05 * len(beginning), 3):
        raise FileRefusedError(
            text("A file must be CSV, TSV, Parquet or JSON lines. Received: {name}, which is no text.",
                 name=path.name),
            hint="Unpack an archive first; text must be UTF-8, UTF-16, GB18030 or Windows-1252.",
        )  # fmt: skip


def read_head(path: Path) -> tuple[Format, list[str]]:
    """Look at the beginning of a file.

    Returns:
        The format, and for CSV and JSON lines the first lines as text.

    Raises:
        FileRefusedError: No file, no bytes, another kind of file, or too many columns.
    """
    if not path.is_file():
        raise FileRefusedError(
            text("File '{name}' must exist. Received: {name}.", name=path.name),
            title="No such file",
            hint="Check the path.",
        )
    with path.open("rb") as raw:
        magic = raw.read(8)
    compression = "gzip" if magic[:2] == b"\x1f\x8b" else "none"
    if magic[:4] == b"PAR1":
        return Format(kind="parquet"), []
    if magic[:4] == b"PK\x03\x04" or magic[:4] == b"\xd0\xcf\x11\xe0":
        raise FileRefusedError(
            text("A file must be CSV, TSV, Parquet or JSON lines. Received: {name}, a zip or Excel file.",
                 name=path.name),
            hint="Save the sheet as CSV (UTF-8), or unpack the archive.",
        )  # fmt: skip
    try:
        with opened(path, compression) as stream:
            head = stream.read(_HEAD_BYTES)
            whole = not stream.read(1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _cut_off(path) from error
    encoding = _encoding(head, whole)
    _refuse_no_text(path, head.decode(encoding, errors="replace")[:4096])
    decoded = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = io.StringIO(decoded, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut in the middle
    if not any(line.strip() for line in lines):
        raise FileRefusedError(
            text("A file must hold at least a header. Received: {name}, which is empty.", name=path.name)
        )
    first = next(line for line in lines if line.strip()).lstrip()
    if first.startswith("{"):
        return Format(kind="jsonl", encoding=encoding, compression=compression), lines
    skip = 0
    if first.lower().startswith("sep=") and len(first.strip()) == 5:
        skip = 1
    sample = [line for line in lines[skip : skip + 200] if line.strip()]
    if not sample:
        raise FileRefusedError(
            text("A file must hold at least a header. Received: {name}, which is empty.", name=path.name)
        )
    delimiter = first.strip()[4] if skip else _delimiter(sample)
    records = _records(lines[skip : skip + 200], delimiter)
    check_width(max(len(fields) for _, fields in records))
    begin, first_record = _table(records)
    return (
        Format("csv", encoding, compression, delimiter, '"', _is_header(first_record), skip + begin),
        lines,
    )


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


def _records(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """The first records that hold something, each with how many lines stand before it."""
    reader = csv.reader(lines, delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    before = 0
    for fields in reader:
        if any(cell.strip() for cell in fields):
            found.append((before, fields))
        before = reader.line_num
        if len(found) == 50:
            break
    # A table of nothing but delimiters has no record that holds something.
    return found or [(0, next(csv.reader(lines, delimiter=delimiter)))]


def _table(records: Sequence[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """Lines before the table begins (a report's title, its date), and its first record."""
    width = Counter(len(fields) for _, fields in records).most_common(1)[0][0]
    return next((begin, fields) for begin, fields in records if len(fields) >= width)
