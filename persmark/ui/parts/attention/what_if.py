"""What they would be shown if they did one more thing; nothing of it is written."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from persmark import attention
from persmark.recommend import history_weights
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui.cache import cached
from persmark.ui.charts.person import lane_title
from persmark.ui.parts.attention.asked import Ask
from persmark.ui.parts.served import recommender_of
from persmark.ui.show import side_by_side
from persmark.ui.tables import show_table
from persmark.ui.words import counted, escaped, note, section

_OFFERED = 60


def _items(_: Workspace, reader: Reader, wanted: str) -> list[tuple[str, str]]:
    return attention.search_items(reader, wanted, _OFFERED)


def _kinds(workspace: Workspace, reader: Reader, run_id: str) -> list[str]:
    weights = history_weights(reader, recommender_of(workspace, run_id))
    return sorted(weights, key=lambda kind: (-weights[kind], kind))


def _tried(workspace: Workspace, reader: Reader, ask: Ask, item_id: str, event_type: str) -> attention.WhatIf:
    return attention.what_if(
        reader,
        recommender_of(workspace, ask.run_id),
        ask.user_id,
        item_id,
        event_type,
        k=ask.k,
        as_of=workspace.as_of(),
    )


def show_what_if(workspace: Workspace, ask: Ask) -> None:
    """An event to try out, and the slate before and after it side by side."""
    section(
        "If they did one more thing now",
        "The slate with one more event at the end of the history. It is only tried out, nothing is kept.",
    )
    left, middle, right = st.columns([3, 5, 2])
    with left:
        wanted = st.text_input(
            "Find an item by title or id", key="what_if_search", icon=":material/search:",
            placeholder="Part of a title",
        )  # fmt: skip
    offered = dict(cached(_items, workspace, str(wanted or "").strip()))
    with middle:
        chosen = st.selectbox(
            "Item", list(offered), index=None, format_func=lambda one: f"{offered[one]} · {one}",
            key="what_if_item", placeholder="Choose an item" if offered else "No item holds that text",
        )  # fmt: skip
    with right:
        kinds = cached(_kinds, workspace, ask.run_id)
        kind = st.selectbox("What they do", kinds, format_func=lane_title, key="what_if_type")
    if chosen is None or kind is None:
        return
    found = cached(_tried, workspace, ask, str(chosen), str(kind))
    what = lane_title(found.event_type)
    note(
        counted(
            found.n_moved,
            "{what} of {title}: one of {k} places changes.",
            "{what} of {title}: {n} of {k} places change.",
            what=what, title=found.title, k=len(found.after),
        )
        if found.n_moved
        else text("{what} of {title} changes no place of the {k}.", what=what, title=found.title,
                  k=len(found.after))
    )  # fmt: skip
    one, other = side_by_side("what-if")
    with one:
        _list(found.before, "Now", left=True)
    with other:
        _list(found.after, "After it", left=False)
    with st.expander("Both slates as a table", type="compact"):
        both = [found.before.assign(slate="now"), found.after.assign(slate="after")]
        show_table(pd.concat(both)[["slate", "rank", "item_id", "title", "score", "other_rank"]], "what-if")


def _list(slate: pd.DataFrame, title: str, *, left: bool) -> None:
    rows = "".join(
        f'<li class="pm-{kind}"><b>{int(row["rank"])}</b><strong>{escaped(row["title"])}</strong>'
        f"<em>{said}</em></li>"
        for row in slate.to_dict("records")
        for kind, said in [_moved(int(row["rank"]), float(row["other_rank"]), left=left)]
    )
    st.html(f'<h3 class="pm-slot-head">{escaped(title)}</h3><ol class="pm-slots">{rows}</ol>')


def _moved(rank: int, other: float, *, left: bool) -> tuple[str, str]:
    """How a row is marked, and in words where it goes to, or comes from."""
    if math.isnan(other):
        return ("leaves", "leaves") if left else ("enters", "new")
    by = int(other) - rank
    if left or not by:
        return ("stays", "")
    return ("rises", f"up {by}") if by > 0 else ("falls", f"down {-by}")
