"""Pure functions, table in, Plotly figure out; each with a `read_` twin that says it in a sentence."""

from persmark.ui.charts.base import MAX_POINTS, SERIES, colours
from persmark.ui.charts.compared import clock, means, names_beside, read_clock, read_means, read_names
from persmark.ui.charts.events import (
    event_types,
    events_per_day,
    hours,
    read_event_types,
    read_events_per_day,
    read_hours,
)
from persmark.ui.charts.moved import flows, read_flows, read_neighbours, read_reasons, reasons
from persmark.ui.charts.people import (
    bars,
    distribution,
    funnel,
    read_bars,
    read_funnel,
    read_rfm_grid,
    rfm_grid,
)
from persmark.ui.charts.person import (
    attention,
    read_attention,
    read_standing,
    read_timeline,
    standing,
    timeline,
)
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
    "clock",
    "colours",
    "distribution",
    "event_types",
    "events_per_day",
    "flows",
    "funnel",
    "hours",
    "leaderboard",
    "lift_by_holdout",
    "means",
    "names_beside",
    "overlap",
    "reachable",
    "read_arms",
    "read_attention",
    "read_bars",
    "read_clock",
    "read_event_types",
    "read_events_per_day",
    "read_flows",
    "read_funnel",
    "read_hours",
    "read_leaderboard",
    "read_lift_by_holdout",
    "read_means",
    "read_names",
    "read_neighbours",
    "read_overlap",
    "read_reachable",
    "read_reasons",
    "read_rfm_grid",
    "read_slate_scores",
    "read_source_hours",
    "read_standing",
    "read_timeline",
    "read_volume",
    "reasons",
    "rfm_grid",
    "slate_scores",
    "source_hours",
    "standing",
    "timeline",
    "volume",
]
