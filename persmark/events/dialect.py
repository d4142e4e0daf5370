"""What a text file's first lines tell of it: delimiter, quotes, escape, where its table begins.

How well a dialect fits is judged as in van den Burg, Nazábal and Sutton, "Wrangling messy CSV files
by detecting row and type patterns" (2019): by how alike the rows come out and by how many cells have
a known type. Where they multiply pattern counts, the share of rows of the commonest width is taken
here, so that a few damaged rows do not outweigh all others.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from persmark.errors import FileRefusedError
from persmark.events.cells import is_id_name, is_value, n_known_names
from persmark.events.formats import DELIMITERS, Format
from persmark.events.persons import is_email
from persmark.events.records import parsed
from persmark.events.splitting import Dialect
from persmark.text import text

_JUDGED = 200  # lines
_LONGEST = 20_000  # characters of a line that are judged
_MOST = 200_000  # characters of all lines that are judged
_SURE = 0.6  # how well blanks must part the lines: words have them too
_LEADING = 30  # records among which the table begins
# A type that cells can have beside numbers and times: words, with nothing in them that could part cells.
_WORDS = re.compile(r"(?![\"'])(?:[^,;\t|^~\x01:]|,(?=\s)|:(?!:))*(?<![\"'])")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


@dataclass(frozen=True)
class Head:
    """The beginning of a CSV file.

    Attributes:
        form: How it is written.
        names: Of its columns as written, one for each cell of its rows; c1, c2, ... without header.
        rows: Its first records.
    """

    form: Format
    names: list[str]
    rows: list[list[str]]


def _known_type(cell: str) -> bool:
    return not cell or is_value(cell) or _WORDS.fullmatch(cell) is not None


def _rows_of(lines: Sequence[str], form: Format) -> tuple[list[list[str]], int]:
    """Lines parsed each on its own, and how many do not stand alone."""
    dialect = Dialect(form)
    rows, n_broken = [], 0
    for line in lines:
        try:
            (fields,) = dialect.reader(iter([dialect.prepared(line)]))
        except (csv.Error, ValueError):
            n_broken += 1
            continue
        rows.append(dialect.restored(fields))
    return rows, n_broken


def _fit(lines: Sequence[str], form: Format) -> tuple[float, int]:
    """How well a dialect fits (0 to 1), and how many lines do not stand alone in it."""
    rows, n_broken = _rows_of(lines, form)
    if not rows:
        return 0.0, n_broken
    width, agreeing = max(
        Counter(map(len, rows)).items(), key=lambda pair: (pair[1] * (pair[0] - 1), pair[0])
    )
    cells = [cell.strip() for row in rows[:100] if len(row) == width for cell in row[:50]]
    typed = sum(map(_known_type, cells)) / len(cells)
    return agreeing / len(lines) * (width - 1) / width * typed**2, n_broken


def dialect_of(lines: Sequence[str], form: Format, fixed: Sequence[str]) -> Format:
    """The format with the delimiter, quote and escape that fit best.

    Args:
        lines: The file's first lines that are not blank.
        form: What is known already.
        fixed: Fields of it that are not looked for.
    """
    judged, size = [], 0
    for line in lines[:_JUDGED]:
        judged.append(line.rstrip("\r\n")[:_LONGEST])
        size += len(judged[-1])
        if size > _MOST:
            break
    everything = "\n".join(judged)
    quotes = [form.quote] if "quote" in fixed else ['"', "'"] if everything.count("'") > 3 else ['"']
    delimiters = [one for one in DELIMITERS if one in everything]
    if "delimiter" in fixed:
        delimiters = [form.delimiter]
    best, best_fit = form, 0.0
    for delimiter in delimiters or [form.delimiter]:
        if "delimiter" not in fixed and not _may_part(delimiter, everything, best_fit):
            continue
        for quote in quotes:
            if quote == "'" and "quote" not in fixed and not _is_single(judged, delimiter):
                continue
            tried = replace(form, delimiter=delimiter, quote=quote)
            if "escape" not in fixed:
                tried = replace(tried, escape=_escape_of(lines, tried))
            fit, _ = _fit(judged, tried)
            if delimiter == " " and "delimiter" not in fixed and fit < _SURE:
                continue
            # Earlier ones are commoner: a later one must fit clearly better.
            if fit > best_fit * 1.02:
                best, best_fit = tried, fit
    return best if "quote" in fixed else _unquoted(judged, best)


def _is_single(judged: Sequence[str], delimiter: str) -> bool:
    """Whether cells are wrapped in single quotes rather than in double ones."""
    part = re.escape(delimiter.strip() or delimiter)
    double, single = (
        sum(len(re.findall(rf"(?:^|{part} ?){q}(?:[^{q}]|{q}{q})*+{q}(?={part}|$)", line)) for line in judged)
        for q in ('"', "'")
    )
    return single > max(double, 1)


def _may_part(delimiter: str, everything: str, best_fit: float) -> bool:
    if delimiter == ", ":
        # Nearly every comma has a blank after it, those in the text of cells apart.
        bare = _QUOTED.sub("", everything)
        return bare.count(", ") >= 0.9 * max(bare.count(","), 1)
    # Words are parted by blanks too: only where nothing else parts the lines.
    return delimiter != " " or best_fit < 0.3


def _escape_of(lines: Sequence[str], form: Format) -> str:
    """Whether quotes inside quoted cells stand after a backslash: where more lines can be read so."""
    sign = "\\" + form.quote
    if not form.quote:
        return "doubled"
    telling = [line.rstrip("\r\n")[:_LONGEST] for line in lines if sign in line][:_JUDGED]
    if not telling:
        return "doubled"
    n_broken = {escape: _fit(telling, replace(form, escape=escape))[1] for escape in ("doubled", "backslash")}
    return "backslash" if n_broken["backslash"] < n_broken["doubled"] else "doubled"


def _unquoted(judged: Sequence[str], form: Format) -> Format:
    """The format without quotes, where those in the lines are plainly part of the text.

    Hive and MovieLens never quote. Elsewhere lines must come out alike without quotes and not with
    them; a single stray one is a damaged line, not a habit. Beside commas quotes are quotes.
    """
    plain = replace(form, quote="", escape="doubled")
    rows, n_broken = _rows_of(judged, form)
    quoted = any(form.quote in line for line in judged)
    if form.delimiter in ("\x01", "::"):
        wrapped = sum(
            len(cell) > 1 and cell[0] == cell[-1] == form.quote
            for row in _rows_of(judged, plain)[0]
            for cell in row
        )
        return form if wrapped > 1 else plain
    if not quoted or n_broken < 2 or form.delimiter == ",":
        return form
    with_quotes = Counter(map(len, rows)).most_common(1)
    without, _ = _rows_of(judged, plain)
    width, agreeing = Counter(map(len, without)).most_common(1)[0]
    alike = agreeing >= 0.95 * len(judged)
    return plain if alike and (not with_quotes or width >= with_quotes[0][0]) else form


def _first_records(lines: Sequence[str], form: Format) -> tuple[int, list[tuple[int, list[str]]]]:
    """The width of the table, and its first records that hold something with the lines before each."""
    alone, _ = _rows_of([line for line in lines if line.strip()], form)
    widths = Counter(len(row) for row in alone if any(cell.strip() for cell in row))
    # A table of nothing but delimiters has no record that holds something.
    widths = widths or Counter(map(len, alone)) or Counter([1])
    most = max(widths.values())
    width = max(one for one, n in widths.items() if n == most)
    found: list[tuple[int, list[str]]] = []
    for first, taken, whole, failed, _ in parsed(iter(lines), form, width):
        fields = whole
        if failed and not found:
            # A header with a stray quote still names columns.
            (fields,) = csv.reader([taken[0].rstrip("\r\n")], delimiter=Dialect(form).delimiter)
        if fields and any(cell.strip() for cell in fields):
            found.append((first - 1, fields))
    return width, found


def table_of(lines: Sequence[str], form: Format, fixed: Sequence[str], name: str) -> Head:
    """Where the table begins, what its columns are called, and its first rows.

    Args:
        lines: The file's first lines, whole ones.
        form: Its dialect.
        fixed: Fields of it that a person fixed.
        name: The file's, for the refusal.

    Raises:
        FileRefusedError: The header has fewer names than rows have cells.
    """
    skip = form.skip_lines
    width, records = _first_records(lines[skip:], form)
    if not records:
        records = [(0, [""] * width)]
    begin = 0 if "skip_lines" in fixed else _begin(records, width)
    before, first = records[begin]
    if "skip_lines" not in fixed:
        form = replace(form, skip_lines=skip + before)
    body = [fields for _, fields in records[begin + 1 :]]
    if "header" not in fixed:
        form = replace(form, header=_is_header(first, body))
    if not form.header:
        width = Counter(len(row) for row in [first, *body]).most_common(1)[0][0]
        return Head(form, [f"c{at}" for at in range(1, width + 1)], [first, *body])
    if "header_rows" not in fixed:
        form = replace(form, header_rows=_header_rows(first, body))
    body = [row for row in body[form.header_rows - 1 :] if row != first]
    names = _names([first, *[fields for _, fields in records[begin + 1 : begin + form.header_rows]]])
    return Head(form, _aligned(names, body, name), body)


def _is_names(row: Sequence[str]) -> bool:
    """Whether a row is plainly one of column names."""
    filled = [cell for cell in row if cell.strip()]
    known = n_known_names(filled)
    if any(map(is_id_name, filled)) and len(set(filled)) == len(filled):
        return True  # of a wide table the other columns may be called by numbers
    return len(filled) > 1 and known > 1 and (known >= len(filled) / 2 or not any(map(is_value, filled)))


def _begin(records: Sequence[tuple[int, list[str]]], width: int) -> int:
    """Which record the table begins with: its header, or its first row where it has none."""
    for at, (_, row) in enumerate(records[:_LEADING]):
        if _is_names(row) and abs(len(row) - width) <= max(1, width // 3):
            return at
        if len(row) == width and sum(map(is_value, row)) > 0 and sum(bool(cell.strip()) for cell in row) > 1:
            break  # data: what follows is no header of it
    wide = [at for at, (_, row) in enumerate(records) if len(row) >= width]
    # A title with nothing beside it is none, however many delimiters stand behind it.
    filled = [at for at in wide if width < 3 or sum(bool(cell.strip()) for cell in records[at][1]) > 1]
    return (filled or wide or [0])[0]


def _is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a record names columns: known names, or no value where the rows below have some."""
    if _is_names(first):
        return True
    if any(is_value(cell) or is_email(cell) for cell in first) or not any(cell.strip() for cell in first):
        return False
    others = [row for row in body if list(row) != list(first) and len(row) == len(first)]
    # In text alone, a cell that comes again in its column is data.
    return not others or any(is_value(cell) for row in others for cell in row) or not any(
        cell.strip() and any(row[at] == cell for row in others) for at, cell in enumerate(first)
    )  # fmt: skip


