"""Explanations of a workspace's users: their events loaded, items called by their titles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from persmark.attention.explain import UserExplained, explain
from persmark.attention.judge import Case
from persmark.attention.summary import summarise
from persmark.errors import EmptyError, NotFoundError
from persmark.recommend import Interactions, Recommender, last_second, load_histories
from persmark.store import Reader, read_sql
from persmark.text import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

_PACKAGE = "persmark.attention"
# Users summed up at once; of more, a sample drawn by the seed.
MOST_USERS = 10_000


def second_of(reader: Reader, as_of: datetime | None) -> int:
    """Epoch seconds of a UTC time; of the last event where there is none."""
    if as_of is None:
        return last_second(reader)
    aware = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of
    return int(aware.timestamp())


def names_of(reader: Reader, item_ids: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Item id -> title, and item id -> category, where the catalogue has them."""
    wanted = pa.table({"item_id": pa.array(sorted(set(item_ids)), pa.string())})
    rows = reader.rows(read_sql(_PACKAGE, "titles"), inputs={"wanted": wanted})
    return (
        {str(item): str(title) for item, title, _ in rows if title},
        {str(item): str(category) for item, _, category in rows if category},
    )


def explain_user(
    reader: Reader,
    recommender: Recommender,
    user_id: str,
    items: Sequence[str] | None = None,
    *,
    k: int = 10,
    exclude_seen: bool = False,
    as_of: datetime | None = None,
    time_zone: str = "UTC",
) -> UserExplained:
    """Explain items for one user of the workspace; see `explain`.

    Args:
        reader: The workspace.
        recommender: Trained on it.
        user_id: The user.
        items: Which; the first k of the recommender where left out.
        k: Slate length.
        exclude_seen: Whether items with an event of the target type leave the ranking.
        as_of: UTC; the last event's time where left out.
        time_zone: Of the days in words.

    Raises:
        NotFoundError: The user has no event at all.
        InputError: An item is unknown, or k is below 1.
    """
    known = reader.rows("SELECT 1 FROM events WHERE user_id = $user LIMIT 1", {"user": user_id})
    if not known:
        raise NotFoundError(
            text("A user must have events. Received: {user}.", user=user_id),
            title="No such user",
            hint="Ids are compared as text: upper and lower case, spaces and leading zeros count.",
        )
    history = load_histories(reader, recommender, users=[user_id], as_of=second_of(reader, as_of))
    served = list(items) if items is not None else _served(recommender, history, k, exclude_seen)
    present = [str(one) for one in history.item_ids[np.unique(history.item)]]
    titles, categories = names_of(reader, [*present, *served])
    return explain(
        recommender,
        history,
        items,
        k=k,
        exclude_seen=exclude_seen,
        titles=titles,
        categories=categories,
        time_zone=time_zone,
    )


def _served(recommender: Recommender, history: Interactions, k: int, exclude_seen: bool) -> list[str]:
    return [str(one) for one in recommender.recommend(history, k=k, exclude_seen=exclude_seen)["item_id"]]


def cases_of(
    reader: Reader,
    recommender: Recommender,
    users: Sequence[str],
    *,
    as_of: datetime | None = None,
    seed: int = 0,
) -> Iterator[Case]:
    """Users bound to a recommender that attends, for `judge`, in an order drawn by the seed; none where it
    has no weights of its own."""
    histories = load_histories(reader, recommender, users=users, as_of=second_of(reader, as_of))
    yield from cases_from(recommender, histories, seed=seed)


def cases_from(recommender: Recommender, histories: Interactions, *, seed: int = 0) -> Iterator[Case]:
    """The same from histories that are loaded already."""
    demand = np.bincount(histories.item, weights=histories.weight, minlength=histories.n_items)
    for place in np.random.default_rng(seed).permutation(histories.n_users).tolist():
        own = histories.users(np.array([place]))
        bound = recommender.explained(own) if len(own) else None
        if bound is not None:
            yield Case(bound, demand[own.item[bound.event]].astype(np.float64))


def most_summarised(recommender: Recommender) -> int:
    """Of how many users a summary is made at most; of more a sample is drawn."""
    return min(MOST_USERS, recommender.most_attended)


def summarise_users(
    reader: Reader,
    recommender: Recommender,
    users: Sequence[str],
    *,
    as_of: datetime | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Where a recommender looks over many users; see `summarise`.

    Args:
        reader: The workspace.
        recommender: One that attends.
        users: Whom; of more than `most_summarised` a sample is drawn.
        as_of: UTC; the last event's time where left out.
        seed: Of the draw.

    Raises:
        EmptyError: The recommender has no attention weights, or there are too few users.
    """
    wanted = sorted(set(users))
    most = most_summarised(recommender)
    if len(wanted) > most:
        drawn = np.random.default_rng(seed).choice(len(wanted), most, replace=False)
        wanted = [wanted[place] for place in np.sort(drawn).tolist()]
    histories = load_histories(reader, recommender, users=wanted, as_of=second_of(reader, as_of))
    attended = recommender.attended(histories)
    if attended is None:
        raise EmptyError(
            text("Attention must be that of a model that has weights. Received: {name}.",
                 name=recommender.name),
            title="No attention weights",
            hint="Train self_attention or ranker on the Train page.",
        )  # fmt: skip
    _, categories = names_of(reader, [str(one) for one in histories.item_ids])
    named = [categories.get(str(one)) for one in histories.item_ids]
    return summarise(attended, histories, categories=named if categories else None)
