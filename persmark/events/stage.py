"""The careful way in: every record of a file as text with its line, or a reason why not.

Slower than the database's own reader, and used only where that one does not reconcile: this one
keeps line numbers, survives an unclosed quote by giving up one line, and never drops a record
without a reason.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from persmark.errors import FileRefusedError
from persmark.events.formats import MAX_LINE, Digest, Format, opened
from persmark.events.mapping import KEY_COLUMNS, Mapping
from persmark.events.vocabulary import TARGETS
from persmark.text import text

BATCH = 50_000
# A quoted field may hold line breaks; past this many lines its quote was surely never closed.
_MAX_LINES_OF_RECORD = 200

# First line, number of lines, one cell for each name; of a JSON line with other keys than those of the
# file's head also one cell more, the object of the rest.
Record = tuple[int, int, list[str | None]]


@dataclass(frozen=True)
class SourceFile:
    """A file, how it is written, what its columns mean, and what one pass over it found.

    Attributes:
        path: Where it lies.
        form: How it is written.
        mapping: What its columns mean.
        names: Its columns, in order.
        read: Its hash and line count.
    """

    path: Path
    form: Format
    mapping: Mapping
    names: Sequence[str]
    read: Digest


@dataclass
class Rejects:
    """What was left out, by line, with a stable reason code.

    Attributes:
        rows: (line, reason, detail, raw text).
        skipped: Blank and preamble lines, by reason.
    """

    rows: list[tuple[int, str, str, str]] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str, n: int = 1) -> None:
        """Count lines that are no records."""
        self.skipped[reason] = self.skipped.get(reason, 0) + n


def lines_of(path: Path, form: Format) -> Iterator[str]:
    """The file's lines, line ends kept; bytes that are no text come as lone surrogates."""
    errors = "surrogateescape" if form.encoding.startswith("utf-8") else "replace"
    with opened(path, form.compression) as stream:
        reader = io.TextIOWrapper(stream, encoding=form.encoding, errors=errors, newline="")
        try:
            # Not `yield from`: leaving early would close the reader before it is detached.
            for line in reader:  # noqa: UP028
                yield line
        finally:
            reader.detach()


def unreadable_parquet(name: str) -> FileRefusedError:
    """The refusal of a damaged Parquet file."""
    return FileRefusedError(
        text("A Parquet file must be readable. Received: {name}.", name=name),
        hint="It may be cut off: copy it again.",
    )


def _broken(raw: str, form: Format) -> str | None:
    """Why a line cannot be text, if it cannot."""
    if "\x00" in raw:
        return "nul_character"
    if not raw.isascii():
        try:
            raw.encode("utf-8")
        except UnicodeEncodeError:
            return "bad_encoding"
        # What stands for bytes that were no text; in UTF-8 those come as surrogates.
        if "\ufffd" in raw and not form.encoding.startswith("utf-8"):
            return "bad_encoding"
    return None


def _csv_reason(problem: str) -> str:
    """Why the csv module gave up on a record, as a reason code."""
    if "field limit" in problem:
        return "line_too_long"
    return "open_quote" if "end of data" in problem else "bad_quote"


class _Feed:
    """Lines handed to the csv module one by one, remembered until their record is complete."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.taken: list[str] = []
        self.line = 0  # lines handed out and not given back

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MAX_LINES_OF_RECORD:
            raise StopIteration
        line = self._again.pop() if self._again else next(self._lines)
        self.taken.append(line)
        self.line += 1
        return line

    def give_back(self, keep: int) -> None:
        """Return all but the first `keep` lines of the record to be read again."""
        back = self.taken[keep:]
        self._again.extend(reversed(back))
        self.line -= len(back)
        self.taken = []

    def more(self) -> bool:
        """Whether a line is left."""
        if self._again:
            return True
        line = next(self._lines, None)
        if line is None:
            return False
        self._again.append(line)
        return True


def csv_records(lines: Iterator[str], form: Format, width: int, rejects: Rejects) -> Iterator[Record]:
    """Well-formed records as (first line from 1, number of lines, fields).

    Args:
        lines: All lines of the file, the header's included.
        form: Delimiter, quote, header and lines to skip.
        width: How many fields a record has.
        rejects: Filled with the records that are not well formed.
    """
    csv.field_size_limit(MAX_LINE)
    feed = _Feed(lines)
    for _ in range(form.skip_lines):
        if feed.more():
            next(feed)
            feed.taken = []
            rejects.skip("preamble")
    header_left = form.header
    while feed.more():
        reader = csv.reader(feed, delimiter=form.delimiter, quotechar=form.quote, strict=True)
        while True:
            feed.taken = []
            first = feed.line + 1
            try:
                fields = next(reader, None)
                failed = ""
            except csv.Error as error:
                fields, failed = None, _csv_reason(str(error))
            if fields is None and not failed and not feed.taken:
                break
            raw = "".join(feed.taken)
            n_lines = len(feed.taken)
            if not failed and n_lines > 1 and (fields is None or len(fields) != width):
                failed = "open_quote"
            if failed and header_left:
                # Its names were read already, with more patience.
                header_left = False
                feed.give_back(1)
                break
            if failed:
                # Give up one line and read the next ones afresh: their quotes are their own.
                rejects.rows.append((first, failed, "", feed.taken[0].rstrip("\r\n")))
                feed.give_back(1)
                break
            if not fields:
                rejects.skip("blank")
                continue
            if header_left:
                header_left = False
                continue
            trouble = _broken(raw, form)
            if trouble is None and all(not one.strip() for one in fields):
                rejects.skip("blank")
                continue
            if trouble is None and len(fields) != width:
                trouble = "long_row" if len(fields) > width else "short_row"
            if trouble:
                detail = f"{len(fields)} fields, {width} expected" if trouble.endswith("_row") else ""
                rejects.rows.append((first, trouble, detail, raw.rstrip("\r\n")))
                continue
            yield first, n_lines, list(fields)


def flat(value: Any) -> str | None:
    """A JSON value as the text of one cell."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _json_records(
    lines: Iterator[str], form: Format, names: Sequence[str], rejects: Rejects
) -> Iterator[Record]:
    known = set(names)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            rejects.skip("blank")
            continue
        trouble = _broken(line, form)
        try:
            one: Any = json.loads(line) if trouble is None else None
        except (ValueError, RecursionError):  # also a number of thousands of digits
            one, trouble = None, "bad_json"
        if trouble is None and not isinstance(one, dict):
            trouble = "bad_json"
        cells = [flat(one.get(name)) for name in names] if trouble is None else []
        # Escapes can spell what no line holds: NUL, or half of a character.
        trouble = trouble or _broken("".join(filter(None, cells)), form)
        if trouble:
            rejects.rows.append((number, trouble, "", line.rstrip("\r\n")[:MAX_LINE]))
            continue
        if more := {name: flat(value) for name, value in one.items() if name not in known}:
            if _broken("".join(str(cell) for pair in more.items() for cell in pair), form):
                rejects.rows.append((number, "bad_encoding", "", line.rstrip("\r\n")[:MAX_LINE]))
                continue
            cells.append(json.dumps(more))
        yield number, 1, cells


