"""Pure functions, table in, Plotly figure out; each with a `read_` twin that says it in a sentence."""

from persmark.ui.charts.base import MAX_POINTS, SERIES, colours
from persmark.ui.charts.beside import attention, read_attention, read_standing, standing
from persmark.ui.charts.compared import clock, means, names_beside, read_clock, read_means, read_names
from persmark.ui.charts.discovered import (
    effects,
    read_effects,
    read_recalls,
    read_separations,
    recalls,
    separations,
)
from persmark.ui.charts.events import (
    event_types,
    events_per_day,
    hours,
    read_event_types,
    read_events_per_day,
    read_hours,
)
from persmark.ui.charts.moved import flows, read_flows, read_neighbours, read_reasons, reasons
from persmark.ui.charts.next_steps import (
    chances,
    if_typical,
    occlusions,
    read_chances,
    read_occlusions,
)
from persmark.ui.charts.people import (
    bars,
    distribution,
    funnel,
    read_bars,
    read_funnel,
    read_rfm_grid,
    rfm_grid,
)
from persmark.ui.charts.person import read_timeline, timeline
from persmark.ui.charts.predicted import gains, read_gains, read_reliability, reliability
from persmark.ui.charts.quality import read_source_hours, read_volume, source_hours, volume
from persmark.ui.charts.results import (
    arms,
    leaderboard,
    read_arms,
    read_leaderboard,
    read_slate_scores,
    slate_scores,
)
from persmark.ui.charts.segments import (
    lift_by_holdout,
    overlap,
    reachable,
    read_lift_by_holdout,
    read_overlap,
    read_reachable,
)

__all__ = [
    "MAX_POINTS",
    "SERIES",
    "arms",
    "attention",
    "bars",
    "chances",
    "clock",
    "colours",
    "distribution",
    "effects",
    "event_types",
    "events_per_day",
    "flows",
    "funnel",
    "gains",
    "hours",
    "if_typical",
    "leaderboard",
    "lift_by_holdout",
    "means",
    "names_beside",
    "occlusions",
    "overlap",
    "reachable",
    "read_arms",
    "read_attention",
    "read_bars",
    "read_chances",
    "read_clock",
    "read_effects",
    "read_event_types",
    "read_events_per_day",
    "read_flows",
    "read_funnel",
    "read_gains",
    "read_hours",
    "read_leaderboard",
    "read_lift_by_holdout",
    "read_means",
    "read_names",
    "read_neighbours",
    "read_occlusions",
    "read_overlap",
    "read_reachable",
    "read_reasons",
    "read_recalls",
    "read_reliability",
    "read_rfm_grid",
    "read_separations",
    "read_slate_scores",
    "read_source_hours",
    "read_standing",
    "read_timeline",
    "read_volume",
    "reasons",
    "recalls",
    "reliability",
    "rfm_grid",
    "separations",
    "slate_scores",
    "source_hours",
    "standing",
    "timeline",
    "volume",
]
