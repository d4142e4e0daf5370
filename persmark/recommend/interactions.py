"""Events as weighted user-item interactions, held as codes.

Ids are encoded inside DuckDB; Python holds 21 bytes an event and each id once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from persmark.columns import (
    CART,
    CHECKOUT,
    CLICK,
    EVENT_TYPES,
    FOLLOW,
    LIKE,
    PURCHASE,
    RATING,
    REFUND,
    SHARE,
    VIEW,
    WISHLIST,
)
from persmark.errors import InputError
from persmark.recommend.facts import ItemFacts, UserFacts, load_item_facts, load_user_facts
from persmark.store import Reader, read_sql
from persmark.text import text

Ids = npt.NDArray[np.object_]
Codes = npt.NDArray[np.int32]
Seconds = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32]

DAY = 86_400

# How much one event says about liking the item, a purchase being 1. The order (buying says more than
# putting aside, putting aside more than looking) is common sense; the sizes are ours, are settings
# everywhere, and are to be learned where validation says so.
EVENT_WEIGHTS: Mapping[str, float] = MappingProxyType({
    PURCHASE: 1.0, CART: 0.5, CHECKOUT: 0.5, WISHLIST: 0.5, CLICK: 0.3, LIKE: 0.3, FOLLOW: 0.3, SHARE: 0.3,
    RATING: 0.3, VIEW: 0.2,
})  # fmt: skip
# A behaviour without a name of ours ("play", "download"): as a click beside known ones, else 1.
OTHER_WEIGHT = EVENT_WEIGHTS[CLICK]
_PACKAGE = "persmark.recommend"


@dataclass(frozen=True, eq=False)
class Interactions:
    """Weighted events of users on items, sorted by user, time, item.

    Args:
        user_ids: (n_users,) ids, ascending and distinct; a user may have no event.
        item_ids: (n_items,) ids, ascending and distinct; an item may have no event.
        user: (n_events,) place in `user_ids`.
        item: (n_events,) place in `item_ids`.
        time: (n_events,) epoch seconds, UTC.
        weight: (n_events,) > 0.
        event_type: (n_events,) place in `event_types`.
        event_types: Names of the types.
        as_of: Epoch seconds, UTC; ages are counted back from here.
        item_facts: What the catalogue says of `item_ids`; None where it was not asked for.
        user_facts: The attributes of `user_ids`; None where they were not asked for.
    """

    user_ids: Ids
    item_ids: Ids
    user: Codes
    item: Codes
    time: Seconds
    weight: Weights
    event_type: npt.NDArray[np.int8]
    event_types: tuple[str, ...]
    as_of: int
    item_facts: ItemFacts | None = None
    user_facts: UserFacts | None = None

    def __len__(self) -> int:
        return len(self.user)

    @property
    def n_users(self) -> int:
        """Users in the vocabulary, those without events included."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Items in the vocabulary."""
        return len(self.item_ids)

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """(n_users + 1,) where each user's events start; the last entry is n_events."""
        return np.searchsorted(self.user, np.arange(self.n_users + 1)).astype(np.int64)

    def rows(self, keep: npt.NDArray[np.bool_] | slice) -> Interactions:
        """Only these events; the vocabularies stay."""
        return replace(
            self,
            user=self.user[keep],
            item=self.item[keep],
            time=self.time[keep],
            weight=self.weight[keep],
            event_type=self.event_type[keep],
        )

    def copies(self, keep: npt.NDArray[np.bool_]) -> Interactions:
        """One user's history once for each row of `keep`, with the events that are True there.

        Args:
            keep: (n_copies, n_events) of a history of one user.

        Returns:
            n_copies users, called by their number, each with the user's facts.
        """
        copy, place = np.nonzero(keep)
        n = len(keep)
        return replace(
            self,
            user_ids=np.array([f"{number:09d}" for number in range(n)], dtype=object),
            user=copy.astype(np.int32),
            item=self.item[place],
            time=self.time[place],
            weight=self.weight[place],
            event_type=self.event_type[place],
            user_facts=self.user_facts.users(np.zeros(n, np.int64)) if self.user_facts else None,
        )

    def users(self, chosen: slice | npt.NDArray[np.int64]) -> Interactions:
        """Only these users (ascending places), recoded; the item vocabulary stays."""
        places = np.arange(self.n_users)[chosen]
        code = np.full(self.n_users, -1, np.int32)
        code[places] = np.arange(len(places), dtype=np.int32)
        if len(places) and places[-1] - places[0] + 1 == len(places):
            found = self.rows(slice(int(self.starts[places[0]]), int(self.starts[places[-1] + 1])))
        else:
            found = self.rows(code[self.user] >= 0)
        facts = self.user_facts.users(places) if self.user_facts else None
        return replace(found, user=code[found.user], user_ids=self.user_ids[places], user_facts=facts)

    def items(self, keep: npt.NDArray[np.bool_]) -> Interactions:
        """Only events on these items (a mask over `item_ids`), recoded; users stay."""
        found = self.rows(keep[self.item])
        code = np.cumsum(keep, dtype=np.int32) - 1
        return replace(
            found,
            item=code[found.item].astype(np.int32),
            item_ids=self.item_ids[keep],
            item_facts=self.item_facts.items(keep) if self.item_facts else None,
        )

    def typed(self, event_type: str) -> npt.NDArray[np.bool_]:
        """(n_events,) which events are of this type; none where the type is unknown."""
        if event_type not in self.event_types:
            return np.zeros(len(self), bool)
        typed: npt.NDArray[np.bool_] = self.event_type == self.event_types.index(event_type)
        return typed


