"""What a file seems to be, proposed to a person before anything is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from persmark.errors import FileRefusedError, InputError
from persmark.events.dialect import Head
from persmark.events.formats import Format, check_width
from persmark.events.head import look
from persmark.events.mapping import KINDS, Mapping
from persmark.events.names import consent_purposes, contact_field, fold, guess_keys
from persmark.events.persons import is_email, phones_among
from persmark.events.stage import flat, unreadable_parquet
from persmark.events.vocabulary import EVENT_TYPE_NAMES, guess_columns, guess_kind
from persmark.text import Text, text

if TYPE_CHECKING:
    import pandas as pd

PREVIEW_ROWS = 20
_SAMPLE_ROWS = 500
_SLASHED = re.compile(r"\s*(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})")
_CUSTOM_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})\s*$")


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


@dataclass(frozen=True)
class Proposal:
    """What a file seems to be.

    Attributes:
        kind: events, items or users.
        format: How it is written.
        columns: Its columns, made unique.
        mapping: What they seem to mean.
        preview: First rows as text, one column per file column.
        notes: What was decided, in words.
        questions: What could not be decided.
    """

    kind: str
    format: Format
    columns: tuple[str, ...]
    mapping: Mapping
    preview: pd.DataFrame
    notes: tuple[Text, ...]
    questions: tuple[Question, ...]


def unique_names(header: Sequence[str]) -> list[str]:
    """Column names with blanks named and repeats numbered, in the file's order."""
    seen: set[str] = set()
    names = []
    for position, raw in enumerate(header, start=1):
        base = raw.strip().strip("\ufeff") or f"column {position}"
        name, n = base, 2
        while name.lower() in seen:
            name, n = f"{base} ({n})", n + 1
        seen.add(name.lower())
        names.append(name)
    return names


def _showable(value: str | None) -> str | None:
    """Without halves of characters, which a JSON escape can spell and no table can show."""
    return value and value.encode("utf-8", "replace").decode()


def _rows(path: Path, head: Head, lines: list[str]) -> tuple[list[str], list[list[str | None]]]:
    """The file's columns and its first rows as text."""
    form = head.form
    if form.kind == "parquet":
        try:
            file = pq.ParquetFile(path)
            batch = next(file.iter_batches(_SAMPLE_ROWS), None)
        except Exception as error:
            raise unreadable_parquet(path.name) from error
        names = unique_names(file.schema_arrow.names)
        columns = (
            [[None if v is None else str(v) for v in column.to_pylist()] for column in batch.columns]
            if batch
            else []
        )
        return names, [list(row) for row in zip(*columns, strict=True)]
    if form.kind == "jsonl":
        found: list[dict[str, Any]] = []
        for line in lines[:_SAMPLE_ROWS]:
            try:
                one = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):  # also a number of thousands of digits
                continue
            if isinstance(one, dict):
                found.append(one)
        if not found:
            raise FileRefusedError(
                text("JSON lines must hold one object a line. Received: {name}.", name=path.name),
                hint="An array of objects must be written one object a line first.",
            )
        names = list(dict.fromkeys(key for one in found for key in one))
        return names, [[_showable(flat(one.get(name))) for name in names] for one in found]
    names = unique_names(head.names)
    body = head.rows[:_SAMPLE_ROWS]
    return names, [[*row, *[None] * (len(names) - len(row))][: len(names)] for row in body]


