"""Parts of the Attention page: one person's slate explained, people's attention, the model's over many."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from persmark.store import Workspace
from persmark.ui.parts.attention.looks import show_looks
from persmark.ui.parts.attention.moves import show_moves
from persmark.ui.parts.attention.why import show_why

__all__ = ["show"]


def show(workspace: Workspace) -> None:
    """Three questions as tabs; only the open one is worked out, and the address keeps which."""
    views: dict[str, Callable[[Workspace], None]] = {
        "Why is this shown?": show_why,
        "What do people attend to?": show_moves,
        "Where does the model look?": show_looks,
    }
    tabs = st.tabs(list(views), key="attention_view", bind="query-params")
    for tab, view in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab:
                view(workspace)
