"""What a row of text looks like: data, the names of columns, or the footer of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from persmark.events.names import contact_field, fold
from persmark.events.vocabulary import TARGETS

# Numbers with signs, thousands, decimals and a currency beside them, in ASCII or full-width digits.
_NUMBER = re.compile(
    r"[$€£¥￥]?\s*[-+(]?\s*[$€£¥￥]?\s*[\d０-９][\d０-９.,，．' \u00a0\u202f_]*([eE][-+]?\d+)?\s*\)?\s*"
    r"(%|[$€£¥￥]|[A-Z]{3})?"
)
_DATE = re.compile(
    r"(\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?|\d{1,2}:\d{2}|\d{8}T?\d{0,6}Z?$"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}"
    r"|[A-Za-z]{3,9} \d{1,2},? \d{4})"
)
_TOTAL = re.compile(
    r"(grand |sub-?\s?)?totals?\b|sum(me|ma)?\b|gesamt|zwischensumme|insgesamt|somme\b|totale\b|suma\b|"
    r"(总|合|小|共|總)[计計数數]|[汇匯]总|平均|averages?\b|mean\b",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"\(?\s*\d[\d,. ]*\s*(rows?|records?|lines?|entries|results?|items|zeilen|lignes|filas|行|条|筆|笔)\b"
    r"|(rows?|records?|lines?|count|number of \w+)\s*[:=]"
    r"|(sources?|notes?|remarks?|foot\s?notes?|generated|exported|created|downloaded|report|page|end of|"
    r"copyright|disclaimer|confidential|quelle|hinweis|erstellt|bemerkung|nota|fuente)\b"
    r"|[*#©†]|[-=_.]{3,}$|数据来源|資料來源|备注|備註|说明|說明|导出|匯出|注\s*[:：]|共\s*\d",
    re.IGNORECASE,
)


def is_value(cell: str) -> bool:
    """Whether a cell is surely data: a number, a date or a time."""
    short = cell.strip()
    return bool(short) and bool(_NUMBER.fullmatch(short) or _DATE.match(short))


@cache
def _spellings() -> frozenset[str]:
    return frozenset(name for targets in TARGETS.values() for one in targets.values() for name in one.names)


def is_known_name(cell: str) -> bool:
    """Whether a cell is a header spelling that means something here."""
    short = fold(cell[:60])
    return short in _spellings() or contact_field(cell, of_users=True) is not None


def is_id_name(cell: str) -> bool:
    """Whether a cell names the users or items of a table, as no value does: `user_id`, `商品ID`."""
    short = fold(cell[:60])
    events = TARGETS["events"]
    return short.endswith("id") and short in (*events["user_id"].names, *events["item_id"].names)


def n_known_names(row: Sequence[str]) -> int:
    """How many cells of a row are known header spellings."""
    return sum(is_known_name(cell) for cell in row)


def names_columns(row: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row below a header is the header of another table.

    Every cell has a name in it, all differ, and at least two and half of them are names that this
    table has or that are known.
    """
    cells = [cell.strip() for cell in row]
    if len(cells) < 2 or len(set(cells)) < len(cells) or not all(cells):
        return False
    ours = {fold(name) for name in header}
    known = sum(fold(cell) in ours or is_known_name(cell) for cell in cells)
    return known >= max(2, len(cells) / 2) and not any(map(is_value, cells))


def looks_like_footer(
    row: Sequence[str], width: int, needed: Sequence[int], *, trouble: str | None, follows: bool
) -> bool:
    """Whether a row, if nothing but such rows follow, ends the table and is no data of it.

    Args:
        row: Its cells, not all blank.
        width: How many cells a record has.
        needed: Cells that no record lacks.
        trouble: Why the row is no record, where it is none.
        follows: Whether a row before it looks like the footer already.
    """
    filled = [cell.strip() for cell in row if cell.strip()]
    whole = trouble is None
    first = next(at for at, cell in enumerate(row) if cell.strip())
    if whole and (
        all(row[at].strip() for at in needed) or any(row[at].strip() for at in needed if at != first)
    ):
        return False
    if not whole and trouble not in ("short_row", "long_row"):
        return False
    if _TOTAL.match(filled[0]) and len(row) <= width:
        return True
    if len(filled) > 1 and len(row) <= width and whole:
        return False
    sentence = len(filled) == 1 and len(filled[0].split()) >= (2 if follows else 4)
    return sentence or ((len(row) != width or len(filled) == 1) and bool(_NOTE.match(filled[0])))
