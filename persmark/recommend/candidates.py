"""The first stage: which items of a user are worth ranking, by the simpler recommenders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from persmark.recommend.contract import Recommender, Scores
from persmark.recommend.interactions import Interactions
from persmark.recommend.topk import best_columns

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
SPREAD_FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of a user and an item, ordered by both.

    Args:
        row: (n_pairs,) place of the user, ascending.
        item: (n_pairs,) column of the item, ascending within a user.
        said: (n_pairs, 2 * n_sources) of each source its standardised score, and log(1 + rank) among
            the user's candidates.
        own: (n_pairs,) whether the user has an event on the item.
        bought: (n_pairs,) whether it is one of the target type.
        n_users: How many users.
    """

    row: Ints
    item: Ints
    said: Floats
    own: npt.NDArray[np.bool_]
    bought: npt.NDArray[np.bool_]
    n_users: int

    @property
    def starts(self) -> Ints:
        """(n_users + 1,) where each user's candidates start."""
        return np.searchsorted(self.row, np.arange(self.n_users + 1)).astype(np.int64)

    def some(self, kept: npt.NDArray[np.bool_]) -> Candidates:
        """These pairs only, with what was said of them among all."""
        return Candidates(
            self.row[kept], self.item[kept], self.said[kept], self.own[kept], self.bought[kept], self.n_users
        )


def find_candidates(
    sources: Mapping[str, Recommender],
    known: Interactions,
    *,
    n_own: int,
    n_fresh: int,
    target: str,
    also: tuple[Ints, Ints] | None = None,
) -> Candidates:
    """The union of what each source puts first, own items and others apart.

    Others get places of their own, so that a ranking without what was bought already is not left
    with too few.

    Args:
        sources: Recommenders trained up to the moment.
        known: Histories of the users, items as columns of the sources.
        n_own: Most own items a source may name.
        n_fresh: Most other items a source may name.
        target: The event type asked for.
        also: Rows and items that are to be candidates whatever the sources say.
    """
    n_users, n_items = known.n_users, known.n_items
    own = np.unique(known.user.astype(np.int64) * n_items + known.item)
    at = known.typed(target)
    bought = np.unique(known.user[at].astype(np.int64) * n_items + known.item[at])
    of_user = np.arange(n_users, dtype=np.int64)[:, None] * n_items
    scored: list[Scores] = []
    keys: list[Ints] = [] if also is None else [also[0] * n_items + also[1]]
    for source in sources.values():
        scores = source.score_matrix(known)
        scored.append(scores)
        spare = np.array(scores, np.float32)
        spare.ravel()[own] = -np.inf
        top = best_columns(spare, n_fresh)
        free = np.isfinite(np.take_along_axis(spare, top, axis=1))
        keys.append((of_user + top)[free])
        keys.append(_best_own(scores, own, n_items, n_own))
    key = np.unique(np.concatenate(keys)) if keys else np.zeros(0, np.int64)
    row, item = key // n_items, key % n_items
    return _told([scores[row, item] for scores in scored], known, row, item, own=own, bought=bought)


def given_candidates(
    sources: Mapping[str, Recommender], known: Interactions, row: Ints, item: Ints, *, target: str
) -> Candidates:
    """These pairs (ordered by row and item) as candidates, with what the sources say of them."""
    n_items = known.n_items
    columns, place = np.unique(item, return_inverse=True)
    scored = [source.score_columns(known, columns)[row, place] for source in sources.values()]
    own = np.unique(known.user.astype(np.int64) * n_items + known.item)
    at = known.typed(target)
    bought = np.unique(known.user[at].astype(np.int64) * n_items + known.item[at])
    return _told(scored, known, row, item, own=own, bought=bought)


def _told(
    scored: list[Floats], known: Interactions, row: Ints, item: Ints, *, own: Ints, bought: Ints
) -> Candidates:
    n_users, key = known.n_users, row * known.n_items + item
    starts = np.searchsorted(row, np.arange(n_users + 1))
    said = [column for scores in scored for column in _said(scores, row, starts)]
    return Candidates(
        row=row,
        item=item,
        said=np.stack(said, axis=1) if said else np.zeros((len(row), 0), np.float32),
        own=_among(key, own),
        bought=_among(key, bought),
        n_users=n_users,
    )


def _among(key: Ints, held: Ints) -> npt.NDArray[np.bool_]:
    """Which keys are among the held ones (ascending)."""
    if not len(held):
        return np.zeros(len(key), bool)
    found: npt.NDArray[np.bool_] = held[np.minimum(np.searchsorted(held, key), len(held) - 1)] == key
    return found


def _best_own(scores: Scores, own: Ints, n_items: int, most: int) -> Ints:
    """Of each user the `most` own items that a source scores highest."""
    row = own // n_items
    order = np.lexsort((-scores[row, own % n_items], row))
    held = own[order]
    place = np.arange(len(held)) - np.searchsorted(row, row, side="left")
    return held[place < most]


def _said(value: Floats, row: Ints, starts: Ints) -> Sequence[Floats]:
    """Scores of one source standardised within each user, and log(1 + rank)."""
    size = np.maximum(np.diff(starts), 1)
    n_users = len(size)
    wide = value.astype(np.float64)
    centre = np.bincount(row, wide, minlength=n_users) / size
    away = wide - centre[row]
    spread = np.sqrt(np.bincount(row, away**2, minlength=n_users) / size)
    order = np.lexsort((-value, row))
    rank = np.empty(len(value))
    rank[order] = np.arange(len(value)) - starts[row[order]]
    level = away / np.maximum(spread, SPREAD_FLOOR)[row]
    return level.astype(np.float32), np.log1p(rank).astype(np.float32)
