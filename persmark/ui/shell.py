"""The frame around every page: title, look, workspace picker, menu, errors.

No `pages/` folder may sit beside this file: with one, a fresh server whose first visit is a deep
link would run the page without the frame.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from persmark.store import list_workspaces
from persmark.ui import frame, state
from persmark.ui.pages import STEPS, page_path
from persmark.ui.refusals import shown

st.set_page_config(page_title="persmark", page_icon=frame.MARK, layout="wide")
st.html(Path(__file__).with_name("style.css"))

pages = {
    name: st.Page(
        page_path(name),
        title=step.title,
        icon=f":material/{step.icon}:",
        url_path="" if name == "events" else name,
        default=name == "events",
    )
    for name, step in STEPS.items()
}
# The first page lives at the root; its own name, typed by hand, leads there too.
named = st.Page(lambda: None, title=STEPS["events"].title, url_path="events", visibility="hidden")
page = st.navigation([*pages.values(), named], position="hidden")
if page is named:
    st.switch_page(pages["events"], query_params=st.query_params.to_dict())

with shown():
    state.apply_next_widgets()
    if not list_workspaces():
        frame.first_start()
    with st.sidebar:
        frame.mark()
        unknown = state.pick_workspace()
        frame.menu(pages)
        frame.about(state.workspace())
    state.say_what_was_done()
    if unknown:
        frame.unknown_workspace(unknown)
    page.run()
