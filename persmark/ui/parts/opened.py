"""A headline count opened to the users behind it; nothing is asked of the store before it is opened."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from persmark import segments
from persmark.privacy import MINIMUM_GROUP_SIZE
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui.cache import cached
from persmark.ui.parts.people import group_title, link_to_user
from persmark.ui.parts.saved import saved_versions
from persmark.ui.tables import show_table
from persmark.ui.words import note

USERS_LISTED = 200
COLUMNS = (
    "user_id", "lifecycle", "rfm_segment", "recency_days", "n_purchases", "monetary", "mean_gap_days",
    "n_events", "last_event_time",
)  # fmt: skip


_GROUPS = ("lifecycle", "rfm_segment")


def too_few(n_users: int) -> bool:
    """Whether a list of so many users would point at single people."""
    return 0 < n_users < MINIMUM_GROUP_SIZE


def refuse_too_few() -> None:
    """Say why there is no list."""
    note(text("Fewer than {n} users: not listed.", n=MINIMUM_GROUP_SIZE))


def _behind(
    workspace: Workspace, reader: Reader, rule: str, _saved: tuple[tuple[str, int], ...]
) -> tuple[int, pd.DataFrame]:
    asked, saved = json.loads(rule), segments.saved_rules(workspace)
    n_users = segments.count(reader, asked, saved=saved)
    if too_few(n_users) or not n_users:
        return n_users, pd.DataFrame(columns=list(COLUMNS))
    found: pd.DataFrame = segments.sample(
        reader, asked, USERS_LISTED, columns=COLUMNS, saved=saved
    ).to_pandas()
    return n_users, found


def show_users(workspace: Workspace, rule: segments.Rule, title: Text | str, key: str) -> None:
    """Up to `USERS_LISTED` users for whom the rule holds, with their main figures; refused for a few."""
    asked = json.dumps(rule, ensure_ascii=False)
    n_users, table = cached(_behind, workspace, asked, saved_versions(workspace))
    with st.container(border=True, key=f"users-{key}"):
        note(text("{title}: the users behind the figure", title=title))
        if not n_users:
            note("There are none.")
        elif too_few(n_users):
            refuse_too_few()
        else:
            note(
                text("{m} of {n} users, drawn at random, the same every time.", m=len(table), n=n_users)
                if n_users > len(table)
                else text("All {n} users.", n=n_users)
            )
            named = table.assign(**{name: [group_title(one) for one in table[name]] for name in _GROUPS})
            note("Tick a row to open that user.")
            place = show_table(named, f"users-{key}", height=340 if len(table) > 8 else "auto", choose=True)
            if place is not None:
                link_to_user(workspace, str(table["user_id"].iloc[place]))
