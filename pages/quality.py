"""Can this data be trusted, and what should be mended?"""

from persmark.ui import state
from persmark.ui.parts import events, merged, own_rule, quality, rules
from persmark.ui.progress import job_panel
from persmark.ui.refusals import need
from persmark.ui.words import page_head

page_head("Data quality", "Can this data be trusted, and what should be mended?")

workspace = state.workspace()
busy = job_panel(workspace, quality.VERBS, "Data quality")
need(
    busy or events.loaded(workspace) or quality.ruled(workspace),
    "Data quality looks at events, and this workspace has none yet.",
    "events",
    "Load events",
)
rules.show_pending(workspace, busy=busy)
found = quality.show_facts(workspace, busy=busy)
source_id = quality.pick_source(workspace)
quality.show_findings(workspace, found, source_id, busy=busy)
rules.show_rules(workspace, busy=busy)
own_rule.show_own_rule(workspace, busy=busy)
quality.show_days(workspace, source_id)
quality.show_hours(workspace)
merged.show_merged(workspace, busy=busy)