def _header_rows(first: Sequence[str], body: Sequence[Sequence[str]]) -> int:
    """How many records the header takes: one more for each that has words where all rows have values."""
    found = 1
    for at, row in enumerate(body[:2]):
        below = [one for one in body[at + 1 : at + 51] if len(one) == len(first) and list(one) != list(first)]
        typed = [
            column
            for column in range(len(first))
            if sum(is_value(one[column]) for one in below) > 0.8 * max(len(below), 2)
        ]
        if len(row) != len(first) or list(row) == list(first) or len(typed) < 2 or any(map(is_value, row)):
            break
        if not all(row[column].strip() for column in typed):
            break
        found += 1
    return found


def _names(header: Sequence[Sequence[str]]) -> list[str]:
    """Names out of the records of a header: joined where the first repeats itself or fewer are known."""
    first = list(header[0])
    joined = [
        " ".join(dict.fromkeys(cell.strip() for cell in column if cell.strip()))
        for column in zip(*header, strict=False)
    ]
    repeats = len(set(first)) < len(first) and len(set(joined)) == len(joined)
    return joined if repeats or n_known_names(joined) > n_known_names(first) else first


def _aligned(names: list[str], body: Sequence[Sequence[str]], name: str) -> list[str]:
    """Header names for every cell of the rows, where the two plainly belong together."""
    widths = Counter(map(len, body))
    if not widths or names_fit(len(names), widths):
        return names
    width = widths.most_common(1)[0][0]
    blank = [at for at, one in enumerate(names) if not one.strip()]
    if len(names) - len(blank) == width:
        return [one for one in names if one.strip()]
    if len(names) > width:
        return names  # rows are short, and rejected or filled as the mapping says
    if not any(cell.strip() for row in body if len(row) == width for cell in row[len(names) :]):
        return [*names, *[""] * (width - len(names))]
    raise FileRefusedError(
        text("A header must name every column. Received: {name} with {n} names over rows of {width} cells.",
             name=name, n=len(names), width=width),
        title="Names are missing",
        hint="Add what is missing to the header line, or say that the file has no header.",
    )  # fmt: skip


def names_fit(n_names: int, widths: Counter[int]) -> bool:
    """Whether rows are as wide as the header, ragged ones apart."""
    return widths[n_names] > 0 or sum(widths.values()) < 2 or max(widths.values()) < 2
