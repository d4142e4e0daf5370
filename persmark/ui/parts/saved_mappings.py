"""Saved mappings: which one a file is read with, and renaming or forgetting them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from persmark import events
from persmark.events.mappings import (
    SavedMapping,
    delete_mapping,
    mapping_for,
    read_as_before,
    rename_mapping,
    saved_mappings,
)
from persmark.store import Workspace
from persmark.ui import state
from persmark.ui.refusals import shown
from persmark.ui.tables import show_table
from persmark.ui.words import counted, note, words

_PROPOSED = ""


def _fits(one: SavedMapping, found: events.Proposal) -> bool:
    """Whether a file has all the columns that a mapping speaks of."""
    used = {*one.mapping.columns.values(), *one.mapping.keys.values(), *one.mapping.unpivot}
    return one.mapping.kind == found.kind and (one.columns == found.columns or used <= set(found.columns))


def pick_mapping(workspace: Workspace, found: events.Proposal, file: Sequence[object]) -> SavedMapping | None:
    """The saved mapping a file is read with: the one of its shape by itself, another, or none.

    Args:
        workspace: The one that is looked at.
        found: The file as it looks by itself.
        file: What tells it from another file.
    """
    own = mapping_for(workspace, found)
    others = [one for one in saved_mappings(workspace) if _fits(one, found)]
    by_name = {one.name: one for one in [*others, *([own] if own else [])]}
    if not by_name:
        return None
    again = state.is_new("form_mapping", file)
    state.fill_widget("use_mapping", own.name if own else _PROPOSED, again=again)
    if state.chosen("use_mapping") not in by_name:
        state.fill_widget("use_mapping", _PROPOSED, again=True)
    name = st.selectbox(
        "Read it with the saved mapping",
        [_PROPOSED, *by_name],
        format_func=lambda one: one or "none: as proposed for this file",
        key="use_mapping",
    )
    chosen = by_name.get(str(name))
    if chosen:
        note(read_as_before(chosen))
    return chosen


def manage_mappings(workspace: Workspace) -> None:
    """The saved mappings of a workspace, each to be renamed or forgotten."""
    saved = saved_mappings(workspace)
    if not saved:
        return
    with (
        st.expander(
            words(counted(len(saved), "{n} saved mapping", "{n} saved mappings")), icon=":material/bookmarks:"
        ),
        shown(),
    ):
        note(
            "A file of a shape that was loaded before is read as that one was. No loaded row is touched here."
        )
        show_table(
            pd.DataFrame(
                [
                    {
                        "name": one.name,
                        "kind": one.mapping.kind,
                        "columns": len(one.columns),
                        "used_for": ", ".join(one.files),
                        "saved_at": pd.Timestamp(one.saved_at).tz_localize(None),
                    }
                    for one in saved
                ]
            ),
            "mappings",
            download=False,
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox("Mapping", [one.name for one in saved], key="managed_mapping")
            to = st.text_input("New name", key="mapping_to", placeholder="Monthly shop export")
            rename = st.button(
                "Rename", key="rename_mapping", icon=":material/edit:", disabled=not to.strip()
            )
            forget = st.button("Forget", key="delete_mapping", icon=":material/delete:")
        if rename:
            rename_mapping(workspace, name, to)
            state.set_next_widget("mapping_to", "")
            st.rerun()
        if forget:
            delete_mapping(workspace, name)
            st.rerun()
