"""Past moments as examples: what was known before each, and what the users then came to.

Where times mean something, a moment is a cut of the calendar, the same for everybody: events before
it are known, items of the window after it are what should have been ranked high. Where each user is
to be asked for their next event alone, the moment is the user's own last step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import DAY, Interactions
from persmark.recommend.lesson import Validation

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Moment:
    """One past moment.

    Args:
        known: Everybody's events before it; `known.as_of` is the moment.
        users: Places of the users who are asked, ascending.
        row: (n_pairs,) place in `users` of each pair to be found, ascending.
        item: (n_pairs,) its item.
    """

    known: Interactions
    users: Ints
    row: Ints
    item: Ints


def set_aside(interactions: Interactions, held: Validation) -> Moment:
    """The pairs that were set aside for a training, as a moment at its end."""
    users = np.searchsorted(interactions.user_ids, held.histories.user_ids).astype(np.int64)
    return Moment(interactions, users, held.row, held.item)


# At least this share of the events is to lie before the windows, or there is too little to know.
LEAST_KNOWN = 0.5
SHORTEST_DAYS = 1 / 24


def fitting_days(interactions: Interactions, wanted: float, *, windows: int = 1) -> float:
    """The length of a window that leaves enough before it: the one wanted, or halved until it does.

    Args:
        interactions: What there is to cut.
        wanted: Days.
        windows: How many of that length, one after the other.
    """
    if not len(interactions):
        return wanted
    end, days = _end(interactions), wanted
    while days > SHORTEST_DAYS:
        known = float((interactions.time < end - windows * days * DAY).mean())
        if known >= LEAST_KNOWN:
            break
        days /= 2
    return days


def _end(interactions: Interactions) -> int:
    """Where the last window ends: at `as_of`, or at the last event where nothing came after it."""
    if not len(interactions):
        return interactions.as_of
    return min(interactions.as_of, int(interactions.time.max()) + 1)


def calendar(
    interactions: Interactions,
    *,
    window_days: float,
    step_days: float,
    n: int,
    target: str,
    most_users: int,
    seed: int,
) -> Iterator[Moment]:
    """Windows that end with the events, `step_days` earlier, and so on, the latest first.

    A window without a user who has events before it and target events in it is left out.
    """
    wanted = interactions.typed(target)
    last = _end(interactions)
    for place in range(n):
        end = last - round(place * step_days * DAY)
        cut = end - round(window_days * DAY)
        inside = wanted & (interactions.time >= cut) & (interactions.time < end)
        known = replace(interactions.rows(interactions.time < cut), as_of=cut)
        found = _moment(known, interactions.user[inside], interactions.item[inside], most_users, seed + place)
        if found is not None:
            yield found


def last_steps(
    interactions: Interactions, *, n: int, target: str, most_users: int, seed: int
) -> Iterator[Moment]:
    """Each user's last target event, then the one before it, and so on.

    Ages are counted from `as_of` as they will be when the recommender serves.
    """
    at = np.flatnonzero(interactions.typed(target))
    user = interactions.user[at]
    from_last = np.searchsorted(user, user, side="right") - 1 - np.arange(len(user))
    place = np.arange(len(interactions))
    for back in range(n):
        asked = at[from_last == back]
        end = np.full(interactions.n_users, len(interactions), np.int64)
        end[interactions.user[asked]] = asked
        # Who has no event that far back is left whole, but is not asked.
        known = interactions.rows(place < end[interactions.user])
        found = _moment(known, interactions.user[asked], interactions.item[asked], most_users, seed + back)
        if found is not None:
            yield found


def _moment(
    known: Interactions, user: npt.NDArray[np.int32], item: npt.NDArray[np.int32], most_users: int, seed: int
) -> Moment | None:
    active = np.bincount(known.user, minlength=known.n_users) > 0
    asked = active[user]
    n_items = max(known.n_items, 1)
    cells = np.unique(user[asked].astype(np.int64) * n_items + item[asked])
    users = np.unique(cells // n_items)
    if not len(users):
        return None
    if len(users) > most_users:
        users = np.sort(np.random.default_rng(seed).choice(users, most_users, replace=False))
    row = np.full(known.n_users, -1, np.int64)
    row[users] = np.arange(len(users))
    place = row[cells // n_items]
    return Moment(known, users, place[place >= 0], (cells % n_items)[place >= 0])
