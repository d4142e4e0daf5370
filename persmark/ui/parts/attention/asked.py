"""What an explanation is asked about, and the explanation, kept until a table or the run changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from persmark import attention, recommend
from persmark.errors import InputError, NotFoundError
from persmark.recommend import Recommender
from persmark.store import Reader, Workspace
from persmark.ui import state
from persmark.ui.cache import cached
from persmark.ui.parts.served import recommender_of, run_label

K = 10


@dataclass(frozen=True)
class Ask:
    """All that an explanation depends on beside the tables.

    Attributes:
        user_id: Whose slate.
        run_id: By which run.
        k: Slate length.
    """

    user_id: str
    run_id: str
    k: int


def pick_run(runs: list[recommend.Run], label: str, *, key: str) -> recommend.Run:
    """One of some runs, to begin with the published one; the address keeps it."""
    ids = {run.run_id: run for run in runs}
    first = next((run.run_id for run in runs if run.state == "published"), runs[0].run_id)
    state.begin_linked(key, list(ids))
    if state.chosen(key) not in ids:
        state.fill_widget(key, first, again=True)
    chosen = st.selectbox(label, list(ids), format_func=lambda one: run_label(ids[one]), key=key)
    state.keep_linked(key, None if chosen == first else chosen)
    return ids[str(chosen)]


def _explained(
    workspace: Workspace, reader: Reader, ask: Ask, items: tuple[str, ...] | None
) -> attention.UserExplained | None:
    try:
        return attention.explain_user(
            reader,
            recommender_of(workspace, ask.run_id),
            ask.user_id,
            items,
            k=ask.k,
            as_of=workspace.as_of(),
            time_zone=workspace.time_zone,
        )
    except NotFoundError:
        return None


def explained(workspace: Workspace, ask: Ask) -> attention.UserExplained | None:
    """The user's slate; None where they have no event."""
    return cached(_explained, workspace, ask, None)


def _known(workspace: Workspace, reader: Reader, ask: Ask, item: str) -> attention.UserExplained | None:
    try:
        return _explained(workspace, reader, ask, (item,))
    except InputError:
        return None


def explained_item(workspace: Workspace, ask: Ask, item: str) -> attention.UserExplained | None:
    """One item that is not in the slate; None where the recommender does not know it."""
    return cached(_known, workspace, ask, item)


def attends(name: str) -> bool:
    """Whether the recommender of a name has attention weights of its own."""
    kind = recommend.RECOMMENDERS.get(name)
    return kind is not None and kind.attended is not Recommender.attended


def events_of(whole: attention.UserExplained, one: attention.ItemExplained) -> pd.DataFrame:
    """The events of an explanation as charts and tables want them, oldest first."""
    past = whole.events
    weights = np.full(len(past), np.nan) if one.weights is None else one.weights
    return pd.DataFrame(
        {
            "at": [past.local(place).replace(tzinfo=None) for place in range(len(past))],
            "title": list(past.titles),
            "event_type": list(past.event_types),
            "occlusion": np.asarray(one.effects, float),
            "rank_without": np.asarray(one.ranks_without, int),
            "attention_weight": weights,
            "item_id": list(past.item_ids),
        }
    )


def fields_of(whole: attention.UserExplained, one: attention.ItemExplained) -> pd.DataFrame:
    """The profile's fields of an explanation."""
    weights = np.full(len(whole.fields), np.nan) if one.field_weights is None else one.field_weights
    return pd.DataFrame(
        {"field": list(whole.fields), "occlusion": one.field_effects, "attention_weight": weights}
    )
