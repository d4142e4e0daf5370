"""What a training is measured on, and what it takes from the histories themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import Validation
from persmark.recommend.self_attention.sequences import Events

# Users set aside where no validation is given: a tenth, no more than this.
MOST_ASIDE = 2_000
# Users that the curve's figures are measured on: the validation's, by which a training stops, and the
# training's own, which only show how far it overfits.
MOST_MEASURED, MOST_LEARNED = 3_000, 1_000
# From this share of returns on, own items are weighed as candidates.
LEAST_RETURNS = 0.02
# Unless told, all events of this share of the users are read, within these bounds.
USUAL_SHARE = 0.99
SHORTEST, LONGEST = 10, 200
# Unless told, as many networks as together read this many events in a pass, within reason.
EVENTS_OF_NETWORKS, MOST_NETWORKS = 600_000, 3


def usual_length(sizes: npt.NDArray[np.int64]) -> int:
    """How many events are read: all of nearly every user's, between `SHORTEST` and `LONGEST`."""
    some = sizes[sizes > 0]
    usual = int(np.ceil(np.quantile(some, USUAL_SHARE))) if len(some) else SHORTEST
    return int(np.clip(usual, SHORTEST, LONGEST))


def usual_networks(n_events: int) -> int:
    """How many networks are trained: with few events one overfits more, and is done sooner."""
    return int(np.clip(EVENTS_OF_NETWORKS // max(n_events, 1), 1, MOST_NETWORKS))


def share_of_returns(events: Events) -> float:
    """Share of events on an item that the user had come to in an earlier step."""
    again = events.again < events.n_steps
    later = again & (events.again > events.step)
    return float(later.sum() / max(len(events.item), 1))


def set_aside(known: Interactions, target: str, *, seed: int) -> tuple[Interactions, Validation | None]:
    """Take the last step with a target event from some users, and all that came after it.

    At most a tenth of the users, and `MOST_ASIDE`; none where that leaves too few to stop by.

    Returns:
        What is left to learn from, and the pairs; returns are excluded from their ranking where they
        are rare.
    """
    typed = np.flatnonzero(known.typed(target))
    last = np.full(known.n_users, -1, np.int64)
    last[known.user[typed]] = typed  # ascending: the last one stays
    has = last >= 0
    # The first event of that moment.
    moment = np.zeros(known.n_users, np.int64)
    moment[has] = known.time[last[has]]
    early = known.time < moment[known.user]
    n_early = np.bincount(known.user[early], minlength=known.n_users)
    fit = np.flatnonzero(has & (n_early > 0))
    n = min(MOST_ASIDE, int((np.diff(known.starts) > 0).sum()) // 10, len(fit))
    if n < 1:
        return known, None
    users = np.sort(np.random.default_rng(seed).choice(fit, n, replace=False))
    chosen = np.zeros(known.n_users, bool)
    chosen[users] = True
    keep = ~chosen[known.user] | early
    left = known.rows(keep)
    asked = ~keep & known.typed(target) & (known.time == moment[known.user])
    row = np.searchsorted(users, known.user[asked])
    cells = np.unique(row * known.n_items + known.item[asked])
    exclude_seen = share_of_returns(Events.of(left, known.event_types)) < LEAST_RETURNS
    histories = left.users(users)
    return left, Validation(histories, cells // known.n_items, cells % known.n_items, exclude_seen)


def latest_step(known: Interactions, rng: np.random.Generator) -> Validation:
    """Some users' last steps, which were learned from, asked for again."""
    last_time = np.zeros(known.n_users, np.int64)
    last_time[known.user] = known.time  # ascending within a user
    early = known.time < last_time[known.user]
    some = np.flatnonzero(np.bincount(known.user[early], minlength=known.n_users) > 0)
    users = np.sort(rng.choice(some, min(MOST_LEARNED, len(some)), replace=False))
    chosen = np.zeros(known.n_users, bool)
    chosen[users] = True
    asked = chosen[known.user] & ~early
    cells = np.unique(np.searchsorted(users, known.user[asked]) * known.n_items + known.item[asked])
    histories = known.rows(early).users(users)
    return Validation(histories, cells // known.n_items, cells % known.n_items, exclude_seen=False)


def drawn(test: Validation, rng: np.random.Generator) -> Validation:
    """At most `MOST_MEASURED` of its users."""
    n = test.histories.n_users
    if n <= MOST_MEASURED:
        return test
    users = np.sort(rng.choice(n, MOST_MEASURED, replace=False))
    keep = np.isin(test.row, users)
    row = np.searchsorted(users, test.row[keep])
    return Validation(test.histories.users(users), row, test.item[keep], test.exclude_seen)
