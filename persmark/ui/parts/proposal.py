"""One file before it is loaded: what it seems to be, every choice in the open, and the load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from persmark import events
from persmark.errors import called
from persmark.events.corrections import is_corrections
from persmark.events.mappings import SavedMapping
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import state
from persmark.ui.parts import mapping as meaning
from persmark.ui.parts.placing import Filed, show_load, start_load
from persmark.ui.parts.reading import ask_decimal, fixed_reading, show_reading
from persmark.ui.parts.saved_mappings import pick_mapping
from persmark.ui.refusals import shown
from persmark.ui.words import note, notes, words

_KINDS = {"events": "Events", "items": "Items", "users": "Users"}
_PREVIEW_ROWS = 8
_LOOKS_KEPT = 6
_FORM = ("form_of", "form_columns")


def _look(
    path: Path, name: str, kind: str | None, fixed: Mapping[str, Any], *, saved: SavedMapping | None = None
) -> events.Proposal:
    """The proposal for this file, looked at once per visit, kind and way of reading."""
    shape = (saved.mapping.explode, saved.mapping.unfold) if saved else None
    key = f"{path}-{path.stat().st_mtime_ns}-{kind}-{sorted(fixed.items())}-{shape}"
    kept: dict[str, events.Proposal] = state.recall("proposals", {})
    if key not in kept:
        with called(name, instead_of=path.name):
            found = events.propose(
                path, kind=kind, name=name, reading=fixed, mapping=saved.mapping if saved else None
            )
        kept = dict([*list(kept.items())[1 - _LOOKS_KEPT :], (key, found)])
        state.remember("proposals", kept)
    return kept[key]


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


def _show_corrections(workspace: Workspace, file: Filed) -> None:
    """Rejected rows that come back: they are read as their own file was, so nothing is asked."""
    note(
        "These are rejected rows of a file that was loaded before. Those that can be read now will appear, "
        "exactly once; rows left as they were stay rejected."
    )
    if st.button(
        "Bring the corrected rows in", type="primary", key="load_corrected", icon=":material/upload:"
    ):
        start_load(workspace, file)


def show_proposal(workspace: Workspace, file: Filed) -> None:
    """What the file seems to be, with a control for every choice, and the button that loads it."""
    path, name = file.path, file.name
    looked = _look(path, name, None, {})
    if is_corrections(looked.columns):
        _show_corrections(workspace, file)
        return
    top = st.container()
    state.fill_widget("file_kind", looked.kind, again=state.is_new("form_file", str(path)))
    kind = st.segmented_control(
        "The file holds", list(_KINDS), format_func=_KINDS.__getitem__, key="file_kind", required=True
    )
    if kind != looked.kind:
        looked = _look(path, name, str(kind), {})
    saved = pick_mapping(workspace, looked, (str(path), kind))
    basis = (str(path), kind, saved.name if saved else "")
    begin = saved.mapping if saved else looked.mapping
    fixed = fixed_reading(begin.reading if state.is_new("form_of", basis) else None)
    box, rest = st.container(), st.container()
    found: list[events.Proposal] = []
    with rest, shown():
        found.append(_look(path, name, str(kind), fixed, saved=saved) if fixed or saved else looked)
    with box:
        place = show_reading(found[0].format if found else replace(looked.format, **fixed))
    if not found:
        # Read so, the file is refused: the controls stay, and the way back.
        _offer_way_back()
        return
    proposal = found[0]
    proposed = saved.mapping if saved else proposal.mapping
    with top:
        note(_recognised(proposal))
    again = state.is_new("form_columns", (basis, proposal.columns))
    asked_below = saved is None and any(one.key == "decimal" for one in proposal.questions)
    decimal = ask_decimal(None if asked_below else place, proposed.decimal, again=again)
    rows = st.container()
    if saved is None:
        notes(proposal.notes)
    answers, still_open = meaning.ask_questions(
        proposal, saved.mapping.to_json() if saved else {}, again=again
    )
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
        **_still_true(proposed, chosen), "decimal": decimal, **asked, **values, **answers,
        "columns": chosen, "reading": fixed,
    }  # fmt: skip
    show_load(
        workspace,
        file,
        mapping,
        columns=proposal.columns,
        shape=looked.columns,
        saved=saved,
        still_open=still_open,
        way_back=_offer_way_back,
    )


def _still_true(proposed: events.Mapping, chosen: Mapping[str, str]) -> dict[str, Any]:
    """The proposed mapping without what it says of columns that mean something else now."""
    raw = proposed.to_json()
    same = {name for name, column in chosen.items() if proposed.columns.get(name) == column}
    raw["fallbacks"] = {name: columns for name, columns in raw["fallbacks"].items() if name in same}
    raw["whole_ids"] = [name for name in raw["whole_ids"] if name in same]
    return raw


def _spellings(proposal: events.Proposal, column: str | None) -> Mapping[str, int]:
    """The event types of the first rows, as the file spells them, with how often."""
    if proposal.kind != "events" or column is None:
        return {}
    if column == proposal.mapping.columns.get("event_type"):
        return proposal.spellings
    counts = proposal.preview[column].dropna().value_counts(sort=True)
    return {str(raw): int(n) for raw, n in counts.items() if str(raw).strip()}
