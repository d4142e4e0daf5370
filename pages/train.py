"""Which recommender is best on our data, and which one serves?"""

from persmark.ui import state
from persmark.ui.parts import events, kept_runs, train
from persmark.ui.progress import job_panel
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Train", "Which recommender is best on our data, and which one serves?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Recommenders learn from events, and this workspace has none yet.",
    "events",
    "Load events",
)
busy = job_panel(workspace, train.VERBS, "Training", beside=train.show_curve, left=train.LEFT)
train.show_resume(workspace, busy=busy)
train.show_published(workspace)
train.show_starting(workspace, busy=busy)
train.show_outcome(workspace)
kept_runs.show_runs(workspace)