def guess_time(values: Sequence[str]) -> tuple[str, Question | None]:
    """The time format of a column's values, and the question where they leave it open."""
    filled = [value.strip() for value in values if value and value.strip()]
    if not filled:
        return "iso", None
    numbers = [value for value in filled if re.fullmatch(r"\d+(\.\d+)?", value)]
    if len(numbers) == len(filled):
        size = sorted(float(value) for value in numbers)[len(numbers) // 2]
        # 2001 to 2100 in each unit; Excel counts days since 1899-12-30.
        if 1e9 <= size < 4.2e9:
            return "epoch_s", None
        if 1e12 <= size < 4.2e12:
            return "epoch_ms", None
        if 1e15 <= size < 4.2e15:
            return "epoch_us", None
        if 20_000 <= size < 80_000:
            return "excel", None
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


def guess_decimal(values: Sequence[str]) -> str:
    """Whether numbers are written with a decimal comma."""
    comma = sum(bool(re.fullmatch(r"-?[\d.\s]*\d,\d{1,2}", value.strip())) for value in values if value)
    point = sum("." in value for value in values if value and "," not in value)
    return "," if comma > point else "."


def _mostly_emails(rows: Sequence[Sequence[str | None]], column: int) -> bool:
    """Whether at least half of a column's filled cells are e-mail addresses."""
    filled = [cell for row in rows if (cell := row[column]) and cell.strip()]
    return bool(filled) and sum(map(is_email, filled)) >= len(filled) / 2


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


def _of_person(name: str) -> bool:
    """Whether a users file's column goes to the vault or to the consents, and nowhere else."""
    about = contact_field(name, of_users=True)
    return (about is not None and about not in ("city", "country")) or consent_purposes(name) is not None


def _who_notes(mapping: Mapping, names: Sequence[str]) -> list[Text]:
    """What is done with what tells who somebody is, in words."""
    said = []
    if mapping.keys:
        said.append(
            text("User ids that share {keys} are one person; every merge is listed and can be undone.",
                 keys=", ".join(f"'{column}'" for column in mapping.keys.values()))
        )  # fmt: skip
    if mapping.kind == "users":
        vaulted = [name for name in names if contact_field(name, of_users=True)]
        agreed = [name for name in names if consent_purposes(name)]
        if vaulted:
            said.append(text("To the encrypted vault: {names}.", names=", ".join(vaulted)))
        if agreed:
            said.append(text("Read as consent: {names}.", names=", ".join(agreed)))
    return said


def propose(
    path: Path | str,
    *,
    kind: str | None = None,
    name: str | None = None,
    time_zone: str = "UTC",
    reading: Map[str, Any] | None = None,
) -> Proposal:
    """Look at the head of a file and say what it seems to be.

    Args:
        path: CSV, TSV, Parquet or JSON lines; CSV and JSON lines may be gzipped.
        kind: events, items or users; guessed from the header where not given.
        name: The name people know the file by.
        time_zone: For times that carry none.
        reading: Fields of `Format` that a person fixed; the rest is found out.

    Raises:
        FileRefusedError: It is none of these, empty, or too wide.
    """
    path = Path(path)
    if kind is not None and kind not in KINDS:
        raise InputError(text("A file's kind must be events, items or users. Received: {kind}.", kind=kind))
    head, lines = look(path, reading)
    form = head.form
    names, rows = _rows(path, head, lines)
    check_width(len(names))
    import pandas as pd

    preview = pd.DataFrame(rows[:PREVIEW_ROWS], columns=names, dtype="str")
    kind = kind or guess_kind(names)
    found = guess_columns(kind, names)
    notes: list[Text] = []
    questions: list[Question] = []
    values = {target: [row[names.index(column)] or "" for row in rows] for target, column in found.items()}
    mapping = Mapping(kind=kind, columns=found, time_zone=time_zone)
    if form.kind == "csv":
        shown = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}.get(form.delimiter, form.delimiter)
        notes.append(
            text(
                "Read as {encoding} text, columns parted by {delimiter}.",
                encoding=form.encoding,
                delimiter=shown,
            )
        )
        if not form.header:
            notes.append(text("The file has no header; its columns are called c1, c2, ..."))
        if form.skip_lines:
            notes.append(text("{n} lines before the table are skipped.", n=form.skip_lines))
        numbers = [v for target in ("value", "quantity", "discount", "price") for v in values.get(target, [])]
        mapping = replace(mapping, decimal=guess_decimal(numbers))
    if kind == "events":
        time_format, question = guess_time(values.get("event_time", []))
        if form.kind == "parquet":
            time_format, question = ("iso" if time_format in ("dmy", "mdy") else time_format), None
        mapping = replace(mapping, time_format=time_format)
        questions += [question] if question else []
        times = [value for value in values.get("event_time", []) if value]
        if time_format in ("iso", "dmy", "mdy", "excel") and times and not _CUSTOM_ZONE.search(times[0]):
            questions.append(
                Question(
                    "time_zone",
                    text("Times carry no zone: in which zone were they written?"),
                    ("UTC", "America/New_York", "Europe/London", "Europe/Berlin", "Asia/Shanghai"),
                    time_zone,
                )
            )
        if "event_type" in found:
            spellings = dict.fromkeys(value for value in values["event_type"] if value)
            folded = {
                raw: EVENT_TYPE_NAMES[fold(raw)]
                for raw in spellings
                if fold(raw) in EVENT_TYPE_NAMES and EVENT_TYPE_NAMES[fold(raw)] != raw
            }
            mapping = replace(mapping, event_types=folded)
        else:
            questions.append(
                Question(
                    "event_type",
                    text("The file has no event type: what did its rows record?"),
                    ("purchase", "view", "click", "cart"),
                    "purchase",
                )
            )
    if kind != "users":
        # A column of addresses under any name is a contact column.
        addresses = tuple(name for name in mapping.rest(names) if _mostly_emails(rows, names.index(name)))
        mapping = replace(mapping, ignored=(*mapping.ignored, *addresses))
    mapping = replace(mapping, keys=mapping.keys or guess_keys(kind, names, mapping.columns.get("user_id")))
    if asked := phone_question(values.get("user_id", [])):
        questions.append(asked)
    notes += _who_notes(mapping, names)
    rest = [name for name in mapping.rest(names) if kind != "users" or not _of_person(name)]
    if rest:
        home = "properties" if kind == "events" else "attributes"
        notes.append(
            text(
                "Kept as {home}: {names}.",
                home=home,
                names=", ".join(rest[:8]) + (" …" if len(rest) > 8 else ""),
            )
        )
    withheld = [
        name
        for name in names
        if name in mapping.ignored or (name not in found.values() and mapping.withholds(name))
    ]
    if withheld:
        notes.append(
            text("Left out, because contacts belong in a file of users: {names}.", names=", ".join(withheld))
        )
    return Proposal(kind, form, tuple(names), mapping, preview, tuple(notes), tuple(questions))
