"""Named groups of users: rules over profiles and events, RFM segments, lifecycle stages."""

from persmark.segments.built_in import BUILT_IN, BUILT_IN_RULES, EVERYONE
from persmark.segments.evaluate import (
    SAMPLE_COLUMNS,
    ClauseCount,
    count,
    count_by_clause,
    describe,
    members,
    sample,
    to_sql,
)
from persmark.segments.rules import EVENT_KEYS, OPERATORS, Rule, kind_of
from persmark.segments.saved import (
    Segment,
    SegmentSize,
    delete_segment,
    get_segment,
    list_segments,
    restore_segment,
    save_segment,
    saved_rules,
    segment_sizes,
)

__all__ = [
    "BUILT_IN",
    "BUILT_IN_RULES",
    "EVENT_KEYS",
    "EVERYONE",
    "OPERATORS",
    "SAMPLE_COLUMNS",
    "ClauseCount",
    "Rule",
    "Segment",
    "SegmentSize",
    "count",
    "count_by_clause",
    "delete_segment",
    "describe",
    "get_segment",
    "kind_of",
    "list_segments",
    "members",
    "restore_segment",
    "sample",
    "save_segment",
    "saved_rules",
    "segment_sizes",
    "to_sql",
]
