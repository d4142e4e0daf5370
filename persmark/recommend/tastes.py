"""What a user's own events say of items: a cell a user and item, and how likely items are returned to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.columns import PURCHASE
from persmark.recommend.contract import Reason
from persmark.recommend.interactions import Interactions
from persmark.recommend.later import Later, grown
from persmark.recommend.popular import FAINTEST, decay
from persmark.recommend.repeat import habit_reason
from persmark.recommend.saved import Saved
from persmark.text import text

# The share of returns of an item is that of all items until this many events speak for its own.
RETURNS_PRIOR = 20.0
# Of own events when a return is expected: twice that of demand. Chosen on the windows that markov names.
HABIT_HALF_LIFE_DAYS = 84.0


def tastes(
    interactions: Interactions, *, half_life_days: float, power: float, age_power: float = 0.0
) -> sparse.csr_array:
    """(n_users, n_items) how much each user's events speak for the items that they are on.

    Args:
        interactions: The events.
        half_life_days: After how long an event counts half.
        power: Of the decayed sum of weights: 1 counts every event, towards 0 only that there is one.
        age_power: An item last come to a steps (distinct moments) back has 1 / (1 + a) ** this.
    """
    shape = (interactions.n_users, interactions.n_items)
    faded = decay(interactions.time, as_of=interactions.as_of, half_life_days=half_life_days)
    cell = interactions.user.astype(np.int64) * max(interactions.n_items, 1) + interactions.item
    cells, where = np.unique(cell, return_inverse=True)
    value = np.bincount(where, weights=faded * interactions.weight, minlength=len(cells)) ** power
    if age_power > 0 and len(cells):
        step = step_of(interactions)
        last = np.maximum(interactions.starts[1:] - 1, 0)
        age = np.zeros(len(cells))
        # Events are in the order of time, and of writes to one place the last one stays.
        age[where] = step[last[interactions.user]] - step
        value = value * np.power(1.0 + age, -age_power)
    user, item = np.divmod(cells, max(interactions.n_items, 1))
    value = np.maximum(value, FAINTEST).astype(np.float32)
    starts = np.searchsorted(user, np.arange(interactions.n_users + 1))
    return sparse.csr_array((value, item.astype(np.int32), starts.astype(np.int64)), shape=shape)


def step_of(interactions: Interactions) -> npt.NDArray[np.int64]:
    """(n_events,) number of the user's moment that an event belongs to, counted over all users."""
    user, time = interactions.user, interactions.time
    fresh = np.ones(len(user), bool)
    fresh[1:] = (user[1:] != user[:-1]) | (time[1:] != time[:-1])
    return np.cumsum(fresh) - 1


@dataclass(frozen=True, eq=False)
class Returns:
    """How often items are come back to.

    Args:
        n_again: (n_items,) moments of a user with the item that had one before.
        n_moments: (n_items,) all moments of a user with the item.
    """

    n_again: npt.NDArray[np.float64]
    n_moments: npt.NDArray[np.float64]

    @classmethod
    def of(cls, interactions: Interactions) -> Self:
        """Count them."""
        n_items = max(interactions.n_items, 1)
        pair = interactions.user.astype(np.int64) * n_items + interactions.item
        moment = step_of(interactions) * n_items + interactions.item
        pairs, moments = np.unique(pair), np.unique(moment)
        n_moments = np.bincount(moments % n_items, minlength=interactions.n_items)
        n_pairs = np.bincount(pairs % n_items, minlength=interactions.n_items)
        return cls((n_moments - n_pairs).astype(np.float64), n_moments.astype(np.float64))

    @property
    def share(self) -> npt.NDArray[np.float32]:
        """(n_items,) chance that a moment with the item is not the user's last; 0 where none ever was."""
        overall = self.n_again.sum() / max(self.n_moments.sum(), 1.0)
        share = (self.n_again + RETURNS_PRIOR * overall) / (self.n_moments + RETURNS_PRIOR)
        return np.asarray(share, np.float32)

    def counted_on(self, later: Later) -> Self:
        """What it is with later events."""
        gone, come, n_items = self.of(later.before), self.of(later.all), later.all.n_items
        return type(self)(
            grown(self.n_again, later.place, n_items) - gone.n_again + come.n_again,
            grown(self.n_moments, later.place, n_items) - gone.n_moments + come.n_moments,
        )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What is saved."""
        return {"returns_n_again": self.n_again, "returns_n_moments": self.n_moments}

    @classmethod
    def restored(cls, held: Saved) -> Self:
        """What was saved."""
        return cls(held.arrays["returns_n_again"], held.arrays["returns_n_moments"])


def strongest_tastes(cells: sparse.csr_array, most: int) -> sparse.csr_array:
    """Each user's `most` strongest cells; of equal ones the first."""
    if np.diff(cells.indptr).max(initial=0) <= most:
        return cells
    user = np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))
    order = np.lexsort((-cells.data, user))
    place = np.arange(cells.nnz) - cells.indptr[user]
    kept = np.sort(order[place < most])
    starts = np.concatenate([[0], np.cumsum(np.minimum(np.diff(cells.indptr), most))])
    return sparse.csr_array((cells.data[kept], cells.indices[kept], starts), shape=cells.shape)


def habits(
    histories: Interactions, returns: Returns, *, itself: float, half_life_days: float
) -> sparse.csr_array:
    """(n_users, n_items) how much a return to each own item is to be expected; > 0 or no entry.

    Args:
        histories: The events.
        returns: How often the items are come back to.
        itself: By which it is multiplied.
        half_life_days: After how long an event counts half.
    """
    own = tastes(histories, half_life_days=half_life_days, power=1.0)
    own.data = own.data * (np.float32(itself) * returns.share)[own.indices]
    own.eliminate_zeros()
    return own


def because(
    history: Interactions,
    item: int,
    *,
    sources: npt.NDArray[np.int32],
    say: npt.NDArray[np.floating[Any]],
    habit: float,
    target: str,
    titles: Mapping[str, str],
) -> Reason | None:
    """The own item that speaks most for an item; None where none does.

    Args:
        history: The events of one user, over the recommender's columns.
        item: The column recommended.
        sources: (n_own,) columns of the user's items.
        say: (n_own,) what each adds to the score.
        habit: What the own events of the item itself add.
        target: The event type asked for.
        titles: Item id -> title.
    """
    say = np.where(sources == item, 0, say)
    most = float(say.max(initial=0))
    if habit > 0 and habit >= most:
        return habit_reason(history, item)
    if most <= 0:
        return None
    source = int(sources[int(say.argmax())])
    source_id = str(history.item_ids[source])
    share = most / (float(say[say > 0].sum()) + habit)
    title = titles.get(source_id, source_id)
    said = (
        text("often bought by people who buy {title}", title=title)
        if target == PURCHASE
        else text("often chosen by people who choose {title}", title=title)
    )
    return Reason("because", {"because_of_item_id": source_id, "share": share}, said)
