"""What else there is to see of a user, one look at a time, so that a page costs what is looked at."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from persmark.profiles import contacted
from persmark.store import Workspace
from persmark.ui.parts.person.among import Among
from persmark.ui.parts.person.attention import show_attention
from persmark.ui.parts.person.contacts import show_contacts
from persmark.ui.parts.person.headline import show_features
from persmark.ui.parts.person.membership import show_segments
from persmark.ui.parts.person.prediction import show_next
from persmark.ui.parts.person.standing import show_standing
from persmark.ui.refusals import shown


@st.fragment
def show_looks(workspace: Workspace, user_id: str, among: Among, reach: contacted.Reach) -> None:
    """Tabs; only the open one is worked out, and the address keeps which."""
    with shown():
        looks: dict[str, Callable[[], None]] = {
            "What is next": lambda: show_next(workspace, user_id),
            "Attention": lambda: show_attention(workspace, user_id),
            "Beside others": lambda: show_standing(workspace, user_id, among),
            "Segments": lambda: show_segments(workspace, user_id),
            "Contacts": lambda: show_contacts(workspace, user_id, reach),
            "Every figure": lambda: show_features(workspace, user_id),
        }
        for tab, show in zip(
            st.tabs(list(looks), key="look", bind="query-params"), looks.values(), strict=True
        ):
            if tab.open:
                with tab:
                    show()
