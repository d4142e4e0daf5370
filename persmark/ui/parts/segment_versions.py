"""A saved segment: changed, copied, taken elsewhere, put away, and brought back as it was before."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import streamlit as st

from persmark import actions, segments
from persmark.store import Workspace
from persmark.text import text
from persmark.ui import state
from persmark.ui.parts import drafting
from persmark.ui.refusals import shown
from persmark.ui.tables import show_table
from persmark.ui.words import note, plain, section, words


def show_saved(workspace: Workspace, found: list[segments.SegmentSize]) -> None:
    """The saved segments: one is chosen, then what can be done with it."""
    _offer_undo(workspace)
    own = {one.segment.name: one for one in found if not one.segment.built_in}
    if not own:
        note("No segment of your own yet: add conditions above and save them.")
        return
    section("Your segments", "Change one, copy it, take it elsewhere, or bring an older version back.")
    name = st.selectbox("A saved segment", list(own), key="saved", format_func=lambda one: _label(own[one]))
    with shown():
        chosen = own[str(name)].segment
        note(chosen.definition)
        _buttons(workspace, chosen)
        _offer_file(chosen)
        _versions(workspace, chosen)


def _label(one: segments.SegmentSize) -> str:
    n_users = "–" if one.n_users is None else f"{one.n_users:,}"
    return f"{one.segment.name} · version {one.segment.version} · {n_users} users"


def _buttons(workspace: Workspace, chosen: segments.Segment) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Edit", key="edit_segment", icon=":material/edit:"):
            drafting.begin(dict(chosen.rule), chosen.name)
            st.rerun()
        if st.button("Duplicate", key="duplicate_segment", icon=":material/content_copy:"):
            drafting.begin(dict(chosen.rule))
            state.set_next_widget("segment_name", f"{chosen.name[:110]} (copy)")
            st.rerun()
        if st.button("List its users", key="export_segment", icon=":material/group:"):
            made = actions.run(workspace, state.actor(), actions.ExportSegment(name=chosen.name))
            state.remember("segment_file", {**made, "of_version": chosen.version})
            st.rerun()
        st.download_button(
            "Rule as JSON",
            lambda: json.dumps(segments.rule_document(workspace, chosen.name), ensure_ascii=False, indent=2),
            file_name=f"segment-v{chosen.version}.json",
            mime="application/json",
            key="download-rule",
            icon=":material/data_object:",
            on_click="ignore",
        )  # fmt: skip
        if st.button("Delete", key="delete_segment", icon=":material/delete:"):
            actions.run(workspace, state.actor(), actions.DeleteSegment(name=chosen.name))
            state.remember("deleted_segment", chosen.name)
            st.rerun()


def _offer_file(chosen: segments.Segment) -> None:
    """The list of users that was made last, while its segment is looked at."""
    made = state.recall("segment_file")
    if not made or (made["segment"], made["of_version"]) != (chosen.name, chosen.version):
        return
    file = Path(made["path"])
    if not file.is_file():
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note(text("{n} users of version {version}.", n=made["n_users"], version=made["of_version"]))
        st.download_button(
            "Download the users", file.read_bytes, file_name=file.name, mime="text/csv",
            key="download-members", type="primary", icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _versions(workspace: Workspace, chosen: segments.Segment) -> None:
    versions = segments.segment_versions(workspace, chosen.name)
    if len(versions) < 2:
        return
    table = pd.DataFrame(
        [
            {
                "version": one.version,
                "saved_at": (one.saved_at or "")[:16].replace("T", " "),
                "users_when_saved": one.n_users_saved,
                "who": words(one.definition),
            }
            for one in versions
        ]
    )
    note("Tick an older version to bring its rule into force again, as the next version.")
    place = show_table(table, "versions", choose=True, download=False)
    if place is None or place >= len(versions) or versions[place].version == chosen.version:
        return
    old = versions[place]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(f"Bring version {old.version} back", key="restore_version", icon=":material/history:"):
            asked = actions.RestoreSegment(name=chosen.name, version=old.version)
            made = actions.run(workspace, state.actor(), asked)
            state.say_next(f"Version {old.version} is in force again, as version {made['version']}.")
            st.rerun()
        if st.button("Look at it above", key="look_at_version", icon=":material/visibility:"):
            drafting.begin(dict(old.rule), chosen.name)
            st.rerun()


def _offer_undo(workspace: Workspace) -> None:
    gone = state.recall("deleted_segment")
    if not gone:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note(text("Segment '{name}' was deleted.", name=gone))
        if st.button("Undo", key="undo_delete", icon=":material/undo:"):
            actions.run(workspace, state.actor(), actions.RestoreSegment(name=gone))
            state.forget("deleted_segment")
            state.say_next(f"{plain(gone)} is back.")
            st.rerun()
