"""What a card shows of an item: title, category, brand, price, picture, placement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pyarrow as pa

from persmark.store import Reader, read_sql
from persmark.text import Text, text

_PACKAGE = "persmark.slates"
_PLACED: Mapping[str, Text] = {
    "mailer": text("in this week's mailer"),
    "display": text("on display in shops this week"),
}


@dataclass(frozen=True)
class Card:
    """An item as it is shown.

    Args:
        title: Its id where the catalogue has no title.
        kind: None where the catalogue lacks the item.
    """

    title: str
    kind: str | None = None
    category: str | None = None
    brand: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class Cards:
    """Cards by item id; an item that was not looked up is called by its id."""

    by_id: Mapping[str, Card]
    titles: Mapping[str, str]

    def of(self, item_id: str) -> Card:
        """The card of one item."""
        return self.by_id.get(item_id) or Card(item_id)


def cards_of(reader: Reader, item_ids: Sequence[str]) -> Cards:
    """Look up some items; ones that the catalogue lacks get their id as title."""
    found = reader.rows(read_sql(_PACKAGE, "cards"), inputs={"wanted": _wanted(item_ids)})
    by_id = {str(row[0]): Card(*row[1:]) for row in found}
    return Cards(by_id, {item_id: card.title for item_id, card in by_id.items()})


def placements_of(reader: Reader, item_ids: Sequence[str], day: date) -> dict[str, Text]:
    """Item id -> where it is placed on that day, in words."""
    found: dict[str, Text] = {}
    rows = reader.rows(read_sql(_PACKAGE, "placed"), {"day": day}, inputs={"wanted": _wanted(item_ids)})
    for item_id, channel, _ in rows:
        said = _PLACED.get(channel) or text("placed this week: {channel}", channel=str(channel))
        before = found.get(item_id)
        found[item_id] = text("{a}, {b}", a=before, b=said) if before else said
    return found


def _wanted(item_ids: Sequence[str]) -> pa.Table:
    return pa.table({"item_id": pa.array(sorted(set(item_ids)), pa.string())})
