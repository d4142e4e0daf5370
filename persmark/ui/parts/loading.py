"""Adding data: a file to upload or on the server, its proposed mapping, the start of the load."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from persmark import actions
from persmark.errors import FileRefusedError
from persmark.store import Workspace, list_workspaces, open_workspace
from persmark.text import text
from persmark.ui import state, uploads
from persmark.ui.parts.placing import Filed
from persmark.ui.parts.proposal import show_proposal
from persmark.ui.parts.saved_mappings import manage_mappings
from persmark.ui.refusals import refusal, shown
from persmark.ui.words import note, section

VERBS = ("sample", "simulate", "load", "undo", "compact")


def _from_upload() -> tuple[Path, str] | None:
    upload = st.file_uploader(
        "CSV, TSV, Parquet or JSON, text also as gzip or zstd, up to 200 MB",
        key="upload",
        help="The file stays on this machine. Bigger files: give their path on the server instead.",
    )
    path = uploads.staged(upload) if upload else None
    return (path, upload.name) if upload and path else None


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


def show_refused(workspace: Workspace) -> None:
    """An upload of which nothing was loaded: its workspace goes, what was wrong stays to be read."""
    if job := actions.drop_refused_upload(state.actor(), workspace):
        error = job.error or "The load was cancelled before anything of the file stood."
        state.keep_refusal("Nothing of the file was loaded", error, "No workspace was made for it.")
        names = list_workspaces()
        if names:
            state.switch_workspace(names[0])
        st.rerun()
    if kept := state.kept_refusal():
        refusal(*kept)
        st.button("Put away", key="refused_away", type="tertiary", on_click=state.put_refusal_away)


def show_adding(workspace: Workspace, *, busy: bool) -> None:
    """The part of the page that takes a file, from its choice to the start of the load."""
    section(
        "Add data",
        "The sample and the demo stay as they are: a file opens a workspace of its own, named after it.",
    )
    if busy:
        note("Something is being loaded into this workspace; the next file can follow when it is done.")
        return
    _show_files(workspace.name)


@st.fragment
def _show_files(name: str) -> None:
    """The choice of a file and its form: what is picked here draws this part anew, not the charts above."""
    workspace = open_workspace(name)
    upload, server, other = st.tabs(["Upload a file", "A file on the server", "Sample and demo"])
    with upload, shown():
        found = _from_upload()
        if found:
            show_proposal(workspace, Filed(*found, delete_after=True))
    with server, shown():
        found_there = None if found else _from_server()
        if found:
            note("Take the uploaded file away first.")
        if found_there:
            show_proposal(workspace, Filed(*found_there, delete_after=False))
    with other, shown():
        _show_built_in()
    if workspace.kind == "own":
        manage_mappings(workspace)


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
