"""Where a file goes, under which name its choices are kept, and the start of its load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from persmark import actions, events
from persmark.events.mappings import SavedMapping, save_mapping
from persmark.store import Workspace, list_workspaces, open_workspace
from persmark.text import Text
from persmark.ui import state, uploads
from persmark.ui.words import counted, note


@dataclass(frozen=True)
class Filed:
    """A file that waits to be loaded.

    Attributes:
        path: Where it lies.
        name: What people call it.
        delete_after: Whether it is an upload, which goes once it is loaded.
    """

    path: Path
    name: str
    delete_after: bool


def _places(workspace: Workspace, name: str, kind: str, *, known: bool) -> dict[str, str]:
    """Where the file may go: label -> workspace name; the first is the default.

    Events of a shape that is not known here open a workspace of their own; the next file of a shape,
    items and users belong to the events that are there already.
    """
    fresh = actions.workspace_for_upload(name)
    own = [one for one in list_workspaces() if open_workspace(one).kind == "own"]
    own.sort(key=lambda one: one != workspace.name)
    new = {f"a new workspace, '{fresh}'": fresh}
    existing = {f"workspace '{one}'": one for one in own}
    return existing | new if workspace.kind == "own" and (known or kind != "events") else new | existing


def start_load(there: Workspace, file: Filed, **more: Any) -> None:
    """Load beside the page, and look at where it goes.

    Args:
        there: Where to.
        file: What.
        **more: Further fields of `LoadFiles`.
    """
    asked = actions.LoadFiles(
        paths=(str(file.path),), names=(file.name,), delete_after=file.delete_after, **more
    )
    actions.start(there, state.actor(), asked)
    if file.delete_after:
        uploads.take(file.path)
    state.say_next("The file is being loaded.")
    state.switch_workspace(there.name)


def show_load(
    workspace: Workspace,
    file: Filed,
    mapping: Mapping[str, Any],
    *,
    columns: Sequence[str],
    shape: Sequence[str],
    saved: SavedMapping | None,
    still_open: Sequence[Text],
    way_back: Callable[[], None],
) -> None:
    """The last row of the form: where to, under which name, and the button.

    Args:
        workspace: The one that is looked at.
        file: What is loaded.
        mapping: Every choice, as a mapping's JSON object.
        columns: The file's columns as it is read now.
        shape: Its columns as it looks by itself, by which the next file of the shape is known.
        saved: The saved mapping it is read with.
        still_open: Questions without an answer; the button waits for them.
        way_back: Draws the button that undoes the choices.
    """
    kind = str(mapping["kind"])
    places = _places(workspace, file.name, kind, known=saved is not None)
    fresh_form = state.is_new("form_place", (str(file.path), kind, saved.name if saved else ""))
    if state.chosen("load_into") not in places or fresh_form:
        state.fill_widget("load_into", next(iter(places)), again=True)
    state.fill_widget("mapping_name", saved.name if saved else file.name[:120], again=fresh_form)
    left, right = st.columns(2)
    with left:
        place = st.selectbox("Load into", list(places), key="load_into")
    with right:
        kept_as = st.text_input(
            "Keep these choices as", key="mapping_name", max_chars=120,
            help="The next file of this shape is read so by itself.",
        )  # fmt: skip
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if still_open:
            note(
                counted(
                    len(still_open),
                    "Loading waits for the answer above: nothing is guessed here.",
                    "Loading waits for the {n} answers above: nothing is guessed here.",
                )
            )
        way_back()
        go = st.button(
            "Load the file", type="primary", key="load", icon=":material/upload:", disabled=bool(still_open)
        )
    if not go:
        return
    wanted = events.Mapping.from_json(mapping)
    wanted.check(columns, file.name)
    target = places[str(place)]
    fresh = target not in list_workspaces()
    there = (
        actions.create_workspace_for_upload(state.actor(), file.name, time_zone=wanted.time_zone)
        if fresh
        else open_workspace(target)
    )
    if kept_as.strip() not in ("", file.name):
        save_mapping(there, kept_as, wanted, shape)
    start_load(there, file, kind=kind, mapping=wanted.to_json(), new_workspace=fresh)