def places(item_ids: Ids, wanted: Ids) -> npt.NDArray[np.int64]:
    """Where each wanted id stands in `item_ids` (distinct); -1 where it does not."""
    if item_ids is wanted:
        return np.arange(len(wanted))
    index = pd.Index(item_ids, dtype=object)
    found: npt.NDArray[np.int64] = index.get_indexer(pd.Index(wanted, dtype=object))
    return found


def interactions_from(
    user_ids: Sequence[str],
    item_ids: Sequence[str],
    time: Sequence[int],
    *,
    weight: Sequence[float] | None = None,
    event_type: Sequence[str] | None = None,
    as_of: int | None = None,
) -> Interactions:
    """Interactions from plain columns of equal length, for files that are no events and for tests.

    Args:
        user_ids: Per event.
        item_ids: Per event.
        time: Per event, epoch seconds UTC.
        weight: Per event; 1 where left out.
        event_type: Per event; `purchase` where left out.
        as_of: Epoch seconds; the last event where left out.
    """
    user, users = pd.factorize(np.asarray(user_ids, dtype=object), sort=True)
    item, items = pd.factorize(np.asarray(item_ids, dtype=object), sort=True)
    kinds = np.asarray(event_type if event_type is not None else [PURCHASE] * len(user), dtype=object)
    kind, names = pd.factorize(kinds, sort=True)
    seconds = np.asarray(time, np.int64)
    weights = np.ones(len(user), np.float32) if weight is None else np.asarray(weight, np.float32)
    order = np.lexsort((kind, item, seconds, user))
    return Interactions(
        user_ids=np.asarray(users, dtype=object),
        item_ids=np.asarray(items, dtype=object),
        user=user[order].astype(np.int32),
        item=item[order].astype(np.int32),
        time=seconds[order],
        weight=weights[order],
        event_type=kind[order].astype(np.int8),
        event_types=tuple(str(name) for name in names) or (PURCHASE,),
        as_of=as_of if as_of is not None else int(seconds.max(initial=0)),
    )


def weights_of(interactions: Interactions) -> dict[str, float]:
    """Event type -> the weight that its events carry; types without an event are left out."""
    kinds, first = np.unique(interactions.event_type, return_index=True)
    return {
        interactions.event_types[kind]: float(interactions.weight[at])
        for kind, at in zip(kinds, first, strict=True)
    }


def event_weights(reader: Reader) -> dict[str, float]:
    """The default weights of the types that this workspace holds on items.

    Types of our vocabulary without a default weight (impressions, mailings, refunds, searches) are
    left out: being shown something is not liking it, and neither is taking it out of the cart.
    """
    found = [
        str(row[0])
        for row in reader.rows(
            "SELECT event_type FROM events WHERE item_id IS NOT NULL GROUP BY event_type ORDER BY event_type",
            limit_ms=None,
        )
    ]
    known = {kind: EVENT_WEIGHTS[kind] for kind in EVENT_WEIGHTS if kind in found}
    other = OTHER_WEIGHT if known else 1.0
    return known | {kind: other for kind in found if kind not in EVENT_TYPES}


