"""What would this user, or this segment, be shown, and why?"""

import streamlit as st

from persmark import recommend
from persmark.text import text
from persmark.ui import state
from persmark.ui.parts import events, people, profiles, segment_list, slates
from persmark.ui.refusals import need
from persmark.ui.show import side_by_side
from persmark.ui.words import page_head, section

page_head("Slates", "What would this user, or this segment, be shown, and why?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Slates are made from events, and this workspace has none yet.",
    "events",
    "Load events",
)
run = recommend.published(workspace)
need(
    run is not None, "Slates are ranked by a recommender, and none is trained here yet.", "train", "Train one"
)
assert run is not None
profiles.stale_notice(workspace)
slates.stale_notice(workspace, run)

left, right = st.columns(2)
with left:
    whom = slates.ask_whom()
with right:
    kind = slates.ask_kind()
user_id = people.find_user(workspace, else_first=True) if whom == "One user" else None
segment = segment_list.pick(workspace, "Segment") if whom == "A segment" else None
k, rules = slates.ask_rules()
if user_id is None and segment is None:
    st.stop()

slate = slates.slate_for(workspace, slates.Ask(user_id, segment, kind, k, rules, run.run_id))
if segment is not None:
    section("The segment's slate", "The items that suit most of its users.")
    slates.show_whom(workspace, slate, segment)
    slates.show_slate(workspace, slate)
elif user_id is not None:
    main, beside = side_by_side("slate", 5, 2)
    with main:
        section("The slate", text("As user {id} would see it.", id=user_id))
        slates.show_slate(workspace, slate)
    with beside:
        section("What they did last")
        people.show_history(workspace, user_id)
        people.link_to_user(workspace, user_id)

slates.show_next_step(workspace, slate)
