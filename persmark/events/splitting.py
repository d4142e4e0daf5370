"""A line into cells: delimiters of several characters, backslashes, stray quotes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache

from persmark.events.formats import Format

_LONGEST = 10_000  # characters of a line with stray quotes that is still looked into
# Code points that Unicode keeps free of meaning stand in for what the csv module cannot take: a
# delimiter of several characters, an escaped quote, an escaped backslash.
_PART, _QUOTE, _SLASH = "\U0010ffff", "\U0010fffe", "\U000fffff"
_BLANK = "\\N"  # how MySQL and Hive write NULL


def holds_stand_in(raw: str, form: Format) -> bool:
    """Whether a line has what stands for something else while it is split."""
    stands = form.escape == "backslash" or (len(form.delimiter) > 1 and form.delimiter != ", ")
    return stands and (_PART in raw or _QUOTE in raw or _SLASH in raw)


class Dialect:
    """Lines of one format for the csv module, which knows delimiters of one character only.

    It also takes a backslash before any character for an escape and drops it; here only `\\"` and
    `\\\\` are escapes, so that a path keeps its backslashes.

    Args:
        form: Delimiter, quote and escape.
    """

    def __init__(self, form: Format) -> None:
        self._form = form
        self._escaped = form.escape == "backslash"
        self._blanks = self._escaped or not form.quote
        self._wide = form.delimiter if len(form.delimiter) > 1 and form.delimiter != ", " else ""
        self.changes = self._escaped or bool(self._wide)
        self.delimiter = _PART if self._wide else form.delimiter[0]
        self._spaced = re.compile(rf"(?:^|{re.escape(form.delimiter[0])}) +{re.escape(form.quote)}")

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """The csv module's reader of prepared lines; it raises where quotes are wrong."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self._form.quote or None,
            quoting=csv.QUOTE_MINIMAL if self._form.quote else csv.QUOTE_NONE,
            skipinitialspace=self._form.delimiter == ", ",
            strict=True,
        )

    def prepared(self, line: str) -> str:
        """A line as the reader takes it."""
        if self._escaped and "\\" in line:
            line = line.replace("\\\\", _SLASH)
            line = line.replace("\\" + self._form.quote, _QUOTE) if self._form.quote else line
        return line.replace(self._wide, _PART) if self._wide else line

    def restored(self, fields: list[str]) -> list[str]:
        """Cells as they were meant."""
        if self._escaped:
            fields = [one.replace(_QUOTE, self._form.quote).replace(_SLASH, "\\") for one in fields]
        if self._wide:
            fields = [one.replace(_PART, self._wide) for one in fields]
        return fields

    def meant(self, fields: list[str]) -> list[str]:
        """Cells without the mark that some databases set for NULL."""
        return ["" if one == _BLANK else one for one in fields] if self._blanks else fields

    def is_spaced(self, raw: str) -> bool:
        """Whether blanks stand before an opening quote, as the csv module does not expect."""
        return (
            bool(self._form.quote)
            and " " + self._form.quote in raw
            and self._form.delimiter != " "
            and self._spaced.search(raw) is not None
        )

    def mended(self, raw: str, width: int) -> list[str] | None:
        """The cells of a line whose quotes the csv module does not take, where one reading fits.

        A quoted cell ends at a quote that a delimiter or the line's end follows; blanks around it do
        not count, and quotes amid its text are its own. At its edge one may be a slip of the hand, and
        the line is not read. Cells without quotes around them have none in them. The line must have
        as many cells as the table has columns.
        """
        quote = self._form.quote
        if not quote or width < 2 or len(raw) > _LONGEST:
            return None
        line = self.prepared(raw.rstrip("\r\n"))
        well, loose, plain = _cells(self.delimiter, quote)
        fields: list[str] = []
        at = 0
        while True:
            if match := well.match(line, at):
                fields.append(match[1].replace(quote * 2, quote))
            elif match := loose.match(line, at):
                if match[1].startswith(quote) or match[1].endswith(quote):
                    return None
                fields.append(match[1].replace(quote * 2, quote))
            elif match := plain.match(line, at):
                fields.append(match[0])
            else:
                return None
            at = match.end() + 1
            if match.end() == len(line):
                break
        return self.restored(fields) if len(fields) == width else None


@cache
def _cells(delimiter: str, quote: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """How a cell looks: well quoted, with quotes inside, without any."""
    d, q = re.escape(delimiter), re.escape(quote)
    blank = "" if delimiter == " " else " *"
    return (
        re.compile(rf"{blank}{q}((?:[^{q}]|{q}{q})*+){q}{blank}(?={d}|$)"),
        re.compile(rf"{blank}{q}(.*?){q}{blank}(?={d}|$)"),
        re.compile(rf"[^{d}{q}]*(?={d}|$)"),
    )
