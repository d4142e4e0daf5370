"""Does it beat just showing best sellers?"""

from persmark.ui import state
from persmark.ui.parts import comparing_recommenders, events, leaderboard, train
from persmark.ui.progress import job_panel
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Leaderboard", "Does it beat just showing best sellers?")

workspace = state.workspace()
need(
    events.loaded(workspace),
    "Recommenders are judged by events, and this workspace has none yet.",
    "events",
    "Load events",
)
busy = job_panel(workspace, ("evaluate", *train.VERBS), "Measuring", beside=train.show_curve, left=train.LEFT)
table = leaderboard.pick(workspace)
if table is not None:
    leaderboard.show_verdict(table)
    leaderboard.show_board(table)
    leaderboard.show_ahead(table)
    leaderboard.show_by_history(table)
    leaderboard.show_by_segment(workspace, table)
    leaderboard.show_beyond(table)
    leaderboard.show_time(table)
    leaderboard.show_learning(table)
comparing_recommenders.show_comparing(workspace, busy=busy)