def load_interactions(
    reader: Reader,
    *,
    weights: Mapping[str, float] | None = None,
    before: int | None = None,
    since: int | None = None,
    users: Sequence[str] | None = None,
    kind: str | None = None,
    as_of: int | None = None,
    with_facts: bool = False,
) -> Interactions:
    """The workspace's events as interactions.

    Events without an item, and types without a weight, are left out. A refund is never an
    interaction: each takes away the latest earlier purchase of the same user and item.

    Args:
        reader: The workspace.
        weights: Event type -> weight, > 0; `event_weights(reader)` where left out.
        before: Epoch seconds; only events earlier than this.
        since: Epoch seconds; only events at or after this.
        users: Only these; each is in `user_ids` even without an event. All users where left out.
        kind: Only items of this kind (product, ad, content).
        as_of: Epoch seconds from which ages are counted back; where left out `before`, else the
            workspace's last event of any kind.
        with_facts: Also the catalogue's facts of the items and the attributes of the users.

    Raises:
        InputError: A weight is not above 0.
    """
    chosen = dict(event_weights(reader) if weights is None else weights)
    for name, weight in chosen.items():
        if not weight > 0:
            raise InputError(
                text(
                    "The weight of event type '{name}' must be above 0. Received: {weight}."
                    " Leave the type out to ignore it.",
                    name=name,
                    weight=weight,
                )
            )
    window = {"before": _moment(before), "since": _moment(since)}
    weighted = pa.table(
        {
            "event_type": pa.array(list(chosen), pa.string()),
            "weight": pa.array(list(chosen.values()), pa.float32()),
            "code": pa.array(range(len(chosen)), pa.int8()),
        }
    )
    inputs: dict[str, pa.Table] = {"event_weights": weighted}

    def read(name: str, params: Mapping[str, object]) -> pa.Table:
        return reader.table(read_sql(_PACKAGE, name), params, inputs=inputs, limit_ms=None)

    found = (
        read("users_of", window)["user_id"].combine_chunks()
        if users is None
        else pa.array(sorted(set(users)), pa.string())
    )
    inputs["wanted"] = _vocabulary("user_id", found)
    items = read("items_of", window | {"kind": kind})["item_id"].combine_chunks()
    inputs["wanted_items"] = _vocabulary("item_id", items)
    codes = read("codes_of", window | {"refund": REFUND, "purchase": PURCHASE})
    if as_of is None:
        as_of = before if before is not None else last_second(reader)
    user_ids, item_ids = _ids(found), _ids(items)
    return Interactions(
        user_ids=user_ids,
        item_ids=item_ids,
        user=_column(codes, "user_code", np.int32),
        item=_column(codes, "item_code", np.int32),
        time=_column(codes, "event_second", np.int64),
        weight=_column(codes, "weight", np.float32),
        event_type=_column(codes, "type_code", np.int8),
        event_types=tuple(chosen),
        as_of=as_of,
        item_facts=load_item_facts(reader, item_ids) if with_facts else None,
        user_facts=load_user_facts(reader, user_ids) if with_facts else None,
    )


def last_second(reader: Reader, *, before: int | None = None) -> int:
    """Epoch seconds of the workspace's last event (earlier than `before`); 0 without events."""
    found = reader.value(
        "SELECT CAST(epoch(date_trunc('second', MAX(event_time))) AS BIGINT) FROM events"
        " WHERE ($before IS NULL OR event_time < CAST($before AS TIMESTAMP))",
        {"before": _moment(before)},
        limit_ms=None,
    )
    return int(found or 0)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _vocabulary(name: str, ids: pa.Array) -> pa.Table:
    return pa.table({name: ids, "code": pa.array(np.arange(len(ids), dtype=np.int32))})


def _ids(column: pa.Array) -> Ids:
    ids: Ids = column.to_numpy(zero_copy_only=False).astype(object)
    return ids


def _column(table: pa.Table, name: str, kind: type[Any]) -> npt.NDArray[Any]:
    column: npt.NDArray[Any] = table[name].to_numpy().astype(kind, copy=False)
    return column
