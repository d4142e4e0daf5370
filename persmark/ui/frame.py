"""Parts of the frame: the mark, the menu, what the workspace is, the first start."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import Page

from persmark import actions
from persmark.store import Workspace
from persmark.text import text
from persmark.ui import state
from persmark.ui.pages import PARTS
from persmark.ui.words import local_day, note, short

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" aria-hidden="true">'
    '<rect x="1" y="1" width="22" height="22" rx="6" fill="#0a5f9e"/>'
    '<rect x="6" y="6" width="2.6" height="12" rx="1.3" fill="#fff"/>'
    '<circle cx="13.2" cy="10.2" r="4.2" fill="none" stroke="#fff" stroke-width="2.4"/>'
    '<circle cx="18.4" cy="17.2" r="1.5" fill="#f0a93a"/></svg>'
)

_ABOUT = {
    "sample": "Built-in sample: purchases of 2,469 households in 2017 (84.51°, simulated from real data).",
    "demo": "Synthetic demo: invented people, invented behaviour.",
    "own": "Your data. It stays on this machine.",
}


def mark() -> None:
    """The product's name."""
    st.html('<div class="pm-mark"><i aria-hidden="true"></i><span>persmark</span></div>')


def menu(pages: Mapping[str, Page]) -> None:
    """Links to the pages, part by part; the workspace travels with them."""
    for part, names in PARTS.items():
        with st.container(gap="xxsmall", key=f"menu-part-{part.lower()}"):
            st.html(f'<div class="pm-part">{part}</div>')
            for name in names:
                st.page_link(pages[name], width="stretch")


def about(workspace: Workspace) -> None:
    """What the workspace is and how fresh it is, at the foot of the sidebar."""
    stats = workspace.stats("events")
    note(_ABOUT.get(workspace.kind, ""))
    n_events, as_of = stats.get("n_events"), workspace.as_of()
    if n_events and as_of:
        note(
            text(
                "{n} events up to {day} ({zone}).",
                n=short(n_events),
                day=local_day(as_of, workspace.time_zone),
                zone=workspace.time_zone,
            )
        )


def unknown_workspace(name: str) -> None:
    """The address named a workspace that is not there."""
    st.warning("The link names a workspace that does not exist here; another one is shown.")
    note(text("Asked for: {name}.", name=name))


def first_start() -> None:
    """An empty data folder: the sample begins to load in the background."""
    actions.ensure_sample(state.actor())
