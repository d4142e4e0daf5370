"""What data do we have, and what became of every row?"""

from persmark.ui import state
from persmark.ui.parts import events, loading
from persmark.ui.progress import job_panel
from persmark.ui.words import page_head

page_head("Events", "What data do we have, and what became of every row?")

workspace = state.workspace()
busy = job_panel(workspace, loading.VERBS, "Loading data")

if workspace.versions().get("events"):
    found = events.overview(workspace)
    events.show_facts(found)
    events.show_overview(workspace, found)
    events.show_ledger(workspace)
elif not busy:
    events.show_empty(workspace)

loading.show_adding(workspace, busy=busy)
