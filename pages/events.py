"""What data do we have, and what became of every row?"""

from persmark.ui import state
from persmark.ui.parts import events, loading, profiles, quality
from persmark.ui.progress import job_panel
from persmark.ui.words import page_head

page_head("Events", "What data do we have, and what became of every row?")

workspace = state.workspace()
loading.show_refused(workspace)
busy = job_panel(workspace, loading.VERBS, "Loading data")

if events.loaded(workspace):
    if not busy:
        profiles.stale_notice(workspace)
    found = events.overview(workspace)
    events.show_facts(found)
    quality.show_summary(workspace)
    events.show_overview(workspace, found)
elif not busy:
    events.show_empty(workspace)
events.show_ledger(workspace)
events.show_undo(workspace, busy=busy)

loading.show_adding(workspace, busy=busy)
