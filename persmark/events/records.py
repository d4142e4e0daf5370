"""Text into records, carefully: each with its line, or with a reason why it is none.

Slower than the database's own reader, and used only where that one does not reconcile: this one
keeps line numbers, survives an unclosed quote by giving up one line, and never drops a record
without a reason.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from persmark.events.cells import looks_like_footer, names_columns
from persmark.events.formats import MAX_LINE, Format, opened
from persmark.events.splitting import Dialect, holds_stand_in
from persmark.text import Text, text

# A quoted field may hold line breaks; past this many lines its quote was surely never closed.
_MAX_LINES_OF_RECORD = 200
# What is kept of the text of a rejected record: enough to mend it by hand, small enough to hold many.
_KEPT_RAW = 10_000
_MAX_FOOTER = 50  # records; what ends a table is short
# First line, number of lines, one cell for each name.
Record = tuple[int, int, list[str | None]]


@dataclass
class Rejects:
    """What was left out, by line, with a stable reason code.

    Attributes:
        rows: (line, reason, detail, raw text).
        skipped: Records that are no data, by reason: blank, preamble, header, repeated_header, footer.
        mended: Records with stray quotes that can be read in one way only, and were.
        filled: Records with too few cells whose missing ones were taken as blank.
    """

    rows: list[tuple[int, str, str, str]] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    mended: int = 0
    filled: int = 0

    def skip(self, reason: str, n: int = 1) -> None:
        """Count lines that are no records."""
        self.skipped[reason] = self.skipped.get(reason, 0) + n

    def reject(self, line: int, reason: str, raw: str, detail: str = "") -> None:
        """Keep a record that cannot be read."""
        self.rows.append((line, reason, detail, raw[: _KEPT_RAW + 2].rstrip("\r\n")[:_KEPT_RAW]))

    def notes(self) -> list[Text]:
        """What was left out or mended beyond blank lines, in words."""
        found = [
            text("{n} lines after the table were skipped as its footer.", n=self.skipped.get("footer", 0)),
            text("{n} repeated header lines were skipped.", n=self.skipped.get("repeated_header", 0)),
            text("{n} more header lines were skipped.", n=self.skipped.get("header", 0)),
            text("{n} lines have stray quotes and were read in the only way that fits.", n=self.mended),
            text("{n} lines have too few cells; the missing ones are blank.", n=self.filled),
        ]
        return [note for note in found if note.values["n"]]


def lines_of(path: Path, form: Format) -> Iterator[str]:
    """The file's lines, line ends kept; bytes that are no text come as lone surrogates.

    A line beyond `MAX_LINE` comes cut off right after it: nobody can hold it, and it is rejected.
    """
    errors = "surrogateescape" if form.encoding.startswith("utf-8") else "replace"
    with opened(path, form.compression) as stream:
        reader = io.TextIOWrapper(stream, encoding=form.encoding, errors=errors, newline="")
        try:
            while line := reader.readline(MAX_LINE + 2):
                if len(line) > MAX_LINE and line[-1] not in "\r\n":
                    while (rest := reader.readline(MAX_LINE)) and rest[-1] not in "\r\n":
                        pass
                    line = line[: MAX_LINE + 1] + "\n"
                yield line
        finally:
            reader.detach()


def broken(raw: str, form: Format) -> str | None:
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
        if holds_stand_in(raw, form):
            return "bad_encoding"
    return None


class _Feed:
    """Lines handed to the csv module one by one, remembered until their record is complete."""

    def __init__(self, lines: Iterator[str], dialect: Dialect) -> None:
        self._lines = lines
        self._prepared = dialect.prepared if dialect.changes else None
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
        return self._prepared(line) if self._prepared else line

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


def _csv_reason(problem: str) -> str:
    """Why the csv module gave up on a record, as a reason code."""
    if "field limit" in problem:
        return "line_too_long"
    return "open_quote" if "end of data" in problem else "bad_quote"


# First line, its lines, its fields where it has any, why not where it has none, whether it was mended.
_Parsed = tuple[int, list[str], list[str] | None, str, bool]


def parsed(lines: Iterator[str], form: Format, width: int, *, first_line: int = 0) -> Iterator[_Parsed]:
    """Lines put together to records; one whose quotes are wrong costs its first line only.

    Args:
        lines: From the first line that is no preamble.
        form: Delimiter, quote and escape.
        width: How many fields a record has: what spans several lines must have as many.
        first_line: Lines before these.

    Yields:
        (first line from 1, its lines, its fields or None, why they are None, whether stray quotes
        were mended).
    """
    csv.field_size_limit(MAX_LINE)
    dialect = Dialect(form)
    feed = _Feed(lines, dialect)
    while feed.more():
        reader = dialect.reader(feed)
        while True:
            feed.taken = []
            first = first_line + feed.line + 1
            try:
                fields = next(reader, None)
                failed = ""
            except csv.Error as error:
                fields, failed = None, _csv_reason(str(error))
            if not feed.taken:
                break
            taken = feed.taken
            if len(taken[0]) > MAX_LINE:
                fields, failed = None, "line_too_long"
            if not failed and len(taken) > 1 and (fields is None or len(fields) != width):
                failed = "open_quote"
            if not failed:
                fields = dialect.restored(fields or [])
                if len(taken) == 1 and dialect.is_spaced(taken[0]):
                    fields = dialect.mended(taken[0], width) or fields
                yield first, taken, dialect.meant(fields), "", False
                continue
            if len(taken) > 1 and failed == "bad_quote":
                failed = "open_quote"  # what closed it was the quote of another record
            fields = None if failed == "line_too_long" else dialect.mended(taken[0], width)
            # Give up one line and read the next ones afresh: their quotes are their own.
            feed.give_back(1)
            yield first, taken[:1], fields and dialect.meant(fields), "" if fields else failed, bool(fields)
            break


def csv_records(
    lines: Iterator[str],
    form: Format,
    width: int,
    rejects: Rejects,
    *,
    short_rows: str = "reject",
    needed: Sequence[int] = (),
) -> Iterator[Record]:
    """Well-formed records as (first line from 1, number of lines, fields).

    Args:
        lines: All lines of the file, the header's included.
        form: How they are written.
        width: How many fields a record has.
        rejects: Filled with the records that are not well formed.
        short_rows: `reject` records with too few fields, or take the missing ones as blank (`null`).
        needed: Fields that no record lacks: a last one that does, and says "Total", is a footer.
    """
    for _ in range(form.skip_lines):
        if next(lines, None) is not None:
            rejects.skip("preamble")
    return _told_apart(
        parsed(lines, form, width, first_line=form.skip_lines),
        form,
        width,
        rejects,
        short_rows=short_rows,
        needed=needed,
    )


def _told_apart(
    found: Iterator[_Parsed],
    form: Format,
    width: int,
    rejects: Rejects,
    *,
    short_rows: str,
    needed: Sequence[int],
) -> Iterator[Record]:
    headers_left = form.header_rows if form.header else 0
    header: list[str] = []
    other_table = False
    # Records that may be the file's footer, until it is known whether data follow.
    waiting: list[tuple[Record, str, str, str]] = []

    def settle() -> Iterator[Record]:
        for record, reason, detail, raw in waiting:
            if reason:
                rejects.reject(record[0], reason, raw, detail)
            else:
                yield record
        waiting.clear()

    for first, taken, fields, failed, mended in found:
        raw = taken[0] if len(taken) == 1 else "".join(taken)
        if headers_left and (fields or failed):
            # Its names were read already, with more patience.
            if headers_left < form.header_rows:
                rejects.skip("header")
            else:
                header = [one.strip() for one in fields or []]
            headers_left -= 1
            continue
        if fields is None:
            yield from settle()
            rejects.reject(first, failed, raw)
            continue
        trouble = broken(raw, form)
        blank = not fields or not fields[0].strip()
        if trouble is None and blank and not any(one and not one.isspace() for one in fields):
            rejects.skip("blank")
            continue
        detail = ""
        if trouble is None:
            if header and fields[0].strip() == header[0] and [one.strip() for one in fields] == header:
                yield from settle()
                rejects.skip("repeated_header")
                other_table = False
                continue
            other_table = other_table or (
                bool(header) and not _DIGIT.search(raw) and names_columns(fields, header)
            )
            if other_table:
                trouble = "other_table"
            elif len(fields) > width:
                trouble = "long_row"
            elif len(fields) < width:
                trouble = "short_row"
            if trouble in ("long_row", "short_row"):
                detail = f"{len(fields)} fields, {width} expected"
        cells: list[str | None] = [*fields]
        lacking = trouble is not None or any(not fields[at].strip() for at in needed)
        if not lacking and needed and not waiting:
            rejects.mended += mended
            yield first, len(taken), cells
            continue
        cells += [None] * (width - len(fields))
        if len(waiting) < _MAX_FOOTER and looks_like_footer(
            fields, width, needed, trouble=trouble, follows=bool(waiting)
        ):
            waiting.append(((first, len(taken), cells), trouble or "", detail, raw))
            continue
        if waiting:
            yield from settle()
        if trouble == "short_row" and short_rows == "null" and len(fields) > 1:
            rejects.filled += 1
        elif trouble:
            rejects.reject(first, trouble, raw, detail)
            continue
        rejects.mended += mended
        yield first, len(taken), cells
    if waiting:
        rejects.skip("footer", len(waiting))


_DIGIT = re.compile(r"\d")
