"""What values are taken to mean, and what must be asked because they leave it open."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from persmark.columns import EVENT_TYPES, REFUND
from persmark.events.adapters import Adapter
from persmark.events.mapping import Mapping
from persmark.events.names import contact_field, fold
from persmark.events.persons import is_email, normal_phone, phones_among
from persmark.text import Text, text

_WIDE = 6  # columns of numbers, from which on they may be one for each item
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_NAMED = re.compile(
    rf"(?:\d{{1,2}}[\s./-]+{_MONTH}[\s,./-]+\d{{4}}|{_MONTH}[\s./]+\d{{1,2}}[\s,]+\d{{4}})\b", re.IGNORECASE
)
_SLASHED = re.compile(r"\s*(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})")


@dataclass(frozen=True)
class Question:
    """Something only the person can know; until answered, `assumed` is used and said.

    Attributes:
        key: Which field of the mapping answers it.
        text: The question.
        options: Possible answers.
        assumed: The answer used meanwhile; None = loading waits for one.
    """

    key: str
    text: Text
    options: tuple[str, ...]
    assumed: str | None


def guess_time(values: Sequence[str]) -> tuple[str, Question | None]:
    """The time format of a column's values, and the question where they leave it open."""
    filled = [value.strip() for value in values if value and value.strip()]
    if not filled:
        return "iso", None
    numbers = [value for value in filled if re.fullmatch(r"\d+(\.\d+)?", value)]
    if len(numbers) == len(filled):
        if all(re.fullmatch(r"(?:19|20)\d{6}(?:\d{4}(?:\d{2})?)?", value) for value in filled):
            return "compact", None
        units = {len(value.partition(".")[0]) for value in filled} & {10, 13, 16}
        if len(units) > 1:
            return "epoch", Question(
                "time_format",
                text("Times are numbers of {n} lengths, {short} and {long}: does the length tell its unit?",
                     n=len(units), short=min(filled, key=len), long=max(filled, key=len)),
                ("epoch", "epoch_s", "epoch_ms", "epoch_us"),
                None,
            )  # fmt: skip
        size = sorted(float(value) for value in numbers)[len(numbers) // 2]
        # 1995 to 2100 in each unit; Excel counts days since 1899-12-30.
        if 7.8e8 <= size < 4.2e9:
            return "epoch_s", None
        if 7.8e11 <= size < 4.2e12:
            return "epoch_ms", None
        if 7.8e14 <= size < 4.2e15:
            return "epoch_us", None
        if 20_000 <= size < 80_000:
            return "excel", None
    if sum(map(bool, map(_NAMED.match, filled))) >= len(filled) / 2:
        return "named", None
    parts = [match.groups() for value in filled if (match := _SLASHED.match(value))]
    short = [(int(a), int(b)) for a, b, year in parts if len(a) <= 2 and len(year) == 4]
    if short and len(short) >= len(filled) / 2:
        if any(first > 12 for first, _ in short):
            return "dmy", None
        if any(second > 12 for _, second in short):
            return "mdy", None
        return "dmy", Question(
            "time_format",
            text(
                "Is {example} day first or month first? No date in the first rows tells.", example=filled[0]
            ),
            ("dmy", "mdy"),
            None,
        )
    return "iso", None


_AMOUNT = re.compile(r"\d[\d.,\s]*\d|\d")
# What only a point, and what only a comma, as the decimal sign explains. One sign before three digits,
# as in 1.234, may part thousands as well as decimals.
_BY_POINT, _BY_COMMA = (
    re.compile(
        rf"(\d+|\d{{1,3}}({other}\d{{3}})+){sign}(\d{{1,2}}|\d{{4,}})"  # 1.5, 1,234.50
        rf"|(0+|\d{{4,}}|\d{{1,3}}({other}\d{{3}})+){sign}\d+"  # 0.125, 1234.567
        rf"|\d{{1,3}}({other}\d{{3}}){{2,}}"  # 1,234,567
    )
    for sign, other in ((r"\.", ","), (",", r"\."))
)
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


def _amounts(values: Sequence[str]) -> list[str]:
    found = (_AMOUNT.search(value) for value in values if value)
    return [re.sub(r"\s", "", match.group()) for match in found if match]


def told_decimal(values: Sequence[str]) -> str | None:
    """The decimal sign that most numbers can only be read with; None where all leave it open."""
    amounts = _amounts(values)
    comma, point = (sum(map(bool, map(sign.fullmatch, amounts))) for sign in (_BY_COMMA, _BY_POINT))
    return "," if comma > point else "." if point else None


def guess_decimal(values: Sequence[str]) -> str:
    """Whether numbers are written with a decimal comma."""
    return told_decimal(values) or "."


def decimal_question(values: Sequence[str], delimiter: str) -> Question | None:
    """What must be asked where every number with a sign reads as thousands as well as decimals.

    Args:
        values: Cells that hold numbers.
        delimiter: Between the file's fields: semicolons come from where commas part decimals, so
            that nothing is assumed there.
    """
    amounts = _amounts(values)
    either = next(filter(_EITHER.fullmatch, amounts), None)
    if either is None or any(_BY_POINT.fullmatch(one) or _BY_COMMA.fullmatch(one) for one in amounts):
        return None
    return Question(
        "decimal",
        text(
            "Does {example} mean thousands or decimals: which sign do decimals stand behind?", example=either
        ),
        (".", ","),
        None if delimiter == ";" else ".",
    )


def mostly_emails(rows: Sequence[Sequence[str | None]], column: int) -> bool:
    """Whether at least half of a column's filled cells are e-mail addresses."""
    filled = [cell for row in rows if (cell := row[column]) and cell.strip()]
    return bool(filled) and sum(map(is_email, filled)) >= len(filled) / 2


def mostly_phones(rows: Sequence[Sequence[str | None]], column: int, name: str) -> bool:
    """Whether a column is called after phones and at least half of its filled cells are numbers of ones.

    `mobile` may say what device was used as well.
    """
    if contact_field(name, of_users=True) != "phone":
        return False
    filled = [cell for row in rows if (cell := row[column]) and cell.strip()]
    return bool(filled) and sum(normal_phone(cell) is not None for cell in filled) >= len(filled) / 2


def names_people(mapping: Mapping, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str | None:
    """The column `name` of a file of events, unless it is plainly the items' rather than their buyers'.

    Beside an e-mail or a phone it may be either: an item has one name, and several people buy it.
    """
    name = next((one for one in names if fold(one) == "name"), None)
    if name is None or mapping.adapter:
        return None
    if not any(contact_field(one, of_users=True) in ("email", "phone") for one in names):
        return None
    item, user = mapping.columns.get("item_id"), mapping.columns.get("user_id")
    if item is None or user is None:
        return name
    at, of_item, of_user = (names.index(one) for one in (name, item, user))
    told = [row for row in rows if row[at] and row[of_item] and row[of_user]]
    called, items = {(row[of_item], row[at]) for row in told}, {row[of_item] for row in told}
    buyers = {(row[of_user], row[at]) for row in told}
    users = {row[of_user] for row in told}
    return None if len(called) == len(items) and len(buyers) > len(users) else name


def phone_question(values: Sequence[str | None]) -> Question | None:
    """What must be asked about user ids that look like phone numbers."""
    shape = phones_among(values)
    if shape is None:
        return None
    return Question(
        "phone_ids",
        text("User ids are written like {shape}: are they phone numbers? Phones are kept as pseudonyms.",
             shape=shape),
        ("phone", "plain"),
        None,
    )  # fmt: skip


def type_notes(spellings: Map[str, Any], mapping: Mapping) -> list[Text]:
    """Which event types of the first rows are none of ours, and how refunds count."""
    meant = {raw: mapping.event_types.get(raw, raw) for raw in spellings}
    own = [raw for raw, name in meant.items() if name == raw and raw not in EVENT_TYPES]
    said = []
    if own:
        shown = ", ".join(own[:8]) + (" …" if len(own) > 8 else "")
        said.append(text("Event types kept as they are: {names}.", names=shown))
    if REFUND in meant.values():
        said.append(text("Refunds count with a negative value, whatever their sign in the file."))
    return said


def known_dates(known: Adapter, mapping: Mapping, values: Sequence[str]) -> tuple[str, None] | None:
    """Day or month first, where a known data set has few months: UCI's first 2010-12 to 2011-12, its
    second begins a year before."""
    if known.name != "UCI Online Retail":
        return None
    begin = (2010, 12) if mapping.columns["order_id"].lower() == "invoiceno" else (2009, 12)
    filled = [value.strip() for value in values if value.strip()]
    parts = [match.groups() for value in filled if (match := _SLASHED.match(value))]
    fits = {
        order: all(begin <= (int(year), int(pair[place])) <= (2011, 12) for *pair, year in parts)
        for order, place in (("mdy", 0), ("dmy", 1))
    }
    return next(((order, None) for order, fit in fits.items() if fit and not all(fits.values())), None)


def whole_ids(mapping: Mapping, values: Map[str, Sequence[str]]) -> tuple[Mapping, list[Text]]:
    """Ids that a number column wrote as 17850.0 are those whole numbers, where all of them are so."""
    whole = tuple(
        target
        for target in ("user_id", "item_id", "order_id")
        if (filled := [one.strip() for one in values.get(target, []) if one.strip()])
        and all(re.fullmatch(r"\d+\.0+", one) for one in filled)
    )
    said = [
        text("'{column}' holds whole numbers written as {example}; they are read as {id}.",
             column=mapping.columns[target], example=example, id=example.partition(".")[0])
        for target in whole
        for example in [next(one.strip() for one in values[target] if one.strip())]
    ]  # fmt: skip
    return replace(mapping, whole_ids=whole), said


def wide_columns(
    mapping: Mapping, names: Sequence[str], rows: Sequence[Sequence[str | None]]
) -> tuple[Mapping, list[Text], list[Question]]:
    """A column for each product: many columns of numbers after user and time, most cells of them empty."""
    told = {"item_id", "event_type", "value", "quantity", "order_id"} & set(mapping.columns)
    if told or mapping.adapter or not {"user_id", "event_time"} <= set(mapping.columns):
        return mapping, [], []
    wide, n_empty, n_filled = [], 0, 0
    for name in mapping.rest(names):
        cells = [(row[names.index(name)] or "").strip() for row in rows]
        if all(re.fullmatch(r"-?\d+([.,]\d+)?|", one) for one in cells):
            wide.append(name)
            n_empty += sum(not one.strip("0.,") for one in cells)
            n_filled += any(cells)
    if len(wide) < _WIDE or n_filled < _WIDE / 2 or n_empty < len(wide) * len(rows) / 2:
        return mapping, [], []
    asked = Question(
        "unpivot_into",
        text("{n} columns, from '{first}' on, look like one for each item: what do their numbers say?",
             n=len(wide), first=wide[0]),
        ("quantity", "value"),
        "quantity",
    )  # fmt: skip
    said = text("Each filled cell of {n} columns is an event with the column as its item.", n=len(wide))
    return replace(mapping, unpivot={name: name for name in wide}), [said], [asked]
