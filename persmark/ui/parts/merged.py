"""Which user ids were taken for one person, and keeping two of them apart again."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import actions, events
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import state
from persmark.ui.cache import cached
from persmark.ui.progress import started
from persmark.ui.tables import show_table
from persmark.ui.words import counted, note, section

_KEYS = {"email": "e-mail", "phone": "phone", "device": "device", "user_id": "user id"}
_STANDS = "this id stands for all"


def _count(_: Workspace, reader: Reader) -> int:
    return events.n_merged(reader)


def _merges(_: Workspace, reader: Reader) -> pd.DataFrame:
    return events.merges(reader)


def _linked_by(reason: str) -> str:
    return " and ".join(_KEYS.get(one, one) for one in reason.split(",")) if reason else _STANDS


def show_merged(workspace: Workspace, *, busy: bool) -> None:
    """Every person of several ids; one row ticked can be kept apart. Ids only, never a contact."""
    n = cached(_count, workspace)
    if not n:
        return
    section(
        "Who is who",
        counted(
            n,
            "{n} user id stands under another one: both are one person, by e-mail, phone or device.",
            "{n} user ids stand under another one: they are one person, by e-mail, phone or device.",
        ),
    )
    if not st.toggle("List them", key="list_merged"):
        return
    found = cached(_merges, workspace)
    table = pd.DataFrame(
        {
            "user_id": found["user_id"],
            "came_as": found["source_user_id"],
            "shared": [_linked_by(str(one)) for one in found["reason"]],
            "n_events": found["n_events"],
        }
    )
    note("Tick a row to keep that id apart.")
    place = show_table(table, "merged", choose=True)
    if place is None:
        return
    one, other = str(found["source_user_id"].iloc[place]), str(found["user_id"].iloc[place])
    if one == other:
        note("This id stands for all: tick one of the others to keep it apart.")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note(
            text(
                "'{one}' and '{other}' become two users again, in these files and in later ones.",
                one=one, other=other,
            )
        )  # fmt: skip
        if st.button("Keep them apart", key="keep_apart", icon=":material/call_split:", disabled=busy):
            actions.start(workspace, state.actor(), actions.KeepApart(one=one, other=other))
            started("The two are being kept apart.")
