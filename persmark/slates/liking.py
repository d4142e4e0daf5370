"""Who would like an item most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from persmark.columns import RANK, SCORE, USER_ID
from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.experiments import hash_order
from persmark.recommend import Recommender, last_second, load_histories
from persmark.recommend.contract import blocks
from persmark.slates.candidates import PACKAGE
from persmark.store import Reader, read_sql
from persmark.text import text

# Users that are scored against the whole catalogue; of more, those nearest to the item are.
MOST_SCORED = 20_000
# Column of the raw score of the item.
STRENGTH = "strength"


def who_would_like(
    reader: Reader,
    recommender: Recommender,
    item_id: str,
    *,
    users: Sequence[str],
    limit: int | None = None,
    as_of: datetime | None = None,
    most_scored: int = MOST_SCORED,
    seed: int = 0,
) -> pd.DataFrame:
    """The users who would like an item most.

    Where the recommender's scores compare between users (`comparable_between_users`: a habit is a
    number of purchases, whoever bought), users go by the item's own score. Elsewhere they go by the
    item's place, the share of the catalogue that it beats for them, ties counting half; and among
    equal places by that score. Users whom neither tells apart stand in an order drawn by the seed,
    never by their id. An ad counts as the best item that it covers.

    Args:
        reader: The workspace.
        recommender: Trained on it.
        item_id: A product, a piece of content or an ad.
        users: Among whom.
        limit: How many at most; all where left out.
        as_of: UTC; the last event's time where left out.
        most_scored: Of more users, those with the most and latest events on the item or its
            category are scored; the others are left out.
        seed: Of the draw among equals.

    Returns:
        `user_id`, `score` (the item's place, 0 to 1), `strength` (the recommender's own score of
        it), `rank` (from 1); the likeliest first. Rows alike in both figures were told apart by
        the draw alone.

    Raises:
        NotFoundError: The recommender knows neither the item nor anything that it covers.
        EmptyError: There are no users.
        InputError: `limit` is below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(text("A limit must be at least 1. Received: {limit}.", limit=limit))
    wanted = sorted(set(users))
    if not wanted:
        raise EmptyError(text("At least one user is needed. Received: none."), title="Nobody to ask")
    standing_for = _columns_of(reader, recommender, item_id)
    if as_of is None:
        second = last_second(reader)
    else:
        aware = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of
        second = int(aware.timestamp())
    if len(wanted) > most_scored:
        items = [str(one) for one in recommender.item_ids[standing_for]]
        nearest = _nearest(reader, items, wanted, second=second, n_users=most_scored)
        wanted = nearest or sorted(hash_order(wanted, seed=seed, key=item_id)[:most_scored])
    histories = load_histories(reader, recommender, users=wanted, as_of=second)
    places = [np.zeros(0)]
    strengths = [np.zeros(0)]
    for block in blocks(histories.n_users, len(recommender.item_ids)):
        scores = recommender.score_matrix(histories, block)
        own = scores[:, standing_for].max(axis=1, keepdims=True)
        beaten = (scores < own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
        places.append(beaten / max(len(recommender.item_ids) - 1, 1))
        strengths.append(own[:, 0].astype(np.float64))
    place, strength = np.concatenate(places), np.concatenate(strengths)
    drawn = {user: n for n, user in enumerate(hash_order(wanted, seed=seed, key=item_id))}
    lot = np.array([drawn[user] for user in histories.user_ids], np.int64)
    keys = (place, strength) if recommender.comparable_between_users else (strength, place)
    order = np.lexsort((lot, -keys[0], -keys[1]))[: limit or None]
    return pd.DataFrame(
        {
            USER_ID: histories.user_ids[order],
            SCORE: place[order],
            STRENGTH: strength[order],
            RANK: np.arange(1, len(order) + 1),
        }
    )


def _columns_of(reader: Reader, recommender: Recommender, item_id: str) -> np.ndarray:
    """Columns that an item stands for: its own, or those of what it covers."""
    covered = reader.rows(
        "SELECT DISTINCT o.item_id FROM item_offers AS o"
        " WHERE o.offer_id = $item_id AND o.item_id IS NOT NULL",
        {"item_id": item_id},
    )
    wanted = [str(row[0]) for row in covered] or [item_id]
    index = pd.Index(recommender.item_ids, dtype=object)
    columns = index.get_indexer(pd.Index(wanted, dtype=object))
    columns = np.sort(columns[columns >= 0])
    if not len(columns) and item_id not in wanted:
        columns = index.get_indexer(pd.Index([item_id], dtype=object))
        columns = columns[columns >= 0]
    if not len(columns):
        raise NotFoundError(
            text("Item '{item}' must be known to the recommender '{name}'. Received: an item without events.",
                 item=item_id, name=recommender.name),
            title="Item not learned",
            hint="Train again if it is new, or choose an item that users have met.",
        )  # fmt: skip
    return columns


def _nearest(
    reader: Reader, item_ids: Sequence[str], users: Sequence[str], *, second: int, n_users: int
) -> list[str]:
    """The users with the most and latest events on the items or their categories, ascending."""
    found = reader.table(
        read_sql(PACKAGE, "near_item"),
        {"as_of": datetime.fromtimestamp(second, UTC).replace(tzinfo=None), "n_users": n_users},
        inputs={
            "wanted": pa.table({"item_id": pa.array(item_ids, pa.string())}),
            "wanted_users": pa.table({"user_id": pa.array(users, pa.string())}),
        },
        limit_ms=None,
    )
    return sorted(str(one) for one in found["user_id"].to_pylist())
