"""Adding data: a file to upload or on the server, its proposed mapping, the start of the load."""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path, PurePath
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from persmark import actions, events
from persmark.columns import EVENT_TYPES
from persmark.errors import FileRefusedError
from persmark.events.mapping import TIME_FORMATS
from persmark.settings import settings
from persmark.store import Workspace, list_workspaces, open_workspace
from persmark.text import text
from persmark.ui import state
from persmark.ui.refusals import shown
from persmark.ui.words import note, section, words

VERBS = ("sample", "simulate", "load", "undo", "compact")
_KINDS = {"events": "Events", "items": "Items", "users": "Users"}
_NOT_HERE = "–"
_ZONES = (
    "UTC", "America/New_York", "America/Los_Angeles", "Europe/London", "Europe/Berlin", "Asia/Shanghai",
    "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip
_FIRST_TARGETS = 6
_UPLOAD_KEPT_SECONDS = 24 * 3600


def _uploads() -> Path:
    folder = settings().data_folder / ".uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _staged(upload: UploadedFile) -> Path:
    """The upload on disk, copied once however often the page runs; left-behind ones are removed."""
    known: dict[str, Path] = state.recall("staged", {})
    if upload.file_id in known and known[upload.file_id].exists():
        return known[upload.file_id]
    for old in _uploads().iterdir():
        if time.time() - old.stat().st_mtime > _UPLOAD_KEPT_SECONDS:
            old.unlink(missing_ok=True)
    # A name of our own; only the ending is kept, for it tells the compression.
    ending = "".join(PurePath(upload.name).suffixes[-2:])[-16:]
    path = _uploads() / f"{uuid.uuid4().hex}{ending if ending.isascii() else ''}"
    upload.seek(0)
    with path.open("wb") as out:
        shutil.copyfileobj(upload, out, 1 << 20)
    state.remember("staged", {upload.file_id: path})
    return path


def _from_upload() -> tuple[Path, str] | None:
    upload = st.file_uploader(
        "CSV, TSV, Parquet or JSON lines, also gzipped, up to 200 MB",
        key="upload",
        help="The file stays on this machine. Bigger files: give their path on the server instead.",
    )
    return (_staged(upload), upload.name) if upload else None


def _from_server() -> tuple[Path, str] | None:
    with st.form("server-file", border=False):
        typed = st.text_input(
            "Path of a file on the machine that runs persmark",
            key="server_path",
            placeholder="/data/events.csv.gz",
        )
        st.form_submit_button("Look at the file", key="look")
    if not typed.strip():
        return None
    path = Path(typed.strip()).expanduser()
    if not path.is_file():
        raise FileRefusedError(
            text("The path must be a file on this server. Received: {path}.", path=typed.strip()),
            title="No such file",
            hint="Give the full path, as the server sees it.",
        )
    return path, path.name


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


def _zone(label: str, key: str, assumed: str) -> str:
    options = list(dict.fromkeys([assumed, *_ZONES]))
    return str(st.selectbox(label, options, key=key, accept_new_options=True) or assumed)


def _ask_columns(proposal: events.Proposal) -> dict[str, str]:
    """A choice of the file's column for each target; what is proposed is filled in."""
    targets = events.TARGETS[proposal.kind]
    proposed = proposal.mapping.columns
    ordered = sorted(targets, key=lambda name: (not targets[name].required, name not in proposed))
    first = max(_FIRST_TARGETS, sum(name in proposed for name in targets))
    chosen: dict[str, str] = {}

    def ask(names: list[str]) -> None:
        grid = st.columns(3)
        options = [_NOT_HERE, *proposal.columns]
        for position, name in enumerate(names):
            target = targets[name]
            with grid[position % 3]:
                column = st.selectbox(
                    words(target.title) + (" (needed)" if target.required else ""),
                    options,
                    index=options.index(proposed[name]) if name in proposed else 0,
                    key=f"map_{name}",
                    help=words(target.help) or None,
                )
            if column != _NOT_HERE:
                chosen[name] = str(column)

    ask(ordered[:first])
    if ordered[first:]:
        with st.expander("More meanings a column can have", type="compact"):
            ask(ordered[first:])
    return chosen


def _ask_reading(proposal: events.Proposal, chosen: dict[str, str]) -> dict[str, Any]:
    """How values are to be read, where the file leaves it open."""
    if proposal.kind != "events":
        return {}
    left, middle, right = st.columns(3)
    formats = list(TIME_FORMATS)
    with left:
        time_format = st.selectbox(
            "Times are written as",
            formats,
            index=formats.index(proposal.mapping.time_format),
            format_func=lambda one: words(TIME_FORMATS[one]),
            key="time_format",
        )
    with middle:
        zone = _zone("Times without a zone are in", "time_zone", proposal.mapping.time_zone)
    with right:
        event_type = st.selectbox(
            "Every row is a (where no column says)",
            list(dict.fromkeys([proposal.mapping.event_type, *EVENT_TYPES])),
            key="event_type",
            accept_new_options=True,
            disabled="event_type" in proposal.mapping.columns,
        )
    return {"time_format": time_format, "time_zone": zone, "event_type": event_type or "purchase"}


def _propose(path: Path, name: str, kind: str | None) -> events.Proposal:
    """The proposal for this file, looked at once per visit and kind."""
    key = f"proposal-{path}-{path.stat().st_mtime_ns}-{kind}"
    kept: tuple[str, events.Proposal] | None = state.recall("proposal")
    if kept is None or kept[0] != key:
        kept = (key, events.propose(path, kind=kind, name=name))
        state.remember("proposal", kept)
    return kept[1]


def _show_proposal(workspace: Workspace, path: Path, name: str, *, delete_after: bool) -> None:
    guessed = _propose(path, name, None)
    kind = st.segmented_control(
        "The file holds", list(_KINDS), default=guessed.kind, format_func=_KINDS.__getitem__,
        key="file_kind", required=True,
    )  # fmt: skip
    proposal = guessed if kind == guessed.kind else _propose(path, name, str(kind))
    meanings = {column: target for target, column in proposal.mapping.columns.items()}
    targets = events.TARGETS[proposal.kind]
    st.dataframe(
        proposal.preview.head(8),
        hide_index=True,
        key="preview",
        column_config={
            column: st.column_config.TextColumn(
                f"{column}  →  {words(targets[meanings[column]].title)}" if column in meanings else column
            )
            for column in proposal.preview.columns
        },
    )
    for remark in proposal.notes:
        note(remark)
    for question in proposal.questions:
        note(question.text)
    with st.form("mapping"):
        chosen = _ask_columns(proposal)
        reading = _ask_reading(proposal, chosen)
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        places = _targets_for(workspace, name, proposal.kind)
        with left:
            place = st.selectbox("Load into", list(places), key="load_into")
        with right:
            go = st.form_submit_button(
                "Load the file", type="primary", key="load", icon=":material/upload:", width="stretch"
            )
    if not go:
        return
    mapping = {**proposal.mapping.to_json(), "columns": chosen, **reading}
    events.Mapping.from_json(mapping).check(proposal.columns, name)
    target = places[str(place)]
    there = (
        open_workspace(target)
        if target in list_workspaces()
        else actions.create_workspace_for_upload(
            state.actor(), name, time_zone=str(reading.get("time_zone", "UTC"))
        )
    )
    actions.start(
        there,
        state.actor(),
        actions.LoadFiles(
            paths=(str(path),), kind=proposal.kind, mapping=mapping, names=(name,), delete_after=delete_after
        ),
    )
    state.say_next("The file is being loaded.")
    state.switch_workspace(there.name)


def show_adding(workspace: Workspace, *, busy: bool) -> None:
    """The part of the page that takes a file, from its choice to the start of the load."""
    section(
        "Add data",
        "The sample and the demo stay as they are: a file opens a workspace of its own, named after it.",
    )
    if busy:
        note("Something is being loaded into this workspace; the next file can follow when it is done.")
        return
    upload, server, other = st.tabs(["Upload a file", "A file on the server", "Sample and demo"])
    with upload, shown():
        found = _from_upload()
        if found:
            _show_proposal(workspace, *found, delete_after=True)
    with server, shown():
        found_there = None if found else _from_server()
        if found:
            note("Take the uploaded file away first.")
        if found_there:
            _show_proposal(workspace, *found_there, delete_after=False)
    with other, shown():
        _show_built_in()


def _loaded(name: str) -> bool:
    return name in list_workspaces() and bool(open_workspace(name).versions().get("events"))


def _show_built_in() -> None:
    note("Sample: purchases of 2,469 households in 2017, real data from a grocery chain, with coupons.")
    if _loaded(actions.SAMPLE):
        note("It is there: pick it at the top left.")
    elif st.button("Load the sample", key="load_sample", icon=":material/shopping_basket:"):
        state.switch_workspace(actions.ensure_sample(state.actor()).name)
    note(
        "Demo: an invented shop and magazine with views, clicks, carts, ads and articles. "
        "Synthetic and marked so everywhere."
    )
    if _loaded(actions.DEMO):
        note("It is there: pick it at the top left.")
        return
    with st.form("demo", border=False):
        left, right, _ = st.columns([1, 1, 2], vertical_alignment="bottom")
        with left:
            n_users = st.number_input("Users", 200, 20_000, 2_000, 100, key="demo_users")
        with right:
            go = st.form_submit_button("Make the demo", key="make_demo", icon=":material/science:")
    if go:
        there = actions.ensure_demo(state.actor(), n_users=int(n_users))
        state.say_next("The demo is being made.")
        state.switch_workspace(there.name)
