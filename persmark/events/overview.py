"""What a workspace holds, read from counts that were made at load: no page scans events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from persmark.store import Reader, Workspace, read_sql

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Overview:
    """What the data holds.

    Attributes:
        n_events: Rows.
        n_users: Users with at least one event.
        n_items: Items with at least one event.
        first_event_time: UTC; None without events.
        last_event_time: UTC; None without events.
        by_day: local_date, event_type, n_events, value (money).
        by_hour: local_hour (0 to 23), event_type, n_events.
        by_type: event_type, n_events, value; the most frequent first.
        n_deltas: Appends since the last compaction.
    """

    n_events: int
    n_users: int
    n_items: int
    first_event_time: datetime | None
    last_event_time: datetime | None
    by_day: pd.DataFrame
    by_hour: pd.DataFrame
    by_type: pd.DataFrame
    n_deltas: int

    def stale_days(self, now: datetime) -> float | None:
        """Days from the last event to `now` (naive UTC); None without events."""
        if self.last_event_time is None:
            return None
        return (now - self.last_event_time).total_seconds() / 86_400


def overview(workspace: Workspace, reader: Reader) -> Overview:
    """Read the counts of a workspace; all zero, with empty tables, before anything is loaded."""
    stats = workspace.stats("events")

    def moment(key: str) -> datetime | None:
        return datetime.fromisoformat(stats[key]) if stats.get(key) else None

    return Overview(
        n_events=stats.get("n_events", 0),
        n_users=stats.get("n_users", 0),
        n_items=stats.get("n_items", 0),
        first_event_time=moment("first_event_time"),
        last_event_time=moment("last_event_time"),
        by_day=reader.frame(read_sql("persmark.events", "by_day")),
        by_hour=reader.frame(read_sql("persmark.events", "by_hour")),
        by_type=reader.frame(read_sql("persmark.events", "by_type")),
        n_deltas=stats.get("n_deltas", 0),
    )