def records(path: Path, form: Format, names: Sequence[str], rejects: Rejects) -> Iterator[Record]:
    """Every well-formed record of a CSV or JSON-lines file."""
    lines = lines_of(path, form)
    if form.kind == "jsonl":
        return _json_records(lines, form, names, rejects)
    return csv_records(lines, form, len(names), rejects)


def stage_columns(kind: str) -> list[str]:
    """Columns of the staging table: the kind's targets, the keys of a user, and what has no target."""
    return [*TARGETS[kind], *KEY_COLUMNS.values(), "rest"]


def _more(cells: list[str | None], mapping: Mapping) -> dict[str, str]:
    """What a JSON line has beyond the names of the file's head."""
    found: dict[str, str | None] = json.loads(cells[0]) if cells and cells[0] else {}
    return {
        name: value
        for name, value in found.items()
        if value and name not in mapping.ignored and not mapping.withholds(name)
    }


def _batch(rows: list[Record], mapping: Mapping, names: Sequence[str]) -> pa.Table:
    """Records as an Arrow table of text: line, n_lines, the targets, the rest as a JSON object."""
    width = len(names)
    columns = list(zip(*(row[2][:width] for row in rows), strict=True))
    made: dict[str, pa.Array] = {
        "line": pa.array([row[0] for row in rows], pa.int64()),
        "n_lines": pa.array([row[1] for row in rows], pa.int32()),
    }
    nothing = pa.nulls(len(rows), pa.string())
    for target in TARGETS[mapping.kind]:
        column = mapping.columns.get(target)
        made[target] = pa.array(columns[names.index(column)], pa.string()) if column else nothing
    for key, place in KEY_COLUMNS.items():
        column = mapping.keys.get(key)
        made[place] = pa.array(columns[names.index(column)], pa.string()) if column else nothing
    rest = mapping.rest(names)
    if rest or any(len(row[2]) > width for row in rows):
        positions = [names.index(name) for name in rest]
        made["rest"] = pa.array(
            [
                json.dumps(
                    {name: row[2][at] for name, at in zip(rest, positions, strict=True) if row[2][at]}
                    | _more(row[2][width:], mapping),
                    ensure_ascii=False,
                    separators=(",", ":"),
                )
                for row in rows
            ],
            pa.string(),
        )
    else:
        made["rest"] = nothing
    return pa.table(made)


def staged(file: SourceFile, rejects: Rejects) -> Iterator[pa.Table]:
    """The file's well-formed records, batch by batch, in the columns of the staging table."""
    rows: list[Record] = []
    for record in records(file.path, file.form, file.names, rejects):
        rows.append(record)
        if len(rows) == BATCH:
            yield _batch(rows, file.mapping, file.names)
            rows = []
    if rows:
        yield _batch(rows, file.mapping, file.names)


def raw_lines(path: Path, form: Format, wanted: Map[int, int]) -> dict[int, str]:
    """The raw text of records: first line -> text, for first line -> number of lines."""
    found: dict[int, str] = {}
    if not wanted:
        return found
    last = max(line + n for line, n in wanted.items())
    open_until, current = 0, 0
    for number, line in enumerate(lines_of(path, form), start=1):
        if number in wanted:
            current, open_until = number, number + wanted[number] - 1
            found[current] = line
        elif number <= open_until:
            found[current] += line
        if number >= last:
            break
    return {line: raw.rstrip("\r\n") for line, raw in found.items()}
