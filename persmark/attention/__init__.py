"""What people and models attend to, and whether a weight is a reason.

`shifts` and `fatigue` need no model; `explain_user` shows a slate beside the events that carry it;
`judge_run` measures whether a model's attention weights may be read as reasons; `summarise_users` tells
where a model looks over a segment.
"""

from persmark.attention.explain import Carried, ItemExplained, UserExplained, carried, explain
from persmark.attention.judge import CONTROLS, Case, Judged, judge
from persmark.attention.kept import SAMPLE_USERS, judge_run, verdict_of
from persmark.attention.shifts import DIMENSIONS, WINDOWS, Periods, fatigue, shifts
from persmark.attention.summary import differences, summarise
from persmark.attention.users import cases_from, explain_user, most_summarised, names_of, summarise_users
from persmark.attention.what_if import WhatIf, search_items, what_if

__all__ = [
    "CONTROLS",
    "DIMENSIONS",
    "SAMPLE_USERS",
    "WINDOWS",
    "Carried",
    "Case",
    "ItemExplained",
    "Judged",
    "Periods",
    "UserExplained",
    "WhatIf",
    "carried",
    "cases_from",
    "differences",
    "explain",
    "explain_user",
    "fatigue",
    "judge",
    "judge_run",
    "most_summarised",
    "names_of",
    "search_items",
    "shifts",
    "summarise",
    "summarise_users",
    "verdict_of",
    "what_if",
]
