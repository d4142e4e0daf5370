"""Histories as a trained recommender wants them: weighed as in its training, with facts if it needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from persmark.columns import EVENT_TYPES
from persmark.recommend.contract import Recommender
from persmark.recommend.interactions import (
    EVENT_WEIGHTS,
    Interactions,
    event_weights,
    load_interactions,
)
from persmark.store import Reader


def history_weights(
    reader: Reader, recommender: Recommender, weights: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Event type -> weight: as asked for, else as the recommender was trained, else the defaults."""
    if weights is not None or recommender.event_weights:
        return dict(recommender.event_weights if weights is None else weights)
    # Among types of our vocabulary the defaults are known by name, and the counts are a small table;
    # only a type of the workspace's own needs a look at the events.
    held = {str(row[0]) for row in reader.rows("SELECT DISTINCT event_type FROM event_counts")}
    if held & EVENT_WEIGHTS.keys() and held <= set(EVENT_TYPES):
        return {kind: weight for kind, weight in EVENT_WEIGHTS.items() if kind in held}
    return event_weights(reader)


def load_histories(
    reader: Reader,
    recommender: Recommender,
    *,
    users: Sequence[str],
    as_of: int,
    weights: Mapping[str, float] | None = None,
) -> Interactions:
    """The events of some users up to a moment, to be scored.

    Args:
        reader: The workspace.
        recommender: That will score them.
        users: Each is in the result even without an event.
        as_of: Epoch seconds; later events are not looked at, and ages are counted back from here.
        weights: Event type -> weight; as in `history_weights` where left out.
    """
    return load_interactions(
        reader,
        weights=history_weights(reader, recommender, weights),
        before=as_of + 1,
        users=users,
        as_of=as_of,
        with_facts=recommender.needs_facts and recommender.scores_with_facts,
    )
