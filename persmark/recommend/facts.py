"""What is known of items and users beside their events: for new items, rankers and reasons.

Aligned with the vocabularies of `Interactions`, as codes and plain arrays. What is not known is -1 (a
name), NaN (a number) or "" (a text), never a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from persmark.columns import ITEM_ID, USER_ID
from persmark.store import Reader, read_sql

if TYPE_CHECKING:
    from persmark.recommend.interactions import Ids

_PACKAGE = "persmark.recommend"
# An attribute with more distinct values than this is an id or free text, no field of a profile.
MOST_VALUES = 200


@dataclass(frozen=True, eq=False)
class Named:
    """One name for each of n things.

    Args:
        code: (n,) place in `names`; -1 where there is none.
        names: Distinct, ascending.
    """

    code: npt.NDArray[np.int32]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str | None] | npt.NDArray[np.object_]) -> Self:
        """Names as codes; None and "" are none."""
        held = np.array([value or None for value in values], dtype=object)
        code, names = pd.factorize(held, sort=True, use_na_sentinel=True)
        return cls(code.astype(np.int32), tuple(str(name) for name in names))

    def take(self, chosen: npt.NDArray[Any]) -> Named:
        """Only these things (a mask or places); the names stay."""
        return Named(self.code[chosen], self.names)


@dataclass(frozen=True, eq=False)
class ItemFacts:
    """The catalogue, aligned with `Interactions.item_ids`.

    Args:
        kind: product, ad or content.
        category: The level that profiles and charts speak of.
        path: The whole category path, levels joined by ' / '.
        brand: Brand.
        price: (n_items,) in the item's currency; NaN where unknown or not above 0.
        title: (n_items,) "" where unknown.
        text: (n_items,) longer words on the item; "" where unknown.
        offer_item: (n_offers,) place of the item that a placement or coupon covers.
        offer_from: (n_offers,) epoch seconds of its first day (00:00 UTC).
        offer_until: (n_offers,) epoch seconds after its last day.
        offer_channel: Of each offer: coupon, mailer, display, ...
    """

    kind: Named
    category: Named
    path: Named
    brand: Named
    price: npt.NDArray[np.float32]
    title: Ids
    text: Ids
    offer_item: npt.NDArray[np.int32]
    offer_from: npt.NDArray[np.int64]
    offer_until: npt.NDArray[np.int64]
    offer_channel: Named

    def items(self, keep: npt.NDArray[np.bool_]) -> ItemFacts:
        """Only these items (a mask)."""
        code = (np.cumsum(keep) - 1).astype(np.int32)
        offers = keep[self.offer_item]
        return ItemFacts(
            kind=self.kind.take(keep),
            category=self.category.take(keep),
            path=self.path.take(keep),
            brand=self.brand.take(keep),
            price=self.price[keep],
            title=self.title[keep],
            text=self.text[keep],
            offer_item=code[self.offer_item[offers]],
            offer_from=self.offer_from[offers],
            offer_until=self.offer_until[offers],
            offer_channel=self.offer_channel.take(offers),
        )


@dataclass(frozen=True, eq=False)
class UserFacts:
    """Attributes of users, aligned with `Interactions.user_ids`.

    They are as they stand now: an attribute has no date, so a test on the past may see one that was
    learned later.

    Args:
        fields: Attribute -> its value for each user.
    """

    fields: Mapping[str, Named]

    def users(self, places: npt.NDArray[np.int64]) -> UserFacts:
        """Only these users."""
        return UserFacts({name: held.take(places) for name, held in self.fields.items()})


NO_USER_FACTS = UserFacts(MappingProxyType({}))


def load_item_facts(reader: Reader, item_ids: Ids) -> ItemFacts:
    """The catalogue's rows of these items, and the offers that cover them."""
    inputs = {"wanted_items": _wanted(ITEM_ID, item_ids)}
    rows = reader.table(read_sql(_PACKAGE, "facts_of_items"), inputs=inputs, limit_ms=None)
    offers = reader.table(read_sql(_PACKAGE, "offers_of_items"), inputs=inputs, limit_ms=None)
    price = rows["price"].to_numpy(zero_copy_only=False).astype(np.float32)
    return ItemFacts(
        kind=_named(rows, "kind"),
        category=_named(rows, "category"),
        path=_named(rows, "category_path"),
        brand=_named(rows, "brand"),
        price=np.where(price > 0, price, np.float32(np.nan)),
        title=_texts(rows, "title"),
        text=_texts(rows, "text"),
        offer_item=offers["code"].to_numpy().astype(np.int32),
        offer_from=offers["from_second"].to_numpy().astype(np.int64),
        offer_until=offers["until_second"].to_numpy().astype(np.int64),
        offer_channel=_named(offers, "channel"),
    )


def load_user_facts(reader: Reader, user_ids: Ids) -> UserFacts:
    """Attributes of these users that have at most `MOST_VALUES` distinct values."""
    inputs = {"wanted": _wanted(USER_ID, user_ids)}
    rows = reader.table(read_sql(_PACKAGE, "facts_of_users"), inputs=inputs, limit_ms=None)
    held = [json.loads(one) if one else {} for one in rows["attributes"].to_pylist()]
    names = sorted({name for one in held for name in one})
    fields = {name: Named.of([_value(one.get(name)) for one in held]) for name in names}
    return UserFacts({name: field for name, field in fields.items() if 1 < len(field.names) <= MOST_VALUES})


def _value(value: object) -> str | None:
    return None if value is None else str(value)


def _wanted(name: str, ids: Ids) -> pa.Table:
    return pa.table({name: pa.array(ids, pa.string()), "code": pa.array(np.arange(len(ids), dtype=np.int32))})


def _named(table: pa.Table, name: str) -> Named:
    return Named.of(table[name].to_numpy(zero_copy_only=False))


def _texts(table: pa.Table, name: str) -> Ids:
    texts = np.empty(table.num_rows, dtype=object)
    texts[:] = [value or "" for value in table[name].to_pylist()]
    return texts
