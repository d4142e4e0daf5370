"""Records of files that hold objects: JSON lines, a JSON array, Parquet with nested columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from persmark.errors import FileRefusedError
from persmark.events.formats import MAX_LINE, Format, opened
from persmark.events.records import Record, Rejects, broken
from persmark.events.shaping import Shaper, Written, cells_of
from persmark.text import text

_CHUNK = 1 << 16
_PARQUET_ROWS = 5_000
_BLANKS = " \t\r\n"

# Number from 1, the object's text, the object; None where the text is none, `REPEATED` where some
# object in it has a key twice, of which only one value could be kept.
Found = tuple[int, str, Any]
REPEATED = object()


class _Decoder:
    """JSON text as objects; a key that comes again is seen, which Python's own decoder drops silently."""

    def __init__(self) -> None:
        self._repeated = False
        self._decoder = json.JSONDecoder(parse_float=Written, object_pairs_hook=self._object)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        self._repeated = self._repeated or len(found) != len(pairs)
        return found

    def whole(self, line: str) -> Any:
        self._repeated = False
        found = self._decoder.decode(line)
        return REPEATED if self._repeated else found

    def first(self, buffer: str, at: int) -> tuple[Any, int]:
        self._repeated = False
        found, end = self._decoder.raw_decode(buffer, at)
        return (REPEATED if self._repeated else found), end


def _line_objects(lines: Iterator[str], rejects: Rejects) -> Iterator[Found]:
    decoder = _Decoder()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            rejects.skip("blank")
            continue
        try:
            yield number, line, decoder.whole(line)
        except (ValueError, RecursionError):  # also a number of thousands of digits
            yield number, line, None


def array_objects(path: Path, form: Format) -> Iterator[Found]:
    """The elements of a JSON array one by one, however the file's lines are broken.

    Args:
        path: The file.
        form: Its encoding and compression.

    Raises:
        FileRefusedError: It is no JSON from some element on, or one is longer than any record.
    """
    decoder = _Decoder()
    errors = "surrogateescape" if form.encoding.startswith("utf-8") else "replace"
    with opened(path, form.compression) as stream:
        reader = io.TextIOWrapper(stream, encoding=form.encoding, errors=errors, newline="")
        buffer, at, number, more = "", 0, 0, _CHUNK
        ends, opens = False, True
        try:
            while True:
                while at < len(buffer) and (buffer[at] in _BLANKS or (buffer[at] == "\ufeff" and opens)):
                    at += 1
                found: tuple[Any, int] | None = None
                if at < len(buffer):
                    sign = buffer[at]
                    if opens and sign == "[":
                        at, opens = at + 1, False
                        continue
                    if sign == "," and number:
                        at += 1
                        continue
                    if sign == "]":
                        return
                    try:
                        found = decoder.first(buffer, at)
                    except ValueError:
                        found = None
                    except RecursionError:
                        raise _no_array(path, number + 1) from None
                # What ends with the buffer may go on behind it.
                if found is not None and (found[1] < len(buffer) or ends):
                    number += 1
                    yield number, buffer[at : found[1]], found[0]
                    at, more = found[1], _CHUNK
                    continue
                if ends or len(buffer) - at > 2 * MAX_LINE:
                    raise _no_array(path, number + 1)
                chunk = reader.read(more)
                ends, more = not chunk, more * 2
                buffer, at = buffer[at:] + chunk, 0
        finally:
            reader.detach()


def _no_array(path: Path, number: int) -> FileRefusedError:
    return FileRefusedError(
        text("A JSON array must be readable to its end. Received: {name}, broken at element {n}.",
             name=path.name, n=number),
        hint="Save it again, or write one object a line: then only broken lines are left out.",
    )  # fmt: skip


def object_records(
    path: Path, lines: Iterator[str], form: Format, names: Sequence[str], *, rejects: Rejects, shaper: Shaper
) -> Iterator[Record]:
    """Every well-formed object of JSON lines or of a JSON array as rows of cells.

    Args:
        path: The file.
        lines: Its lines.
        form: Its kind and encoding.
        names: The columns its objects are shaped to.
        rejects: Filled with what is no object.
        shaper: What makes rows of an object.

    Yields:
        Records; of an array the line is the element's number.
    """
    known = set(names)
    found = array_objects(path, form) if form.kind == "json" else _line_objects(lines, rejects)
    for number, raw, one in found:
        trouble = broken(raw, form)
        if trouble is None and len(raw) > MAX_LINE:
            trouble = "line_too_long"
        if trouble is None and one is REPEATED:
            trouble = "repeated_key"
        if trouble is None and type(one) is not dict:
            trouble = "bad_json"
        parts: list[list[str | None]] = []
        if trouble is None:
            try:
                parts = [cells_of(row, names, known) for row in shaper.rows(one)]
            except RecursionError:
                trouble = "bad_json"
        if "\\u" in raw and trouble is None:
            # Escapes can spell what no line holds: NUL, or half of a character.
            spelled = (
                json.loads(cells[-1]) if len(cells) > len(names) and cells[-1] else {} for cells in parts
            )
            later = [str(one) for more in spelled for pair in more.items() for one in pair]
            trouble = broken(
                "".join([*(c for cells in parts for c in cells[: len(names)] if c), *later]), form
            )
        if trouble:
            rejects.reject(number, trouble, raw)
            continue
        for cells in parts:
            yield number, 1, cells


def is_nested(path: Path) -> bool:
    """Whether a Parquet file has columns that hold objects."""

    def nests(kind: pa.DataType) -> bool:
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return nests(kind.value_type)
        return bool(pa.types.is_struct(kind))

    return any(nests(one.type) for one in pq.ParquetFile(path).schema_arrow)


def parquet_objects(
    path: Path, names: Sequence[str], n_rows: int = _PARQUET_ROWS
) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file as objects, batch by batch.

    Args:
        path: The file.
        names: Names of its top-level columns, in order.
        n_rows: Rows of a batch.
    """
    for batch in pq.ParquetFile(path).iter_batches(n_rows):
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield dict(zip(names, row, strict=True))


def parquet_records(
    path: Path, header: Sequence[str], names: Sequence[str], rejects: Rejects, shaper: Shaper
) -> Iterator[Record]:
    """The rows of a Parquet file as rows of cells, where its columns hold objects or rows are reshaped."""
    known = set(names)
    for number, one in enumerate(parquet_objects(path, header), start=1):
        parts = [cells_of(row, names, known) for row in shaper.rows(one)]
        if any("\0" in cell for cells in parts for cell in cells if cell):
            rejects.reject(number, "nul_character", json.dumps(parts[0], ensure_ascii=False))
            continue
        for cells in parts:
            yield number, 1, cells
