"""What a user would be shown if they did one more thing: histories with an event that never was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from persmark.attention.users import names_of, second_of
from persmark.columns import ITEM_ID, RANK, SCORE
from persmark.errors import InputError
from persmark.recommend import Interactions, Recommender, history_weights, load_histories
from persmark.recommend.interactions import Ids
from persmark.store import Reader, read_sql
from persmark.text import text

_PACKAGE = "persmark.attention"


@dataclass(frozen=True, eq=False)
class WhatIf:
    """A slate before and after one more event; nothing of it is written.

    Args:
        item_id: What the event is on.
        title: Its title, or its id.
        event_type: What would be done.
        before: `item_id`, `title`, `score`, `rank`, and `other_rank`, the place in the other slate (NaN
            where it is not in it).
        after: The same.
    """

    item_id: str
    title: str
    event_type: str
    before: pd.DataFrame
    after: pd.DataFrame

    @property
    def n_moved(self) -> int:
        """Items of the later slate that stood elsewhere or not at all before."""
        return int((self.after[RANK] != self.after["other_rank"]).sum())


def search_items(reader: Reader, wanted: str, limit: int) -> list[tuple[str, str]]:
    """Item id and title of items whose id or title holds the text, the most used first; "" finds any."""
    rows = reader.rows(read_sql(_PACKAGE, "search_items"), {"wanted": wanted, "most": limit})
    return [(str(item), str(title)) for item, title in rows]


def with_event(history: Interactions, item_id: str, event_type: str, weight: float) -> Interactions:
    """A user's history with one more event, at its `as_of`.

    Args:
        history: Of one user.
        item_id: What it is on; it may be new to the history.
        event_type: Its type.
        weight: What it weighs, > 0.
    """
    ids, code, place = _with_item(history.item_ids, item_id)
    kinds = history.event_types
    if event_type not in kinds:
        kinds = (*kinds, event_type)
    facts = history.item_facts if ids is history.item_ids else None
    return replace(
        history,
        item_ids=ids,
        item=np.append(code[history.item], place).astype(np.int32),
        user=np.append(history.user, 0).astype(np.int32),
        time=np.append(history.time, history.as_of).astype(np.int64),
        weight=np.append(history.weight, weight).astype(np.float32),
        event_type=np.append(history.event_type, kinds.index(event_type)).astype(np.int8),
        event_types=kinds,
        item_facts=facts,
    )


def _with_item(item_ids: Ids, item_id: str) -> tuple[Ids, np.ndarray, int]:
    """The vocabulary with the item in it, the new place of each old one, and the item's own."""
    held = np.flatnonzero(item_ids == item_id)
    if len(held):
        return item_ids, np.arange(len(item_ids)), int(held[0])
    place = int(np.searchsorted(item_ids.astype(str), item_id)) if len(item_ids) else 0
    code = np.arange(len(item_ids))
    return np.insert(item_ids, place, item_id), code + (code >= place), place


def what_if(
    reader: Reader,
    recommender: Recommender,
    user_id: str,
    item_id: str,
    event_type: str,
    *,
    k: int = 10,
    exclude_seen: bool = False,
    as_of: datetime | None = None,
) -> WhatIf:
    """The slate of a user now, and after one more event.

    Args:
        reader: The workspace.
        recommender: Trained on it.
        user_id: The user.
        item_id: What they would do it with.
        event_type: What they would do: one of the types that weigh anything here.
        k: Slate length.
        exclude_seen: Whether items with an event of the target type leave the slate.
        as_of: UTC; the last event's time where left out.

    Raises:
        InputError: The type weighs nothing, or k is below 1.
    """
    weights = history_weights(reader, recommender)
    if event_type not in weights:
        raise InputError(
            text(
                "An event to try out must weigh something here. Received: {kind}. Available: {kinds}.",
                kind=event_type,
                kinds=", ".join(weights),
            )
        )
    history = load_histories(reader, recommender, users=[user_id], as_of=second_of(reader, as_of))
    later = with_event(history, item_id, event_type, weights[event_type])
    slates = [
        recommender.recommend(one, k=k, exclude_seen=exclude_seen)[[ITEM_ID, SCORE, RANK]]
        for one in (history, later)
    ]
    titles, _ = names_of(reader, [item_id, *slates[0][ITEM_ID], *slates[1][ITEM_ID]])
    rank_in = [dict(zip(one[ITEM_ID], one[RANK], strict=True)) for one in slates]
    before, after = (
        one.assign(
            title=[titles.get(item, item) for item in one[ITEM_ID]],
            other_rank=[float(rank_in[1 - number].get(item, np.nan)) for item in one[ITEM_ID]],
        )
        for number, one in enumerate(slates)
    )
    return WhatIf(item_id, titles.get(item_id, item_id), event_type, before, after)
