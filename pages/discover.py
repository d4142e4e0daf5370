"""Which groups has nobody named yet, and who resembles our best?"""

from persmark.ui import state
from persmark.ui.parts import events, found_groups, kept_lists, lookalikes, profiles
from persmark.ui.progress import job_panel
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Discover", "Which groups has nobody named yet, and who resembles our best?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Groups and lookalikes are found in what users did, and this workspace has no events yet.",
    "events",
    "Load events",
)
need(
    profiles.built(workspace),
    "Groups and lookalikes are found among profiles, and none are built here yet.",
    "profiles",
    "Build profiles",
)
profiles.stale_notice(workspace)
busy = job_panel(workspace, ("groups", "lookalikes"), "Discovering")
found_groups.show_looking(workspace, busy=busy)
found_groups.show_found(workspace)
lookalikes.show_looking(workspace, busy=busy)
lookalikes.show_found(workspace)
kept_lists.show_lists(workspace)
