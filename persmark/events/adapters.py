"""The exports that are recognised by their headers and values, and what their columns mean.

Formats: Segment's e-commerce spec v2 (https://segment.com/docs/connections/spec/ecommerce/v2/),
RudderStack's warehouse tables (https://www.rudderstack.com/docs/destinations/warehouse-destinations/warehouse-schema/),
PostHog's events (https://posthog.com/docs/data-model/), GA4's BigQuery export
(https://support.google.com/firebase/answer/7029846), Amazon Personalize's data sets
(https://docs.aws.amazon.com/personalize/latest/dg/custom-datasets-and-schemas.html), Shopify's order
export (https://help.shopify.com/en/manual/orders/export-orders), MovieLens
(https://files.grouplens.org/datasets/movielens/ml-latest-README.html), RetailRocket
(https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset), Taobao user behaviour
(https://tianchi.aliyun.com/dataset/649), UCI Online Retail
(https://archive.ics.uci.edu/dataset/352/online+retail), REES46
(https://www.kaggle.com/datasets/mkechinov/ecommerce-behavior-data-from-multi-category-store), Matomo's
Live.getLastVisitsDetails (https://developer.matomo.org/api-reference/reporting-api).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Any

from persmark.columns import TABLES
from persmark.errors import FileRefusedError
from persmark.events.mapping import Mapping
from persmark.text import Text, text


@dataclass(frozen=True)
class Seen:
    """The head of a file as flat text, before anything is known of it.

    Attributes:
        names: Its columns; of nested files under dotted names.
        rows: Its first rows, one cell for each name.
        has_header: Whether the names stand in the file.
        delimited: Whether it is delimited text.
    """

    names: Sequence[str]
    rows: Sequence[Sequence[str | None]]
    has_header: bool = True
    delimited: bool = True

    def has(self, *names: str) -> bool:
        """Whether it has all these columns, by their names without regard to case."""
        there = {name.lower() for name in self.names}
        return all(name.lower() in there for name in names)

    def filled(self, name: str) -> list[str]:
        """The filled cells of a column, trimmed; none where it has no such column."""
        lower = [one.lower() for one in self.names]
        if name.lower() not in lower:
            return []
        at = lower.index(name.lower())
        return [cell.strip() for row in self.rows if (cell := row[at]) and cell.strip()]

    def all_match(self, name: str, pattern: str) -> bool:
        """Whether a column has filled cells and all of them look so."""
        cells = self.filled(name)
        return bool(cells) and all(re.fullmatch(pattern, cell) for cell in cells)


@dataclass(frozen=True)
class Adapter:
    """One known export.

    Attributes:
        name: As people call it.
        matches: Whether a file's head looks like it.
        columns: Target -> columns that may hold it, the best first; the others stand in where it is
            blank.
        kind: events, items or users.
        explode: Arrays of which the first that is there makes the events, see `Mapping.explode`.
        unfold: Columns of JSON text, those of them that are there.
        keys: `Mapping.keys`, those of them that are there.
        options: Further fields of the mapping.
        notes: What it decides, in words.
        ignored: Columns that are left out, by a pattern of their whole name.
    """

    name: str
    matches: Callable[[Seen], bool]
    columns: Map[str, Sequence[str]]
    kind: str = "events"
    explode: Sequence[str] = ()
    unfold: Sequence[str] = ()
    keys: Map[str, str] = field(default_factory=dict)
    options: Map[str, Any] = field(default_factory=dict)
    notes: Sequence[Text] = ()
    ignored: str = ""

    def shape(self, seen: Seen) -> Mapping:
        """How its records are shaped; the columns follow once that is done."""
        there = {name.lower(): name for name in seen.names}
        unfold = tuple(there[name.lower()] for name in self.unfold if seen.all_match(name, r"(?s)\{.*\}"))
        roots = [path for path in self.explode if _holds_array(seen, path.split("[].")[0], unfold)]
        return Mapping(self.kind, {}, adapter=self.name, explode=roots[0] if roots else "", unfold=unfold)

    def mapping(self, shape: Mapping, names: Sequence[str]) -> Mapping:
        """The complete mapping of a file.

        Args:
            shape: From `shape`.
            names: The file's columns after shaping.
        """
        there = {name.lower(): name for name in names}
        columns: dict[str, str] = {}
        fallbacks: dict[str, tuple[str, ...]] = {}
        for target, candidates in self.columns.items():
            found = [there[one.lower()] for one in candidates if one.lower() in there]
            if found:
                columns[target] = found[0]
            if found[1:]:
                fallbacks[target] = tuple(found[1:])
        options = dict(self.options)
        for name in ("fill_columns", "ignored"):
            if name in options:
                options[name] = tuple(one for one in options[name] if one in names)
        if self.ignored:
            options["ignored"] = tuple(one for one in names if re.fullmatch(self.ignored, one))
        keys = {key: there[one.lower()] for key, one in self.keys.items() if one.lower() in there}
        keys = {key: one for key, one in keys.items() if one != columns.get("user_id")}
        return Mapping(
            self.kind,
            columns,
            adapter=self.name,
            explode=shape.explode,
            unfold=shape.unfold,
            keys=keys,
            fallbacks=fallbacks,
            **options,
        )


def _holds_array(seen: Seen, root: str, unfold: Sequence[str]) -> bool:
    """Whether any of the first rows holds a JSON array there, or its elements are numbered columns."""
    if any(cell.startswith("[") for cell in seen.filled(root)):
        return True
    column, _, key = root.partition(".")
    if column in unfold:
        return any(f'"{key}"' in cell for cell in seen.filled(column))
    numbered = re.compile(re.escape(root) + r"[_ ]\d+[_ ].+")
    return any(numbered.fullmatch(name) for name in seen.names)


def recognised(seen: Seen, kind: str | None) -> Adapter | None:
    """The known export that a file's head looks like, of that kind where one is given.

    Raises:
        FileRefusedError: It is a part of a known export that holds neither events nor items.
    """
    from persmark.events.exports import ADAPTERS

    return next((one for one in ADAPTERS if kind in (None, one.kind) and one.matches(seen)), None)


def refuse_odd_parts(seen: Seen, name: str) -> None:
    """Refuse parts of known exports that hold neither events, items nor users, one a row.

    Raises:
        FileRefusedError: It is one of them.
    """
    lower = {one.lower() for one in seen.names}
    if lower == {"timestamp", "itemid", "property", "value"}:
        what, hint = (
            "RetailRocket's item properties",
            "Make one row of each item, with a column for each property.",
        )
    elif lower == {"categoryid", "parentid"}:
        what = "RetailRocket's category tree"
        hint = "Write the path of categories into a file of items."
    else:
        return
    raise FileRefusedError(
        text(
            "A file must hold one event, item or user a row. Received: {name}, {what}.", name=name, what=what
        ),
        hint=hint,
    )


def own_columns(seen: Seen) -> bool:
    """Whether a file's columns are those of our own events."""
    names = set(seen.names)
    return {"user_id", "item_id", "event_type", "event_time"} <= names <= set(TABLES["events"])
