"""What the database's own CSV reader takes without a word, although it may damage a row.

Found by trying: it drops quotes that have blanks beside them (`"a" "b"` becomes `a b`), and takes any
number of blank cells beyond the last column, so that a row whose cells slid to the right by a stray
delimiter passes where its last cell is blank.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from persmark.events.formats import Format

_LONGEST = 2_000_000  # bytes of a line that are kept until its end comes


class Doubts:
    """Looks for such lines, chunk by chunk; most cost nothing but a look at their ends.

    Inside a well-quoted cell the same signs are plain text, so a line that has them is parsed.

    Args:
        form: Delimiter and quote.
        width: How many cells a row has; 0 = blank cells beyond are not looked for.
    """

    def __init__(self, form: Format, width: int) -> None:
        self.found = False
        self._form = form
        self._width = width
        delimiter, quote = form.delimiter.encode(), form.quote.encode()
        self._delimiter, self._quote = delimiter, quote
        self._hints = (b" " + quote, quote + b" ")
        d, q = re.escape(delimiter), re.escape(quote)
        self._beside = re.compile(rb"(?:^|%s|[\r\n]) +%s|%s +(?:%s|[\r\n]|%s|$)" % (d, q, q, d, q))
        self._open = b""  # the line that the last chunk ended in

    def look(self, chunk: bytes, signs: NDArray[np.uint8], newlines: NDArray[np.intp]) -> None:
        """Take in the next bytes.

        Args:
            chunk: The bytes.
            signs: The same as numbers.
            newlines: Where a line feed stands in them.
        """
        if not len(newlines):
            self._open += chunk
            # One line beyond any, or line ends of another kind.
            self.found = len(self._open) > _LONGEST
            return
        begin, end = int(newlines[0]) + 1, int(newlines[-1]) + 1
        self._check_line(self._open + chunk[:begin])
        self._open = chunk[end:]
        if self._quote and self._quote in chunk and any(hint in chunk for hint in self._hints):
            self._check_quotes(chunk[begin:end])
        if self._width and not self.found:
            self._check_ends(chunk, signs, newlines)

    def at_end(self) -> bool:
        """Whether there was one, after the last bytes."""
        for line in re.split(rb"[\r\n]+", self._open):
            self._check_line(line)
        return self.found

    def _check_quotes(self, lines: bytes) -> None:
        done = 0
        for match in self._beside.finditer(lines):
            if match.start() < done:
                continue
            at = match.start() + (lines[match.start()] in b"\r\n")
            begin = lines.rfind(b"\n", 0, at) + 1
            done = (lines.find(b"\n", at) + 1) or len(lines)
            self._check_line(lines[begin:done])
            if self.found:
                return

    def _check_ends(self, chunk: bytes, signs: NDArray[np.uint8], newlines: NDArray[np.intp]) -> None:
        """Lines that end in a blank cell and have more delimiters than a row."""
        begins, ends = newlines[:-1] + 1, newlines[1:]
        ends = ends - (signs[ends - 1] == ord("\r"))
        last = signs[ends - 1]
        blank = last == self._delimiter[-1]
        if self._quote:
            q = self._quote[0]
            blank |= (last == q) & (signs[ends - 2] == q) & (signs[ends - 3] == self._delimiter[-1])
        if not blank.any():
            return
        parted = np.flatnonzero(signs == self._delimiter[-1])
        begins, ends = begins[blank], ends[blank]
        n_parted = np.searchsorted(parted, ends) - np.searchsorted(parted, begins)
        n_signs = self._delimiter.count(self._delimiter[-1:])
        many = n_parted >= self._width * n_signs
        for begin, end in zip(begins[many].tolist(), ends[many].tolist(), strict=True):
            self._check_line(chunk[begin:end])
            if self.found:
                return

    def _check_line(self, line: bytes) -> None:
        shown = line.decode("utf-8", "replace").rstrip("\r\n")
        if not shown or self.found:
            return
        if not self._quote or len(self._delimiter) > 1:
            cells = shown.split(self._form.delimiter)
        else:
            try:
                (cells,) = csv.reader(
                    [shown], delimiter=self._form.delimiter, quotechar=self._form.quote, strict=True
                )
            except (csv.Error, ValueError):
                # Only quotes with blanks beside them are taken wrongly; others are not taken.
                self.found = bool(self._quote and self._beside.search(line))
                return
        surplus = bool(self._width) and len(cells) > self._width and not cells[-1]
        spaced = any(cell.startswith(" ") and cell.lstrip(" ")[:1] == self._form.quote for cell in cells)
        self.found = surplus or (bool(self._quote) and spaced)
