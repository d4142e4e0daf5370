"""What do we know of this person, and what will they do next?"""

import streamlit as st

from persmark.ui import state
from persmark.ui.parts import events, person, profiles
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("User", "What do we know of this person, and what will they do next?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "A user is known by events, and this workspace has none yet.",
    "events",
    "Load events",
)
need(
    profiles.built(workspace),
    "A user is looked at through their profile, and none are built here yet.",
    "profiles",
    "Build profiles",
)
profiles.stale_notice(workspace)

left, right = st.columns(2)
with right:
    among = person.pick_group(workspace, "Among", "among")
with left:
    user_id = person.find(workspace, among)
person.step(workspace, user_id, among)
if user_id is None:
    st.stop()

reach = person.reach(workspace, user_id)
if not person.show_headline(workspace, user_id, reach):
    st.stop()
person.show_timeline(workspace, user_id)
person.show_looks(workspace, user_id, among, reach)
