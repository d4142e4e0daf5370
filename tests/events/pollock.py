"""The 26 ways of the Pollock benchmark to pollute a CSV file, over a small table of events.

Kinds and names after Vitagliano, Hameed, Jiang, Reisener, Wu and Naumann, "Pollock: A Data Loading
Benchmark", PVLDB 16(8), 2023; written from their descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

NAMES = ["user_id", "item_id", "event_type", "event_time", "value"]
ROWS = [
    ["u1", "Milk, 1 l", "view", "2026-01-01T00:00:00Z", "1.50"],
    ["O'Neil", 'a 5" plate', "cart", "2026-01-01T00:10:00Z", "20.00"],
    ["u2", "乳品", "view", "2026-01-02T00:00:00Z", "3"],
    ["00123", "the 'best' of \"Zoë\" & co", "purchase", "2026-01-02T10:00:00Z", "99.90"],
    ["u3", "", "search", "2026-01-03T00:00:00Z", ""],
    ["u1", "x;y|z", "view", "2026-01-03T00:00:01Z", "-1"],
]
TABLE = [NAMES, *ROWS]
NO_NAMES = "Column 'user_id' must be found in x.csv. Received: c1, c2, c3, c4, c5."
TOO_FEW_NAMES = "A header must name every column. Received: x.csv with 4 names over rows of 5 cells."


@dataclass(frozen=True)
class Polluted:
    """A file and what must come of it.

    Attributes:
        kind: Which of the 26.
        raw: Its bytes.
        rows: Those of `ROWS` that are loaded, and how often.
        rejected: (line, reason) of the records that are not.
        skipped: Records that are no data.
        refused: How the refusal begins, where the whole file is.
    """

    kind: str
    raw: bytes
    rows: Sequence[Sequence[str]] = field(default_factory=lambda: ROWS)
    rejected: Sequence[tuple[int, str]] = ()
    skipped: int = 0
    refused: str = ""


def rendered(
    table: Sequence[Sequence[str]],
    *,
    delimiter: str = ",",
    quote: str = '"',
    escape: str | None = None,
    end: str = "\r\n",
    last_end: str | None = None,
    row: Callable[[int, list[str]], str] | None = None,
) -> bytes:
    """A table with every cell quoted, as the benchmark's source file is.

    Args:
        table: Cells.
        delimiter: Between them.
        quote: Around them.
        escape: Before a quote inside; None = the quote itself.
        end: Of a record.
        last_end: Of the last record.
        row: Writes the record of a number out of its quoted cells, instead of joining them.
    """
    before = quote if escape is None else escape
    lines = []
    for number, cells in enumerate(table):
        quoted = [f"{quote}{cell.replace(quote, before + quote)}{quote}" for cell in cells]
        lines.append(row(number, quoted) if row else delimiter.join(quoted))
    return (end.join(lines) + (end if last_end is None else last_end)).encode()


def n_records(raw: bytes) -> int:
    """Physical records after the header: no cell of the table has a line break in it."""
    return len(re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", raw)) - 1


def _without(number: int) -> list[list[str]]:
    return [row for at, row in enumerate(ROWS) if at != number - 1]


def _row_kinds(numbers: Sequence[int]) -> Iterator[Polluted]:
    """Damage to one record: a delimiter or a quote too many, a delimiter too few, others than elsewhere."""
    for number in numbers:
        for column in range(len(NAMES)):

            def more(at: int, cells: list[str], here: int = number, column: int = column) -> str:
                if at == here:
                    cells = [*cells[:column], "\0", *cells[column:]]
                return ",".join(cells).replace("\0", "")

            def less(at: int, cells: list[str], here: int = number, column: int = column) -> str:
                if at == here:
                    cells = [*cells[: column - 1], cells[column - 1] + cells[column], *cells[column + 1 :]]
                return ",".join(cells)

            def stray(at: int, cells: list[str], here: int = number, column: int = column) -> str:
                if at == here:
                    cells = [*cells[:column], '"' + cells[column], *cells[column + 1 :]]
                return ",".join(cells)

            at_fault = [(number + 1, "long_row")] if number else []
            yield Polluted(
                "row_more_sep", rendered(TABLE, row=more), _without(number) if number else ROWS, at_fault
            )
            if column:
                yield Polluted(
                    "row_less_sep", rendered(TABLE, row=less), _without(number), [(number + 1, "short_row")],
                    refused="" if number else TOO_FEW_NAMES,
                )  # fmt: skip
            # Of the last cell, if empty, the quotes stay open until another line's.
            last = column == len(NAMES) - 1 and not TABLE[number][column]
            reason = "open_quote" if last else "bad_quote"
            at_fault = [(number + 1, reason)] if number else []
            yield Polluted(
                "row_extra_quote", rendered(TABLE, row=stray), _without(number) if number else ROWS, at_fault
            )

        def spaced(at: int, cells: list[str], here: int = number) -> str:
            return (" " if at == here else ",").join(cells)

        yield Polluted(
            "row_field_delimiter", rendered(TABLE, row=spaced), _without(number), [(number + 1, "bad_quote")],
            refused="" if number else NO_NAMES,
        )  # fmt: skip


def polluted(numbers: Sequence[int] = (0, 2, 5)) -> list[Polluted]:
    """Every file; the kinds are those of the benchmark's own generator.

    Args:
        numbers: Which records are damaged one by one, 0 the header.
    """
    n = len(ROWS)
    other = range(n + 2, 2 * n + 3)  # lines of a second table
    title = ["PREAMBLE", "", "", "", ""]
    return [
        Polluted("source", rendered(TABLE)),
        Polluted("no_payload", b"", refused="A file must hold at least a header. Received: x.csv"),
        Polluted("no_trailing_newline", rendered(TABLE, last_end="")),
        Polluted("double_trailing_newline", rendered(TABLE, last_end="\r\n\r\n"), skipped=1),
        Polluted("no_header", rendered(ROWS), refused=NO_NAMES),
        Polluted("header_multirow_2", rendered([NAMES, *TABLE]), skipped=1),
        Polluted("header_multirow_3", rendered([NAMES, NAMES, *TABLE]), skipped=2),
        Polluted("preamble", rendered([title, [""] * 5, *TABLE]), skipped=2),
        Polluted(
            "multitable_less", rendered([*TABLE, *(row[:4] for row in TABLE)]),
            rejected=[(line, "other_table") for line in other],
        ),
        Polluted("multitable_same", rendered([*TABLE, *TABLE]), [*ROWS, *ROWS], skipped=1),
        Polluted(
            "multitable_more", rendered([*TABLE, *([*row, "more"] for row in TABLE)]),
            rejected=[(line, "other_table") for line in other],
        ),
        Polluted("header_only", rendered([NAMES]), []),
        Polluted("one_data_row", rendered(TABLE[:2]), ROWS[:1]),
        *_row_kinds(numbers),
        Polluted("record_delimiter_lf", rendered(TABLE, end="\n")),
        Polluted("record_delimiter_cr", rendered(TABLE, end="\r")),
        Polluted("field_delimiter_semicolon", rendered(TABLE, delimiter=";")),
        Polluted("field_delimiter_tab", rendered(TABLE, delimiter="\t")),
        Polluted("field_delimiter_comma_space", rendered(TABLE, delimiter=", ")),
        Polluted("field_delimiter_space", rendered(TABLE, delimiter=" ")),
        Polluted("quotation_char_single", rendered(TABLE, quote="'")),
        Polluted("escape_char_backslash", rendered(TABLE, escape="\\")),
        Polluted("escape_char_none", rendered(TABLE, escape="")),
    ]  # fmt: skip
