"""Which groups of users are there, and whom do we mean?"""

from persmark.ui import state
from persmark.ui.parts import events, groups, profiles, rule_builder, segment_list
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Segments", "Which groups of users are there, and whom do we mean?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Segments are groups of users, and this workspace has no events yet.",
    "events",
    "Load events",
)
need(
    profiles.built(workspace),
    "Segments are rules over profiles, and none are built here yet.",
    "profiles",
    "Build profiles",
)
profiles.stale_notice(workspace)
rule_builder.show_builder(workspace)
segment_list.show_list(workspace)
groups.show_groups(workspace)
