"""What a file seems to be, proposed to a person before anything is loaded."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from persmark.errors import FileRefusedError, InputError
from persmark.events.adapters import Seen, recognised, refuse_odd_parts
from persmark.events.dialect import Head
from persmark.events.formats import Format, check_width, form_notes
from persmark.events.guesses import (
    Question,
    decimal_question,
    guess_decimal,
    guess_time,
    known_dates,
    mostly_emails,
    mostly_phones,
    names_people,
    phone_question,
    type_notes,
    whole_ids,
    wide_columns,
)
from persmark.events.head import look
from persmark.events.mapping import KINDS, Mapping
from persmark.events.names import consent_purposes, contact_field, fold, guess_keys
from persmark.events.objects import array_objects, is_nested, parquet_objects
from persmark.events.shaping import Shaper, Written, cell
from persmark.events.stage import unreadable_parquet
from persmark.events.vocabulary import EVENT_TYPE_NAMES, guess_columns, guess_kind
from persmark.text import Text, text

if TYPE_CHECKING:
    import pandas as pd

PREVIEW_ROWS = 20
_SAMPLE_ROWS = 500
_CUSTOM_ZONE = re.compile(r"(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})\s*$")


@dataclass(frozen=True)
class Proposal:
    """What a file seems to be.

    Attributes:
        kind: events, items or users.
        format: How it is written.
        columns: Its columns, made unique; those of nested values under dotted names.
        mapping: What they seem to mean.
        preview: First rows as text, one column per file column.
        notes: What was decided, in words.
        questions: What could not be decided.
        header: Its columns as they stand in the file, where `columns` are others; else empty.
        spellings: Event type as the file spells it -> rows of the first ones that have it.
    """

    kind: str
    format: Format
    columns: tuple[str, ...]
    mapping: Mapping
    preview: pd.DataFrame
    notes: tuple[Text, ...]
    questions: tuple[Question, ...]
    header: tuple[str, ...] = ()
    spellings: Map[str, int] = field(default_factory=dict)


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


@dataclass(frozen=True)
class _Top:
    """The head of a file as it stands there.

    Attributes:
        names: Its columns; none for JSON, whose objects have their own.
        objects: Its first rows.
        nested: Whether values may hold objects.
    """

    names: tuple[str, ...]
    objects: list[dict[str, Any]]
    nested: bool


def _top(path: Path, head: Head, lines: list[str]) -> _Top:
    form = head.form
    if form.kind == "parquet":
        try:
            names = unique_names(pq.ParquetFile(path).schema_arrow.names)
            rows = list(islice(parquet_objects(path, names, _SAMPLE_ROWS), _SAMPLE_ROWS))
            return _Top(tuple(names), rows, is_nested(path))
        except Exception as error:
            raise unreadable_parquet(path.name) from error
    if form.kind in ("jsonl", "json"):
        found: list[dict[str, Any]] = []
        if form.kind == "json":
            some = islice(array_objects(path, form), _SAMPLE_ROWS)
            found = [one for _, _, one in some if isinstance(one, dict)]
        for line in lines[:_SAMPLE_ROWS] if form.kind == "jsonl" else ():
            try:
                one = json.loads(line, parse_float=Written) if line.strip() else None
            except (ValueError, RecursionError):  # also a number of thousands of digits
                continue
            if isinstance(one, dict):
                found.append(one)
        if not found:
            raise FileRefusedError(
                text("JSON lines must hold one object a line. Received: {name}.", name=path.name),
                hint="An array of objects must be written one object a line first.",
            )
        return _Top((), found, nested=True)
    names = unique_names(head.names)
    body = [[*row, *[None] * (len(names) - len(row))][: len(names)] for row in head.rows[:_SAMPLE_ROWS]]
    return _Top(tuple(names), [dict(zip(names, row, strict=True)) for row in body], nested=False)


def _rows(top: _Top, shaper: Shaper | None) -> tuple[list[str], list[list[str | None]]]:
    """The file's columns and its first rows as text, as the shaper makes them."""
    if shaper is None and not top.nested:
        names = list(top.names)
        return names, [[_showable(cell(one[name])) for name in names] for one in top.objects]
    made = [row for one in top.objects for row in (shaper or Shaper()).rows(one)]
    names = list(dict.fromkeys(name for row in made for name in row))
    return names or list(top.names), [[_showable(cell(row.get(name))) for name in names] for row in made]


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
    mapping: Mapping | None = None,
) -> Proposal:
    """Look at the head of a file and say what it seems to be.

    Args:
        path: CSV, TSV, Parquet or JSON lines; CSV and JSON lines may be gzipped.
        kind: events, items or users; guessed from the header where not given.
        name: The name people know the file by.
        time_zone: For times that carry none.
        reading: Fields of `Format` that a person fixed; the rest is found out.
        mapping: How its nested values become columns; as a known export's do where left out.

    Raises:
        FileRefusedError: It is none of these, empty, too wide, or a part of an export with no events.
    """
    path = Path(path)
    if kind is not None and kind not in KINDS:
        raise InputError(text("A file's kind must be events, items or users. Received: {kind}.", kind=kind))
    head, lines = look(path, reading)
    form = head.form
    top = _top(path, head, lines)
    names, rows = _rows(top, None)
    seen = Seen(names, rows, has_header=form.header or form.kind != "csv", delimited=form.kind == "csv")
    if mapping is None:
        refuse_odd_parts(seen, name or path.name)
    known = recognised(seen, kind)
    shape = known.shape(seen) if known else Mapping(kind or "events", {})
    if mapping is not None and (mapping.explode, mapping.unfold) != (shape.explode, shape.unfold):
        known, shape = None, replace(shape, explode=mapping.explode, unfold=mapping.unfold)
    reshaped = bool(shape.explode or shape.unfold)
    if reshaped:
        names, rows = _rows(top, Shaper(shape.explode, shape.unfold, numbered=form.kind == "csv"))
    check_width(len(names))
    import pandas as pd

    preview = pd.DataFrame(rows[:PREVIEW_ROWS], columns=names, dtype="str")
    kind = kind or (known.kind if known else guess_kind(names))
    notes: list[Text] = []
    questions: list[Question] = []
    spellings: dict[str, int] = {}
    if known:
        mapping = replace(known.mapping(shape, names), time_zone=time_zone)
    else:
        mapping = replace(shape, kind=kind, columns=guess_columns(kind, names), time_zone=time_zone)
    found = mapping.columns
    values = {target: [row[names.index(column)] or "" for row in rows] for target, column in found.items()}
    if form.kind == "csv":
        notes += form_notes(form)
        numbers = [v for target in ("value", "quantity", "discount", "price") for v in values.get(target, [])]
        mapping = replace(mapping, decimal=guess_decimal(numbers))
        asked_sign = decimal_question(numbers, form.delimiter)
        questions += [asked_sign] if asked_sign else []
    if known:
        notes += [text("Recognised as {name}.", name=known.name), *known.notes]
    if kind == "events":
        mapping, said, asked_of = wide_columns(mapping, names, rows)
        notes += said
        questions += asked_of
        time_format, question = guess_time(values.get("event_time", []))
        if known and question:
            time_format, question = known_dates(known, mapping, values["event_time"]) or (
                time_format,
                question,
            )
        if form.kind == "parquet":
            time_format, question = ("iso" if time_format in ("dmy", "mdy") else time_format), None
        mapping = replace(mapping, time_format=time_format)
        questions += [question] if question else []
        times = [value for value in values.get("event_time", []) if re.search(r"\d", value)]
        zoneless = time_format in ("iso", "compact", "dmy", "mdy", "named", "excel")
        if zoneless and not all(map(_CUSTOM_ZONE.search, times)):
            questions.append(
                Question(
                    "time_zone",
                    text("Times carry no zone: in which zone were they written?"),
                    ("UTC", "America/New_York", "Europe/London", "Europe/Berlin", "Asia/Shanghai"),
                    time_zone,
                )
            )
        if "event_type" in found:
            spellings = dict(Counter(value for value in values["event_type"] if value.strip()).most_common())
            folded = {
                raw: EVENT_TYPE_NAMES[fold(raw)]
                for raw in spellings
                if fold(raw) in EVENT_TYPE_NAMES and EVENT_TYPE_NAMES[fold(raw)] != raw
            }
            # What a known export says of its own types stands.
            mapping = replace(mapping, event_types=folded | dict(mapping.event_types))
            notes += type_notes(spellings, mapping)
        elif not (known and "event_type" in known.options):
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
        addresses = tuple(
            name
            for at, name in ((names.index(name), name) for name in mapping.rest(names))
            if mostly_emails(rows, at) or mostly_phones(rows, at, name)
        )
        mapping = replace(mapping, ignored=(*mapping.ignored, *addresses))
    if kind == "events" and (called := names_people(mapping, names, rows)):
        kept = {target: column for target, column in mapping.columns.items() if column != called}
        mapping = replace(mapping, columns=kept, ignored=(*mapping.ignored, called))
    mapping, said = whole_ids(mapping, values)
    notes += said
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
    if known and known.options.get("ignored"):
        withheld = [name for name in withheld if name not in known.options["ignored"]]
    if withheld:
        notes.append(
            text("Left out, because contacts belong in a file of users: {names}.", names=", ".join(withheld))
        )
    header = top.names if top.names != tuple(names) else ()
    return Proposal(
        kind, form, tuple(names), mapping, preview, tuple(notes), tuple(questions), header, spellings
    )
