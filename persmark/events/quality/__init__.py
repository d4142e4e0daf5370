"""Data quality: what is odd about the events, and the recorded, reversible rules that mend it."""

from persmark.events.quality.applying import Applied, apply_rules
from persmark.events.quality.charts import hours_by_source, volume_by_day
from persmark.events.quality.finding import FINE, LEVELS, LOOK, PROBLEM, Finding
from persmark.events.quality.findings import check_quality, findings
from persmark.events.rules import (
    Cap,
    DropUsers,
    FoldType,
    MergeUsers,
    Rule,
    SavedRule,
    ShiftTime,
    active_rules,
    rules_pending,
    save_rule,
    saved_rules,
    switch_rule,
)

__all__ = [
    "FINE",
    "LEVELS",
    "LOOK",
    "PROBLEM",
    "Applied",
    "Cap",
    "DropUsers",
    "Finding",
    "FoldType",
    "MergeUsers",
    "Rule",
    "SavedRule",
    "ShiftTime",
    "active_rules",
    "apply_rules",
    "check_quality",
    "findings",
    "hours_by_source",
    "rules_pending",
    "save_rule",
    "saved_rules",
    "switch_rule",
    "volume_by_day",
]
