"""One file before it is loaded: what it seems to be, every choice in the open, and the load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from persmark import actions, events
from persmark.store import Workspace, list_workspaces, open_workspace
from persmark.text import Text, text
from persmark.ui import state, uploads
from persmark.ui.parts import mapping as meaning
from persmark.ui.parts.reading import ask_decimal, fixed_reading, show_reading
from persmark.ui.refusals import shown
from persmark.ui.words import counted, note, words

_KINDS = {"events": "Events", "items": "Items", "users": "Users"}
_PREVIEW_ROWS = 8
_LOOKS_KEPT = 6
_FORM = ("form_of", "form_columns")


def _targets_for(workspace: Workspace, name: str, kind: str) -> dict[str, str]:
    """Where the file may go: label -> workspace name; the first is the default.

    Events open a workspace of their own; items and users belong to events that are there already.
    """
    fresh = actions.workspace_for_upload(name)
    own = [one for one in list_workspaces() if open_workspace(one).kind == "own"]
    own.sort(key=lambda one: one != workspace.name)
    new = {f"a new workspace, '{fresh}'": fresh}
    existing = {f"workspace '{one}'": one for one in own}
    return existing | new if workspace.kind == "own" and kind != "events" else new | existing


def _look(path: Path, name: str, kind: str | None, fixed: Mapping[str, Any]) -> events.Proposal:
    """The proposal for this file, looked at once per visit, kind and way of reading."""
    key = f"{path}-{path.stat().st_mtime_ns}-{kind}-{sorted(fixed.items())}"
    kept: dict[str, events.Proposal] = state.recall("proposals", {})
    if key not in kept:
        found = events.propose(path, kind=kind, name=name, reading=fixed)
        kept = dict([*list(kept.items())[1 - _LOOKS_KEPT :], (key, found)])
        state.remember("proposals", kept)
    return kept[key]


def _is_new(part: str, basis: object) -> bool:
    """Whether a part of the form now stands on another ground than it was filled for."""
    if state.recall(part) == basis:
        return False
    state.remember(part, basis)
    return True


def _start_over() -> None:
    for part in _FORM:
        state.forget(part)


def _offer_way_back() -> None:
    st.button(
        "Back to the proposal", key="as_proposed", icon=":material/undo:", on_click=_start_over,
        help="Every choice above as it was proposed for this file.",
    )  # fmt: skip


def _recognised(proposal: events.Proposal) -> Text:
    """What the file is taken for, in one calm sentence."""
    values = {
        "kind": _KINDS[proposal.kind].lower(),
        "n": len(proposal.mapping.columns),
        "all": len(proposal.columns),
    }
    if proposal.mapping.adapter:
        return text(
            "Recognised as {adapter}: {n} of {all} columns have a meaning. Look it over, then load it.",
            adapter=proposal.mapping.adapter,
            **values,
        )
    return text(
        "Looks like a table of {kind}: {n} of {all} columns have a meaning. Look it over, then load it.",
        **values,
    )


def _show_rows(proposal: events.Proposal, chosen: Mapping[str, str]) -> None:
    """The first rows, each column headed by what it means."""
    targets = events.TARGETS[proposal.kind]
    meanings = {column: words(targets[target].title) for target, column in chosen.items()}
    st.dataframe(
        proposal.preview.head(_PREVIEW_ROWS),
        hide_index=True,
        key="preview",
        column_config={
            column: st.column_config.TextColumn(
                f"{column}  →  {meanings[column]}" if column in meanings else column
            )
            for column in proposal.preview.columns
        },
    )


def show_proposal(workspace: Workspace, path: Path, name: str, *, delete_after: bool) -> None:
    """What the file seems to be, with a control for every choice, and the button that loads it."""
    looked = _look(path, name, None, {})
    top = st.container()
    state.fill_widget("file_kind", looked.kind, again=_is_new("form_file", str(path)))
    kind = st.segmented_control(
        "The file holds", list(_KINDS), format_func=_KINDS.__getitem__, key="file_kind", required=True
    )
    if kind != looked.kind:
        looked = _look(path, name, str(kind), {})
    basis = (str(path), kind)
    fixed = fixed_reading(looked.mapping.reading if _is_new("form_of", basis) else None)
    box, rest = st.container(), st.container()
    found: list[events.Proposal] = []
    with rest, shown():
        found.append(_look(path, name, str(kind), fixed) if fixed else looked)
    with box:
        place = show_reading(found[0].format if found else replace(looked.format, **fixed))
    if not found:
        # Read so, the file is refused: the controls stay, and the way back.
        _offer_way_back()
        return
    proposal = found[0]
    proposed = proposal.mapping
    with top:
        note(_recognised(proposal))
    again = _is_new("form_columns", (basis, proposal.columns))
    decimal = ask_decimal(place, proposed.decimal, again=again)
    rows = st.container()
    for remark in proposal.notes:
        note(remark)
    answers, still_open = meaning.ask_questions(proposal, {}, again=again)
    chosen = meaning.ask_columns(proposal, proposed.columns, again=again)
    with rows:
        _show_rows(proposal, chosen)
    values = meaning.ask_values(proposal, proposed, chosen, again=again)
    asked: dict[str, Any] = {
        "event_types": meaning.ask_types(
            proposal, proposed, _spellings(proposal, chosen.get("event_type")), again=again
        ),
        "keys": meaning.ask_keys(proposal, proposed, again=again),
        **meaning.ask_unpivot(proposal, proposed, chosen, again=again),
        **meaning.ask_rows(proposal, proposed, chosen, again=again),
    }
    mapping = {
        **proposed.to_json(), **asked, **values, **answers,
        "columns": chosen, "decimal": decimal, "reading": fixed,
    }  # fmt: skip
    _show_load(workspace, proposal, (path, name), mapping, still_open, delete_after=delete_after)


def _spellings(proposal: events.Proposal, column: str | None) -> dict[str, int]:
    """The event types of the first rows, as the file spells them, with how often."""
    if proposal.kind != "events" or column not in proposal.preview:
        return {}
    counts = proposal.preview[column].dropna().value_counts(sort=True)
    return {str(raw): int(n) for raw, n in counts.items() if str(raw).strip()}


def _show_load(
    workspace: Workspace,
    proposal: events.Proposal,
    file: tuple[Path, str],
    mapping: dict[str, Any],
    still_open: list[Text],
    *,
    delete_after: bool,
) -> None:
    path, name = file
    places = _targets_for(workspace, name, proposal.kind)
    if state.chosen("load_into") not in places:
        state.fill_widget("load_into", next(iter(places)), again=True)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = st.selectbox("Load into", list(places), key="load_into")
        _offer_way_back()
        go = st.button(
            "Load the file", type="primary", key="load", icon=":material/upload:", disabled=bool(still_open)
        )
    if still_open:
        note(
            counted(
                len(still_open),
                "Loading waits for the answer above: nothing is guessed here.",
                "Loading waits for the {n} answers above: nothing is guessed here.",
            )
        )
    if not go:
        return
    events.Mapping.from_json(mapping).check(proposal.columns, name)
    target = places[str(place)]
    fresh = target not in list_workspaces()
    there = (
        actions.create_workspace_for_upload(state.actor(), name, time_zone=str(mapping["time_zone"]))
        if fresh
        else open_workspace(target)
    )
    actions.start(
        there,
        state.actor(),
        actions.LoadFiles(
            paths=(str(path),),
            kind=proposal.kind,
            mapping=mapping,
            names=(name,),
            delete_after=delete_after,
            new_workspace=fresh,
        ),
    )
    if delete_after:
        uploads.take(path)
    state.say_next("The file is being loaded.")
    state.switch_workspace(there.name)
