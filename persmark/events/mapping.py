"""Which column of a file means what, and how its values are to be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from persmark import columns as c
from persmark.errors import InputError
from persmark.events.formats import check_reading
from persmark.events.names import contact_field
from persmark.events.vocabulary import TARGETS
from persmark.text import Text, text

KINDS = ("events", "items", "users")
KEYS = ("email", "phone", "device", "user_id")
# Columns of the staging table that hold the cells of the keys as they came.
KEY_COLUMNS: Map[str, str] = MappingProxyType({key: f"key_{key}" for key in KEYS})

TIME_FORMATS: Map[str, Text] = MappingProxyType({
    "iso": text("ISO dates, as 2026-01-31 18:00:00"),
    "epoch_s": text("seconds since 1970"),
    "epoch_ms": text("milliseconds since 1970"),
    "epoch_us": text("microseconds since 1970"),
    "epoch": text("time since 1970, each number's unit told by its size"),
    "compact": text("dates without signs, as 20260131 or 20260131180000"),
    "excel": text("Excel day numbers"),
    "dmy": text("day first, as 31/01/2026 18:00"),
    "mdy": text("month first, as 01/31/2026 18:00"),
    "named": text("months by name, as 31 Jan 2026 18:00"),
})  # fmt: skip


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: object) -> bool:
    return isinstance(value, Map) and all(_is_text(one) for pair in value.items() for one in pair)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _are_lists(value: object) -> bool:
    return isinstance(value, Map) and all(_is_text(key) and _is_list(one) for key, one in value.items())


_TEXTS = (
    "kind",
    "time_format",
    "time_zone",
    "event_type",
    "decimal",
    "short_rows",
    "value_of",
    "unpivot_into",
)
_OPTIONAL_TEXTS = ("adapter", "refund_prefix", "fill_down", "explode", "phone_ids")
_LISTS = ("ignored", "unfold", "fill_columns", "whole_ids")
_TYPES: tuple[tuple[tuple[str, ...], str, Callable[[object], bool]], ...] = (
    (_TEXTS, "a text", _is_text),
    (_OPTIONAL_TEXTS, "a text", lambda value: isinstance(value, str)),
    (("columns", "event_types", "unpivot", "keys"), "an object of texts", _are_texts),
    (("reading",), "an object", lambda value: isinstance(value, Map)),
    (("drop_repeats", "negative_refunds"), "true or false", lambda value: isinstance(value, bool)),
    (_LISTS, "a list of texts", _is_list),
    (
        ("earliest_year",),
        "a year, or 0",
        lambda value: type(value) is int and (value == 0 or 1970 <= value <= 2100),
    ),
    (("fallbacks",), "an object of lists of texts", _are_lists),
)
# Fields that hold one of a few words.
_CHOICES: Map[str, tuple[str, ...]] = MappingProxyType({
    "short_rows": ("reject", "null"),
    "value_of": ("line", "unit"),
    "unpivot_into": ("quantity", "value"),
    "phone_ids": ("", "phone", "plain"),
})  # fmt: skip


def _check_types(raw: Map[str, Any]) -> None:
    """Refuse values of a mapping that are of another type than it needs, or no word it knows."""
    for names, rule, holds in _TYPES:
        for name in names:
            if name in raw and not holds(raw[name]):
                raise InputError(
                    text("A mapping's '{name}' must be {rule}. Received: {value}.",
                         name=name, rule=rule, value=str(raw[name])[:80])
                )  # fmt: skip
    choices = [(name, raw[name], words) for name, words in _CHOICES.items() if name in raw]
    choices += [("keys", key, KEYS) for key in raw.get("keys", {})]
    choices += [("whole_ids", name, ("user_id", "item_id", "order_id")) for name in raw.get("whole_ids", ())]
    for name, value, words in choices:
        if value not in words:
            raise InputError(
                text("A mapping's '{name}' must be of the words it knows. Received: {value}.",
                     name=name, value=str(value)[:80]),
                hint=text("Available: {words}.", words=", ".join(filter(None, words))),
            )  # fmt: skip


@dataclass(frozen=True)
class Mapping:
    """How one shape of file is read; saved, and used again for the next file of that shape.

    Attributes:
        kind: events, items or users.
        columns: Target -> the file's column. What is not mapped goes to `properties` (events),
            `attributes` (items, users).
        time_format: A key of `TIME_FORMATS`.
        time_zone: IANA name for times that carry none.
        event_type: For every row, where the file has no event-type column.
        event_types: The file's spelling -> ours, where it differs.
        decimal: `.` or `,`.
        drop_repeats: Drop rows identical to an earlier one of the same file; else they are kept and
            flagged.
        ignored: Columns that are left out on purpose.
        adapter: Name of the known export it was recognised as, for people; empty where none.
        reading: Fields of `Format` that a person fixed, over what the file looks like.
        short_rows: `reject` rows with too few cells, or take what is missing as blank (`null`).
        value_of: What `value` is money of: the whole `line`, or one `unit` (times the quantity).
        refund_prefix: Order ids that begin so are cancellations: their events are refunds.
        negative_refunds: Whether a negative quantity or value makes an event a refund.
        fill_down: Column whose runs of equal cells share what only the first row of the run says.
        explode: Column holding a JSON array; each element makes an event, its keys are columns
            named `{explode}[].{key}`. An array inside an array is named `{outer}[].{inner}`.
        unpivot: Wide files: column -> item id; each cell that is not blank or zero makes an event.
        unpivot_into: What such a cell says: quantity or value.
        keys: What else tells who a user is: email, phone, device or user_id -> column.
        phone_ids: Whether user ids that look like phone numbers are ones (`phone`, they become
            pseudonyms) or not (`plain`); empty = not asked yet.
        fallbacks: Target -> columns that are taken in turn where its own is blank. What an element of
            `explode` does not say is not taken from the record around it.
        unfold: Columns holding a JSON object as text; its keys become columns named `{column}.{key}`.
        fill_columns: What rows share by `fill_down`; empty = the columns of user, time, event type,
            currency, channel and campaign.
        whole_ids: Targets (user_id, item_id, order_id) whose whole numbers were written with a
            decimal point and noughts: `17850.0` is `17850`.
        earliest_year: Times before it are rejected; 0 = as the settings say.
    """

    kind: str
    columns: Map[str, str]
    time_format: str = "iso"
    time_zone: str = "UTC"
    event_type: str = c.PURCHASE
    event_types: Map[str, str] = field(default_factory=dict)
    decimal: str = "."
    drop_repeats: bool = False
    ignored: tuple[str, ...] = ()
    adapter: str = ""
    reading: Map[str, Any] = field(default_factory=dict)
    short_rows: str = "reject"
    value_of: str = "line"
    refund_prefix: str = ""
    negative_refunds: bool = False
    fill_down: str = ""
    explode: str = ""
    unpivot: Map[str, str] = field(default_factory=dict)
    unpivot_into: str = "quantity"
    keys: Map[str, str] = field(default_factory=dict)
    phone_ids: str = ""
    fallbacks: Map[str, tuple[str, ...]] = field(default_factory=dict)
    unfold: tuple[str, ...] = ()
    fill_columns: tuple[str, ...] = ()
    whole_ids: tuple[str, ...] = ()
    earliest_year: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Map[str, Any]) -> Mapping:
        """Read a saved mapping.

        Raises:
            InputError: No object, an unknown key, kind or time format, or a value of the wrong type.
        """
        if not isinstance(raw, Map):
            raise InputError(
                text("A mapping must be a JSON object. Received: {value}.", value=str(raw)[:80]),
                hint='For example {"kind": "events", "columns": {"user_id": "customer"}}.',
            )
        known = [one.name for one in fields(cls)]
        unknown = [key for key in raw if key not in known]
        if unknown or "kind" not in raw or "columns" not in raw:
            raise InputError(
                text("A mapping must have 'kind' and 'columns' and no unknown keys. Received: {keys}.",
                     keys=", ".join(map(str, raw)) or "nothing"),
                hint=text("Available: {keys}.", keys=", ".join(known)),
            )  # fmt: skip
        _check_types(raw)
        lists: dict[str, Any] = {name: tuple(raw[name]) for name in _LISTS if name in raw}
        if "fallbacks" in raw:
            lists["fallbacks"] = {name: tuple(columns) for name, columns in raw["fallbacks"].items()}
        check_reading(raw.get("reading", {}))
        made = cls(**{**raw, **lists})
        if made.kind not in KINDS:
            raise InputError(
                text("A mapping's kind must be events, items or users. Received: {kind}.", kind=made.kind)
            )
        if made.time_format not in TIME_FORMATS:
            raise InputError(
                text("A time format must be known. Received: {format}.", format=made.time_format),
                hint=text("Available: {names}.", names=", ".join(TIME_FORMATS)),
            )
        if made.decimal not in (".", ","):
            raise InputError(text("A decimal sign must be '.' or ','. Received: {sign}.", sign=made.decimal))
        try:
            ZoneInfo(made.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(
                text("A time zone must be an IANA name. Received: {zone}.", zone=made.time_zone),
                hint="For example UTC, Europe/Berlin or America/New_York.",
            ) from error
        return made

    def check(self, present: Sequence[str], file: str) -> None:
        """Refuse a mapping that does not fit a file's columns.

        Raises:
            InputError: A required target is not mapped, a target is unknown, or a mapped column is
                not in the file.
        """
        targets = TARGETS[self.kind]
        unknown = [name for name in (*self.columns, *self.fallbacks) if name not in targets]
        if unknown:
            raise InputError(
                text("A mapping's targets must be known. Received: {names}.", names=", ".join(unknown)),
                hint=text("Available: {names}.", names=", ".join(targets)),
            )
        if self.unpivot and "item_id" in self.columns:
            raise InputError(
                text("Wide columns must be the only items of a file. Received: {column} beside them.",
                     column=self.columns["item_id"]),
                hint="Leave out 'item_id' from 'columns', or 'unpivot'.",
            )  # fmt: skip
        for name, target in targets.items():
            if target.required and not self.columns.get(name):
                raise InputError(
                    text("Column '{name}' must be found in {file}. Received: {columns}.",
                         name=name, file=file, columns=", ".join(present)),
                    title="A column is missing",
                    hint="Map it on the Events page, or give --mapping.",
                )  # fmt: skip
        there = set(present)
        for column in self.named():
            if column not in there:
                raise InputError(
                    text("Mapped column '{column}' must be in {file}. Received: {columns}.",
                         column=column, file=file, columns=", ".join(present)),
                    hint="Map it on the Events page, or give --mapping.",
                )  # fmt: skip

    def named(self) -> list[str]:
        """Every column that it needs, each once."""
        more = [column for columns in self.fallbacks.values() for column in columns]
        one = [self.fill_down] if self.fill_down else []
        return list(dict.fromkeys([*self.columns.values(), *more, *self.keys.values(), *self.unpivot, *one]))

    def others(self, target: str) -> tuple[str, ...]:
        """Columns that stand in, in turn, where a target's own is blank."""
        return tuple(name for name in self.fallbacks.get(target, ()) if name != self.columns.get(target))

    @property
    def by_line(self) -> bool:
        """Whether one record of the file may make several events."""
        return bool(self.explode or self.unpivot)

    @property
    def shaped(self) -> bool:
        """Whether records become other rows than they are, which only the careful way does."""
        return bool(self.by_line or self.unfold or self.fill_down or self.fallbacks)

    def rest(self, present: Sequence[str]) -> list[str]:
        """The file's columns that are kept without a target, in the file's order."""
        used = {*self.columns.values(), *self.ignored, *self.unpivot}
        if self.kind != "users":
            used |= {column for key, column in self.keys.items() if key in ("email", "phone")}
        return [name for name in present if name not in used and not self.withholds(name)]

    def withholds(self, name: str) -> bool:
        """Whether a column holds a contact that must not stand in clear beside events or items."""
        return self.kind != "users" and contact_field(name, of_users=False) is not None

    def shape(self, present: Sequence[str]) -> str:
        """The header as a key for finding this mapping again, whatever it made of nested columns."""
        inner = [(f"{root}[]", root) for root in self.explode.split("[].")[:1] if root]
        inner += [(f"{root}.", root) for root in self.unfold]
        shown = (next((root for begin, root in inner if name.startswith(begin)), name) for name in present)
        return json.dumps(list(dict.fromkeys(shown)), ensure_ascii=False)
