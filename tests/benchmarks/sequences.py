"""Leave-one-out sets of the literature: a line per user, their items in order, no times."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from persmark.columns import PURCHASE
from persmark.recommend import interactions_from
from persmark.recommend.interactions import DAY, Interactions
from persmark.recommend.split import LEAVE_ONE_OUT, Split


def read_sequences(path: Path, *, events_a_day: int = 1) -> Interactions:
    """The file as purchases; the n-th item of a user lies n days after a made-up first day.

    Args:
        path: Lines of a user and their items, divided by blanks.
        events_a_day: Items that share a made-up day, one second apart.
    """
    users: list[str] = []
    items: list[str] = []
    times: list[int] = []
    for line in path.read_text("utf-8").splitlines():
        user, *bought = line.split()
        users += [user] * len(bought)
        items += bought
        times += [place // events_a_day * DAY + place % events_a_day for place in range(len(bought))]
    # Everybody's history ends on one day, so that no user is older than another.
    longest = {user: time for user, time in zip(users, times, strict=True)}
    last = max(times)
    moved = [time + last - longest[user] for user, time in zip(users, times, strict=True)]
    return interactions_from(users, items, moved)


def leave_one_out_of(known: Interactions, *, stage: str = "test") -> Split:
    """Last item = test, the one before = validation, in no training ("strict").

    Args:
        known: Everything, at least three events of each user counted.
        stage: `test`: the last item is asked for, with the validation item in the scored history, as
            the published figures have it. `validation`: the one before is asked for, the last unused.
    """
    place_from_last = known.starts[known.user + 1] - 1 - np.arange(len(known))
    enough = np.diff(known.starts)[known.user] >= 3
    test = enough & (place_from_last == 0)
    validation = enough & (place_from_last == 1)
    train = known.rows(~(test | validation))
    asked = test if stage == "test" else validation
    return Split(
        train=train,
        histories=known.rows(~test) if stage == "test" else train,
        test_users=known.user_ids[known.user[asked]],
        test_items=known.item_ids[known.item[asked]],
        target=PURCHASE,
        facts={"name": LEAVE_ONE_OUT, "validation_in_training": False, "stage": stage},
        validation_users=known.user_ids[known.user[validation]],
        validation_items=known.item_ids[known.item[validation]],
    )
