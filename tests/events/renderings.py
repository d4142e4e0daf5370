"""One small table in many encodings, delimiters and line ends."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

# Letters that all of the encodings have; a cell with every delimiter, one with a line break, quotes.
ROWS = [
    ["user_id", "item_id", "event_type", "event_time", "value", "page title"],
    ["Zoé", "crème brulée", "view", "2026-01-01T00:00:00Z", "1.50", 'say "à bientot"'],
    ["O'Neil", "a,b;c\td|e^f", "cart", "2026-01-01T00:10:00Z", "", "two\nlines"],
    ["Müller", "Düsseldorf, 5°", "purchase", "2026-01-02T00:00:00Z", "99.90", "'quoted'"],
    ["00123", "", "search", "2026-01-03T00:00:00Z", "-1", "été"],
]  # fmt: skip


def _marked(mark: bytes, encoding: str) -> Callable[[str], bytes]:
    return lambda content: mark + content.encode(encoding)


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": _marked(b"", "utf-8"),
    "UTF-8 marked": _marked(codecs.BOM_UTF8, "utf-8"),
    "UTF-16 LE marked": _marked(codecs.BOM_UTF16_LE, "utf-16-le"),
    "UTF-16 BE marked": _marked(codecs.BOM_UTF16_BE, "utf-16-be"),
    "UTF-16 LE": _marked(b"", "utf-16-le"),
    "UTF-16 BE": _marked(b"", "utf-16-be"),
    "UTF-32 LE marked": _marked(codecs.BOM_UTF32_LE, "utf-32-le"),
    "UTF-32 BE marked": _marked(codecs.BOM_UTF32_BE, "utf-32-be"),
    "GB18030": _marked(b"", "gb18030"),
    "GBK": _marked(b"", "gbk"),
    "Windows-1252": _marked(b"", "cp1252"),
    "ISO-8859-1": _marked(b"", "iso-8859-1"),
}
DELIMITERS = (",", ";", "\t", "|", "^")
LINE_ENDS = ("\n", "\r\n", "\r")


def _cell(cell: str, delimiter: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & {delimiter, '"', "\r", "\n"} else cell


def rendered(delimiter: str, line_end: str) -> str:
    """The table as text."""
    lines = [delimiter.join(_cell(cell, delimiter) for cell in row) for row in ROWS]
    return line_end.join(lines) + line_end


def files(step: int = 1) -> Iterator[tuple[str, bytes]]:
    """Every `step`-th rendering, its name and its bytes; 180 in all."""
    number = 0
    for name, encode in ENCODINGS.items():
        for delimiter in DELIMITERS:
            for line_end in LINE_ENDS:
                if number % step == 0:
                    yield f"{name} {delimiter!r} {line_end!r}", encode(rendered(delimiter, line_end))
                number += 1
