"""Why these items for this user: where the model looked, what moves the score, and what would undo it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.attention.counterfactual import CONTENDERS, Occluded, smallest_sets, together
from persmark.attention.rescored import MOST_EVENTS, Rescored
from persmark.attention.said import Habit, Past, carried_by, said_of
from persmark.errors import InputError
from persmark.recommend import Interactions, Recommender
from persmark.recommend.explained import Explained
from persmark.recommend.interactions import places
from persmark.text import Text, text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# A card tells only whether an item leaves a slate, so few rivals are enough; of a network whose variants
# cost much they are enough for all: a rank beyond them is told as the first beyond.
FEW_CONTENDERS = 150
# Of a very long history a card tries fewer of the latest events: each is one more copy of all of it.
MOST_ROWS, LEAST_TRIED = 200_000, 40


@dataclass(frozen=True, eq=False)
class ItemExplained:
    """One item of the slate.

    Args:
        item_id: The item.
        title: Its title, or its id.
        rank: From 1 among all that may be ranked, before slate rules.
        score: The recommender's.
        weights: (n_events,) attention, summing to 1; None where the recommender has none.
        heads: (n_layers, n_heads, n_events) the weights apart; None where it has none.
        effects: (n_events,) change of the score that each event makes, signed.
        ranks_without: (n_events,) rank without each event.
        field_weights: (n_fields,) attention on the profile's fields; None where it has none.
        field_effects: (n_fields,) change of the score that each field makes, signed.
        undone_by: Places among the events without which it is not among the first k; None where it
            stays whatever is taken away.
        why: In one sentence.
    """

    item_id: str
    title: str
    rank: int
    score: float
    weights: Floats | None
    heads: Floats | None
    effects: Floats
    ranks_without: Ints
    field_weights: Floats | None
    field_effects: Floats
    undone_by: tuple[int, ...] | None
    why: Text


@dataclass(frozen=True, eq=False)
class UserExplained:
    """A slate of one user, explained.

    Args:
        user_id: The user.
        recommender: Name.
        k: Slate length of the counterfactuals.
        events: The events that can be taken away, oldest first.
        n_older: Earlier events that the explanation leaves in place.
        fields: Names of the profile's fields.
        items: The items asked for, in the order asked.
        aggregation: How heads and layers became one weight; `none` where there are no weights.
        reindexed: Whether events are taken out and the history scored anew, because the recommender
            has no attention of its own.
    """

    user_id: str
    recommender: str
    k: int
    events: Past
    n_older: int
    fields: tuple[str, ...]
    items: tuple[ItemExplained, ...]
    aggregation: str
    reindexed: bool

    def to_json(self) -> dict[str, Any]:
        """The document that `explain --json` prints."""
        return {
            "user_id": self.user_id,
            "recommender": self.recommender,
            "k": self.k,
            "n_older_events": self.n_older,
            "aggregation": self.aggregation,
            "items": [_item_json(one, self) for one in self.items],
        }


@dataclass(frozen=True)
class Carried:
    """What carries an item: all of a user's events on one item.

    Args:
        item_id: What these events are on.
        n_events: How many they are.
        effect: Change of the explained item's score that they make together, > 0.
        why: In one sentence.
    """

    item_id: str
    n_events: int
    effect: float
    why: Text


def _item_json(one: ItemExplained, whole: UserExplained) -> dict[str, Any]:
    past = whole.events
    return {
        "item_id": one.item_id,
        "title": one.title,
        "rank": one.rank,
        "score": one.score,
        "why": one.why.render(),
        "undone_by": None if one.undone_by is None else list(one.undone_by),
        "events": [
            {
                "item_id": past.item_ids[place],
                "title": past.titles[place],
                "event_type": past.event_types[place],
                "time": int(past.times[place]),
                "attention_weight": None if one.weights is None else float(one.weights[place]),
                "occlusion": float(one.effects[place]),
                "rank_without": int(one.ranks_without[place]),
            }
            for place in range(len(past))
        ],
        "fields": [
            {
                "field": name,
                "attention_weight": None if one.field_weights is None else float(one.field_weights[at]),
                "occlusion": float(one.field_effects[at]),
            }
            for at, name in enumerate(whole.fields)
        ],
    }


def explained_by(
    recommender: Recommender, history: Interactions, *, most_events: int = MOST_EVENTS
) -> tuple[Explained, bool]:
    """The recommender bound to a history, and whether by scoring anew for want of attention.

    Scored anew, only the latest `most_events` can be taken away.
    """
    own = recommender.explained(history)
    if own is not None:
        return own, False
    return Rescored(recommender, history, most_events=most_events), True


def explain(
    recommender: Recommender,
    history: Interactions,
    items: Sequence[str] | None = None,
    *,
    k: int = 10,
    exclude_seen: bool = False,
    titles: Mapping[str, str] | None = None,
    categories: Mapping[str, str] | None = None,
    time_zone: str = "UTC",
) -> UserExplained:
    """Explain items for one user.

    Args:
        recommender: Trained, of any kind.
        history: The events of one user; with facts where the recommender needs them.
        items: Which; the first k of the recommender where left out.
        k: Slate length that the counterfactuals ask about, before slate rules.
        exclude_seen: Whether items with an event of the target type are left out of the ranking.
        titles: Item id -> title.
        categories: Item id -> category, so that many events are told in few words.
        time_zone: IANA name, of the days and months in words.

    Raises:
        InputError: `history` is not of one user, k is below 1, or an item is unknown.
    """
    if history.n_users != 1:
        raise InputError(
            text("An explanation is for one user. Received: {n}. Ask for each in turn.", n=history.n_users)
        )
    if k < 1:
        raise InputError(text("k must be at least 1. Received: {k}. Give a slate length like 10.", k=k))
    held, reindexed = explained_by(recommender, history)
    allowed = np.ones(len(recommender.item_ids), bool)
    if exclude_seen:
        seen = places(recommender.item_ids, history.item_ids[history.item[history.typed(recommender.target)]])
        allowed[seen[seen >= 0]] = False
    wanted = None if items is None else _columns(recommender, items)
    contenders = FEW_CONTENDERS if held.costly and not reindexed else CONTENDERS
    occluded = Occluded.of(held, items=wanted, allowed=allowed, contenders=contenders)
    asked = _first(occluded, k) if wanted is None else wanted
    past = Past.of(history, held.event, titles or {}, categories or {}, time_zone)
    weights = held.weights(asked) if not reindexed else None
    heads = held.heads(asked) if not reindexed else None
    n = held.n_events
    effects_of = [occluded.effects(item) for item in asked.tolist()]
    habits = [_habit(past, effects[:n]) for effects in effects_of]
    joint, ranks = together(held, occluded, asked, habits)
    of_item: dict[str, list[int]] = {}
    for at, name in enumerate(past.item_ids):
        of_item.setdefault(name, []).append(at)
    same_item = list(of_item.values())
    undone = smallest_sets(held, occluded, asked.tolist(), k=k, groups=same_item)
    explained = []
    for place, item in enumerate(asked.tolist()):
        item_id = str(recommender.item_ids[item])
        effects = effects_of[place]
        gone = undone[place]
        rank = occluded.rank(item)
        explained.append(
            ItemExplained(
                item_id=item_id,
                title=(titles or {}).get(item_id, item_id),
                rank=rank,
                score=float(occluded.whole[item]),
                weights=None if weights is None else np.asarray(weights[place, :n], np.float64),
                heads=None if heads is None else np.asarray(heads[place], np.float64),
                effects=effects[:n],
                ranks_without=occluded.ranks_without(item)[:n],
                field_weights=None
                if weights is None or not held.fields
                else np.asarray(weights[place, n:], np.float64),
                field_effects=effects[n:],
                undone_by=gone,
                why=said_of(
                    past,
                    held.fields,
                    effects,
                    gone,
                    rank=rank,
                    k=k,
                    habit=Habit(habits[place], int(ranks[place])) if joint[place] > 0 else None,
                ),
            )
        )
    return UserExplained(
        user_id=str(history.user_ids[0]),
        recommender=recommender.name,
        k=k,
        events=past,
        n_older=len(history) - n,
        fields=held.fields,
        items=tuple(explained),
        aggregation=held.aggregation,
        reindexed=reindexed,
    )


def carried(
    recommender: Recommender,
    history: Interactions,
    items: Sequence[str],
    *,
    k: int | None = None,
    allowed: npt.NDArray[np.bool_] | None = None,
    titles: Mapping[str, str] | None = None,
    categories: Mapping[str, str] | None = None,
    time_zone: str = "UTC",
) -> dict[str, Carried]:
    """Which of the user's events carry each item, in one sentence, at a fraction of `explain`'s cost.

    All events on one item are one candidate reason; no smaller sets of them are sought.

    Args:
        recommender: Trained, of any kind.
        history: The events of one user.
        items: Item ids of its catalogue.
        k: Slate length, where the sentence may tell that the item would leave the first k.
        allowed: (n_items,) items that are ranked at all.
        titles: Item id -> title.
        categories: Item id -> category.
        time_zone: IANA name, of the days in words.

    Returns:
        Item id -> what carries it; items for which no own event speaks are left out.
    """
    tried = max(LEAST_TRIED, min(MOST_EVENTS, MOST_ROWS // max(len(history), 1)))
    held, _ = explained_by(recommender, history, most_events=tried)
    if not held.n_events or not items:
        return {}
    asked = _columns(recommender, items)
    occluded = Occluded.of(held, items=asked, allowed=allowed, contenders=FEW_CONTENDERS)
    past = Past.of(history, held.event, titles or {}, categories or {}, time_zone)
    habits = [_habit(past, occluded.effects(item)[: held.n_events]) for item in asked.tolist()]
    joint, ranks = together(held, occluded, asked, habits)
    found = {}
    for place, item in enumerate(asked.tolist()):
        if habits[place] and joint[place] > 0:
            habit = Habit(habits[place], int(ranks[place]))
            told_k = k if k is not None and occluded.rank(item) <= k else None
            found[items[place]] = Carried(
                item_id=past.item_ids[habit.events[0]],
                n_events=len(habit.events),
                effect=float(joint[place]),
                why=carried_by(past, habit, k=told_k),
            )
    return found


def _habit(past: Past, effects: Floats) -> tuple[int, ...]:
    """All events on the item whose events together speak most for what is explained; () if none does."""
    carried: dict[str, float] = {}
    for item_id, effect in zip(past.item_ids, effects.tolist(), strict=True):
        carried[item_id] = carried.get(item_id, 0.0) + effect
    best = max(carried, key=lambda one: carried[one], default=None)
    if best is None or carried[best] <= 0:
        return ()
    return tuple(place for place, item_id in enumerate(past.item_ids) if item_id == best)


def _first(occluded: Occluded, k: int) -> Ints:
    """Columns of the first k."""
    whole = np.where(occluded.allowed & np.isfinite(occluded.whole), occluded.whole, -np.inf)
    order = np.lexsort((np.arange(len(whole)), -whole))[:k]
    return order[np.isfinite(whole[order])].astype(np.int64)


def _columns(recommender: Recommender, items: Sequence[str]) -> Ints:
    found = places(recommender.item_ids, np.array(list(items), dtype=object))
    if (found < 0).any():
        raise InputError(
            text(
                "An explanation needs an item of the catalogue trained on. Received: {item}."
                " Train again if it is new.",
                item=list(items)[int(np.flatnonzero(found < 0)[0])],
            )
        )
    return found
