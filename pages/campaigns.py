"""Whom do we contact, and how will we know that it worked?"""

from persmark.ui import state
from persmark.ui.parts import campaigns, events, profiles
from persmark.ui.progress import job_panel
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Campaigns", "Whom do we contact, and how will we know that it worked?")

workspace = state.workspace()
job_panel(workspace, campaigns.VERBS, "Target list")
need(
    events.loaded(workspace),
    "Campaigns reach users, and this workspace has no events yet.",
    "events",
    "Load events",
)
need(
    profiles.built(workspace),
    "Campaigns reach segments of users, and no profiles are built here yet.",
    "profiles",
    "Build profiles",
)
profiles.stale_notice(workspace)
campaigns.show_creating(workspace)
campaigns.show_audiences(workspace)
