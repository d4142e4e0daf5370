"""What will users do next, and can that be believed?"""

from persmark.ui import state
from persmark.ui.parts import events, predictions
from persmark.ui.progress import job_panel
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Predictions", "What will users do next, and can that be believed?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Predictions are learned from events, and this workspace has none yet.",
    "events",
    "Load events",
)
busy = job_panel(workspace, predictions.VERBS, "Predictions")
run = predictions.show_training(workspace, busy=busy)
if run is not None:
    predictions.show_verdicts(run)
    predictions.show_one(workspace, run)
    predictions.show_categories(run)
    predictions.show_refused(run)
predictions.show_runs(workspace, busy=busy)
