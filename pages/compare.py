"""How do segments differ, and who moved between them?"""

from persmark.ui import state
from persmark.ui.parts import comparing, events, profiles
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Compare", "How do segments differ, and who moved between them?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Segments are compared by what their users did, and this workspace has no events yet.",
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
comparing.show(workspace)
