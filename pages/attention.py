"""What do people attend to, where does the model look, and is that why it recommends?"""

from persmark.ui import state
from persmark.ui.parts import attention, events, profiles
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Attention", "What do people attend to, where does the model look, and is that why it recommends?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Attention is told from events, and this workspace has none yet.",
    "events",
    "Load events",
)
need(
    profiles.built(workspace),
    "Users and segments are found through profiles, and none are built here yet.",
    "profiles",
    "Build profiles",
)
profiles.stale_notice(workspace)
attention.show(workspace)
