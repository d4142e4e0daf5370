"""Why a row was rejected or skipped: each code, what it means, what to do. The codes are stable."""

# ruff: noqa: E501 (one reason a line)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from persmark.text import Text, text


@dataclass(frozen=True)
class Reason:
    """What a code stands for.

    Attributes:
        meaning: What is wrong with the row.
        to_do: What a person can do about it.
    """

    meaning: Text
    to_do: Text


def _reason(meaning: str, to_do: str) -> Reason:
    return Reason(text(meaning), text(to_do))


REASONS: Mapping[str, Reason] = MappingProxyType({
    # Form: the line is no record.
    "open_quote": _reason("A quote opens and never closes.", "Close the quote, or double it where it is meant."),
    "bad_quote": _reason("A quote stands where none may stand.", "Remove the quote, or double it and quote the cell."),
    "short_row": _reason("The row has fewer cells than the header.", "Add the missing delimiters, or let short rows be filled with blanks."),
    "long_row": _reason("The row has more cells than the header.", "Put the cell that holds the delimiter in quotes."),
    "other_table": _reason("Another table with other columns begins in the file.", "Load the second table as a file of its own."),
    "bad_json": _reason("The line is no JSON object.", "Write one whole object on the line."),
    "repeated_key": _reason("An object names a key twice.", "Keep the one that is meant."),
    "bad_encoding": _reason("Some bytes are no text in the encoding of the file.", "Type the characters shown as � anew, or choose another encoding."),
    "nul_character": _reason("The row holds a NUL character.", "Remove it: no text has one."),
    "line_too_long": _reason("The line is longer than any record (2 MB).", "Check whether line breaks got lost, and split it."),
    "raw_cut": _reason("The row is too long to have been kept whole.", "Correct it in the original file and load that again."),
    # Meaning: the record lacks or garbles something that is needed.
    "no_user": _reason("The row names no user.", "Fill in the user, or leave the row out."),
    "no_item": _reason("The row names no item.", "Fill in the item, or leave the row out."),
    "no_time": _reason("The row says no time.", "Fill in when it happened."),
    "bad_time": _reason("The time cannot be read as the file's other times.", "Write it like the other rows."),
    "time_out_of_range": _reason("The time lies before the year 2000 or in the future.", "Correct the time, or its unit in the mapping."),
    "no_event_type": _reason("The row does not say what was done.", "Fill in the event type."),
    "bad_value": _reason("The value is no number.", "Write a number; check the decimal sign."),
    "bad_quantity": _reason("The quantity is no number.", "Write a number; check the decimal sign."),
    "bad_discount": _reason("The discount is no number.", "Write a number; check the decimal sign."),
    "bad_price": _reason("The price is no number.", "Write a number; check the decimal sign."),
    "bad_kind": _reason("The kind is not product, ad or content.", "Write one of the three, or leave it blank."),
})  # fmt: skip

SKIPPED: Mapping[str, Text] = MappingProxyType({
    "blank": text("Nothing stands in the row."),
    "preamble": text("The row stands before the table."),
    "header": text("The row is a further line of the header."),
    "repeated_header": text("The row repeats the header."),
    "footer": text("The row stands after the table and sums it up."),
    "no_event": text("The row of a wide file has no filled cell, so it holds no event."),
})  # fmt: skip


def what_to_do(code: str) -> Text:
    """One line for a person: what is wrong and what to do."""
    reason = REASONS[code]
    return text("{meaning} {to_do}", meaning=reason.meaning, to_do=reason.to_do)
