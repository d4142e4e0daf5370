"""Events that come after a training: what a recommender counts on with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from persmark.recommend.interactions import Ids, Interactions, interactions_from, places


@dataclass(frozen=True, eq=False)
class Later:
    """New events beside what is known of their users, over the catalogue as it is now.

    Args:
        events: The new events.
        before: The earlier events of the same users (the same `user_ids`), up to the training.
        all: Both, up to now.
        place: (n_items_before,) where each item known before stands in the catalogue now.
    """

    events: Interactions
    before: Interactions
    all: Interactions
    place: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        known_ids: Ids,
        new_events: Interactions,
        histories: Interactions | None,
        *,
        as_of: int,
        grows: bool,
    ) -> Self:
        """Bring both over one catalogue and one list of users.

        Args:
            known_ids: The catalogue before.
            new_events: As handed in, over any vocabulary.
            histories: Earlier events; of users without new ones they are passed over. None where
                the users are new.
            as_of: The time of the training, epoch seconds.
            grows: Whether new items join the catalogue; else events on them are passed over.
        """
        item_ids = known_ids
        if grows:
            fresh = new_events.item_ids[np.unique(new_events.item)]
            fresh = fresh[places(known_ids, fresh) < 0]
            item_ids = np.array(sorted([*known_ids, *fresh]), dtype=object) if len(fresh) else known_ids
        user_ids = new_events.user_ids[np.unique(new_events.user)]
        nothing = interactions_from([], [], [], as_of=as_of)
        events = _over(new_events, user_ids, item_ids)
        before = replace(_over(histories or nothing, user_ids, item_ids), as_of=as_of)
        before = before.rows(before.time <= as_of)
        place = np.arange(len(known_ids)) if item_ids is known_ids else places(item_ids, known_ids)
        now = max(new_events.as_of, as_of)
        return cls(replace(events, as_of=now), before, _joined(before, events, as_of=now), place)


def _over(known: Interactions, user_ids: Ids, item_ids: Ids) -> Interactions:
    """The events of these users on these items, recoded to them."""
    user = _recoded(known.user_ids, known.user, user_ids)
    item = _recoded(known.item_ids, known.item, item_ids)
    keep = (user >= 0) & (item >= 0)
    return replace(
        known.rows(keep),
        user_ids=user_ids,
        item_ids=item_ids,
        user=user[keep],
        item=item[keep],
        item_facts=None,
        user_facts=None,
    )


def _recoded(ids: Ids, code: npt.NDArray[np.int32], into: Ids) -> npt.NDArray[np.int32]:
    present = np.unique(code)
    place = np.full(len(ids), -1, np.int32)
    place[present] = places(into, ids[present])
    return place[code]


def _joined(earlier: Interactions, later: Interactions, *, as_of: int) -> Interactions:
    """Events of both, over their common users and items, in the order of users and times."""
    types = tuple(dict.fromkeys((*earlier.event_types, *later.event_types)))
    kinds = [
        np.array([types.index(name) for name in part.event_types], np.int8)[part.event_type]
        for part in (earlier, later)
    ]
    user = np.concatenate([earlier.user, later.user])
    item = np.concatenate([earlier.item, later.item])
    time = np.concatenate([earlier.time, later.time])
    kind = np.concatenate(kinds)
    order = np.lexsort((kind, item, time, user))
    return Interactions(
        user_ids=later.user_ids,
        item_ids=later.item_ids,
        user=user[order],
        item=item[order],
        time=time[order],
        weight=np.concatenate([earlier.weight, later.weight])[order],
        event_type=kind[order],
        event_types=types,
        as_of=as_of,
    )


def grown(values: npt.NDArray[Any], place: npt.NDArray[np.int64], n_items: int) -> npt.NDArray[Any]:
    """Values of the catalogue before as values of the one now; 0 for new items."""
    made = np.zeros(n_items, values.dtype)
    made[place] = values
    return made
