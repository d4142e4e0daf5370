"""Finding a user, and looking at one: shared by Profiles and Slates."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import profiles
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import state
from persmark.ui.cache import cached
from persmark.ui.cards import timeline
from persmark.ui.pages import STEPS, page_path
from persmark.ui.tables import show_table
from persmark.ui.words import day, local_day, note, plain

_MATCHES = 12
_HISTORY = 60
_LONGEST_LABEL = 60


def _matches(_: Workspace, reader: Reader, wanted: str) -> list[str]:
    found: list[str] = profiles.search_users(reader, wanted, _MATCHES).column("user_id").to_pylist()
    return found


def _history(_: Workspace, reader: Reader, user_id: str) -> pd.DataFrame:
    found: pd.DataFrame = profiles.user_history(reader, user_id, _HISTORY).to_pandas()
    return found


def find_user(workspace: Workspace, *, else_first: bool = False) -> str | None:
    """A search field with the users it matches; the one that is meant, or None.

    Args:
        workspace: Whose users.
        else_first: Take the first match while none is picked, so that a fresh page shows something.
    """
    wanted = str(
        st.text_input(
            "Find a user by id, or a part of it",
            key="user",
            bind="query-params",
            placeholder="Part of a user id",
            icon=":material/search:",
        )
        or ""
    ).strip()
    found = cached(_matches, workspace, wanted)
    if not found:
        note(text("No user's id holds '{wanted}'.", wanted=wanted))
        return None
    if wanted not in found:
        st.pills(
            "Users that match" if wanted else "Some users",
            found,
            key="user_matches",
            format_func=plain,
            on_change=state.copy_widget,
            args=("user_matches", "user"),
        )
        return found[0] if else_first else None
    return wanted


def history(workspace: Workspace, user_id: str) -> pd.DataFrame:
    """The latest events of a user, newest first."""
    return cached(_history, workspace, user_id)


def _filled(value: object) -> str:
    return value if isinstance(value, str) else ""


def show_history(workspace: Workspace, user_id: str, *, n_shown: int = 14) -> None:
    """The latest events as a list, all that were read as a table."""
    rows = history(workspace, user_id)
    listed = []
    for row in rows.head(n_shown).to_dict("records"):
        title = _filled(row["title"]) or _filled(row["item_id"])
        value = f"{float(row['value']):,.2f} {_filled(row['currency'])}" if pd.notna(row["value"]) else ""
        what = f"{row['event_type']} · {title}" if title else row["event_type"]
        when = day(local_day(row["event_time"], workspace.time_zone))
        listed.append((when, what, value.strip() or _filled(row["channel"])))
    timeline(listed)
    with st.expander(f"The latest {len(rows)} events", type="compact"):
        show_table(rows, "history")


def link_to_user(workspace: Workspace, user_id: str | None = None) -> None:
    """A link to the page of one user; without an id, to where one is found."""
    if user_id is None:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            note("One person has a page of their own: what they did, attend to, and are likely to do next.")
            _link(workspace, "user", "Look at one user", {})
    else:
        _link(workspace, "user", f"Open user {plain(_short(user_id))}", {"user": user_id})


def link_to_slate(workspace: Workspace, user_id: str) -> None:
    """A link to what a user would be shown."""
    _link(workspace, "slates", "What they would be shown", {"user": user_id})


def _link(workspace: Workspace, page: str, label: str, asked: dict[str, str]) -> None:
    st.page_link(
        page_path(page),
        label=label,
        icon=f":material/{STEPS[page].icon}:",
        query_params={"workspace": workspace.name, **asked},
    )


def _short(user_id: str) -> str:
    return user_id if len(user_id) <= _LONGEST_LABEL else user_id[: _LONGEST_LABEL - 1] + "…"


def group_title(name: object) -> str:
    """What a page calls an RFM segment or a lifecycle stage."""
    for group in (*profiles.RFM_SEGMENTS, *profiles.LIFECYCLE):
        if group.name == name:
            return str(group.title)
    return name if isinstance(name, str) else "–"


def catalogue_of(_: Workspace, reader: Reader) -> list[profiles.Feature]:
    """The features of the workspace's profiles."""
    return profiles.feature_catalogue(reader)
