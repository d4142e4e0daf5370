"""Who are our users, and what do we know of each?"""

import streamlit as st

from persmark.ui import state
from persmark.ui.parts import events, opportunities, people, profiles
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Profiles", "Who are our users, and what do we know of each?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Profiles are made from events, and this workspace has none yet.",
    "events",
    "Load events",
)
profiles.stale_notice(workspace)
if not profiles.built(workspace):
    st.stop()

profiles.show_facts(workspace)
profiles.show_feature(workspace)
opportunities.show_attention(workspace)
opportunities.show_consent(workspace)

people.link_to_user(workspace)
profiles.show_catalogue(workspace)
